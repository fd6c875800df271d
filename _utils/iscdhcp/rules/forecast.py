"""
For how long a partner will serve alone, and whether its free leases last that long.

A server whose partner is gone gives new clients addresses of its own half only: a primary those
that are ``free``, a secondary those that are ``backup``; in partner-down the other half too once
MCLT has passed (failover.c:6341-6447). Pure functions from facts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

Facts = Mapping[str, Any]

#: Seconds for both ends to connect again and be normal: two tries of the failover connection.
RECONNECT = 10.0
#: Seconds from the documented shutdown's order to the end (measured 17-18).
CONTROL = 18.0


def seconds_alone(facts: Facts, method: str) -> float:
    """
    Return for how many seconds the partner should expect to serve alone.

    facts
        Of the server that is restarted: its last measured start and its lease file's size count.
    method
        How it is stopped; with ``control`` it is mute for MCLT after its start.
    """
    last = float((facts.get("last_start") or {}).get("seconds") or 0)
    size = float((facts.get("lease_file") or {}).get("bytes") or 0)
    # 105 MB took 5.5 s to start; the last start is the better witness, and may be the lucky one.
    start = max(2.0, 2 * last, 2 * size * 5.5 / 105e6)
    more = 0.0
    if method == "control":
        more = CONTROL + max((_mclt(one) for one in _relationships(facts).values()), default=3600.0)
    return start + RECONNECT + more


def _relationships(facts: Facts) -> Mapping[str, Facts]:
    return facts.get("relationships") or {}


def _mclt(end: Facts) -> float:
    return float(end.get("mclt") or 3600)


def own_free(role: str | None, pool: Facts) -> int:
    """Return how many addresses of a pool a server may give to new clients while it is alone."""
    return int(pool.get("backup" if role == "secondary" else "free") or 0)


def of_relationship(facts: Facts, name: str, now: float | None = None) -> dict[str, Any] | None:
    """
    Return what a server tells of its leases in a relationship, for the other end's guard.

    Returns ``role``, ``age`` (seconds), ``pools``; ``None`` if it counted nothing (lately).
    """
    counted = facts.get("leases") or {}
    pools = (counted.get("relationships") or {}).get(name)
    if counted.get("error") or pools is None:
        return None
    now = float(facts.get("time") or time.time()) if now is None else now
    end = _relationships(facts).get(name) or {}
    return {
        "role": end.get("role"),
        "age": max(0.0, now - float(counted["counted"])),
        "pools": [
            {
                "network": pool["network"],
                "ranges": pool["ranges"],
                "own_free": own_free(end.get("role"), pool),
                "free": int(pool["free"]) + int(pool["backup"]),
                "new_per_second": pool["new_per_second"],
            }
            for pool in pools
        ],
    }


def shortages(
    mine: Facts, theirs: Facts, seconds: float, whole_after: float = math.inf
) -> list[dict[str, Any]]:
    """
    Return the pools whose free leases at the partner may not last.

    mine, theirs
        Of :func:`of_relationship`, at the server that goes and at the partner that stays.
    seconds
        How long the partner will be alone.
    whole_after
        Seconds after which the partner may use the other half too (partner-down: MCLT).

    Each has ``network``, ``have`` (now, as far as known), ``need``, ``elsewhere`` (free in the half
    of the server that goes). A pool without any free lease at both is short too.
    """
    at_mine = {_key(pool): pool for pool in mine["pools"]}
    found = []
    for pool in theirs["pools"]:
        other = at_mine.get(_key(pool)) or {}
        rate = max(float(pool["new_per_second"]), float(other.get("new_per_second") or 0))
        have = max(0.0, pool["own_free"] - rate * float(theirs["age"]))
        elsewhere = max(0, int(pool["free"]) - int(pool["own_free"]))
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


def _key(pool: Facts) -> str:
    return str(sorted(map(list, pool["ranges"])))
