"""
Many pairs in one command, on the master: chosen, planned, agreed to, worked off.

The runner ``dhcp_failover`` and the state of the same name call it; what needs no Salt is in
:mod:`iscdhcp.fleet`.
"""

import logging
import sys
import time
import uuid
from typing import Any

from iscdhcp import commands
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import metrics
from iscdhcp.fleet import pace
from iscdhcp.fleet import record as records
from iscdhcp.fleet import times
from iscdhcp.fleet.work import FLEET
from iscdhcp.fleet.work import FleetRun
from iscdhcp.pair import locks
from iscdhcp.pair import plan as pair_plan
from iscdhcp.pair import view as pair_view
from iscdhcp.rules.verdict import Verdict
from iscdhcp.run import journal
from iscdhcp.run.base import Request
from iscdhcp.run.probation import ProbationRun
from iscdhcp.show import fleet as shows
from iscdhcp.show.fleet_display import FleetDisplay
from iscdhcp.words import span

from . import discovery
from . import fleet_choice
from . import fleet_requests
from . import interrupts
from . import kinds
from . import master
from . import terminal
from .minions import ASK_SECONDS
from .minions import SaltMinions

log = logging.getLogger(__name__)
#: Seconds for which a host is expected to be away in a reboot.
HOST_EXPECTED = 90.0
#: Seconds of patience for an answer that each unit under way adds.
EACH_AT_ONCE = 2.0
#: Words that say whom a fleet run is about, and what is done: what tells it from others.
_WHO = ("pairs", "tgt", "tgt_type", "exclude", "pending", "per", "order", "canary")
#: Words about its pace: another one may be said when it is gone on with.
_PACE = ("at_once", "probation", "go", "max_failures", "until", "window")
#: Words about what is passed over and waited for: with others it is the same command, as it is for
#: a single pair (:mod:`iscdhcp.run.records`).
_HOW = ("heal", "force", "timeout", "busy_timeout", "host_timeout")
#: What need not be said, nor be told again.
_DEFAULTS = {
    "tgt_type": "glob",
    "pending": False,
    "at_once": 1,
    "go": "auto",
    "max_failures": 1,
    "heal": False,
    "fresh": False,
    "yes": False,
    "test": False,
    "previous": False,
}


class Fleet:
    """
    One command about many pairs.

    kind
        ``restart``, ``rollout`` or ``reboot``.
    words
        What a person said, by word; ``None`` for what was not said.
    user
        Who has called; ``None`` where nobody is named.
    """

    def __init__(self, opts, kind, words, user=None):
        self.opts, self.kind, self.user = opts, kind, user
        default = {**_DEFAULTS, "method": "handover" if kind == "reboot" else "signal"}
        self.words = {
            key: value for key, value in words.items() if value not in (None, default.get(key))
        }
        self.now = time.time()
        self.directory = discovery.directory(opts)
        self.who = master.who(opts, user)
        own = {key: self.words.get(key) for key in _WHO}
        about = {
            key: value
            for key, value in self.words.items()
            if key not in (*_PACE, *_WHO, "fresh", "yes", "at", "test")
        }
        self.wanted = self._wanted(dict(about))
        self.fresh = vocabulary.truth("fresh", self.words.get("fresh"))
        what = {key: value for key, value in about.items() if key not in _HOW}
        self.signature = records.signature(kind, {**own, **commands.without_password(what)})
        self.chosen: Any = None
        #: An unfinished fleet run of the same command that is over with this one (``fresh=True``).
        self._given_up: Any = None
        #: The newest record of this command on disk when the plan was made.
        self._seen: Any = None

    def _wanted(self, about):
        about.setdefault("method", "handover" if self.kind == "reboot" else "signal")
        about.setdefault("force", None)
        if self.kind == "rollout":
            names = ("source", "contents_pillar", "sls", "file", "template", "saltenv")
            origins = {name: about.pop(name, None) for name in names}
            return kinds.rollout(
                self.opts, origins=origins, probation=self.words.get("probation"), **about
            )
        return getattr(kinds, self.kind)(self.opts, **about)

    def limits(self, canary):
        """Return the pace that was asked for; ``canary`` is how many units it has."""
        go = self.words.get("go", "auto")
        if go not in ("ask", "auto"):
            raise IscDhcpError(f"go: say ask or auto, not {go!r}")
        most = pace.whole_number("max_failures", self.words.get("max_failures", 1))
        at_once = pace.whole_number("at_once", self.words.get("at_once", 1))
        return pace.Pace(
            at_once=at_once,
            canary=canary,
            max_failures=most,
            until=times.moment("until", self.words.get("until"), self.now),
            window=times.window("window", self.words.get("window")),
            ask=go == "ask",
        )

    def plan(self):
        """
        Return the record of this command: the one that is gone on with, or a new plan.

        Raises :class:`iscdhcp.errors.IscDhcpError` where a frozen plan would be another one now.
        """
        words = {key: self.words[key] for key in (*_WHO, "at_once") if key in self.words}
        if self.kind == "rollout":
            # What is new goes to one unit first.
            words.setdefault("canary", 1)
        minions = SaltMinions(self.opts)
        try:
            self.chosen = fleet_choice.choose(
                self.opts, minions, whole=self.kind == "rollout", **words
            )
        finally:
            minions.close()
        self._seen = records.newest(self.directory, self.signature)
        old = records.unfinished(self.directory, self.signature, self.now)
        if old is not None and not self.fresh:
            narrows = vocabulary.truth("pending", self.words.get("pending"))
            differing = records.differences(
                old, self.chosen.selection.servers, self.chosen.found, narrows
            )
            if differing:
                raise IscDhcpError(records.refusal(old, differing))
            records.take_up(old, self.directory / "runs")
            old.who, old.pace, old.again = self.who, self._pace_said(), self._again()
            if old.canary and "probation" in self.words:
                old.probation = kinds.probation_of(self.opts, self.words["probation"])
            return old
        if old is not None:
            self._given_up = old
        probation = kinds.probation_of(self.opts, self.words.get("probation"))
        made = self.chosen.plan
        return records.Record(
            id=uuid.uuid4().hex[:12],
            kind=self.kind,
            task=self._task(),
            signature=self.signature,
            again=self._again(),
            who=self.who,
            begun=self.now,
            units=records.units_of(made, self.kind, self._seconds(), self.chosen.sites),
            canary=made.canary,
            probation=probation if made.canary else 0.0,
            left_out=list(self.chosen.selection.left_out),
            pace=self._pace_said(),
            fresh=self.fresh,
        )

    def _pace_said(self):
        return {key: self.words[key] for key in _PACE if key in self.words}

    def _task(self):
        if self.kind == "reboot":
            return self.wanted.request(self.opts).task
        if self.kind == "rollout":
            origins = commands.without_password(self.wanted.origins)
            return ", ".join(f"{key} {value}" for key, value in sorted(origins.items())) or None
        return None

    def _again(self):
        said = {
            key: commands.without_password(value)
            for key, value in self.words.items()
            if key not in ("fresh", "yes", "at", "test")
        }
        return commands.runner(f"fleet_{self.kind}", **said)

    def _seconds(self):
        """Return how long each server is expected to take, by minion id."""
        found, method = {}, self.wanted.words["method"]
        for server in self.chosen.selection.servers:
            pair = self.chosen.found.of_server(server)[0]
            view = pair_view.view_of(pair, self.chosen.looks)
            found[server] = pair_plan.server_seconds(view, server, method)
            if self.kind == "reboot":
                found[server] += HOST_EXPECTED
            if self.kind == "rollout" and server == pair.secondary:
                found[server] += self.wanted.words["probation"]
        return found

    def times(self, limits):
        """Return what is to be said about the time, as sentences."""
        said = {}
        if limits.until:
            said["until"] = (
                f"No unit is begun that would not be through by {times.told(limits.until)}."
            )
        if limits.window:
            opens, closes = limits.window.around(self.now)
            said["window"] = f"Units are begun from {times.told(opens)} to {times.told(closes)}."
        method = self.wanted.words["method"]
        if self.kind == "reboot":
            patience = span(self.wanted.words["host_timeout"])
            said["worst"] = f"At worst a host is waited for for {patience}."
        elif method == "control":
            mclt = max((pair.mclt or 3600 for pair in self.chosen.selection.pairs), default=3600)
            said["worst"] = f"With control each server waits for MCLT: {span(mclt)}."
        return said

    def make(self, record):
        """Return what makes the run of a job."""
        found = self.chosen.found
        opts = self._patient()
        keep = self._keep(record)

        def made(job):
            fresh = record.fresh and job.run is None
            order = None if job.server else ",".join(job.order)
            request = self.wanted.request(
                opts, only=job.server, order=order, fresh=fresh, again=record.again
            )
            run = self.wanted.run(
                opts, job.pair, request, user=self.user, discovery=found, quiet=True
            )
            run.journal.keep = keep
            return run

        return made

    def _keep(self, record):
        """Return how many journals are kept: those of one fleet run do not push each other out."""
        return master.keep_journals(self.opts) + 2 * sum(len(unit.jobs) for unit in record.units)

    def _still_as_planned(self):
        """Look, with the command locked, whether somebody has worked on it since the plan."""
        if records.newest(self.directory, self.signature) != self._seen:
            raise IscDhcpError(
                "Another process has gone on with this fleet run since the plan was made. Nothing "
                "was touched: give the command again."
            )
        if self._given_up is not None:
            self._given_up.finished = self.now
            records.save(self.directory, self._given_up)

    def _patient(self):
        """Return the configuration with more patience: all that are under way ask one master."""
        settings = dict(master.settings(self.opts))
        seconds = vocabulary.seconds("answer_seconds", settings.get("answer_seconds"))
        more = EACH_AT_ONCE * self.words.get("at_once", 1)
        settings["answer_seconds"] = (seconds or ASK_SECONDS) + more
        return {**self.opts, "dhcp_failover": settings}

    def run(self, record, limits):
        """
        Work off a plan; return its record.

        Raises :class:`iscdhcp.errors.IscDhcpError`, with nothing changed, where another process
        works on this command, or has done so since the plan was made.
        """
        fleet = FleetRun(
            record,
            self.directory,
            limits,
            self.make(record),
            lambda servers: Canary(self.opts, self.chosen.found, servers, self.user),
            self.who,
            keep=self._keep(record),
        )
        fleet.check = interrupts.INTERRUPTS.check
        fleet.journal.listeners.append(lambda entry: announce(self.opts, record, entry))
        display = FleetDisplay(sys.stderr, fleet)
        continued = any(unit.begun for unit in record.units)
        with interrupts.INTERRUPTS.deferred():
            try:
                fleet.begin(continued, self._still_as_planned)
                return fleet.go()
            finally:
                display.close()


class Canary:
    """Looks at the canary's servers while they are on probation."""

    def __init__(self, opts, found, servers, user):
        self._runs = []
        for server in servers:
            run = master.new_run(
                opts,
                found.of_server(server)[0].id,
                Request(),
                user=user,
                kind=ProbationRun,
                discovery=found,
                quiet=True,
            )
            self._runs.append((run, server))

    def look(self, over):
        """See :class:`iscdhcp.fleet.work.Probation`."""
        verdicts = [run.watch(server, over) for run, server in self._runs]
        for outcome in ("no", "wait"):
            for verdict in verdicts:
                if verdict.outcome == outcome:
                    return verdict
        return Verdict("yes")

    def close(self):
        """See :class:`iscdhcp.fleet.work.Probation`."""
        for run, _ in self._runs:
            run.minions.close()


def announce(opts, record, entry):
    """Put what happens to a fleet run on the bus: ``dhcp_failover/fleet/...``."""
    what = {"begun": "begun", "unit": "unit", "ended": "ended"}.get(entry["what"])
    if what is None:
        return
    told = {"run": record.id, "who": record.who, "kind": record.kind}
    if what == "unit":
        told.update({key: entry[key] for key in entry if key not in ("at", "what")})
    if what == "ended":
        failed = [unit.name for unit in record.units if unit.state == pace.FAILED]
        good = entry["outcome"] == "done"
        told.update(
            result=good,
            outcome=entry["outcome"],
            text=entry["comment"],
            cause=None if good else entry["comment"],
            next=None if good else f"salt-run dhcp_failover.fleet; to go on: {record.again}",
            done=record.counted(pace.DONE),
            failed=failed,
            seconds=round(entry["at"] - record.begun, 2),
        )
    servers = [server for unit in record.units for server in unit.servers]
    master.fire(opts, f"dhcp_failover/{FLEET}/{what}", {"pair": FLEET, "servers": servers, **told})


# -- what is asked of it ---------------------------------------------------------------------------


def begin(opts, kind, words, user=None):
    """
    Do what a person has asked for about many pairs.

    kind, words, user
        As for :class:`Fleet`; ``words`` has ``yes``, ``test`` and ``at`` besides.

    Returns ``(data, code)``: ``comment``, ``outcome``, ``fleet`` (the id), ``units``, ``left_out``;
    and the exit code: 0 done, 1 something failed or was refused, 2 stopped or out of time.

    Raises :class:`iscdhcp.errors.IscDhcpError` where nothing was begun.
    """
    fleet = Fleet(opts, kind, words, user)
    due = times.moment("at", fleet.words.get("at"), fleet.now)
    record = fleet.plan()
    limits = fleet.limits(record.canary)
    if due is not None and limits.until is not None and limits.until <= due:
        raise IscDhcpError("until: it is before at. Nothing was kept.")
    said = fleet.times(limits)
    outline = shows.outline(record, limits, said)
    data = {
        "outcome": "planned",
        "comment": outline,
        "fleet": record.id,
        "kind": kind,
        "units": shows.rows(record, fleet.now),
        "left_out": record.left_out,
    }
    left = [unit for unit in record.units if unit.state != pace.DONE]
    # One that was killed at its very end has only its end to be noted.
    if not left and not record.units:
        out = f" {len(record.left_out)} left out." if record.left_out else ""
        comment = f"There is nothing to {kind}.{out}"
        return {**data, "outcome": "done", "comment": comment}, 1 if records.no_pairs(record) else 0
    if vocabulary.truth("test", fleet.words.get("test")):
        return data, 0
    pairs = {pair for unit in left for pair in unit.pairs}
    if len(pairs) > 1 and not vocabulary.truth("yes", fleet.words.get("yes")):
        if terminal.somebody_is_there():
            with interrupts.INTERRUPTS.deferred():
                question = f"{outline}\nGo ahead?"
                if not terminal.yes(question, interrupts.INTERRUPTS.check):
                    raise IscDhcpError("Nobody said yes (yes=True): nothing was touched.")
    if due is not None:
        return fleet_requests.keep(fleet, record, due), 0
    done = fleet.run(record, limits)
    data.update(
        outcome=done.outcome,
        comment=done.comment,
        units=shows.rows(done, time.time()),
    )
    return data, code_of(done)


def code_of(record):
    """Return the exit code for what became of a fleet run."""
    if record.outcome == "done":
        return 1 if records.no_pairs(record) else 0
    return 1 if record.outcome == "failed" or record.counted(pace.FAILED) else 2


def last(opts):
    """
    Return the last fleet run, or the one under way, as :func:`begin` returns it; ``None``: none.

    ``outcome`` is ``killed`` where its process is gone without an end.
    """
    directory = discovery.directory(opts)
    known = records.all_of(directory)
    if not known:
        return None
    alive = [one for one in known if is_alive(directory, one)]
    record = alive[0] if alive else max(known, key=lambda one: one.ended or one.begun)
    outcome, comment = record.outcome, record.comment
    if outcome == "running":
        comment = f"{records.progress(record)}."
        if not alive:
            outcome = "killed"
            comment += f" Its process is gone without an end. To go on: {record.again}"
    return {
        "outcome": outcome,
        "comment": comment,
        "fleet": record.id,
        "kind": record.kind,
        "who": record.who,
        "units": shows.rows(record, time.time(), _latest(directory, record)),
        "left_out": record.left_out,
        "requests": [fleet_requests.told(one) for one in fleet_requests.kept(directory)],
    }


def metrics_of(opts):
    """Return the metrics of the last fleet run, or of the one under way, as OpenMetrics text."""
    directory = discovery.directory(opts)
    known = records.all_of(directory)
    alive = [one for one in known if is_alive(directory, one)]
    newest = max(known, key=lambda one: one.ended or one.begun, default=None)
    return metrics.render(alive[0] if alive else newest, bool(alive))


def is_alive(directory, record):
    """Return whether a process works on a fleet run."""
    mine = locks.ServerLocks(records.folder_of(directory) / "locks")
    return mine.owner(record.signature) is not None


def _latest(directory, record):
    """Return what the runs under way said last, by their units' numbers, from their journals."""
    found = {}
    for number, unit in enumerate(record.units):
        running = [job.run for job in unit.jobs if job.state == pace.RUNNING and job.run]
        for run in running if unit.state == pace.RUNNING else ():
            for path in (directory / "journal").glob(f"*-{run}.jsonl"):
                said = [one["text"] for one in journal.read(path) if one["what"] == "said"]
                if said:
                    found[number] = said[-1]
    return found
