"""A shell in a lab: a pair under Salt to try things on, gone when the shell ends.

Run it with ``make lab``. ``salt-run``, ``salt`` and their like are the lab's; a host's name is a
command that runs another one on that host, or a shell there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.hosts import leader_file
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.salt import Salt

_GREETING = """
dhcp-a and dhcp-b are up, their failover relationship foo is normal, and Salt reaches both:

    salt-run state.orch orch.dhcp_failover_restart test=True
    salt-run dhcp_failover.status
    dhcp-a journalctl -ft dhcpd       a command on a host
    dhcp-a                            a shell on a host

Nothing in here can reach this machine. It all goes when you leave with exit or Ctrl-D.
"""

_ON_HOST = """\
#!/bin/sh
[ $# -gt 0 ] || set -- bash -l
exec env -i HOME=/root LANG=C.UTF-8 TERM="${{TERM-dumb}}" \\
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \\
    nsenter --target "$(cat {leader})" --all -- "$@"
"""


def main() -> int:
    """Bring the lab up and run a shell in it.

    :return: the shell's exit code, if it was not a person's.
    """
    try:
        print("Booting two hosts, dhcpd and Salt ...", file=sys.stderr)
        with Lab(["dhcp-a", "dhcp-b"]) as lab:
            Dhcp(lab.hosts, pair()).install()
            with Salt(lab) as salt:
                salt.sync_all()
                return _shell(lab, salt)
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1


def _shell(lab: Lab, salt: Salt) -> int:
    commands = _commands(lab)
    environment = os.environ | salt.environment
    environment["PATH"] = f"{commands}{os.pathsep}{environment['PATH']}"
    environment.pop("PYTHONPATH", None)
    start = RUN_DIR / "bashrc"
    start.write_text("[ -f ~/.bashrc ] && . ~/.bashrc\nPS1='lab \\w \\$ '\n", encoding="utf-8")
    print(_GREETING, file=sys.stderr)
    shell = ["bash", "--rcfile", str(start)]
    code = subprocess.run(shell, cwd=CHECKOUT, env=environment, check=False).returncode
    # Of a person's last command it says nothing, of a script it does.
    return 0 if sys.stdin.isatty() else code


def _commands(lab: Lab) -> Path:
    """A folder with a command for each host."""
    folder = RUN_DIR / "bin"
    folder.mkdir(exist_ok=True)
    for name in lab.hosts:
        file = folder / name
        file.write_text(_ON_HOST.format(leader=leader_file(name)), encoding="utf-8")
        file.chmod(0o755)
    return folder


if __name__ == "__main__":
    sys.exit(main())
