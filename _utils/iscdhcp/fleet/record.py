"""
The record of a fleet run on the master: its plan, frozen before the first unit, and how far it is.

The same command goes on with it: what is done is not done again. A plan that would be another one
now is refused, with what differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from ..files import read_json
from ..files import write_json
from ..pair.discovery import Discovery
from ..run import records
from ..words import count
from ..words import date
from ..words import joined
from . import pace
from .plan import Plan
from .select import NO_PAIR

#: An unfinished fleet run older than this (seconds) is not continued: several nights' windows.
RECORD_LIFE = 7 * 24 * 3600.0
#: Records that are kept.
KEEP = 100
#: How many names a sentence has at most.
_NAMES = 4


@dataclass
class Job:
    """One run of a unit: over a pair, or over one server of it."""

    #: The pair's id.
    pair: str
    #: The only server that is touched; ``None``: both, in ``order``.
    server: str | None = None
    order: list[str] = field(default_factory=list)
    state: str = pace.WAITING
    #: The id of the run, known before its first act.
    run: str | None = None
    comment: str = ""

    @property
    def servers(self) -> list[str]:
        """The servers that are touched."""
        return [self.server] if self.server else self.order


@dataclass
class UnitRecord:
    """One unit and what became of it."""

    name: str
    pairs: list[str]
    servers: list[str]
    jobs: list[Job]
    sites: list[str] = field(default_factory=list)
    #: How long it is expected to take.
    seconds: float = 0.0
    state: str = pace.WAITING
    #: Epoch seconds of the last try.
    begun: float | None = None
    ended: float | None = None
    comment: str = ""


@dataclass
class Record:
    """A fleet run."""

    id: str
    #: ``restart``, ``rollout`` or ``reboot``.
    kind: str
    #: What is done besides, in words.
    task: str | None
    #: What tells this command from others.
    signature: str
    #: The command that goes on with it.
    again: str
    who: str
    #: Epoch seconds, as all times here.
    begun: float
    units: list[UnitRecord]
    #: How many of the units are the canary's, and for how many seconds they are on probation.
    canary: int = 0
    probation: float = 0.0
    trusted: bool = False
    gone_on: bool = False
    #: Whether it began anew where a pair had an unfinished run.
    fresh: bool = False
    left_out: list[dict[str, Any]] = field(default_factory=list)
    #: ``running`` while a process works on it, then as a run's outcome.
    outcome: str | None = None
    comment: str = ""
    #: When the last process that worked on it ended.
    ended: float | None = None
    finished: float | None = None
    #: What the last process was told: how many at once and the like.
    pace: dict[str, Any] = field(default_factory=dict)

    def counted(self, state: str) -> int:
        """Return how many units are in a state."""
        return sum(unit.state == state for unit in self.units)


def signature(kind: str, wanted: Mapping[str, Any]) -> str:
    """
    Return what tells a command from others: what is done to whom, not at which pace.

    wanted
        Its words and values; those that are ``None`` do not count.
    """
    said = {word: value for word, value in wanted.items() if value is not None}
    text = json.dumps([kind, said], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def jobs_of(
    kind: str, servers: list[str], pairs: Iterable[tuple[str, tuple[str, str]]]
) -> list[Job]:
    """
    Return the runs of a unit, one after the other.

    kind
        Of the fleet run. A rollout is over whole pairs: a hub has its files after the first.
    servers
        In their order.
    pairs
        Ids with their servers; each that a server is of.
    """
    pairs = list(pairs)
    at = {server: number for number, server in enumerate(servers)}
    whole = [(name, both) for name, both in pairs if all(one in at for one in both)]
    if kind == "rollout" or (len(whole) == 1 and set(whole[0][1]) == set(servers)):
        # In the order in which the first of their servers comes.
        whole.sort(key=lambda one: min(at[server] for server in one[1]))
        return [Job(name, order=sorted(both, key=at.__getitem__)) for name, both in whole]
    return [Job(next(name for name, both in pairs if server in both), server) for server in servers]


def units_of(
    made: Plan,
    kind: str,
    seconds: Mapping[str, float] | None = None,
    sites: Mapping[str, str] | None = None,
) -> list[UnitRecord]:
    """
    Return the units of a plan in the order in which they are begun.

    seconds
        How long a server is expected to take, by minion id.
    sites
        Where a server is, by minion id.
    """
    found = []
    for number in (one for wave in made.waves for one in wave):
        unit = made.units[number]
        found.append(
            UnitRecord(
                name=unit.name,
                pairs=[pair.id for pair in unit.pairs],
                servers=unit.servers,
                jobs=jobs_of(kind, unit.servers, [(one.id, one.servers) for one in unit.pairs]),
                sites=sorted({(sites or {}).get(one, "") for one in unit.servers} - {""}),
                seconds=round(sum((seconds or {}).get(one, 0.0) for one in unit.servers), 1),
            )
        )
    return found


# -- on disk ---------------------------------------------------------------------------------------


def folder_of(directory: Path) -> Path:
    """Return where records are, below the master's directory."""
    return Path(directory) / "fleet"


def save(directory: Path, record: Record) -> None:
    """Write a record, whole or not at all."""
    write_json(folder_of(directory) / f"{record.id}.json", asdict(record))


def load(path: Path) -> Record | None:
    """Return a record, or ``None`` where the file holds none."""
    data = read_json(path)
    try:
        units = [
            UnitRecord(**{**unit, "jobs": [Job(**job) for job in unit["jobs"]]})
            for unit in data["units"]
        ]
        return Record(**{**data, "units": units})
    except (TypeError, KeyError):
        return None


def all_of(directory: Path) -> list[Record]:
    """Return all records, the newest first."""
    found = [load(path) for path in folder_of(directory).glob("*.json")]
    return sorted((one for one in found if one), key=lambda one: one.begun, reverse=True)


def prune(directory: Path, keep: int = KEEP) -> None:
    """Delete the oldest records that are finished, but ``keep``."""
    for record in all_of(directory)[keep:]:
        if record.finished:
            (folder_of(directory) / f"{record.id}.json").unlink(missing_ok=True)


def newest(directory: Path, wanted: str) -> Record | None:
    """Return the newest fleet run of a signature."""
    return next((one for one in all_of(directory) if one.signature == wanted), None)


def unfinished(directory: Path, wanted: str, now: float) -> Record | None:
    """Return the newest fleet run of a signature, if it is unfinished and young."""
    record = newest(directory, wanted)
    if record is None or record.finished or now - record.begun >= RECORD_LIFE:
        return None
    return record


# -- going on --------------------------------------------------------------------------------------


def differences(
    record: Record, chosen: Iterable[str], found: Discovery, narrows: bool
) -> list[str]:
    """
    Return in what a frozen plan differs from the one of now, as parts of a sentence.

    chosen
        The servers that are meant now.
    found
        The fleet as it is now.
    narrows
        Whether servers drop out of the choice as they are done (``pending=True``).
    """
    chosen = set(chosen)
    frozen = {server for unit in record.units for server in unit.servers}
    known = {pair.id for pair in found.pairs}
    told = []
    new = sorted(chosen - frozen)
    if new:
        told.append(f"{_some(new)} {'is' if len(new) == 1 else 'are'} not in it")
    left = [unit for unit in record.units if unit.state != pace.DONE]
    gone = sorted({pair for unit in left for pair in unit.pairs if pair not in known})
    if gone:
        told.append(f"{_some(gone)} {'is' if len(gone) == 1 else 'are'} no pair now")
    if not narrows:
        untouched = {
            server
            for unit in left
            for job in unit.jobs
            if job.state == pace.WAITING
            for server in job.servers
        }
        missing = sorted(untouched - chosen)
        if missing and not gone:
            told.append(f"{_some(missing)} would be left out now")
    return told


def refusal(record: Record, differing: list[str]) -> str:
    """Return what a command is told whose plan is another one now."""
    return (
        f"The fleet {record.kind} that {record.who} began at {date(record.begun)} is unfinished "
        f"({progress(record)}), and its plan would be another one now: {'; '.join(differing)}. "
        "To make a new plan: fresh=True. Nothing was touched."
    )


def take_up(record: Record, runs: Path) -> None:
    """
    Prepare a record to be gone on with: what failed or was left is tried again.

    runs
        The folder of the records of runs: one that was killed at its very end is done.
    """
    for unit in record.units:
        for job in unit.jobs:
            if job.state == pace.RUNNING and _is_finished(job, runs, record.kind):
                job.state = pace.DONE
            elif job.state != pace.DONE:
                job.state = pace.WAITING
        if all(job.state == pace.DONE for job in unit.jobs):
            unit.state = pace.DONE
        elif unit.state != pace.DONE:
            unit.state = pace.WAITING
    record.outcome, record.ended, record.finished = None, None, None


def _is_finished(job: Job, runs: Path, kind: str) -> bool:
    if not job.run:
        return False
    known = read_json(records.path_of(runs, job.pair, kind))
    return bool(isinstance(known, dict) and known.get("run") == job.run and known.get("finished"))


def progress(record: Record) -> str:
    """Return how far a fleet run is: ``5 of 8 units done, 1 failed``."""
    text = f"{record.counted(pace.DONE)} of {count(len(record.units), 'unit')} done"
    for state in (pace.FAILED, pace.STOPPED, pace.RUNNING):
        if record.counted(state):
            text += f", {record.counted(state)} {_STATES[state]}"
    return text


_STATES = {pace.FAILED: "failed", pace.STOPPED: "stopped", pace.RUNNING: "under way"}


def sentence(record: Record) -> str:
    """Return how a fleet run has ended, and what to do."""
    text = f"{progress(record)}."
    bad = [unit for unit in record.units if unit.state == pace.FAILED]
    for unit in bad[:_NAMES]:
        text += f" {unit.name}: {unit.comment.rstrip('.')}."
    if len(bad) > _NAMES:
        text += f" And {len(bad) - _NAMES} more."
    left = [unit.name for unit in record.units if unit.state == pace.WAITING]
    if left:
        text += f" Not begun: {_some(left)}."
    if record.outcome != "done":
        text += f" To go on: {record.again}"
    alone = no_pairs(record)
    if alone:
        text += (
            f" Left out, as in no pair: {_some(alone)} (salt-run dhcp_failover.pairs says why; "
            "exclude= leaves them out on purpose)."
        )
    return text


def no_pairs(record: Record) -> list[str]:
    """Return the servers that were meant and are in no pair, so that nothing was done to them."""
    return sorted({str(one["name"]) for one in record.left_out if one["code"] == NO_PAIR})


def _some(names: list[str]) -> str:
    if len(names) <= _NAMES:
        return joined(names)
    return f"{', '.join(names[:_NAMES])} and {len(names) - _NAMES} more"
