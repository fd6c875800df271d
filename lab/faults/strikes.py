"""
The faults: what is done to a scene, for how long, and how long clients may be without a server.

Each undoes itself by :attr:`~lab.faults.scene.Scene.cures`. Where nothing is said, somebody has to
serve all the time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from collections.abc import Collection
from dataclasses import dataclass

from lab import processes
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.faults import clocks
from lab.faults import disks
from lab.faults import lease_files
from lab.faults import persons
from lab.faults.scene import KINDS
from lab.faults.scene import MOMENTS
from lab.faults.scene import Scene
from lab.hosts import Host
from lab.lab import Lab
from lab.salt import MINION_UNIT
from lab.salt import Salt

#: While one of two is restarted the other serves: what a busy machine takes for an answer, seconds.
ALWAYS = 2.0
#: A partner that dies while the other is down or starting: dhcpd waits 15 s for it at its start.
ALONE = 30.0
#: The moments at which the one at work does not serve.
AWAY = ("the first ends", "the first has started", "the second ends", "the second has started")
FAILOVER_PORT = 647


def _nothing(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Most faults need no preparation."""


@dataclass(frozen=True)
class Fault:
    """
    One fault.

    strike
        Does it, to the server at work and its partner.
    seconds
        After which it is undone; 0: with the run's end.
    at
        The moments at which it can be done; ``None``: all.
    kills
        Whose dhcpd it ends or restarts itself: ``worker``, ``partner``.
    halts
        Whose dhcpd it halts for its time, where that is not told by ``alone``.
    by_others
        How many starts more other people make.
    alone
        How many seconds nobody may serve where the one at work is away.
    reboots, fleets
        The moments of a reboot and of a fleet's restart at which it is done, too.
    shared
        Whether it strikes what all pairs of a lab have: no other case at the same time.
    prepare
        What it takes before a run begins.
    """

    strike: Callable[[Scene, str, str], None]
    seconds: float = 0.0
    at: Collection[str] | None = None
    kills: str = ""
    halts: str = ""
    by_others: int = 0
    alone: float = ALWAYS
    reboots: Collection[str] = ()
    fleets: Collection[str] = ()
    shared: bool = False
    prepare: Callable[[Lab, Salt, Dhcp], None] = _nothing

    @property
    def is_prepared(self) -> bool:
        """Whether something has to be done before a run begins."""
        return self.prepare is not _nothing


def _run_killed(scene: Scene, worker: str, partner: str) -> None:
    assert scene.command is not None
    os.killpg(scene.command.pid, signal.SIGKILL)


def _master_killed(scene: Scene, worker: str, partner: str) -> None:
    os.killpg(scene.salt.master_pid, signal.SIGKILL)
    scene.salt.stop_master()
    scene.cures.append(scene.salt.start_master)


def _minion_killed(who: str, whole: bool) -> Callable[[Scene, str, str], None]:
    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = worker if who == "worker" else partner
        kill = f"systemctl kill --kill-whom=all --signal=KILL {MINION_UNIT}"
        if not whole:
            # The daemon and the process that it keeps alive; what a job runs is a child of that.
            main = f"$(systemctl show -P MainPID {MINION_UNIT})"
            kill = f"main={main}; kill -KILL $main $(pgrep -P $main)"
        scene.lab[host].run(["sh", "-c", kill], check=False)
        scene.cures.append(lambda: scene.salt.start_minion(host))

    return strike


def _dhcpd_signalled(who: str, number: int) -> Callable[[Scene, str, str], None]:
    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = worker if who == "worker" else partner
        found = [pid for pid, _ in scene.pids(host)]
        processes.signal_all(found, number)
        if number == signal.SIGSTOP:
            scene.cures.append(lambda: processes.signal_all(found, signal.SIGCONT))

    return strike


def _power_cut(who: str) -> Callable[[Scene, str, str], None]:
    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = worker if who == "worker" else partner
        scene.lab[host].kill()

        def back() -> None:
            scene.lab[host].start()
            scene.salt.start_minion(host)

        scene.cures.append(back)

    return strike


def _filtered(rules: str, who: str = "worker") -> Callable[[Scene, str, str], None]:
    """Have a host's kernel drop packets; both ways."""

    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = scene.lab[worker if who == "worker" else partner]
        text = "".join(
            f"table inet fault_{hook} {{\nchain c {{\ntype filter hook {hook} priority 0;\n"
            f"{rules}\n}}\n}}\n"
            for hook in ("input", "output")
        )

        def undo() -> None:
            if host.running:
                for hook in ("input", "output"):
                    host.run(["nft", "delete", "table", "inet", f"fault_{hook}"], check=False)

        # Before: a host that goes down at this moment may have it all the same.
        scene.cures.append(undo)
        host.run(["nft", "-f", "-"], stdin=text)

    return strike


def _read_only(scene: Scene, worker: str, partner: str) -> None:
    host, folder = scene.lab[worker], os.path.dirname(LEASES)
    host.run(["mount", "--bind", folder, folder])
    host.run(["mount", "-o", "remount,ro,bind", folder])

    def undo() -> None:
        if host.running:
            host.run(["umount", "-l", folder], check=False)

    scene.cures.append(undo)


def _journal_gone(scene: Scene, worker: str, partner: str) -> None:
    for host in scene.dhcp.hosts.values():
        host.run(["journalctl", "--quiet", "--rotate", "--vacuum-time=1ms"], check=False)


def _journal_limited(scene: Scene, worker: str, partner: str) -> None:
    """Have journald drop what is more than some lines in half a minute, as dhcpd's lines are."""
    place = "/etc/systemd/journald.conf.d/zz-limited.conf"
    text = "[Journal]\nRateLimitIntervalSec=30s\nRateLimitBurst=10\n"
    for host in scene.dhcp.hosts.values():
        host.write(place, text)
        host.run(["systemctl", "restart", "systemd-journald"])

        def undo(host: Host = host) -> None:
            if host.running:
                host.run(["rm", "-f", place])
                host.run(["systemctl", "restart", "systemd-journald"])

        scene.cures.append(undo)


#: Master's ports: publications and requests.
_MASTER = "tcp dport {4505, 4506} drop\ntcp sport {4505, 4506} drop"
_LINK = f"tcp dport {FAILOVER_PORT} drop\ntcp sport {FAILOVER_PORT} drop"
_NOT_ITS_OWN = 'meta iifname "lo" accept\nmeta oifname "lo" accept\n'
_LOSS = f"{_NOT_ITS_OWN}numgen random mod 100 < 30 drop"
_STALL = f"{_NOT_ITS_OWN}drop"

#: The moments at which the worker's dhcpd runs.
_SERVING = ("both are claimed", "the first has started", "the first is normal") + (
    "the second has started",
)
#: Those of a reboot at which the run does not work on a host that is down.
_UP = ("both are claimed", "the first has started", "the first is normal")
#: Those of one pair of a fleet: while it is at work, between its servers, before the next pair.
_SOME = ("the first ends", "the first is normal", "the second has started")
_ALL = ("both are claimed", "the first ends", "the first has started", "the first is normal") + (
    "the second ends",
    "the second has started",
)

FAULTS: dict[str, Fault] = {
    "the run is killed": Fault(_run_killed, reboots=_ALL, fleets=_SOME),
    "the master is killed, back after 8 s": Fault(
        _master_killed, 8.0, shared=True, reboots=_ALL, fleets=_SOME
    ),
    "the master is killed, back after 30 s": Fault(
        _master_killed,
        30.0,
        shared=True,
        at=["both are claimed", "the first ends", "the second has started"],
    ),
    "the worker's minion is killed, its call lives on": Fault(_minion_killed("worker", False), 3.0),
    "the worker's minion is killed with its control group": Fault(
        _minion_killed("worker", True), 3.0, reboots=_UP, fleets=_SOME
    ),
    "the partner's minion is killed with its control group": Fault(
        _minion_killed("partner", True), 3.0, reboots=["the first ends", "the second ends"]
    ),
    "the worker's dhcpd is killed": Fault(
        _dhcpd_signalled("worker", signal.SIGKILL), at=_SERVING, kills="worker", reboots=_UP
    ),
    "the worker's dhcpd is halted for 12 s": Fault(
        _dhcpd_signalled("worker", signal.SIGSTOP), 12.0, at=_SERVING, halts="worker"
    ),
    "the partner's dhcpd is killed": Fault(
        _dhcpd_signalled("partner", signal.SIGKILL),
        kills="partner",
        alone=ALONE,
        reboots=_UP,
        fleets=_SOME,
    ),
    "the partner's dhcpd is halted for 12 s": Fault(
        _dhcpd_signalled("partner", signal.SIGSTOP), 12.0, alone=ALONE, reboots=_UP, fleets=_SOME
    ),
    "the worker's host loses its power for 5 s": Fault(
        _power_cut("worker"), 5.0, kills="worker", reboots=_UP, fleets=_SOME
    ),
    "the partner's host loses its power for 5 s": Fault(
        _power_cut("partner"), 5.0, kills="partner", alone=ALONE, reboots=_UP
    ),
    "the link between the partners is cut for 8 s": Fault(
        _filtered(_LINK), 8.0, reboots=_UP, fleets=_SOME
    ),
    "the worker can't reach the master for 8 s": Fault(_filtered(_MASTER), 8.0, reboots=_UP),
    "the partner can't reach the master for 8 s": Fault(
        _filtered(_MASTER, "partner"), 8.0, reboots=["the first ends", "the second ends"]
    ),
    "the worker can't reach master and partner for 8 s": Fault(
        _filtered(f"{_MASTER}\n{_LINK}"), 8.0
    ),
    "the worker's OMAPI is silent for 8 s": Fault(
        _filtered('meta iifname "lo" tcp dport 7911 drop'), 8.0
    ),
    "the worker loses 30 % of its packets for 8 s": Fault(_filtered(_LOSS), 8.0),
    "no packet reaches or leaves the worker for 8 s": Fault(_filtered(_STALL), 8.0),
    "no packet reaches or leaves the partner for 8 s": Fault(
        _filtered(_STALL, "partner"), 8.0, alone=ALONE
    ),
    "the worker's lease folder is read-only": Fault(_read_only, 20.0),
    "the disk of the worker's leases is full for 12 s": Fault(disks.full(disks.LEASES), 12.0),
    "the disk of the worker's minion is full for 12 s": Fault(disks.full(disks.CACHE), 12.0),
    "the master's disk is full for 12 s": Fault(disks.masters_full, 12.0, shared=True),
    "the worker's lease file is removed": Fault(lease_files.removed, by_others=1),
    "the worker's lease file is torn": Fault(lease_files.torn),
    "the journals are rotated away": Fault(_journal_gone),
    "the journals are rate-limited": Fault(_journal_limited),
    "the OMAPI key is rotated in both files": Fault(persons.key_rotated),
    "somebody else restarts the pair": Fault(
        persons.restart_as("ann"),
        by_others=1,
        reboots=_UP,
        fleets=_SOME,
    ),
    "somebody restarts the pair from another master": Fault(
        persons.from_another_master, by_others=1, prepare=persons.other_master
    ),
    "somebody stops the partner at its console": Fault(
        persons.at_a_console("partner", "salt-call", "dhcpd.stop"), by_others=1
    ),
    "somebody restarts the worker at its console": Fault(
        persons.at_a_console("worker", "salt-call", "dhcpd.restart"), by_others=1
    ),
    "somebody restarts the worker by systemctl": Fault(
        persons.at_a_console("worker", "systemctl", "restart", UNIT), kills="worker"
    ),
    "somebody restarts the partner by systemctl": Fault(
        persons.at_a_console("partner", "systemctl", "restart", UNIT), kills="partner", alone=ALONE
    ),
    "the modules are synced": Fault(persons.on_both("saltutil.sync_all")),
    "a state is applied to both": Fault(persons.on_both("state.single", "arg=['test.nop', 'x']")),
    "a highstate has dhcpd run on both": Fault(persons.on_both("state.apply"), by_others=1),
    "the worker's clock is stepped by 90 s": Fault(clocks.stepped(90), prepare=clocks.prepare),
    "the worker's clock is stepped by an hour": Fault(clocks.stepped(3600), prepare=clocks.prepare),
}


def moments(kind: str, name: str) -> list[str]:
    """Return the moments of a run at which a fault is made."""
    fault = FAULTS[name]
    at = {"reboot": fault.reboots, "fleet": fault.fleets}.get(kind, fault.at)
    return [moment for moment in MOMENTS if at is None or moment in at]


def cases(kinds: Collection[str] = KINDS) -> list[tuple[str, str, str]]:
    """Return all cases: kind, moment and fault."""
    return [
        (kind, moment, name)
        for kind in kinds
        for moment in MOMENTS
        for name in FAULTS
        if moment in moments(kind, name)
    ]
