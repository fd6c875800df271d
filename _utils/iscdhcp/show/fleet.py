"""The plan of a fleet run in ten lines, and its units as rows and as a table."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from ..fleet import pace
from ..fleet.record import Record
from ..words import count
from ..words import span

#: Lines of a plan that a person is asked about, besides its head.
_PLAN_LINES = 8
#: What the states of units are called, worst first: so they are sorted.
STATES = {
    pace.FAILED: "failed",
    pace.STOPPED: "stopped",
    pace.RUNNING: "under way",
    pace.WAITING: "not begun",
    pace.DONE: "done",
}


def rows(
    record: Record, now: float, latest: Mapping[int, str] | None = None
) -> list[dict[str, Any]]:
    """
    Return the units of a fleet run as plain values, in the order in which they are begun.

    now
        Epoch seconds, for how long those under way have taken.
    latest
        What those said last, by number.
    """
    found = []
    for number, unit in enumerate(record.units):
        seconds = None
        if unit.begun is not None:
            seconds = round((unit.ended if unit.ended else now) - unit.begun, 1)
        found.append(
            {
                "unit": unit.name,
                "state": STATES[unit.state],
                "servers": unit.servers,
                "seconds": seconds,
                "runs": [job.run for job in unit.jobs if job.run],
                "comment": (latest or {}).get(number) or unit.comment,
            }
        )
    return found


def outline(record: Record, limits: pace.Pace, times: Mapping[str, str]) -> str:
    """
    Return a plan in ten lines, for a person who has to agree to it.

    times
        Sentences about the time: ``until``, ``window``, ``worst``.
    """
    servers = sum(len(unit.servers) for unit in record.units)
    pairs = sum(len(unit.pairs) for unit in record.units)
    what = f" ({record.task})" if record.task else ""
    head = (
        f"Fleet {record.kind}{what}: {count(servers, 'server')} of {count(pairs, 'pair')} in "
        f"{count(len(record.units), 'unit')}, {limits.at_once} at once"
    )
    expected = duration(record, limits)
    lines = [f"{head}, some {span(expected)} in all."] if expected else [f"{head}."]
    left = [unit for unit in record.units if unit.state != pace.DONE]
    for number, unit in enumerate(left[:_PLAN_LINES]):
        mark = "canary: " if number < limits.canary else ""
        lines.append(f"  {mark}{unit.name}: {', then '.join(unit.servers)}")
    if len(left) > _PLAN_LINES:
        lines.append(f"  and {count(len(left) - _PLAN_LINES, 'more unit')}")
    if record.left_out:
        names = sorted({str(one["name"]) for one in record.left_out})
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        lines.append(f"Left out: {', '.join(names[:4])}{more}.")
    lines += [text for text in times.values() if text]
    return "\n".join(lines)


def duration(record: Record, limits: pace.Pace) -> float:
    """Return how many seconds what is left is expected to take, all units together."""
    left = [unit.seconds for unit in record.units if unit.state != pace.DONE]
    first, rest = left[: limits.canary], left[limits.canary :]
    longest = max(rest, default=0.0)
    watched = record.probation if limits.canary and not record.trusted else 0.0
    return sum(first) + watched + max(longest, sum(rest) / limits.at_once)


def render(data: Mapping[str, Any], paint: Callable[[str, str], str], width: int) -> str:
    """Return what the runner's fleet functions return as a table, failures first."""
    lines = [f"{paint(str(data.get('outcome')), _colour(data))}: {data['comment']}"]
    worst = list(STATES.values())
    units = sorted(data.get("units") or (), key=lambda row: worst.index(row["state"]))
    names = max((len(row["unit"]) for row in units), default=0)
    states = max((len(row["state"]) for row in units), default=0)
    for row in units:
        seconds = "" if row["seconds"] is None else span(row["seconds"])
        text = f"  {row['unit']:<{names}}  {row['state']:<{states}}  {seconds:>8}  "
        said = row["comment"] if row["state"] != "done" else ", ".join(row["servers"])
        lines.append(paint((text + said)[: max(width, 40)], _COLOURS[row["state"]]))
    for one in data.get("left_out") or ():
        lines.append(paint(f"  left out: {one['text']}"[:width], "DARK_GRAY"))
    return "\n".join(lines)


_COLOURS = {
    "failed": "RED",
    "stopped": "YELLOW",
    "under way": "CYAN",
    "not begun": "DARK_GRAY",
    "done": "GREEN",
}


def _colour(data: Mapping[str, Any]) -> str:
    outcome = data.get("outcome")
    return "GREEN" if outcome == "done" else "RED" if outcome in ("failed", "killed") else "YELLOW"
