"""The ways to stop dhcpd for its restart, and what each costs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..errors import IscDhcpError


@dataclass(frozen=True)
class Method:
    """A way of ending dhcpd for a restart: what clients notice of it."""

    name: str
    what: str
    clients: str
    #: Whether it goes over OMAPI.
    omapi: bool


METHODS = {
    one.name: one
    for one in (
        Method(
            "signal",
            "SIGTERM at a moment when the lease file is whole, then a start",
            "a client in the middle of an exchange asks again after 4 s; the partner answers all "
            "others from its own half",
            False,
        ),
        Method(
            "drain",
            "silenced over OMAPI first, its updates drained, then SIGTERM and a start",
            "as signal, with fewer exchanges cut off where ping-check delays the offers",
            True,
        ),
        Method(
            "handover",
            "the partner takes over everything over OMAPI first, then SIGTERM and a start",
            "a few requests that were offered just before; the partner may use the whole pool",
            True,
        ),
        Method(
            "control",
            "OMAPI's control object alone, as dhcpd(8) describes it; broken in 4.4",
            "half of all new clients get nothing for 17 s, and the server answers nobody for MCLT "
            "after its start",
            True,
        ),
    )
}


#: Those for a server that stays down: a drain needs the start in the same call.
FOR_GOOD = ("signal", "handover", "control")
#: Those for the maintenance of its host: the first is for long, the second where OMAPI is off.
MAINTENANCE = ("handover", "signal")


def check_method(method: str, known: Collection[str] = tuple(METHODS), what: str = "") -> None:
    """
    Raise :class:`IscDhcpError` for a method that there is not.

    known
        Those that there are for the act.
    what
        The act, as the end of the sentence.
    """
    if method not in known:
        raise IscDhcpError(f"method: {method} is not one of {', '.join(known)}{what}")
