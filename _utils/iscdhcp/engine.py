"""
The restart of a pair, step by step, as the master sees it.

:class:`PairRun` holds the sequence and its record; it asks and acts through a *fleet* (see
:class:`Fleet`), so that the runner and the orchestration's states share every step and tests need
no Salt. Each step returns a :class:`Step` and never raises for what it was built to find out.

Procedure: ISC KB AA-01043 (restart one, wait until both are normal and balanced, then the other).
"""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import Protocol

from . import checks
from . import decisions
from . import journal
from . import plan
from . import stuck
from .decisions import Verdict
from .decisions import clock
from .errors import IscDhcpError
from .inspection import view_of
from .pairs import Discovery
from .pairs import Pair
from .steering import Interrupted as Interrupted
from .steering import Told
from .steering import step
from .store import Held
from .store import Holds
from .store import ServerLocks
from .store import file_name
from .store import read_json
from .store import write_json
from .view import PairView

#: Looks in a row, at every end, that have to find the pair normal.
LOOKS_IN_A_ROW = 3
#: What was seen of all servers may be used for so many seconds instead of asking again.
STILL_FRESH = 3.0
#: Seconds for which the leases that were counted count.
COUNTED_LATELY = 60.0
#: Seconds between two polls while nothing changes.
POLL_INTERVAL = 0.3
#: Seconds without any answer from a server after which a wait gives up.
LOST_CONTACT = 180.0
#: An unfinished run older than this (seconds) is not continued.
RECORD_LIFE = 12 * 3600.0
#: Seconds that a claim on a minion lasts; the waits renew it.
CLAIM_SECONDS = 180.0


#: How a server may be stopped for its restart (``dhcpd.restart``).
METHODS = ("signal", "drain", "handover", "control")


def check_method(method: str) -> None:
    """Raise :class:`IscDhcpError` for a method that there is not."""
    if method not in METHODS:
        raise IscDhcpError(f"method: {method} is not one of {', '.join(METHODS)}")


class Fleet(Protocol):
    """How a run reaches the servers. Answers are ``{"facts": ...}`` or ``{"error": why}``."""

    def status(
        self, minions: list[str], brief: bool = False, looks: int = 1
    ) -> dict[str, dict[str, Any]]:
        """Ask every minion for its facts; each answer has ``offset`` too: its clock minus ours."""

    def inspect(self, minions: list[str], log_hours: float = 0.0) -> dict[str, dict[str, Any]]:
        """As :meth:`status`; the facts have the server's ``survey`` too."""

    def claim(
        self, minions: list[str], claim: dict[str, Any], facts: bool = False
    ) -> dict[str, dict[str, Any]]:
        """
        Put a claim (``run``, ``token``, ``who``, ``seconds``) on the minions, or renew it.

        ``facts`` wants what :meth:`inspect` returns, with the claim in force.
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

    def release_window(self, minion: str, drained: bool = False) -> None:
        """Have the survivor of a hand-over, or of a drain, release its window."""

    def log(self, minions: list[str], since: float) -> dict[str, dict[str, Any]]:
        """Ask what dhcpd has logged since then (epoch seconds): ``events``, ``clients``."""

    def restart(self, minion: str, patience: float, **arguments: Any) -> dict[str, Any]:
        """Restart dhcpd on ``minion``: its answer, or ``{"lost": why}``."""

    def act(
        self, minion: str, function: str, patience: float, **arguments: Any
    ) -> dict[str, Any]:
        """Call a function that answers in ``patience`` seconds: a dict, or ``{"lost": why}``."""

    def new_job(self) -> str:
        """Return an id for :meth:`begin`, so that it can be noted before the act."""

    def begin(
        self, minion: str, job: str, function: str, arguments: list[Any], named: dict[str, Any]
    ) -> str | None:
        """Publish a call that may take long; return why that failed, or ``None``."""

    def outcome(self, minion: str, job: str) -> dict[str, Any]:
        """What became of it: ``{"ret"}``, ``{"running"}``, ``{"gone"}`` or ``{"silent": why}``."""


@dataclass
class Step:
    """What one step of a run did: ``result`` is True, False, or None for "would"."""

    result: bool | None
    comment: str
    changes: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Request:
    """What a run was asked for."""

    order: Any = None
    method: str = "signal"
    force: frozenset[str] = frozenset()
    fresh: bool = False
    #: Restart only this server of the pair.
    only: str | None = None
    #: Seconds that a minion busy with another state run is waited for.
    busy_timeout: float = 300.0
    #: Seconds a wait may take in all; ``None`` computes it from the facts.
    timeout: float | None = None
    #: Journals that are kept.
    keep: int = journal.KEEP
    #: The site's verdicts on preflight's checks (:func:`iscdhcp.checks.parse_policy`).
    policy: Mapping[str, str] = field(default_factory=dict)


class PairRun(Told):
    """
    One run over one pair.

    pair, discovery
        What is restarted, and the fleet's other relationships.
    directory
        Where the master keeps locks, holds and records.
    who
        Who started the run, for other people's messages.
    say
        Called with one sentence at each change, for the person who watches.
    """

    #: What is done to a server, for sentences.
    done = "restarted"

    #: How often a restart may have to start dhcpd.
    starts = 1

    def __init__(
        self,
        pair: Pair,
        discovery: Discovery,
        fleet: Fleet,
        directory: Path,
        who: str,
        request: Request | None = None,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        self.pair = pair
        self.discovery = discovery
        self.request = request or Request()
        self.who = who
        self._say = say
        self.directory = Path(directory)
        self.begin_told(fleet, self.request.keep)
        self.locks = ServerLocks(Path(directory) / "locks")
        self.holds = Holds(Path(directory) / "holds")
        self.path = Path(directory) / "runs" / f"{file_name(pair.id)}.json"
        self.order = pair.ordered(self.request.order)
        only = self.request.only
        if only and only not in pair.servers:
            raise IscDhcpError(f"{only} is not a server of {pair}")
        self.servers: tuple[str, ...] = (only,) if only else self.order
        self.group = discovery.partners(self.servers)
        self.record: dict[str, Any] = {}
        #: Called at the moments when a run may be left; raises :class:`Interrupted`.
        self.check: Callable[[], None] = lambda: None
        self.claimed = False
        self._token = uuid.uuid4().hex
        self._last_seen: dict[str, dict[str, Any]] = {}
        self._seen_at = 0.0
        self._released: dict[str, float] = {}
        self._undrained: set[tuple[str, str]] = set()

    # -- record ------------------------------------------------------------------------------

    @property
    def run(self) -> str:
        """The run's id."""
        return str(self.record.get("run") or "")

    def _entry(self, server: str) -> dict[str, Any]:
        return self.record.setdefault("servers", {}).setdefault(server, {})

    def _save(self) -> None:
        self.record["saved"] = time.time()
        write_json(self.path, self.record)

    def _open_record(self) -> str:
        """Continue an unfinished run of this pair, or begin one; return what to tell."""
        old = read_json(self.path)
        if (
            isinstance(old, dict)
            and not self.request.fresh
            and not old.get("finished")
            and time.time() - float(old.get("begun") or 0) < RECORD_LIFE
            and old.get("wanted") == list(self.servers)
            and old.get("method") == self.request.method
        ):
            self.record = old
            begun = clock(old.get("begun"))
            if not self._is_begun():
                # Killed before its first act: its claims may stand, and are this run's.
                return ""
            return f" It continues the unfinished run of {begun} UTC (fresh=True begins anew)."
        self.record = {
            "run": uuid.uuid4().hex[:12],
            "pair": self.pair.id,
            "wanted": list(self.servers),
            "method": self.request.method,
            "who": self.who,
            "begun": time.time(),
            "finished": None,
            "servers": {},
        }
        return ""

    def _is_begun(self) -> bool:
        """Whether the record knows which processes are to be replaced."""
        servers = self.record.get("servers") or {}
        return any(entry.get("identity") for entry in servers.values())

    def restarted(self, server: str, facts: Mapping[str, Any] | None) -> bool:
        """Whether ``server`` has been restarted since this run began, whoever did it."""
        before = self._entry(server).get("identity")
        process = (facts or {}).get("process") or {}
        return bool(before and process.get("running") and process.get("identity") != before)

    # -- steps -------------------------------------------------------------------------------

    @step("lock")
    def lock(self, test: bool = False) -> Step:
        """Lock every server that the run touches and all their partners, on the master."""
        names = ", ".join(self.group)
        try:
            self.holds.check(self.group)
            if test:
                for server in self.group:
                    owner = self.locks.owner(server)
                    if owner:
                        raise Held(f"{server} is locked by {owner}")
                return Step(None, f"{names} would be locked for {self.pair}.")
            self.locks.acquire(
                self.group,
                {
                    "who": self.who,
                    "pair": self.pair.name,
                    "pid": os.getpid(),
                    "since": time.time(),
                },
            )
        except Held as held:
            return Step(False, f"{self.pair}: {held}. Nothing was touched.")
        told = self._open_record()
        self._save()
        self.open_journal(bool(told))
        self.say(f"{names} locked for {self.pair}.{told}")
        return Step(True, f"{names} locked for {self.pair}.{told}", {"locked": list(self.group)})

    @step("preflight")
    def preflight(self, test: bool = False) -> Step:
        """Check everything that can be known before the first act; claim the minions."""
        if test:
            self.record = {}
            self._open_record()
        self.claimed = not test
        answers = (
            self.fleet.inspect(list(self.group))
            if test
            else self._until_nobody_acts(
                self.fleet.claim(list(self.group), self._claim(), facts=True)
            )
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
            )
        begun = [s for s in self.servers if self.restarted(s, answers[s]["facts"])]
        blockers: dict[str, None] = {}
        warnings: dict[str, None] = {}
        judged = {s: self._judge(s, answers) for s in self.servers if s not in begun}
        for verdict in judged.values():
            for reason in verdict.reasons:
                # A pair whose first server this run restarted is waited for, not refused.
                passing = begun and reason.code in ("relationship", "connection", "partner")
                if reason.blocks and not passing and reason.code != "busy":
                    blockers[reason.text] = None
                else:
                    warnings[reason.text] = None
        view = view_of(self.pair, answers)
        for check in checks.preflight(view, judged, self.request.policy):
            wanted = check.code in self.request.policy
            if check.verdict == checks.BLOCK and not check.guard and not begun:
                blockers[check.told] = None
            elif check.verdict != checks.PASS and not check.guard:
                if check.code not in checks.STANDING or wanted:
                    warnings[check.text] = None
        if blockers:
            return Step(
                False,
                "Not safe: " + "; ".join(blockers) + ". Nothing was touched.",
                warnings=list(warnings),
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
                    identity=process.get("identity"),
                    pid=process.get("pid"),
                    started=process.get("started"),
                )
        self._save()
        self._keep(answers)
        self.say(f"Safe to begin. {seen}.")
        return Step(True, f"Safe to begin. {seen}.", warnings=list(warnings))

    def _until_nobody_acts(self, answers: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Wait for the end of an act that an interrupted run of this pair has left behind."""
        give_up = self.steering.clock() + self.request.busy_timeout
        while self.record.get("servers") and self.steering.clock() < give_up:
            busy = [m for m in self.group if answers.get(m, {}).get("facts", {}).get("acting")]
            if not busy:
                break
            self.say(f"Waiting: dhcpd on {', '.join(busy)} is being stopped or started.")
            self._sleep(1.0)
            answers = self.fleet.claim(list(self.group), self._claim(), facts=True)
        return answers

    @step("restart")
    def restart(self, position: int, test: bool = False) -> Step:
        """Restart the server at ``position`` of the order, unless this run did so already."""
        server = self.servers[position]
        if test:
            return self._would_restart(server)
        give_up = self.steering.clock() + self.request.busy_timeout
        while True:
            answers = self._fresh() or self.fleet.status(list(self.group))
            facts = answers.get(server, {}).get("facts")
            if self.restarted(server, facts):
                started = clock((facts or {}).get("process", {}).get("started"))
                entry = self._entry(server)
                entry.setdefault("now", (facts or {})["process"].get("identity"))
                self._save()
                comment = f"{server} has been restarted for this run already (at {started} UTC)."
                self.say(comment)
                return Step(True, comment)
            verdict = self._judge(server, answers)
            self.note_decision("may be stopped", server, verdict)
            busy = [reason for reason in verdict.blockers if reason.code == "busy"]
            if not busy or len(busy) != len(verdict.blockers) or self.steering.clock() > give_up:
                break
            self.say(f"Waiting: {busy[0].text}.")
            self.renew_claim()
            self._sleep(POLL_INTERVAL * 3)
        if facts is None:
            why = answers.get(server, {}).get("error")
            return Step(False, f"{server} was not {self.done}: {why}.{self._left()}")
        if not verdict.ok:
            text = f"{server} was not {self.done}: {verdict.sentence}{self._left()}"
            return Step(False, text)
        step = self._restart_now(server, facts, answers)
        if step is None:
            # Another state run, or a restart that was ordered before an interruption, has come
            # between the look and the act.
            left = max(0.0, give_up - self.steering.clock())
            self.say(f"Waiting: {server} has become busy, or was restarted by another order.")
            self._sleep(POLL_INTERVAL * 3)
            self.request.busy_timeout = left
            return self.restart(position)
        return step

    def _restart_now(
        self, server: str, facts: Mapping[str, Any], answers: Mapping[str, dict[str, Any]]
    ) -> Step | None:
        """Act; ``None`` where the guard refused: the minion is busy, or dhcpd another process."""
        before = facts["process"]
        entry = self._entry(server)
        entry.update(
            identity=before.get("identity"), pid=before.get("pid"), started=before.get("started")
        )
        self._save()
        patience = restart_patience(facts)
        self.say(f"Restarting dhcpd on {server} (pid {before.get('pid')}).")
        begun = time.monotonic()
        with self.steering.act():
            answer = self.fleet.restart(
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
            seconds = round(time.monotonic() - begun, 2)
            if "lost" in answer:
                answer = self._settle(server, before, answer["lost"], patience)
        if not answer.get("result"):
            reasons = [one for one in answer.get("reasons") or () if one.get("blocks")]
            if reasons and all(one["code"] in ("busy", "other-process") for one in reasons):
                return None
            comment = answer.get("comment") or f"{server} did not say why it was not restarted"
            return Step(False, f"{_stop(comment)}{self._left(server)}")
        entry["now"] = (answer.get("new") or {}).get("identity")
        entry["seconds"] = seconds
        self._save()
        self.say(f"{answer['comment']}")
        return Step(
            True,
            str(answer["comment"]),
            {server: {"old": answer.get("old"), "new": answer.get("new")}},
            list(answer.get("warnings") or ()),
        )

    def _restart_arguments(self, server: str) -> dict[str, Any]:
        """More arguments of the restart of ``server``."""
        return {}

    def _settle(
        self, server: str, before: Mapping[str, Any], lost: str, patience: float
    ) -> dict[str, Any]:
        """Find out what became of an act whose answer was lost: the process tells."""
        self.say(f"The answer of {server} was lost ({lost}): asking for its process.")
        deadline = time.monotonic() + patience + LOST_CONTACT
        seen = "it never answered"
        while time.monotonic() < deadline:
            answer = self.fleet.status([server], brief=True).get(server, {})
            facts = answer.get("facts")
            process = (facts or {}).get("process") or {}
            if facts and process.get("running") and process["identity"] != before.get("identity"):
                return {
                    "result": True,
                    "comment": f"dhcpd on {server} was restarted (pid {before.get('pid')} -> "
                    f"{process.get('pid')}); the minion's answer was lost.",
                    "old": dict(before),
                    "new": process,
                }
            if facts and not facts.get("acting"):
                if not process.get("running"):
                    return {"comment": f"dhcpd is down on {server}: start it with dhcpd.start"}
                return {
                    "comment": f"the order never reached {server}: its process is the same"
                }
            seen = answer.get("error") or "the minion is still at it"
            self._sleep(1.0)
        return {"comment": f"its answer was lost and it can't be asked: {seen}"}

    def _would_restart(self, server: str) -> Step:
        answers = self.fleet.status(list(self.group))
        facts = answers.get(server, {}).get("facts") or {}
        if self.restarted(server, facts):
            return Step(True, f"{server} has been restarted for the unfinished run already.")
        verdict = self._judge(server, answers)
        if server == self.servers[0] and not verdict.ok:
            return Step(False, f"{server} would not be restarted: {verdict.sentence}")
        process = facts.get("process") or {}
        partners = ", ".join(self._partners(server)) or "nobody"
        return Step(
            None,
            f"dhcpd on {server} (pid {process.get('pid')}) would be stopped by "
            f"{self.request.method} and started; {partners} would serve meanwhile.",
            {server: {"old": {"pid": process.get("pid")}, "new": {"pid": "a new process"}}},
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
        begun = last_answer = last_claim = self.steering.clock()
        deadline: float | None = None
        told, good = "", False
        verdict = Verdict("wait")
        while True:
            answers = self.fleet.status(group, brief=True, looks=LOOKS_IN_A_ROW)
            now = self.steering.clock()
            facts = answers.get(server, {}).get("facts")
            if facts is None:
                good = False
                verdict = self._unknown(server, answers)
            else:
                last_answer = now
                verdict = decisions.restart_complete(
                    facts, self._partner_facts(facts, answers), expected
                )
                size = int((facts.get("lease_file") or {}).get("bytes") or 0)
                reasonable = now + decisions.normal_deadline(facts, size)
                # What dhcpd itself has to wait for (recover-wait) moves the deadline, once seen.
                if deadline is None or verdict.until:
                    deadline = max(deadline or 0.0, reasonable)
                steady = all(a.get("facts", {}).get("steady", True) for a in answers.values())
                good = verdict.ok and steady
                self._cure(facts, answers)
            limit = self.request.timeout
            if limit:
                deadline = begun + limit
            elapsed = now - begun
            self.note_wait(server, verdict, None if deadline is None else deadline - now)
            if verdict.outcome == "no":
                return Step(False, f"{verdict.sentence}{self._left()}")
            if good:
                self._keep(answers)
                warnings = [reason.text for reason in verdict.warnings]
                comment = f"{self._names(group)} normal at both ends after {elapsed:.1f} s."
                self.say(comment)
                self._mark_normal(server)
                return Step(True, comment, warnings=warnings)
            if now - last_answer > LOST_CONTACT:
                return Step(False, f"Lost contact with {server}: {verdict.sentence}{self._left()}")
            if deadline is not None and now > deadline and not verdict.ok:
                return Step(
                    False, f"Not normal after {elapsed:.0f} s: {verdict.sentence}{self._left()}"
                )
            if not verdict.ok and verdict.sentence != told:
                told = verdict.sentence
                self.say(f"Waiting: {told}")
            if now - last_claim > CLAIM_SECONDS / 3:
                last_claim = now
                self.renew_claim()
            # A long wait is polled with more leisure.
            self._sleep(min(5.0, POLL_INTERVAL + elapsed / 30))

    def _cure(self, facts: Mapping[str, Any], answers: Mapping[str, dict[str, Any]]) -> None:
        """Release the window of a survivor that keeps the server in recover for ever."""
        for name, theirs in self._partner_facts(facts, answers).items():
            mine = facts["relationships"][name]
            survivor = ((theirs or {}).get("relationships") or {}).get(name) or {}
            if theirs is not None and stuck.after_drain(mine, survivor):
                self._release_drained(str(facts.get("minion")), name, str(theirs["minion"]))
            why = stuck.of_pair(mine, survivor)
            if theirs is None or why is None:
                continue
            # While the full update runs the window is full too: released again, it begins anew.
            now = time.monotonic()
            size = int((facts.get("lease_file") or {}).get("bytes") or 0)
            if now < self._released.get(name, float("-inf")) + release_patience(size):
                continue
            self._released[name] = now
            self.say(f"{facts.get('minion')} is {why}: releasing it on {theirs['minion']}.")
            self.fleet.release_window(str(theirs["minion"]))

    def _release_drained(self, server: str, name: str, partner: str) -> None:
        """Release, once, what was under way to a server when it ended after its drain."""
        if self.request.method == "drain" and (server, name) not in self._undrained:
            self._undrained.add((server, name))
            self.fleet.release_window(partner, drained=True)

    @step("unlock")
    def unlock(self, test: bool = False) -> Step:
        """Give everything back: claims on the minions, locks on the master."""
        names = ", ".join(self.group)
        if test:
            return Step(None, f"{names} would be unlocked.")
        if self.claimed:
            self.note_logs()
            self.fleet.release(list(self.group), self.run, self._token)
            self.claimed = False
        if self.locks.servers:
            self._finish()
        self.locks.release()
        return Step(True, f"{names} unlocked.")

    def _mark_normal(self, server: str) -> None:
        """Note that the restart of ``server`` is complete."""
        if not self.record or not self._entry(server).get("now"):
            return
        self._entry(server)["normal"] = time.time()
        self._save()

    def _finish(self) -> None:
        """Note the run's end, if it has reached it or never got to its first act."""
        complete = all(self._entry(one).get("normal") for one in self.servers)
        if complete or not self._is_begun():
            self.record["finished"] = time.time()
            self._save()

    # -- helpers -----------------------------------------------------------------------------

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            self.heed()
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))

    def _claim(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "token": self._token,
            "who": self.who,
            "seconds": CLAIM_SECONDS,
        }

    def renew_claim(self) -> None:
        """Renew the claims on the minions; one that is silent keeps it until it ends."""
        if self.claimed:
            self.fleet.claim(list(self.group), self._claim())

    def _keep(self, answers: dict[str, dict[str, Any]]) -> None:
        """Keep what was just seen of the servers for the next step."""
        self._seen_at, self._last_seen = time.monotonic(), answers

    def _fresh(self) -> dict[str, dict[str, Any]] | None:
        """Return what was seen of the whole group a moment ago, once."""
        answers, self._last_seen = self._last_seen, {}
        if set(answers) < set(self.group) or time.monotonic() - self._seen_at > STILL_FRESH:
            return None
        # A wait does not count leases; what was counted before it may be too old.
        if any(_count_age(answers[server].get("facts")) > COUNTED_LATELY for server in self.group):
            return None
        return answers

    def _partners(self, server: str) -> list[str]:
        return [name for name in self.discovery.partners([server]) if name != server]

    def _partner_of(self, server: str, relationship: str) -> str | None:
        for pair in self.discovery.of_server(server):
            if pair.name == relationship:
                return pair.primary if pair.secondary == server else pair.secondary
        return None

    def _partner_facts(
        self, facts: Mapping[str, Any], answers: Mapping[str, dict[str, Any]]
    ) -> dict[str, Mapping[str, Any] | None]:
        server = str(facts.get("minion"))
        found: dict[str, Mapping[str, Any] | None] = {}
        for name in facts.get("relationships") or {}:
            partner = self._partner_of(server, name)
            if partner is not None:
                found[name] = answers.get(partner, {}).get("facts")
        return found

    def _evidence(
        self, server: str, answers: Mapping[str, dict[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        mine = answers[server]
        evidence = {}
        for name, facts in self._partner_facts(mine["facts"], answers).items():
            if facts is not None:
                theirs = answers[str(facts.get("minion"))]
                evidence[name] = decisions.evidence_of(
                    facts,
                    name,
                    observed=float(theirs["asked"]) + float(mine["offset"]),
                    skew=float(theirs["offset"]) - float(mine["offset"]),
                )
        return evidence

    def _judge(self, server: str, answers: Mapping[str, dict[str, Any]]) -> Verdict:
        if "facts" not in answers.get(server, {}):
            return self._unknown(server, answers)
        facts = dict(answers[server]["facts"])
        claim = facts.get("claim")
        if claim and claim.get("run") != self.run:
            facts["foreign_claim"] = claim
        now = float(answers[server]["asked"]) + float(answers[server]["offset"])
        return decisions.ok_to_stop(
            facts,
            self._evidence(server, answers),
            self.request.force,
            now,
            self.request.method,
        )

    def checks(self, answers: Mapping[str, dict[str, Any]], view: PairView) -> list[checks.Check]:
        """
        Return every check of the preflight for what was seen; nothing is touched or claimed.

        answers
            What ``fleet.inspect`` returned for the whole group.
        view
            The same, with the master's locks and holds.
        """
        guard = {server: self._judge(server, answers) for server in self.servers}
        return checks.preflight(view, guard, self.request.policy)

    def _unknown(self, server: str, answers: Mapping[str, dict[str, Any]]) -> Verdict:
        why = answers.get(server, {}).get("error") or "no answer"
        return Verdict("wait", (decisions.Reason("unknown", f"{server}: {why}"),))

    def _seen(self, facts: Mapping[str, Any]) -> str:
        ends = [
            f"{name} {end.get('state')}/{end.get('partner_state')}"
            for name, end in sorted((facts.get("relationships") or {}).items())
        ]
        return ", ".join(ends) or "no relationship"

    @staticmethod
    def _names(group: list[str]) -> str:
        return " and ".join(group) if len(group) < 3 else ", ".join(group)

    def _left(self, acted_on: str | None = None) -> str:
        """
        Say what this run leaves behind and what to do, for the end of a failure's sentence.

        acted_on
            The server whose restart failed: it may have been touched.
        """
        done = [one for one in self.servers if self._entry(one).get("now")]
        rest = [one for one in self.servers if one not in done and one != acted_on]
        text = ""
        if done:
            text += f" Restarted so far: {', '.join(done)}."
        if rest:
            text += f" {', '.join(rest)} was not touched."
        return f"{text} When it is mended, run the same command again: it goes on from here."


def _stop(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else text + "."


def release_patience(lease_bytes: int) -> float:
    """
    Return for how many seconds a survivor's window is left alone after it was released.

    The full update of 60,000 addresses took 8.5 s; a lease is about 270 bytes.
    """
    return 10.0 + 2 * 8.5 * (lease_bytes / 270.0) / 60_000


def restart_patience(facts: Mapping[str, Any]) -> float:
    """
    Return for how many seconds a stop and start of this server may reasonably take.

    Computed from the lease file's size (a million leases, 270 MB, took 5.5 s to start here; slow
    machines have been reported at 10 minutes for 75 MB) and the last start that was measured.
    """
    size = float((facts.get("lease_file") or {}).get("bytes") or 0)
    last = float((facts.get("last_start") or {}).get("seconds") or 0)
    return 45.0 + size / 1_000_000 * 8.0 + 5.0 * last


def _count_age(facts: Mapping[str, Any] | None) -> float:
    """Return for how many seconds a server's leases have not been counted."""
    counted = ((facts or {}).get("leases") or {}).get("counted")
    return float((facts or {})["time"]) - float(counted) if facts and counted else math.inf
