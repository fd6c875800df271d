"""
Where a process's files lie on this host: the paths of sandboxes, containers and chroots.

A unit with ``PrivateTmp=``, ``ProtectSystem=`` or ``ProtectHome=`` gives dhcpd a mount namespace of
its own, and so does a container on the host's network. What dhcpd calls ``/etc/dhcp/dhcpd.conf`` is
then found through ``/proc/PID/root``, but only while it runs (proc(5)); so each path is turned into
the host's own path of the same file, proved by device and inode.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Where:
    """
    How the paths of one process are reached from here.

    pid
        The process, or ``None``: this host's own paths.
    apart
        Whether it has another mount namespace than this process. (A chroot alone makes no
        difference here: SUSE's service copies ``/etc/dhcpd.conf`` into it at each start, so that
        the host's own file is the one that counts.)
    """

    pid: int | None = None
    apart: bool = False

    def inside(self, path: str) -> str:
        """Return a path by which the file can be read while the process runs."""
        return f"{PROC}/{self.pid}/root{os.path.abspath(path)}" if self.apart else path

    def on_host(self, path: str) -> str | None:
        """Return this host's own path of the file, or ``None`` where it has none."""
        if not self.apart:
            return path
        inside = self.inside(path)
        if _same(inside, path):
            return path
        if not os.path.lexists(inside) and _same(os.path.dirname(inside), os.path.dirname(path)):
            return path
        return next((one for one in self._elsewhere(inside) if _same(inside, one)), None)

    def located(self, path: str) -> str:
        """Return the host's own path of the file, or else the one by which it can be read."""
        return self.on_host(path) or self.inside(path)

    def _elsewhere(self, inside: str) -> Iterator[str]:
        """Yield paths of this host under which the file may be mounted as well."""
        real = _real(inside)
        if real is None:
            return
        theirs = [one for one in _mounts(str(self.pid)) if _below(real, one.point)]
        if not theirs:
            return
        mount = max(theirs, key=lambda one: len(one.point))
        on_device = _joined(mount.root, real, mount.point)
        for mine in _mounts("self"):
            # A container's own overlay goes with the container.
            if mine.kind == "overlay" and mine.point != "/":
                continue
            if mine.device == mount.device and _below(on_device, mine.root):
                yield _joined(mine.point, on_device, mine.root)


def is_apart(pid: int) -> bool:
    """Whether a process has another mount namespace than this one."""
    return os.readlink(PROC / "self/ns/mnt") != os.readlink(PROC / str(pid) / "ns/mnt")


def has_root_of_its_own(pid: int) -> bool:
    """Whether a process lives in a container or a chroot: its ``/`` is not this host's."""
    return not _same(f"{PROC}/{pid}/root/", "/")


@dataclass(frozen=True)
class _Mount:
    """A line of ``/proc/PID/mountinfo``: device, the mounted folder of it, where, which kind."""

    device: str
    root: str
    point: str
    kind: str


def _mounts(pid: str) -> list[_Mount]:
    found = []
    with contextlib.suppress(OSError):
        text = (PROC / pid / "mountinfo").read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            fields, _, rest = line.partition(" - ")
            words = fields.split()
            found.append(_Mount(words[2], _plain(words[3]), _plain(words[4]), rest.split()[0]))
    return found


def _plain(text: str) -> str:
    """Return a path of mountinfo without its octal escapes."""
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(escape, character)
    return text


def _below(path: str, folder: str) -> bool:
    return folder == "/" or path == folder or path.startswith(folder + "/")


def _joined(folder: str, path: str, above: str) -> str:
    """Return ``path``, which lies below ``above``, as it lies below ``folder``."""
    rest = path[len(above.rstrip("/")) :]
    return (folder.rstrip("/") + rest) or "/"


def _real(inside: str) -> str | None:
    """Return the path of a file in its own root, symbolic links followed there."""
    with contextlib.suppress(OSError):
        handle = os.open(inside, os.O_PATH | os.O_CLOEXEC)
        try:
            return os.readlink(f"/proc/self/fd/{handle}")
        finally:
            os.close(handle)
    return None


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samestat(os.stat(one), os.stat(other))
    except OSError:
        return False
