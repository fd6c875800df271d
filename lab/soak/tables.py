"""The lease files of both servers and what the clients hold: whether they say the same."""

from __future__ import annotations

import calendar
import re
import time
from dataclasses import dataclass

from lab.dhcp import LEASES
from lab.hosts import Host

_STATE = re.compile(r"^  binding state (\w+);", re.M)
_HARDWARE = re.compile(r"^  hardware ethernet (\S+);", re.M)
_ENDS = re.compile(r"^  ends \d (\d+/\d+/\d+ \d+:\d+:\d+);", re.M)
#: Seconds by which a file may have a lease end before the client's own: it writes whole seconds.
ROUNDING = 2.0
#: Leases that end so soon, in seconds, may be over in one file and not yet in the other.
SOON = 10.0

Table = dict[str, "Lease"]
#: By hardware address: address, and when the lease ends.
Held = dict[str, tuple[str, float]]


@dataclass(frozen=True)
class Lease:
    """The newest entry of an address.

    :ivar state: its binding state.
    :ivar hardware: whose it is, "" where the file does not say.
    :ivar ends: epoch seconds.
    """

    state: str
    hardware: str
    ends: float

    def is_active(self, now: float) -> bool:
        """Whether a client has it, and not only for a moment more."""
        return self.state == "active" and self.ends > now + SOON


def of(host: Host) -> Table:
    """Return a host's table."""
    return read(host.read(LEASES))


def read(text: str) -> Table:
    """Return a lease file's newest entry of each address."""
    found = {}
    for block in text.split("\nlease ")[1:]:
        body = block.partition("\n}")[0]
        state, hardware, ends = (one.search(body) for one in (_STATE, _HARDWARE, _ENDS))
        end = calendar.timegm(time.strptime(ends[1], "%Y/%m/%d %H:%M:%S")) if ends else 0.0
        found[block.split(None, 1)[0]] = Lease(
            state[1] if state else "", hardware[1] if hardware else "", end
        )
    return found


def between_servers(first: Table, second: Table, now: float) -> list[str]:
    """Return where two tables differ about who has which address now."""
    wrong = []
    for address in sorted(first.keys() | second.keys()):
        ours, theirs = first.get(address), second.get(address)
        if not any(one and one.is_active(now) for one in (ours, theirs)):
            continue
        said = [(one.state, one.hardware) if one else None for one in (ours, theirs)]
        if said[0] != said[1]:
            wrong.append(f"{address}: {ours} and {theirs}")
    return wrong


def with_clients(table: Table, held: Held) -> list[str]:
    """Return what a table says of the clients' own addresses that is not so."""
    wrong = []
    for hardware, (address, ends) in held.items():
        lease = table.get(address)
        if lease is None or (lease.state, lease.hardware) != ("active", hardware):
            wrong.append(f"{hardware} has {address}: {lease}")
        elif lease.ends < ends - ROUNDING:
            wrong.append(f"{hardware} has {address} for {ends - lease.ends:.0f} s longer: {lease}")
    return wrong


def held_twice(held: Held) -> list[str]:
    """Return the addresses that two clients hold."""
    owners: dict[str, list[str]] = {}
    for hardware, (address, _) in held.items():
        owners.setdefault(address, []).append(hardware)
    return [f"{one}: {', '.join(who)}" for one, who in owners.items() if len(who) > 1]
