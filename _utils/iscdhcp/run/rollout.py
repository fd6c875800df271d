"""
New configuration for a pair: the secondary's files and restart, then the primary's.

:class:`Rollout` is a :class:`iscdhcp.run.restart.PairRun` with two more kinds of steps: both
servers' new files are checked before the first is touched, and a server that does not come back to
normal with its new files, or does not stay so for its probation (:mod:`iscdhcp.run.probation`),
gets the old ones back and is restarted with them.

Procedure: ISC KB AA-01043 (for a change of ranges, the secondary first).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import commands
from .. import unknown
from .. import words
from ..answers import Answer
from ..answers import Look
from ..answers import ProcessMark
from ..answers import StageRecord
from ..errors import IscDhcpError
from ..pair import discovery
from ..pair.discovery import Pair
from ..pair.drift import drift
from ..rules import forgotten_leases
from ..rules.evidence import evidence_of
from ..rules.evidence import unseen
from ..rules.origins import ORIGINS
from ..rules.origins import check_origins
from ..shapes import Evidence
from ..troubles.force import FORCEABLE
from .base import Planned
from .base import Request
from .base import Step
from .orders import Interrupted
from .probation import PROBATION_SECONDS
from .probation import ProbationRun
from .restart import ASKED_AGAIN
from .restart import POLL_INTERVAL
from .restart import identity_of
from .restart import mark_of
from .restart import restart_patience
from .steering import step

#: Seconds in which a server has to have fetched and checked its new files.
STAGE_SECONDS = 120.0
#: How often a roll-back is ordered where dhcpd turns out to be another process meanwhile: a service
#: manager may start one that ends at once again and again.
ROLL_BACK_ORDERS = 5
#: What became of such an order, where its call died before the old files were back.
_DIED = "died"
#: Lines of a difference between the two that are shown.
_DRIFT_LINES = 30
#: What two ends of a relationship have to say alike for this to be the same relationship.
_SAME = ("role", "address", "port", "peer_address", "peer_port")

Report = Mapping[str, Any]


# -- decisions -----------------------------------------------------------------------------------


def misfits(
    pair: Pair, first: str, now: Mapping[str, Report], new: Mapping[str, Report]
) -> list[str]:
    """
    Say why servers would not find each other with new configurations, as sentences.

    first
        The server that gets its new configuration first: for a while its partner has the old one.
    now, new
        What both say now and would say (as ``dhcpd.peers`` does), by minion id.
    """
    second = pair.primary if first == pair.secondary else pair.secondary
    found: dict[str, None] = {}
    between = {first: new[first], second: now[second]}
    for reports, when in (
        (between, f"while {first} has its new configuration and {second} the old one"),
        (new, "once both have their new configuration"),
    ):
        for problem in _misfit(pair, reports):
            if not any(known.startswith(problem) for known in found):
                found[f"{problem} ({when})"] = None
    for server in pair.servers:
        before, after = (one[server].get("relationships", {}) for one in (now, new))
        for name in sorted(set(before) - {pair.name}):
            if {key: before[name].get(key) for key in _SAME} != {
                key: after.get(name, {}).get(key) for key in _SAME
            }:
                found[f"{name}, which {server} has with another partner, would change"] = None
    return list(found)


def _misfit(pair: Pair, reports: Mapping[str, Report]) -> list[str]:
    matched = discovery.match(reports)
    if pair not in [Pair(one.name, one.primary, one.secondary, pair.mclt) for one in matched.pairs]:
        about = [problem for problem in matched.problems if pair.name in problem]
        gone = [
            f"{pair.name} is not in the configuration of {server}"
            for server in pair.servers
            if pair.name not in reports[server].get("relationships", {})
        ]
        return gone or about or [f"the roles of {pair.name} would change"]
    ends = {server: reports[server]["relationships"][pair.name] for server in pair.servers}
    return [
        f"{mine} looks for {pair.name} at port {ends[mine]['peer_port']} of {other}, which listens "
        f"at {ends[other]['port']}"
        for mine, other in (pair.servers, pair.servers[::-1])
        if ends[mine].get("peer_port") != ends[other].get("port")
    ]


def to_take_back(records: Mapping[str, StageRecord | None]) -> str | None:
    """
    Return the run whose files were put in place last, or ``None`` where there is none.

    records
        What is noted on each server (``dhcpd.staged``).
    """
    kept = [
        one if not one or one["state"] == "applied" else one.get("before")
        for one in records.values()
    ]
    applied = [one for one in kept if one]
    last = max(applied, key=lambda one: one["applied_at"] or 0.0, default=None)
    return last["run"] if last else None


# -- the run -------------------------------------------------------------------------------------


@dataclass
class RolloutRequest(Request):
    """Also for how many seconds the first server is on probation."""

    probation: float = PROBATION_SECONDS


class Rollout(ProbationRun):
    """
    One rollout over one pair.

    It takes what :class:`PairRun` takes; its minions have ``ask`` too
    (:class:`iscdhcp_salt.minions.SaltMinions`). :attr:`origins` says where the files come from:
    ``source``, ``contents_pillar``, ``sls`` or ``file``, and ``template`` and ``saltenv``; or
    ``previous``, which is the last rollout taken back.
    """

    request: RolloutRequest
    kind = "rollout"
    #: With the new files, and where that fails with the old ones.
    starts = 2

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.origins: dict[str, Any] = {}
        #: What each server said of its new files.
        self.staged: dict[str, dict[str, Any]] = {}
        self._replaced_on: set[str] = set()
        #: Servers from which an answer was lost: their process tells nothing of their files.
        self._files_open: set[str] = set()

    @property
    def task(self) -> str:
        """Where the new configuration comes from."""
        origins = commands.without_password(self.origins)
        return ", ".join(f"{key} {value}" for key, value in sorted(origins.items()))

    # -- steps -------------------------------------------------------------------------------

    def steps(self) -> list[Planned]:
        """Return the steps, in order; see :meth:`iscdhcp.run.restart.PairRun.steps`."""
        listed = [
            Planned("lock", self.lock),
            Planned("preflight", self.preflight),
            Planned("configurations checked", self.stage),
        ]
        for position, server in enumerate(self.servers):
            listed.append(Planned(f"configuration of {server}", partial(self.configure, position)))
            listed.append(Planned(f"pair normal after {server}", partial(self.prove, position)))
        return [*listed, Planned("configurations agree", self.agree)]

    @step("lock")
    def lock(self, test: bool = False) -> Step:
        """Lock as a restart does, once it is clear where the files come from."""
        named = {key: self.origins[key] for key in ORIGINS if self.origins.get(key)}
        try:
            if named:
                check_origins(named)
            if named and self.origins.get("previous"):
                raise IscDhcpError(
                    f"previous takes the last rollout back, so leave {', '.join(named)} away"
                )
        except IscDhcpError as err:
            return Step(False, f"{self.pair}: {err}. Nothing was touched.")
        return super().lock(test)

    @step("check")
    def stage(self, test: bool = False) -> Step:
        """Have both servers fetch and check their new files; none of them is put in place."""
        arguments = {**self.origins, "run": self.run or "dry run", "test": test}
        arguments["probation"] = {self.servers[0]: self.request.probation}
        self.renew_claim()
        if self.origins.get("previous"):
            before = self.record.get("takes_back") or self._last_rollout()
            if isinstance(before, Step):
                return before
            self.record["takes_back"] = arguments["previous"] = before
        answers = self.minions.ask(self.servers, "dhcpd.stage", arguments, patience=STAGE_SECONDS)
        refused = []
        for server in self.servers:
            answer = answers[server].get("ret")
            if not isinstance(answer, dict):
                refused.append(f"{server}: {answers[server].get('error') or answer}")
            elif not answer.get("result"):
                refused.append(str(answer.get("comment") or f"{server} did not say why"))
            else:
                self.staged[server] = answer
        if refused:
            return Step(False, f"{'; '.join(refused).rstrip('.')}. Nothing was touched.")
        found = misfits(
            self.pair,
            self.servers[0],
            {server: answer["peers"] for server, answer in self.staged.items()},
            {server: answer["new_peers"] for server, answer in self.staged.items()},
        )
        if found and "mismatch" not in self.request.force:
            return Step(
                False,
                f"{self.pair} would not be normal with this: {'; '.join(found)}. Nothing was "
                "touched. What both ends must change at the same moment can't be rolled out one "
                "after the other.",
            )
        kept = forgotten_leases.keeps_leases(
            {server: answer.get("forgotten") for server, answer in self.staged.items()},
            self.request.force,
        )
        if not kept.ok:
            told = "; ".join(f"{one.text} ({one.do})" for one in kept.blockers)
            return Step(False, f"{self.pair}: {told}. Nothing was touched.")
        plan = " ".join(self._plan(server) for server in self.servers)
        self.say(plan)
        changes = {
            server: answer["files"] for server, answer in self.staged.items() if answer["files"]
        }
        found += [reason.text for reason in kept.warnings]
        found += [
            f"{server}: {finding}"
            for server, answer in self.staged.items()
            for finding in answer.get("findings") or ()
        ]
        return Step(None if test else True, plan, changes if test else {}, found)

    def _last_rollout(self) -> str | Step:
        """Return the run that is to be taken back, or a step that says why there is none."""
        records: dict[str, Any] = {}
        for server in self.servers:
            answer = self.minions.ask([server], "dhcpd.staged", {}, patience=20.0)[server]
            if "ret" not in answer:
                why = answer.get("error")
                return Step(False, f"{server}: {why}. Nothing was touched.")
            records[server] = answer["ret"] or None
        found = to_take_back(records)
        if found is None:
            return Step(
                False,
                f"{self.pair}: no rollout is known on either server whose files could be taken "
                "back. Nothing was touched.",
            )
        return found

    def _plan(self, server: str) -> str:
        answer = self.staged[server]
        files = ", ".join(answer["files"])
        if not files and not answer["why"]:
            return f"{server} has this configuration already."
        what = f"{server} gets {files}" if files else f"{server} has the files already"
        if not answer["why"]:
            return f"{what}; nothing in it needs a restart."
        return f"{what} and is restarted: {answer['why']}."

    def configure(self, position: int, test: bool = False) -> Step:
        """Put the new files in place on one server, and restart it where that matters."""
        done = self._configure(position, test)
        return done if test else self.ended_with("configure", self.servers[position], done)

    def _configure(self, position: int, test: bool) -> Step:
        server = self.servers[position]
        answer = self.staged.get(server)
        if answer is None:
            return Step(False, f"The new configuration of {server} was not checked in this run.")
        files, why = answer["files"], answer["why"]
        if not files and not why:
            return Step(None if test else True, self._plan(server))
        changes = {"files": files} if files else {}
        if test:
            step = self._would_restart(server) if why else Step(None, "")
            if step.result is False:
                return step
            comment = f"{self._plan(server)} {step.comment}".strip()
            return Step(None, comment, {server: {**changes, **step.changes.get(server, {})}})
        if not why:
            self._ordered(server)
            done = self._ask(server, "dhcpd.apply_staged", {"run": self.run})
            if not done.get("result"):
                return self._failure(f"{server}: {done.get('comment')}", server)
            return Step(True, str(done["comment"]), {server: changes})
        # The files are new, whatever this run has done before.
        self._entry(server).clear()
        if files:
            self._replaced_on.add(server)
        step = self.restart(position)
        if step.result and files:
            step = self._not_in_place(server) or step
        if step.result:
            return Step(
                True,
                step.comment,
                {server: {**changes, **step.changes.get(server, {})}},
                step.warnings,
            )
        return self._after_failed_start(server, step)

    def prove(self, position: int, test: bool = False) -> Step:
        """Wait until the pair is normal again; else give the server its old files back."""
        done = self._prove(position, test)
        return done if test else self.ended_with("prove", self.servers[position], done)

    def _prove(self, position: int, test: bool) -> Step:
        server = self.servers[position]
        seconds = self.request.probation
        if test:
            step = self.wait_normal(server, test=True)
            if position == 0 and seconds:
                step.comment += f" Then {server} would be on probation for {words.span(seconds)}."
            return step
        step = self.wait_normal(server)
        if step.result:
            lost = self._lost_relationships(server)
            if not lost and not self._has_probation(position):
                return step
            if lost:
                step = Step(False, f"{server} does not know {', '.join(lost)} any more.")
            else:
                stood = self.stand(server, seconds)
                if stood.result:
                    comment = f"{step.comment} {stood.comment}"
                    return Step(True, comment, step.changes, step.warnings)
                if stood.why is None:
                    return stood
                step = stood
        if not self._is_applied(server):
            return step
        return self._take_back(server, step)

    def _has_probation(self, position: int) -> bool:
        """Whether this server is the first that this run has restarted, and not yet trusted."""
        server = self.servers[position]
        before = self.servers[:position]
        if not self.request.probation or any(self._entry(one).get("now") for one in before):
            return False
        entry = self._entry(server)
        if not entry.get("now"):
            # A run that died in its restart: what it has started is what is on probation.
            facts = self.minions.status([server], brief=True).get(server, {}).get("facts")
            if facts is None or not self.restarted(server, facts):
                return False
            entry["now"] = facts["process"]["identity"]
        return not self.stood(server)

    @step("agree")
    def agree(self, test: bool = False) -> Step:
        """Check that both servers say the same now, and end the run."""
        if test:
            return Step(None, "Both configurations would be compared by their meaning.")
        self.record["finished"] = self.clock.time()
        self._save()
        found = drift(self.minions, self.pair)
        shown = [*found.get("problems", ()), *found.get("diff", ())]
        if found["equal"]:
            self.say(f"{self.pair}: {found['comment']}")
            return self._rolled_out(str(found["comment"]))
        more = len(shown) - _DRIFT_LINES
        lines = shown[:_DRIFT_LINES] + ([f"... and {more} more lines"] if more > 0 else [])
        about = "\n".join(lines)
        comment = (
            f"Both servers of {self.pair} have their new configuration and are normal, but: "
            f"{found['comment']}{f' The difference:{chr(10)}{about}' if about else ''}"
        )
        return self._rolled_out(comment) if "drift" in self.request.force else Step(False, comment)

    def _rolled_out(self, comment: str) -> Step:
        """Return the last step of a rollout that has ended well, whatever it had to restart."""
        now = self.clock.time()
        for server in self.servers:
            self._entry(server).setdefault("normal", now)
        done = [server for server in self.servers if self._entry(server).get("now")]
        restarted = f"{', '.join(done)} restarted" if done else "Nothing had to be restarted"
        self.outcome = "done", f"{restarted}. {comment}"
        return Step(True, comment)

    def unlock(self, test: bool = False) -> Step:
        """Give everything back, and remove what was staged and not used."""
        if self.staged and not test:
            # Whoever pressed Ctrl-C waits for no answer; the order is out before one is waited for.
            with suppress(Interrupted):
                self.minions.ask(self.servers, "dhcpd.unstage", {"run": self.run}, patience=5)
        return super().unlock(test)

    # -- helpers -----------------------------------------------------------------------------

    def _restart_arguments(self, server: str) -> dict[str, Any]:
        return {"staged": self.run} if self.staged[server]["files"] else {}

    def _ask(
        self, server: str, function: str, arguments: dict[str, Any], patience: float = 20.0
    ) -> dict[str, Any]:
        """One server's answer as a dict; ``lost`` or ``comment`` where there is none."""
        answer = self.minions.ask([server], function, arguments, patience=patience)[server]
        if isinstance(answer.get("ret"), dict):
            return dict(answer["ret"])
        if "ret" in answer or answer.get("answered"):
            return {"comment": str(answer.get("error") or answer.get("ret"))}
        return {"lost": answer.get("error"), "comment": str(answer.get("error"))}

    def _settle(self, server: str, before: ProcessMark, lost: str, patience: float) -> Answer:
        self._files_open.add(server)
        return super()._settle(server, before, lost, patience)

    def _not_in_place(self, server: str) -> Step | None:
        """
        Return the failed step of a server that was restarted, and not with its new files.

        That it runs is all that is known where its answer was lost. It may have its old files back,
        or who stands by has started it when the call had died.
        """
        if server not in self._files_open:
            return None
        record = self._stage_record(server)
        state = record.get("state")
        if state == "applied" and record.get("applied_at"):
            self._files_open.discard(server)
            return None
        told = {
            "rolled-back": f"dhcpd on {server} did not start with its new files.",
            "applied": f"The call that was to put the new files of {server} in place died in it.",
            "staged": f"{server} runs with its old configuration: the call that was to put the new "
            "one in place died.",
        }
        unknown_files = f"Whether {server} runs with its new files is not known: it does not say."
        # It counts as restarted with them to nobody.
        self._entry(server).pop("now", None)
        self._save()
        return self._failure(told.get(str(state), unknown_files), server)

    def _left(self, acted_on: str | None = None) -> str:
        text = super()._left(acted_on)
        had = [one for one in self.servers if self._had_it(one)]
        if had and len(had) < len(self.servers):
            return f" {', '.join(had)} had the new configuration already.{text}"
        return text

    def _had_it(self, server: str) -> bool:
        """Whether a server runs with its new configuration, before this run does anything."""
        answer = self.staged.get(server)
        return answer is not None and not answer["files"] and not answer["why"]

    def _stage_record(self, server: str) -> dict[str, Any]:
        """Return what this run has done to a server's files; empty where it does not say."""
        for asked in range(ASKED_AGAIN + 1):
            if asked:
                self.keep_claim()
                self._sleep(POLL_INTERVAL * 3)
            record = self._ask(server, "dhcpd.staged", {})
            if "lost" not in record:
                break
        return record if record.get("run") == self.run else {}

    def _stage_state(self, server: str) -> str | None:
        return self._stage_record(server).get("state")

    def _is_applied(self, server: str) -> bool:
        return server in self._replaced_on or self._stage_state(server) == "applied"

    def _lost_relationships(self, server: str) -> list[str]:
        answer = self.minions.status([server], brief=True).get(server, {})
        facts = answer.get("facts")
        wanted = [pair.name for pair in self.discovery.of_server(server)]
        return [name for name in wanted if facts and name not in facts["relationships"]]

    def _after_failed_start(self, server: str, step: Step) -> Step:
        """A restart with new files has failed: by itself the server has its old ones back."""
        state = self._stage_state(server)
        if state == "rolled-back":
            return self._old_again(server, step.why or step.comment)
        if state == "applied":
            return self._take_back(server, step)
        return step

    def _take_back(self, server: str, step: Step) -> Step:
        """Bring the old files back and restart with them; the step stays a failure."""
        why = step.why or step.comment
        self.say(f"{why} Bringing the old configuration of {server} back.")
        self.renew_claim()
        for _ in range(ROLL_BACK_ORDERS):
            answer = self._order_roll_back(server)
            reasons = [one.get("code") for one in answer.get("reasons") or ()]
            if answer.get("result") or not {"other-process", _DIED} & {
                *reasons,
                answer.get("code"),
            }:
                break
        if not answer.get("result"):
            return Step(
                False,
                f"{why} The old configuration of {server} is not back: {answer.get('comment')} "
                f"{self._untouched(server)}Look at {server} now: dhcpd.roll_back there takes the "
                "old configuration, dhcpd.start starts what there is.",
            )
        self._entry(server)["now"] = identity_of(answer)
        return self._old_again(server, why)

    def _order_roll_back(self, server: str) -> Answer:
        answers = self.minions.status(self.discovery.partners([server]), brief=True)
        facts = answers.get(server, {}).get("facts") or unknown.server()
        process = facts["process"]
        patience = restart_patience(facts)
        arguments = {
            "run": self.run,
            "evidence": self._partners_seen(server, answers),
            "force": sorted(self.request.force & set(FORCEABLE)),
            "timeout": patience,
            "identity": process["identity"],
        }
        answer = self.minions.act(server, "dhcpd.roll_back", patience + 30.0, **arguments)
        if "lost" in answer:
            answer = self._settle(server, mark_of(process), answer["lost"], patience)
            if self._stage_state(server) == "applied":
                # Whatever runs there, it is not what was there before.
                why = "the call that was to bring it back died"
                answer = {"result": False, "comment": f"{why}.", "code": _DIED}
        return answer

    def _old_again(self, server: str, why: str) -> Step:
        """Wait until the pair is normal with the old configuration; the run ends here."""
        self.record["finished"] = self.clock.time()
        self._save()
        again = self._wait(server, None)
        why_not = (again.why or again.comment).rstrip(".")
        how = "is normal with it again" if again.result else f"is not normal: {why_not}"
        return Step(
            False,
            f"{why} {server} has its old configuration back and {how}. {self._untouched(server)}"
            "Fix the new configuration and run this again.",
            {server: {"configuration": "the old one was brought back"}},
            why=why,
            do=["fix the new configuration"],
        )

    def _untouched(self, server: str) -> str:
        """Say what the other servers have."""
        rest = self.servers[self.servers.index(server) + 1 :]
        done = self.servers[: self.servers.index(server)]
        if rest:
            return f"{words.were(rest)} not touched. "
        if done:
            return (
                f"{', '.join(done)} keeps its new configuration: the two differ until this is "
                "fixed. "
            )
        return ""

    def _partners_seen(self, server: str, answers: Mapping[str, Look]) -> dict[str, Evidence]:
        """What was seen of the partners, by the relationships that were discovered."""
        offset = answers.get(server, {}).get("offset", 0.0)
        found = {}
        for pair in self.discovery.of_server(server):
            partner = pair.primary if pair.secondary == server else pair.secondary
            theirs = answers.get(partner, {})
            if "facts" in theirs:
                found[pair.name] = evidence_of(
                    theirs["facts"],
                    pair.name,
                    observed=theirs["asked"] + offset,
                    skew=theirs["offset"] - offset,
                )
            else:
                found[pair.name] = unseen(partner, theirs.get("error"))
        return found
