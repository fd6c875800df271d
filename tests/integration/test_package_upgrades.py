"""The package's own postinst restarts dhcpd, unless the state keeps it from that."""

from __future__ import annotations

POLICY = "/usr/sbin/policy-rc.d"
OVERRIDE = "/etc/needrestart/conf.d/dhcpd-failover.conf"
#: As dpkg calls it after an upgrade.
POSTINST = ["/var/lib/dpkg/info/isc-dhcp-server.postinst", "configure", "4.4.1-1"]


#: Without it invoke-rc.d restarts nothing: a bare root has none (systemd-sysv), a real Debian has.
INIT = "test -e /sbin/init || ln -s /lib/systemd/systemd /sbin/init"


def upgrade(stage, server):
    """Do what an upgrade of the package does to the service; return whether dhcpd is another."""
    before = stage.pid(server)
    stage.lab[server].run(["sh", "-c", INIT])
    stage.lab[server].run(["env", "DEBIAN_FRONTEND=noninteractive", *POSTINST])
    stage.dhcp.wait_normal()
    return stage.pid(server) != before


def test_a_package_upgrade_restarts_no_dhcpd(pair):
    # What the machine of the lab has of its own is none of a user's Debian.
    own = {
        name: host.run(["cat", POLICY], check=False).stdout
        for name, host in pair.dhcp.hosts.items()
    }
    for host in pair.dhcp.hosts.values():
        host.run(["rm", "-f", POLICY, OVERRIDE])
    try:
        shown = pair.salt_run("dhcp_failover.preflight")
        assert "restarted by a new package" in shown.told, str(shown)
        assert upgrade(pair, "dhcp-b"), "what it is kept from"

        for server in pair.dhcp.hosts:
            # The postinst writes the service's settings again as they are: that nothing in them
            # has changed can be told where they were looked at before.
            assert pair.ask(server, "dhcpd.ok_to_stop") is not None
            kept = pair.state(server, "dhcpd.kept_from_upgrades", "kept")
            assert kept["result"] is True and POLICY in kept["comment"], kept
            again = pair.state(server, "dhcpd.kept_from_upgrades", "kept")
            assert (again["result"], again["changes"]) == (True, {}), again
            assert not upgrade(pair, server)
        shown = pair.salt_run("dhcp_failover.preflight")
        assert "package upgrades leave dhcpd alone" in shown.told, str(shown)
        run = pair.orchestrate()
        assert run.returncode == 0, str(run)
    finally:
        for name, text in own.items():
            pair.lab[name].run(["rm", "-f", POLICY, OVERRIDE])
            if text:
                pair.lab[name].write(POLICY, text, mode=0o755)
