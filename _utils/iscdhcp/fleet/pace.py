"""
Which units of a fleet run are begun now, and when it is over: pure.

A unit is begun as soon as there is room for it; nothing here waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Protocol

from ..errors import IscDhcpError
from .times import Window

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"


class Unit(Protocol):
    """What is asked of a unit."""

    @property
    def state(self) -> str:
        """``waiting``, ``running``, ``done``, ``failed`` or ``stopped``."""

    @property
    def sites(self) -> Sequence[str]:
        """Where its servers are."""

    @property
    def seconds(self) -> float:
        """How long it is expected to take."""


def whole_number(name: str, value: Any) -> int:
    """Return a number that a person gave, or raise :class:`IscDhcpError` for none above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise IscDhcpError(f"{name}: give a whole number above 0, not {value!r}")
    return value


@dataclass(frozen=True)
class Pace:
    """How many at once, how many failures, until when."""

    #: Units under way at the same time; of a site one.
    at_once: int = 1
    #: The first units, each alone.
    canary: int = 0
    #: Failed units after which no other is begun.
    max_failures: int = 1
    #: Epoch seconds: no unit is begun that is expected to take longer.
    until: float | None = None
    window: Window | None = None
    #: Whether a person has to let it go on after the canary.
    ask: bool = False


@dataclass(frozen=True)
class Decision:
    """What is to be done now."""

    #: Indexes of the units that are begun.
    begin: list[int] = field(default_factory=list)
    #: How the run ends, once nothing is under way: ``done``, ``failed`` or ``window``.
    outcome: str | None = None
    #: What is waited for: ``probation``, ``ask``, ``window`` (its begin), or ``None``: the units.
    waits: str | None = None
    #: For ``window``: when it opens, epoch seconds.
    opens: float | None = None


def decide(
    units: Sequence[Unit],
    pace: Pace,
    now: float,
    trusted: bool = False,
    gone_on: bool = False,
) -> Decision:
    """
    Return what is to be done now.

    units
        In their order; the first ``pace.canary`` of them are the canary's.
    now
        Epoch seconds.
    trusted
        Whether the canary's servers have stood their probation.
    gone_on
        Whether a person has let the run go on after the canary.
    """
    running = [unit for unit in units if unit.state == RUNNING]
    waiting = [number for number, unit in enumerate(units) if unit.state == WAITING]
    failed = sum(unit.state == FAILED for unit in units)
    first = units[: pace.canary]
    if failed >= pace.max_failures or any(unit.state == FAILED for unit in first):
        return Decision(outcome="failed")
    if not waiting:
        if pace.canary and not trusted and not running:
            return Decision(waits="probation")
        return Decision(outcome="failed" if failed else "done")
    in_canary = any(unit.state != DONE for unit in first)
    if not in_canary and first:
        if not trusted:
            return Decision(waits="probation")
        if pace.ask and not gone_on:
            return Decision(waits="ask")
    opens, closes = _time(pace, now)
    if opens > now:
        return Decision(waits="window", opens=opens)
    room = (1 if in_canary else pace.at_once) - len(running)
    taken = {site for unit in running for site in unit.sites}
    begin: list[int] = []
    fits = False
    for number in waiting[:1] if in_canary else waiting:
        unit = units[number]
        if closes is not None and now + unit.seconds > closes:
            continue
        fits = True
        if len(begin) >= room:
            break
        if taken.isdisjoint(unit.sites):
            begin.append(number)
            taken.update(unit.sites)
    if not fits:
        return Decision(outcome="failed" if failed else "window")
    return Decision(begin=begin)


def _time(pace: Pace, now: float) -> tuple[float, float | None]:
    """Return from when on units may be begun, and when they have to be through."""
    opens, closes = now, pace.until
    if pace.window is not None:
        opens, ends = pace.window.around(now)
        closes = ends if closes is None else min(closes, ends)
        if pace.until is not None and opens >= pace.until:
            # It opens too late: nothing fits.
            return now, pace.until
    return opens, closes
