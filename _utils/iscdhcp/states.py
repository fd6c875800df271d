"""The states of a failover relationship and what dhcpd does in each.

One table: what clients get, whether waiting is enough, whether it outlives a restart. Line numbers
are those of ISC dhcpd 4.4.3-P1; "measured" is Debian's build of it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .errors import IscDhcpError


class FailoverState(enum.IntEnum):
    """A failover state by its number in OMAPI (includes/failover.h:287-311).

    Monitoring depends on the numbers: they never change. Pages about dhcpd 3.0 list others.
    """

    UNKNOWN_STATE = 0
    STARTUP = 1
    NORMAL = 2
    COMMUNICATIONS_INTERRUPTED = 3
    PARTNER_DOWN = 4
    POTENTIAL_CONFLICT = 5
    RECOVER = 6
    PAUSED = 7
    SHUTDOWN = 8
    RECOVER_DONE = 9
    RESOLUTION_INTERRUPTED = 10
    CONFLICT_DONE = 11
    RECOVER_WAIT = 254

    @classmethod
    def parse(cls, value: int | str | bytes) -> FailoverState:
        """The state that a number or a name stands for.

        :param value: the number from OMAPI, the four bytes of it, or the name as dhcpd logs it and
            lease files hold it (both from ``dhcp_failover_state_name_print``, failover.c:3786; the
            lease file's reader ignores case, conflex.c). White space around a name is ignored.
        :raises IscDhcpError: when there is no such state.
        """
        if isinstance(value, (bytes, bytearray)):
            if len(value) == 4:  # no name is that short
                value = int.from_bytes(value, "big")
            else:
                value = value.decode("ascii", "replace")
        if isinstance(value, str):
            state = _BY_LABEL.get(value.strip().lower())
        else:
            state = _BY_NUMBER.get(value)
        if state is None:
            raise IscDhcpError(f"dhcpd has no failover state {value!r}")
        return state

    @property
    def label(self) -> str:
        """The name as dhcpd writes it, such as ``communications-interrupted``."""
        return self.name.lower().replace("_", "-")

    @property
    def serves(self) -> bool:
        """Whether clients with dynamic addresses are answered, as far as this state decides.

        The partner's state can forbid it all the same: see :func:`serves`.
        """
        return _TABLE[self].serves

    @property
    def answers(self) -> str:
        """What clients get, in a sentence."""
        return _TABLE[self].answers

    @property
    def heals(self) -> bool:
        """Whether waiting is enough to be in normal again, given a living partner.

        True for normal itself.
        """
        return _TABLE[self].heals

    @property
    def sticky(self) -> bool:
        """Whether it stays on disk over any number of restarts until an operator acts."""
        return _TABLE[self].sticky

    @property
    def meaning(self) -> str:
        """What it is and what ends it, in a sentence for an operator."""
        return _TABLE[self].meaning


# A server obeys these states of its partner whatever its own is (failover.c:1723-1741).
MUTED_BY_PARTNER = frozenset(
    {
        FailoverState.PARTNER_DOWN,
        FailoverState.POTENTIAL_CONFLICT,
        FailoverState.CONFLICT_DONE,
        FailoverState.RESOLUTION_INTERRUPTED,
    }
)


def serves(my: FailoverState, partner: FailoverState) -> bool:
    """Whether a server answers clients with dynamic addresses.

    Source: ``dhcp_failover_set_service_state``, failover.c:1655-1744. ``fixed-address`` hosts and
    DHCPINFORM are answered in every state (measured), so an answer to those proves nothing.

    :param my: the server's own state.
    :param partner: its partner's state as this server knows it.
    """
    return my.serves and partner not in MUTED_BY_PARTNER


@dataclass(frozen=True)
class _Row:
    serves: bool
    heals: bool
    sticky: bool
    answers: str
    meaning: str


_MUTE = "no client with a dynamic address is answered"

_TABLE: dict[FailoverState, _Row] = {
    # failover.c:1658-1661 mute; 2420-2422 the partner's word changes nothing
    FailoverState.UNKNOWN_STATE: _Row(
        serves=False,
        heals=False,
        sticky=True,
        answers=_MUTE,
        meaning="a state that dhcpd does not know was set, and no restart ends it; "
        "only setting local-state to recover (6) over OMAPI does, and MCLT has to pass then",
    ),
    # failover.c:1710-1713 mute by dhcp.c:412-413; 1926-1938 at most 15 s; 2430-2434
    FailoverState.STARTUP: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it has just started and waits for its partner's word, "
        "for 15 s at most, before it goes on from its state on disk",
    ),
    # failover.c:1668-1671; load balancing dhcp.c:410-433
    FailoverState.NORMAL: _Row(
        serves=True,
        heals=True,
        sticky=False,
        answers="new clients of its own share, and every renewal that reaches it",
        meaning="both servers talk and share the clients: this is how it should be",
    ),
    # failover.c:1673-1676; its own half only, mdb.c:1945-1971
    FailoverState.COMMUNICATIONS_INTERRUPTED: _Row(
        serves=True,
        heals=True,
        sticky=False,
        answers="every client, new ones from its own half of the free addresses only",
        meaning="it has lost its partner and serves alone from its own half; "
        "it ends when the partner is back",
    ),
    # failover.c:1663-1666; the partner's addresses after MCLT, 6341-6447
    FailoverState.PARTNER_DOWN: _Row(
        serves=True,
        heals=True,
        sticky=False,
        answers="every client, from its partner's addresses too once MCLT has passed",
        meaning="it takes its partner for dead and may use the whole pool; "
        "it ends when the partner is back and has recovered",
    ),
    # failover.c:1678-1683
    FailoverState.POTENTIAL_CONFLICT: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="both servers may have given out the same addresses and are comparing their "
        "leases; it ends by itself in seconds",
    ),
    # failover.c:1685-1688; ends with the partner's UPDDONE, 5851-5876
    FailoverState.RECOVER: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it is fetching every lease from its partner, "
        "which must stay up: without it this server never serves again by itself",
    ),
    # failover.c:1695-1698 mute; 2413-2418 the partner's word changes nothing
    FailoverState.PAUSED: _Row(
        serves=False,
        heals=False,
        sticky=True,
        answers=_MUTE,
        meaning="it was paused over OMAPI and stays so over restarts; "
        "only setting local-state to normal (2) over OMAPI ends it",
    ),
    # failover.c:1690-1693 mute; 2413-2418 the partner's word changes nothing
    FailoverState.SHUTDOWN: _Row(
        serves=False,
        heals=False,
        sticky=True,
        answers=_MUTE,
        meaning="it was shut down over OMAPI, or found its partner's states impossible, and stays "
        "so over restarts; only setting local-state to recover (6) over OMAPI ends it",
    ),
    # failover.c:1705-1708; waits for the partner's word, 2389-2411
    FailoverState.RECOVER_DONE: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it has every lease and waits for its partner's word, "
        "which must stay up: without it this server never serves again by itself",
    ),
    # failover.c:1678-1683; entered when the link breaks in a conflict, 1577-1579
    FailoverState.RESOLUTION_INTERRUPTED: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it lost its partner while they were comparing leases; "
        "it ends when they are connected again",
    ),
    # failover.c:1678-1683
    FailoverState.CONFLICT_DONE: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it has compared its leases and waits for its partner to finish; "
        "it ends by itself in seconds",
    ),
    # failover.c:1700-1703; until stos + mclt, 5851-5876
    FailoverState.RECOVER_WAIT: _Row(
        serves=False,
        heals=True,
        sticky=False,
        answers=_MUTE,
        meaning="it has every lease and waits until MCLT has passed since this began; "
        "its partner must stay up until then",
    ),
}

_BY_LABEL = {state.label: state for state in FailoverState}
_BY_NUMBER = {int(state): state for state in FailoverState}
