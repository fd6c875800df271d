"""Signals to this process, heeded at moments that leave nothing half done."""

from __future__ import annotations

import signal
from contextlib import contextmanager

from iscdhcp.run.orders import Interrupted


class Interrupts:
    """
    SIGINT and SIGTERM of this process, noted and acted on at moments that leave nothing half done.

    Salt's own handler raises wherever the process is, in the middle of its event loops too.
    """

    def __init__(self):
        self.name = None

    @contextmanager
    def deferred(self):
        """Note the signals in the block; a second one raises at once."""
        self.name, old = None, {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                old[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: the master's own handlers stay
                break
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        again, self.name = self.name, signal.Signals(number).name
        if again:
            raise Interrupted(self.name)

    def check(self):
        """Raise :class:`iscdhcp.run.orders.Interrupted` if a signal has come."""
        if self.name:
            raise Interrupted(self.name)


#: The signals of this process.
INTERRUPTS = Interrupts()
