"""
Clocks that are stepped while all runs: dhcpd's and the minion's of a host, by libfaketime.

The kernel's clock is the machine's, which the lab has to leave alone. libfaketime reads the time's
offset from a file, a second later at most; the monotonic clock stays, as on a real machine.
"""

from __future__ import annotations

from collections.abc import Callable

from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.faults.scene import Scene
from lab.lab import Lab
from lab.salt import MINION_UNIT
from lab.salt import Salt

_LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
_OFFSET = "/run/clock-of-the-lab"
_SLEEP_FOLDER = "/var/lib/sleep-of-the-lab"
# libfaketime 0.9.10 lets Python's time.sleep fail (clock_nanosleep until a time of the monotonic
# clock, which is not faked): only the sleep is replaced, what the clock says is libfaketime's.
_SLEEP = """\
import select, time
def sleep(seconds):
    select.select([], [], [], seconds)
time.sleep = sleep
"""
_VARIABLES = {
    "LD_PRELOAD": _LIBRARY,
    "FAKETIME_TIMESTAMP_FILE": _OFFSET,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}


def prepare(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Have dhcpd and minion of both hosts run under clocks that can be stepped, from now on."""
    for name, host in dhcp.hosts.items():
        host.write(_OFFSET, "+0s\n")
        place = f"/etc/systemd/system/{UNIT}.d/clock.conf"
        if host.run(["test", "-e", place], check=False).returncode == 0:
            continue
        host.write(f"{_SLEEP_FOLDER}/sitecustomize.py", _SLEEP)
        host.write(place, _drop_in(_VARIABLES))
        minion = _drop_in(_VARIABLES | {"PYTHONPATH": _SLEEP_FOLDER})
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
        host.write(_OFFSET, f"+{seconds}s\n")

        def right() -> None:
            if host.running:
                host.write(_OFFSET, "+0s\n")

        scene.cures.append(right)

    return strike


def _drop_in(variables: dict[str, str]) -> str:
    lines = (f'Environment="{key}={value}"\n' for key, value in variables.items())
    return f"[Service]\n{''.join(lines)}"
