"""A dhcpd with files, options or a unit of its own comes back as it ran, or is not stopped."""

from __future__ import annotations

import pytest

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import DEFAULTS
from lab.dhcp import UNIT
from lab.waiting import wait_until

SITE = "/etc/dhcp/site.conf"


@pytest.fixture
def changed(pair):
    """The pair foo, which a test may install otherwise; the next test begins with another one."""
    yield pair
    for name in ("dhcp-a", "dhcp-b"):
        host = pair.lab[name]
        host.run(["rm", "-f", SITE, "/etc/dhcp/own.conf"])
        host.write(COMMON, host.read(COMMON) + "# not as installed\n")


def test_a_configuration_that_debians_settings_name_is_restarted_with(changed):
    for name in ("dhcp-b", "dhcp-a"):
        host = changed.lab[name]
        host.run(["mv", CONFIGURATION, SITE])
        host.write(DEFAULTS, host.read(DEFAULTS) + f"DHCPDv4_CONF={SITE}\n")
        host.run(["systemctl", "restart", UNIT])
        changed.dhcp.wait_normal()
    changed.before = changed.processes()
    run = changed.orchestrate()
    assert run.returncode == 0, str(run)
    assert changed.touched == ["dhcp-a", "dhcp-b"]
    status = changed.ask("dhcp-b", "dhcpd.status")
    assert status["configuration"]["file"] == SITE
    assert status["process"]["unit"] == UNIT

    # Stopped by one call and started by another, it is the same one too.
    assert changed.ask("dhcp-b", "dhcpd.stop")["result"] is True
    started = changed.salt("dhcp-b", "dhcpd.start")
    assert started.returncode == 0, str(started)
    changed.dhcp.wait_normal()
    assert changed.ask("dhcp-b", "dhcpd.status")["configuration"]["file"] == SITE


def test_a_dhcpd_that_was_started_by_hand_comes_back_by_its_own_command_line(changed):
    host = changed.lab["dhcp-b"]
    changed.dhcp.stop("dhcp-b")
    leases = "/var/lib/dhcp/own.leases"
    host.run(["cp", CONFIGURATION, "/etc/dhcp/own.conf"])
    host.run(["cp", "/var/lib/dhcp/dhcpd.leases", leases])
    argv = ["/usr/sbin/dhcpd", "-4", "-q", "-cf", "/etc/dhcp/own.conf", "-lf", leases]
    host.run([*argv, "-pf", "/run/own.pid", "eth0"])
    changed.dhcp.wait_normal()
    changed.before = changed.processes()
    done = changed.salt("dhcp-b", "dhcpd.restart")
    assert done.returncode == 0, str(done)
    assert changed.touched == ["dhcp-b"]
    changed.dhcp.wait_normal()
    status = changed.ask("dhcp-b", "dhcpd.status")
    assert status["process"]["argv"][: len(argv)] == argv
    assert status["process"]["unit"] is None
    assert status["lease_file"]["file"] == leases


def test_what_could_not_be_brought_back_is_not_stopped(changed):
    host = changed.lab["dhcp-b"]

    def refused(*words):
        answer = changed.ask("dhcp-b", "dhcpd.restart")
        assert answer["result"] is False, answer
        for word in words:
            assert word in answer["comment"], answer
        assert changed.touched == []

    host.run(["systemctl", "mask", "--runtime", UNIT])
    try:
        refused("masked", "systemctl unmask", "start_command")
    finally:
        host.run(["systemctl", "unmask", "--runtime", UNIT])

    host.run(["touch", "-d", "+1 minute", DEFAULTS])
    refused(DEFAULTS, "newer than the running dhcpd")
    run = changed.orchestrate()
    assert run.returncode == 1, str(run)
    assert "newer than the running dhcpd" in run.step("Both servers are fit for it")["comment"]
    host.run(["touch", "-d", "2020-01-01", DEFAULTS])

    host.run(["mount", "--bind", "/var/lib/dhcp", "/var/lib/dhcp"])
    host.run(["mount", "-o", "remount,bind,ro", "/var/lib/dhcp"])
    try:
        refused("/var/lib/dhcp", "read-only")
    finally:
        host.run(["umount", "/var/lib/dhcp"])
    assert changed.ask("dhcp-b", "dhcpd.ok_to_stop")["result"] is True


def test_a_dhcpd_in_the_foreground_without_a_service_is_not_stopped(changed):
    host = changed.lab["dhcp-b"]
    changed.dhcp.stop("dhcp-b")
    host.run(
        ["sh", "-c", f"setsid /usr/sbin/dhcpd -4 -q -f -cf {CONFIGURATION} eth0 >/dev/null 2>&1 &"]
    )
    wait_until(lambda: host.processes("dhcpd"), "it runs", 10.0)
    changed.dhcp.wait_normal()
    changed.before = changed.processes()
    answer = changed.ask("dhcp-b", "dhcpd.stop")
    assert answer["result"] is False
    assert "foreground" in answer["comment"] and "start_command" in answer["comment"], answer
    assert changed.touched == []
