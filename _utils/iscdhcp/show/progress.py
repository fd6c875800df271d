"""
A run as a person at a terminal sees it: what it says, what changes, what it waits for until when.

It shows the entries of a journal (:mod:`iscdhcp.run.journal`), whether they come from the run in
the same process or are read while another process writes them.
"""

from __future__ import annotations

import shutil
import textwrap
import time
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TextIO

from ..run.history import by_whom
from ..run.history import sight
from ..run.journal import Entry
from ..words import clock
from . import tables

#: Seconds between two lines of countdown where lines can't be drawn over (a file, a pipe).
STILL_SECONDS = 60.0


class Board:
    """
    The status of pairs, shown again whenever it has changed.

    stream
        Where it goes; on a terminal each takes the place of the one before.
    now
        The clock, epoch seconds.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._now = now
        self._draws = is_terminal(stream)
        self._shown = ""
        self._lines = 0

    def show(self, data: Mapping[str, Any]) -> None:
        """Show the status (``rows`` of :mod:`iscdhcp.show.status` by pair), if it is news."""
        width = shutil.get_terminal_size((100, 24)).columns
        text = tables.render(data, width=width) or ""
        at = f"{clock(self._now())} UTC"
        if self._draws:
            # Back to the first line of the last one, and all below it away.
            back = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
            self._stream.write(f"{back}{at}, Ctrl-C ends it\n{text}\n")
            self._lines = 2 + text.count("\n")
        elif text != self._shown:
            self._stream.write(f"{at}\n{text}\n\n")
        self._shown = text
        self._stream.flush()

    def close(self) -> None:
        """Take the last one away where it can be: what follows is the status once more."""
        if self._draws and self._lines:
            self._stream.write(f"\x1b[{self._lines}F\x1b[J")
            self._stream.flush()


class Display:
    """
    A person's view of one run.

    stream
        Where it goes; on a terminal the last line is a countdown that is drawn again and again.
    now
        The clock, epoch seconds.
    """

    def __init__(self, stream: TextIO, now: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._now = now
        self._draws = is_terminal(stream)
        self._drawn = ""
        self._waiting: Entry | None = None
        self._paused: Entry | None = None
        self._states: dict[str, Any] = {}
        self._next_still = 0.0

    def show(self, entry: Entry) -> None:
        """Show an entry of the journal, if it is news for a person."""
        what = entry["what"]
        if what == "said":
            self._line(entry["at"], str(entry.get("text")))
        elif what == "seen":
            self._seen(entry)
        elif what == "waiting":
            if self._waiting is None or self._waiting.get("text") != entry.get("text"):
                self._next_still = self._now() + STILL_SECONDS
            self._waiting = entry
        elif what == "paused":
            self._paused = entry
        elif what in ("resumed", "aborted"):
            self._paused = None
        elif what in ("result", "ended"):
            self._waiting = None
        self.tick()

    def tick(self) -> None:
        """Draw the countdown as it is now."""
        text = self.countdown()
        if self._draws:
            text = text[: self._width()]
            if text != self._drawn:
                self._write(f"\r\x1b[K{text}")
                self._drawn = text
        elif text and self._now() >= self._next_still:
            if self._next_still:
                self._line(self._now(), f"Still: {text}")
            self._next_still = self._now() + STILL_SECONDS

    def close(self) -> None:
        """Leave the terminal as it should be."""
        if self._drawn:
            self._write("\r\x1b[K")
            self._drawn = ""

    def countdown(self) -> str:
        """Return what is waited for and until when, or an empty string."""
        now = self._now()
        if self._paused is not None:
            gone = span(now - float(self._paused["at"]))
            return f"paused by {by_whom(self._paused)}, for {gone}"
        waiting = self._waiting
        if waiting is None:
            return ""
        server = str(waiting.get("server"))
        parts = [f"waiting for {server} {span(now - float(waiting['at']))}"]
        if server in self._states:
            parts.append(", ".join(f"{n} {mine}/{his}" for n, mine, his in self._states[server]))
        until, deadline = waiting.get("until"), waiting.get("deadline")
        ends = waiting.get("probation")
        if ends:
            parts.append(f"on probation until {clock(ends)} UTC, {left(ends - now)}")
        if until:
            parts.append(f"recover-wait until {clock(until)} UTC, {left(until - now)}")
        if deadline:
            parts.append(f"gives up at {clock(deadline)} UTC, {left(deadline - now)}")
        return " | ".join(parts)

    def _width(self) -> int:
        return max(20, shutil.get_terminal_size((100, 24)).columns - 1)

    def _seen(self, entry: Entry) -> None:
        server = str(entry.get("server"))
        ends = entry.get("relationships", {})
        states = [(n, e.get("state"), e.get("partner_state")) for n, e in sorted(ends.items())]
        before = self._states.get(server)
        self._states[server] = states
        if before is not None and (before != states or not entry.get("running")):
            self._line(entry["at"], f"  {sight(entry)}")

    def _line(self, at: float, text: str) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
        line = f"{clock(at)} UTC {text}"
        if self._draws:
            # A terminal would break in the middle of a word. In a file a line stays one.
            blank = " " * (len(line) - len(text.lstrip()))
            line = "\n".join(
                textwrap.wrap(
                    line,
                    self._width(),
                    subsequent_indent=blank,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        self._write(f"{line}\n")
        if self._drawn:
            self._write(self._drawn)

    def _write(self, text: str) -> None:
        self._draws = was_written(self._stream, text) and self._draws


def was_written(stream: TextIO, text: str) -> bool:
    """Write to a person; whether that went well: a terminal that is gone stops no run."""
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError):
        return False
    return True


def is_terminal(stream: TextIO) -> bool:
    """Whether lines of ``stream`` can be drawn over."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def span(seconds: float) -> str:
    """Return a length of time as people read it (``4:05``, ``1:02:03``)."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def left(seconds: float) -> str:
    """Return the time until something as people read it (``in 4:05``, ``now``)."""
    return f"in {span(seconds)}" if seconds >= 1 else "now"
