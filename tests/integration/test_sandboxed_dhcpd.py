"""A dhcpd that is not seen is not down: in a sandbox of its unit, or under another name."""

from __future__ import annotations

import json

import pytest

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import UNIT
from lab.waiting import wait_until

DROP_IN = f"/etc/systemd/system/{UNIT}.d/hardened.conf"
HARDENED = "[Service]\nPrivateTmp=yes\nProtectSystem=full\nProtectHome=yes\n"


@pytest.fixture
def hardened(pair):
    """The pair foo, each dhcpd with mounts of its own."""
    for name in ("dhcp-b", "dhcp-a"):
        host = pair.lab[name]
        host.write(DROP_IN, HARDENED)
        host.run(["systemctl", "daemon-reload"])
        host.run(["systemctl", "restart", UNIT])
        pair.dhcp.wait_normal()
    pair.before = pair.processes()
    yield pair
    for name in ("dhcp-a", "dhcp-b"):
        host = pair.lab[name]
        host.run(["rm", DROP_IN])
        host.run(["systemctl", "daemon-reload"])
        # The next test begins with another installation.
        host.write(COMMON, host.read(COMMON) + "# not as installed\n")


def test_a_highstate_of_both_sandboxed_servers_restarts_none(hardened):
    for _ in range(2):
        done = hardened.salt("-L", "dhcp-a,dhcp-b", "state.single", "dhcpd.running", "name=x")
        assert done.returncode == 0, str(done)
    seen = hardened.salt_run("dhcp_failover.doctor", "foo")
    assert seen.returncode == 0, str(seen)
    dead = hardened.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", "confirm=dhcp-a")
    assert dead.returncode == 1
    assert "dhcpd runs on dhcp-a" in dead.answer["comment"], str(dead)
    assert hardened.touched == []

    # And such a pair is restarted as any other.
    run = hardened.orchestrate()
    assert run.returncode == 0, str(run)
    assert hardened.touched == ["dhcp-a", "dhcp-b"]
    for name in ("dhcp-a", "dhcp-b"):
        status = hardened.ask(name, "dhcpd.status")
        assert status["process"]["sandboxed"] and status["process"]["unit"] == UNIT, status
    assert hardened.restarts[-2:] == ["dhcp-b", "dhcp-a"]


def test_a_dhcpd_under_another_name_is_never_taken_for_down(pair):
    host = pair.lab["dhcp-a"]
    pair.dhcp.stop("dhcp-a")
    host.run(["cp", "/usr/sbin/dhcpd", "/usr/local/sbin/our-dhcp"])
    host.run(["/usr/local/sbin/our-dhcp", "-4", "-q", "-cf", CONFIGURATION, "eth0"])
    try:
        (other,) = host.processes("our-dhcp")
        wait_until(
            lambda: pair.dhcp.failover_states("dhcp-b") == {"foo": ("normal", "normal")},
            "the pair is normal with it",
            20.0,
        )
        pid = f"pid {other.inner_pid}"
        started = pair.salt("dhcp-a", "dhcpd.start")
        assert started.returncode != 0 and pid in started.stdout, str(started)
        wanted = pair.salt("dhcp-a", "state.single", "dhcpd.running", "name=x")
        assert wanted.returncode != 0 and pid in wanted.stdout, str(wanted)
        dead = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", "confirm=dhcp-a")
        assert dead.returncode == 1 and pid in dead.answer["comment"], str(dead)
        back = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a")
        assert back.returncode == 1 and pid in back.answer["comment"], str(back)
        assert host.processes("dhcpd") == [], json.dumps(back.answer)
        assert pair.dhcp.failover_states("dhcp-b") == {"foo": ("normal", "normal")}
    finally:
        for process in host.processes("our-dhcp"):
            host.run(["kill", str(process.inner_pid)])
        wait_until(lambda: not host.processes("our-dhcp"), "it has ended", 10.0)
        host.run(["rm", "-f", "/run/dhcpd.pid"])
        pair.dhcp.start("dhcp-a")
    pair.dhcp.wait_normal()
