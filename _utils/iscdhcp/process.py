"""
dhcpd's processes, from ``/proc``: which one serves, when it started, how to end it.

The process is the truth: pid files and service managers are not asked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ProcessError

PROC = Path("/proc")
#: Options of dhcpd.8 that take a value.
_VALUED = {"-p", "-s", "-cf", "-lf", "-pf", "-tf", "-user", "-group", "-chroot", "-play"}
#: Options with which dhcpd runs once and ends, or does not serve DHCPv4.
_NOT_SERVING = {"-t", "-T", "-6", "--version"}


@dataclass(frozen=True)
class Process:
    """A running dhcpd."""

    pid: int
    #: Unique for the life of the machine: boot, pid and start, so never another process.
    identity: str
    #: Start, epoch seconds.
    started: float
    argv: tuple[str, ...]
    #: State letter of proc(5).
    state: str
    #: Whether it catches SIGTERM (built with gentle shutdown, server/dhcpd.c:1050).
    gentle_shutdown: bool

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it: it holds its sockets and answers nobody."""
        return self.state in "Tt"

    @property
    def config_file(self) -> str | None:
        """The configuration that the command line names."""
        return self._option("-cf")

    @property
    def explicit_lease_file(self) -> str | None:
        """The lease file that the command line names."""
        return self._option("-lf")

    @property
    def pid_file(self) -> str | None:
        """The pid file that the command line names."""
        return None if "--no-pid" in self.argv else self._option("-pf")

    def _option(self, name: str) -> str | None:
        for position, word in enumerate(self.argv[:-1]):
            if word == name:
                return self.argv[position + 1]
        return None


def find(names: Iterable[str] = ("dhcpd",)) -> list[Process]:
    """
    Return the dhcpd processes that serve DHCPv4 in this very network and mount namespace.

    names
        Names of the executable.

    A dhcpd of a container on this machine is another server's and left out.
    """
    wanted = set(names)
    mine = _namespaces("self")
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = _argv(entry)
            if not argv or os.path.basename(argv[0]) not in wanted:
                continue
            if _NOT_SERVING & set(argv[1:]) or _namespaces(entry.name) != mine:
                continue
            found.append(_read(int(entry.name), argv))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError as err:
            raise ProcessError(f"dhcpd's process can't be read ({err}): run as root") from err
    return sorted(found, key=lambda one: (one.started, one.pid))


def _argv(entry: Path) -> tuple[str, ...]:
    text = (entry / "cmdline").read_bytes().decode(errors="replace")
    return tuple(text.rstrip("\0").split("\0")) if text else ()


def _namespaces(pid: str) -> tuple[str, str]:
    base = PROC / pid / "ns"
    return os.readlink(base / "net"), os.readlink(base / "mnt")


def _read(pid: int, argv: tuple[str, ...]) -> Process:
    stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    fields = stat[stat.rindex(")") + 2 :].split()
    state, ticks = fields[0], int(fields[19])
    if state in "ZX":
        raise ProcessLookupError(pid)
    caught = 0
    for line in (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("SigCgt:"):
            caught = int(line.split()[1], 16)
    boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Process(
        pid=pid,
        identity=f"{boot[:8]}-{pid}-{ticks}",
        started=_boot_time() + ticks / os.sysconf("SC_CLK_TCK"),
        argv=argv,
        state=state,
        gentle_shutdown=bool(caught & 1 << (signal.SIGTERM - 1)),
    )


def _boot_time() -> float:
    """Return when the machine booted, epoch seconds, by today's clock."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def is_alive(process: Process) -> bool:
    """Whether this very process still runs (a reused pid is not it)."""
    try:
        return _read(process.pid, process.argv).identity == process.identity
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_exit(process: Process, timeout: float) -> bool:
    """Wait up to ``timeout`` seconds for the process's end; return whether it has ended."""
    deadline = time.monotonic() + timeout
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    except OSError:
        handle = None
    try:
        while is_alive(process):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if handle is None:
                time.sleep(min(0.01, left))
            else:
                select.select([handle], [], [], min(left, 1.0))
        return True
    finally:
        if handle is not None:
            os.close(handle)


def signal_terminate(
    process: Process, look: Callable[[], bool], deadline: float
) -> dict[str, Any]:
    """
    End dhcpd by SIGTERM while it is halted and ``look`` approves.

    look
        Called with the process halted (SIGSTOP); true if the lease file's end is whole. What it
        raises calls the act off.
    deadline
        Seconds to find such a moment; after it the act is called off.

    Returns ``tries``, ``seconds``. Raises :class:`ProcessError` when it was called off. A halted process keeps the SIGTERM pending and dies
    of it on SIGCONT without running another instruction. It is never left halted.
    """
    begun = time.monotonic()
    tries, pause = 0, 0.002
    with _pidfd(process) as send:
        while True:
            tries += 1
            send(signal.SIGSTOP)
            try:
                _wait_halted(process)
                if look():
                    send(signal.SIGTERM)
                    return {"tries": tries, "seconds": round(time.monotonic() - begun, 4)}
            finally:
                with contextlib.suppress(ProcessLookupError):
                    send(signal.SIGCONT)
            if time.monotonic() - begun > deadline:
                raise ProcessError(
                    f"the lease file's end was not complete at any of {tries} looks in "
                    f"{deadline:.0f} s: dhcpd runs on"
                )
            time.sleep(pause)


@contextlib.contextmanager
def _pidfd(process: Process) -> Any:
    """Give a function that signals this very process, never another one with its pid."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        raise ProcessError(f"dhcpd (pid {process.pid}) has ended already") from None
    try:
        if not is_alive(process):
            raise ProcessError(f"dhcpd (pid {process.pid}) has ended already")
        yield lambda number: signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def _wait_halted(process: Process) -> None:
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        if _read(process.pid, process.argv).stopped:
            return
        time.sleep(0.0005)


def failover_connected(
    address: str | None, peer_address: str | None, ports: Iterable[int]
) -> bool | None:
    """
    Whether a TCP connection to the partner is established on a failover port.

    address, peer_address
        As the relationship names them; a host name is resolved.
    ports
        Both failover ports: either end may have dialled (server/failover.c:326).

    Returns ``None`` where the kernel's table can't be read or a name not resolved. It connects to
    nothing: a stray connection disturbs dhcpd.
    """
    own, peer = _packed(address), _packed(peer_address)
    if not peer:
        return None
    wanted = set(ports)
    try:
        lines = (PROC / "net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except OSError as err:
        if err.errno in (errno.ENOENT, errno.EACCES):
            return None
        raise
    for line in lines:
        fields = line.split()
        if fields[3] != "01":
            continue
        local, remote = _endpoint(fields[1]), _endpoint(fields[2])
        if remote[0] in peer and (not own or local[0] in own):
            if local[1] in wanted or remote[1] in wanted:
                return True
    return False


def _packed(address: str | None) -> set[int]:
    if not address:
        return set()
    try:
        infos = socket.getaddrinfo(address, None, socket.AF_INET)
    except OSError:
        return set()
    return {struct.unpack("=I", socket.inet_aton(str(info[4][0])))[0] for info in infos}


def _endpoint(text: str) -> tuple[int, int]:
    address, port = text.split(":")
    return int(address, 16), int(port, 16)


def listens_on_dhcp(process: Process) -> bool:
    """Whether the process holds the UDP socket of DHCP (port 67)."""
    inodes = set()
    for line in (PROC / "net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if _endpoint(fields[1])[1] == 67:
            inodes.add(f"socket:[{fields[9]}]")
    try:
        for handle in (PROC / str(process.pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(handle) in inodes:
                    return True
    except OSError:
        return False
    return False
