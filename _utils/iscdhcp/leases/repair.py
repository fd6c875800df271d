"""
Cutting damaged entries out of a lease file, and bringing back what ``dhcpd.leases~`` knows of them.

As ISC's article says (KB AA-01043): the torn entry is cut, nothing else. The new file is written
beside the old one, synced and renamed over it, so that either is there whole at any moment; the old
one stays beside it under a name of its own.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from typing import IO
from typing import Any

from ..answers import Repaired
from ..errors import LeaseFileError
from ..files import replaced
from ..patterns import lazy_pattern
from .check import problems
from .read import Reader
from .read import entries
from .read import judge
from .read import with_lines
from .syntax import Damaged
from .syntax import Entry

#: What stands in the name of a damaged lease file that is kept, before its time.
DAMAGED = ".damaged-"
_BLOCK = 1 << 20
#: Longer than an entry: a damaged stretch of that length may have been several.
_LONG = 4096
_ADDRESSES = lazy_pattern(rb"lease[ \t]+([\d.]+)")
#: What dhcpd writes: other bytes are escaped (server/db.c).
_PLAIN = lazy_pattern(rb"[\t\n -~]*")


def repair(path: str, dry_run: bool = False) -> Repaired:
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
    # The file itself, not a symbolic link to it, is what is replaced.
    real = os.path.realpath(path)
    with Reader(real) as reader:
        status = reader.status
        whole_entries, damaged = judge(reader)
    damaged = with_lines(real, damaged)
    cut = [one for one in damaged if one.end > one.offset]
    done: Repaired = {
        "file": path,
        "changed": False,
        "dry_run": dry_run,
        "bytes": status.st_size,
        "entries": whole_entries,
        "cut": problems(real, cut),
        "ended": any(one.end == one.offset for one in damaged),
        "salvaged": [],
        "kept": [],
        "lost": [],
        "old_file": None,
        "backup": None,
    }
    if not damaged:
        return done
    salvaged = _salvage(real, cut, done)
    if not whole_entries and not salvaged:
        # What would be left is an empty file: dhcpd would start with it and know no lease.
        raise LeaseFileError(
            f"the lease file {path} was not repaired: it has no whole entry ({damaged[0].what}), "
            f"and {path}~ knows none either; put back a copy that has"
        )
    if dry_run:
        return done
    try:
        with open(real, "rb") as old, replaced(real, text=False) as new:
            _copy(old, new, cut, status.st_size)
            for entry in salvaged:
                new.write(entry.text.rstrip() + b"\n")
            new.flush()
            _take_after(old, new, status)
            # A full disk has to show before anything is kept.
            os.fsync(new.fileno())
            with Reader(new.name) as reader:
                _, wrong = judge(reader)
            if wrong:
                raise LeaseFileError(
                    f"the lease file {path} was not repaired: what would be left of it is not "
                    f"whole ({wrong[0].what}, byte {wrong[0].offset})"
                )
            if _identity(os.stat(real)) != _identity(status):
                raise LeaseFileError(
                    f"the lease file {path} was not repaired: it changed meanwhile; stop dhcpd "
                    "first"
                )
            done["backup"] = _back_up(real)
    except OSError as err:
        raise LeaseFileError(
            f"the lease file {path} was not repaired: {err.strerror or err}; it is unchanged"
        ) from err
    done["changed"] = True
    done["bytes"] = os.stat(real).st_size
    done["entries"] = whole_entries + len(salvaged)
    return done


def mend(path: str) -> Repaired | None:
    """
    Cut off the last entry of a lease file where dhcpd died in the middle of writing it, no more.

    dhcpd has its entries on the disk before it answers a client (``commit_leases``, dhcp.c) and
    before it acknowledges its partner's (``dhcp_failover_send_acks``, failover.c): of an entry that
    is half there nobody has heard, and the one before it of the same address counts. Whatever is
    damaged otherwise, or has no entry before it, is left for a person (:func:`repair`).

    Returns what became of the file, or ``None`` where nothing was done. Errors as of
    :func:`repair`.
    """
    return repair(path) if can_be_mended(path) else None


def can_be_mended(path: str) -> bool:
    """Whether all that is wrong with a lease file is what :func:`mend` cuts off."""
    try:
        found = repair(path, dry_run=True)
    except LeaseFileError:
        return False
    if found["lost"] or len(found["cut"]) != 1:
        return False
    (cut,) = found["cut"]
    if cut["address"] is None or cut["offset"] + cut["bytes"] < found["bytes"]:
        return False
    with Reader(path) as reader:
        text = reader.at(cut["offset"], cut["bytes"])
    return len(text) < _LONG and _PLAIN.fullmatch(text) is not None and text.count(b"lease ") == 1


def last_entries(path: str, addresses: Iterable[str]) -> dict[str, Entry]:
    """Return the last whole entry of each of the addresses that the file has one of."""
    wanted = {("lease", address) for address in addresses}
    return {name: entry for (_, name), entry in _last(path, wanted).items()}


def _last(path: str, wanted: set[tuple[str, str]]) -> dict[tuple[str, str], Entry]:
    """Return the last whole entry of each (kind, name) that the file has."""
    found: dict[tuple[str, str], Entry] = {}
    addresses = {name.encode() for kind, name in wanted if kind == "lease"}
    others = [kind.encode() for kind, _ in wanted if kind != "lease"]

    def has_one(text: bytes) -> bool:
        return any(kind in text for kind in others) or not addresses.isdisjoint(
            _ADDRESSES.findall(text)
        )

    if wanted:
        for entry in entries(path, has_one):
            if isinstance(entry, Entry) and (entry.kind, entry.name) in wanted:
                found[entry.kind, entry.name] = entry
    return found


def _salvage(path: str, cut: list[Damaged], done: Repaired) -> list[Entry]:
    """Find what is left of the cut entries: here, else in ``path~``; say it in ``done``."""
    wanted = {
        (one.kind, one.name)
        for one in cut
        if one.kind in ("lease", "failover", "host") and one.name
    }
    here = _last(path, wanted)
    try:
        there = _last(path + "~", wanted)
    except LeaseFileError as err:
        there = {}
        done["old_file"] = str(err)
    salvaged: list[Entry] = []
    if any(one.name is None or b"\0" in one.text or len(one.text) > _LONG for one in cut):
        # Whose entries they were can't be said: every address counts that only path~ knows.
        there = {**_unknown_here(path), **there}
        wanted |= there.keys()
    for kind, name in sorted(wanted):
        mine, other = here.get((kind, name)), there.get((kind, name))
        address = name if kind == "lease" else None
        known: dict[str, Any] = {"kind": kind, "name": name, "address": address}
        if other is not None and (mine is None or kind == "lease" and other.touched > mine.touched):
            salvaged.append(other)
            done["salvaged"].append(
                {**known, "from": f"{path}~", "line": other.line, **_said(other)}
            )
        elif mine is not None:
            done["kept"].append({**known, "line": mine.line, **_said(mine)})
        else:
            done["lost"].append(known)
    return salvaged


def _unknown_here(path: str) -> dict[tuple[str, str], Entry]:
    """Return the last entry in ``path~`` of each address of which the file itself has none."""
    here = {one.name for one in entries(path) if isinstance(one, Entry) and one.kind == "lease"}
    found: dict[tuple[str, str], Entry] = {}
    with contextlib.suppress(LeaseFileError):
        for one in entries(path + "~"):
            if isinstance(one, Entry) and one.kind == "lease" and one.name not in here:
                found[one.kind, one.name] = one
    return found


def _said(entry: Entry) -> dict[str, Any]:
    if entry.kind != "lease":
        return {}
    return {name: entry.fields.get(name) for name in ("state", "starts", "ends", "cltt")}


def _copy(old: IO[bytes], new: IO[bytes], cut: list[Damaged], size: int) -> None:
    """Copy all but what is cut, each part ended by a line end."""
    position = 0
    bounds = [(one.offset, one.end) for one in cut] + [(size, size)]
    for begin, end in bounds:
        old.seek(position)
        left, last = begin - position, b""
        while left:
            part = old.read(min(left, _BLOCK))
            if not part:
                raise LeaseFileError("the lease file became shorter while it was repaired")
            new.write(part)
            left -= len(part)
            last = part[-1:]
        if last not in (b"", b"\n"):
            new.write(b"\n")
        position = end


def _take_after(old: IO[bytes], new: IO[bytes], status: os.stat_result) -> None:
    """Give the new file the owner, group, mode and extended attributes of the old one."""
    handle = new.fileno()
    mine = os.fstat(handle)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(handle, status.st_uid, status.st_gid)
    os.fchmod(handle, status.st_mode & 0o7777)
    with contextlib.suppress(OSError):
        for name in os.listxattr(old.fileno()):
            os.setxattr(handle, name, os.getxattr(old.fileno(), name))


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _back_up(path: str) -> str:
    """Keep the old file under a new name, without a moment in which it is not there."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(1000):
        name = f"{path}{DAMAGED}{stamp}" + (f"-{number}" if number else "")
        try:
            os.link(path, name)
        except FileExistsError:
            continue
        except OSError:
            # A file system without hard links.
            _copy_whole(path, name)
        return name
    raise LeaseFileError(f"no name is free for a backup of {path}")


def _copy_whole(path: str, name: str) -> None:
    with open(path, "rb") as old, open(name, "xb") as new:
        while part := old.read(_BLOCK):
            new.write(part)
        new.flush()
        _take_after(old, new, os.fstat(old.fileno()))
        os.fsync(new.fileno())
