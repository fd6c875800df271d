"""
Leaving everything to the partner, for a server that will stay down: state ``shutdown``.

Set to ``shutdown`` over OMAPI while both are normal, a server stops answering and its partner is in
partner-down within milliseconds: it may use the whole pool. dhcpd's own shutdown would then write
``recover`` into its lease file, back-dated by MCLT, so that its next start heals by itself without
waiting for MCLT. But it takes 12-14 s, and back-dates only if no update is queued at that very
moment (failover.c:1832-1839): leases that expire meanwhile are enough to make it wait for MCLT
(measured at 100 new clients a second: from the time on that their first leases ended, always).

So the process is ended here by SIGTERM, and the same entry is appended to the lease file
(:func:`recover_on_disk`). MCLT protects the leases that this server may have given without its
partner's knowledge. Once it is silent and its updates are acknowledged there is none, which the
lease file itself proves; a queued expiry is no such lease. Measured: normal again 2-4 s after the
stop.

OMAPI can't tell when that is: leaving ``normal`` puts what was under way back into the queue
(failover.c:1680-1690), so that no update counts as unacknowledged at once, and some do again a
moment later; and leases that expire meanwhile make new updates without end. So the lease file is
asked (:mod:`iscdhcp.leases.unacknowledged`): a partner acknowledges within 2 s (failover.c:5638).

The survivor of a hand-over may have a *full window*: updates that it sent over the dying link and
that nobody acknowledges. Then the returned server waits in ``recover`` forever. Its own
partner-down, asserted again, rescinds them (failover.c:1758-1811): :func:`release_window`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from ..answers import ProcessMark
from ..errors import ActError
from ..errors import CalledOff
from ..errors import IscDhcpError
from ..errors import StillEnding
from ..facts import server as facts_server
from ..facts.server import Server
from ..leases import read
from ..leases import syntax
from ..leases.end import append
from ..leases.unacknowledged import unacknowledged
from ..patterns import lazy_pattern
from ..shapes import OmapiState
from ..states import FailoverState
from . import drain
from . import stop_start
from .drain import Note

#: Seconds for all leases to be acknowledged; then what is left is waited for after the start.
SETTLE_SECONDS = 15.0
#: Seconds for the partner to be in partner-down; measured 20 ms.
TAKEOVER_SECONDS = 5.0
#: States of a partner that does not serve, in which partner-down may be asserted again.
_NOT_SERVING = {"recover", "shutdown", "unknown-state", "startup", "recover-wait"}


def hand_over(
    server: Server, note: Note, last_look: Callable[[], None] = lambda: None
) -> dict[str, float]:
    """
    Hand all relationships to their partners, or none.

    last_look
        The guard's last look, directly before the first is handed over; raises to call it off.

    Returns the seconds to ``handed`` and ``settled``. Raises :class:`ActError` after undoing what
    it did.
    """
    clock = server.host.clock
    begun = clock.monotonic()
    names = facts_server.names(server)
    phases = {}
    noted = False
    try:
        with facts_server.omapi(server) as client:
            for name in names:
                seen = client.failover_state(name)
                if (seen["state"], seen["partner_state"]) != ("normal", "normal"):
                    raise CalledOff(
                        f"{name} is {seen['state']}/{seen['partner_state']}, not normal"
                    )
            note.write(names)
            noted = True
            last_look()
            for name in names:
                client.set_local_state(name, FailoverState.SHUTDOWN)
            drain.until(
                lambda: all(_handed(client.failover_state(name)) for name in names),
                TAKEOVER_SECONDS,
                "the partner did not take over",
                clock,
            )
            phases["handed"] = round(clock.monotonic() - begun, 3)
            note.write(names, settled=True)
            with contextlib.suppress(ActError):
                drain.until(
                    lambda: not unacknowledged(server.lease_file),
                    SETTLE_SECONDS,
                    "unacknowledged",
                    clock,
                )
            phases["settled"] = round(clock.monotonic() - begun, 3)
    except CalledOff as err:
        note.clear()
        raise CalledOff(f"not handed over: {err}", err.code) from err
    except IscDhcpError as err:
        undone = f"; {_undo(server, note)}" if noted else ""
        raise ActError(f"not handed over: {err}{undone}") from err
    return phases


def _handed(seen: OmapiState) -> bool:
    return seen["state"] == "shutdown" and seen["partner_state"] == "partner-down"


def _undo(server: Server, note: Note) -> str:
    try:
        take_back(server)
        note.clear()
    except IscDhcpError as err:
        return (
            f"and taking back failed too ({err}): this server answers nobody, its partner serves; "
            "dhcpd.resume brings it back"
        )
    return "it is coming back to normal"


def take_back(server: Server) -> list[str]:
    """
    Bring back what is in ``shutdown``: it recovers from its partner.

    Returns the relationships. dhcpd goes through recover, which may wait for the rest of MCLT.
    """
    found = []
    with facts_server.omapi(server) as client:
        for name in facts_server.names(server):
            if client.failover_state(name)["state"] == "shutdown":
                client.set_local_state(name, FailoverState.RECOVER)
                found.append(name)
    return found


def end(server: Server, note: Note) -> ProcessMark:
    """
    End dhcpd after :func:`hand_over`, and note on its disk that it may come back without MCLT.

    Returns ``pid``, ``ended`` (epoch seconds), ``seconds``, and ``warning`` where the lease file
    could not be written: the next start tries again. Raises :class:`ActError` if dhcpd did not end.
    """

    def nothing() -> None:
        pass

    try:
        ended = stop_start.stop(server, nothing, nothing)
    except StillEnding:
        raise
    except IscDhcpError as err:
        raise ActError(f"{err}; {_undo(server, note)}") from err
    try:
        recover_on_disk(server)
        note.clear()
    except (IscDhcpError, OSError) as err:
        text = (
            f"the lease file still says shutdown ({err}); dhcpd.start tries again and, if it must, "
            "lets dhcpd wait for MCLT"
        )
        ended["warning"] = "; ".join([*filter(None, [ended.get("warning")]), text])
    return ended


def recover_on_disk(server: Server) -> list[str]:
    """
    Append to the lease file that what is in ``shutdown`` there has been in ``recover`` for MCLT.

    Only while dhcpd does not run. The entry is what dhcpd's own shutdown appends. Where an active
    lease was never acknowledged, ``recover`` is dated so that it lasts until that lease ends.

    Returns the relationships. Raises :class:`IscDhcpError`, the file then as it was.
    """
    configured = server.configuration.relationships if server.configuration else ()
    mclts = {one.name: one.mclt for one in configured}
    blocks, names = [], []
    now = server.host.clock.time()
    for name, text in _last_states(server.lease_file).items():
        found = _MY_SHUTDOWN.search(text)
        if found is None:
            continue
        mclt = syntax.failover_fields(text)["mclt"] or mclts.get(name)
        if not mclt or b"partner state partner-down" not in text:
            raise ActError(f"{server.lease_file} has no MCLT of {name}, or no partner-down there")
        last = max(unacknowledged(server.lease_file).values(), default=0.0)
        wait = min(float(mclt), max(0.0, last - now))
        since = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(now - float(mclt) + wait))
        mine = f"my state recover at {since};".encode()
        blocks.append(text[: found.start()] + mine + text[found.end() :].rstrip() + b"\n")
        names.append(name)
    if blocks:
        append(server.lease_file, b"".join(blocks))
    return names


_MY_SHUTDOWN = lazy_pattern(rb"my state shutdown(?: at [^;]*)?;")


def _last_states(path: str) -> dict[str, bytes]:
    return {entry.name: entry.text for entry in read.failover_entries(path)}


def release_window(server: Server, drained: bool = False) -> tuple[list[str], dict[str, str]]:
    """
    Release the window of a survivor, so that its returned partner can get the full update.

    It asserts the server's own partner-down again: allowed only where it is in that state already
    and its partner does not serve.

    drained
        The partner has come back from a drain: where both are normal again, this server's own
        ``normal`` is asserted. What it had sent to the paused partner when that one ended nobody
        acknowledges, and its move from communications-interrupted does not rescind it
        (failover.c:1681-1690): without this its window is smaller from then on by as many updates
        (measured: 3 to 8 of 10 after each drain at 200 clients a second).

    Returns the relationships whose window was released, and of the others why it was not.
    """
    released, untouched = [], {}
    with facts_server.omapi(server) as client:
        for name in facts_server.names(server):
            seen = client.failover_state(name)
            both_normal = (seen["state"], seen["partner_state"]) == ("normal", "normal")
            if drained and both_normal and seen["unacked"]:
                client.set_local_state(name, FailoverState.NORMAL)
                released.append(name)
            elif seen["state"] != "partner-down":
                untouched[name] = f"it is in {seen['state']}, not in partner-down"
            elif seen["partner_state"] not in _NOT_SERVING:
                untouched[name] = f"its partner is in {seen['partner_state']} and may serve"
            elif not seen["unacked"]:
                untouched[name] = "its window is empty"
            else:
                client.set_local_state(name, FailoverState.PARTNER_DOWN)
                released.append(name)
    return released, untouched
