"""
Whether a lease file is whole, and what dhcpd would make of what is not.

dhcpd reads a damaged file without failing: it forgets leases, and rewrites the file at once. What
is here tells it before a start. A file is read in blocks, so memory does not grow with it.
"""

from __future__ import annotations

from typing import Any

from . import read
from .as_dhcpd_reads import readings
from .read import Reader
from .syntax import Damaged


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
        whole_entries, damaged = read.judge(reader)
        size = reader.bytes
    damaged = read.with_lines(path, damaged)
    return {
        "file": path,
        "bytes": size,
        "whole": not damaged,
        "entries": whole_entries,
        "problems": problems(path, damaged),
    }


def problems(path: str, damaged: list[Damaged]) -> list[dict[str, Any]]:
    """Describe damaged stretches; see :func:`iscdhcp.leases.check.check`."""
    found = []
    for one, seen in zip(damaged, readings(path, damaged), strict=True):
        found.append(
            {
                "offset": one.offset,
                "bytes": one.end - one.offset,
                "line": one.line,
                "kind": one.kind,
                "name": one.name,
                "address": one.address,
                "what": one.what,
                "drops": [" ".join(part for part in known if part) for known in seen.dropped]
                if seen
                else None,
                "halves": list(seen.halved) if seen else None,
                "stops": seen.stops if seen else None,
            }
        )
    return found
