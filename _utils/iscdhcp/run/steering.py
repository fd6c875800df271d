"""
How a person steers a run that is under way: pause, resume, abort.

The order is a small file on the master, named after the one process that it is for, so that it can
never reach another run. The run looks for it between its steps and inside its waits, and does what
it says at a moment when no server is down because of it: an act that has begun is ended first.

A paused run begins no act, keeps its locks and claims and goes on watching; its own time limits
stand still. An aborted one ends like a failed one. Either leaves the pair as it was at that moment
and the same command goes on from there.
"""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from typing import Concatenate
from typing import ParamSpec
from typing import Protocol
from typing import TypeVar

from ..answers import Look
from ..clock import Clock
from ..pair.discovery import Discovery
from ..pair.discovery import Pair
from ..pair.locks import ServerLocks
from ..pair.minions import Minions
from ..rules.verdict import Verdict
from . import journal
from .history import by_whom
from .history import sight
from .life import SignsOfLife
from .observed import ObservedMinions
from .orders import Aborted
from .orders import Interrupted
from .orders import Orders

#: Seconds between two looks at the servers while a run is paused.
LOOK_SECONDS = 5.0
#: For so many seconds the logs that a look has brought need not be asked for.
LOGS_FRESH = 3.0


class Steering:
    """
    The orders to one run, heeded.

    run
        The :class:`iscdhcp.run.restart.PairRun`.
    orders
        Where they are found.
    """

    def __init__(self, run: Told, orders: Orders) -> None:
        self._run = run
        self._orders = orders
        self._clock: Clock = run.clock
        #: The order that holds the run now, or ``None``.
        self.paused: dict[str, Any] | None = None
        #: A server is being stopped and started: orders wait.
        self.acting = False
        #: An act was left while it may have been under way.
        self.left_behind = False
        #: Seconds that the run has been paused in all.
        self.stood = 0.0
        self._since: float | None = None
        self._told: str | None = None

    def elapsed(self) -> float:
        """Return seconds that go on as the run does, and stand still while it is paused."""
        since = self._since
        return (self._clock.monotonic() if since is None else since) - self.stood

    def heed(self) -> None:
        """Do what was ordered; raises :class:`Aborted`, returns when a pause is over."""
        order = self._orders.get(self._run.attempt)
        if order is None or order["order"] == "resume":
            self._told = None
            return
        wait = "after this restart" if self.acting else self._run.holds_back(order["order"])
        if wait:
            if self._told != order["order"]:
                self._told = order["order"]
                self._run.say(f"To {order['order']} as {by_whom(order)} wants: {wait}.")
            return
        if order["order"] == "abort":
            self._abort(order)
        self._stand(order)

    @contextmanager
    def act(self) -> Iterator[None]:
        """A block in which a server is stopped and started: orders wait for its end."""
        self.acting = True
        try:
            yield
        except BaseException:
            self.left_behind = True
            raise
        finally:
            self.acting = False

    def _abort(self, order: dict[str, Any]) -> None:
        self._run.journal.write("aborted", who=order.get("who"), why=order.get("why"))
        raise Aborted(by_whom(order))

    def _stand(self, order: dict[str, Any]) -> None:
        """Stand still until there is another order; watch the servers, keep what the run has."""
        run = self._run
        self.paused, self._since = order, self._clock.monotonic()
        try:
            text = (
                f"Paused by {by_whom(order)}.{run.left_to_do()} Locks and claims stay. "
                f"To go on: salt-run dhcp_failover.resume {run.pair.id} (or abort)."
            )
            run.journal.write("paused", who=order.get("who"), why=order.get("why"), text=text)
            run.say(text)
            run.mark_paused(order)
            order = self._until_another_order()
        finally:
            self.stood += self._clock.monotonic() - self._since
            self.paused, self._since = None, None
            run.mark_paused(None)
        if order["order"] == "abort":
            self._abort(order)
        run.journal.write("resumed", who=order.get("who"), why=order.get("why"))
        run.say(f"Resumed by {by_whom(order)}.")

    def _until_another_order(self) -> dict[str, Any]:
        run = self._run
        looked = self._clock.monotonic()
        while True:
            run.check()
            run.tick()
            order = self._orders.get(run.attempt)
            if order is None:
                return {"order": "resume", "who": "somebody (the order to pause is gone)"}
            if order["order"] != "pause":
                return order
            run.keep_claim()
            if self._clock.monotonic() - looked > LOOK_SECONDS:
                looked = self._clock.monotonic()
                run.look_after()
            self._clock.sleep(0.2)


class Outcome(Protocol):
    """What a step returns: :class:`iscdhcp.run.base.Step`."""

    @property
    def result(self) -> bool | None:
        """True, False, or None for "would"."""

    @property
    def comment(self) -> str:
        """The whole story."""

    @property
    def warnings(self) -> list[str]:
        """What a person should know of."""

    @property
    def why(self) -> str | None:
        """Of a failure: the sentence without what is left behind."""

    @property
    def do(self) -> list[str]:
        """Of a failure: what to do."""


Done = TypeVar("Done", bound=Outcome)


class Told:
    """
    What a run tells: the person who watches, its journal, and those who steer it.

    The half of :class:`iscdhcp.run.base.Run` that decides nothing.
    """

    #: What was done to the servers once the run is over, for sentences.
    over = "restarted"
    #: What is done, for the record and the journal; ``None``: it has no record.
    kind: str | None = "restart"

    # What the other half has.
    clock: Clock
    pair: Pair
    discovery: Discovery
    who: str
    servers: tuple[str, ...]
    group: list[str]
    record: dict[str, Any]
    locks: ServerLocks
    claimed: bool
    directory: Path
    check: Callable[[], None]
    _say: Callable[[str], None]
    _cure: Callable[..., None]
    _entry: Callable[[str], dict[str, Any]]
    renew_claim: Callable[[], None]
    keep_claim: Callable[[], None]

    @property
    def run(self) -> str:
        """The run's id."""
        raise NotImplementedError

    @property
    def task(self) -> str | None:
        """What is done besides the restart, in words."""
        raise NotImplementedError

    @property
    def deed(self) -> str | None:
        """What a run without a record does, in words."""
        return None

    def left_down(self) -> str:
        """Say which server is down because of this run, and what ends that, if there is one."""
        return ""

    def holds_back(self, order: str) -> str | None:
        """
        Return when an order is heeded, in words, where a server is down because of this run.

        order
            ``pause`` or ``abort``.
        """
        return None

    def asked_for(self) -> tuple[str, frozenset[str]]:
        """Return method and force of the request, for the journal."""
        raise NotImplementedError

    def begin_told(self, minions: Minions, keep: int) -> None:
        """Make what this half has; ``keep`` journals are kept."""
        #: What this process writes into the run's journal.
        self.journal = journal.Journal(self.directory / "journal", keep, self.clock)
        life = SignsOfLife(self.discovery, self.journal, self.say, self.clock)
        self.minions = ObservedMinions(minions, self.journal, life)
        #: This process, for orders: a run that is continued is another attempt.
        self.attempt = uuid.uuid4().hex[:12]
        self.orders = Orders(self.directory / "orders", self.clock)
        self.steering = Steering(self, self.orders)
        #: Called again and again, for a countdown.
        self.tick: Callable[[], None] = lambda: None
        #: Whether a step is under way, and what came of the run so far.
        self.in_step = False
        self.outcome: tuple[str, str] | None = None
        self._waiting: tuple[object, ...] | None = None
        self._logged: tuple[float, dict[str, Any]] = (0.0, {})
        self._decided: dict[tuple[str, str], tuple[object, ...]] = {}

    def say(self, sentence: str) -> None:
        """Tell the person who watches, and the journal."""
        self.journal.write("said", text=sentence)
        self._say(sentence)

    def heed(self) -> None:
        """A moment at which the run may be left or held: signals and orders are looked at."""
        self.check()
        self.tick()
        self.steering.heed()

    def open_journal(self, continued: bool) -> None:
        """Open the run's journal; orders to runs that have ended are gone from now on."""
        method, force = self.asked_for()
        self.journal.open(
            self.run,
            float(self.record["begun"]),
            attempt=self.attempt,
            continued=continued,
            pair=self.pair.id,
            name=self.pair.name,
            primary=self.pair.primary,
            secondary=self.pair.secondary,
            servers=list(self.servers),
            group=list(self.group),
            kind=self.kind,
            deed=self.deed,
            task=self.task,
            method=method,
            force=sorted(force),
            who=self.who,
            pid=os.getpid(),
        )
        alive = journal.alive(self.journal.directory)
        self.orders.prune([str(about.get("attempt")) for _, about in alive])

    def close_journal(self) -> None:
        """Write the run's end and let go of the journal."""
        if self.journal.path is None:
            return
        outcome, comment = self.outcome or ("unfinished", self.left_to_do().strip())
        if self.outcome is None and self._acted() and self.record.get("finished"):
            outcome, comment = "done", f"{', '.join(self.servers)} {self.over}."
        self.minions.life.close(self.minions.offsets)
        self.journal.write("ended", outcome=outcome, comment=comment)
        self.journal.close()
        self.orders.withdraw(self.attempt)

    def note_decision(self, about: str, server: str, verdict: Verdict) -> None:
        """Write a decision into the journal, unless it is the same as before."""
        reasons = [reason.as_dict() for reason in verdict.reasons]
        said = verdict.outcome, [(one["code"], one["blocks"]) for one in reasons]
        if self._decided.get((about, server)) != said:
            self._decided[about, server] = said
            self.journal.write(
                "decision", about=about, server=server, outcome=verdict.outcome, reasons=reasons
            )

    def note_wait(self, server: str, verdict: Verdict, seconds: float | None) -> None:
        """
        Tell what is waited for, once it has changed.

        seconds
            After them the run gives up; ``None``: not known yet.
        """
        self.note_decision("is normal again", server, verdict)
        deadline = None if seconds is None else self.clock.time() + seconds
        news = server, verdict.sentence, verdict.until, deadline and round(deadline / 5)
        if verdict.outcome == "wait" and news != self._waiting:
            self._waiting = news
            self.journal.write(
                "waiting",
                server=server,
                text=verdict.sentence,
                until=verdict.until,
                deadline=deadline,
            )

    def log_since(self) -> float | None:
        """Return since when the journal wants the servers' logs, on their clocks; ``None``: not."""
        if self.journal.path is None or not self._acted():
            return None
        return float(self.record["begun"]) + min(0.0, *self.minions.offsets.values(), 0.0)

    def keep_logs(self, answers: Mapping[str, Look]) -> None:
        """Keep what dhcpd has logged where a question for something else has brought it."""
        brought = {one: look["facts"]["logged"] for one, look in answers.items() if "facts" in look}
        self._logged = self.clock.monotonic(), {one: it for one, it in brought.items() if it}

    def _kept_logs(self) -> dict[str, Any] | None:
        """Return what has been brought of every server a moment ago."""
        at, logged = self._logged
        late = self.clock.monotonic() - at > LOGS_FRESH
        return None if late or set(logged) < set(self.group) else logged

    def note_logs(self) -> None:
        """Write what dhcpd on the servers has logged since the run began into the journal."""
        since = self.log_since()
        if since is None:
            return
        if self.outcome is not None and self.outcome[0] == "interrupted":
            return  # the person wants to be gone
        try:
            logs = self._kept_logs() or self.minions.log(list(self.group), since)
            for server, answer in sorted(logs.items()):
                offset = self.minions.offsets.get(server, 0.0)
                self.journal.write("log", server=server, offset=offset, **answer)
        except Exception as err:  # pylint: disable=broad-except
            # What comes next is giving locks and claims back.
            self.journal.write("said", text=f"What dhcpd logged is not known: {err}")

    def ended_with(self, name: str, server: str, done: Done) -> Done:
        """
        Journal the failure of what several steps make up, unless one of them has told just that.

        name
            What the journal calls it.
        """
        if done.result is False and self.outcome != ("failed", done.comment):
            self.journal.write("step", name=name, server=server)
            self._write_result(name, server, done, 0.0)
            self.outcome = "failed", done.comment
        return done

    def _write_result(self, name: str, server: object, done: Outcome, seconds: float) -> None:
        failure: dict[str, Any] = {}
        if done.result is False:
            failure = {"why": done.why, "do": done.do}
        self.journal.write(
            "result",
            name=name,
            server=server,
            result=done.result,
            comment=done.comment,
            warnings=done.warnings,
            seconds=seconds,
            **failure,
        )

    def left_to_do(self) -> str:
        """Return what this run has done, what is left, and whether the pair is whole."""
        done = [one for one in self.servers if self._entry(one).get("now")]
        rest = [one for one in self.servers if one not in done]
        text = f" Nothing was {self.over} yet."
        if done:
            text = f" {self.over.capitalize()} so far: {', '.join(done)}."
        text += f" Left to do: {', '.join(rest) or 'see that the pair is normal'}."
        looks = [(one, self.minions.seen.get(one)) for one in self.group]
        odd = [sight({"server": one, **look}) for one, look in looks if look and not normal(look)]
        if odd:
            text += f" Not normal yet: {'; '.join(odd)}; leave both running."
        elif any(look for _, look in looks):
            text += " Every server was last seen normal at both ends."
        return text

    def look_after(self) -> None:
        """Look at all servers, and cure what keeps one from coming back by itself."""
        answers = self.minions.status(list(self.group), brief=True)
        for server in self.servers:
            facts = answers.get(server, {}).get("facts")
            if facts is not None and self._acted():
                self._cure(facts, answers)

    def mark_paused(self, order: dict[str, Any] | None) -> None:
        """Let anyone who finds this run's locks and claims read that it is paused, and by whom."""
        self.who = self.who.partition(", paused by ")[0]
        if order is not None:
            self.who += f", paused by {by_whom(order)}"
        self.locks.tell(who=self.who)
        self.renew_claim()

    def _acted(self) -> bool:
        return any(self._entry(one).get("now") for one in self.servers)


def normal(look: Mapping[str, Any]) -> bool:
    """Whether a server was seen running and normal at both ends of all its relationships."""
    ends = look.get("relationships", {}).values()
    return bool(look.get("running")) and all(
        (end.get("state"), end.get("partner_state")) == ("normal", "normal") for end in ends
    )


OfRun = TypeVar("OfRun", bound=Told)
Words = ParamSpec("Words")
Act = Callable[Concatenate[OfRun, Words], Done]


def step(name: str) -> Callable[[Act[OfRun, Words, Done]], Act[OfRun, Words, Done]]:
    """
    Make a method of a run one of its steps: journaled, and begun only when no order stands against.

    name
        What the journal calls it.

    The server that it is about is its first argument: a place in the order, or a minion's id.
    """

    def decorate(act: Act[OfRun, Words, Done]) -> Act[OfRun, Words, Done]:
        @functools.wraps(act)
        def wrapped(self: OfRun, *args: Words.args, **kwargs: Words.kwargs) -> Done:
            if kwargs.get("test") or self.in_step:
                return act(self, *args, **kwargs)
            where: object = args[0] if args else kwargs.get("position", kwargs.get("server"))
            server = self.servers[where] if isinstance(where, int) else where
            begun = self.clock.monotonic()
            self.in_step = True
            try:
                if name != "unlock":
                    self.heed()
                    begun = self.clock.monotonic()
                self.journal.write("step", name=name, server=server)
                done = act(self, *args, **kwargs)
            except BaseException as err:
                if isinstance(err, Interrupted):
                    if isinstance(err, Aborted):
                        self.look_after()
                    err.left, err.down = self.left_to_do(), self.left_down()
                outcome = getattr(err, "outcome", "failed")
                self.outcome = outcome, str(err)
                self.journal.write(
                    "result",
                    name=name,
                    server=server,
                    result=False,
                    raised=True,
                    comment=str(err),
                    seconds=round(self.clock.monotonic() - begun, 3),
                )
                raise
            finally:
                self.in_step = False
            self._write_result(name, server, done, round(self.clock.monotonic() - begun, 3))
            if done.result is False:
                self.outcome = "failed", done.comment
            if name == "unlock" or (name == "lock" and done.result is False):
                self.close_journal()
            return done

        return wrapped

    return decorate
