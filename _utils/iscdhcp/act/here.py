"""
This server as its acts are handed it: what of it only Salt knows comes through here.

And what is noted about dhcpd in the minion's own folder: what ran, claims, marks, what is staged.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ..answers import Answer
from ..answers import ProcessMark
from ..clock import SYSTEM
from ..clock import Clock
from ..conf.views import Key
from ..facts import pending
from ..facts import ran
from ..facts.ran import Ran
from ..facts.server import Server
from ..facts.server import Settings
from ..files import read_json
from ..files import write_json
from ..host.local import Host
from ..rules.verdict import Reason
from ..shapes import Ended
from ..shapes import LastStart
from ..shapes import Mark
from ..shapes import Pending
from ..shapes import ServerFacts
from .claims import Claims
from .drain import PAUSED
from .drain import Note
from .service import Service
from .stage import Stage

#: Seconds between two looks of one call.
LOOK_SECONDS = 0.05


class Notes:
    """
    The notes of one server.

    folder
        The minion's own; it exists.
    server
        The minion's id, for messages.
    clock
        What they are dated by.
    """

    def __init__(self, folder: Path, server: str, clock: Clock = SYSTEM) -> None:
        self.folder = folder
        self._server = server
        self._clock = clock

    @property
    def claims(self) -> Claims:
        """Who may act on dhcpd here."""
        return Claims(self.folder, self._server, self._clock)

    @property
    def paused(self) -> Note:
        """What a drain or a hand-over has silenced."""
        return Note(self.folder / PAUSED, self._clock)

    @property
    def stage(self) -> Stage:
        """The staged configuration."""
        return Stage(self.folder, self._clock)

    # -- what ran

    def ran_last(self) -> Ran | None:
        """Return what is noted of the dhcpd that ran last, or ``None``."""
        return Ran.from_dict(read_json(self.folder / "ran.json"))

    def what_runs(self, server: Server) -> Ran | None:
        """Note what runs now, for a start that finds nothing running; return it."""
        last = self.ran_last()
        running = ran.of(server, last)
        if running is not None and running != last:
            write_json(self.folder / "ran.json", running.as_dict())
        return running

    # -- the last start

    @property
    def last_start(self) -> LastStart | None:
        """How long the last start took, and when."""
        found = read_json(self.folder / "last_start.json")
        try:
            return {"seconds": float(found["seconds"]), "time": float(found["time"])}
        except (KeyError, TypeError, ValueError):
            return None

    def started(self, seconds: float) -> None:
        """Note that dhcpd has been started: nothing is pending any more."""
        note = {"seconds": seconds, "time": self._clock.time()}
        write_json(self.folder / "last_start.json", note)
        (self.folder / pending.MARK).unlink(missing_ok=True)

    # -- the last end

    @property
    def ended(self) -> Ended | None:
        """When dhcpd was ended last by an act of ours, or ``None``."""
        found = read_json(self.folder / "ended.json")
        try:
            count = found["unacknowledged"]
            return {
                "identity": str(found["identity"]),
                "time": float(found["time"]),
                "unacknowledged": None if count is None else int(count),
                "boot": str(found["boot"]),
            }
        except (KeyError, TypeError, ValueError):
            return None

    def keep_end(self, ended: Ended) -> None:
        """Note that dhcpd was ended; a full disk does not make a failure of it."""
        with suppress(OSError):
            write_json(self.folder / "ended.json", ended)

    # -- a restart that is pending

    def mark_pending(self, reason: str) -> Mark:
        """Note that dhcpd should be restarted; return the note."""
        mark: Mark = {"reason": reason, "since": self._clock.time()}
        write_json(self.folder / pending.MARK, mark)
        return mark

    @property
    def mark(self) -> Mark | None:
        """What somebody has marked, or ``None``."""
        return pending.mark_in(self.folder)

    def pending_restart(self, server: Server) -> Pending | None:
        """Return why dhcpd has to be restarted, marked or by what is on disk, or ``None``."""
        running = server.process
        found = pending.pending(
            self.folder,
            server.config_file,
            server.configuration.files if server.configuration else None,
            running.identity if running else None,
            running.started if running else None,
        )
        if found is None and running is not None and running.replaced:
            found = pending.other_program(running.executable)
        return pending.joined(self.mark, found)

    def keep_parsed(self, server: Server, identity: str, since: float) -> None:
        """Keep what dhcpd has parsed, to tell later whether a restart is pending."""
        pending.keep(self.folder, server.config_file, identity, since)


class Here(Protocol):
    """
    One server and its minion; Salt's is :class:`iscdhcp_salt.minion.Minion`.

    An act takes one of these, and returns its answer as a plain dict: ``result``, ``comment``, and
    what more the function has that calls it. It raises only what the caller has done wrong.
    """

    #: The minion's id.
    id: str

    @property
    def host(self) -> Host:
        """Where dhcpd runs."""

    @property
    def notes(self) -> Notes:
        """What is noted about dhcpd here."""

    def settings(self) -> Settings:
        """Return what overrides where dhcpd's facts are read."""

    def server(self) -> Server:
        """Return dhcpd as it is now."""

    def service(self, what_ran: Ran | None = None) -> Service:
        """Return the service by which ``what_ran``, or else what ran last, comes back."""

    def facts(self, brief: bool) -> ServerFacts:
        """Return this server's facts; ``brief`` for a wait, else all that a stop has to know."""

    def addresses(self, loopback: bool = True) -> list[str]:
        """Return this host's addresses, those of the loopback included unless told otherwise."""

    def masked(self, text: str, keys: Iterable[Key] = ()) -> str:
        """Return ``text`` without the names and secrets of dhcpd's keys, and of ``keys``."""

    def tell(self, tag: str, data: dict[str, object]) -> None:
        """Send an event to the master."""


def failed(
    here: Here,
    comment: str,
    old: ProcessMark | None = None,
    new: ProcessMark | None = None,
) -> Answer:
    """Return the answer of an act that failed, without secrets."""
    answer: Answer = {"result": False, "comment": here.masked(comment)}
    if old is not None or new is not None:
        answer["old"], answer["new"] = old, new
    return answer


def refused(here: Here, comment: str, reasons: Iterable[Reason] = ()) -> Answer:
    """Return the answer of an act that the guard refuses; nothing was touched."""
    answer: Answer = {"result": False, "comment": here.masked(comment), "refused": True}
    found = [reason.as_dict() for reason in reasons]
    if found:
        answer["reasons"] = found
    return answer
