"""
What a configuration that was taken back has cost the lease file.

dhcpd rewrites the file at its start and leaves out what the configuration does not know: leases
outside all ranges, and the failover state of a relationship that has another name. With the old
configuration back they are wanted again: without its state a server answers nobody for MCLT.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shutil

from ..files import copy
from ..patterns import lazy_pattern
from .read import entries_of
from .repair import last_entries
from .syntax import Entry

#: End of the name of the lease file as it was before a rollout.
BEFORE = ".before-rollout"

_LEASE = lazy_pattern(rb"^lease ([\d.]+) ", re.MULTILINE)


def keep(path: str) -> None:
    """
    Keep the lease file as it is, while dhcpd is down.

    A second name is enough, and takes no time: dhcpd writes a new file at its start.
    """
    kept = path + BEFORE
    with contextlib.suppress(FileNotFoundError):
        os.unlink(kept)
    with contextlib.suppress(FileNotFoundError):
        try:
            os.link(path, kept)
        except FileNotFoundError:
            raise
        except OSError:
            shutil.copy2(path, kept)


def missing(before: str, now: str) -> list[Entry]:
    """Return the last entries of ``before`` about which ``now`` says nothing."""
    gone = _addresses(before) - _addresses(now)
    found = list(last_entries(before, [address.decode() for address in gone]).values())
    states = {entry.name for entry in entries_of(now, b"failover")}
    lost = {entry.name: entry for entry in entries_of(before, b"failover")}
    return found + [entry for name, entry in lost.items() if name not in states]


def _addresses(path: str) -> set[bytes]:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return set()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return set(_LEASE.findall(text))


def bring_back(path: str) -> int:
    """
    Add what the lease file has lost since :func:`keep`, while dhcpd is down; return how many.

    What dhcpd has written since then stays as it is.
    """
    kept = path + BEFORE
    if not os.path.exists(kept) or not os.path.exists(path) or os.path.samefile(path, kept):
        return 0
    lost = missing(kept, path)
    if lost:
        whole = f"{path}.whole"
        shutil.copy2(path, whole)
        try:
            with open(whole, "ab") as file:
                for entry in lost:
                    file.write(b"\n" + entry.text.strip() + b"\n")
            copy(whole, path, like=path)
        finally:
            os.unlink(whole)
    return len(lost)
