"""
A fleet run at work: one process, a thread for each unit that is under way.

What is begun when is decided by :mod:`iscdhcp.fleet.pace`; a unit's runs are the same as those that
one pair's command begins, each with its own locks, claims, journal and record.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from typing import Protocol

from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..pair.locks import ServerLocks
from ..rules.verdict import Verdict
from ..run import journal
from ..run import whole
from ..run.history import by_whom
from ..run.orders import Aborted
from ..run.orders import Interrupted
from ..run.orders import Orders
from ..run.restart import PairRun
from ..words import count
from ..words import span
from . import pace
from . import record as records
from .record import Job
from .record import Record
from .times import told

#: Seconds between two looks at signals, orders and the display.
TICK = 0.2
#: Seconds between two looks at a canary on probation.
LOOK_INTERVAL = 2.0
#: What journals and orders call a fleet run.
FLEET = "fleet"


class Unwritable(IscDhcpError):
    """The record of a fleet run can't be brought to the disk."""


class Probation(Protocol):
    """Watches the canary's servers."""

    def look(self, over: bool) -> Verdict:
        """
        Return whether they are as good as when the probation began.

        over
            Whether this is the last look: they are asked as clients ask.
        """

    def close(self) -> None:
        """Let go of what it looks with."""


class FleetRun:
    """
    One process that works on a fleet run.

    record
        The frozen plan, saved at each change.
    directory
        The master's, of locks, records and journals.
    make
        Returns the run of a job; called in the thread that takes it.
    probation
        Returns who watches these servers.
    who
        Who began it.
    keep
        How many journals are kept.
    """

    def __init__(
        self,
        record: Record,
        directory: Path,
        limits: pace.Pace,
        make: Callable[[Job], PairRun],
        probation: Callable[[list[str]], Probation],
        who: str,
        *,
        keep: int = journal.KEEP,
        clock: Clock = SYSTEM,
    ) -> None:
        self.record, self.directory, self.pace = record, Path(directory), limits
        self._make, self._probation, self.who, self.clock = make, probation, who, clock
        #: Called when signals are to be looked at; raises :class:`Interrupted`.
        self.check: Callable[[], None] = lambda: None
        #: Called again and again, for a display.
        self.tick: Callable[[], None] = lambda: None
        self.journal = journal.Journal(self.directory / "journal", keep, clock)
        self.attempt = uuid.uuid4().hex[:12]
        self.orders = Orders(self.directory / "orders", clock)
        self._mine = ServerLocks(records.folder_of(self.directory) / "locks")
        #: For the record and the journal, which threads change.
        self._lock = threading.RLock()
        self._news = threading.Event()
        self._threads: list[threading.Thread] = []
        #: Runs under way, by the number of their unit.
        self.active: dict[int, PairRun] = {}
        self._ending: Interrupted | None = None
        self._paused: dict[str, Any] | None = None
        self._forwarded: set[str] = set()
        #: What the run of a unit under way said last, by the unit's number.
        self.latest: dict[int, str] = {}
        self._watch: Probation | None = None
        self._watched = (0.0, 0.0)
        self._said: object = None
        self._untrusted = ""
        #: Why the record can't be written any more.
        self._unwritable = ""

    # -- from begin to end -------------------------------------------------------------------------

    def begin(self, continued: bool, locked: Callable[[], None] = lambda: None) -> None:
        """
        Lock the command, write the plan, open the journal.

        locked
            Called once nobody else can work on it; what it raises ends it, with nothing written.

        Raises :class:`iscdhcp.pair.locks.Held` where another process works on it.
        """
        owner = {
            "who": self.who,
            "pair": FLEET,
            "pid": os.getpid(),
            "since": self.clock.time(),
        }
        self._mine.acquire([self.record.signature], owner)
        try:
            locked()
            self.record.outcome = "running"
            self._save()
        except BaseException:
            self._mine.release()
            raise
        self.journal.open(
            self.record.id,
            self.record.begun,
            attempt=self.attempt,
            continued=continued,
            pair=FLEET,
            name=FLEET,
            servers=[server for unit in self.record.units for server in unit.servers],
            group=[],
            method=self.record.kind,
            force=[],
            who=self.who,
            pid=os.getpid(),
            fleet=self.record.kind,
            units=[unit.name for unit in self.record.units],
        )

    def go(self) -> Record:
        """Work until it is over; return the record with what became of it."""
        try:
            self._loop()
        except Interrupted as err:
            self._ending = err
        except Unwritable as err:
            self._unwritable = str(err)
        finally:
            self._join()
            if self._watch:
                self._watch.close()
            self._end()
        return self.record

    def _loop(self) -> None:
        while True:
            self.tick()
            self.check()
            self._heed()
            if self._unwritable:
                # Nothing new without a record of it; what is under way is finished.
                return
            with self._lock:
                decision = pace.decide(
                    self.record.units,
                    self.pace,
                    self.clock.time(),
                    self.record.trusted,
                    self.record.gone_on,
                )
                for number in decision.begin:
                    self._start(number)
                under_way = bool(self.active) or self.record.counted(pace.RUNNING)
            if self._untrusted and not under_way:
                self.record.outcome = "failed"
                return
            if decision.outcome and not under_way:
                self.record.outcome = decision.outcome
                return
            self._wait_for(decision)
            self._news.wait(TICK)
            self._news.clear()

    def _wait_for(self, decision: pace.Decision) -> None:
        """Do what is done while a decision waits for something else than units."""
        if decision.waits == "probation" and not self._untrusted:
            self._look_at_canary()
        elif decision.waits == "ask":
            text = (
                f"{count(self.record.canary, 'unit')} of the canary done and trusted. To go on "
                f"with the rest: salt-run dhcp_failover.resume {FLEET} (or abort)."
            )
            self._pause({"who": "the canary", "why": "go=ask", "order": "pause"}, text)
            self.record.gone_on = True
            self._save()
        elif decision.waits == "window" and decision.opens is not None:
            self._say_once(("window", decision.opens), f"Waiting for {told(decision.opens)}.")

    def _end(self) -> None:
        record = self.record
        ending = self._ending
        if ending is not None:
            record.outcome = ending.outcome
        if record.counted(pace.FAILED) and record.outcome == "window":
            record.outcome = "failed"
        if record.outcome == "running":
            record.outcome = "failed"  # an error of ours goes up from here
        record.ended = self.clock.time()
        if record.outcome == "done":
            record.finished = record.ended
        record.comment = records.sentence(record)
        if self._unwritable:
            record.comment = f"{self._unwritable} {record.comment}"
        if self._untrusted:
            record.comment = f"The canary did not stay good: {self._untrusted} {record.comment}"
        if isinstance(ending, Aborted):
            record.comment = f"Aborted by {ending.args[0]}. {record.comment}"
        elif ending is not None:
            record.comment = f"Interrupted ({ending.args[0]}). {record.comment}"
        elif record.outcome == "window":
            record.comment = f"No time is left for the rest. {record.comment}"
        try:
            self._save()
        except Unwritable as err:
            if not self._unwritable:
                record.comment = f"{err} {record.comment}"
                record.outcome = "failed"
        finally:
            self._write("ended", outcome=record.outcome, comment=record.comment)
            self.journal.close()
            self.orders.withdraw(self.attempt)
            self._mine.release()
        records.prune(self.directory)

    def _join(self) -> None:
        """Wait for the units under way; each ends at a moment that leaves nothing half done."""
        while any(thread.is_alive() for thread in self._threads):
            self.tick()
            self._news.wait(TICK)
            self._news.clear()
            if self._ending is not None:
                self._forward("abort", {"who": str(self._ending.args[0]), "why": ""})

    # -- a unit ------------------------------------------------------------------------------------

    def _start(self, number: int) -> None:
        unit = self.record.units[number]
        unit.state, unit.begun = pace.RUNNING, self.clock.time()
        unit.ended, unit.comment = None, ""
        self._save()
        self._write("unit", name=unit.name, state=unit.state, servers=unit.servers)
        thread = threading.Thread(target=self._work, args=(number,), name=f"unit {unit.name}")
        self._threads = [*(one for one in self._threads if one.is_alive()), thread]
        thread.start()

    def _work(self, number: int) -> None:
        """Take a unit's runs one after the other; in a thread of its own."""
        unit = self.record.units[number]
        state, comment = pace.DONE, ""
        try:
            for job in unit.jobs:
                if job.state == pace.DONE:
                    continue
                if self._ending is not None:
                    state, comment = pace.STOPPED, "Not begun."
                    break
                done = self._take(number, job)
                comment = done.comment
                if not done.result:
                    state = pace.STOPPED if done.interrupted else pace.FAILED
                    break
        except Exception as err:  # pylint: disable=broad-except
            # Whatever it was: the other units go on, and this one says so.
            state, comment = pace.FAILED, f"{type(err).__name__}: {err}"
            if isinstance(err, IscDhcpError):
                comment = str(err)
        with self._lock:
            self.active.pop(number, None)
            self.latest.pop(number, None)
            unit.state, unit.comment, unit.ended = state, comment, self.clock.time()
            try:
                self._save()
            except Unwritable as err:
                self._unwritable = str(err)
            self._write(
                "unit",
                name=unit.name,
                state=state,
                comment=comment,
                seconds=round(unit.ended - (unit.begun or unit.ended), 2),
                runs=[job.run for job in unit.jobs if job.run],
            )
        self._news.set()

    def _take(self, number: int, job: Job) -> whole.Done:
        run = self._make(job)
        try:
            run.journal.listeners.append(lambda entry: self._heard(number, job, run, entry))
            with self._lock:
                self.active[number] = run
            done = whole.perform(run)
        finally:
            run.minions.close()
        with self._lock:
            job.comment = done.comment
            job.state = pace.DONE if done.result else pace.FAILED
            self._save()
            if done.result:
                for server in job.servers:
                    self._write("acted", server=server, result=True, run=job.run)
        return done

    def _heard(self, number: int, job: Job, run: PairRun, entry: journal.Entry) -> None:
        """Note the run's id before its first act: whoever goes on knows whether it was finished."""
        if entry["what"] == "said":
            self.latest[number] = str(entry["text"])
        elif entry["what"] == "begun":
            with self._lock:
                job.run, job.state = run.run, pace.RUNNING
                self._save()

    # -- orders ------------------------------------------------------------------------------------

    def _heed(self) -> None:
        order = self.orders.get(self.attempt)
        if order is None or order["order"] == "resume":
            return
        if order["order"] == "abort":
            self._abort(order)
        self._pause(order, f"Paused by {by_whom(order)}: nothing new is begun.")

    def _abort(self, order: dict[str, Any]) -> None:
        self._write("aborted", who=order.get("who"), why=order.get("why"))
        raise Aborted(by_whom(order))

    def _pause(self, order: dict[str, Any], text: str) -> None:
        """Stand still until somebody resumes or aborts; units under way pause as well."""
        self._write("paused", who=order.get("who"), why=order.get("why"), text=text)
        self._say(text)
        self._paused = order
        while True:
            self._forward("pause", order)
            self.tick()
            self.check()
            now = self.orders.get(self.attempt)
            if now is not None and now["order"] == "abort":
                self._abort(now)
            if now is None and order["who"] != "the canary":
                now = {"order": "resume", "who": "somebody (the order to pause is gone)"}
            if now is not None and now["order"] == "resume":
                break
            self._news.wait(TICK)
            self._news.clear()
        self._paused = None
        self._forward("resume", now)
        self._forwarded.clear()
        self.orders.withdraw(self.attempt)
        self._write("resumed", who=now.get("who"), why=now.get("why"))
        self._say(f"Resumed by {by_whom(now)}.")

    @property
    def paused(self) -> dict[str, Any] | None:
        """The order that holds it now, or ``None``."""
        return self._paused

    def _forward(self, order: str, given: dict[str, Any]) -> None:
        """Give an order to the runs under way, once each; resume only whom this has paused."""
        with self._lock:
            runs = list(self.active.values())
        for run in runs:
            known = f"pause {run.attempt}" in self._forwarded
            if order == "resume" and not known:
                continue
            # One that came before the run's journal was open may have been tidied away as nobody's.
            lost = order != "resume" and run.orders.get(run.attempt) is None
            if lost or f"{order} {run.attempt}" not in self._forwarded:
                self._forwarded.add(f"{order} {run.attempt}")
                why = str(given.get("why") or "") or f"the whole {FLEET}"
                run.orders.give(run.attempt, order, str(given.get("who")), why)

    # -- the canary --------------------------------------------------------------------------------

    def _look_at_canary(self) -> None:
        seconds = self.record.probation
        if not seconds:
            self.record.trusted = True
            self._save()
            return
        now = self.clock.monotonic()
        if self._watch is None:
            first = self.record.units[: self.record.canary]
            servers = [server for unit in first for server in unit.servers]
            self._watch = self._probation(servers)
            self._watched = (now, now - LOOK_INTERVAL)
            self._say(f"The canary is on probation for {span(seconds)}.")
        begun, looked = self._watched
        over = now - begun >= seconds
        if not over and now - looked < LOOK_INTERVAL:
            return
        self._watched = begun, now
        verdict = self._watch.look(over)
        if verdict.outcome == "no":
            self._untrusted = verdict.sentence
        elif over and verdict.ok:
            self.record.trusted = True
            self._save()
            self._say(f"The canary has stood its probation of {span(seconds)}.")
        elif over and now - begun > seconds + LOST_SECONDS:
            self._untrusted = f"it could not be seen any more: {verdict.sentence}"

    # -- telling -----------------------------------------------------------------------------------

    def _write(self, what: str, **fields: Any) -> None:
        with self._lock:
            self.journal.write(what, **fields)

    def _say(self, text: str) -> None:
        self._write("said", text=text)

    def _say_once(self, what: object, text: str) -> None:
        if self._said != what:
            self._said = what
            self._say(text)

    def _save(self) -> None:
        """Bring the record to the disk; raises :class:`Unwritable`."""
        with self._lock:
            try:
                records.save(self.directory, self.record)
            except OSError as err:
                raise Unwritable(
                    f"The plan in {records.folder_of(self.directory)} on the master can't be "
                    f"written ({err.strerror or err}), so nothing new is begun: make room there, "
                    "and give the same command again."
                ) from err


#: Seconds after a probation's end in which the canary has to be seen good.
LOST_SECONDS = 180.0
