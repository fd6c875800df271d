"""Other people's runs: followed from another terminal, and given orders."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import journal
from .decisions import clock
from .errors import IscDhcpError
from .progress import Display
from .steering import Orders

#: Seconds between two looks into a journal.
LOOK_INTERVAL = 0.1
#: Seconds in which a run heeds an order, unless it is stopping or starting a server.
HEED_SECONDS = 15.0


def order_run(
    directory: Path,
    order: str,
    who: str,
    why: str = "",
    pair: str | None = None,
    patience: float = HEED_SECONDS,
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """
    Give the run that is under way an order, and wait until it heeds it.

    directory
        Where the master keeps journals and orders.
    order
        ``pause``, ``resume`` or ``abort``.
    who, why
        What the run says about it.
    pair
        Pair (name or id) or server of the run; not needed for the only one.
    patience
        Seconds to wait for it.
    check
        Called again and again; may raise.

    Returns ``result``, ``comment``, ``run``. Raises :class:`IscDhcpError` if no run is under way,
    or several are, or the order means nothing to it.
    """
    journals = Path(directory) / "journal"
    path, about = _the_run(journals, order, pair)
    tail = journal.Tail(path)
    entries = tail.new()
    now = journal.summary(entries, is_live=True)
    name = f"the run of {about['pair']} ({about['who']})"
    if order == "resume" and now["outcome"] != "paused":
        raise IscDhcpError(f"{name[0].upper()}{name[1:]} is not paused.")
    if order == "pause" and now["outcome"] == "paused":
        return _answer(about, True, f"It is paused already. {now['comment']}")
    orders = Orders(Path(directory) / "orders")
    orders.give(str(about["attempt"]), order, who, why)
    deadline = time.monotonic() + patience
    while True:
        check()
        alive = journal.is_alive(path)
        new = tail.new()
        entries += new
        ended = next((e for e in new if e["what"] == "ended"), None)
        if order == "resume" and any(e["what"] == "resumed" for e in new):
            # It may have come to its end since.
            return _answer(about, True, f"Resumed: {name}.")
        if ended is not None or not alive:
            orders.withdraw(str(about["attempt"]))
        if ended is not None:
            if order == "abort" and ended.get("outcome") == "aborted":
                return _answer(about, True, str(ended.get("comment")))
            text = f"Too late to {order}: {name} has ended ({ended.get('outcome')})."
            return _answer(about, False, text)
        if not alive:
            text = f"Too late to {order}: the process of {name} is gone; the same command goes on."
            return _answer(about, False, text)
        if order == "pause" and journal.summary(entries, True)["outcome"] == "paused":
            said = [str(e["text"]) for e in new if e["what"] == "said"]
            paused = [text for text in said if text.startswith("Paused by ")]
            if paused:
                return _answer(about, True, paused[-1])
        if time.monotonic() > deadline:
            text = f"Told {name} to {order}: it does so once the server that it is at is done."
            return _answer(about, True, text)
        time.sleep(LOOK_INTERVAL)


def _answer(about: journal.Entry, good: bool, comment: str) -> dict[str, Any]:
    return {"result": good, "comment": comment, "run": about["run"]}


def _the_run(journals: Path, order: str, pair: str | None) -> tuple[Path, journal.Entry]:
    alive = journal.alive(journals, pair)
    whose = f" of {pair}" if pair else ""
    if not alive:
        known = [path for path in journal.paths(journals) if _is_of(path, pair)]
        text = f"No run{whose} is under way, so there is nothing to {order}."
        if known:
            last = journal.summary(journal.read(known[0]))
            text += f" The last one ({last['run']}, {last['who']}) is {_how(last)}."
        raise IscDhcpError(text)
    if len(alive) > 1:
        names = ", ".join(str(about["pair"]) for _, about in alive)
        raise IscDhcpError(f"Several runs{whose} are under way, say which: {names}.")
    return alive[0]


def _is_of(path: Path, pair: str | None) -> bool:
    about = journal.begun(path)
    return about is not None and journal.concerns(about, pair)


def _how(short: journal.Entry) -> str:
    at = clock(short["ended"] or short["last"])
    return f"{short['outcome']} since {at} UTC"


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
        Seconds to wait for a run to begin; ``None``: for ever.
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
            new = journal.attempts(new)[-1] if new else []
        for entry in new:
            if entry["what"] == "begun":
                display.show({"at": entry["at"], "what": "said", "text": journal.line(entry)})
            display.show(entry)
        shown += new
        if not alive or any(entry["what"] == "ended" for entry in new):
            short = journal.summary(shown)
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
