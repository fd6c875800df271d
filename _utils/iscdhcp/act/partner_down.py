"""
Putting this server into partner-down, by hand; whether it may be: :mod:`iscdhcp.rules.is_dead`.

And asserting a partner-down that it is in already, for a partner that is back.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable

from .. import words
from ..answers import Answer
from ..conf.views import Relationship
from ..errors import ActError
from ..errors import IscDhcpError
from ..facts import gather
from ..facts import server as facts_server
from ..facts.server import Server
from ..rules import is_dead
from ..rules.is_dead import MUTE
from ..rules.is_dead import WANTED
from ..shapes import Death
from ..shapes import OmapiState
from ..shapes import PartnerLook
from ..states import FailoverState
from . import dead_man
from . import drain
from . import guard
from . import handover
from . import recovering
from . import stop_start
from .claims import acting
from .claims import by_another
from .here import Here
from .here import failed
from .starting import start_as_it_ran

#: Seconds for dhcpd to show the state that it was told.
TAKE_SECONDS = 5.0
#: The same after its start: it waits 15 s for its partner (server/failover.c:1931).
STARTUP_SECONDS = 30.0


def take(
    here: Here,
    relationship: str,
    evidence: Death | None,
    run: str | None,
    look: Callable[[str], PartnerLook],
) -> Answer:
    """
    Take the partner for dead where the master, and a look from here, prove it.

    look
        Looks for the partner of a relationship from this server.

    See ``dhcpd.partner_down``.
    """
    me = here.id
    if evidence is None:
        return failed(
            here,
            f"Nothing was done on {me}: from here nobody can tell whether the partner is dead; use "
            "salt-run dhcp_failover.partner_down dead=ID on the master, which asks both ends.",
        )
    with acting(here.notes.folder, me, here.host.clock):
        claim = here.notes.claims.current
        if claim and claim["run"] != run:
            return failed(here, f"{by_another(me, claim)}. Nothing was done.")
        # What the master knows has to be recent now: the look may take some seconds.
        begun = here.host.clock.time()
        seen = look(relationship)
        verdict = is_dead.judge(
            seen["facts"],
            relationship,
            evidence["partner"],
            seen["probe"],
            evidence["confirm"],
            now=begun,
        )
        if not verdict.ok:
            text = f"{relationship} on {me} was not put into partner-down: {verdict.sentence}"
            answer = failed(here, text)
            answer["reasons"] = [reason.as_dict() for reason in verdict.reasons]
            return answer
        end = seen["facts"]["relationships"][relationship]
        try:
            if end["state"] in MUTE:
                seen_then = start_as_survivor(here, relationship)
            else:
                seen_then = take_for_dead(here.server(), relationship)
        except (IscDhcpError, OSError) as err:
            comment = f"{relationship} on {me} was not put into partner-down: {err}"
            return failed(here, comment)
    since = words.clock(seen_then["since"])
    return {
        "result": True,
        "comment": f"{relationship} on {me} is in partner-down since {since} UTC.",
        "state": seen_then["state"],
        "partner_state": seen_then["partner_state"],
        "since": seen_then["since"],
        "usable_from": seen_then["since"] + seen_then["mclt"] if seen_then["mclt"] else None,
    }


def take_for_dead(server: Server, relationship: str) -> OmapiState:
    """
    Put this server into partner-down in one relationship, and no other.

    Returns what OMAPI says then. Raises :class:`ActError` where the state is another one by now, or
    did not take.
    """
    one = _named(server, relationship)
    with facts_server.omapi(server) as client:
        seen = client.failover_state(relationship)
        if seen["state"] != WANTED:
            raise ActError(f"{relationship} is in {seen['state']} now, not in {WANTED}")
        if gather.connected(one, server.host):
            raise ActError(f"the partner of {relationship} has just connected: it lives")
        client.set_local_state(relationship, FailoverState.PARTNER_DOWN)
    return _in_partner_down(server, one, TAKE_SECONDS, "it did not take the state partner-down")


def start_as_survivor(here: Here, relationship: str) -> OmapiState:
    """
    Start dhcpd again in partner-down, where it answers nobody: it has a state of its own then.

    Told over OMAPI it would be in partner-down and still answer nobody, as long as it takes its
    partner for one that is in partner-down or compares leases (``MUTE``).

    Returns what OMAPI says then. Raises :class:`ActError` where the state is another one by now,
    could not be written, or did not take; dhcpd is started again in any case.
    """
    server = here.server()
    one = _named(server, relationship)
    running = server.process
    if running is None:
        raise ActError("dhcpd is not running")
    last = here.notes.what_runs(server)
    service = here.service(last)
    service.prepare()

    def still_mute() -> None:
        with facts_server.omapi(server) as client:
            state = client.failover_state(relationship)["state"]
        if state not in MUTE:
            raise ActError(f"{relationship} is in {state} now")

    def alone() -> None:
        if gather.connected(one, server.host):
            raise ActError(f"the partner of {relationship} has just connected: it lives")

    stands_by = dead_man.arm(here, service)
    try:
        old = stop_start.stop(server, still_mute, alone)
    except (IscDhcpError, OSError) as err:
        told = stands_by.after_a_failed_stop(here.host, running, err)
        raise ActError(f"{err}{told}") from err
    unwritten = ""
    try:
        since = here.host.clock.time()
        recovering.append_state(server.lease_file, one.name, "partner-down", since, "normal")
    except (IscDhcpError, OSError) as err:
        unwritten = f"its state could not be written to {server.lease_file} ({err}). "
    answer = start_as_it_ran(here, (), None, service, old, ended=running, last=last)
    # Whatever raises, or kills this call, before here: it is started by who stands by.
    stands_by.disarm()
    if unwritten or not answer["result"]:
        raise ActError(unwritten + str(answer["comment"]).rstrip("."))
    late = "it did not come to partner-down after its start"
    return _in_partner_down(here.server(), one, STARTUP_SECONDS, late)


def _in_partner_down(server: Server, one: Relationship, seconds: float, late: str) -> OmapiState:
    """Return what OMAPI says once it is in partner-down; raise :class:`ActError` if it is late."""
    with facts_server.omapi(server) as client:
        drain.until(
            lambda: client.failover_state(one.name)["state"] == "partner-down",
            seconds,
            late,
            server.host.clock,
        )
        seen = client.failover_state(one.name)
    return {**seen, "mclt": seen["mclt"] or one.mclt or 0}


def _named(server: Server, relationship: str) -> Relationship:
    one = next((r for r in _relationships(server) if r.name == relationship), None)
    if one is None:
        raise ActError(f"there is no relationship {relationship}")
    return one


def _relationships(server: Server) -> Iterable[Relationship]:
    return server.configuration.relationships if server.configuration else ()


def release(here: Here, drained: bool, run: str | None) -> Answer:
    """Release the window of a survivor; see ``dhcpd.release_window``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        refused = guard.claimed_by_another(here, run)
        if refused:
            return refused
        try:
            released, untouched = handover.release_window(here.server(), drained)
        except IscDhcpError as err:
            return failed(here, f"Nothing was released on {here.id}: {err}")
    comment = f"Released: {', '.join(released) or 'nothing'}."
    if untouched:
        comment += f" {'; '.join(f'{name}: {why}' for name, why in sorted(untouched.items()))}."
    return {"result": True, "comment": comment, "released": released, "untouched": untouched}
