"""Starts of a real dhcpd that fail: the reason is found in what it really says."""

from __future__ import annotations

import os
import subprocess

import pytest
from iscdhcp.log import attempts
from iscdhcp.log.sources import Line
from omapi_lab import DHCPD

pytestmark = [
    pytest.mark.skipif(DHCPD is None, reason="no dhcpd is installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces"),
]

SUBNET = "subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.10 10.9.0.20; }\n"
#: An interface with an address and one without, in a network namespace of their own.
NETWORK = """
ip link set lo up
ip link add with type veth peer name without
ip addr add 10.9.0.1/24 dev with
ip link set with up
ip link set without up
"""
HOLD = """
python3 -c 'import socket,time;s=socket.socket(2,2);s.bind(("",67));time.sleep(100)' >&- 2>&- &
holder=$!
until ss -lun | grep -q ':67 '; do kill -0 $holder || exit 9; sleep 0.05; done
"""


def started(tmp_path, options="with", conf=SUBNET, leases="leases", before="", family="-4"):
    """What dhcpd logs when it is started so, as lines."""
    (tmp_path / "dhcpd.conf").write_text(conf)
    (tmp_path / "leases").touch()
    dhcpd = f"{DHCPD} {family} -d -cf dhcpd.conf -lf {leases} -pf pid {options}"
    # A dhcpd that does start after all is ended.
    free = '[ -z "$holder" ] || kill $holder'
    script = f"{NETWORK}\n{before}\ntimeout 20 {dhcpd}\nended=$?\n{free}\nexit $ended"
    done = subprocess.run(
        ["unshare", "-n", "-m", "bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    said = done.stderr.splitlines()
    return [Line(100.0 + at, 7, text) for at, text in enumerate(said)]


READ_ONLY = "mkdir ro && mount -t tmpfs tmpfs ro && touch ro/leases && mount -o remount,ro ro"


@pytest.mark.parametrize(
    "how, code, words",
    [
        ({"before": HOLD}, "start-port", "Address already in use"),
        ({"options": "nope0"}, "start-interface", "nope0"),
        ({"options": "without"}, "start-interface", "without"),
        (
            {"conf": "subnet 10.8.0.0 netmask 255.255.255.0 { }\n"},
            "start-subnet",
            "declaration for with (10.9.0.1)",
        ),
        (
            {"before": READ_ONLY, "leases": "ro/leases"},
            "start-lease-file",
            "ro/leases for append.",
        ),
        ({"leases": "nowhere/leases"}, "start-lease-file", "No such file"),
        ({"options": "-user nobody-has-this with"}, "start-user", "no such user"),
        ({"options": "-group nobody-has-this -user root with"}, "start-user", "no such group"),
        ({"options": "-cf gone.conf with"}, "start-file", "gone.conf"),
        ({"conf": "subnet6 nonsense;\n", "family": "-6"}, "start-failed", "line 1"),
        ({"conf": "subnet oh;\n"}, "start-failed", "dhcpd.conf line 1"),
        ({"conf": SUBNET.replace("10.9.0.20", "10.7.0.20")}, "start-failed", "not in subnet"),
    ],
)
def test_what_dhcpd_says_when_it_does_not_start_has_its_cause(tmp_path, how, code, words):
    found = attempts.why_failed(started(tmp_path, **how))
    assert found is not None
    assert found["code"] == code and words in found["text"], found
