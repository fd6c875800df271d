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
from ..rules.is_dead import WANTED
from ..shapes import Death
from ..shapes import OmapiState
from ..shapes import PartnerLook
from ..states import FailoverState
from . import drain
from . import guard
from . import handover
from .claims import acting
from .claims import by_another
from .here import Here
from .here import failed

#: Seconds for dhcpd to show the state that it was told.
TAKE_SECONDS = 5.0


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
        try:
            seen_then = take_for_dead(here.server(), relationship)
        except IscDhcpError as err:
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
    one = next((r for r in _relationships(server) if r.name == relationship), None)
    if one is None:
        raise ActError(f"there is no relationship {relationship}")
    with facts_server.omapi(server) as client:
        seen = client.failover_state(relationship)
        if seen["state"] != WANTED:
            raise ActError(f"{relationship} is in {seen['state']} now, not in {WANTED}")
        if gather.connected(one, server.host):
            raise ActError(f"the partner of {relationship} has just connected: it lives")
        client.set_local_state(relationship, FailoverState.PARTNER_DOWN)
        drain.until(
            lambda: client.failover_state(relationship)["state"] == "partner-down",
            TAKE_SECONDS,
            "it did not take the state partner-down",
            server.host.clock,
        )
        seen = client.failover_state(relationship)
    return {**seen, "mclt": seen["mclt"] or one.mclt or 0}


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
