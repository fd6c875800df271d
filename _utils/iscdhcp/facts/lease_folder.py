"""
Can dhcpd write its lease file again beside itself, as it does at each start?

At its start dhcpd writes a whole new file into the folder and renames it over the old one
(server/db.c:1133-1278); where it can't, it ends. So that is looked at before a stop, with the
user, the capabilities and the mounts that the running dhcpd has.
"""

from __future__ import annotations

import contextlib
import os
import stat

from ..host import process
from .server import Server

#: The capability by which root ignores permissions (capabilities(7), CAP_DAC_OVERRIDE).
_DAC_OVERRIDE = 1 << 1


def needed(size: int) -> int:
    """Return how many bytes the new file and what clients add meanwhile take."""
    return size + max(65_536, size // 10)


def problem(server: Server) -> str | None:
    """Return why the next start could not write the lease file, or ``None``."""
    running = server.process
    folder = os.path.dirname(server.lease_file) or "."
    seen = folder
    if running is not None and os.path.isdir(running.where.inside(folder)):
        # A sandbox may have it read-only where this host does not.
        seen = running.where.inside(folder)
    try:
        room, status = os.statvfs(seen), os.stat(seen)
        size = os.path.getsize(server.lease_file)
    except FileNotFoundError:
        return None  # that the file is missing is said elsewhere
    except OSError as err:
        return f"the folder of the lease file, {folder}, can't be looked at: {err.strerror}"
    if room.f_flag & os.ST_RDONLY:
        return f"the folder of the lease file, {folder}, is read-only: dhcpd would not start"
    who = _Credentials.of(running)
    free = (room.f_bfree if who.uid == 0 else room.f_bavail) * room.f_frsize
    if free < needed(size):
        return (
            f"the file system of the lease file, {folder}, has {free:,} bytes free, and dhcpd "
            f"needs about {needed(size):,} to write it again at its start: make room"
        )
    if room.f_files and not room.f_ffree:
        return f"the file system of the lease file, {folder}, has no inode left: make room"
    if not who.may_write(status):
        return (
            f"dhcpd runs as the user with the id {who.uid}, who may not write into {folder}: it "
            "would not start (chown or chmod the folder)"
        )
    return None


class _Credentials:
    """As whom a process writes."""

    def __init__(self, uid: int = 0, groups: frozenset[int] = frozenset(), any_: bool = True):
        self.uid = uid
        self._groups = groups
        self._any = any_

    @classmethod
    def of(cls, running: process.Process | None) -> _Credentials:
        """Those of a running dhcpd; root's where none runs or it can't be seen."""
        if running is None:
            return cls()
        fields: dict[str, list[str]] = {}
        with contextlib.suppress(OSError):
            text = (process.PROC / str(running.pid) / "status").read_text(encoding="utf-8")
            for line in text.splitlines():
                key, _, value = line.partition(":")
                fields[key] = value.split()
        if not {"Uid", "Gid", "Groups", "CapEff"} <= set(fields):
            return cls()
        # The third is the one for files (proc(5): real, effective, saved, file system).
        groups = {int(fields["Gid"][3]), *map(int, fields["Groups"])}
        override = bool(int(fields["CapEff"][0], 16) & _DAC_OVERRIDE)
        return cls(int(fields["Uid"][3]), frozenset(groups), override)

    def may_write(self, folder: os.stat_result) -> bool:
        """Whether it may make and rename files in a folder, by the folder's mode."""
        if self._any:
            return True
        if folder.st_uid == self.uid:
            wanted = stat.S_IWUSR | stat.S_IXUSR
        elif folder.st_gid in self._groups:
            wanted = stat.S_IWGRP | stat.S_IXGRP
        else:
            wanted = stat.S_IWOTH | stat.S_IXOTH
        return folder.st_mode & wanted == wanted
