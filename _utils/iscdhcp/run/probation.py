"""
The time in which a server's new configuration must stay good, before its partner is touched.

What is normal is normal for a moment: a dhcpd that ends after ten seconds, or that loses its
partner at the first update, has been normal too. So the first server that was restarted with new
files is watched for a while, from its first normal on; :mod:`iscdhcp.rules.on_probation` judges
each look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..answers import Look
from ..rules import on_probation
from ..rules.verdict import Reason
from ..rules.verdict import Verdict
from ..shapes import ServerFacts
from ..words import clock
from ..words import span
from . import restart
from .base import Step
from .restart import PairRun
from .steering import step

#: Seconds that a first server is watched, unless something else is said.
PROBATION_SECONDS = 60.0
#: Seconds between two looks at it.
LOOK_INTERVAL = 1.0


class ProbationRun(PairRun):
    """A run whose first server has to stay good for a while."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        #: The process of each server that is only watched, as it was seen first.
        self._first_seen: dict[str, str | None] = {}

    @step("probation")
    def stand(self, server: str, seconds: float) -> Step:
        """
        Watch a server that is normal with its new files; the same process has to stay so.

        seconds
            Of its probation, from its first normal on: a run that is continued goes on with what is
            left of it.

        A failed step's ``why`` is ``None`` where the server can't be judged, so that nothing is to
        be done to it either.
        """
        entry = self._entry(server)
        known = entry.get("probation")
        if known is None or known["identity"] != entry.get("now"):
            known = {"identity": entry.get("now"), "since": self.clock.time()}
            entry["probation"] = known
            self._save()
        left = min(seconds, max(0.0, known["since"] + seconds - self.clock.time()))
        # A pause leaves the probation going, and asks nobody meanwhile: it is no lost contact.
        begun, last_answer = self.clock.monotonic(), self.steering.elapsed()
        ends = self.clock.time() + left
        if left:
            self._tell(server, ends, left)
        while True:
            over = self.clock.monotonic() - begun >= left
            verdict = self.look_on(server, known["identity"], over)
            now = self.clock.monotonic()
            self.note_decision("stands its probation", server, verdict)
            if verdict.outcome == "no":
                why = f"{server} did not stand its probation: {verdict.sentence}"
                return self._failure(why, do=verdict.to_do)
            if verdict.ok:
                last_answer = self.steering.elapsed()
                if over:
                    break
            elif self.steering.elapsed() - last_answer > restart.LOST_CONTACT:
                return self._failure_unseen(server, verdict)
            self.keep_claim()
            self._sleep(min(LOOK_INTERVAL, max(left - (now - begun), 0.2)))
        known["over"] = True
        self._save()
        comment = f"{server} has stood its probation of {span(seconds)}."
        self.say(comment)
        return Step(True, comment)

    def _tell(self, server: str, ends: float, left: float) -> None:
        """Say what is waited for; the journal's entry is a countdown to whoever shows it."""
        reason = Reason.of("probation", server=server)
        self.say(f"{reason.text} until {clock(ends)} UTC ({span(left)}).")
        self.journal.write(
            "waiting", server=server, text=reason.text, until=None, deadline=None, probation=ends
        )

    def watch(self, server: str, over: bool) -> Verdict:
        """
        Look at a server that this run has not restarted: what ran when it was seen first has to.

        over
            As for :meth:`look_on`.
        """
        if server not in self._first_seen:
            answers = self.minions.status([server], brief=True)
            facts = answers.get(server, {}).get("facts")
            if facts is None:
                # Who was not seen yet is not another process: unknown is neither good nor bad.
                return self._unknown(server, answers)
            self._first_seen[server] = facts["process"]["identity"]
        return self.look_on(server, self._first_seen[server], over)

    def look_on(self, server: str, identity: str | None, over: bool) -> Verdict:
        """
        Look at a server and its partners.

        identity
            Of the process that has to run still.
        over
            Whether this is the last look: the server is asked as clients ask then.
        """
        asks = self._asks(server) if over else {}
        answers: Mapping[str, Look] = self.minions.status(
            self.discovery.partners([server]), brief=True, ask=asks
        )
        facts: ServerFacts | None = answers.get(server, {}).get("facts")
        if facts is None:
            return self._unknown(server, answers)
        asked = [one for one in self._unanswered(server, facts, answers, asks) if one.blocks]
        return on_probation.still_good(facts, self._partner_facts(facts, answers), identity, asked)

    def _failure_unseen(self, server: str, verdict: Verdict) -> Step:
        """It can't be seen any more: it is left as it is, and its partner too."""
        found = self._failure(f"Lost contact on the probation of {server}: {verdict.sentence}")
        found.why = None
        return found

    def stood(self, server: str) -> bool:
        """Whether the server has stood its probation in this run."""
        known = self._entry(server).get("probation")
        return bool(known and known.get("over") and known["identity"] == self._entry(server)["now"])
