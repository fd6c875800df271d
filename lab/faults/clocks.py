"""
Clocks that are stepped while all runs: dhcpd's and the minion's of a host, by libfaketime.

See :mod:`lab.faketime`.
"""

from __future__ import annotations

from collections.abc import Callable

from lab import faketime
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.faults.scene import Scene
from lab.lab import Lab
from lab.salt import MINION_UNIT
from lab.salt import Salt

_SLEEP_FOLDER = "/var/lib/sleep-of-the-lab"


def prepare(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Have dhcpd and minion of both hosts run under clocks that can be stepped, from now on."""
    for name, host in dhcp.hosts.items():
        host.write(faketime.OFFSET, "+0s\n")
        place = f"/etc/systemd/system/{UNIT}.d/clock.conf"
        if host.run(["test", "-e", place], check=False).returncode == 0:
            continue
        host.write(f"{_SLEEP_FOLDER}/sitecustomize.py", faketime.SLEEP)
        host.write(place, faketime.drop_in(faketime.VARIABLES))
        minion = faketime.drop_in(faketime.VARIABLES | {"PYTHONPATH": _SLEEP_FOLDER})
        host.write(f"/etc/systemd/system/{MINION_UNIT}.d/clock.conf", minion)
        host.run(["systemctl", "daemon-reload"])
        dhcp.wait_normal(60.0)
        dhcp.stop(name)
        dhcp.start(name)
        salt.start_minion(name)
    dhcp.wait_normal(60.0)


def stepped(seconds: int) -> Callable[[Scene, str, str], None]:
    """Return what steps the worker's clock forward; it is stepped back at the end."""

    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = scene.lab[worker]
        host.write(faketime.OFFSET, f"+{seconds}s\n")

        def right() -> None:
            if host.running:
                host.write(faketime.OFFSET, "+0s\n")

        scene.cures.append(right)

    return strike
