"""
Lease files: are they whole, how many addresses are in which state, and repairing a damaged one.

dhcpd reads a damaged file without failing: it forgets leases, and rewrites the file at once. What
is here tells it before a start. Each function reads the file in blocks, so memory does not grow
with it; each raises :class:`LeaseFileError` if a file is missing or can't be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import leases_count
from . import leases_read
from . import leases_repair
from .leases_count import Ranges
from .leases_read import Reader
from .leases_read import entries
from .leases_syntax import Entry
from .leases_syntax import failover_fields

__all__ = [
    "check",
    "count",
    "entries",
    "failover_entries",
    "failover_fields",
    "failover_states",
    "last_entries",
    "repair",
]


def check(path: str) -> dict[str, Any]:
    """
    Say whether every entry of a lease file is whole.

    Returns ``file``, ``bytes``, ``whole``, ``entries`` (whole ones of any kind) and ``problems``,
    a list of ``offset``, ``bytes``, ``line``, ``kind``, ``name``, ``address`` (None if it is no
    lease), ``what`` is wrong, and what dhcpd would do: ``drops``, whole neighbours (``lease
    10.0.0.7``) that it would lose with it; ``halves``, addresses whose earlier entry it would
    forget because it takes what is left of the damaged one; ``stops``, whether it would lose all
    that follows; None where it was not followed (none of a file's stretches after the first
    hundred). An empty file is whole and has no entries: whether it may be empty is for the
    caller to say.
    """
    with Reader(path) as reader:
        whole_entries, damaged = leases_read.judge(reader)
        size = reader.bytes
    damaged = leases_read.with_lines(path, damaged)
    return {
        "file": path,
        "bytes": size,
        "whole": not damaged,
        "entries": whole_entries,
        "problems": leases_repair.problems(path, damaged),
    }


def count(path: str, pools: Iterable[Ranges], now: float | None = None) -> dict[str, Any]:
    """
    Count the addresses of each pool by state, as dhcpd means them: the last entry counts.

    pools
        Such as :attr:`iscdhcp.conf.Relationship.pools`: each has ``network`` and ``ranges``.
    now
        UTC epoch seconds; the clock's, if not given.

    Returns ``file``, ``bytes``, ``entries`` (of leases), ``damaged`` (stretches left out, as far as
    seen in passing: :func:`check` finds all), ``now``, ``pools`` and ``outside``. ``pools`` has, in
    the order given, ``network``, ``ranges``, ``addresses``, and how many are ``active``, ``free``,
    ``backup``, ``expired``, ``released``, ``abandoned``, ``reset``, which add up to ``addresses``.
    ``virgin`` is how many of the free have no entry, ``lapsed`` how many of the expired are
    ``active`` in the file, with an end that is past: a secondary in ``normal`` leaves them so until
    the primary says that they expired.
    ``outside`` counts the addresses that no pool has (``named``: the first of them): dhcpd forgets
    them at its next start.
    """
    return leases_count.count(path, pools, now)


def repair(path: str, dry_run: bool = False) -> dict[str, Any]:
    """
    Cut the damaged entries out, and append what ``path~`` still knows of them.

    Only while dhcpd does not run: it would go on writing into the old file. The caller has to see
    to that; a file that changes meanwhile is left alone, with an error.

    dry_run
        Change nothing; return what would be done.

    Returns ``file``, ``changed``, ``dry_run``, ``bytes`` and ``entries`` (afterwards), ``backup``
    (path of the old file), ``cut`` (as the problems of :func:`check`), ``ended`` (whether a missing
    line end was added), and what became of each lease, host and failover state that was cut:
    ``salvaged`` (appended from ``path~``), ``kept`` (an earlier entry in the file itself counts
    now) or ``lost`` (ask the partner's file, by :func:`last_entries`). Where it can't be said whose
    entries were destroyed, every address is salvaged that only ``path~`` knows. Raises
    :class:`LeaseFileError`, with nothing changed, also where no whole entry would be left.
    """
    return leases_repair.repair(path, dry_run)


def last_entries(path: str, addresses: Iterable[str]) -> dict[str, Entry]:
    """Return the last whole entry of each of the addresses that the file has one of."""
    return leases_repair.last_entries(path, addresses)


def failover_states(path: str) -> dict[str, dict[str, Any]]:
    """
    Return the saved state of each failover relationship, by its last whole block.

    Each has ``my`` and ``partner``, a state and since when (UTC epoch seconds; None where the file
    does not say), and ``mclt`` in seconds, None on a primary.
    """
    return {entry.name: failover_fields(entry.text) for entry in failover_entries(path)}


def failover_entries(path: str) -> Iterable[Entry]:
    """Return the whole entries that save a failover relationship's state, in the file's order."""
    return leases_read.entries_of(path, b"failover")
