"""A partner taken for dead by hand, and brought back; `make reboot-test` has really dead ones."""

from __future__ import annotations


def test_a_partner_that_lives_is_never_taken_for_dead(pair):
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", "confirm=dhcp-a")
    assert run.returncode != 0
    assert "dhcpd runs on dhcp-a" in run.told
    by_hand = pair.ask("dhcp-b", "dhcpd.partner_down", "foo")
    assert by_hand["result"] is False
    assert "salt-run dhcp_failover.partner_down" in by_hand["comment"]
    assert pair.dhcp.is_normal()


def test_a_partner_whose_dhcpd_is_proved_to_be_down_is_replaced_and_comes_back(pair):
    assert pair.salt_run("dhcp_failover.stop", "server=dhcp-a").returncode == 0
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a")
    assert run.returncode == 0, str(run)
    assert "free addresses of dhcp-a from" in run.answer["comment"]
    assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == "partner-down"
    run = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a")
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()


def test_a_dead_hub_is_replaced_in_all_its_pairs_by_one_command_and_comes_back(hub):
    assert hub.ask("dhcp-b", "dhcpd.stop")["result"] is True
    run = hub.salt_run("dhcp_failover.partner_down", "dead=dhcp-b", timeout=90)
    assert run.returncode == 0, str(run)
    assert sorted(run.answer["pairs"]) == ["bar:dhcp-b:dhcp-c", "foo:dhcp-a:dhcp-b"]
    for spoke, name in (("dhcp-a", "foo"), ("dhcp-c", "bar")):
        assert hub.dhcp.failover_states(spoke)[name][0] == "partner-down"
    run = hub.salt_run("dhcp_failover.bring_back", "server=dhcp-b", timeout=90)
    assert run.returncode == 0, str(run)
    assert hub.dhcp.is_normal()
