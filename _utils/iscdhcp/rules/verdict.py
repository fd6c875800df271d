"""A verdict and its reasons, and which of them a person may override."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..answers import ReasonFacts
from ..errors import IscDhcpError
from ..shapes import ServerFacts
from ..words import full_stop

#: Reasons that ``force`` may name, and what it then overrides.
FORCEABLE = {
    "relationship": "a relationship that is not normal at both ends, or can't be proved to be",
    "partner": "missing, old or bad evidence of the other end",
    "connection": "no failover connection to the partner",
    "configuration": "a configuration that dhcpd does not accept",
    "lease-file": "a lease file that is missing, empty or torn",
    "lease-folder": "a folder in which dhcpd can't write its lease file again at its start",
    "start": "a dhcpd that may not come back as it ran: unit, command line or files",
    "claim": "another run's claim on this server",
    "clock": "clocks that are too far apart for dhcpd to connect again",
    "gentle": "a dhcpd whose SIGTERM costs MCLT (built with gentle shutdown)",
    "busy": "another state run on this minion",
    "free-leases": "a partner whose free leases may not last while it serves alone",
    "auto-partner-down": "a partner that would go to partner-down by itself meanwhile",
    "mclt": "MCLT without service of this server, which method control costs",
    "drift": "configurations that still differ when both are rolled out",
    "mismatch": "new configurations with which the servers would not find each other",
    "no-relationship": "a server that has no failover relationship, so no partner",
    "primary": "a person's stop of a server that is not secondary in all its relationships",
}


@dataclass(frozen=True)
class Reason:
    """One reason of a verdict: a stable ``code``, a sentence, and whether it blocks."""

    code: str
    text: str
    blocks: bool = True
    #: The failover relationship that it is about, if any.
    relationship: str | None = None

    def as_dict(self) -> ReasonFacts:
        """Return the reason as a plain dict (``code``, ``text``, ``blocks``, ``relationship``)."""
        return {
            "code": self.code,
            "text": self.text,
            "blocks": self.blocks,
            "relationship": self.relationship,
        }


@dataclass(frozen=True)
class Verdict:
    """
    A decision with its reasons.

    ``outcome`` is ``yes``, ``no`` (waiting will not help) or ``wait`` (not yet). ``until`` is the
    UTC epoch second at which dhcpd itself ends the wait, where that is known.
    """

    outcome: str
    reasons: tuple[Reason, ...] = ()
    until: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the answer is yes."""
        return self.outcome == "yes"

    @property
    def blockers(self) -> tuple[Reason, ...]:
        """The reasons that stand against it."""
        return tuple(reason for reason in self.reasons if reason.blocks)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """The reasons that a person should know of and that stop nothing."""
        return tuple(reason for reason in self.reasons if not reason.blocks)

    @property
    def sentence(self) -> str:
        """The blockers, or else the warnings, as sentences."""
        shown = self.blockers or self.warnings
        return " ".join(full_stop(reason.text) for reason in shown)

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as a plain dict."""
        return {
            "outcome": self.outcome,
            "ok": self.ok,
            "reasons": [reason.as_dict() for reason in self.reasons],
            "until": self.until,
        }


def parse_force(force: str | Iterable[str] | None) -> frozenset[str]:
    """
    Return the codes that ``force`` names.

    force
        A comma-separated string or a list of the codes in :data:`FORCEABLE`.

    Raises :class:`IscDhcpError` for a word that names nothing (``True`` among them: what is
    overridden has to be said).
    """
    if not force:
        return frozenset()
    if isinstance(force, bool):
        raise IscDhcpError(f"force names what it overrides: {', '.join(sorted(FORCEABLE))}")
    words = force.split(",") if isinstance(force, str) else list(force)
    codes = frozenset(str(word).strip() for word in words if str(word).strip())
    unknown = sorted(codes - set(FORCEABLE))
    if unknown:
        raise IscDhcpError(
            f"force: {', '.join(unknown)} is not one of {', '.join(sorted(FORCEABLE))}"
        )
    return codes


def name_of(facts: ServerFacts) -> str:
    """Return who the facts are of, for sentences."""
    return facts["minion"] or "this server"
