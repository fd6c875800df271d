"""The leases that clients have before a case, and what is left of them after it."""

from __future__ import annotations

import calendar
import re
import time

from lab.dhcp import LEASES
from lab.dhcp import Dhcp
from lab.hosts import Host
from lab.load import Load

#: Seconds: more than twice as long as a clock is stepped, and than a shard takes.
LEASE_TIME = 4 * 3600
_FEWEST = 20
_ENDS = re.compile(r"^  ends \d (\d+/\d+/\d+ \d+:\d+:\d+);", re.M)


def taken(dhcp: Dhcp) -> set[str]:
    """Return the addresses whose clients have them for long; have clients come where few do."""
    found = _long(dhcp)
    if len(found) < _FEWEST:
        # The first lease is as long as MCLT, and given again as it is until a quarter of it is
        # over (dhcp-cache-threshold).
        load = Load(dhcp)
        load.start(50, seconds=10, clients=100)
        load.result()
        found = _long(dhcp)
    assert len(found) >= _FEWEST, f"clients have {len(found)} long leases"
    return found


def held(dhcp: Dhcp) -> set[str]:
    """Return the addresses that both servers of the first relationship have as active."""
    first, second = (active(host.read(LEASES)) for host in _pair(dhcp))
    return first & second


def active(text: str, until: float = 0.0) -> set[str]:
    """Return the addresses that a lease file has as active until then (epoch seconds)."""
    found = {}
    for block in text.split("\nlease ")[1:]:
        entry = block.partition("\n}")[0]
        ends = _ENDS.search(entry)
        long = ends and calendar.timegm(time.strptime(ends[1], "%Y/%m/%d %H:%M:%S")) >= until
        found[block.split(None, 1)[0]] = bool(long and "\n  binding state active;" in entry)
    return {address for address, is_active in found.items() if is_active}


def _long(dhcp: Dhcp) -> set[str]:
    until = time.time() + LEASE_TIME / 2
    return set().union(*(active(host.read(LEASES), until) for host in _pair(dhcp)))


def _pair(dhcp: Dhcp) -> list[Host]:
    return [dhcp.hosts[name] for name in dhcp.relationships[0].servers]
