"""
For how long a partner will serve alone, and whether its free leases last that long.

A server whose partner is gone gives new clients addresses of its own half only: a primary those
that are ``free``, a secondary those that are ``backup``; in partner-down the other half too once
MCLT has passed (failover.c:6341-6447). Pure functions from facts.
"""

from __future__ import annotations

import math
import time
from typing import TypedDict

from .. import measured
from ..shapes import CountedPool
from ..shapes import EndFacts
from ..shapes import ServerFacts
from ..shapes import Spare
from ..shapes import SparePool

#: Seconds for both ends to connect again and be normal: two tries of the failover connection.
RECONNECT = 10.0
#: Seconds from the documented shutdown's order to the end (measured 17-18).
CONTROL = 18.0


def seconds_alone(facts: ServerFacts, method: str) -> float:
    """
    Return for how many seconds the partner should expect to serve alone.

    facts
        Of the server that is restarted: its last measured start and its lease file's size count.
    method
        How it is stopped; with ``control`` it answers nobody for MCLT after its start.
    """
    last = facts["last_start"]["seconds"] if facts["last_start"] else 0.0
    size = facts["lease_file"]["bytes"]
    # The last start is the better witness, and may be the lucky one.
    start = max(2.0, 2 * last, 2 * size * measured.START_SECONDS_PER_BYTE)
    more = 0.0
    if method == "control":
        more = CONTROL + max(map(mclt_of, facts["relationships"].values()), default=3600.0)
    return start + RECONNECT + more


def mclt_of(end: EndFacts) -> float:
    """Return MCLT in seconds; a secondary that never had its partner does not know it."""
    return float(end["mclt"] or 3600)


def own_free(role: str | None, pool: CountedPool) -> int:
    """
    Return how many addresses of a pool a server may give to new clients while it is alone.

    Source: failover.c:2541.
    """
    return pool["backup"] if role == "secondary" else pool["free"]


def of_relationship(facts: ServerFacts, name: str, now: float | None = None) -> Spare | None:
    """
    Return what a server tells of its leases in a relationship, for the other end's guard.

    Returns ``role``, ``age`` (seconds), ``pools``; ``None`` if it counted nothing (recently).
    """
    counted = facts["leases"]
    if counted is None or counted["error"] or name not in counted["relationships"]:
        return None
    now = facts["time"] or time.time() if now is None else now
    end = facts["relationships"].get(name)
    role = end and end["role"]
    return {
        "role": role,
        "age": max(0.0, now - counted["counted"]),
        "pools": [
            {
                "network": pool["network"],
                "ranges": pool["ranges"],
                "own_free": own_free(role, pool),
                "free": pool["free"] + pool["backup"],
                "new_per_second": pool["new_per_second"],
            }
            for pool in counted["relationships"][name]
        ],
    }


class Shortage(TypedDict):
    """A pool whose free leases at the partner may not last."""

    network: str
    #: Free leases now, as far as known, and how many are needed.
    have: int
    need: int
    #: New clients a second.
    rate: float
    #: Free in the half of the server that goes.
    elsewhere: int


def shortages(
    mine: Spare, theirs: Spare, seconds: float, whole_after: float = math.inf
) -> list[Shortage]:
    """
    Return the pools whose free leases at the partner may not last.

    mine, theirs
        Of :func:`of_relationship`, at the server that goes and at the partner that stays.
    seconds
        How long the partner will be alone.
    whole_after
        Seconds after which the partner may use the other half too (partner-down: MCLT).

    A pool without any free lease at both is short too.
    """
    at_mine = {_key(pool): pool for pool in mine["pools"]}
    found: list[Shortage] = []
    for pool in theirs["pools"]:
        other = at_mine.get(_key(pool))
        rate = max(pool["new_per_second"], other["new_per_second"] if other else 0.0)
        have = max(0.0, pool["own_free"] - rate * theirs["age"])
        elsewhere = max(0, pool["free"] - pool["own_free"])
        need = rate * min(seconds, whole_after)
        if seconds > whole_after and rate * seconds > have + elsewhere:
            need = rate * seconds
        if have < 1 or have < need:
            found.append(
                {
                    "network": pool["network"],
                    "have": int(have),
                    "need": math.ceil(need),
                    "rate": rate,
                    "elsewhere": elsewhere,
                }
            )
    return found


def _key(pool: SparePool) -> str:
    return str(sorted(map(list, pool["ranges"])))
