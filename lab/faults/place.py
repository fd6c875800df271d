"""A lab for cases: a master and some pairs, at which as many cases are made at the same time."""

from __future__ import annotations

import itertools
import queue
import threading
import time
import traceback
from collections.abc import Sequence
from contextlib import ExitStack

from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.errors import LabError
from lab.faults import clocks
from lab.faults import strikes
from lab.faults.case import one_case
from lab.faults.disks import VOLUMES
from lab.faults.disks import own_disk_for_the_master
from lab.faults.kept import Kept
from lab.faults.leases import LEASE_TIME
from lab.faults.persons import site_state
from lab.faults.scene import Pair
from lab.hosts import Host
from lab.lab import Lab
from lab.salt import Salt

MCLT = 20
Case = tuple[str, str, str]


class Place:
    """
    The lab, up for as long as a ``with`` block lasts.

    pairs
        Its pairs.
    together
        Whether they are a fleet, of which the first is struck; otherwise each has cases of its own.
    """

    def __init__(self, pairs: Sequence[Pair], together: bool) -> None:
        self._pairs = list(pairs)
        self._together = together
        self._stack = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Place:
        names = [name for pair in self._pairs for name in pair.servers]
        with ExitStack() as stack:
            self._lab = stack.enter_context(Lab(names, VOLUMES))
            self._dhcp = {pair: self._dhcp_of(number) for number, pair in enumerate(self._pairs)}
            for pair in self._pairs[:1] if self._together else self._pairs:
                self._dhcp[pair].install(60.0)
                starts_at_boot(self._lab[pair.first])
            self._salt = stack.enter_context(Salt(self._lab))
            own_disk_for_the_master(self._salt)
            site_state(self._salt)
            self._salt.sync_all()
            self._discover()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make(self, cases: Sequence[Case], kept: Kept) -> None:
        """
        Make the cases, at each pair one at a time.

        Those that strike what all pairs have come alone. Clocks that can be stepped are no ordinary
        ones, and stay: these come last.
        """
        shared = [case for case in cases if _fault(case).shared]
        clock = [case for case in cases if _fault(case).prepare is clocks.prepare]
        ordinary = [case for case in cases if case not in shared and case not in clock]
        self._at_all_pairs(ordinary, kept)
        for case in shared:
            self._make(case, self._pairs[0], kept)
        self._at_all_pairs(clock, kept)

    def _at_all_pairs(self, cases: Sequence[Case], kept: Kept) -> None:
        waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
        for case in cases:
            waiting.put(case)

        def work(pair: Pair) -> None:
            while True:
                try:
                    case = waiting.get_nowait()
                except queue.Empty:
                    return
                self._make(case, pair, kept)

        pairs = self._pairs[:1] if self._together else self._pairs
        workers = [threading.Thread(target=work, args=(pair,)) for pair in pairs]
        for one in workers:
            one.start()
        for one in workers:
            one.join()

    def _make(self, case: Case, pair: Pair, kept: Kept) -> None:
        begun = time.monotonic()
        dhcp = self._dhcp[pair]
        try:
            found = one_case(self._lab, self._salt, dhcp, pair, case, next(self._numbers))
        except Exception as error:  # a case that the lab could not make is no verdict
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"}
        found["seconds"] = round(time.monotonic() - begun, 1)
        kept.add(*case, found)
        if found.get("wrong", ["error"]) or len(_secrets(dhcp)) > 1:
            self._begin_anew(dhcp)

    def _begin_anew(self, dhcp: Dhcp) -> None:
        """Make everything as it was before the first case, and end what is unfinished."""
        for name, host in dhcp.hosts.items():
            host.kill()
            host.start()
            self._salt.start_minion(name)
        # A rotation that was cut short leaves each server a key of its own.
        dhcp.omapi = dict.fromkeys(dhcp.hosts, next(iter(dhcp.omapi.values())))
        dhcp.install(120.0)
        self._discover()
        done = self._salt.salt_run(*self._restart(dhcp), "fresh=True")
        if done.returncode:
            raise LabError(f"a restart of healthy servers\n{done.stdout}{done.stderr}")

    def _restart(self, dhcp: Dhcp) -> tuple[str, ...]:
        if self._together:
            return ("dhcp_failover.fleet_restart",)
        return ("dhcp_failover.restart", dhcp.relationships[0].name)

    def _discover(self) -> None:
        self._salt.salt_run("dhcp_failover.pairs", "refresh=True")

    def _dhcp_of(self, number: int) -> Dhcp:
        chosen = self._pairs if self._together else [self._pairs[number]]
        hosts = {name: self._lab[name] for pair in chosen for name in pair.servers}
        relationships = [
            Relationship(pair.name, pair.second, pair.first, mclt=MCLT, addresses=20000)
            for pair in chosen
        ]
        first_network = 0 if self._together else number
        return Dhcp(hosts, relationships, lease_time=LEASE_TIME, first_network=first_network)


def starts_at_boot(host: Host) -> None:
    """Have a host start dhcpd at its boot; on the other it is up to the run."""
    # A link by hand: the unit is generated, systemctl refuses to enable it for a target.
    wants = "/etc/systemd/system/basic.target.wants"
    link = f"mkdir -p {wants} && ln -s /run/systemd/generator.late/{UNIT} {wants}/{UNIT}"
    host.run(["sh", "-c", link])


def _secrets(dhcp: Dhcp) -> set[str]:
    return {one.secret for one in dhcp.omapi.values() if one}


def _fault(case: Case) -> strikes.Fault:
    return strikes.FAULTS[case[2]]
