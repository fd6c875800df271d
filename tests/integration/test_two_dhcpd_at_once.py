"""Somebody starts a second dhcpd at the very moment at which a run restarts the first."""

from __future__ import annotations

#: As Debian's script does where it finds no pid file yet.
BESIDE = r"""
old=$(pgrep -x dhcpd)
while [ -d /proc/$old ] || ! pgrep -x dhcpd >/run/new; do :; done
dhcpd -4 -q -cf /etc/dhcp/dhcpd.conf -pf /run/twin.pid
"""


def test_two_dhcpd_on_one_lease_file_are_ended_and_one_is_started(pair):
    pair.lab["dhcp-b"].run(
        ["systemd-run", "--quiet", "--property=KillMode=process", "sh", "-c", BESIDE]
    )
    run = pair.salt_run("dhcp_failover.restart", "foo")
    assert run.returncode == 0, str(run)
    assert "so that two ran (pids " in run.told, str(run)
    assert len(pair.dhcp.processes("dhcp-b")) == 1
    assert pair.dhcp.is_normal()


def test_two_dhcpd_that_somebody_has_started_are_named_and_not_touched(pair):
    pair.lab["dhcp-b"].run(["dhcpd", "-4", "-q", "-cf", "/etc/dhcp/dhcpd.conf", "-pf", "/run/2"])
    both = [one.pid for one in pair.dhcp.processes("dhcp-b")]
    assert len(both) == 2
    run = pair.salt_run("dhcp_failover.restart", "foo")
    assert run.returncode != 0
    assert "several dhcpd processes run on dhcp-b" in run.told, str(run)
    assert [one.pid for one in pair.dhcp.processes("dhcp-b")] == both
    waited = pair.salt_run("dhcp_failover.wait_normal", "foo", "timeout=3")
    assert waited.returncode != 0
    assert "several dhcpd processes run on dhcp-b" in waited.told, str(waited)
