"""
Two dhcpd that were started at the same moment, on one lease file.

A person's ``systemctl restart`` and ours may cross: Debian's script takes a dhcpd that has not yet
written its pid file for none, and starts another (measured, ``make faults``). The later one gets
neither OMAPI's port nor the failover port, tries again every 5 s, and answers clients meanwhile
from a memory of its own: addresses go to two clients. Each has written the lease file anew at its
start, so that one of them writes one that has no name any more. Only a dhcpd that is started after
both have ended, on what both have written, knows every lease.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..clock import Clock
from .process import Process

#: Seconds after which two are no fork of one that is just becoming a daemon.
SECONDS = 3.0
#: Seconds by which a start that was noted and one that the kernel tells may differ.
_TICK = 1.0


class Twins:
    """
    What a start sees of several dhcpd.

    begun
        When the start was begun, epoch seconds: only what was born since then are twins.
    """

    def __init__(self, clock: Clock, begun: float) -> None:
        self._clock, self._begun = clock, begun
        self._seen: frozenset[str] = frozenset()
        self._since = 0.0

    def found(self, processes: Sequence[Process]) -> bool:
        """Whether these were born by one start, write one lease file and are there to stay."""
        names = frozenset(one.identity for one in processes)
        if names != self._seen:
            self._seen, self._since = names, self._clock.monotonic()
        if len(names) < 2 or self._clock.monotonic() - self._since < SECONDS:
            return False
        born = all(one.started >= self._begun - _TICK for one in processes)
        written = [one.open_lease_file or one.lost_lease_file for one in processes]
        places = {
            one.where.located(path)
            for one, path in zip(processes, written, strict=True)
            if path is not None
        }
        return born and None not in written and len(places) == 1


def ended(processes: Sequence[Process]) -> str:
    """Return what to say of twins that were ended, and one started: no full stop."""
    pids = " and ".join(str(one.pid) for one in processes)
    return (
        f"somebody started dhcpd at the same moment, so that two ran (pids {pids}): both were "
        "ended and one was started, which knows the leases of both"
    )


def left(processes: Sequence[Process]) -> str:
    """Return what to say of several dhcpd that a start has ended with."""
    pids = ", ".join(str(one.pid) for one in processes)
    return (
        f"{len(processes)} dhcpd run (pids {pids}) and answer clients: end the stray one by its "
        "pid; the service's own is the one to keep"
    )
