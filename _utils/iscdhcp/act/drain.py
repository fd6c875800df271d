"""
Silencing a server before its restart, and letting it speak again: failover state ``paused``.

Set to ``paused`` over OMAPI, a server stops answering at once and its partner goes to
communications-interrupted and answers everybody; after the start ``normal`` brings both back
without a full update and without MCLT. The lease file is not quiet meanwhile: the link is up and
the partner goes on sending its updates (measured: one commit for each client's ACK), so the end
of the process needs the same care as without a drain. ``paused`` is sticky: it survives on disk,
and only setting ``normal`` cures it. So what sets it notes it first (:class:`Note`), and clears
it in the same call, on its failure paths too.

Sources: server/failover.c (dhcp_failover_set_state, 1655-1744; 2413-2434), measured on real pairs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from .. import files
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import ActError
from ..errors import CalledOff
from ..errors import IscDhcpError
from ..errors import OmapiError
from ..facts.server import Server
from ..facts.server import names
from ..facts.server import omapi
from ..host.local import Omapi
from ..shapes import OmapiState
from ..states import FailoverState

#: Seconds for the partner to take over and for all updates to be acknowledged.
DRAIN_SECONDS = 8.0
#: Seconds for a server to be normal again after it was told so.
RESUME_SECONDS = 10.0
#: States of a partner that let this end go back to normal (else dhcpd may shut itself down).
_RESUMABLE = {"normal", "communications-interrupted"}
#: The file of that note.
PAUSED = "paused.json"


class Note:
    """What a power cut must not make forgotten: the relationships that were paused, on disk."""

    def __init__(self, path: Path, clock: Clock = SYSTEM) -> None:
        self.path = Path(path)
        self._clock = clock

    def write(self, relationships: list[str], settled: bool = False) -> None:
        """
        Note that these are going to be paused, or handed over.

        settled
            They are handed over: silent, and their partners have everything.
        """
        files.write_json(
            self.path, {"paused": relationships, "since": self._clock.time(), "settled": settled}
        )

    def read(self) -> list[str]:
        """Return what was noted and not cleared."""
        noted = files.read_json(self.path)
        return list(noted.get("paused") or ()) if isinstance(noted, dict) else []

    @property
    def settled(self) -> bool:
        """Whether they had been handed over."""
        noted = files.read_json(self.path)
        return isinstance(noted, dict) and bool(noted.get("settled"))

    def clear(self) -> None:
        """Forget it: everything is normal again."""
        self.path.unlink(missing_ok=True)


def pause(
    server: Server, note: Note, last_look: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """
    Silence dhcpd in all its relationships, or in none; wait until their partners have taken over.

    last_look
        The guard's last look, directly before the first of them is silenced; raises to call it off.

    Returns the seconds to each phase: ``paused``, ``drained``. Raises
    :class:`ActError` after undoing what it did, with what did not happen.
    """
    clock = server.host.clock
    begun = clock.monotonic()
    phases = {}
    relationships = names(server)
    noted = False
    try:
        with omapi(server) as client:
            for name in relationships:
                seen = client.failover_state(name)
                if (seen["state"], seen["partner_state"]) != ("normal", "normal"):
                    raise CalledOff(
                        f"{name} is {seen['state']}/{seen['partner_state']}, not normal"
                    )
            note.write(relationships)
            noted = True
            last_look()
            for name in relationships:
                seen = client.set_local_state(name, FailoverState.PAUSED)
                if seen["state"] != "paused":
                    raise ActError(f"{name} did not take the state paused: it is {seen['state']}")
            phases["paused"] = round(clock.monotonic() - begun, 3)
            until(
                lambda: all(_drained(client.failover_state(name)) for name in relationships),
                DRAIN_SECONDS,
                "the partner did not take over, or updates stayed unacknowledged",
                clock,
            )
            phases["drained"] = round(clock.monotonic() - begun, 3)
    except CalledOff as err:
        note.clear()
        raise CalledOff(f"not drained: {err}", err.code) from err
    except IscDhcpError as err:
        undone = f"; {undo(server, note)}" if noted else ""
        raise ActError(f"not drained: {err}{undone}") from err
    return phases


def _drained(seen: OmapiState) -> bool:
    return (
        seen["state"] == "paused"
        and seen["partner_state"] == "communications-interrupted"
        and not seen["unacked"]
    )


def until(
    condition: Callable[[], bool], seconds: float, otherwise: str, clock: Clock = SYSTEM
) -> None:
    """Wait for ``condition``; after ``seconds`` raise :class:`ActError` saying ``otherwise``."""
    begun = clock.monotonic()
    while not condition():
        if clock.monotonic() > begun + seconds:
            raise ActError(f"{otherwise} within {seconds:.0f} s")
        # A condition that takes long to tell is asked less often.
        clock.sleep(0.02 + (clock.monotonic() - begun) / 50)


def undo(server: Server, note: Note) -> str:
    """Let dhcpd speak again after a drain that was not completed; return what came of it."""
    try:
        resume(server, note)
    except IscDhcpError as err:
        return (
            f"and going back failed too ({err}): this server is paused, its partner "
            "serves; dhcpd.resume brings it back"
        )
    return "it is normal again"


def resume(server: Server, note: Note) -> list[str]:
    """
    Let dhcpd speak again where it is paused, or will be once its startup ends.

    Returns the relationships. Raises :class:`ActError` where dhcpd did
    not get normal, with its states.
    """
    clock = server.host.clock
    noted = note.read()
    resumed = []
    with omapi(server) as client:
        for name in names(server):
            seen = _settled(client, name, clock)
            if seen["state"] == "paused" or (seen["state"] == "startup" and name in noted):
                if seen["partner_state"] not in _RESUMABLE:
                    raise ActError(
                        f"{name} is paused and its partner in {seen['partner_state']}: bring the "
                        "partner back first"
                    )
                client.set_local_state(name, FailoverState.NORMAL)
                resumed.append(name)
        until(
            lambda: all(client.failover_state(name)["state"] != "paused" for name in resumed),
            RESUME_SECONDS,
            "it stayed paused",
            clock,
        )
        # In startup the order was taken for the time after it: the state read is still startup.
        until(
            lambda: all(client.failover_state(name)["state"] == "normal" for name in resumed),
            RESUME_SECONDS,
            "it did not get normal",
            clock,
        )
    note.clear()
    return resumed


def _settled(client: Omapi, name: str, clock: Clock) -> OmapiState:
    """Return the state once the partner has spoken, or startup has gone on for a second."""
    deadline = clock.monotonic() + 1.0
    while True:
        seen = client.failover_state(name)
        known = seen["partner_state"] in _RESUMABLE
        if seen["state"] != "startup" or known or clock.monotonic() > deadline:
            return seen
        with contextlib.suppress(OmapiError):
            clock.sleep(0.02)
