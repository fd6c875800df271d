"""Minions as a run sees them, written into its journal whenever they look different."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ..answers import Answer
from ..answers import Look
from ..pair.minions import Minions
from ..shapes import PartnerLook
from ..shapes import ServerFacts
from .journal import Journal
from .life import SignsOfLife

#: What a relationship's end tells; a change of one of these is news.
_NEWS = ("state", "partner_state", "serves", "connected", "source", "why_unknown", "refused")

#: Told along with the news.
_ALSO = ("role", "since", "mclt", "unacked")


class ObservedMinions:
    """
    Minions (:class:`iscdhcp.pair.minions.Minions`) whose answers go into a journal as well.

    minions
        They are asked.
    journal
        Written to when a server looks different from the last time.
    life
        What brief questions, which waits ask, ask of partners besides.
    """

    def __init__(self, minions: Minions, journal: Journal, life: SignsOfLife) -> None:
        self._minions = minions
        self._journal = journal
        self.life = life
        #: What each server looked like last, and by how many seconds its clock is ahead of ours.
        self.seen: dict[str, dict[str, Any]] = {}
        self.offsets: dict[str, float] = {}
        self._uncertain: dict[str, float] = {}

    def status(
        self,
        minions: list[str],
        brief: bool = False,
        looks: int = 1,
        ask: Mapping[str, str] | None = None,
        alive: Mapping[str, list[str]] | None = None,
        log_since: float | None = None,
    ) -> dict[str, Look]:
        """Ask as the minions do, and note what is new; who asks whether partners live is added."""
        if brief and alive is None:
            alive = self.life.wanted(minions, self._down())
        answers = self._minions.status(minions, brief, looks, ask, alive, log_since)
        self._note(answers)
        self.life.note(answers, self.offsets)
        return answers

    def _down(self) -> list[str]:
        return [
            server for server, look in self.seen.items() if not look.get("running", "error" in look)
        ]

    def claim(
        self, minions: list[str], claim: dict[str, Any], facts: bool = False
    ) -> dict[str, Look]:
        """Claim as the minions do, and note what is new."""
        answers = self._minions.claim(minions, claim, facts)
        if facts:
            self._note(answers)
        return answers

    def restart(self, minion: str, patience: float, **arguments: Any) -> Answer:
        """Restart as the minions do, and note what came of it."""
        answer = self._minions.restart(minion, patience, **arguments)
        self._journal.write(
            "acted",
            server=minion,
            method=arguments.get("method"),
            force=arguments.get("force"),
            result=answer.get("result"),
            comment=answer.get("comment") or answer.get("lost"),
            old=answer.get("old"),
            new=answer.get("new"),
            offset=self.offsets.get(minion, 0.0),
        )
        return answer

    # -- passed through ----------------------------------------------------------------------

    def inspect(
        self, minions: list[str], log_hours: float = 0.0, ask: bool = False
    ) -> dict[str, Look]:
        """As the minions do."""
        return self._minions.inspect(minions, log_hours, ask)

    def release(self, minions: list[str], run: str, token: str) -> None:
        """As the minions do."""
        self._minions.release(minions, run, token)

    def ask(
        self,
        minions: Sequence[str],
        function: str,
        kwarg: dict[str, Any] | None = None,
        patience: float = 6.0,
    ) -> dict[str, dict[str, Any]]:
        """As the minions do."""
        return self._minions.ask(minions, function, kwarg, patience=patience)

    def release_window(self, minion: str, drained: bool = False, run: str | None = None) -> None:
        """As the minions do."""
        self._minions.release_window(minion, drained=drained, run=run)

    def log(self, minions: list[str], since: float) -> dict[str, dict[str, Any]]:
        """As the minions do."""
        return self._minions.log(minions, since)

    def act(self, minion: str, function: str, patience: float, **arguments: Any) -> Answer:
        """As the minions do; one that was stopped is down before the next look at it."""
        answer = self._minions.act(minion, function, patience, **arguments)
        if function == "dhcpd.stop" and answer.get("result") and minion in self.seen:
            self.seen[minion] = {**self.seen[minion], "running": False}
        return answer

    def look_for_partner(
        self, minion: str, relationship: str, patience: float
    ) -> PartnerLook | str:
        """As the minions do."""
        return self._minions.look_for_partner(minion, relationship, patience)

    def new_job(self) -> str:
        """As the minions do."""
        return self._minions.new_job()

    def begin(
        self, minion: str, job: str, function: str, arguments: list[Any], named: dict[str, Any]
    ) -> str | None:
        """As the minions do."""
        return self._minions.begin(minion, job, function, arguments, named)

    def outcome(self, minion: str, job: str) -> dict[str, Any]:
        """As the minions do."""
        return self._minions.outcome(minion, job)

    def close(self) -> None:
        """As the minions do."""
        self._minions.close()

    def _compare_clocks(self, server: str, answer: Look) -> None:
        """Keep the best estimate of how far a server's clock is ahead: from the quickest answer."""
        offset, uncertain = float(answer.get("offset") or 0), float(answer.get("uncertain") or 0)
        if server not in self.offsets or uncertain < self._uncertain[server]:
            self._uncertain[server] = uncertain
            # What an answer's own time explains is no difference of clocks.
            self.offsets[server] = 0.0 if abs(offset) <= uncertain else offset

    def _note(self, answers: Mapping[str, Look]) -> None:
        for server, answer in sorted(answers.items()):
            facts = answer.get("facts")
            if facts is not None:
                self._compare_clocks(server, answer)
            elif "error" not in answer:
                continue
            look = look_of(facts) if facts is not None else {"error": answer["error"]}
            if _news(look) == _news(self.seen.get(server)):
                continue
            first = server not in self.seen
            self.seen[server] = look
            more = {"first": True} if first else {}
            self._journal.write("seen", server=server, **look, **more)


def look_of(facts: ServerFacts) -> dict[str, Any]:
    """Return what a journal keeps of a server's facts."""
    process = facts["process"]
    return {
        "running": process["running"],
        "pid": process["pid"],
        "started": process["started"],
        "stopped": process["stopped"],
        "clock": facts["time"],
        "relationships": {
            name: {
                **{key: end.get(key) for key in (*_NEWS, *_ALSO) if end.get(key) is not None},
                **({"asked": asked} if asked else {}),
                "pools": end["balance"]["pools"],
            }
            for name, end in facts["relationships"].items()
            for asked in (end["asked"],)
        },
    }


def _news(look: Mapping[str, Any] | None) -> Any:
    if look is None:
        return None
    ends = {
        name: [end.get(key) for key in _NEWS]
        + [sorted(end.get("pools") or ()), (end.get("asked") or {}).get("asked")]
        for name, end in look.get("relationships", {}).items()
    }
    return look.get("error"), look.get("running"), look.get("pid"), look.get("stopped"), ends
