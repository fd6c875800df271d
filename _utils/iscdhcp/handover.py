"""
Leaving everything to the partner, for a server that will stay down: state ``shutdown``.

Set to ``shutdown`` over OMAPI while both are normal, a server stops answering and its partner is in
partner-down within milliseconds: it may use the whole pool. dhcpd's own shutdown after that leaves
``recover`` on disk, back-dated by MCLT, so the next start heals by itself without waiting for MCLT
(failover.c:1836-1839: only if no update was unacknowledged, before and after).

The survivor of a hand-over may have a *full window*: updates that it sent over the dying link and
that nobody acknowledges. Then the returned server waits in ``recover`` for ever. Its own
partner-down, asserted again, rescinds them (failover.c:1758-1811): :func:`release_window`.
"""

from __future__ import annotations

import time
from typing import Any

from . import drain
from . import process
from .acts import ActError
from .drain import Note
from .errors import IscDhcpError
from .facts import Server
from .states import FailoverState

#: Seconds for all updates to be acknowledged, before and after.
SETTLE_SECONDS = 15.0
#: Seconds for the partner to be in partner-down; measured 20 ms.
TAKEOVER_SECONDS = 5.0
#: Seconds in which dhcpd ends itself; measured 12-14 s, dhcpd(8) says up to 25.
END_SECONDS = 40.0
#: States of a partner that does not serve, in which partner-down may be asserted again.
_NOT_SERVING = {"recover", "shutdown", "unknown-state", "startup", "recover-wait"}


def hand_over(server: Server, note: Note) -> dict[str, Any]:
    """
    Hand all relationships to their partners, or none.

    Returns ``seconds`` to ``settled`` and ``handed``. Raises :class:`ActError` after undoing what
    it did.
    """
    begun = time.monotonic()
    names = drain.names(server)
    phases = {}
    noted = False
    try:
        with drain.omapi(server) as client:
            drain.until(
                lambda: all(not client.failover_state(name)["unacked"] for name in names),
                SETTLE_SECONDS,
                "updates stayed unacknowledged",
            )
            phases["settled"] = round(time.monotonic() - begun, 3)
            for name in names:
                seen = client.failover_state(name)
                if (seen["state"], seen["partner_state"]) != ("normal", "normal"):
                    raise ActError(f"{name} is {seen['state']}/{seen['partner_state']}, not normal")
            note.write(names)
            noted = True
            for name in names:
                client.set_local_state(name, FailoverState.SHUTDOWN)
            drain.until(
                lambda: all(_handed(client.failover_state(name)) for name in names),
                TAKEOVER_SECONDS,
                "the partner did not take over",
            )
            phases["handed"] = round(time.monotonic() - begun, 3)
    except IscDhcpError as err:
        undone = f"; {_undo(server, note)}" if noted else ""
        raise ActError(f"not handed over: {err}{undone}") from err
    return {"seconds": phases}


def _handed(seen: dict[str, Any]) -> bool:
    return (
        seen["state"] == "shutdown"
        and seen["partner_state"] == "partner-down"
        and not seen["unacked"]
    )


def _undo(server: Server, note: Note) -> str:
    try:
        take_back(server)
        note.clear()
    except IscDhcpError as err:
        return (
            f"and taking back failed too ({err}): this server is mute, its partner serves; "
            "dhcpd.resume brings it back"
        )
    return "it is coming back to normal"


def take_back(server: Server) -> list[str]:
    """
    Bring back what is in ``shutdown``: it recovers from its partner.

    Returns the relationships. dhcpd goes through recover, which may wait for the rest of MCLT.
    """
    found = []
    with drain.omapi(server) as client:
        for name in drain.names(server):
            if client.failover_state(name)["state"] == "shutdown":
                client.set_local_state(name, FailoverState.RECOVER)
                found.append(name)
    return found


def end(server: Server, note: Note) -> dict[str, Any]:
    """
    Let dhcpd end itself after :func:`hand_over`; return once its process is gone.

    Returns ``ended`` (epoch seconds) and ``seconds``. Raises :class:`ActError` if it does not end.
    """
    begun = time.monotonic()
    assert server.process is not None
    try:
        with drain.omapi(server) as client:
            client.order_shutdown()
    except IscDhcpError as err:
        # It lives and is mute, and the order never reached it.
        raise ActError(f"it could not be told to end: {err}; {_undo(server, note)}") from err
    if not process.wait_exit(server.process, END_SECONDS):
        raise ActError(
            f"dhcpd (pid {server.process.pid}) was told to shut down and has not ended after "
            f"{END_SECONDS:.0f} s; it is mute, its partner serves: end it by hand, then dhcpd.start"
        )
    # What it leaves on disk heals by itself at the next start.
    note.clear()
    return {"ended": time.time(), "seconds": round(time.monotonic() - begun, 3)}


def release_window(server: Server) -> dict[str, Any]:
    """
    Release the window of a survivor, so that its returned partner can get the full update.

    It asserts the server's own partner-down again: allowed only where it is in that state already
    and its partner does not serve.

    Returns ``released`` (relationships) and ``untouched`` (name: why).
    """
    released, untouched = [], {}
    with drain.omapi(server) as client:
        for name in drain.names(server):
            seen = client.failover_state(name)
            if seen["state"] != "partner-down":
                untouched[name] = f"it is in {seen['state']}, not in partner-down"
            elif seen["partner_state"] not in _NOT_SERVING:
                untouched[name] = f"its partner is in {seen['partner_state']} and may serve"
            elif not seen["unacked"]:
                untouched[name] = "its window is empty"
            else:
                client.set_local_state(name, FailoverState.PARTNER_DOWN)
                released.append(name)
    return {"released": released, "untouched": untouched}


def stuck(mine: dict[str, Any], theirs: dict[str, Any]) -> str | None:
    """
    Say that a returned server waits in recover for a survivor with a full window, or ``None``.

    mine, theirs
        Facts of the relationship at the returned server and at the survivor.
    """
    full = theirs.get("unacked") or 0
    if mine.get("state") == "recover" and theirs.get("state") == "partner-down" and full:
        if full > (theirs.get("unacked_bound") or 0):
            return (
                f"stuck: it waits in recover for updates, and the survivor's window is full of "
                f"{full} that nobody will acknowledge (dhcpd.release_window there)"
            )
    return None

