"""Following a run from any terminal, to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import IscDhcpError
from ..run import history
from ..run import journal
from ..run.orders import LOOK_INTERVAL
from .progress import Display


def watch(
    directory: Path,
    display: Display,
    pair: str | None = None,
    timeout: float | None = None,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """
    Follow the run that is under way, or the next one, to its end.

    directory
        Where the master keeps the journals.
    display
        Where it is shown.
    pair
        Pair (name or id) or server of the run; default: any.
    timeout
        Seconds to wait for a run to begin; ``None``: forever.
    check
        Called again and again; may raise.

    Returns ``result`` (whether the run went well), ``comment``, ``run``, ``outcome``. Raises
    :class:`IscDhcpError` if no run has begun in time, or several are under way.
    """
    journals = Path(directory) / "journal"
    path = _next_run(journals, display, pair, timeout, check)
    tail = journal.Tail(path)
    shown: list[journal.Entry] = []
    while True:
        check()
        alive = journal.is_alive(path)
        new = tail.new()
        if not shown:
            # A run that was continued: what the processes before it did is in `show`.
            new = history.attempts(new)[-1] if new else []
        for entry in new:
            if entry["what"] == "begun":
                display.show({"at": entry["at"], "what": "said", "text": history.line(entry)})
            display.show(entry)
        shown += new
        if not alive or any(entry["what"] == "ended" for entry in new):
            short = history.summary(shown)
            break
        display.tick()
        time.sleep(LOOK_INTERVAL)
    display.close()
    good = short["outcome"] == "done"
    comment = f"{short['pair']}: {short['outcome']}. {short['comment']}"
    return {"result": good, "comment": comment, "run": short["run"], "outcome": short["outcome"]}


def _next_run(
    journals: Path,
    display: Display,
    pair: str | None,
    timeout: float | None,
    check: Callable[[], None],
) -> Path:
    """Return the journal of the run that is under way, or else of the next one."""
    since, begun, told = time.time(), time.monotonic(), False
    whose = f" of {pair}" if pair else ""
    sizes: dict[Path, int] = {}
    while True:
        check()
        alive = journal.alive(journals, pair)
        if len(alive) > 1:
            names = ", ".join(str(about["pair"]) for _, about in alive)
            raise IscDhcpError(f"Several runs{whose} are under way, say which: {names}.")
        if alive:
            return alive[0][0]
        for path in journal.paths(journals):
            # One may have begun and ended between two looks.
            try:
                size = path.stat().st_size
            except FileNotFoundError:  # an old one, deleted just now
                continue
            if told and size != sizes.get(path):
                about = journal.begun(path)
                if about is not None and about["at"] >= since and journal.concerns(about, pair):
                    return path
            sizes[path] = size
        if not told:
            told = True
            text = f"No run{whose} is under way: waiting for one to begin (Ctrl-C ends this)."
            display.show({"at": time.time(), "what": "said", "text": text})
        if timeout is not None and time.monotonic() - begun > timeout:
            raise IscDhcpError(f"No run{whose} has begun within {timeout:g} s.")
        time.sleep(LOOK_INTERVAL)
