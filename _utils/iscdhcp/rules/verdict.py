"""A verdict and its reasons, and which of them a person may override."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from ..answers import ReasonFacts
from ..errors import IscDhcpError
from ..shapes import ServerFacts
from ..troubles import catalogue
from ..troubles.force import FORCEABLE
from ..words import full_stop


@dataclass(frozen=True)
class Reason:
    """
    One reason of a verdict.

    code
        A code of :data:`iscdhcp.troubles.catalogue.CATALOGUE`.
    text
        The sentence about this case, without its full stop.
    blocks
        Whether it stands against what is judged.
    relationship
        The failover relationship that it is about, if any.
    do
        What to do about it.
    """

    code: str
    text: str
    blocks: bool = True
    relationship: str | None = None
    do: str | None = None

    @classmethod
    def of(
        cls,
        code: str,
        relationship: str | None = None,
        blocks: bool | None = None,
        more: str = "",
        **fields: object,
    ) -> Reason:
        """
        Return a reason in the catalogue's words.

        blocks
            Default: as the catalogue has it.
        more
            The end of the sentence.
        fields
            What the catalogue's sentences name; ``pair`` is the relationship.
        """
        fields.setdefault("pair", relationship)
        return cls(
            code,
            catalogue.says(code, **fields) + more,
            catalogue.CATALOGUE[code].blocks if blocks is None else blocks,
            relationship,
            catalogue.what_to_do(code, **fields),
        )

    def as_dict(self) -> ReasonFacts:
        """Return the reason as a plain dict."""
        return {
            "code": self.code,
            "text": self.text,
            "blocks": self.blocks,
            "relationship": self.relationship,
            "do": self.do,
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
    def to_do(self) -> list[str]:
        """What to do about the blockers, each once."""
        return list(dict.fromkeys(reason.do for reason in self.blockers if reason.do))

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


def overridden(reasons: Iterable[Reason], force: Collection[str]) -> tuple[Reason, ...]:
    """
    Return reasons as they are once a person has overridden some: those are told and do not block.

    force
        Words of :data:`FORCEABLE`. A reason that its old word would have overridden names the word
        of today.
    """
    found = []
    for one in reasons:
        if one.blocks and catalogue.is_forced(one.code, force):
            one = replace(one, text=f"{one.text} (overridden by force)", blocks=False)
        elif one.blocks:
            other = catalogue.other_word(one.code, force)
            one = replace(one, text=f"{one.text} ({other})") if other else one
        found.append(one)
    return tuple(found)


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
