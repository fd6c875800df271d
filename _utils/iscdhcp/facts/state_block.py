"""
The state of a relationship as dhcpd has saved it, where neither OMAPI nor the log says it.

dhcpd writes and syncs a state block into its lease file at each move of either end (set_state and
peer_state_changed in server/failover.c), so that the last block is what it is in. But from its
start until it has met its partner it is in ``startup``, which is not saved: 15 s at most
(failover.c:1931); then it has met its partner, or has moved and saved that.

So the block is believed only where it says normal at both ends, the process is older than that, and
the kernel has its connection to the partner: without one dhcpd would have moved.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import IscDhcpError
from ..leases import read
from ..leases import syntax

#: Seconds after which a process is in no startup any more (15), generously.
SETTLED_SECONDS = 30.0


@dataclass(frozen=True)
class StateBlock:
    """What the last block of a relationship says: both states, and since when (epoch seconds)."""

    state: str
    partner_state: str
    since: float | None
    partner_since: float | None


def last_of(lease_file: str, relationship: str) -> StateBlock | None:
    """Return the last block of a relationship in a lease file, or ``None``."""
    last = None
    try:
        for entry in read.failover_entries(lease_file):
            if entry.name == relationship:
                last = entry
    except (IscDhcpError, OSError):
        return None
    if last is None:
        return None
    fields = syntax.failover_fields(last.text)
    if fields["my"] is None or fields["partner"] is None:
        return None
    (state, since), (partner_state, partner_since) = fields["my"], fields["partner"]
    return StateBlock(state, partner_state, since, partner_since)


def proves_normal(block: StateBlock | None, age: float, connected: bool | None) -> bool:
    """
    Whether a saved state proves that a relationship is normal now.

    age
        The process's, seconds.
    connected
        Whether the kernel has its connection to the partner.
    """
    return (
        block is not None
        and (block.state, block.partner_state) == ("normal", "normal")
        and age >= SETTLED_SECONDS
        and connected is True
    )
