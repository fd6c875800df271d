"""States in the words of reasons; until when a server waits in recover-wait."""

from __future__ import annotations

from ..shapes import EndFacts
from ..shapes import Evidence
from ..states import FailoverState
from ..words import clock


def states_at(me: str, relationship: EndFacts | Evidence) -> str:
    """Return what the end of ``me`` says of both states, and of its own what it means."""
    state, partner = relationship["state"], relationship["partner_state"]
    text = f"{me} is in {state}, its partner in {partner}"
    until = recover_wait_until(relationship)
    if until:
        text += f" (recover-wait until {clock(until)} UTC, MCLT)"
    if FailoverState.parse(str(state)).sticky:
        text += f"; {FailoverState.parse(str(state)).meaning}"
    return text


def recover_wait_until(relationship: EndFacts | Evidence) -> float | None:
    """
    Return when dhcpd ends ``recover-wait``: STOS + MCLT (server/failover.c:5851), or ``None``.

    relationship
        One relationship's facts: ``state``, ``since`` (STOS, epoch seconds), ``mclt`` (seconds).
    """
    since, mclt = relationship["since"], relationship["mclt"]
    if relationship["state"] != "recover-wait" or not since or not mclt:
        return None
    return since + mclt
