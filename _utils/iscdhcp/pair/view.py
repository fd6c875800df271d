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
from typing import Protocol
from typing import TypedDict

from .. import unknown
from ..answers import NO_MODULE
from ..answers import Look
from ..rules import forecast
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..shapes import EndFacts
from ..shapes import Examined
from ..shapes import Knowledge
from ..shapes import LogSurvey
from ..shapes import ServerFacts
from ..shapes import ServiceFacts
from ..shapes import Survey
from .discovery import Pair
from .locks import Hold
from .locks import Holds
from .locks import ServerLocks


class CountsOfPool(TypedDict):
    """How many addresses of a pool are in which state."""

    network: str
    addresses: int
    active: int
    free: int
    backup: int
    abandoned: int
    #: Those that the server gives to new clients without its partner.
    own: int


class Counts(TypedDict):
    """The same of a whole relationship."""

    addresses: int
    active: int
    free: int
    backup: int
    own: int
    pools: list[CountsOfPool]


@dataclass(frozen=True)
class PairView:
    """
    One pair, seen from the master.

    ``answers`` has, by server, ``facts`` and ``offset`` (its clock minus the master's, seconds), or
    ``error``. ``locks`` (sentences) and ``holds`` are the master's own.
    """

    pair: Pair
    answers: Mapping[str, Look]
    locks: Mapping[str, str] = field(default_factory=dict)
    holds: Mapping[str, Hold] = field(default_factory=dict)

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

    def facts(self, server: str) -> ServerFacts | None:
        """Return a server's facts, ``None`` if it did not answer."""
        answer = self.answers.get(server)
        return answer.get("facts") if answer else None

    def error(self, server: str) -> str | None:
        """Return why a server's facts are missing."""
        answer = self.answers.get(server, {})
        return None if "facts" in answer else answer.get("error") or "no answer"

    def lacks_modules(self, server: str) -> bool:
        """Whether a server's minion answered that it does not have our modules."""
        return self.answers.get(server, {}).get("code") == NO_MODULE

    def seen(self, server: str) -> ServerFacts:
        """Return a server's facts; where it did not answer, facts that know nothing."""
        return self.facts(server) or unknown.server()

    def end(self, server: str) -> EndFacts:
        """Return what a server says of this relationship, as far as it says something."""
        return self.seen(server)["relationships"].get(self.name) or unknown.end()

    def knows(self, server: str) -> bool:
        """Whether a server has this relationship."""
        return self.name in self.seen(server)["relationships"]

    def survey(self, server: str) -> Survey:
        """Return a server's survey, as far as there is one."""
        return self.seen(server)["survey"] or unknown.survey()

    def log(self, server: str) -> LogSurvey:
        """Return what a server's log said, as far as it was read."""
        return self.survey(server)["log"] or unknown.log()

    def examined(self, server: str) -> Examined:
        """Return what was found in a server's configuration."""
        return self.survey(server)["configuration"] or unknown.examined()

    def knowledge(self, server: str) -> Knowledge | None:
        """Return what a server's lease file knows of this relationship, if that was read."""
        known = self.survey(server)["knowledge"]
        return known.get(self.name) if known else None

    def service(self, server: str) -> ServiceFacts:
        """Return what a server's service manager says."""
        return self.seen(server)["service"] or unknown.service()

    def counts(self, server: str) -> Counts | None:
        """
        Return the counts of this relationship's addresses in a server's lease file.

        ``None`` where nothing was counted.
        """
        leases = self.seen(server)["leases"]
        pools = leases["relationships"].get(self.name) if leases else None
        if not pools:
            return None
        role = "primary" if server == self.pair.primary else "secondary"
        found: list[CountsOfPool] = [
            {
                "network": pool["network"],
                "addresses": pool["addresses"],
                "active": pool["active"],
                "free": pool["free"],
                "backup": pool["backup"],
                "abandoned": pool["abandoned"],
                "own": forecast.own_free(role, pool),
            }
            for pool in pools
        ]
        return {
            "addresses": sum(pool["addresses"] for pool in found),
            "active": sum(pool["active"] for pool in found),
            "free": sum(pool["free"] for pool in found),
            "backup": sum(pool["backup"] for pool in found),
            "own": sum(pool["own"] for pool in found),
            "pools": found,
        }

    def running(self, server: str) -> bool:
        """Whether a server's dhcpd is known to run."""
        return self.seen(server)["process"]["running"]

    def states(self, server: str) -> tuple[str | None, str | None]:
        """Return a server's own state and its partner's as it says them."""
        end = self.end(server)
        return end["state"], end["partner_state"]

    @property
    def skew(self) -> float | None:
        """The secondary's clock minus the primary's, seconds; ``None`` if one did not answer."""
        first, second = self.servers
        if self.error(first) or self.error(second):
            return None
        return self.answers[second]["offset"] - self.answers[first]["offset"]

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
        return bool(self.seen(server)["configuration"]["touched_since_start"])


class Inspector(Protocol):
    """How servers are looked at. Answers are as those of :class:`iscdhcp.pair.minions.Minions`."""

    def inspect(self, minions: list[str], log_hours: float = 0.0) -> dict[str, Look]:
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


def view_of(pair: Pair, answers: Mapping[str, Look], directory: Path | None = None) -> PairView:
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
