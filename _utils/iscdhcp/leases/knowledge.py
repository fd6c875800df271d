"""
What a lease file knows, and what of it the partner has been told and has acknowledged.

Two numbers of each end tell whether one of them has an older file than its partner believes: a
server never acknowledges what it has not written (server/failover.c,
dhcp_failover_process_bind_update), and the time of a client's last transaction (``cltt``) is the
same in both files.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable
from collections.abc import Mapping

from ..patterns import lazy_pattern
from ..shapes import Knowledge
from .read import Reader
from .syntax import epoch

#: Seconds in which an update is certainly through: what is younger may be on its way.
SETTLED = 15.0

_DATED = rb" ([^;\n]*);[^\n]*\n|)"
_LEASE = lazy_pattern(
    rb"^lease ([\d.]+) \{\n"
    + rb"(?:  starts [^;\n]*;[^\n]*\n|)"
    + b"".join(rb"(?:  " + name + _DATED for name in (b"ends", b"tstp", b"tsfp"))
    + b"".join(rb"(?:  " + name + _DATED for name in (b"atsfp", b"cltt"))
    + rb"  binding state ([a-z]+);",
    re.MULTILINE,
)

#: States that a client's transaction leads to, and that the partner is told. An address that was
#: only offered has the offer's time in free or backup too, of which it never hears (measured).
_TOLD = frozenset({b"active", b"released", b"expired"})
_Last = tuple[bytes, bytes, bytes, bytes, bytes, bytes, bytes]


def knowledge(
    path: str, ranges: Mapping[str, Iterable[tuple[str, str]]], now: float
) -> dict[str, Knowledge]:
    """
    Return what a lease file knows of each relationship.

    path
        The file. What is not in dhcpd's own form is passed over.
    ranges
        By relationship.
    now
        UTC epoch seconds.

    Raises :class:`~iscdhcp.errors.LeaseFileError` if the file can't be read.
    """
    last: dict[bytes, _Last] = {}
    with Reader(path) as reader:
        while reader.fill():
            last.update({found[0]: found for found in _LEASE.findall(reader.text)})
            reader.drop(len(reader.text))
    known: dict[str, Knowledge] = {
        name: {"newest": None, "known": None, "active": 0, "shared": 0, "ranges": _digest(them)}
        for name, them in ranges.items()
    }
    parts = sorted(
        (_number(first), _number(end), name) for name, them in ranges.items() for first, end in them
    )
    begins = [begin for begin, _, _ in parts]
    epochs: dict[bytes, int] = {b"": 0}
    for address, entry in last.items():
        place = _number(address.decode())
        at = bisect_right(begins, place) - 1
        if at >= 0 and place <= parts[at][1]:
            _add(known[parts[at][2]], entry, now, epochs)
    return known


def _number(address: str) -> int:
    first, second, third, fourth = address.split(".")
    return (int(first) << 24) + (int(second) << 16) + (int(third) << 8) + int(fourth)


def _digest(ranges: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256(repr(sorted(map(tuple, ranges))).encode()).hexdigest()[:16]


def _add(found: Knowledge, entry: _Last, now: float, epochs: dict[bytes, int]) -> None:
    """Add an address' last entry; ``epochs`` are the dates that were read already."""
    _, ends, tstp, tsfp, atsfp, cltt, state = entry
    touched = _epoch(cltt, epochs)
    shared = bool(atsfp or tsfp) and (
        not tstp or tstp == atsfp or _epoch(tstp, epochs) <= _epoch(atsfp, epochs)
    )
    if touched:
        found["newest"] = max(found["newest"] or 0.0, float(touched))
        if shared and state in _TOLD:
            found["known"] = max(found["known"] or 0.0, float(touched))
    if state != b"active":
        return
    left = _epoch(ends, epochs) - now
    if left > 0:
        found["active"] += 1
    if shared and left > SETTLED and touched < now - SETTLED:
        found["shared"] += 1


def _epoch(text: bytes, epochs: dict[bytes, int]) -> int:
    """Return a date in epoch seconds; thousands of leases share theirs."""
    found = epochs.get(text)
    if found is None:
        found = epochs[text] = epoch(text)
    return found
