"""
Putting this server into partner-down, by hand; whether it may be: :mod:`iscdhcp.rules.is_dead`.

And asserting a partner-down that it is in already, for a partner that is back.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

from .. import words
from ..errors import ActError
from ..errors import IscDhcpError
from ..facts import gather
from ..facts import server as facts_server
from ..facts.server import Server
from ..rules import is_dead
from ..rules.is_dead import WANTED
from ..states import FailoverState
from . import drain
from . import guard
from . import handover
from .claims import acting
from .here import Here
from .here import failed

#: Seconds for dhcpd to show the state that it was told.
TAKE_SECONDS = 5.0


def take(
    here: Here,
    relationship: str,
    evidence: Any,
    run: str | None,
    look: Callable[[str], dict[str, Any]],
) -> dict[str, Any]:
    """
    Take the partner for dead where the master, and a look from here, prove it.

    look
        Looks for the partner of a relationship from this server: ``facts`` and ``probe``.

    See ``dhcpd.partner_down``.
    """
    me = here.id
    if not isinstance(evidence, dict):
        return failed(
            here,
            f"Nothing was done on {me}: from here nobody can tell whether the partner is dead; use "
            "salt-run dhcp_failover.partner_down dead=ID on the master, which asks both ends.",
        )
    with acting(here.notes.folder, me, here.host.clock):
        claim = here.notes.claims.current
        if claim and claim.get("run") != run:
            return failed(here, f"{me} is claimed by {claim.get('who')}. Nothing was done.")
        seen = look(relationship)
        verdict = is_dead.judge(
            seen["facts"],
            relationship,
            evidence.get("partner") or {},
            seen["probe"],
            evidence.get("confirm"),
            now=here.host.clock.time(),
        )
        if not verdict.ok:
            return failed(
                here,
                f"{relationship} on {me} was not put into partner-down: {verdict.sentence}",
                reasons=[reason.as_dict() for reason in verdict.reasons],
            )
        try:
            done = take_for_dead(here.server(), relationship)
        except IscDhcpError as err:
            comment = f"{relationship} on {me} was not put into partner-down: {err}"
            return failed(here, comment)
    since = words.clock(done["since"])
    comment = f"{relationship} on {me} is in partner-down since {since} UTC."
    return {"result": True, "comment": comment, **done}


def take_for_dead(server: Server, relationship: str) -> dict[str, Any]:
    """
    Put this server into partner-down in one relationship, and no other.

    Returns ``since`` and ``usable_from`` (STOS + MCLT: epoch seconds), ``state``,
    ``partner_state``. Raises :class:`ActError` where the state is another one by now, or did not
    take.
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
    mclt = float(seen["mclt"] or one.mclt or 0)
    return {
        "state": seen["state"],
        "partner_state": seen["partner_state"],
        "since": float(seen["since"]),
        "usable_from": float(seen["since"]) + mclt if mclt else None,
    }


def _relationships(server: Server) -> Iterable[Any]:
    return server.configuration.relationships if server.configuration else ()


def release(here: Here, drained: bool, run: str | None) -> dict[str, Any]:
    """Release the window of a survivor; see ``dhcpd.release_window``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        refused = guard.claimed_by_another(here, run)
        if refused:
            return refused
        try:
            done = handover.release_window(here.server(), drained)
        except IscDhcpError as err:
            return failed(here, f"Nothing was released on {here.id}: {err}")
    untouched = "; ".join(f"{name}: {why}" for name, why in sorted(done["untouched"].items()))
    comment = f"Released: {', '.join(done['released']) or 'nothing'}."
    return {"result": True, "comment": comment + (f" {untouched}." if untouched else ""), **done}
