"""
What the master knows of one pair at one moment: the facts of both ends, beside each other.

Checks (:mod:`iscdhcp.pair.preflight`), diagnosis (:mod:`iscdhcp.doctor.diagnose`), plan and the
status table read this and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any
from typing import Protocol

from ..rules import forecast
from ..rules.may_stop import CLOCK_MAX_SKEW
from .discovery import Pair
from .locks import Holds
from .locks import ServerLocks

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class PairView:
    """
    One pair, seen from the master.

    ``answers`` has, by server, ``facts`` and ``offset`` (its clock minus the master's, seconds), or
    ``error``. ``locks`` (sentences) and ``holds`` are the master's own.
    """

    pair: Pair
    answers: Mapping[str, Facts]
    locks: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[str, Facts] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The relationship's name."""
        return self.pair.name

    @property
    def servers(self) -> tuple[str, str]:
        """Both minion ids, the primary first."""
        return self.pair.primary, self.pair.secondary

    def partner(self, server: str) -> str:
        """Return the other minion id."""
        return self.pair.secondary if server == self.pair.primary else self.pair.primary

    def facts(self, server: str) -> Facts | None:
        """Return a server's facts, ``None`` if it did not answer."""
        return self.answers.get(server, {}).get("facts")

    def error(self, server: str) -> str | None:
        """Return why a server's facts are missing."""
        answer = self.answers.get(server, {})
        return None if "facts" in answer else str(answer.get("error") or "no answer")

    def part(self, server: str, name: str) -> Facts:
        """Return one part of a server's facts, empty where it is not there."""
        found = (self.facts(server) or {}).get(name)
        return found if isinstance(found, Mapping) else {}

    def part_list(self, server: str, name: str) -> list[Any]:
        """Return one part of a server's facts that is a list, empty where it is not there."""
        return list((self.facts(server) or {}).get(name) or ())

    def survey(self, server: str, name: str) -> Facts:
        """Return one part of a server's survey, empty where it is not there."""
        found = self.part(server, "survey").get(name)
        return found if isinstance(found, Mapping) else {}

    def end(self, server: str) -> Facts:
        """Return what a server says of this relationship, empty where it says nothing."""
        found = self.part(server, "relationships").get(self.name)
        return found if isinstance(found, Mapping) else {}

    def counts(self, server: str) -> Facts:
        """
        Return the counts of this relationship's addresses in a server's lease file.

        ``addresses``, ``active``, ``free``, ``backup``, ``own`` (those that it gives to new clients
        without its partner) and ``pools`` (each with the same); empty where nothing was counted.
        """
        pools = (self.part(server, "leases").get("relationships") or {}).get(self.name)
        if not pools:
            return {}
        role = "primary" if server == self.pair.primary else "secondary"
        found = [
            {
                "network": pool["network"],
                **{state: int(pool[state]) for state in ("addresses", "active", "free", "backup")},
                "own": forecast.own_free(role, pool),
            }
            for pool in pools
        ]
        keys = ("addresses", "active", "free", "backup", "own")
        return {**{key: sum(pool[key] for pool in found) for key in keys}, "pools": found}

    def running(self, server: str) -> bool:
        """Whether a server's dhcpd is known to run."""
        return bool(self.part(server, "process").get("running"))

    def states(self, server: str) -> tuple[str | None, str | None]:
        """Return a server's own state and its partner's as it says them."""
        end = self.end(server)
        return end.get("state"), end.get("partner_state")

    @property
    def skew(self) -> float | None:
        """The secondary's clock minus the primary's, seconds; ``None`` if one did not answer."""
        first, second = self.servers
        if self.error(first) or self.error(second):
            return None
        return float(self.answers[second]["offset"]) - float(self.answers[first]["offset"])

    @property
    def clocks_refused(self) -> bool:
        """Whether dhcpd would refuse a new connection between these clocks."""
        return self.skew is not None and abs(self.skew) > CLOCK_MAX_SKEW

    @property
    def normal(self) -> bool:
        """Whether both ends say normal of themselves and of each other."""
        return all(self.states(server) == ("normal", "normal") for server in self.servers)

    def touched_since_start(self, server: str) -> bool:
        """Whether a file of the configuration is newer than the running dhcpd."""
        return bool(self.part(server, "configuration").get("touched_since_start"))


class Inspector(Protocol):
    """How servers are looked at. Answers are as those of :class:`iscdhcp.pair.minions.Minions`."""

    def inspect(self, minions: list[str], log_hours: float = 0.0) -> dict[str, dict[str, Any]]:
        """Ask every minion for its facts and its survey."""


def look(
    minions: Inspector, directory: Path, pairs: Iterable[Pair], log_hours: float = 0.0
) -> list[PairView]:
    """
    Look at both ends of some pairs, all at the same time.

    directory
        Where the master keeps locks and holds.
    log_hours
        How far back the servers read their logs; 0: not at all.
    """
    pairs = list(pairs)
    servers = sorted({server for pair in pairs for server in pair.servers})
    answers = minions.inspect(servers, log_hours)
    return [view_of(pair, answers, directory) for pair in pairs]


def view_of(pair: Pair, answers: Mapping[str, Any], directory: Path | None = None) -> PairView:
    """Return the view of a pair from answers that are there; locks and holds as they are now."""
    mine = {server: answers.get(server, {}) for server in pair.servers}
    if directory is None:
        return PairView(pair, mine)
    locks, holds = ServerLocks(directory / "locks"), Holds(directory / "holds")
    owners = {server: locks.owner(server) for server in pair.servers}
    held = {server: holds.get(server) for server in pair.servers}
    return PairView(
        pair,
        mine,
        {server: owner for server, owner in owners.items() if owner},
        {server: hold for server, hold in held.items() if hold},
    )
