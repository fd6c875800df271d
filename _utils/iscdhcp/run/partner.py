"""
A partner that died, as the master sees it: taken for dead by hand, and brought back.

:class:`PartnerRun` locks and claims as the restart of a pair does (:mod:`iscdhcp.run.restart`);
what may be done is decided in :mod:`iscdhcp.rules.is_dead`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import unknown
from .. import words
from ..answers import Look
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..pair.discovery import Discovery
from ..pair.discovery import Pair
from ..pair.discovery import listed
from ..pair.half_known import HalfKnown
from ..pair.minions import Minions
from ..rules import is_dead
from ..rules import lease_age
from ..rules import wording
from ..rules.verdict import Reason
from ..shapes import Death
from ..shapes import PartnerSeen
from ..shapes import ProcessFacts
from ..shapes import ServerFacts
from ..shapes import Stake
from .base import Request
from .base import Step
from .restart import POLL_INTERVAL
from .restart import PairRun
from .restart import identity_of
from .restart import restart_patience
from .steering import step

#: Seconds that the survivor may take to look for its partner, and to act.
LOOK_SECONDS = 20.0
#: Those that it may take besides where it is started again for that.
NEW_START_SECONDS = 60.0
#: Seconds that a returned server is followed until it is known what holds it.
FIRST_STATE_SECONDS = 30.0
#: What to do about a lease file that is gone (ISC's dhcpd.leases(5), measured).
LOST_LEASES = (
    "If the file is lost with the disk: put dhcpd.leases~ or a backup in its place and run this "
    "again, which has it fetch what is newer; else make an empty one and say force=lease-file: its "
    "partner then sends every lease, and it answers nobody for a whole MCLT."
)


@dataclass
class PartnerRequest(Request):
    """Which server is dead, or (``only``) has returned."""

    dead: str | None = None


class PartnerRun(PairRun):
    """
    One act about a dead partner, on its survivor or on itself (:attr:`server`).

    Arguments as of :class:`PairRun`.
    """

    # The record of an unfinished restart stays as it is, and does not stand in the way.
    kind = None

    def __init__(
        self,
        pair: Pair,
        discovery: Discovery,
        minions: Minions,
        directory: Path,
        who: str,
        request: PartnerRequest,
        say: Callable[[str], None] = lambda sentence: None,
        *,
        clock: Clock = SYSTEM,
    ) -> None:
        server = request.dead or request.only
        if server not in pair.servers:
            raise IscDhcpError(f"{server or 'nothing'} is not a server of {pair}: say which one")
        first, second = pair.servers
        if request.dead:
            request.only = second if request.dead == first else first
        super().__init__(pair, discovery, minions, directory, who, request, say, clock=clock)
        assert request.only
        self.server = request.only
        self.other = second if self.server == first else first
        #: The silent minions that may be the partner, where only its address is known.
        self.suspects: tuple[str, ...] = ()
        if isinstance(pair, HalfKnown):
            self.suspects = pair.suspects
            self.group = sorted({*self.group, *self.suspects})
        self._held_until: float | None = None

    def _left(self, acted_on: str | None = None) -> str:
        return " The same command goes on from here."

    @property
    def deed(self) -> str:
        """What is done, in words."""
        dead = isinstance(self.request, PartnerRequest) and self.request.dead
        return f"Partner-down for {dead}" if dead else f"Return of {self.server}"

    # -- partner-down --------------------------------------------------------------------------

    def take_for_dead(self, confirm: str | None = None, test: bool = False) -> Step:
        """
        Put :attr:`server` into partner-down because its partner is dead, if it is.

        confirm
            The partner's minion id, from a person who has made sure of it; its address where nobody
            knows that.
        """
        if test:
            return self._take_for_dead(confirm, test)
        return self.concluded(self._partner_down(self.server, confirm))

    @step("partner_down")
    def _partner_down(self, server: str, confirm: str | None) -> Step:
        return self._take_for_dead(confirm)

    def _take_for_dead(self, confirm: str | None = None, test: bool = False) -> Step:
        me, dead, name = self.server, self.other, self.pair.name
        asked = [me, *self.suspects] if isinstance(self.pair, HalfKnown) else [me, dead]
        self.say(f"Asking {listed(asked, ' and ')} (a dead minion takes some seconds).")
        answers = self._ask_all(test)
        refused = [one["refused"] for _, one in sorted(answers.items()) if one.get("refused")]
        if refused:
            return Step(False, f"{self.pair}: {'; '.join(refused)}. Nothing was done.")
        mine = answers.get(me, {})
        if "facts" not in mine:
            why = mine.get("error")
            return Step(
                False, f"No usable answer from {me}, the survivor ({why}). Nothing was done."
            )
        changed = self._known_by_now(answers)
        if changed:
            return Step(False, f"{changed} Nothing was done.")
        partner = self._partner(self._of_partner(answers), mine["offset"])
        if partner["running"]:
            # One that answers needs no search.
            verdict = is_dead.judge(mine["facts"], name, partner, None, confirm)
            return Step(False, f"{verdict.sentence} Nothing was done.")
        seen = self.minions.look_for_partner(me, name, LOOK_SECONDS)
        if isinstance(seen, str):
            return Step(False, f"{me} could not look for {dead}: {seen}. Nothing was done.")
        facts = seen["facts"]
        stake = is_dead.stake(facts, name, dead, seen["addresses"])
        end = facts["relationships"].get(name)
        if end and end["state"] == "partner-down":
            since = words.clock(end["since"])
            return Step(True, f"{me} is in partner-down since {since} UTC already. {stake}")
        verdict = is_dead.judge(facts, name, partner, seen["probe"], confirm)
        warnings = [reason.text for reason in verdict.warnings]
        if not verdict.ok:
            return Step(
                False, f"{verdict.sentence} At stake: {stake} Nothing was done.", warnings=warnings
            )
        if test:
            comment = f"{me} would be put into partner-down in {name}. {stake}"
            return Step(None, comment, warnings=warnings)
        state = str(end and end["state"])
        return self._act(partner, confirm, seen["addresses"], warnings, state)

    def _act(
        self,
        partner: PartnerSeen,
        confirm: str | None,
        counts: Stake,
        warnings: list[str],
        state: str,
    ) -> Step:
        me, dead, name = self.server, self.other, self.pair.name
        evidence: Death = {"partner": partner, "confirm": confirm}
        done = self.minions.act(
            me,
            "dhcpd.partner_down",
            LOOK_SECONDS + (NEW_START_SECONDS if state in is_dead.MUTE else 0.0),
            relationship=name,
            evidence=evidence,
            run=self.run,
        )
        if not done.get("result") and "lost" not in done:
            return Step(False, f"{done.get('comment')} Nothing was done.", warnings=warnings)
        # Whatever was said: both ends once more.
        half = isinstance(self.pair, HalfKnown)
        asked = [me, *self.suspects] if half else [me, dead]
        answers = self.minions.status(asked, brief=True)
        facts = answers.get(me, {}).get("facts") or unknown.server()
        end = facts["relationships"].get(name) or unknown.end()
        if end["state"] != "partner-down":
            seen = end["state"] or answers.get(me, {}).get("error") or "unknown"
            return Step(
                False,
                f"{me} was told to take {dead} for dead and is not in partner-down ({seen}): look "
                "at dhcp_failover.status, then run this again.",
                warnings=warnings,
            )
        back = self._running(answers, [*self.suspects] if half else [dead])
        if back:
            who, pid = back
            return Step(
                False,
                f"{me} is in partner-down, and {who} runs dhcpd now (pid {pid}): "
                "unless they connect within seconds both may serve the same addresses. Follow it "
                f"with dhcp_failover.wait_normal {name}; if they can't connect, stop dhcpd on "
                f"{who}.",
                warnings=warnings,
            )
        stake = is_dead.stake(facts, name, dead, counts)
        comment = (
            f"{me} takes {dead} for dead in {name} (partner-down since "
            f"{words.clock(end['since'])} UTC). {stake} "
            f"When {dead} is repaired: dhcp_failover.bring_back "
            f"server={'ITS_MINION_ID' if half else dead}."
        )
        self.say(comment)
        changes = {me: {"old": state, "new": "partner-down"}}
        return Step(True, comment, changes, warnings)

    def _ask_all(self, test: bool) -> dict[str, Look]:
        if test:
            return self.minions.status(list(self.group))
        self.claimed = True
        return self.claim_group()

    def _of_partner(self, answers: Mapping[str, Look]) -> Look:
        """What the partner's minion has answered; of one that nobody knows, why it is silent."""
        if isinstance(self.pair, HalfKnown):
            return {"error": self.pair.unknown}
        return answers.get(self.other, {})

    def _known_by_now(self, answers: Mapping[str, Look]) -> str:
        """Say that a partner of whom only the address was known is another one, or known now."""
        if not isinstance(self.pair, HalfKnown):
            return ""
        me, name = self.server, self.pair.name
        heard = [one for one in self.suspects if "facts" in answers.get(one, {})]
        if heard:
            return (
                f"{listed(heard, ' and ')} answered just now and may be the partner of {me} in "
                f"{name}: give the same command again, which asks who that is."
            )
        end = answers[me]["facts"]["relationships"].get(name)
        address = end and end["peer_address"]
        if end and address != self.other:
            return (
                f"The partner of {me} in {name} was {self.other}, and its dhcpd.conf says "
                f"{address} now: give the same command again."
            )
        return ""

    @staticmethod
    def _running(answers: Mapping[str, Look], servers: Iterable[str]) -> tuple[str, Any] | None:
        """Return the first of the servers whose dhcpd is known to run, and its pid."""
        for server in servers:
            process = (answers.get(server, {}).get("facts") or unknown.server())["process"]
            if process["running"]:
                return server, process["pid"]
        return None

    def _partner(self, answer: Look, offset: float) -> PartnerSeen:
        """What is known of the other end, for :func:`iscdhcp.rules.is_dead.judge`."""
        facts = answer.get("facts")
        process = (facts or unknown.server())["process"]
        return {
            "minion": self.other,
            "answered": facts is not None,
            "running": _runs(process),
            "signs": process["signs"],
            "pid": process["pid"],
            "error": answer.get("error"),
            # Silence lasted until now.
            "observed": self.clock.time() + offset,
        }

    # -- and back ------------------------------------------------------------------------------

    def bring_back(
        self,
        force: Iterable[str] = (),
        wait: bool = True,
        test: bool = False,
        fetch: bool = False,
    ) -> Step:
        """
        Start dhcpd on :attr:`server`, if it does not run, and follow it until it is normal.

        force
            Codes for ``dhcpd.start``; ``lease-age`` starts it on an old lease file as it is.
        wait
            Wait until it is normal; else only until it is known what holds it.
        fetch
            Have it fetch every lease from its partners, however new its lease file looks.
        """
        codes = list(force)
        if test:
            return self._bring_back(codes, wait, test, fetch)
        return self.concluded(self._brought_back(self.server, codes, wait, fetch))

    @step("bring_back")
    def _brought_back(self, server: str, force: list[str], wait: bool, fetch: bool) -> Step:
        return self._bring_back(force, wait, False, fetch)

    def _bring_back(self, force: list[str], wait: bool, test: bool, fetch: bool) -> Step:
        me = self.server
        answers = self.minions.inspect(list(self.group)) if test else self._ask_all(test)
        refused = [one["refused"] for _, one in sorted(answers.items()) if one.get("refused")]
        if refused:
            return Step(False, f"{self.pair}: {'; '.join(refused)}. Nothing was done.")
        mine = answers.get(me, {})
        facts = mine.get("facts")
        if facts is None:
            return Step(
                False,
                f"No usable answer from {me} ({mine.get('error')}): power it on and have its "
                f"minion run (salt {me} test.ping), then run this again.",
            )
        for name, theirs in self._partner_facts(facts, answers).items():
            if theirs is None or not theirs["process"]["running"]:
                who = self._partner_of(me, name)
                return Step(
                    False,
                    f"dhcpd does not run on {who}, the partner of {me} in {name}, or nobody can "
                    f"tell: bring {who} back first, it has the newer leases. Nothing was done.",
                )
        process = facts["process"]
        running = process["running"]
        if not running and process["signs"]:
            told = "; ".join(process["signs"])
            text = f"No dhcpd is seen on {me}, and yet {told}: look there who that is."
            return Step(False, f"{text} Nothing was done.")
        old = {} if running else self._old_files(facts, answers)
        if fetch and running:
            return Step(
                False,
                f"dhcpd runs on {me}: stop it first (dhcp_failover.stop server={me}), then its "
                "lease file can be told to fetch everything. Nothing was done.",
            )
        fetched = not running and (fetch or ("lease-age" not in force and bool(old)))
        warnings = [reason.text for reason in old.values()]
        if test:
            what = "is followed" if running else "would be started and followed"
            if fetched:
                what = "would fetch every lease from its partner at its start, and be followed"
            return Step(None, f"dhcpd on {me} {what} until it is normal.", warnings=warnings)
        changes = {}
        if fetched:
            not_told = self._fetch_all(facts, answers, old)
            if not_told is not None:
                return not_told
        if not running:
            step, identity = self._start(facts, force)
            if step is not None:
                return step
            changes = {me: {"old": "not running", "new": identity}}
        held = self._first_states()
        if not wait:
            return Step(True, f"dhcpd runs on {me}. {held}", changes, warnings)
        step = self.wait_normal(me)
        step.warnings = [*step.warnings, *warnings]
        if step.result and self._held_until:
            step.comment += f" MCLT held it until {words.clock(self._held_until)} UTC."
        step.changes = changes
        return step

    def _old_files(self, facts: ServerFacts, answers: Mapping[str, Look]) -> dict[str, Reason]:
        """Return why the lease file is older than what a partner knows, by relationship."""
        found = {}
        for name, theirs in self._partner_facts(facts, answers).items():
            reason = lease_age.of_facts(facts, theirs, name) if theirs else None
            if reason:
                found[name] = reason
        return found

    def _fetch_all(
        self, facts: ServerFacts, answers: Mapping[str, Look], old: Mapping[str, Reason]
    ) -> Step | None:
        """Have the server fetch every lease at its start; return the step if that is refused."""
        known: dict[str, float | None] = {}
        for name, theirs in self._partner_facts(facts, answers).items():
            survey = theirs["survey"] if theirs else None
            there = (survey["knowledge"] or {}).get(name) if survey else None
            known[name] = there["known"] if there else None
        for reason in old.values():
            self.say(f"{reason.text}: it fetches every lease first.")
        answer = self.minions.act(
            self.server, "dhcpd.recover_leases", LOOK_SECONDS, known=known, run=self.run
        )
        if answer.get("result"):
            self.say(str(answer["comment"]))
            return None
        why = str(answer.get("comment") or answer.get("lost")).rstrip(".")
        return Step(False, f"dhcpd on {self.server} was not started: {why}. Run this again.")

    def _start(self, facts: ServerFacts, force: Iterable[str]) -> tuple[Step | None, str | None]:
        me, patience = self.server, restart_patience(facts)
        self.say(f"Starting dhcpd on {me}.")
        answer = self.minions.act(
            me,
            "dhcpd.start",
            patience + 30.0,
            timeout=patience,
            force=sorted(force),
            run=self.run,
        )
        if "lost" not in answer and not answer.get("result"):
            comment = str(answer.get("comment"))
            lost = f" {LOST_LEASES}" if answer.get("code") == "lease-file-missing" else ""
            return Step(False, f"{comment}{lost}"), None
        return None, identity_of(answer)

    def _first_states(self) -> str:
        """Follow the server until it is known what holds it; return that as a sentence."""
        deadline = self.clock.monotonic() + FIRST_STATE_SECONDS
        resumed = False
        while True:
            answers = self.minions.status(self.discovery.partners([self.server]), brief=True)
            facts = answers.get(self.server, {}).get("facts")
            ends = facts["relationships"] if facts else {}
            states = {str(end["state"]) for end in ends.values()}
            if facts:
                self._cure(facts, answers)
            if states & {"shutdown", "paused"} and not resumed:
                resumed = True
                answer = self.minions.act(self.server, "dhcpd.resume", LOOK_SECONDS, run=self.run)
                self.say(str(answer.get("comment") or answer.get("lost")))
            elif self._held_until or states == {"normal"} or self.clock.monotonic() > deadline:
                break
            self._sleep(POLL_INTERVAL)
        if self._held_until:
            held = (
                f"MCLT holds {self.server} in recover-wait until "
                f"{words.clock(self._held_until)} UTC: until then "
                f"{self.other} serves alone and must stay up."
            )
        else:
            held = f"{self.server} is in {', '.join(sorted(states)) or 'an unknown state'}."
        self.say(held)
        return held

    def _cure(self, facts: ServerFacts, answers: Mapping[str, Look]) -> None:
        """As in a restart; and note until when MCLT holds the server."""
        for end in facts["relationships"].values():
            until = wording.recover_wait_until(end)
            if until:
                self._held_until = max(until, self._held_until or 0.0)
        super()._cure(facts, answers)


def _runs(process: ProcessFacts) -> bool | None:
    """Whether dhcpd runs, by a server's facts; ``None``: none is seen, which proves nothing."""
    if process["running"]:
        return True
    return False if process["absent"] else None
