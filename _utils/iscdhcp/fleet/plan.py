"""
In which order the servers of many pairs are restarted: pure.

A unit is what hangs together by relationships; inside it the rules of one pair hold: neighbours
never together, the secondary first where the roles allow it. Units are independent of each other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from ..errors import IscDhcpError
from ..pair.discovery import Pair
from . import pace
from . import select
from .topology import groups


@dataclass
class Unit:
    """What hangs together, and the rounds of its servers."""

    pairs: list[Pair]
    #: Servers of one round have no relationship with each other.
    rounds: list[list[str]]
    #: No order of this unit has fewer rounds.
    least: int
    #: The relationships whose primary goes first, as their roles form a circle.
    against: list[str] = field(default_factory=list)

    @property
    def servers(self) -> list[str]:
        """The servers in their order."""
        return [server for one in self.rounds for server in one]

    @property
    def name(self) -> str:
        """The id of its first pair; how many more there are."""
        more = len(self.pairs) - 1
        return self.pairs[0].id + (f" and {more} more" if more else "")


@dataclass
class Plan:
    """The units in the waves in which they are begun; the first of them are the canary's."""

    units: list[Unit]
    #: Indexes of units; those of a wave are under way at the same time.
    waves: list[list[int]]
    #: How many waves are the canary's, one unit each.
    canary: int = 0

    @property
    def servers(self) -> list[str]:
        """Every server that is restarted, in the order in which units are begun."""
        return [server for wave in self.waves for one in wave for server in self.units[one].servers]


def plan_units(pairs: Iterable[Pair], servers: Iterable[str]) -> list[Unit]:
    """
    Return the units of ``servers``.

    pairs
        Every pair that is known: neighbours count whether or not both are restarted.
    servers
        Those that are restarted.
    """
    chosen = set(servers)
    pairs = list(pairs)
    touched = [pair for pair in pairs if chosen & set(pair.servers)]
    of_server: dict[str, list[Pair]] = {}
    for pair in touched:
        for server in pair.servers:
            of_server.setdefault(server, []).append(pair)
    units = []
    # By way of servers that are not restarted too: a run locks the partners of both of its servers.
    for group in groups(chosen, pairs):
        if chosen.isdisjoint(group):
            continue
        mine = {pair.id: pair for server in group for pair in of_server.get(server, ())}
        unit = _unit([mine[one] for one in sorted(mine)], [one for one in group if one in chosen])
        units.append(unit)
    return sorted(units, key=lambda unit: unit.pairs[0].id if unit.pairs else "")


def _unit(pairs: list[Pair], servers: list[str]) -> Unit:
    chosen = set(servers)
    inside = [pair for pair in pairs if chosen >= set(pair.servers)]
    #: Whom a server waits for, and who waits for it: secondaries go before their primaries.
    before: dict[str, set[str]] = {server: set() for server in servers}
    after: dict[str, set[str]] = {server: set() for server in servers}
    for pair in inside:
        before[pair.primary].add(pair.secondary)
        after[pair.secondary].add(pair.primary)
    at = _levels(before, after)
    rounds: list[list[str]] = [[] for _ in range(max(at.values(), default=-1) + 1)]
    for server in servers:
        rounds[at[server]].append(server)
    against = [pair.id for pair in inside if at[pair.primary] < at[pair.secondary]]
    # Where no role is broken, the rounds are as many as the longest row of secondaries before
    # primaries: none of them can be saved.
    least = _fewest(before, after) if against else len(rounds)
    return Unit(pairs, rounds, least, against)


def _levels(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> dict[str, int]:
    """
    Return the round of each server: the first after all of those that it waits for.

    In a circle of roles the one that waits for the fewest goes first; then a round without
    neighbours is taken.
    """
    waits = {server: len(others) for server, others in before.items()}
    queue = [(number, server) for server, number in waits.items()]
    heapq.heapify(queue)
    at: dict[str, int] = {}
    while queue:
        number, server = heapq.heappop(queue)
        if server in at or number != waits[server]:
            continue
        taken = {at[one] for one in before[server] | after[server] if one in at}
        level = max((at[one] for one in before[server] if one in at), default=-1) + 1
        while level in taken:
            level += 1
        at[server] = level
        for one in after[server]:
            if one not in at:
                waits[one] -= 1
                heapq.heappush(queue, (waits[one], one))
    return at


def _fewest(before: Mapping[str, set[str]], after: Mapping[str, set[str]]) -> int:
    """Return in how many rounds neighbours can be apart at least: 1, 2, or 3 for odd circles."""
    side: dict[str, bool] = {}
    fewest = 1
    for start in before:
        if start in side:
            continue
        side[start], queue = True, [start]
        for server in queue:
            for other in before[server] | after[server]:
                fewest = max(fewest, 2)
                if other not in side:
                    side[other] = not side[server]
                    queue.append(other)
                elif side[other] == side[server]:
                    return 3
    return fewest


def plan(
    units: list[Unit],
    at_once: int = 1,
    sites: Mapping[str, str] | None = None,
    canary: int | Iterable[str] | str | None = None,
) -> Plan:
    """
    Return in which waves units are begun.

    at_once
        How many units are under way at the same time.
    sites
        By minion id where a server is: of a site one unit is under way at a time. A server that has
        none is a site of its own.
    canary
        The units that go first, each alone: how many, or pairs' names, ids or globs.

    A wave is what may run together; a run begins the next unit as soon as one is finished.
    """
    pace.whole_number("at_once", at_once)
    first = _canary(units, canary)
    waves: list[list[int]] = [[one] for one in first]
    rest = [one for one in range(len(units)) if one not in set(first)]
    begun = len(waves)
    free: dict[str, int] = {}
    #: Where a wave that is full sends one on to; followed with its path shortened.
    onward: dict[int, int] = {}
    for one in rest:
        where = {(sites or {}).get(server) for server in units[one].servers} - {None, ""}
        wave = max((free.get(str(site), begun) for site in where), default=begun)
        wave = _open(wave, onward)
        while len(waves) <= wave:
            waves.append([])
        waves[wave].append(one)
        if len(waves[wave]) >= at_once:
            onward[wave] = wave + 1
        for site in where:
            free[str(site)] = wave + 1
    # A unit of several sites may have skipped a wave that nobody took after it.
    return Plan(units, [wave for wave in waves if wave], begun)


def by_site(units: list[Unit], sites: Mapping[str, str], order: list[str]) -> list[Unit]:
    """
    Return units in an order of sites; those of other sites, and of none, come last.

    Raises :class:`IscDhcpError` for a site at which no server is: it may be a slip.
    """
    known = set(sites.values())
    strange = [site for site in order if site not in known]
    if strange:
        here = ", ".join(sorted(known)) or "none"
        raise IscDhcpError(
            f"order: no server is at {', '.join(strange)}; known: {here}. Nothing was touched."
        )
    rank = {site: number for number, site in enumerate(order)}

    def at(unit: Unit) -> int:
        return min((rank.get(sites.get(one, ""), len(order)) for one in unit.servers), default=0)

    return sorted(units, key=at)


def _open(wave: int, onward: dict[int, int]) -> int:
    path = []
    while wave in onward:
        path.append(wave)
        wave = onward[wave]
    for one in path:
        onward[one] = wave
    return wave


def _canary(units: list[Unit], canary: int | Iterable[str] | str | None) -> list[int]:
    if canary is None or isinstance(canary, bool):
        if canary:
            raise IscDhcpError("canary: give how many units go first, or which pairs")
        return []
    if isinstance(canary, int):
        if canary < 0:
            raise IscDhcpError(f"canary: give a whole number, 0 or above, not {canary}")
        return list(range(min(canary, len(units))))
    named = select.meant(
        [pair for unit in units for pair in unit.pairs], select.words_of(canary), "canary"
    )
    at = {pair.id: number for number, unit in enumerate(units) for pair in unit.pairs}
    return list(dict.fromkeys(at[pair.id] for pair in named))


def told(made: Plan, sites: Mapping[str, str] | None = None) -> dict[str, Any]:
    """
    Return a plan as plain values, with a sentence as ``comment``.

    sites
        As for :func:`plan`.
    """
    units = [
        {
            "name": unit.name,
            "pairs": [pair.id for pair in unit.pairs],
            "rounds": unit.rounds,
            "least": unit.least,
            "against": unit.against,
            "sites": sorted({(sites or {}).get(one, "") for one in unit.servers} - {""}),
        }
        for unit in made.units
    ]
    pairs = sum(len(unit.pairs) for unit in made.units)
    text = "There is nothing to restart"
    if units:
        text = (
            f"{_counted(len(made.servers), 'server')} of {_counted(pairs, 'pair')}, in "
            f"{_counted(len(units), 'unit')} and {_counted(len(made.waves), 'wave')}"
        )
    if made.canary:
        text += ", the first of them the canary's"
        text += f" ({made.canary})" if made.canary > 1 else ""
    names = [unit.name for unit in made.units]
    return {
        "comment": f"{text}.",
        "units": units,
        "waves": [[names[one] for one in wave] for wave in made.waves],
        "canary": made.canary,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
