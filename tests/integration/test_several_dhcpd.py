"""A host with more than one dhcpd: dhcpd -6 in Debian's own unit, and one that is not ours."""

from __future__ import annotations

import json

import pytest

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import DEFAULTS
from lab.dhcp import UNIT
from lab.waiting import wait_until

SIX = "/etc/dhcp/dhcpd6.conf"
OTHER = "/etc/dhcp/other.conf"


@pytest.fixture
def host(pair):
    """The host dhcp-b, which a test may install otherwise; the next one begins anew."""
    host = pair.lab["dhcp-b"]
    yield host
    for line in ("dhcpd -6", OTHER):
        host.run(["pkill", "-f", line], check=False)
        wait_until(lambda line=line: not pids(host, line), f"{line} ends", 10.0)
    host.run(["rm", "-f", SIX, OTHER])
    host.write(COMMON, host.read(COMMON) + "# not as installed\n")


def pids(host, line):
    """The processes of a host whose command line has a text."""
    return host.run(["pgrep", "-f", line], check=False).stdout.split()


def test_a_dhcpd_of_ipv6_in_the_same_unit_is_left_running_or_brought_back(pair, host):
    host.run(["ip", "-6", "addr", "add", "2001:db8::b/64", "dev", "eth0", "nodad"])
    host.write(SIX, "subnet6 2001:db8::/64 { range6 2001:db8::100 2001:db8::1ff; }\n")
    host.write(DEFAULTS, host.read(DEFAULTS).replace('v6=""', 'v6="eth0"'))
    host.run(["systemctl", "restart", UNIT])
    wait_until(lambda: pids(host, "dhcpd -6"), "dhcpd -6 runs", 10.0)
    pair.dhcp.wait_normal()
    first = pids(host, "dhcpd -6")

    done = pair.ask("dhcp-b", "dhcpd.restart")
    assert done["result"] is True, done
    assert any("dhcpd -6 of isc-dhcp-server was restarted" in one for one in done["warnings"])
    second = pids(host, "dhcpd -6")
    assert second and second != first
    pair.dhcp.wait_normal()

    stopped = pair.ask("dhcp-b", "dhcpd.stop")
    assert stopped["result"] is True and "runs on" in stopped["comment"], stopped
    assert pids(host, "dhcpd -6") == second
    started = pair.ask("dhcp-b", "dhcpd.start")
    assert started["result"] is True, started
    assert pids(host, "dhcpd -6")
    pair.dhcp.wait_normal()


def test_of_several_the_settings_say_which_one_is_ours_and_the_other_is_left_alone(pair, host):
    network = host.run(["ip", "-4", "-o", "addr", "show", "eth0"]).stdout.split()[3]
    subnet = network.rpartition(".")[0] + ".0"
    host.write(OTHER, f"subnet {subnet} netmask 255.255.255.0 {{ }}\n")
    host.run(["touch", "/var/lib/dhcp/other.leases"])
    files = ["-cf", OTHER, "-lf", "/var/lib/dhcp/other.leases", "-pf", "/run/other.pid"]
    host.run(["/usr/sbin/dhcpd", "-4", "-q", "-p", "6767", *files, "eth0"])
    wait_until(lambda: pids(host, OTHER), "the other one runs", 10.0)
    other = pids(host, OTHER)

    refused = pair.ask("dhcp-b", "dhcpd.restart")
    assert refused["result"] is False and "several dhcpd" in refused["comment"], refused
    assert pids(host, OTHER) == other

    tree = pair.master.pillar_tree.base
    settings = {"dhcpd": {"config_file": CONFIGURATION}}
    try:
        with (
            tree.temp_file("top.sls", "base:\n  dhcp-b:\n    - ours\n"),
            tree.temp_file("ours.sls", json.dumps(settings)),
        ):
            assert pair.ask("dhcp-b", "saltutil.refresh_pillar", wait=True) is True
            run = pair.salt_run("dhcp_failover.restart", "server=dhcp-b")
            assert run.returncode == 0, str(run)
            shown = pair.salt_run("dhcp_failover.preflight")
            assert "another dhcpd on dhcp-b is left alone" in shown.told, str(shown)
            assert pair.ask("dhcp-b", "dhcpd.stop")["result"] is True
            status = pair.ask("dhcp-b", "dhcpd.status")
            assert status["process"]["running"] is False
            assert status["process"]["absent"] is True, status["process"]
            started = pair.ask("dhcp-b", "dhcpd.start")
            assert started["result"] is True, started
    finally:
        assert pair.ask("dhcp-b", "saltutil.refresh_pillar", wait=True) is True
    assert pids(host, OTHER) == other
