"""
A run over one pair: what it is asked for, its record and locks, and what it sees of the servers.

What is done to the servers is in :mod:`iscdhcp.run.restart` and the kinds of runs that follow it.
Each step returns a :class:`Step` and never raises for what it was built to find out.
"""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from .. import words
from ..answers import Look
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..files import read_json
from ..files import write_json
from ..pair.discovery import Discovery
from ..pair.discovery import Pair
from ..pair.locks import Held
from ..pair.locks import Holds
from ..pair.locks import ServerLocks
from ..pair.locks import master_identity
from ..pair.minions import Minions
from ..rules import may_stop
from ..rules import verdict
from ..rules.evidence import evidence_of
from ..rules.verdict import Verdict
from ..shapes import Claim
from ..shapes import Evidence
from ..shapes import ServerFacts
from . import journal
from . import records
from .steering import Told
from .steering import step

#: What was seen of all servers may be used for so many seconds instead of asking again.
STILL_FRESH = 3.0
#: Seconds for which the leases that were counted count.
COUNTED_LATELY = 60.0
#: Seconds that a claim on a minion lasts; the waits renew it.
CLAIM_SECONDS = 180.0


@dataclass
class Step:
    """What one step of a run did: ``result`` is True, False, or None for "would"."""

    result: bool | None
    comment: str
    changes: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    #: Of a failure: its sentence without what the run leaves behind.
    why: str | None = None
    #: Of a failure: what to do about what it names.
    do: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Planned:
    """One step that a kind of run lists: what a person calls it, and what does it."""

    name: str
    act: Callable[..., Step]


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
    #: The command that goes on with this run, for anyone who gives another one meanwhile.
    again: str | None = None
    #: Begin by starting the server that is down, while its partners serve.
    heal: bool = False
    #: Journals that are kept.
    keep: int = journal.KEEP
    #: The site's verdicts on preflight's checks (:func:`iscdhcp.pair.preflight.parse_policy`).
    policy: Mapping[str, str] = field(default_factory=dict)


class Run(Told):
    """
    One run over one pair: its record, its locks and claims, and what it sees of the servers.

    pair, discovery
        What is restarted, and the fleet's other relationships.
    directory
        Where the master keeps locks, holds and records.
    who
        Who started the run, for other people's messages.
    say
        Called with one sentence at each change, for the person who watches.
    clock
        What the run, its journal and its orders go by.
    """

    #: Which kind of record it has (:mod:`iscdhcp.run.records`); ``None``: it keeps none.
    kind: str | None = "restart"

    def __init__(
        self,
        pair: Pair,
        discovery: Discovery,
        minions: Minions,
        directory: Path,
        who: str,
        request: Request | None = None,
        say: Callable[[str], None] = lambda sentence: None,
        *,
        clock: Clock = SYSTEM,
    ) -> None:
        self.clock = clock
        self.pair = pair
        self.discovery = discovery
        self.request = request or Request()
        self.who = who
        self._say = say
        self.directory = Path(directory)
        self.begin_told(minions, self.request.keep)
        self.locks = ServerLocks(Path(directory) / "locks")
        self.holds = Holds(Path(directory) / "holds", clock)
        self.records = Path(directory) / "runs"
        self.order = pair.ordered(self.request.order)
        only = self.request.only
        if only and only not in pair.servers:
            raise IscDhcpError(f"{only} is not a server of {pair}")
        self.servers: tuple[str, ...] = (only,) if only else self.order
        self.group = discovery.partners(self.servers)
        self.record: dict[str, Any] = {}
        #: Whether the record is on disk, and what was there before this run put it there.
        self._recorded = False
        self._before: dict[Path, Any] | None = None
        self._master: str | None = None
        #: The servers on which a dead run's claim was found, and is taken over.
        self._took_over: set[str] = set()
        #: Called at the moments when a run may be left; raises
        #: :class:`iscdhcp.run.orders.Interrupted`.
        self.check: Callable[[], None] = lambda: None
        self.claimed = False
        self._renewed = clock.monotonic()
        self._token = uuid.uuid4().hex
        self._last_seen: dict[str, Look] = {}
        self._seen_at = 0.0
        self._released: dict[str, float] = {}
        self._drains: dict[tuple[str, str, str], Any] = {}
        self._seen_anew: dict[str, int] = {}
        #: Servers that were silenced by a call that died, and were told to speak again.
        self._resumed: set[str] = set()

    # -- record ------------------------------------------------------------------------------

    @property
    def run(self) -> str:
        """The run's id."""
        return str(self.record.get("run") or "")

    def asked_for(self) -> tuple[str, frozenset[str]]:
        """Return method and force of the request, for the journal."""
        return self.request.method, self.request.force

    def _entry(self, server: str) -> dict[str, Any]:
        return self.record.setdefault("servers", {}).setdefault(server, {})

    @property
    def task(self) -> str | None:
        """What is done besides the restart, in words: another one is another run."""
        return None

    def _save(self) -> None:
        """Keep the record on disk up to date, once it is there."""
        if self._recorded and self.kind:
            self.record["saved"] = self.clock.time()
            write_json(records.path_of(self.records, self.pair.id, self.kind), self.record)

    def _open_record(self) -> str:
        """
        Continue the unfinished run of this command, or begin one in memory; return what to tell.

        Raises :class:`iscdhcp.run.records.Unfinished` where another command is unfinished.
        """
        self._new_record()
        if self.request.fresh or self.kind is None:
            return ""
        others = []
        for old in records.unfinished(self.records, self.pair.id, self.clock.time()):
            differing = records.differences(old, self.record)
            if not differing:
                self.record, self._recorded = old, True
                begun = words.clock(old.get("begun"))
                return f" It continues the unfinished run of {begun} UTC (fresh=True starts over)."
            others.append(records.refusal(self.pair, old, differing))
        if others:
            raise records.Unfinished(" ".join(others))
        return ""

    def _new_record(self) -> None:
        self._recorded = False
        self.record = {
            "run": uuid.uuid4().hex[:12],
            "pair": self.pair.id,
            "kind": self.kind,
            "wanted": list(self.servers),
            "method": self.request.method,
            "task": self.task,
            "again": self.request.again,
            "who": self.who,
            "begun": self.clock.time(),
            "finished": None,
            "servers": {},
        }

    def _ordered(self, server: str) -> bool:
        """
        Note on disk that ``server`` is acted on now; return whether this run does so first.

        What another command has left unfinished (``fresh=True``) is over then.
        """
        entry = self._entry(server)
        first = not entry.get("ordered")
        entry.setdefault("ordered", self.clock.time())
        if not self._recorded and self.kind:
            self._recorded, self._before = True, {}
            for old in records.unfinished(self.records, self.pair.id, self.clock.time()):
                path = records.path_of(self.records, self.pair.id, old["kind"])
                self._before[path] = read_json(path)
                write_json(path, {**old, "finished": self.clock.time()})
            path = records.path_of(self.records, self.pair.id, self.kind)
            self._before.setdefault(path, read_json(path))
        self._save()
        return first

    def _not_ordered(self, server: str) -> None:
        """The act was refused: if it was the first, every record is as it was before."""
        self._entry(server).pop("ordered", None)
        before = self._before
        if before is None or records.has_acted(self.record):
            self._save()
            return
        self._recorded, self._before = False, None
        for path, old in before.items():
            if old is None:
                path.unlink(missing_ok=True)
            else:
                write_json(path, old)

    def restarted(self, server: str, facts: ServerFacts | None) -> bool:
        """Whether ``server`` has been restarted since this run began, no matter by whom."""
        before = self._entry(server).get("identity")
        if not before or facts is None or not facts["process"]["running"]:
            return False
        return bool(facts["process"]["identity"] != before)

    # -- lock and claims ---------------------------------------------------------------------

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
                told = self._open_record()
                return Step(None, f"{names} would be locked for {self.pair}.{told}")
            self.locks.acquire(
                self.group,
                {
                    "who": self.who,
                    "pair": self.pair.name,
                    "pid": os.getpid(),
                    "since": self.clock.time(),
                },
            )
            told = self._open_record()
        except Held as held:
            ask = "wait for its end, or ask the person that it names"
            return Step(False, f"{self.pair}: {held}. Nothing was touched.", do=[ask])
        except records.Unfinished as other:
            if not test:
                self.open_journal(False)
                self.locks.release()
            return Step(False, str(other), do=["give the command that it names"])
        self.open_journal(bool(told))
        self.say(f"{names} locked for {self.pair}.{told}")
        return Step(True, f"{names} locked for {self.pair}.{told}", {"locked": list(self.group)})

    @step("unlock")
    def unlock(self, test: bool = False) -> Step:
        """Give everything back: claims on the minions, locks on the master."""
        names = ", ".join(self.group)
        if test:
            return Step(None, f"{names} would be unlocked.")
        if self.claimed:
            self.note_logs()
            if not self.steering.left_behind:
                # Else the partners' claims have to last longer than the act that may be under way.
                self.minions.release(list(self.group), self.run, self._token)
            self.claimed = False
        if self.locks.servers:
            self._finish()
        self.locks.release()
        return Step(True, f"{names} unlocked.")

    def _mark_normal(self, server: str) -> None:
        """Note that the restart of ``server`` is complete."""
        if not self.record or not self._entry(server).get("now"):
            return
        self._entry(server)["normal"] = self.clock.time()
        self._save()

    def concluded(self, done: Step) -> Step:
        """Note that the one act of a run without a record has ended well, if so; return it."""
        if done.result:
            for server in self.servers:
                # Nobody waits for it to be normal: the run is over.
                self._entry(server)["normal"] = self.clock.time()
            self.outcome = "done", done.comment
        return done

    def _finish(self) -> None:
        """Note the run's end, if it has reached it."""
        if all(self._entry(one).get("normal") for one in self.servers):
            self.record["finished"] = self.clock.time()
            self._save()

    # -- what is seen ------------------------------------------------------------------------

    def _sleep(self, seconds: float) -> None:
        end = self.clock.monotonic() + seconds
        while True:
            self.heed()
            left = end - self.clock.monotonic()
            if left <= 0:
                return
            self.clock.sleep(min(left, 0.2))

    def _claim(self) -> dict[str, Any]:
        if self._master is None:
            self._master = master_identity(self.directory)
        return {
            "run": self.run,
            "token": self._token,
            "who": self.who,
            "seconds": CLAIM_SECONDS,
            "master": self._master,
        }

    def claim_group(self) -> dict[str, Look]:
        """
        Claim every server and look closely at it, as the minions' ``claim`` does.

        What a run of this master has left behind is taken over: this run has its locks now, so that
        its process is gone.
        """
        self._renewed = self.clock.monotonic()
        answers = self.minions.claim(list(self.group), self._claim(), facts=True)
        for server, answer in sorted(answers.items()):
            left = answer.get("claim") if answer.get("refused") else None
            if left and self._is_left_behind(server, left):
                if server not in self._took_over:
                    self.say(
                        f"The claim on {server} was left behind by the run of {left['who']}, "
                        "which has ended: it is taken over."
                    )
                self._took_over.add(server)
                mine = {**self._claim(), "over": left["run"]}
                answers.update(self.minions.claim([server], mine, facts=True))
        return answers

    def _is_left_behind(self, server: str, claim: Claim) -> bool:
        """Whether a claim is one of a run of this master that has ended: its lock is free."""
        mine = self._master or master_identity(self.directory, make=False)
        if mine is None or claim["master"] != mine:
            return False
        return server in self.locks.servers or self.locks.owner(server) is None

    def renew_claim(self) -> None:
        """Renew the claims on the minions; one that is silent keeps it until it ends."""
        if self.claimed:
            self._renewed = self.clock.monotonic()
            self.minions.claim(list(self.group), self._claim())

    def keep_claim(self) -> None:
        """Renew the claims if a third of their time has passed; waits call it again and again."""
        if self.clock.monotonic() - self._renewed > CLAIM_SECONDS / 3:
            self.renew_claim()

    def _keep(self, answers: dict[str, Look]) -> None:
        """Keep what was just seen of the servers for the next step."""
        self._seen_at, self._last_seen = self.clock.monotonic(), answers

    def _fresh(self) -> dict[str, Look] | None:
        """Return what was seen of the whole group a moment ago, once."""
        answers, self._last_seen = self._last_seen, {}
        if set(answers) < set(self.group) or self.clock.monotonic() - self._seen_at > STILL_FRESH:
            return None
        # A wait does not count leases; what was counted before it may be too old.
        if any(_count_age(answers[server].get("facts")) > COUNTED_LATELY for server in self.group):
            return None
        # A partner that did not answer a client's question is looked at itself, right before.
        if any(_unproved(answers[server].get("facts")) for server in self.group):
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
        self, facts: ServerFacts, answers: Mapping[str, Look]
    ) -> dict[str, ServerFacts | None]:
        server = str(facts["minion"])
        found: dict[str, ServerFacts | None] = {}
        for name in facts["relationships"]:
            partner = self._partner_of(server, name)
            if partner is not None:
                found[name] = answers.get(partner, {}).get("facts")
        return found

    def _evidence(self, server: str, answers: Mapping[str, Look]) -> dict[str, Evidence]:
        mine = answers[server]
        evidence = {}
        for name, facts in self._partner_facts(mine["facts"], answers).items():
            if facts is not None:
                theirs = answers[str(facts["minion"])]
                evidence[name] = evidence_of(
                    facts,
                    name,
                    observed=theirs["asked"] + mine["offset"],
                    skew=theirs["offset"] - mine["offset"],
                )
        return evidence

    def _judge(self, server: str, answers: Mapping[str, Look]) -> Verdict:
        if "facts" not in answers.get(server, {}):
            return self._unknown(server, answers)
        facts = answers[server]["facts"]
        claim = facts["claim"]
        if claim and claim["run"] != self.run and not self._is_left_behind(server, claim):
            facts = {**facts, "foreign_claim": claim}
        now = answers[server]["asked"] + answers[server]["offset"]
        return may_stop.ok_to_stop(
            facts,
            self._evidence(server, answers),
            self.request.force,
            now,
            self.request.method,
        )

    def _unknown(self, server: str, answers: Mapping[str, Look]) -> Verdict:
        why = answers.get(server, {}).get("error") or "no answer"
        return Verdict("wait", (verdict.Reason.of("minion-silent", server=server, why=why),))

    @staticmethod
    def _names(group: list[str]) -> str:
        return " and ".join(group) if len(group) < 3 else ", ".join(group)

    def _failure(self, why: str, acted_on: str | None = None, do: Iterable[str] = ()) -> Step:
        """Return a failed step that says what this run leaves behind; see :meth:`_left`."""
        return Step(False, f"{why}{self._left(acted_on)}", why=why, do=list(do))

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
            text += f" {words.were(rest)} not touched."
        return f"{text} Fix the cause and run the same command again; it continues from here."


def _unproved(facts: ServerFacts | None) -> bool:
    """Whether a server has asked a partner for an address, and got no answer."""
    ends = facts["relationships"].values() if facts else ()
    asked = [end["asked"] for end in ends]
    return any(one is not None and not one["offered"] and not one["off"] for one in asked)


def _count_age(facts: ServerFacts | None) -> float:
    """Return for how many seconds a server's leases have not been counted."""
    counted = facts["leases"] if facts else None
    return facts["time"] - counted["counted"] if facts and counted else math.inf
