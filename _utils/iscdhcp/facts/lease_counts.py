"""
How many leases of each pool are in which state, and how many clients are new, as facts.

Counting reads the whole lease file (0.3 s for 100 MB), so counts are kept for a while. New clients
are seen at the file's end: a client's first lease is never longer than MCLT (dhcp.c:2888-2948), so
the leases of that length which began recently are the new clients, and renewals too where no lease
is longer than MCLT.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterable
from collections.abc import Sequence
from pathlib import Path

from .. import files
from ..conf.views import Pool
from ..conf.views import Relationship
from ..errors import IscDhcpError
from ..leases import count as leases_count
from ..leases.syntax import Entry
from ..leases.syntax import parse
from ..shapes import CountedPool
from ..shapes import LeaseCounts
from ..shapes import LeaseFacts
from .server import Server

#: The file of the minion's own in which counts are kept.
KEPT = "lease_counts.json"
#: Counts younger than this (seconds) are not made again.
COUNT_LIFE = 20.0
#: Counts older than this (seconds) say nothing any more.
COUNT_MAX_AGE = 600.0
#: New clients are counted over the last so many seconds, and over so many bytes of the file's end.
RATE_SECONDS = 300.0
RATE_BYTES = 1 << 18


def kept(folder: Path, lease_file: str | None = None) -> LeaseFacts | None:
    """
    Return the last counts, or ``None``.

    folder
        The minion's own.
    lease_file
        Only the counts of this file.
    """
    found: LeaseFacts | None = files.read_json(folder / KEPT)
    # What an earlier version has kept may lack a key: it is counted again.
    if not isinstance(found, dict) or not LeaseFacts.__required_keys__ <= set(found):
        return None
    return found if lease_file in (None, found["file"]) else None


def kept_or_counted(server: Server, folder: Path, recount: bool) -> LeaseFacts | None:
    """
    Return the leases of each relationship's pools, counted recently.

    folder
        The minion's own, where the counts are kept.
    recount
        Count again what is older than :data:`COUNT_LIFE`; without it only kept counts are
        returned, or ``None``.
    """
    found = kept(folder, server.lease_file)
    now = time.time()
    age = now - found["counted"] if found else math.inf
    if not recount:
        return found if abs(age) < COUNT_MAX_AGE else None
    if found and 0 <= age < COUNT_LIFE:
        return found
    return counted(server, folder)


def counted(server: Server, folder: Path) -> LeaseFacts:
    """Count now, and keep the counts; what can't be read is an ``error``."""
    try:
        facts = of_counts(server, count(server))
    except IscDhcpError as err:
        return {
            "counted": time.time(),
            "file": server.lease_file,
            "relationships": {},
            "damaged": 0,
            "error": str(err),
        }
    with contextlib.suppress(OSError):
        # A full disk must not keep anybody from being told what was counted.
        keep(folder, facts)
    return facts


def keep(folder: Path, facts: LeaseFacts) -> None:
    """Keep counts for the guard, the beacon and the metrics."""
    files.write_json(folder / KEPT, facts)


def forget(folder: Path) -> None:
    """Forget the counts: the lease file was changed, so that they say what was before."""
    with contextlib.suppress(OSError):
        (folder / KEPT).unlink()


def count(server: Server, lease_file: str | None = None) -> LeaseCounts:
    """
    Count the addresses of all pools that failover relationships have.

    lease_file
        Another file than the one that dhcpd uses.

    Raises :class:`IscDhcpError` where it can't be read.
    """
    pools = [pool for _, pool in _pools(server)]
    return leases_count.count(lease_file or server.lease_file, pools, time.time())


def of_counts(server: Server, counts: LeaseCounts) -> LeaseFacts:
    """Return the counts of a lease file by relationship, with how quickly new clients come."""
    begun = _began_recently(counts["file"], counts["now"])
    relationships: dict[str, list[CountedPool]] = {}
    for (one, _), states in zip(_pools(server), counts["pools"], strict=True):
        rate = _rate(begun, states["ranges"], float(one.mclt or 3600), counts["now"])
        pool: CountedPool = {**states, "new_per_second": round(rate, 3)}
        relationships.setdefault(one.name, []).append(pool)
    return {
        "counted": counts["now"],
        "file": counts["file"],
        "relationships": relationships,
        "damaged": counts["damaged"],
        "error": None,
    }


def first_address(pool: CountedPool) -> str:
    """Return by what a pool is told from others of its network: its first address."""
    return pool["ranges"][0][0] if pool["ranges"] else ""


def by_state(pool: CountedPool) -> dict[str, int]:
    """Return a pool's addresses by binding state."""
    return {
        "active": pool["active"],
        "free": pool["free"],
        "backup": pool["backup"],
        "expired": pool["expired"],
        "released": pool["released"],
        "abandoned": pool["abandoned"],
        "reset": pool["reset"],
    }


def relationship_of_pools(server: Server) -> list[str]:
    """Return which relationship each pool of :func:`count` belongs to."""
    return [one.name for one, _ in _pools(server)]


def _pools(server: Server) -> list[tuple[Relationship, Pool]]:
    configured = server.configuration.relationships if server.configuration else ()
    return [(one, pool) for one in configured for pool in one.pools]


def _began_recently(path: str, now: float) -> list[Entry]:
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
    entries: Iterable[Entry], ranges: Iterable[Sequence[str]], mclt: float, now: float
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
