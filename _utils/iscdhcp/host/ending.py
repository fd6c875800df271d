"""
Ending dhcpd at a moment of our choice: halted, looked at, SIGTERM, let go.

It is halted as a debugger does it (ptrace), where that is allowed: the kernel lets it run on when
the one who halted it dies, in whatever way, its whole control group included. Else by SIGSTOP, with
a shell that wakes it; only there a kill of both at once leaves dhcpd halted.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from ..errors import ProcessError
from . import process as processes
from .process import Process

#: Seconds in which a halt has to show; a process that waits for its disk takes it afterwards.
HALT_SECONDS = 1.0
#: ptrace(2), since Linux 3.4.
_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
#: It has not halted in time.
_NOT_YET = -1


def signal_terminate(one: Process, look: Callable[[], bool], deadline: float) -> dict[str, Any]:
    """
    End dhcpd by SIGTERM while it is halted and ``look`` approves.

    look
        Called with the process halted; true if the lease file's end is whole. What it raises calls
        the act off.
    deadline
        Seconds to find such a moment; after it the act is called off.

    Returns ``tries``, ``seconds``, ``how`` (``ptrace`` or ``SIGSTOP``). Raises
    :class:`ProcessError` if it was called off, or if the process has ended already. A halted
    process keeps the SIGTERM pending and dies of it without running another instruction. It is
    never left halted, also where this process is killed.
    """
    begun = time.monotonic()
    tries = 0
    with processes.handle_of(one) as handle:
        while True:
            tries += 1
            with _halted(one, handle) as how:
                if how and look():
                    _signal(one, handle, signal.SIGTERM)
                    seconds = round(time.monotonic() - begun, 4)
                    return {"tries": tries, "seconds": seconds, "how": how}
            if time.monotonic() - begun > deadline:
                raise ProcessError(
                    f"the lease file's end was not complete at any of {tries} looks in "
                    f"{deadline:.0f} s: dhcpd runs on"
                )
            time.sleep(0.002)


@contextlib.contextmanager
def _halted(one: Process, handle: int | None) -> Iterator[str | None]:
    """Halt dhcpd for the length of the block; give how, ``None`` where it does not halt."""
    pending = _traced(one)
    if pending is not None:
        try:
            yield None if pending == _NOT_YET else "ptrace"
        finally:
            _let_go(one.pid, pending)
        return
    with _waking(one):
        try:
            _signal(one, handle, signal.SIGSTOP)
            yield "SIGSTOP" if _is_halted(one) else None
        finally:
            with contextlib.suppress(ProcessError):
                _signal(one, handle, signal.SIGCONT)


# -- by ptrace ------------------------------------------------------------------------------------


def _ptrace(request: int, task: int, data: int = 0) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    return bool(libc.ptrace(request, task, None, data) != -1)


def _traced(one: Process) -> int | None:
    """
    Halt a process; return with which signal it has to go on (0: none), or :data:`_NOT_YET`.

    ``None``: this may not be done here (Yama, AppArmor, a container), another tracer does it
    already, or it has several threads (dhcpd has one), which SIGSTOP halts together.
    """
    if not processes.is_alive(one):
        raise ProcessError(f"dhcpd (pid {one.pid}) has ended already")
    try:
        threads = len(os.listdir(processes.PROC / str(one.pid) / "task"))
    except OSError:
        raise ProcessError(f"dhcpd (pid {one.pid}) has ended already") from None
    if threads != 1 or not _ptrace(_SEIZE, one.pid):
        return None
    _ptrace(_INTERRUPT, one.pid)
    return _wait_stopped(one.pid, HALT_SECONDS)


def _wait_stopped(pid: int, seconds: float) -> int:
    """Wait until a traced process has stopped; return the signal that it was about to get."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found, status = os.waitpid(pid, os.WNOHANG | _WALL)
        except ChildProcessError:
            raise ProcessError(f"dhcpd (pid {pid}) has ended already") from None
        if found and not os.WIFSTOPPED(status):
            raise ProcessError(f"dhcpd (pid {pid}) has ended already")
        if found:
            # A stop by PTRACE_INTERRUPT is an event (status >> 16); any other is a signal's.
            return 0 if status >> 16 else os.WSTOPSIG(status)
        time.sleep(0.0002)
    return _NOT_YET


def _let_go(pid: int, number: int) -> None:
    """Let a traced process run on, with the signal that it was about to get."""
    if number == _NOT_YET:
        # It waits for its disk, and stops for a moment as soon as it can: only then it can be left.
        try:
            number = _wait_stopped(pid, 10 * HALT_SECONDS)
        except ProcessError:
            return
    if not _ptrace(_DETACH, pid, max(0, number)):
        # It was killed meanwhile: whoever traces a process has to take note of its end.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG | _WALL)


# -- by SIGSTOP -----------------------------------------------------------------------------------


def _is_halted(one: Process) -> bool:
    """Wait until SIGSTOP has taken effect; return whether it has."""
    deadline = time.monotonic() + HALT_SECONDS
    try:
        while processes.state_of(one.pid)[0] not in "Tt":
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessError(f"dhcpd (pid {one.pid}) has ended already") from None
    return True


@contextlib.contextmanager
def _waking(one: Process) -> Iterator[None]:
    """
    Have dhcpd woken if this process dies in the block: nobody else would send SIGCONT.

    A shell waits for a line from here. Its input ends without one when this process dies.
    """
    shell = None
    with contextlib.suppress(OSError):
        shell = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r line || kill -CONT "$1"', "sh", str(one.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield
    finally:
        if shell is not None:
            with contextlib.suppress(OSError):
                shell.communicate(b"done\n")


def _signal(one: Process, handle: int | None, number: signal.Signals) -> None:
    """Signal this very process, never another one with its pid."""
    try:
        if processes.is_alive(one):
            if handle is not None and hasattr(signal, "pidfd_send_signal"):
                signal.pidfd_send_signal(handle, number)
            else:
                os.kill(one.pid, number)
            return
    except ProcessLookupError:
        pass
    except PermissionError as err:
        raise ProcessError(f"dhcpd (pid {one.pid}) can't be signalled: run as root") from err
    raise ProcessError(f"dhcpd (pid {one.pid}) has ended already")
