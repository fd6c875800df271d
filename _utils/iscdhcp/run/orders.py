"""Orders to a run from any terminal: pause, resume, abort; given, and heard by the run."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from .. import words
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..files import read_json
from ..files import write_json
from . import history
from . import journal

ORDERS = ("pause", "resume", "abort")


class Interrupted(BaseException):
    """A person has ended the run politely (Ctrl-C); no broad ``except`` may swallow it."""

    #: What is left to do, once the run has said so.
    left = ""
    #: Which server is down because of the run, and what to do, where there is one.
    down = ""
    outcome = "interrupted"

    def __str__(self) -> str:
        name = str(self.args[0]) if self.args else "stopped"
        none = "No server was left stopped: stop and start are one call on the server."
        return (
            f"Interrupted ({name}). {self.down or none}{self.left} The same command goes on from "
            "here."
        )


class Aborted(Interrupted):
    """Somebody has ordered the run to end (``dhcp_failover.abort``)."""

    outcome = "aborted"

    def __str__(self) -> str:
        down = f" {self.down}" if self.down else ""
        return f"Aborted by {self.args[0]}.{down}{self.left} The same command goes on from here."


class Orders:
    """
    The orders to runs on this master.

    directory
        Their folder.
    clock
        What dates them.
    """

    def __init__(self, directory: Path, clock: Clock = SYSTEM) -> None:
        self.directory = Path(directory)
        self._clock = clock

    def give(self, attempt: str, order: str, who: str, why: str = "") -> None:
        """Order a process (its ``attempt``) to ``pause``, ``resume`` or ``abort``."""
        assert order in ORDERS, order
        data = {"order": order, "who": who, "why": why, "at": self._clock.time()}
        data["attempt"] = attempt
        write_json(self._path(attempt), data)

    def get(self, attempt: str) -> dict[str, Any] | None:
        """Return the order in force for a process, or ``None``."""
        path = self._path(attempt)
        if not path.exists():
            return None
        order = read_json(path)
        if isinstance(order, dict) and order.get("order") in ORDERS:
            return order
        # Somebody wanted it to stop: what can't be read holds it until a person looks.
        return {"order": "pause", "who": "unknown", "why": f"{path} is unreadable"}

    def withdraw(self, attempt: str) -> None:
        """Forget the order to a process."""
        self._path(attempt).unlink(missing_ok=True)

    def prune(self, attempts: Iterable[str]) -> None:
        """Delete every order but those to ``attempts``: nobody is there any more to heed it."""
        alive = {self._path(attempt) for attempt in attempts}
        for path in self.directory.glob("*.json"):
            if path not in alive:
                with suppress(OSError):
                    path.unlink()

    def _path(self, attempt: str) -> Path:
        return self.directory / f"{attempt}.json"


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
    clock: Clock = SYSTEM,
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
    clock
        What the patience goes by.

    Returns ``result``, ``comment``, ``run``. Raises :class:`IscDhcpError` if no run is under way,
    or several are, or the order means nothing to it.
    """
    journals = Path(directory) / "journal"
    path, about = _the_run(journals, order, pair)
    tail = journal.Tail(path)
    entries = tail.new()
    now = history.summary(entries, is_live=True)
    name = f"the run of {about['pair']} ({about['who']})"
    if order == "resume" and now["outcome"] != "paused":
        raise IscDhcpError(f"{name[0].upper()}{name[1:]} is not paused.")
    if order == "pause" and now["outcome"] == "paused":
        return _answer(about, True, f"It is paused already. {now['comment']}")
    orders = Orders(Path(directory) / "orders", clock)
    orders.give(str(about["attempt"]), order, who, why)
    deadline = clock.monotonic() + patience
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
        paused = next((e for e in reversed(new) if e["what"] == "paused"), None)
        if order == "pause" and paused is not None:
            return _answer(about, True, str(paused["text"]))
        if clock.monotonic() > deadline:
            text = f"Told {name} to {order}: it does so once the server that it is at is done."
            return _answer(about, True, text)
        clock.sleep(LOOK_INTERVAL)


def _answer(about: journal.Entry, good: bool, comment: str) -> dict[str, Any]:
    return {"result": good, "comment": comment, "run": about["run"]}


def _the_run(journals: Path, order: str, pair: str | None) -> tuple[Path, journal.Entry]:
    alive = journal.alive(journals, pair)
    whose = f" of {pair}" if pair else ""
    if not alive:
        known = [path for path in journal.paths(journals) if _is_of(path, pair)]
        text = f"No run{whose} is under way, so there is nothing to {order}."
        if known:
            last = history.summary(journal.read(known[0]))
            text += f" The last one ({last['run']}, {last['who']}) is {_how(last)}."
        raise IscDhcpError(text)
    whole = [one for one in alive if one[1].get("fleet")]
    if len(alive) > 1 and pair is None and len(whole) == 1:
        # What is ordered to a fleet run reaches all that it has under way.
        return whole[0]
    if len(alive) > 1:
        names = ", ".join(str(about["pair"]) for _, about in alive)
        raise IscDhcpError(f"Several runs{whose} are under way, say which: {names}.")
    return alive[0]


def _is_of(path: Path, pair: str | None) -> bool:
    about = journal.begun(path)
    return about is not None and journal.concerns(about, pair)


def _how(short: journal.Entry) -> str:
    at = words.clock(short["ended"] or short["last"])
    return f"{short['outcome']} since {at} UTC"
