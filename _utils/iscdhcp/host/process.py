"""
dhcpd's processes, from ``/proc``: which one serves, when it started, how to end it.

The process is the truth: pid files and service managers are not asked.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import stat
import struct
import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProcessError
from . import mounts
from . import units
from .mounts import Where

PROC = Path("/proc")
#: Options of dhcpd that take a value (server/dhcpd.c, main).
_VALUED = {"-p", "-s", "-cf", "-lf", "-pf", "-tf", "-user", "-group", "-chroot", "-play", "-4o6"}
#: Options with which dhcpd runs once and ends, or does not serve DHCPv4.
_NOT_SERVING = {"-t", "-T", "-6", "-play", "--version", "--help", "-h"}
#: What overrides the files where the command line does not.
_VARIABLES = {"-cf": "PATH_DHCPD_CONF", "-lf": "PATH_DHCPD_DB", "-pf": "PATH_DHCPD_PID"}
#: What a link in ``/proc`` ends with whose file has no name any more.
_DELETED = " (deleted)"
#: Where dhcpd writes its pid unless told otherwise (Debian, Fedora).
DEFAULT_PID_FILE = "/var/run/dhcpd.pid"


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
    #: The pid of the process that started it.
    parent: int = 0
    #: Files that the environment names, by option (``PATH_DHCPD_CONF`` and the like).
    environment: tuple[tuple[str, str], ...] = ()
    #: The lease file that it holds open for writing, ``None`` where that can't be seen. As all its
    #: paths it is the one of its own root: :attr:`where` tells this host's.
    open_lease_file: str | None = None
    #: The path of the one that it writes where that file is not there any more: it was removed, or
    #: another was put in its place.
    lost_lease_file: str | None = None
    #: By which of its descriptors it writes that.
    lost_handle: int | None = None
    #: How its paths are reached from here.
    where: Where = Where()
    #: Whether it lives in a container or a chroot.
    own_root: bool = False
    #: The systemd service that it was started by, if any.
    unit: str | None = None
    #: The user as whom it runs now.
    uid: int = 0
    #: The executable, ``None`` where that can't be seen.
    executable: str | None = None
    #: Whether that file is not the one on disk any more: a package was upgraded.
    replaced: bool = False
    #: The folder that it works in.
    directory: str = "/"

    @property
    def stopped(self) -> bool:
        """Whether a signal has stopped it: it holds its sockets and answers nobody."""
        return self.state in "Tt"

    @property
    def config_file(self) -> str | None:
        """The configuration that the command line or the environment names."""
        path = self._option("-cf")
        return path and os.path.join(self.directory, path)

    @property
    def explicit_lease_file(self) -> str | None:
        """
        The lease file that the command line or the environment names.

        ``lease-file-name`` in the configuration goes before it (measured; dhcpd.conf(5) says
        otherwise).
        """
        return self._option("-lf")

    @property
    def pid_file(self) -> str | None:
        """The pid file that the command line or the environment names."""
        return None if "--no-pid" in self.argv else self._option("-pf")

    @property
    def foreground(self) -> bool:
        """Whether it does not become a daemon; with ``-d`` it logs to standard error too."""
        return "-f" in self.argv or "-d" in self.argv

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The interfaces that the command line names; none means all."""
        return tuple(word for word, option in _words(self.argv) if option is None)

    @property
    def port(self) -> int:
        """The UDP port that it serves, as far as the command line tells."""
        try:
            return int(self._option("-p") or 67)
        except ValueError:
            return 67

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The variables of its environment that name its files."""
        return tuple((_VARIABLES[option], value) for option, value in self.environment)

    def _option(self, name: str) -> str | None:
        given = [word for word, option in _words(self.argv) if option == name]
        return given[-1] if given else dict(self.environment).get(name)


def _words(argv: tuple[str, ...]) -> Iterator[tuple[str, str | None]]:
    """Yield the words of a command line that are no options, and the option each belongs to."""
    words = iter(argv[1:])
    for word in words:
        if word in _VALUED:
            yield next(words, ""), word
        elif not word.startswith("-"):
            yield word, None


def find(names: Iterable[str] = ("dhcpd",)) -> list[Process]:
    """
    Return the dhcpd processes that serve DHCPv4 in this very network namespace.

    names
        Names of the executable.

    The network tells which server it is: a sandboxed unit and a container on the host's network
    have other mounts and are this server all the same; a dhcpd in another network is another
    server's. Left out is the process that only waits for the daemon, its child, to be ready
    (server/dhcpd.c:378-401). Raises :class:`ProcessError` where this process may not look.
    """
    return _found(set(names), lambda argv: not serves_no_dhcpv4(argv))


def find_v6(names: Iterable[str] = ("dhcpd",)) -> list[Process]:
    """Return the dhcpd processes that serve DHCPv6, as :func:`find` does those of DHCPv4."""
    once = _NOT_SERVING - {"-6"}
    return _found(set(names), lambda argv: "-6" in argv and not once & set(argv[1:]))


def _found(wanted: set[str], is_meant: Callable[[tuple[str, ...]], bool]) -> list[Process]:
    mine = _network("self")
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = _argv(entry)
            if not argv or os.path.basename(argv[0]) not in wanted:
                continue
            if not is_meant(argv) or _network(entry.name) != mine:
                continue
            found.append(_read(int(entry.name), argv))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError as err:
            raise ProcessError(f"dhcpd's process can't be read ({err}): run as root") from err
    by_pid = {one.pid: one for one in found}
    for one in found:
        parent = by_pid.get(one.parent)
        if parent is not None:
            # A parent that serves has forked for an execute statement; one that waits serves never.
            by_pid.pop(one.pid if parent.open_lease_file else parent.pid, None)
    return sorted(by_pid.values(), key=lambda one: (one.started, one.pid))


def argv_of(pid: int) -> tuple[str, ...]:
    """Return the command line of a process, empty where it has ended or has none."""
    try:
        return _argv(PROC / str(pid))
    except OSError:
        return ()


def is_dhcpd(pid: int | None, names: Iterable[str] = ("dhcpd",)) -> bool:
    """Whether a process goes by the name of a dhcpd that serves DHCPv4."""
    argv = argv_of(pid) if pid else ()
    return bool(argv) and os.path.basename(argv[0]) in names and not serves_no_dhcpv4(argv)


def serves_no_dhcpv4(argv: Iterable[str]) -> bool:
    """Whether a dhcpd of this command line only runs once, or serves DHCPv6."""
    return bool(_NOT_SERVING & set(list(argv)[1:]))


def _argv(entry: Path) -> tuple[str, ...]:
    text = (entry / "cmdline").read_bytes().decode(errors="replace")
    return tuple(text.rstrip("\0").split("\0")) if text else ()


def _network(pid: str) -> str:
    return os.readlink(PROC / pid / "ns/net")


def state_of(pid: int) -> tuple[str, int, int]:
    """Return state letter, parent and start (clock ticks after boot); raises if it has ended."""
    stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return fields[0], int(fields[1]), int(fields[19])


def boot_id() -> str:
    """Return what tells this boot of the machine from any other one (random(4))."""
    return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _identity(pid: int, ticks: int) -> str:
    return f"{boot_id()[:8]}-{pid}-{ticks}"


def _read(pid: int, argv: tuple[str, ...]) -> Process:
    state, parent, ticks = state_of(pid)
    caught = uid = 0
    for line in (PROC / str(pid) / "status").read_text(encoding="utf-8").splitlines():
        if line.startswith("SigCgt:"):
            caught = int(line.split()[1], 16)
        elif line.startswith("Uid:"):
            uid = int(line.split()[2])
    where = Where(pid, mounts.is_apart(pid))
    unit = units.of_process(pid)
    written, lost, handle = _open_for_writing(pid, where)
    return Process(
        pid=pid,
        identity=_identity(pid, ticks),
        started=_boot_time() + ticks / os.sysconf("SC_CLK_TCK"),
        argv=argv,
        state=state,
        gentle_shutdown=bool(caught & 1 << (signal.SIGTERM - 1)),
        parent=parent,
        environment=_environment(pid),
        open_lease_file=written,
        lost_lease_file=lost,
        lost_handle=handle,
        where=where,
        own_root=mounts.has_root_of_its_own(pid),
        # What a minion starts by itself is in the minion's own unit.
        unit=None if unit == units.of_process("self") else unit,
        uid=uid,
        executable=_link(pid, "exe"),
        replaced=_is_replaced(pid),
        directory=_link(pid, "cwd") or "/",
    )


def _link(pid: int, name: str) -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink(PROC / str(pid) / name).removesuffix(_DELETED)
    return None


def _is_replaced(pid: int) -> bool:
    """Whether the program on disk is another file than the one that runs."""
    with contextlib.suppress(OSError):
        return os.readlink(PROC / str(pid) / "exe").endswith(_DELETED)
    return False


def _boot_time() -> float:
    """Return when the machine booted, epoch seconds, by today's clock."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _environment(pid: int) -> tuple[tuple[str, str], ...]:
    try:
        text = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace")
    except PermissionError:
        return ()
    pairs = dict(one.partition("=")[::2] for one in text.split("\0") if "=" in one)
    return tuple((option, pairs[name]) for option, name in _VARIABLES.items() if pairs.get(name))


def _open_for_writing(pid: int, where: Where) -> tuple[str | None, str | None, int | None]:
    """
    Return the regular file that dhcpd writes, its lease file; else a deleted one's and descriptor.

    Its link in ``/proc`` follows when dhcpd renames a new file (``NAME.EPOCH``) over the old one.
    """
    lost, number = None, None
    with contextlib.suppress(OSError, ValueError):
        for handle in (PROC / str(pid) / "fd").iterdir():
            target = os.readlink(handle)
            if not target.startswith("/") or target.startswith(("/dev/", "/proc/")):
                continue
            info = (PROC / str(pid) / "fdinfo" / handle.name).read_text(encoding="ascii")
            flags = int(info.split("flags:")[1].split()[0], 8)
            # With -d its standard error may be a file too, but is opened by somebody else.
            if int(handle.name) > 2 and flags & os.O_ACCMODE == os.O_WRONLY:
                if os.path.isfile(where.inside(target)):
                    return re.sub(r"\.\d{10,}$", "", target), None, None
                if target.endswith(_DELETED) and stat.S_ISREG(os.stat(handle).st_mode):
                    lost = re.sub(r"\.\d{10,}$", "", target.removesuffix(_DELETED))
                    number = int(handle.name)
    return None, lost, number


def is_alive(process: Process) -> bool:
    """Whether this very process still runs (a reused pid is not it)."""
    try:
        return _identity(process.pid, state_of(process.pid)[2]) == process.identity
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_exit(process: Process, timeout: float) -> bool:
    """Wait up to ``timeout`` seconds for the process's end; return whether it has ended."""
    deadline = time.monotonic() + timeout
    with handle_of(process) as handle:
        while is_alive(process):
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if handle is None:
                time.sleep(min(0.01, left))
            else:
                select.select([handle], [], [], min(left, 1.0))
    return True


@contextlib.contextmanager
def handle_of(process: Process) -> Iterator[int | None]:
    """
    Give a pidfd of the process, or ``None`` where there is none.

    Salt's own bundle may be built without pidfd_open, and older kernels lack it.
    """
    handle = None
    with contextlib.suppress(AttributeError, OSError):
        handle = os.pidfd_open(process.pid)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


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
    own, peer = addresses(address), addresses(peer_address)
    if not peer or (address and not own):
        return None
    wanted = set(ports)
    try:
        lines = (PROC / "net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return None
    for line in lines:
        fields = line.split()
        if fields[3] != "01":
            continue
        local, remote = endpoint(fields[1]), endpoint(fields[2])
        if remote[0] in peer and (not own or local[0] in own):
            if local[1] in wanted or remote[1] in wanted:
                return True
    return False


def sockets(table: str) -> list[list[str]]:
    """Return the rows of one of the kernel's tables (``tcp``, ``udp``), in words; else none."""
    with contextlib.suppress(OSError):
        text = (PROC / "net" / table).read_text(encoding="ascii")
        return [line.split() for line in text.splitlines()[1:]]
    return []


def addresses(address: str | None) -> set[int]:
    """Return the IPv4 addresses of a name or an address, as ``/proc/net/tcp`` has them."""
    if not address:
        return set()
    try:
        infos = socket.getaddrinfo(address, None, socket.AF_INET)
    except (OSError, UnicodeError):
        return set()
    return {struct.unpack("=I", socket.inet_aton(str(info[4][0])))[0] for info in infos}


def endpoint(text: str) -> tuple[int, int]:
    """Return address and port of one end of a connection in ``/proc/net/tcp``."""
    address, port = text.split(":")
    return int(address, 16), int(port, 16)


def listens_on_dhcp(process: Process) -> bool:
    """Whether the process holds the UDP socket of DHCP (port 67, or the one of ``-p``)."""
    inodes = set()
    for line in (PROC / "net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if endpoint(fields[1])[1] == process.port:
            inodes.add(f"socket:[{fields[9]}]")
    try:
        for handle in (PROC / str(process.pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                if os.readlink(handle) in inodes:
                    return True
    except OSError:
        return False
    return False


def sockets_of(pid: int) -> set[str] | None:
    """Return the inodes of a process's sockets, or ``None`` where they can't be seen."""
    found = set()
    try:
        for handle in (PROC / str(pid) / "fd").iterdir():
            target = os.readlink(handle)
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except OSError:
        return None
    return found
