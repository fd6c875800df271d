"""The ways to stop a server for its restart, each on the real pair."""

from __future__ import annotations

import pytest
from iscdhcp.states import FailoverState

from lab.dhcp import Relationship
from lab.load import Load
from lab.waiting import wait_until


@pytest.mark.parametrize("method", ["drain", "handover"])
def test_both_servers_are_restarted_gracefully_over_omapi(pair, method):
    run = pair.orchestrate(method=method, timeout=120)
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_the_documented_shutdown_is_refused_until_its_cost_is_accepted(pair):
    run = pair.salt_run("dhcp_failover.restart", "method=control")
    assert run.returncode != 0
    assert "costs MCLT" in run.told and "force=mclt" in run.told
    assert pair.touched == []


def test_a_hub_is_handed_over_to_all_its_partners_and_comes_back_without_mclt(hub):
    before = hub.dhcp.processes("dhcp-b")
    answer = hub.ask("dhcp-b", "dhcpd.restart", method="handover")
    assert answer["result"] is True, answer
    for name in ("foo", "bar"):
        waited = hub.salt_run("dhcp_failover.wait_normal", name)
        assert waited.returncode == 0, str(waited)
        assert (name, "shutdown") in hub.dhcp.moves("dhcp-b", before)
        after = hub.dhcp.moves("dhcp-b", hub.dhcp.processes("dhcp-b"))
        assert (name, "normal") in after and (name, "recover-wait") not in after


def test_a_partner_that_goes_to_partner_down_by_itself_is_not_left_alone(install):
    foo = Relationship("foo", "dhcp-a", "dhcp-b", statements="auto-partner-down 5;")
    stage = install([foo])
    run = stage.orchestrate()
    assert run.returncode != 0
    assert "auto-partner-down" in run.told
    assert stage.touched == []


def test_a_drain_under_load_leaves_no_update_unacknowledged(install):
    # Enough for all new clients however slow this machine starts a dhcpd: else the guard refuses.
    pair = install([Relationship("foo", "dhcp-a", "dhcp-b", addresses=12000)])
    # The secondary gets its half of a new pool first: 6,000 updates, ten at a time.
    pair.wait_for_acknowledgements("foo", timeout=90.0)
    load = Load(pair.dhcp)
    load.start(50)
    try:
        run = pair.orchestrate(method="drain", timeout=120)
    finally:
        load.stop()
    assert run.returncode == 0, str(run)
    pair.wait_for_acknowledgements("foo")


def test_a_drained_server_is_mute_before_its_process_ends(pair):
    before = pair.dhcp.processes("dhcp-b")
    assert pair.ask("dhcp-b", "dhcpd.restart", method="drain")["result"] is True
    assert ("foo", "paused") in pair.dhcp.moves("dhcp-b", before)
    assert pair.dhcp.is_normal()


def test_a_server_that_a_drain_left_paused_is_refused_and_brought_back(pair):
    with pair.omapi("dhcp-b") as client:
        client.set_local_state("foo", FailoverState.PAUSED)
    refused = pair.orchestrate()
    assert refused.returncode != 0
    assert "paused" in refused.told
    assert pair.touched == []
    assert pair.ask("dhcp-b", "dhcpd.resume")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", timeout=20.0)
    assert pair.orchestrate().returncode == 0


def test_a_drain_without_omapi_is_refused_and_nothing_is_touched(install):
    from lab.dhcp import pair as foo

    stage = install(foo(), omapi=None)
    run = stage.orchestrate(method="drain")
    assert run.returncode != 0
    assert "omapi-port" in run.told
    assert stage.touched == []


def test_a_server_that_was_shut_down_for_long_leaves_everything_to_its_partner(pair):
    stopped = pair.ask("dhcp-b", "dhcpd.shutdown", timeout=90)
    assert stopped["result"] is True, stopped
    assert pair.dhcp.processes("dhcp-b") == []
    assert pair.dhcp.failover_states("dhcp-a")["foo"][0] == "partner-down"
    assert pair.ask("dhcp-b", "dhcpd.start")["result"] is True
    run = pair.salt_run("dhcp_failover.wait_normal", "foo")
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()
