"""A host that was replaced and still has its dhcpd.conf: it is named, and starts no dhcpd."""

from __future__ import annotations

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import LEASES


def test_a_replaced_host_is_nobodys_partner_and_starts_no_dhcpd(pair):
    new, old = pair.lab["dhcp-b"], pair.lab["dhcp-c"]
    for path in (CONFIGURATION, COMMON, LEASES):
        old.run(["mkdir", "-p", path.rpartition("/")[0]])
        old.write(path, new.read(path))
    try:
        refused = pair.ask("dhcp-c", "dhcpd.start")
        assert refused["result"] is False, refused
        assert "dhcpd on dhcp-c was not started: dhcp-c does not have" in refused["comment"]
        assert "salt-key -d" in refused["comment"]
        assert old.processes("dhcpd") == []

        pairs = pair.salt_run("dhcp_failover.pairs", "refresh=True")
        assert list(pairs.answer["pairs"]) == ["foo:dhcp-a:dhcp-b"], str(pairs)
        assert any("dhcp-c" in one and "salt-key -d" in one for one in pairs.answer["problems"]), (
            str(pairs)
        )
        run = pair.salt_run("dhcp_failover.restart", "foo")
        assert run.returncode == 0, str(run)
    finally:
        old.run(["rm", "-f", LEASES])
    assert pair.restarts == ["dhcp-b", "dhcp-a"]
