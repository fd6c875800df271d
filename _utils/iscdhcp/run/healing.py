"""
A run that begins by starting the server that is down, where that was asked for.

Without ``heal`` a person at the terminal is asked; nobody else is, and then the run refuses as it
does for any pair that is not whole. What may be started is decided in
:mod:`iscdhcp.rules.may_heal`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from ..answers import Answer
from ..answers import Look
from ..answers import ProcessMark
from ..rules import may_heal
from ..rules.verdict import Verdict
from ..shapes import ServerFacts
from ..troubles.force import FORCEABLE
from ..words import full_stop
from ..words import joined
from .base import Run
from .base import Step

#: Seconds in which a server that was silenced and not stopped is normal again, MCLT aside.
BACK_SECONDS = 60.0


class HealingRun(Run):
    """A run that can start a server which is down before it begins."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        #: Asks the person at the terminal, yes or no; nobody is there unless somebody is.
        self.ask_person: Callable[[str], bool] = lambda question: False

    def patience(self, facts: ServerFacts) -> float:
        """Return for how many seconds a start of this server may reasonably take."""
        raise NotImplementedError

    def _settle(self, server: str, before: ProcessMark, lost: str, patience: float) -> Answer:
        raise NotImplementedError

    def _wait(self, server: str, expected: str | None) -> Step:
        raise NotImplementedError

    def _seen(self, facts: ServerFacts) -> str:
        raise NotImplementedError

    def is_in_hand(self, server: str, facts: ServerFacts) -> bool:
        """Whether this run has begun with a server and is not through with it: then it goes on."""
        return self.restarted(server, facts)

    def healable(self, answers: Mapping[str, Look]) -> tuple[str, Verdict] | None:
        """Return the only server that is down, and whether it may be started; else ``None``."""
        seen = {one: answers.get(one, {}).get("facts") for one in self.group}
        server = may_heal.only_one_down(seen)
        facts = seen[server] if server else None
        if server is None or facts is None or self.is_in_hand(server, facts):
            return None
        partners = self._partner_facts(facts, answers)
        for pair in self.discovery.of_server(server):
            # One that is down for want of its configuration has its partners all the same.
            other = pair.primary if pair.secondary == server else pair.secondary
            partners.setdefault(pair.name, seen.get(other))
        mine = answers[server]["offset"]
        skews = {
            name: answers[str(theirs["minion"])]["offset"] - mine
            for name, theirs in partners.items()
            if theirs is not None
        }
        return server, may_heal.may_be_started(facts, partners, skews, self.request.force)

    def heal(self, answers: Mapping[str, Look], test: bool) -> Step | None:
        """
        Start the server that is down, if that is wanted, and wait until it is normal.

        answers
            What was seen of the group.

        Returns ``None`` where nothing was done and the run goes on as it would.
        """
        found = self.healable(answers)
        if found is None:
            return None
        server, verdict = found
        others = self._partners(server)
        seen = self._partner_facts(answers[server]["facts"], answers)
        ends = [theirs["relationships"].get(name) for name, theirs in seen.items() if theirs]
        mute = any(end is not None and end["serves"] is False for end in ends)
        does = ("waits for it" if mute else "serves", "wait for it" if mute else "serve")
        partners = f"{joined(others)} {does[len(others) > 1]}"
        if not self.request.heal:
            if test or not verdict.ok:
                return None
            question = f"dhcpd on {server} is down, {partners}. Start {server} first?"
            if not self.ask_person(question):
                return None
        self.note_decision("may be started", server, verdict)
        if not verdict.ok:
            return Step(
                False,
                f"dhcpd on {server} is down and was not started: {verdict.sentence} Nothing was "
                "touched.",
            )
        if test:
            return Step(
                None,
                f"dhcpd on {server} is down, {partners}: {server} would be started and "
                "waited for until the pair is normal; then everything is checked again.",
                warnings=[one.text for one in verdict.warnings],
            )
        started = self._start_down(server, answers[server]["facts"])
        if not started.result:
            return started
        waited = self._wait(server, started.changes[server])
        if not waited.result:
            return Step(
                False,
                f"{started.comment} {waited.why or waited.comment} Nothing else was touched. Fix "
                "the cause and run the same command again.",
                do=waited.do,
            )
        comment = f"{started.comment} {waited.comment}"
        return Step(True, comment, {server: {"old": "down", "new": "normal"}}, waited.warnings)

    def left_whole(self, server: str, answer: Mapping[str, Any]) -> str:
        """
        Wait a while for a server that an act has silenced and not stopped, and cure it.

        answer
            Of the act: one that was refused has touched nothing.

        Returns how it is, for the end of a failure's sentence; nothing where it was not silenced.
        """
        if answer.get("refused"):
            return ""
        begun, silenced = self.clock.monotonic(), False
        group = [server, *self._partners(server)]
        while True:
            answers = self.minions.status(group, brief=True)
            facts = answers.get(server, {}).get("facts")
            if facts is None or not facts["process"]["running"]:
                return ""
            ends = facts["relationships"].values()
            if all((end["state"], end["partner_state"]) == ("normal", "normal") for end in ends):
                return f" {server} is normal again." if silenced else ""
            silenced = True
            self._cure(facts, answers)
            if self.clock.monotonic() - begun > BACK_SECONDS:
                return (
                    f" {server} is not normal yet ({self._seen(facts)}): salt-run "
                    f"dhcp_failover.wait_normal {self.pair.id} waits for it, and releases what "
                    "holds it."
                )
            self.keep_claim()
            self._sleep(1.0)

    def hint(self, answers: Mapping[str, Look]) -> str:
        """Return what would help a run that is refused, for the end of its sentence."""
        found = self.healable(answers)
        if found is None or not found[1].ok:
            return ""
        return f" With heal=True it would begin by starting {found[0]}, which is down."

    def _start_down(self, server: str, facts: ServerFacts) -> Step:
        """Have dhcpd started there, with all that a start looks at; a lost answer is settled."""
        patience = self.patience(facts)
        self.say(f"dhcpd on {server} is down: starting it.")
        with self.steering.act():
            answer = self.minions.act(
                server,
                "dhcpd.start",
                patience + 30.0,
                timeout=patience,
                force=sorted(self.request.force & set(FORCEABLE)),
                run=self.run,
            )
            if "lost" in answer:
                answer = self._settle(server, {}, str(answer["lost"]), patience)
        comment = full_stop(str(answer.get("comment") or f"{server} did not say why"))
        if not answer.get("result"):
            return Step(False, f"{comment} Nothing else was touched.")
        self.say(comment)
        new = answer.get("new")
        return Step(True, comment, {server: new.get("identity") if new else None})
