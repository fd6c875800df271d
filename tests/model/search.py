"""
The search for a schedule that breaks an invariant, without remembering states.

Every schedule is run anew from its decisions: first none, then each single decision at each point
that was passed without it, then two of them, then several at random. What is found is shortened to
the decisions that it needs.
"""

from __future__ import annotations

import itertools
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from scenarios import HORIZON
from scenarios import SCENARIOS
from scenarios import Scenario
from scenarios import modelled
from scenarios import setting
from world import KILL
from world import LOSE
from world import POWER
from world import TWICE
from world import Decision
from world import Kept
from world import Point
from world import Schedule

#: How long an actor may be held up: past another's step, past a reconnect, past the evidence's age,
#: past a claim.
DELAYS = (0.05, 0.4, 3.0, 14.0, 200.0)


@dataclass
class Outcome:
    """What became of one schedule."""

    wrong: list[str]
    points: list[Point]
    story: list[str]
    #: What was seen of the world at its end, to count how different schedules were.
    state: tuple[object, ...]
    #: See :class:`invariants.Judge`.
    window: float


def play(scenario: Scenario, schedule: Schedule, kept: Kept | None = None) -> Outcome:
    """Run one schedule of a scenario; ``kept`` are decisions by what they are about."""
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="model-", dir=base))
    try:
        with modelled() as locks:
            to = setting(folder, schedule, scenario.hub, scenario.masters, kept)
            locks.world = to.world
            try:
                scenario.begin(to)
                to.world.run(HORIZON)
                for what in to.world.kept:
                    to.judge.say(f"nothing was decided at: {what} (there is no such point)")
                kills = [one.process for one in to.world.actors if one.process.killed]
                to.judge.at_the_end(to.runs, kills)
                for actor in to.world.actors:
                    if actor.error is not None:
                        to.judge.say(f"{actor.name} raised {actor.error!r}")
            finally:
                to.world.close()
                locks.world = None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    state = tuple(
        (one.name, one.pid is not None, *((end.state, end.seen) for end in one.ends.values()))
        for one in to.network.servers.values()
    )
    runs = tuple((run.name, run.result) for run in to.runs)
    begin = to.world.story[0][0] if to.world.story else 0.0
    story = [f"{at - begin:8.3f} s  {text}" for at, text in to.world.story]
    return Outcome(to.judge.wrong, to.world.points, story, (state, runs), to.judge.window)


def options(point: Point, power: bool = False) -> Iterator[Decision]:
    """What may happen at a point; ``power``: a host may lose it."""
    for seconds in DELAYS:
        yield Decision(seconds)
    yield Decision(fault=KILL)
    if power and point.host.startswith("dhcp-"):
        yield Decision(fault=POWER)
    if point.kind == "message":
        yield Decision(fault=LOSE)
        if " orders " in point.what:
            for seconds in (0.0, 0.4, 2.0, 14.0):
                yield Decision(seconds, TWICE)


def schedules(scenario: Scenario, first: Outcome, luck: random.Random) -> Iterator[Schedule]:
    """Yield schedules without an end: single decisions, pairs of them, then more at random."""
    singles = [{point.key: one} for point in first.points for one in options(point, scenario.power)]
    luck.shuffle(singles)
    yield from singles
    for _ in range(len(singles) * 2):
        one, other = luck.sample(singles, 2)
        yield {**one, **other}
    while True:
        chosen = luck.sample(singles, min(len(singles), luck.randint(2, 5)))
        yield dict(itertools.chain.from_iterable(one.items() for one in chosen))


@dataclass
class Found:
    """A schedule that breaks something."""

    scenario: str
    schedule: Schedule
    wrong: list[str]
    story: list[str]

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.scenario}: {'; '.join(self.wrong)}", *(f"  {line}" for line in self.story)]
        )


@dataclass
class Explored:
    """What a search came to."""

    schedules: int = 0
    states: set[object] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)
    seconds: float = 0.0
    window: float = 0.0


def shorten(scenario: Scenario, schedule: Schedule, wrong: str) -> tuple[Schedule, Outcome]:
    """Return the fewest of a schedule's decisions with which the same thing goes wrong."""
    best, outcome = schedule, play(scenario, schedule)
    shorter = True
    while shorter:
        shorter = False
        for key in list(best):
            less = {one: decision for one, decision in best.items() if one != key}
            tried = play(scenario, less)
            if wrong in tried.wrong:
                best, outcome, shorter = less, tried, True
                break
    return best, outcome


def explore(
    seconds: float,
    seed: int = 1,
    names: list[str] | None = None,
    stop_at_first: bool = False,
    most: int | None = None,
) -> Explored:
    """
    Explore scenarios in turn for some seconds.

    seed
        Decides the order; the same finds the same, as far as the time goes.
    names
        Of :data:`scenarios.SCENARIOS`; default: all.
    stop_at_first
        Return once something is found.
    most
        No more schedules than these.
    """
    explored, begun = Explored(), time.monotonic()
    streams = {}
    for name in names or SCENARIOS:
        first = play(SCENARIOS[name], {})
        _note(explored, SCENARIOS[name], {}, first)
        streams[name] = schedules(SCENARIOS[name], first, random.Random(f"{seed}{name}"))
    known: set[tuple[str, str]] = set()
    for name in itertools.cycle(streams):
        if time.monotonic() - begun > seconds or (stop_at_first and explored.found):
            break
        if most is not None and explored.schedules >= most:
            break
        schedule = next(streams[name])
        outcome = play(SCENARIOS[name], schedule)
        fresh = [one for one in outcome.wrong if (name, one) not in known]
        if fresh:
            known.update((name, one) for one in outcome.wrong)
            schedule, outcome = shorten(SCENARIOS[name], schedule, fresh[0])
        _note(explored, SCENARIOS[name], schedule, outcome, bool(fresh))
    explored.seconds = time.monotonic() - begun
    return explored


def _note(
    explored: Explored, scenario: Scenario, schedule: Schedule, outcome: Outcome, fresh: bool = True
) -> None:
    explored.schedules += 1
    explored.window = max(explored.window, outcome.window)
    explored.states.add((scenario.name, outcome.state))
    if outcome.wrong and fresh:
        explored.found.append(Found(scenario.name, schedule, outcome.wrong, outcome.story))
