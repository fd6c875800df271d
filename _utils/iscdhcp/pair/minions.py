"""How a run reaches the servers: what it needs from the one that asks and acts for it."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Protocol

from ..answers import Answer
from ..answers import Look
from ..shapes import PartnerLook


class Minions(Protocol):
    """How a run reaches the servers. Answers are ``{"facts": ...}`` or ``{"error": why}``."""

    def status(
        self,
        minions: list[str],
        brief: bool = False,
        looks: int = 1,
        ask: Mapping[str, str] | None = None,
        alive: Mapping[str, list[str]] | None = None,
        log_since: float | None = None,
    ) -> dict[str, Look]:
        """
        Ask every minion for its facts; each answer has ``offset`` too: its clock minus ours.

        ``ask``: by relationship, which minion asks its partner there for an address, if it is
        normal. ``alive``: which ones ask theirs whether it lives. ``log_since`` (epoch seconds):
        the facts of those that are normal have what dhcpd ``logged`` since then.
        """

    def inspect(
        self, minions: list[str], log_hours: float = 0.0, ask: bool = False
    ) -> dict[str, Look]:
        """
        As :meth:`status`; the facts have the server's ``survey`` too.

        ``ask``: every minion asks its partners for an address first.
        """

    def claim(
        self, minions: list[str], claim: dict[str, Any], facts: bool = False
    ) -> dict[str, Look]:
        """
        Put a claim (``run``, ``token``, ``who``, ``seconds``, ``master``; ``over``, the run of this
        master whose claim is taken over) on the minions, or renew it.

        A minion that refuses answers ``{"refused": why, "code": ..., "claim": the other's}``, the
        code as in :class:`iscdhcp.act.claims.Refused`. ``facts`` wants what :meth:`inspect`
        returns, with the claim in force and partners asked.
        """

    def release(self, minions: list[str], run: str, token: str) -> None:
        """Take this run's claims away, as far as the minions answer."""

    def ask(
        self,
        minions: Sequence[str],
        function: str,
        kwarg: dict[str, Any] | None = None,
        patience: float = 6.0,
    ) -> dict[str, dict[str, Any]]:
        """Call a function of the minions: ``{"ret": ...}`` or ``{"error": why}`` of each."""

    def release_window(self, minion: str, drained: bool = False, run: str | None = None) -> None:
        """Have the survivor of a hand-over, or of a drain, release its window."""

    def log(self, minions: list[str], since: float) -> dict[str, dict[str, Any]]:
        """Ask what dhcpd has logged since then (epoch seconds): ``events``, ``clients``."""

    def restart(self, minion: str, patience: float, **arguments: Any) -> Answer:
        """Restart dhcpd on ``minion``: its answer, or ``{"lost": why}``."""

    def act(self, minion: str, function: str, patience: float, **arguments: Any) -> Answer:
        """Call a function that answers in ``patience`` seconds: a dict, or ``{"lost": why}``."""

    def look_for_partner(
        self, minion: str, relationship: str, patience: float
    ) -> PartnerLook | str:
        """Have a survivor look for its partner; a sentence says why there is no answer."""

    def new_job(self) -> str:
        """Return an id for :meth:`begin`, so that it can be noted before the act."""

    def begin(
        self, minion: str, job: str, function: str, arguments: list[Any], named: dict[str, Any]
    ) -> str | None:
        """Publish a call that may take long; return why that failed, or ``None``."""

    def outcome(self, minion: str, job: str) -> dict[str, Any]:
        """What became of it: ``{"ret"}``, ``{"running"}``, ``{"gone"}`` or ``{"silent": why}``."""

    def close(self) -> None:
        """Let go of the way to the minions; nothing is asked any more."""
