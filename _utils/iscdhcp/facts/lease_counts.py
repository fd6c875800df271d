"""
How many leases of each pool are in which state, and how many clients are new, as facts.

Counting reads the whole lease file (0.3 s for 100 MB), so counts are kept for a while. New clients
are seen at the file's end: a client's first lease is never longer than MCLT (dhcp.c:2888-2948), so
the leases of that length which began lately are the new clients, and renewals too where no lease
is longer than MCLT.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import files
from ..errors import IscDhcpError
from ..leases import count as leases_count
from ..leases.syntax import Entry
from ..leases.syntax import parse
from .server import Server

#: Counts younger than this (seconds) are not made anew.
COUNT_LIFE = 20.0
#: Counts older than this (seconds) say nothing any more.
COUNT_MAX_AGE = 600.0
#: New clients are counted over the last so many seconds, and over so many bytes of the file's end.
RATE_SECONDS = 300.0
RATE_BYTES = 1 << 18


def kept_or_counted(server: Server, cache: Path, recount: bool) -> dict[str, Any] | None:
    """
    Return the leases of each relationship's pools, counted lately.

    cache
        A file of the minion's own, where the counts are kept.
    recount
        Count again what is older than :data:`COUNT_LIFE`; without it only kept counts are
        returned, or ``None``.

    The dict has ``counted`` (epoch seconds) and ``relationships``: by name a list of pools, each
    with ``network``, ``ranges``, ``addresses``, one number for each state
    (:func:`iscdhcp.leases.count.count`) and ``new_per_second``. ``damaged`` is how many stretches
    of the file were left out. What can't be read is an ``error``.
    """
    kept = files.read_json(cache)
    now = time.time()
    if not isinstance(kept, dict) or kept.get("file") != server.lease_file:
        kept = None
    age = now - float(kept["counted"]) if kept else math.inf
    if not recount:
        return kept if abs(age) < COUNT_MAX_AGE else None
    if kept and 0 <= age < COUNT_LIFE and not kept.get("error"):
        return kept
    counted = count(server, now)
    if not counted.get("error"):
        files.write_json(cache, counted)
    return counted


def count(server: Server, now: float) -> dict[str, Any]:
    """Count now; see :func:`kept_or_counted`."""
    facts: dict[str, Any] = {"counted": now, "file": server.lease_file, "relationships": {}}
    configured = server.configuration.relationships if server.configuration else ()
    pools = [(one, pool) for one in configured for pool in one.pools]
    try:
        counted = leases_count.count(server.lease_file, [pool for _, pool in pools], now)
        counts, facts["damaged"] = counted["pools"], counted["damaged"]
        begun = _began_lately(server.lease_file, now)
    except IscDhcpError as err:
        facts["error"] = str(err)
        return facts
    for (one, _), states in zip(pools, counts, strict=True):
        found = facts["relationships"].setdefault(one.name, [])
        rate = _rate(begun, states["ranges"], float(one.mclt or 3600), now)
        found.append({**states, "new_per_second": round(rate, 3)})
    return facts


def _began_lately(path: str, now: float) -> list[Entry]:
    """Return the active leases at the file's end that began in the last :data:`RATE_SECONDS`."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            offset = file.seek(max(0, size - RATE_BYTES))
            text = file.read(RATE_BYTES)
    except OSError as err:
        raise IscDhcpError(f"{path}: {err.strerror or err}") from err
    start = 0 if text.startswith(b"lease ") and not offset else text.find(b"\nlease ") + 1
    if not start and not text.startswith(b"lease "):
        return []
    found: dict[tuple[str, float], Entry] = {}
    for item in parse(text, offset, more=False, start=start):
        if isinstance(item, Entry) and item.kind == "lease":
            fields = item.fields
            began = fields.get("starts")
            if fields["state"] == "active" and began and began > now - RATE_SECONDS:
                found[item.name, began] = item
    return list(found.values())


def _rate(
    entries: Iterable[Entry], ranges: Iterable[tuple[str, str]], mclt: float, now: float
) -> float:
    """Return new clients a second in some ranges."""
    spans = [(_number(first), _number(last)) for first, last in ranges]
    begun = []
    for entry in entries:
        fields = entry.fields
        if (fields.get("ends") or math.inf) - fields["starts"] > mclt + 1:
            continue
        address = _number(entry.name)
        if any(first <= address <= last for first, last in spans):
            begun.append(fields["starts"])
    # Where all that was read is younger, it is the time since the first of them.
    return len(begun) / min(RATE_SECONDS, max(1.0, now - min(begun))) if begun else 0.0


def _number(address: str) -> int:
    number = 0
    for octet in address.split("."):
        number = number * 256 + int(octet)
    return number
