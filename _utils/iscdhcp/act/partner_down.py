"""
Putting this server into partner-down, by hand; whether it may be: :mod:`iscdhcp.rules.is_dead`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ActError
from ..facts import gather
from ..facts import server as facts_server
from ..facts.server import Server
from ..rules.is_dead import WANTED
from ..states import FailoverState
from . import drain

#: Seconds for dhcpd to show the state that it was told.
TAKE_SECONDS = 5.0


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
        if gather.connected(one):
            raise ActError(f"the partner of {relationship} has just connected: it lives")
        client.set_local_state(relationship, FailoverState.PARTNER_DOWN)
        drain.until(
            lambda: client.failover_state(relationship)["state"] == "partner-down",
            TAKE_SECONDS,
            "it did not take the state partner-down",
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
