"""What a master saw of a server's partners, for the guard on that server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from typing import cast

from ..errors import IscDhcpError
from ..shapes import Evidence
from ..shapes import ServerFacts
from . import forecast

#: Seconds that the master's evidence of the other end may be old when the server acts.
EVIDENCE_MAX_AGE = 10.0


def evidence_of(partner: ServerFacts, relationship: str, observed: float, skew: float) -> Evidence:
    """
    Return what the master saw of a relationship's other end, for the guard on the acting server.

    partner
        The partner's facts.
    observed
        When they were gathered, epoch seconds on the **acting** server's clock.
    skew
        The partner's clock minus the acting server's, seconds.
    """
    process, end = partner["process"], partner["relationships"].get(relationship)
    serves: bool | None = False
    why: str | None
    if not process["running"]:
        signs = "; ".join(process["signs"])
        why = f"its dhcpd can't be seen, but {signs}" if signs else "dhcpd is not running"
        serves = None if signs else False
    elif process["stopped"]:
        why = "its process is stopped by a signal"
    elif end is None or end["serves"] is None:
        # What can't be proved is neither good nor bad.
        serves, why = None, (end and end["why_unknown"]) or "it did not say its state"
    elif not end["serves"]:
        why = f"it is in {end['state']}"
    else:
        serves, why = True, None
    return {
        "minion": partner["minion"],
        "observed": observed,
        "skew": skew,
        "state": end and end["state"],
        "partner_state": end and end["partner_state"],
        "since": end and end["since"],
        "mclt": end and end["mclt"],
        "auto_partner_down": end and end["auto_partner_down"],
        "leases": forecast.of_relationship(partner, relationship),
        "why_unknown": end and end["why_unknown"],
        "serves": serves,
        "why": why,
        "acting": partner["acting"],
    }


def given(evidence: Any) -> dict[str, Evidence] | None:
    """
    Return the evidence that a call was given, whatever else it was; what it lacks is unknown.

    Raises :class:`IscDhcpError` where it can't be evidence.
    """
    if evidence is None:
        return None
    if not isinstance(evidence, Mapping) or not all(
        isinstance(one, Mapping) for one in evidence.values()
    ):
        raise IscDhcpError(
            "evidence is what the runner on the master passes, by relationship: leave it out, or "
            "use salt-run dhcp_failover"
        )
    for one in evidence.values():
        for key in ("observed", "skew"):
            if not isinstance(one.get(key), int | float | None):
                raise IscDhcpError(f"evidence: {key} is no number of seconds: {one[key]!r}")
    nothing = unseen("", None)
    return {str(name): cast(Evidence, {**nothing, **one}) for name, one in evidence.items()}


def unseen(minion: str, why: str | None) -> Evidence:
    """Return the evidence of a partner that was not seen; ``why`` it did not answer."""
    return {
        "minion": minion,
        "observed": None,
        "skew": None,
        "state": None,
        "partner_state": None,
        "since": None,
        "mclt": None,
        "auto_partner_down": None,
        "leases": None,
        "why_unknown": None,
        "serves": None,
        "why": why,
        "acting": False,
    }
