"""What a master saw of a server's partners, for the guard on that server."""

from __future__ import annotations

from typing import Any

from . import forecast
from .verdict import Facts

#: Seconds that the master's evidence of the other end may be old when the server acts.
EVIDENCE_MAX_AGE = 10.0


def evidence_of(partner: Facts, relationship: str, observed: float, skew: float) -> dict[str, Any]:
    """
    Return what the master saw of a relationship's other end, for the guard on the acting server.

    partner
        The partner's facts.
    observed
        When they were gathered, epoch seconds on the **acting** server's clock.
    skew
        The partner's clock minus the acting server's, seconds.
    """
    end = (partner.get("relationships") or {}).get(relationship) or {}
    process = partner.get("process") or {}
    why = None
    if not process.get("running"):
        why = "dhcpd is not running"
    elif process.get("stopped"):
        why = "its process is stopped by a signal"
    elif end.get("serves") is None:
        why = f"its state is unknown ({end.get('why_unknown') or 'it did not say'})"
    elif not end["serves"]:
        why = f"it is in {end.get('state')}"
    return {
        "minion": partner.get("minion"),
        "observed": observed,
        "skew": skew,
        "state": end.get("state"),
        "partner_state": end.get("partner_state"),
        "since": end.get("since"),
        "mclt": end.get("mclt"),
        "auto_partner_down": end.get("auto_partner_down"),
        "leases": forecast.of_relationship(partner, relationship),
        "why_unknown": end.get("why_unknown"),
        "serves": why is None,
        "why": why,
        "acting": bool(partner.get("acting")),
    }
