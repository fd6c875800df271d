"""dhcpd without hosts: in namespaces of its own, with a network that leads nowhere.

For what takes one dhcpd and its files: nothing of it touches the machine's network, its /etc/dhcp,
its leases or its log.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

#: The installed dhcpd; None where there is none.
DHCPD = shutil.which("dhcpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
#: The command that makes the namespaces; they end with what it runs.
ISOLATED = "unshare --net --mount --pid --fork --kill-child --mount-proc".split()
#: A script for in there: ``etc`` and ``lib`` of {folder} where Debian's AppArmor profile allows
#: dhcpd to read and write, no way to the machine's syslog, a device dhcp0 with 192.0.2.1.
SET_UP = """
mount --bind {folder}/etc /etc/dhcp
mount --bind {folder}/lib /var/lib/dhcp
mount -t tmpfs none /run
ip link set lo up
ip link add dhcp0 type veth peer name dhcp1
ip address add 192.0.2.1/24 dev dhcp0
ip link set dhcp0 up
ip link set dhcp1 up
"""


def start(folder: Path, options: str = "-4", device: str = "dhcp0") -> tuple[int, str]:
    """Start dhcpd on ``etc/dhcpd.conf`` and ``lib/dhcpd.leases`` of a folder; it ends at once.

    :param options: of dhcpd, before the ones that name its files.
    :param device: what it listens on; none with an empty string.
    :return: the exit code of its start, and what it said.
    """
    command = (
        f"{DHCPD} {options} -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcp/dhcpd.leases "
        f"-pf /run/dhcpd.pid {device}"
    )
    script = f"set -e\n{SET_UP.format(folder=folder)}{command}\n"
    done = subprocess.run(
        [*ISOLATED, "sh", "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout


def complaints(said: str) -> list[str]:
    """The lines in which dhcpd says that something is wrong with the lease file."""
    signs = (" line ", "orrupt", "eof in string", "unexpected end")
    return [line for line in said.splitlines() if any(sign in line for sign in signs)]
