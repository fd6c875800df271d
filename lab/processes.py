"""The processes of a host, as /proc shows them to the lab that it runs in."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process.

    :ivar pid: its number in the lab, for signals.
    :ivar inner_pid: its number in its host, as the host's own tools and logs show it.
    :ivar started: when it started, in clock ticks after boot; with ``pid`` this is its identity.
    """

    pid: int
    inner_pid: int
    started: int


def state(pid: int, started: int | None = None) -> str | None:
    """The letter that stands for a process's state: R, S, D, T (stopped), ...

    :param pid: its number in the lab.
    :param started: ``Process.started``, to not take another process of the same number for it.
    :return: None when it has ended; one that nobody has waited for yet (Z) counts as ended.
    """
    stat = _stat(pid)
    if stat is None or stat[0] in "ZX" or started not in (None, stat[1]):
        return None
    return stat[0]


def find(leader: int, name: str) -> list[Process]:
    """The living processes of a host with a certain name.

    :param leader: the number of the host's init in the lab.
    :param name: as in /proc/PID/comm, 15 characters at most.
    :return: by the time of their start; none when the host is down.
    """
    host = _namespace(leader)
    found = []
    for entry in os.listdir(_PROC) if host is not None else ():
        if not entry.isdigit():
            continue
        pid = int(entry)
        # Reading comm is the cheapest test, and it rules out nearly every process.
        if _read(pid, "comm").strip() != name or _namespace(pid) != host:
            continue
        stat = _stat(pid)
        if stat is not None and stat[0] not in "ZX":
            found.append(Process(pid, _inner_pid(pid), stat[1]))
    return sorted(found, key=lambda process: (process.started, process.pid))


def signal_all(pids: Iterable[int], number: int) -> None:
    """Send a signal to processes, as far as they are there: any of them may end meanwhile."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def leads_session(pid: int) -> bool:
    """Whether a process leads a session, as a daemon does."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return len(fields) > 3 and fields[3] == str(pid)


def listening(pid: int) -> set[int]:
    """The TCP ports, over IPv4, on which anyone listens in a process's network namespace."""
    ports = set()
    for line in _read(pid, "net/tcp").splitlines()[1:]:
        _, local, _, socket_state, *_ = line.split()
        if socket_state == "0A":
            ports.add(int(local.rpartition(":")[2], 16))
    return ports


def descendants(pid: int) -> list[int]:
    """The numbers of a process's children, their children and so on."""
    children: list[int] = []
    try:
        tasks = os.listdir(_PROC / str(pid) / "task")
    except OSError:
        return []
    for task in tasks:
        children += [int(child) for child in _read(pid, f"task/{task}/children").split()]
    return children + [deeper for child in children for deeper in descendants(child)]


def _read(pid: int, name: str) -> str:
    try:
        with open(_PROC / str(pid) / name, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, int] | None:
    """State and start time."""
    # The name is in parentheses and may hold anything, so count from the last one.
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return (fields[0], int(fields[19])) if len(fields) > 19 else None


def _inner_pid(pid: int) -> int:
    for line in _read(pid, "status").splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0


def _namespace(pid: int) -> int | None:
    try:
        return os.stat(_PROC / str(pid) / "ns/pid").st_ino
    except OSError:
        return None
