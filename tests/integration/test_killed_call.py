"""A call that dies between stop and start, with all that its minion runs: dhcpd comes back."""

from __future__ import annotations

import sys
from functools import partial

from lab.isolation import CHECKOUT
from lab.waiting import wait_until

#: What ``dhcpd.restart`` does up to its stop; then everything in its control group is killed.
CALL = """
import subprocess, sys
from pathlib import Path
from types import SimpleNamespace
sys.path.insert(0, sys.argv[1])
from iscdhcp.act import dead_man, stop_start
from iscdhcp.act.here import Notes
from iscdhcp.act.service import Service
from iscdhcp.facts import ran
from iscdhcp.facts.server import Settings, read_server
from iscdhcp.host.local import LOCAL

server = read_server(Settings())
folder = Path("/run/killed-call")
folder.mkdir()
here = SimpleNamespace(
    settings=Settings, server=lambda: server, notes=Notes(folder, "dhcp-b"), host=LOCAL
)
service = Service({"service.available": lambda name: True}, {}, None, (), ran.of(server), LOCAL)
service.prepare()
assert dead_man.arm(here, service).armed
stop_start.stop(server, lambda: None, lambda: None)
print("stopped", flush=True)
subprocess.run(["systemctl", "kill", "--signal=KILL", "killed-call.scope"])
"""


def _says(host, journal, line):
    return line in host.run(journal).stdout


def test_dhcpd_comes_back_when_a_call_and_its_whole_control_group_are_killed(pair):
    host, before = pair.lab["dhcp-b"], pair.pid("dhcp-b")
    scope = ["systemd-run", "--quiet", "--scope", "--unit=killed-call"]
    call = [sys.executable, "-c", CALL, str(CHECKOUT / "_utils")]
    done = host.run([*scope, *call], check=False)
    assert done.stdout == "stopped\n" and done.returncode, done
    wait_until(pair.dhcp.is_normal, "dhcpd came back and the pair is normal", 60.0)
    assert pair.pid("dhcp-b") != before
    journal = ["journalctl", "--no-pager", "-o", "cat", "-u", "dhcpd-stands-by-*"]
    for line in ("has died: starting it", "dhcpd runs again"):
        # The unit waits for systemd's word; the pair may be normal before that.
        said = partial(_says, host, journal, line)
        wait_until(said, f"its unit said '{line}'", 60.0)
    assert pair.restarts == ["dhcp-b"]
