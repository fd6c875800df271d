"""
The restart of a pair, step by step, as the master sees it.

:class:`PairRun` holds the sequence; it asks and acts through *minions*
(:class:`iscdhcp.pair.minions.Minions`), so that the runner and the orchestration's states share
every step and tests need no Salt.

Procedure: ISC KB AA-01043 (restart one, wait until both are normal and balanced, then the other).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import measured
from ..answers import Answer
from ..answers import Look
from ..answers import ProcessMark
from ..pair import plan
from ..pair import preflight as pair_preflight
from ..pair.view import PairView
from ..pair.view import view_of
from ..rules import is_complete
from ..rules import proof
from ..rules import stuck
from ..rules.methods import METHODS
from ..rules.verdict import Reason
from ..rules.verdict import Verdict
from ..shapes import ProcessFacts
from ..shapes import ServerFacts
from ..troubles.catalogue import CATALOGUE
from ..troubles.catalogue import is_forced
from ..troubles.catalogue import other_word
from ..troubles.catalogue import says
from ..troubles.catalogue import what_to_do
from ..troubles.force import UNSEEN
from ..words import clock
from ..words import full_stop
from .base import Planned
from .base import Step
from .healing import HealingRun
from .steering import step

#: Looks in a row, at every end, that have to find the pair normal.
LOOKS_IN_A_ROW = 3
#: Seconds between two polls while nothing changes.
POLL_INTERVAL = 0.3
#: What is forced for a pair whose first server this run has restarted: it is waited for.
RETURNING = tuple(
    word + end
    for word in ("relationship", "connection", "partner", "probe")
    for end in ("", UNSEEN)
)
#: What of the guard's reasons passes: it was busy, somebody restarted dhcpd, or it took too long.
PASSING = {"busy", "other-process", "partner-old"}
#: How often what was seen of a partner is seen anew because it had become too old.
LOOKS_ANEW = 3
#: How often a server that gives no answer is asked again before its act: a busy host may be late.
ASKED_AGAIN = 2
NORMAL = ("normal", "normal")
#: Seconds for which an end is not seen at zero before what it waits for counts as lost, and how
#: often that is released.
STUCK_SECONDS, RELEASES = 2.0, 4
#: States in which a drain or a hand-over leaves a server whose call has died.
SILENCED = ("paused", "shutdown")
#: Seconds without any answer from a server after which a wait gives up.
LOST_CONTACT = 180.0


#: What is done to a server that may be stopped: its facts, and what was seen of the group.
Act = Callable[[str, ServerFacts, Mapping[str, Look]], Step | None]


@dataclass
class Drained:
    """One end of a relationship after a drain."""

    since: float
    #: It was seen without unacknowledged updates.
    whole: bool = False
    released: int = 0


class PairRun(HealingRun):
    """A restart of one pair, one server after the other; the other kinds of runs build on it."""

    #: What is done to a server, for sentences.
    done = "restarted"

    #: How often a restart may have to start dhcpd.
    starts = 1

    def steps(self) -> list[Planned]:
        """
        Return the steps of this kind of run, in order; each begins where the one before succeeded.

        :meth:`unlock` comes after them, whatever became of them.
        """
        listed = [Planned("lock", self.lock), Planned("preflight", self.preflight)]
        for position, server in enumerate(self.servers):
            listed.append(Planned(f"restart of {server}", partial(self.restart, position)))
            listed.append(Planned(f"pair normal after {server}", partial(self.wait_normal, server)))
        return listed

    @step("preflight")
    def preflight(self, test: bool = False) -> Step:
        """Check everything that can be known before the first act; claim the minions."""
        if test and not self.record:
            self._open_record()
        self.claimed = not test
        answers = (
            self.minions.inspect(list(self.group), ask=True)
            if test
            else self._until_nobody_acts(self.claim_group())
        )
        refused = [a["refused"] for _, a in sorted(answers.items()) if a.get("refused")]
        if refused:
            return Step(False, f"{self.pair}: {'; '.join(refused)}. Nothing was touched.")
        silent = [m for m in self.group if "facts" not in answers.get(m, {})]
        if silent:
            whys = "; ".join(f"{m}: {answers.get(m, {}).get('error')}" for m in silent)
            return Step(
                False,
                f"No usable answer from {', '.join(silent)} ({whys}). Nothing was touched. "
                "Bring the minion back (salt MINION test.ping) and run this again.",
                do=[what_to_do("minion-silent", server=one) for one in silent],
            )
        healed = self.heal(answers, test)
        if healed is not None:
            if not healed.result:
                return healed
            answers = self.claim_group()
            if any("facts" not in answers.get(one, {}) for one in self.group):
                return self._failure(f"{healed.comment} Then a minion gave no answer.")
        begun = [s for s in self.servers if self.restarted(s, answers[s]["facts"])]
        blockers: dict[str, None] = {}
        warnings: dict[str, None] = {}
        todo: dict[str, None] = {}
        judged = {s: self._judge(s, answers) for s in self.servers if s not in begun}
        for verdict in judged.values():
            for reason in verdict.reasons:
                # A pair whose first server this run restarted is waited for, not refused.
                passing = begun and CATALOGUE[reason.code].force in RETURNING
                if reason.blocks and not passing and reason.code != "busy":
                    blockers[reason.text] = None
                    todo.update({reason.do: None} if reason.do else {})
                else:
                    warnings[reason.text] = None
        view = view_of(self.pair, answers)
        for check in pair_preflight.preflight(view, judged, self.request.policy):
            wanted = check.code in self.request.policy
            forced = check.trouble and is_forced(check.trouble, self.request.force)
            blocks = check.verdict == pair_preflight.BLOCK and not (check.guard or forced)
            if blocks and not begun:
                other = check.trouble and other_word(check.trouble, self.request.force)
                blockers[f"{check.told} ({other})" if other else check.told] = None
                todo.update({check.fix: None} if check.fix else {})
            elif check.verdict != pair_preflight.PASS and not check.guard:
                if check.code not in pair_preflight.STANDING or wanted:
                    warnings[check.text] = None
        if blockers:
            left = f"{healed.comment} Nothing else was" if healed else "Nothing was"
            return Step(
                False,
                f"Not safe: {'; '.join(blockers)}. {left} touched.{self.hint(answers)}",
                warnings=list(warnings),
                do=list(todo),
            )
        seen = "; ".join(f"{s}: {self._seen(answers[s]['facts'])}" for s in self.group)
        if test:
            planned = plan.plan(view, self.servers, self.request.method, available=METHODS)
            comment = f"Safe to begin. {seen}. {plan.sentence(planned)}"
            return Step(None, comment, warnings=list(warnings))
        for server in self.servers:
            entry = self._entry(server)
            if not entry.get("identity"):
                process = answers[server]["facts"]["process"]
                entry.update(
                    identity=process["identity"],
                    pid=process["pid"],
                    started=process["started"],
                )
        self._save()
        self._keep(answers)
        self.say(f"Safe to begin. {seen}.")
        return Step(True, f"Safe to begin. {seen}.", warnings=list(warnings))

    def _until_nobody_acts(self, answers: dict[str, Look]) -> dict[str, Look]:
        """Wait for the end of an act that an interrupted run of this master has left behind."""
        give_up = self.steering.elapsed() + self.request.busy_timeout
        left_behind = bool(self.record.get("servers") or self._took_over)
        while left_behind and self.steering.elapsed() < give_up:
            busy = [m for m in self.group if acted_on(answers.get(m, {}))]
            if not busy:
                break
            self.say(f"Waiting: dhcpd on {', '.join(busy)} is being stopped or started.")
            self._sleep(1.0)
            answers = self.claim_group()
        return answers

    @step("restart")
    def restart(self, position: int, test: bool = False) -> Step:
        """Restart the server at ``position`` of the order, unless this run did so already."""
        if test:
            return self._would_restart(self.servers[position])
        return self._once_fit(position, self._restart_now)

    def _once_fit(self, position: int, act: Act) -> Step:
        """
        Do something to the server at ``position`` once nothing stands against stopping it.

        act
            Gets the server, its facts and what was seen of the group; its step, or ``None`` where
            the minion's guard refused for what passes: then it is looked at again.
        """
        give_up = self.steering.elapsed() + self.request.busy_timeout
        while True:
            step = self._if_fit(position, act, give_up)
            if step is not None:
                return step
            # Another state run, or a restart that was ordered before an interruption, has come
            # between the look and the act; or it took too long.
            server = self.servers[position]
            if self.steering.elapsed() > give_up:
                why = "its minion is busy, or others restart dhcpd, again and again"
                return self._failure(f"{server} was not {self.done}: {why}.")
            self.say(
                f"Looking again: {server} was busy or restarted by others, or it took too long."
            )
            self._sleep(POLL_INTERVAL * 3)

    def _if_fit(self, position: int, act: Act, give_up: float) -> Step | None:
        """Wait for what passes until ``give_up``, judge, and act."""
        server, asked_again = self.servers[position], 0
        while True:
            answers = self._fresh() or self.minions.status(list(self.group))
            facts = answers.get(server, {}).get("facts")
            silent = [one for one in self.group if "facts" not in answers.get(one, {})]
            if silent and asked_again < ASKED_AGAIN:
                # Nothing is known, so nothing is done: asking once more costs nobody anything.
                asked_again += 1
                self.say(f"Asking again: no answer from {', '.join(silent)}.")
                self.keep_claim()
                self._sleep(POLL_INTERVAL * 3)
                continue
            if facts is not None and self.restarted(server, facts):
                process = facts["process"]
                started = clock(process["started"])
                entry = self._entry(server)
                entry.setdefault("now", process["identity"])
                self._save()
                comment = f"{server} has been restarted for this run already (at {started} UTC)."
                self.say(comment)
                return Step(True, comment)
            verdict = self._judge(server, answers)
            self.note_decision("may be stopped", server, verdict)
            waits = [reason.text for reason in verdict.blockers if reason.code == "busy"]
            if len(waits) != len(verdict.blockers):
                # The claims keep away who stops and starts: what else takes that place is short.
                acting = [m for m in self._partners(server) if acted_on(answers.get(m, {}))]
                waits = [says("partner-acting", partner=m) for m in acting]
            if not waits or self.steering.elapsed() > give_up:
                break
            self.say(f"Waiting: {waits[0]}.")
            self.renew_claim()
            self._sleep(POLL_INTERVAL * 3)
        if facts is None:
            why = answers.get(server, {}).get("error")
            return self._failure(f"{server} was not {self.done}: {why}.", do=verdict.to_do)
        if not verdict.ok:
            comment = f"{server} was not {self.done}: {verdict.sentence}"
            return self._failure(comment, do=verdict.to_do)
        return act(server, facts, answers)

    def _restart_now(
        self, server: str, facts: ServerFacts, answers: Mapping[str, Look]
    ) -> Step | None:
        """Act; ``None`` where the guard refused: the minion is busy, or dhcpd another process."""
        before = facts["process"]
        entry = self._entry(server)
        entry.update(
            identity=before.get("identity"), pid=before.get("pid"), started=before.get("started")
        )
        first = self._ordered(server)
        patience = restart_patience(facts)
        self.say(f"Restarting dhcpd on {server} (pid {before.get('pid')}).")
        begun = self.clock.monotonic()
        with self.steering.act():
            answer = self.minions.restart(
                server,
                patience * self.starts,
                method=self.request.method,
                force=sorted(self.request.force),
                evidence=self._evidence(server, answers),
                run=self.run,
                timeout=patience,
                identity=before.get("identity"),
                **self._restart_arguments(server),
            )
            seconds = round(self.clock.monotonic() - begun, 2)
            if is_open(answer):
                answer = self._settle(server, mark_of(before), why_open(answer), patience)
        if not answer["result"]:
            codes = blocking(answer)
            if answer.get("refused") and first and "other-process" not in codes:
                self._not_ordered(server)
            if self.passes(server, answer):
                return None
            comment = answer["comment"] or f"{server} did not say why it was not restarted"
            comment = full_stop(comment) + self.left_whole(server, answer)
            return self._failure(comment, server, things_to_do(answer))
        entry["now"] = identity_of(answer)
        entry["seconds"] = seconds
        self._save()
        self.say(answer["comment"])
        changes = {server: {"old": answer.get("old"), "new": answer.get("new")}}
        return Step(True, answer["comment"], changes, answer.get("warnings", []))

    def passes(self, server: str, answer: Answer) -> bool:
        """
        Return whether an act was refused only for what passes, so that it is looked at again.

        What was seen of a partner and has become too old is seen anew, some times.
        """
        codes = blocking(answer)
        if "partner-old" in codes:
            self._seen_anew[server] = self._seen_anew.get(server, 0) + 1
        again = self._seen_anew.get(server, 0) <= LOOKS_ANEW
        return bool(codes) and codes <= PASSING and again

    def patience(self, facts: ServerFacts) -> float:
        """As :func:`restart_patience`."""
        return restart_patience(facts)

    def _restart_arguments(self, server: str) -> dict[str, Any]:
        """More arguments of the restart of ``server``."""
        return {}

    def _settle(self, server: str, before: ProcessMark, lost: str, patience: float) -> Answer:
        """Find out what became of an act whose answer was lost: the process tells."""
        self.say(f"What became of the order to {server} is open ({lost}): asking for its process.")
        deadline = self.clock.monotonic() + patience + LOST_CONTACT
        seen = "it never answered"
        while self.clock.monotonic() < deadline:
            answer = self.minions.status([server], brief=True).get(server, {})
            facts = answer.get("facts")
            if facts is not None:
                process, of_old = facts["process"], before.get("identity")
                under_way = not of_old and facts["acting"]
                if process["running"] and process["identity"] != of_old and not under_way:
                    pids = f"restarted (pid {before.get('pid')} -> {process['pid']})"
                    if not of_old:
                        pids = f"started (pid {process['pid']})"
                    return {
                        "result": True,
                        "comment": f"dhcpd on {server} was {pids}; the minion's answer was lost.",
                        "old": before,
                        "new": mark_of(process),
                    }
                if not facts["acting"] and not process["running"]:
                    return _no(f"dhcpd is not running on {server}: start it with dhcpd.start")
                if not facts["acting"]:
                    return self._never_reached(server, facts)
            seen = answer.get("error") or "the minion is still busy"
            self._sleep(1.0)
        return _no(f"its answer was lost and it could not be asked: {seen}")

    def _speaks_again(self, server: str, facts: ServerFacts | None) -> bool:
        """
        Have a server speak again, once, that a call of ours has silenced before it died.

        Who stands by for such a call starts dhcpd, and the state is kept on disk.
        """
        if facts is None or facts["acting"] or server in self._resumed:
            return False
        if not facts["paused_by_us"] or not facts["process"]["running"]:
            return False
        self._resumed.add(server)
        resumed = self.minions.act(server, "dhcpd.resume", LOST_CONTACT, run=self.run)
        self.say(str(resumed.get("comment") or resumed.get("lost")))
        return True

    def _never_reached(self, server: str, facts: ServerFacts) -> Answer:
        """Say that an order had no effect; what its call silenced before it died speaks again."""
        if not any(end["state"] in SILENCED for end in facts["relationships"].values()):
            text = f"the order never reached {server}: its process is the same"
            return {"result": False, "comment": text, "refused": True}
        resumed = self.minions.act(server, "dhcpd.resume", LOST_CONTACT, run=self.run)
        came = resumed.get("comment") or resumed.get("lost")
        return _no(f"the call that was to restart dhcpd on {server} died: {came}")

    def _would_restart(self, server: str) -> Step:
        answers = self.minions.status(list(self.group))
        facts = answers.get(server, {}).get("facts")
        if self.restarted(server, facts):
            return Step(True, f"{server} has been restarted for the unfinished run already.")
        verdict = self._judge(server, answers)
        if server == self.servers[0] and not verdict.ok:
            return Step(False, f"{server} would not be restarted: {verdict.sentence}")
        pid = facts["process"]["pid"] if facts else None
        partners = ", ".join(self._partners(server)) or "nobody"
        return Step(
            None,
            f"dhcpd on {server} (pid {pid}) would be stopped by "
            f"{self.request.method} and started; {partners} would serve meanwhile.",
            {server: {"old": {"pid": pid}, "new": {"pid": "a new process"}}},
        )

    @step("wait_normal")
    def wait_normal(self, server: str | None = None, test: bool = False) -> Step:
        """
        Wait until the restart of ``server`` is complete, as dhcpd itself says at every end.

        server
            Default: the last one that this run restarted, or the pair's first.
        """
        server = server or self.servers[0]
        if test:
            return Step(
                None,
                f"{server} and {', '.join(self._partners(server))} would be waited for: normal "
                "at both ends, no update unacknowledged, pools balanced, lease file whole.",
            )
        return self._wait(server, self._entry(server).get("now"))

    def _wait(self, server: str, expected: str | None) -> Step:
        group = self.discovery.partners([server])
        begun = last_answer = self.steering.elapsed()
        deadline: float | None = None
        told, good = "", False
        verdict = Verdict("wait")
        while True:
            asks = self._asks(server)
            answers = self.minions.status(
                group, True, LOOKS_IN_A_ROW, asks, log_since=self._log_wanted(server)
            )
            now = self.steering.elapsed()
            facts = answers.get(server, {}).get("facts")
            if facts is None:
                good = False
                verdict = self._unknown(server, answers)
            else:
                last_answer = now
                verdict = is_complete.restart_complete(
                    facts, self._partner_facts(facts, answers), expected, self.clock.time()
                )
                size = facts["lease_file"]["bytes"]
                reasonable = now + is_complete.normal_deadline(facts, size)
                # What dhcpd itself has to wait for (recover-wait) moves the deadline, once seen.
                if deadline is None or verdict.until:
                    deadline = max(deadline or 0.0, reasonable)
                steady = all(a["facts"]["steady"] for a in answers.values() if "facts" in a)
                drained = self._nothing_lost_in_a_drain(facts, answers)
                good = verdict.ok and steady and drained
                if good and asks:
                    verdict = self._proved(server, facts, answers, asks)
                    good = verdict.ok
                self._cure(facts, answers)
            limit = self.request.timeout
            if limit:
                deadline = begun + limit
            elapsed = now - begun
            self.note_wait(server, verdict, None if deadline is None else deadline - now)
            if verdict.outcome == "no" and self._speaks_again(server, facts):
                continue
            if verdict.outcome == "no":
                return self._failure(verdict.sentence, do=verdict.to_do)
            if good:
                self._keep(answers)
                self.keep_logs(answers)
                warnings = [reason.text for reason in verdict.warnings]
                comment = f"{self._names(group)} normal at both ends after {elapsed:.1f} s."
                self.say(comment)
                self._mark_normal(server)
                return Step(True, comment, warnings=warnings)
            if now - last_answer > LOST_CONTACT:
                comment = f"Lost contact with {server}: {verdict.sentence}"
                return self._failure(comment, do=verdict.to_do)
            if deadline is not None and now > deadline and not verdict.ok:
                comment = f"Not normal after {elapsed:.0f} s: {verdict.sentence}"
                return self._failure(comment, do=verdict.to_do)
            if not verdict.ok and verdict.sentence != told:
                told = verdict.sentence
                self.say(f"Waiting: {told}")
            self.keep_claim()
            # A long wait is polled with more leisure.
            self._sleep(min(5.0, POLL_INTERVAL + elapsed / 30))

    def _log_wanted(self, server: str) -> float | None:
        """Return since when the log is wanted with what may be the last look of the run."""
        rest = [one for one in self.servers if one != server and not self._entry(one).get("normal")]
        return None if rest else self.log_since()

    def _asks(self, server: str) -> dict[str, str]:
        """Return, by relationship, who asks ``server`` for an address before it is believed."""
        if "probe" in self.request.force:
            return {}
        return {
            pair.name: pair.primary if pair.secondary == server else pair.secondary
            for pair in self.discovery.of_server(server)
        }

    def _proved(
        self,
        server: str,
        facts: ServerFacts,
        answers: Mapping[str, Look],
        asks: Mapping[str, str],
    ) -> Verdict:
        """
        Return whether a server that is normal was proved to serve by its answers to its partners.

        asks
            Who was to ask it, in the very look that found it normal.
        """
        found = self._unanswered(server, facts, answers, asks)
        return Verdict("wait" if any(one.blocks for one in found) else "yes", tuple(found))

    def _unanswered(
        self,
        server: str,
        facts: ServerFacts,
        answers: Mapping[str, Look],
        asks: Mapping[str, str],
    ) -> list[Reason]:
        """Return what the answers to its partners' questions have against a server."""
        found: list[Reason] = []
        for name, theirs in self._partner_facts(facts, answers).items():
            end = theirs["relationships"].get(name) if theirs else None
            asked = end and end["asked"]
            if name not in asks or theirs is None or not asked:
                continue
            if not proof.is_recent(asked, theirs["time"]):
                continue  # the asking minion's looks were not steady: it has been told as such
            found += proof.of_answer(asked, name, asks[name], server)
        return found

    def _cure(self, facts: ServerFacts, answers: Mapping[str, Look]) -> None:
        """Release the window of a survivor that keeps the server in recover forever."""
        for name, theirs in self._partner_facts(facts, answers).items():
            mine = facts["relationships"][name]
            survivor = theirs["relationships"].get(name) if theirs else None
            if theirs is None or survivor is None:
                continue
            why = stuck.of_pair(mine, survivor)
            if why is None:
                continue
            # While the full update runs the window is full too: released again, it starts over.
            now = self.clock.monotonic()
            size = facts["lease_file"]["bytes"]
            if now < self._released.get(name, float("-inf")) + release_patience(size):
                continue
            self._released[name] = now
            self.say(f"{facts['minion']} is {why}: releasing it on {theirs['minion']}.")
            self.minions.release_window(str(theirs["minion"]), run=self.run)

    def _nothing_lost_in_a_drain(self, facts: ServerFacts, answers: Mapping[str, Look]) -> bool:
        """
        Return whether each end has been seen without unacknowledged updates since a drain.

        What the survivor had sent to a server that ended after its drain nobody acknowledges, and
        its window is smaller from then on by as many. It is released; updates of both ends that
        cross at that moment may then be stuck at the other end (measured under load: 4 of 10), so
        that both are looked at, and again after each release: what was seen of the other end before
        says nothing of what crosses now. Under load an end is at zero again and again: one that
        never is, is stuck.
        """
        if self.request.method != "drain":
            return True
        server, now, whole = str(facts["minion"]), self.clock.monotonic(), True
        for name, theirs in self._partner_facts(facts, answers).items():
            ends = [(server, facts["relationships"][name])]
            if theirs is not None and name in theirs["relationships"]:
                ends.append((str(theirs["minion"]), theirs["relationships"][name]))
            if any((end["state"], end["partner_state"]) != NORMAL for _, end in ends):
                continue  # what is not normal yet is waited for anyway
            for who, end in ends:
                drain = self._drains.setdefault((server, name, who), Drained(now))
                if not end["unacked"]:
                    drain.whole = True
                if drain.whole or drain.released >= RELEASES:
                    continue
                whole = False
                if now - drain.since > STUCK_SECONDS:
                    drain.released += 1
                    self.minions.release_window(who, drained=True, run=self.run)
                    for other, _ in ends:
                        again = self._drains.setdefault((server, name, other), Drained(now))
                        again.since, again.whole = now, False
        return whole

    def checks(self, answers: Mapping[str, Look], view: PairView) -> list[pair_preflight.Check]:
        """
        Return every check of the preflight for what was seen; nothing is touched or claimed.

        answers
            What ``minions.inspect`` returned for the whole group.
        view
            The same, with the master's locks and holds.
        """
        guard = {server: self._judge(server, answers) for server in self.servers}
        return pair_preflight.preflight(view, guard, self.request.policy)

    def _seen(self, facts: ServerFacts) -> str:
        ends = [
            f"{name} {end['state']}/{end['partner_state']}"
            for name, end in sorted(facts["relationships"].items())
        ]
        return ", ".join(ends) or "no relationship"


def _no(comment: str) -> Answer:
    return {"result": False, "comment": comment}


def mark_of(process: ProcessFacts) -> ProcessMark:
    """Return which process it is."""
    return {
        "pid": process["pid"],
        "identity": process["identity"],
        "started": process["started"],
    }


def identity_of(answer: Answer) -> str | None:
    """Return the identity of the process that an act has started."""
    new = answer.get("new")
    return new.get("identity") if new else None


def is_open(answer: Answer) -> bool:
    """
    Return whether it is open what became of an order.

    Its answer was lost, or another call is at work there: that may be this very order, come twice.
    """
    return "lost" in answer or answer.get("code") == "acting"


def why_open(answer: Answer) -> str:
    """Return why it is open what became of an order."""
    return str(answer.get("lost") or answer.get("comment")).rstrip(".")


def blocking(answer: Answer) -> set[str]:
    """Return the codes for which the minion's guard has refused an act."""
    return {reason["code"] for reason in answer.get("reasons", ()) if reason["blocks"]}


def things_to_do(answer: Answer) -> list[str]:
    """Return what to do about that for which the minion's guard has refused an act, each once."""
    found = [reason.get("do") for reason in answer.get("reasons", ()) if reason["blocks"]]
    return list(dict.fromkeys(one for one in found if one))


def acted_on(answer: Look) -> bool:
    """Whether dhcpd of a server is being stopped or started, by its facts or the refused claim."""
    facts = answer.get("facts")
    return answer.get("code") == "acting" or bool(facts and facts["acting"])


def release_patience(lease_bytes: int) -> float:
    """
    Return for how many seconds a survivor's window is left alone after it was released.

    While the full update runs the window is full too.
    """
    return 10.0 + 2 * measured.update_seconds(measured.addresses_in(lease_bytes))


def restart_patience(facts: ServerFacts) -> float:
    """
    Return for how many seconds a stop and start of this server may reasonably take.

    Computed from the lease file's size (slow machines have been reported at 10 minutes for 75 MB)
    and the last start that was measured.
    """
    size = facts["lease_file"]["bytes"]
    last = facts["last_start"]["seconds"] if facts["last_start"] else 0.0
    return 45.0 + size / 1_000_000 * 8.0 + 5.0 * last
