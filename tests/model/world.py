"""
A small world with a clock of its own, in which real code runs as actors, one step after the other.

Whoever sleeps, asks, looks or acts passes a *point*. There the world goes on with whoever is next
by its clock, and a *decision* of the schedule may hold the actor up, end its process, lose what it
sends or deliver it twice. A schedule is its decisions and nothing else: run again it is the same.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from greenlet import greenlet

#: When a world begins, epoch seconds.
BEGIN = 1_800_000_000.0
#: Seconds that passing a point takes, by its kind: a look, an order on its way, an act.
COSTS = {"look": 0.004, "act": 0.002, "message": 0.015}

KILL, LOSE, TWICE, POWER = "kill", "lose", "twice", "power"


@dataclass(frozen=True)
class Decision:
    """What happens to an actor at one of its points: it is held up, or a fault."""

    seconds: float = 0.0
    fault: str | None = None

    def __str__(self) -> str:
        if self.fault == TWICE and self.seconds:
            return f"twice, the second {self.seconds:g} s later"
        return self.fault or f"held up for {self.seconds:g} s"


#: A schedule: by actor and the number of its point. A case that is kept says instead at what: it is
#: the first such point.
Schedule = dict[tuple[str, int], Decision]
Kept = dict[str, Decision]


@dataclass(frozen=True)
class Point:
    """A point that was passed."""

    actor: str
    number: int
    kind: str
    what: str
    at: float
    #: Of whoever passed it.
    host: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """What a schedule calls it."""
        return self.actor, self.number


class Ended(BaseException):
    """The world has ended, or this process was killed: nobody may go on."""


@dataclass
class Process:
    """What can be killed: its locks are free then, and none of its code runs any more."""

    name: str
    host: str
    killed: bool = False
    killed_at: float | None = None
    locks: list[Any] = field(default_factory=list)


class Actor:
    """A course of real code."""

    def __init__(self, world: World, name: str, act: Callable[[], Any], process: Process) -> None:
        self.name, self.process, self.points = name, process, 0
        self.wake: float | None = world.now
        self.until: Callable[[], bool] | None = None
        self.done, self.result = False, None
        self.error: BaseException | None = None

        def course() -> None:
            try:
                self.result = act()
            except Ended:
                pass
            except BaseException as err:
                self.error = err
            self.done = True

        self.course = greenlet(course, parent=world.hub)


class World:
    """
    The world of one schedule.

    schedule, kept
        Its decisions.
    """

    def __init__(self, schedule: Schedule, kept: Kept | None = None) -> None:
        self.schedule, self.kept = schedule, dict(kept or {})
        self._kept_all = tuple(self.kept.values())
        #: Called for a host that loses its power.
        self.power_cut: Callable[[str], None] = lambda host: None
        #: Called after every step.
        self.check: Callable[[World], None] = lambda world: None
        self.now = BEGIN
        self.hub = greenlet.getcurrent()
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self.over = False
        self.points: list[Point] = []
        #: What happened, for people.
        self.story: list[tuple[float, str]] = []
        self._timeline: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    # -- what happens ------------------------------------------------------------------------------

    def tell(self, text: str) -> None:
        """Add a line to the story."""
        self.story.append((self.now, text))

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Have something happen then."""
        heapq.heappush(self._timeline, (self.now + seconds, next(self._numbers), happens))

    def spawn(self, name: str, act: Callable[[], Any], process: Process | None = None) -> Actor:
        """Begin a course of code; it goes on when it is next."""
        actor = Actor(self, name, act, process or Process(name, "master"))
        self.actors.append(actor)
        return actor

    def run(self, seconds: float) -> None:
        """Let the world go on until nobody has anything to do, or the time is over."""
        end = self.now + seconds
        while True:
            actor = self._next_actor()
            due = self._timeline[0][0] if self._timeline else None
            if actor is None and due is None:
                break
            at = due if actor is None or (due is not None and due <= self._ready(actor)) else None
            if at is None:
                assert actor is not None
                at = self._ready(actor)
            if at > end:
                break
            self.now = max(self.now, at)
            if due is not None and due == at:
                heapq.heappop(self._timeline)[2]()
            else:
                assert actor is not None
                actor.wake, actor.until = None, None
                self.current = actor
                actor.course.switch()
                self.current = None
            self.check(self)

    def _ready(self, actor: Actor) -> float:
        if actor.until is not None and actor.until():
            return self.now
        return float("inf") if actor.wake is None else actor.wake

    def _next_actor(self) -> Actor | None:
        waiting = [one for one in self.actors if not one.done and not one.process.killed]
        chosen = min(waiting, key=self._ready, default=None)
        return chosen if chosen and self._ready(chosen) < float("inf") else None

    def close(self) -> None:
        """End the world: what still waits never goes on."""
        self.over = True
        for actor in self.actors:
            # One that was killed before its first step has nothing to end.
            if not actor.done and actor.course:
                actor.course.throw(Ended)

    # -- what actors do ----------------------------------------------------------------------------

    def _park(self, wake: float | None, until: Callable[[], bool] | None = None) -> None:
        actor = self.current
        if self.over or actor is None:
            raise Ended
        actor.wake, actor.until = wake, until
        self.hub.switch()
        if self.over:
            raise Ended

    def held_up(self) -> float:
        """Return for how many seconds at most the schedule may have held somebody up."""
        decisions = [*self.schedule.values(), *self._kept_all]
        return sum(one.seconds + (40.0 if one.fault else 0.0) for one in decisions)

    def point(self, kind: str, what: str) -> Decision | None:
        """Pass a point of the actor that runs; return what was decided, if anything."""
        actor = self.current
        if self.over or actor is None:
            raise Ended
        actor.points += 1
        passed = Point(actor.name, actor.points, kind, what, self.now, actor.process.host)
        self.points.append(passed)
        decision = self.schedule.get(passed.key) or self.kept.pop(what, None)
        if decision is not None:
            self.tell(f"{actor.name}, {what}: {decision}")
            if decision.fault == KILL:
                self.kill(actor.process)
            elif decision.fault == POWER:
                self.power_cut(actor.process.host)
        held_up = decision.seconds if decision and decision.fault is None else 0.0
        self._park(self.now + COSTS.get(kind, 0.0) + held_up)
        return decision

    def sleep(self, seconds: float) -> None:
        """Let the actor that runs sleep."""
        self._park(self.now + seconds)

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Let the actor that runs wait until something is so; return whether it is."""
        if not until():
            self._park(self.now + seconds, until)
        return until()

    def kill(self, process: Process) -> None:
        """End a process as SIGKILL does."""
        process.killed, process.killed_at = True, self.now
        for file in process.locks:
            if not file.closed:
                fcntl.flock(file, fcntl.LOCK_UN)
        process.locks.clear()


class Clock:
    """The world's clock, for the code that runs in it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def time(self) -> float:
        """Epoch seconds."""
        return self._world.now

    def monotonic(self) -> float:
        """Seconds."""
        return self._world.now

    def sleep(self, seconds: float) -> None:
        """Let the others go on."""
        self._world.sleep(seconds)


class Locks:
    """``fcntl`` for the code that runs in a world: locks end with the process that is killed."""

    LOCK_EX, LOCK_SH, LOCK_NB, LOCK_UN = fcntl.LOCK_EX, fcntl.LOCK_SH, fcntl.LOCK_NB, fcntl.LOCK_UN

    def __init__(self) -> None:
        self.world: World | None = None

    def flock(self, file: Any, how: int) -> None:
        """As :func:`fcntl.flock`."""
        fcntl.flock(file, how)
        current = self.world.current if self.world else None
        if current is not None and hasattr(file, "closed"):
            current.process.locks.append(file)
