"""Which failover relationships are normal at both ends, by one server's own states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: States by relationship, as ``dhcpd.failover_state`` returns them.
Ends = Mapping[str, Mapping[str, Any]]


def chosen(states: Ends, relationship: str | None, name: str) -> tuple[Ends, str | None]:
    """
    Return the relationships that are meant, and what is wrong with the choice, or ``None``.

    relationship
        Only this one.
    name
        Counts where ``relationship`` is not given and it is the name of one.
    """
    wanted = relationship or (name if name in states else None)
    if wanted is None:
        return states, None if states else "This server has no failover relationship."
    if wanted in states:
        return {wanted: states[wanted]}, None
    known = ", ".join(sorted(states)) or "none"
    return {}, f"There is no failover peer {wanted} here (known: {known})."


def not_normal(ends: Ends) -> Ends:
    """Return those that are not normal at both ends."""
    return {
        name: end
        for name, end in ends.items()
        if (end["state"], end["partner_state"]) != ("normal", "normal")
    }


def told(ends: Ends) -> str:
    """Return the states of relationships as a sentence."""
    return "; ".join(
        f"{name} is {end['state'] or 'unknown'} here, {end['partner_state'] or 'unknown'} at the "
        "partner" + (f" ({end['why_unknown']})" if end.get("why_unknown") else "")
        for name, end in sorted(ends.items())
    )
