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
from lab.faults.scene import FIRST
from lab.faults.scene import SECOND
from lab.faults.scene import Scene
from lab.salt import MINION_UNIT

#: While one of two is restarted the other serves: what a busy machine takes for an answer, seconds.
ALWAYS = 2.0
#: A partner that dies while the other is down or starting: dhcpd waits 15 s for it at its start.
ALONE = 30.0
#: The moments at which the one at work does not serve.
AWAY = ("the first ends", "the first has started", "the second ends", "the second has started")
FAILOVER_PORT = 647


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
    longest
        How long nobody may serve, by whether the one at work is away.
    """

    strike: Callable[[Scene, str, str], None]
    seconds: float = 0.0
    at: Collection[str] | None = None
    kills: str = ""
    #: Seconds without a server where the one at work is away.
    alone: float = ALWAYS


def other_than(server: str) -> str:
    """Return the other server."""
    return SECOND if server == FIRST else FIRST


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
        found = [one.pid for one in scene.dhcp.processes(host)]
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
        host.run(["nft", "-f", "-"], stdin=text)

        def undo() -> None:
            if host.running:
                for hook in ("input", "output"):
                    host.run(["nft", "delete", "table", "inet", f"fault_{hook}"], check=False)

        scene.cures.append(undo)

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
    for host in scene.lab.hosts.values():
        host.run(["journalctl", "--quiet", "--rotate", "--vacuum-time=1ms"], check=False)


def _beside(*arguments: str) -> Callable[[Scene, str, str], None]:
    return lambda scene, worker, partner: scene.beside(*arguments)


def _by_hand(who: str, *arguments: str) -> Callable[[Scene, str, str], None]:
    def strike(scene: Scene, worker: str, partner: str) -> None:
        scene.at_a_console(worker if who == "worker" else partner, *arguments)

    return strike


#: Master's ports: publications and requests.
_MASTER = "tcp dport {4505, 4506} drop\ntcp sport {4505, 4506} drop"
_LINK = f"tcp dport {FAILOVER_PORT} drop\ntcp sport {FAILOVER_PORT} drop"
_LOSS = 'meta iifname != "lo" numgen random mod 100 < 30 drop'

FAULTS: dict[str, Fault] = {
    "the run is killed": Fault(_run_killed),
    "the master is killed, back after 8 s": Fault(_master_killed, 8.0),
    "the worker's minion is killed, its call lives on": Fault(_minion_killed("worker", False), 3.0),
    "the worker's minion is killed with its control group": Fault(
        _minion_killed("worker", True), 3.0
    ),
    "the partner's minion is killed with its control group": Fault(
        _minion_killed("partner", True), 3.0
    ),
    "the worker's dhcpd is killed": Fault(
        _dhcpd_signalled("worker", signal.SIGKILL),
        at=["both are claimed", "the first has started", "the first is normal"]
        + ["the second has started"],
        kills="worker",
    ),
    "the partner's dhcpd is killed": Fault(
        _dhcpd_signalled("partner", signal.SIGKILL), kills="partner", alone=ALONE
    ),
    "the partner's dhcpd is halted for 12 s": Fault(
        _dhcpd_signalled("partner", signal.SIGSTOP), 12.0, alone=ALONE
    ),
    "the worker's host loses its power for 5 s": Fault(_power_cut("worker"), 5.0, kills="worker"),
    "the partner's host loses its power for 5 s": Fault(
        _power_cut("partner"), 5.0, kills="partner", alone=ALONE
    ),
    "the link between the partners is cut for 8 s": Fault(_filtered(_LINK), 8.0),
    "the worker can't reach the master for 8 s": Fault(_filtered(_MASTER), 8.0),
    "the partner can't reach the master for 8 s": Fault(_filtered(_MASTER, "partner"), 8.0),
    "the worker can't reach master and partner for 8 s": Fault(
        _filtered(f"{_MASTER}\n{_LINK}"), 8.0
    ),
    "the worker's OMAPI is silent for 8 s": Fault(
        _filtered('meta iifname "lo" tcp dport 7911 drop'), 8.0
    ),
    "the worker loses 30 % of its packets for 8 s": Fault(_filtered(_LOSS), 8.0),
    "the worker's lease folder is read-only": Fault(_read_only, 20.0),
    "the journals are rotated away": Fault(_journal_gone),
    "somebody else restarts the pair": Fault(_beside("dhcp_failover.restart", "foo", "fresh=True")),
    "somebody stops the partner at its console": Fault(_by_hand("partner", "dhcpd.stop")),
    "somebody restarts the worker at its console": Fault(_by_hand("worker", "dhcpd.restart")),
    "the modules are synced": Fault(_beside("salt.execute", "*", "saltutil.sync_all")),
    "a state is applied to both": Fault(
        _beside("salt.execute", "*", "state.single", "arg=['test.nop', 'x']")
    ),
}


def cases(kinds: Collection[str], moments: Collection[str]) -> list[tuple[str, str, str]]:
    """Return all cases: kind, moment and fault."""
    return [
        (kind, moment, name)
        for kind in kinds
        for moment in moments
        for name, fault in FAULTS.items()
        if fault.at is None or moment in fault.at
    ]
