"""
Stopping and starting dhcpd on this server.

The process is the truth: service managers call a unit active whose dhcpd is gone, and return 0
from a start that started nothing (Debian's generated unit, ``RemainAfterExit=yes``). So an act
is done when the process table and dhcpd itself say so.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Sequence
from contextlib import ExitStack
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Protocol

from ..answers import ProcessMark
from ..errors import ActError
from ..errors import IscDhcpError
from ..errors import LeasesAtRisk
from ..errors import StillEnding
from ..facts import gather
from ..facts.server import Server
from ..facts.server import Settings
from ..facts.server import find_ours
from ..facts.server import read_server
from ..host import nameless
from ..host import twins
from ..host.local import LOCAL
from ..host.local import Host
from ..host.process import PROC
from ..host.process import Process
from ..leases import check
from ..leases.end import append
from ..leases.end import check_end
from ..leases.newer import newer
from ..shapes import ServiceFacts
from ..words import count

#: Seconds in which a terminated dhcpd has to be gone; measured 6-25 ms, a slow disk may hold it.
EXIT_SECONDS = 20.0
#: Seconds in which the lease file has to show a complete end between two writes.
QUIESCE_SECONDS = 15.0


class ServiceManager(Protocol):
    """How this host starts and stops dhcpd as a service."""

    name: str

    def renew(self) -> None:
        """Start the service again, whatever the manager believes; may return before it runs."""

    def stop(self) -> None:
        """Tell the manager that the service is stopped."""

    def describe(self) -> ServiceFacts:
        """Return ``name``, ``manager`` and whether it believes the service ``active``."""


def stop(
    server: Server, last_look: Callable[[], None], kernel_look: Callable[[], None]
) -> ProcessMark:
    """
    End dhcpd by SIGTERM at a moment when its lease file's end is complete; wait for its exit.

    A lease file that it writes and that has no name any more is put back then.

    last_look
        The guard's last look, called while dhcpd can still answer; raises to call it off.
    kernel_look
        The same by what the kernel alone knows: the last of all looks, while dhcpd is halted with
        its lease file whole, directly before the signal.

    Returns ``pid``, ``ended`` (epoch seconds), ``seconds``, ``looks``, and ``warning`` where a
    lease file was put back, or could not be. Raises
    :class:`~iscdhcp.errors.StillEnding` if it did not end, :class:`iscdhcp.errors.ProcessError` if
    no moment was found.
    """

    running = server.process
    if running is None:
        raise ActError("dhcpd is not running")
    with nameless.held(running, server.lease_file) as held:
        ended = _stop(
            server, running, held.path if held else server.lease_file, (last_look, kernel_look)
        )
        if held:
            try:
                ended["warning"] = held.put_back()
            except IscDhcpError as err:
                ended["warning"] = str(err)
    return ended


def _stop(
    server: Server,
    running: Process,
    lease_file: str,
    looks: tuple[Callable[[], None], Callable[[], None]],
) -> ProcessMark:
    last_look, kernel_look = looks

    def look() -> bool:
        whole = check_end(lease_file).whole
        if whole:
            kernel_look()
        return whole

    # Of a process in a sandbox or container its own paths are known only while it runs.
    pid_file = server.pid_file
    host, clock = server.host, server.host.clock
    begun = clock.monotonic()
    last_look()
    quiesced = host.signal_terminate(running, look, QUIESCE_SECONDS)
    if not host.wait_exit(running, EXIT_SECONDS):
        raise StillEnding(
            f"dhcpd (pid {running.pid}) got SIGTERM and has not ended after {EXIT_SECONDS:.0f} s"
        )
    _remove_stale_pid_file(pid_file, running)
    return {
        "pid": running.pid,
        "ended": clock.time(),
        "seconds": round(clock.monotonic() - begun, 3),
        "looks": quiesced["tries"],
    }


def mark_of(process: Process) -> ProcessMark:
    """Return which process it is."""
    return {"pid": process.pid, "identity": process.identity, "started": process.started}


def _remove_stale_pid_file(pid_file: str, ended: Process) -> None:
    """Remove the pid file that a signal leaves: a reused pid in it blocks the next start."""
    path = Path(pid_file)
    try:
        if path.read_text(encoding="ascii", errors="replace").strip() == str(ended.pid):
            path.unlink()
    except OSError:
        pass


def _remove_pid_file_of_nobody(pid_file: str, binaries: Collection[str]) -> None:
    """
    Remove the pid file that a crash leaves, unless its process is a dhcpd.

    Debian 11's script starts nothing beside one, and dhcpd itself nothing where the pid was reused.
    """
    path = Path(pid_file)
    try:
        pid = int(path.read_text(encoding="ascii"))
        with suppress(OSError):
            if (PROC / str(pid) / "comm").read_text(errors="replace").strip() in binaries:
                return
        path.unlink()
    except (OSError, ValueError):
        pass


def start(
    settings: Settings,
    service: ServiceManager,
    timeout: float,
    ignore_leases: bool = False,
    ended: Process | None = None,
    host: Host = LOCAL,
) -> ProcessMark:
    """
    Start dhcpd through the host's service manager; return once the new process serves.

    timeout
        Seconds in which it has to.
    ignore_leases
        Start although the lease file is missing, empty or torn (leases may be forgotten).
    ended
        The process that the same call has ended: then the start is tried whatever holds its ports,
        and a new one that its service manager has started meanwhile is taken for the start.
    host
        Where it is started.

    Returns ``pid``, ``identity``, ``started`` and ``serves_since`` (epoch seconds), ``seconds``,
    and ``warning`` where somebody else started one at the same moment (:mod:`iscdhcp.host.twins`).
    Raises :class:`ActError` with what dhcpd itself said, and before the start where one runs, or
    may run unseen.
    """
    begun, begun_epoch = host.clock.monotonic(), host.clock.time()
    server = read_server(settings, host)
    running = server.process
    by_itself = bool(ended and running and running.identity != ended.identity)
    if running is not None and not by_itself:
        raise ActError(f"dhcpd runs already (pid {running.pid})")
    if server.configuration_error:
        raise ActError(f"not started: {server.configuration_error}")
    if ended is None:
        check_nobody_runs(server)
        _remove_pid_file_of_nobody(server.pid_file, settings.binaries)
    if not by_itself:
        if not ignore_leases:
            check_leases(server.lease_file)
            if ended is None:
                check_every_lease(server.lease_file)
        service.renew()
    return _await_service(host, settings, service, begun, begun_epoch, timeout)


def check_nobody_runs(server: Server) -> None:
    """Raise :class:`ActError` where something speaks for a dhcpd that is not seen."""
    told = [sign.text for sign in gather.signs(server) if sign.blocks]
    if told:
        raise ActError(
            f"not started: no dhcpd is seen, and yet {'; '.join(told)}: a second one would serve "
            "the same clients; stop it, or name its program in dhcpd:binaries in the minion's "
            "configuration if it is dhcpd"
        )


def _await_service(
    host: Host,
    settings: Settings,
    service: ServiceManager,
    begun: float,
    begun_epoch: float,
    timeout: float,
) -> ProcessMark:
    """
    Wait until a start has brought up a dhcpd that serves; it was begun at ``begun``.

    Its time counts from now on, and is over only after a look: this call may have been held up (a
    host that was suspended), and what runs unseen would stay silent after a drain.
    """
    clock = host.clock
    deadline = clock.monotonic() + timeout
    last: Process | None = None
    seen, warning = twins.Twins(clock, begun_epoch), ""
    pause, absent, in_time = 0.01, 0, True
    while in_time:
        in_time = clock.monotonic() < deadline
        found, _ = find_ours(settings, host)
        absent = 0 if found else absent + 1
        if len(found) == 1 and serving(settings, found[0], host):
            # dhcpd forks once it listens: the process seen first may not be the one that stays.
            again, _ = find_ours(settings, host)
            if [one.identity for one in again] == [found[0].identity]:
                new: ProcessMark = {
                    "pid": found[0].pid,
                    "identity": found[0].identity,
                    "started": found[0].started,
                    "serves_since": clock.time(),
                    "seconds": round(clock.monotonic() - begun, 3),
                }
                return {**new, "warning": warning} if warning else new
        if seen.found(found) and not warning:
            warning = twins.ended(found) + _end_twins(
                read_server(settings, host), found, begun_epoch
            )
            service.renew()
            last, deadline, in_time = None, clock.monotonic() + timeout, True
            continue
        if last is not None and absent > 1:
            raise ActError(f"dhcpd ended right after its start: {last_words(begun_epoch, host)}")
        if absent and clock.monotonic() - begun > 1.0 and service.describe()["failed"]:
            raise ActError(f"dhcpd did not start: {_why_not(service, begun_epoch, host)}")
        last = found[0] if found else last
        clock.sleep(pause)
        pause = min(0.25, pause * 1.3)
    if len(found) > 1:
        raise ActError(twins.left(found))
    state = f"pid {last.pid} does not serve yet" if last else "no process appeared"
    why = last_words(begun_epoch, host) if last else _why_not(service, begun_epoch, host)
    raise ActError(f"dhcpd did not serve within {timeout:.0f} s ({state}): {why}")


def _end_twins(server: Server, found: Sequence[Process], begun: float) -> str:
    """
    End all dhcpd that one start has brought up, and put what each has written into one lease file.

    begun
        When the start was begun, epoch seconds.

    Returns what could not be put there, for the end of a sentence: it is no reason to start none.
    """
    lost = ""
    host, target, pid_file = server.host, server.lease_file, server.pid_file
    with ExitStack() as stack:
        files = [stack.enter_context(nameless.held(one, target)) for one in found]
        for one, held in zip(found, files, strict=True):
            look = partial(_is_whole, held.path if held else target)
            host.signal_terminate(one, look, QUIESCE_SECONDS)
            if not host.wait_exit(one, EXIT_SECONDS):
                raise StillEnding(
                    f"dhcpd (pid {one.pid}) got SIGTERM and has not ended after "
                    f"{EXIT_SECONDS:.0f} s"
                )
            _remove_stale_pid_file(pid_file, one)
        for held in filter(None, files):
            try:
                if os.path.exists(target):
                    append(target, newer(held.path, target, begun))
                else:
                    held.put_back()
            except (IscDhcpError, OSError) as err:
                lost = (
                    f", but for what one of them wrote alone ({err}): salt-run "
                    "dhcp_failover.doctor compares what both servers know"
                )
    return lost


def _is_whole(path: str) -> bool:
    return check_end(path).whole


def check_leases(path: str) -> None:
    """Raise :class:`LeasesAtRisk` if a start on this lease file would forget leases."""
    end = check_end(path)
    if not end.exists:
        raise LeasesAtRisk(
            f"not started: the lease file {path} is missing, every lease would be forgotten; put "
            f"{path}~ (dhcpd's own copy) or a backup in its place, then salt-run "
            "dhcp_failover.bring_back: started by hand on an old file it gives leased addresses "
            "away",
            "lease-file-missing",
        )
    if not end.whole:
        raise LeasesAtRisk(
            f"not started: the lease file {path} is torn at its end ({end.problem}); "
            "dhcpd.repair_leases cuts the torn entry off and keeps a copy, then start",
            "lease-file-torn",
        )
    old = check_end(path + "~")
    if end.bytes == 0 and old.exists and old.bytes > 0:
        raise LeasesAtRisk(
            f"not started: the lease file {path} is empty and {path}~ is not: every lease would "
            "be forgotten; put that or a backup in its place, then salt-run "
            "dhcp_failover.bring_back: started by hand on an old file it gives leased addresses "
            "away",
            "lease-file-missing",
        )


def check_every_lease(path: str) -> None:
    """
    Raise :class:`LeasesAtRisk` if any entry of the lease file can't be read.

    For the start of a dhcpd that was down (0.3 s for 100 MB): one that this call has ended wrote
    the file itself.
    """
    found = check.check(path)
    if found["problems"]:
        first = found["problems"][0]
        raise LeasesAtRisk(
            f"not started: {path}:{first['line']}: {first['what']} "
            f"({count(len(found['problems']), 'stretch')} in all): dhcpd would drop what is there; "
            "dhcpd.repair_leases cuts it out and keeps a copy, then start",
            "lease-file-damaged",
        )


def serving(settings: Settings, born: Process, host: Host = LOCAL) -> bool:
    """Whether a started process serves: dhcpd says so in its log, or answers by OMAPI."""
    read = read_server(settings, host)
    server = replace(read, processes=[born])
    try:
        _, events = gather.read_log(server, born.started - 2)
        if any(event.kind == "serving" for event in events):
            return True
        said = True
    except IscDhcpError:
        said = False
    _, states = gather.omapi_facts(server)
    if states:
        return True
    # Neither log nor OMAPI: it holds its socket and has outlived what ends a bad start.
    return not said and host.listens_on_dhcp(born) and host.clock.time() - born.started > 2.0


def last_words(since: float, host: Host = LOCAL) -> str:
    """Return what dhcpd logged since ``since`` (epoch seconds) that tells why it ended."""
    try:
        lines = host.last_lines(since)
    except IscDhcpError as err:
        return f"its log can't be read ({err})"
    return " / ".join(lines) if lines else "its log says nothing; run dhcpd -t"


def _why_not(service: ServiceManager, since: float, host: Host) -> str:
    """Return why a start failed: the manager's own reason, else what dhcpd logged."""
    facts = service.describe()
    if facts["refuses"]:
        return f"{facts['manager']} says of {facts['name']}: {facts['refuses']['text']}"
    return last_words(since, host)
