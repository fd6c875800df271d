"""A fleet run as a person at a terminal sees it: what happens, and who is under way."""

from __future__ import annotations

import queue
import shutil
import time
from collections.abc import Callable
from typing import TextIO

from ..fleet import pace
from ..fleet.record import progress
from ..fleet.work import FleetRun
from ..run.history import by_whom
from ..run.journal import Entry
from ..words import clock
from ..words import joined
from ..words import span
from .progress import is_terminal
from .progress import span as watch_span
from .progress import was_written


class FleetDisplay:
    """
    A person's view of a fleet run in this process.

    What happens is a line; on a terminal the units under way stand below and are drawn again.
    """

    def __init__(self, stream: TextIO, run: FleetRun, now: Callable[[], float] = time.time) -> None:
        self._stream, self._run, self._now = stream, run, now
        self._draws = is_terminal(stream)
        self._lines = 0
        self._drawn = ""
        #: Entries come from the threads of units, and are shown by one.
        self._news: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        run.journal.listeners.append(self._news.put)
        run.tick = self.tick

    def tick(self) -> None:
        """Show what has happened, and who is under way."""
        told = []
        while True:
            try:
                text = line(self._news.get_nowait())
            except queue.Empty:
                break
            if text:
                told.append(text)
        if not self._draws:
            if told:
                self._write("\n".join(told) + "\n")
            return
        board = self._board()
        if told or board != self._drawn:
            back = f"\x1b[{self._lines}F\x1b[J" if self._lines else ""
            self._write(back + "".join(f"{one}\n" for one in told) + board)
            self._drawn, self._lines = board, board.count("\n")

    def close(self) -> None:
        """Show the rest, and leave the terminal as it should be."""
        self.tick()
        if self._draws and self._lines:
            self._write(f"\x1b[{self._lines}F\x1b[J")
            self._lines = 0

    def _board(self) -> str:
        width = max(20, shutil.get_terminal_size((100, 24)).columns - 1)
        run, now = self._run, self._now()
        head = f"{progress(run.record)}"
        if run.paused:
            head = f"paused by {by_whom(run.paused)}: {head}"
        lines = [head]
        for number, unit in enumerate(run.record.units):
            if unit.state == pace.RUNNING:
                spent = watch_span(now - (unit.begun or now))
                lines.append(f"  {unit.name} {spent} {run.latest.get(number, '')}")
        return "".join(f"{one[:width]}\n" for one in lines[: shutil.get_terminal_size().lines - 2])

    def _write(self, text: str) -> None:
        self._draws = was_written(self._stream, text) and self._draws


def line(entry: Entry) -> str | None:
    """Return an entry of a fleet run's journal as a line, or ``None`` for what is no news."""
    what, at = entry["what"], f"{clock(entry['at'])} UTC"
    if what == "said":
        return f"{at} {entry['text']}"
    if what == "unit" and entry["state"] == pace.RUNNING:
        return f"{at} {entry['name']}: begun ({joined(list(entry['servers']))})"
    if what == "unit":
        state = entry["state"]
        took = f" after {span(entry['seconds'])}"
        if state == pace.DONE:
            return f"{at} {entry['name']}: done{took}"
        word = "FAILED" if state == pace.FAILED else state
        return f"{at} {entry['name']}: {word}{took}: {entry['comment']}"
    return None
