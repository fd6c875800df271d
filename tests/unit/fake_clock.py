"""Time that passes only where somebody sleeps, or a test lets it: hours in milliseconds."""

from __future__ import annotations

from pair_facts import NOW


class FakeClock:
    """An :class:`iscdhcp.clock.Clock` that begins when the facts of ``pair_facts`` are from."""

    def __init__(self, now=NOW):
        self._time, self._monotonic = now, 1000.0
        self._planned = []

    def time(self):
        return self._time

    def monotonic(self):
        return self._monotonic

    def sleep(self, seconds):
        self.advance(seconds)

    def advance(self, seconds):
        """Let time pass, and what was planned for it happen at its moment."""
        end, end_time = self._monotonic + seconds, self._time + seconds
        while True:
            due = [one for one in self._planned if one[0] <= end]
            if not due:
                break
            first = min(due, key=lambda one: one[0])
            self._planned.remove(first)
            self._time += max(0.0, first[0] - self._monotonic)
            self._monotonic = max(self._monotonic, first[0])
            first[1]()
        self._monotonic, self._time = end, end_time

    def after(self, seconds, call):
        """Call ``call`` once so many seconds have passed."""
        self._planned.append((self._monotonic + seconds, call))
