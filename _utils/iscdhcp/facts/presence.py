"""
Whether a dhcpd is here that can't be seen: not seen is not down.

The process table shows only what lies in this process's own namespace of numbers and has the name
that is looked for. So before anybody says that dhcpd is down, or starts one, its unit is asked for
a living main process, and the kernel for the sockets that dhcpd holds.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..conf import views
from ..host import process
from ..host import units
from ..host.local import LOCAL
from ..host.local import Host

#: dhcpd's own port (RFC 2131).
DHCP_PORT = 67
_LISTEN = "0A"


@dataclass(frozen=True)
class Sign:
    """
    Something that speaks for a dhcpd, or that stands in one's way.

    ``blocks``: as long as it is there nobody may take dhcpd for down, or start one.
    """

    text: str
    pid: int | None
    blocks: bool = True


def signs(
    configuration: views.Configuration | None,
    unit_names: Iterable[str] = (),
    seen: Iterable[process.Process] = (),
    port: int = DHCP_PORT,
    host: Host = LOCAL,
) -> list[Sign]:
    """
    Look for a dhcpd beside those that are seen; nothing is changed, nothing connected to.

    configuration
        What the relationships' addresses and ports are taken from.
    unit_names
        The services that dhcpd may be.
    seen
        The dhcpd processes that are known.
    port
        The UDP port of dhcpd.
    host
        Where it is looked for.
    """
    known = {one.pid for one in seen}
    found = [sign for name in dict.fromkeys(unit_names) for sign in _of_unit(host, name, known)]
    named = {sign.pid for sign in found} | known
    # Whose the rest is takes a look at every process: so these are left out first.
    ours = {inode for pid in known for inode in process.sockets_of(pid) or ()}
    at_ports = [
        *_on_dhcp_port(host, port, bool(known), ours),
        *_on_failover_ports(host, configuration, ours),
    ]
    for sign in at_ports:
        # A number tells whose socket it is; one that nobody here owns is somebody unseen.
        if sign.pid is None or sign.pid not in named:
            found.append(sign)
    return found


def _of_unit(host: Host, name: str, known: set[int]) -> list[Sign]:
    unit = host.unit(name)
    if unit is None or not unit.main_pid or unit.main_pid in known:
        return []
    pid = unit.main_pid
    argv = process.argv_of(pid)
    if not argv or process.serves_no_dhcpv4(argv):
        return []
    if any(units.serves(unit, one) for one in known):
        return []
    return [Sign(f"the unit {unit.name} has a living main process ({_who(pid)})", pid)]


def _on_dhcp_port(host: Host, port: int, runs: bool, ours: set[str]) -> list[Sign]:
    inodes = {row[9] for row in host.sockets("udp") if process.endpoint(row[1])[1] == port} - ours
    if not inodes:
        return []
    busy = not runs and _is_busy(port)
    found = []
    for pid in _owners(inodes):
        whose = f"UDP port {port} is held by {_who(pid)}"
        if process.is_dhcpd(pid):
            found.append(Sign(whose, pid))
        elif busy:
            found.append(Sign(f"{whose}, and does not let another one bind it", pid))
        else:
            found.append(Sign(whose, pid, blocks=False))
    return found


def _is_busy(port: int) -> bool:
    """Whether binding the port as dhcpd does fails (common/socket.c: SO_REUSEADDR)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("", port))
        except OSError as err:
            return err.errno == errno.EADDRINUSE
    return False


def _on_failover_ports(
    host: Host, configuration: views.Configuration | None, ours: set[str]
) -> list[Sign]:
    """Return who listens where dhcpd would listen for its partners."""
    found = []
    for one in configuration.relationships if configuration else ():
        own = process.addresses(one.address)
        inodes = {
            row[9]
            for row in host.sockets("tcp")
            if row[3] == _LISTEN
            and process.endpoint(row[1])[1] == one.port
            and process.endpoint(row[1])[0] in own | {0}
        }
        for pid in _owners(inodes - ours):
            text = f"the failover port of {one.name} ({one.address} port {one.port}) is held by "
            found.append(Sign(text + _who(pid), pid))
    return found


def _owners(inodes: set[str]) -> list[int | None]:
    """Return who holds the sockets; ``None`` stands for somebody whom nobody here can see."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    found: set[int | None] = set()
    missing = set(wanted)
    for entry in process.PROC.iterdir() if wanted else ():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            for handle in (entry / "fd").iterdir():
                with contextlib.suppress(OSError):
                    target = os.readlink(handle)
                    if target in wanted:
                        found.add(int(entry.name))
                        missing.discard(target)
    if missing:
        found.add(None)
    return sorted(found, key=lambda pid: (pid is None, pid or 0))


def _who(pid: int | None) -> str:
    if pid is None:
        return "a process that can't be seen from here"
    name = "a process"
    with contextlib.suppress(OSError):
        name = Path(f"{process.PROC}/{pid}/comm").read_text(encoding="utf-8").strip()
    return f"{name}, pid {pid}"
