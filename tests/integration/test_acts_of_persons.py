"""What a person stops and starts, at a server's console, with ``salt '*'`` and from the master."""

from __future__ import annotations

import pytest

from lab.dhcp import UNIT
from lab.waiting import wait_until

SLOW = f"/etc/systemd/system/{UNIT}.d/slow.conf"
GO = "/run/dhcpd-may-start"


def test_an_order_to_all_servers_restarts_the_secondary_and_names_the_way_for_the_primary(pair):
    run = pair.salt("*", "dhcpd.restart")
    assert run.returncode != 0, str(run)
    assert run.answers["dhcp-b"]["result"] is True, str(run)
    primary = run.answers["dhcp-a"]
    assert (primary["result"], primary["refused"]) == (False, True), str(run)
    assert "primary in foo" in primary["comment"]
    assert "salt-run dhcp_failover.restart server=dhcp-a" in primary["comment"]
    pair.dhcp.wait_normal()
    assert pair.restarts == ["dhcp-b"]


def test_no_person_stops_a_primary_by_any_function_unless_it_is_forced(pair):
    for function in ("stop", "shutdown", "restart"):
        run = pair.salt("dhcp-a", f"dhcpd.{function}")
        assert run.returncode != 0, str(run)
        assert f"salt-run dhcp_failover.{function} server=dhcp-a" in run.told, str(run)
    asked = pair.salt("dhcp-a", "dhcpd.ok_to_stop")
    assert asked.returncode != 0, str(asked)
    assert "primary" in [one["code"] for one in asked.answers["dhcp-a"]["reasons"]]
    refused = pair.state("dhcp-a", "dhcpd.restarted", "x", now=True)
    assert refused["result"] is False
    assert "salt-run dhcp_failover.restart server=dhcp-a" in refused["comment"]
    assert pair.touched == []

    forced = pair.salt("dhcp-a", "dhcpd.restart", "force=primary")
    assert forced.returncode == 0, str(forced)
    pair.dhcp.wait_normal()
    assert pair.restarts == ["dhcp-a"]


def test_a_server_that_is_primary_for_one_of_two_partners_is_no_secondary(install):
    from lab.dhcp import Relationship

    chain = install(
        [Relationship("foo", "dhcp-a", "dhcp-b"), Relationship("bar", "dhcp-b", "dhcp-c")]
    )
    run = chain.salt("*", "dhcpd.stop")
    assert [name for name, one in run.answers.items() if one["result"]] == ["dhcp-c"], str(run)
    assert "primary in bar" in run.answers["dhcp-b"]["comment"]
    chain.dhcp.start("dhcp-c")


@pytest.mark.slow
def test_the_master_stops_and_starts_the_primary_and_leaves_no_lock_or_claim(pair):
    for verb, state in (("stop", "communications-interrupted"), ("shutdown", "partner-down")):
        run = pair.salt_run(f"dhcp_failover.{verb}", "server=dhcp-a")
        assert run.returncode == 0, str(run)
        assert pair.processes()["dhcp-a"] == ()
        assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == state
        run = pair.salt_run("dhcp_failover.start", "server=dhcp-a")
        assert run.returncode == 0, str(run)
        pair.dhcp.wait_normal()
    assert pair.locked == {}
    for server in ("dhcp-a", "dhcp-b"):
        assert pair.ask(server, "dhcpd.status", brief=True)["claim"] is None
    done = pair.salt_run("dhcp_failover.history", "limit=1").answer[0]
    assert (done["outcome"], done["comment"][:23]) == ("done", "dhcpd on dhcp-a started"), done
    assert pair.restarts == ["dhcp-a", "dhcp-a"]


def test_the_master_refuses_what_would_leave_nobody_and_heeds_holds_and_claims(pair):
    dry = pair.salt_run("dhcp_failover.stop", "server=dhcp-a", "test=True")
    assert (dry.returncode, dry.answer["result"]) == (0, None), str(dry)
    assert pair.salt_run("dhcp_failover.hold", "server=dhcp-b", "why=power works").returncode == 0
    held = pair.salt_run("dhcp_failover.stop", "server=dhcp-a")
    assert held.returncode != 0, str(held)
    assert "power works" in held.told
    assert pair.salt_run("dhcp_failover.release", "server=dhcp-b").returncode == 0
    assert pair.ask("dhcp-b", "dhcpd.claim", run="anns", who="ann")["result"] is True
    claimed = pair.salt_run("dhcp_failover.stop", "server=dhcp-a")
    assert claimed.returncode != 0
    assert "claimed by ann" in claimed.told
    assert pair.ask("dhcp-b", "dhcpd.release_claim")["result"] is True
    pair.dhcp.kill("dhcp-b")
    alone = pair.salt_run("dhcp_failover.stop", "server=dhcp-a")
    assert alone.returncode != 0, str(alone)
    assert "dhcp-b" in alone.told
    assert pair.touched == ["dhcp-b"]


def test_a_server_that_is_being_started_can_not_be_claimed_and_its_partner_not_stopped(pair):
    assert pair.salt("dhcp-b", "dhcpd.stop").returncode == 0
    host = pair.lab["dhcp-b"]
    wait = f"while [ ! -e {GO} ]; do sleep 0.1; done"
    host.write(SLOW, f"[Service]\nExecStartPre=/bin/sh -c '{wait}'\n")
    host.run(["systemctl", "daemon-reload"])
    try:
        job = pair.begin_ask("dhcp-b", "dhcpd.start")
        wait_until(
            lambda: pair.ask("dhcp-b", "dhcpd.status", brief=True)["acting"], "it acts", 10.0
        )
        claim = pair.salt("dhcp-b", "dhcpd.claim", "anns", "ann")
        assert claim.returncode != 0, str(claim)
        assert claim.answers["dhcp-b"]["code"] == "acting", str(claim)
        run = pair.salt_run("dhcp_failover.stop", "server=dhcp-a")
        assert run.returncode != 0, str(run)
        assert "dhcp-b is being stopped or started" in run.told, str(run)
        host.write(GO, "")
        assert pair.answer_of(job, "dhcp-b")["result"] is True
    finally:
        host.run(["touch", GO])
        host.run(["rm", "-f", SLOW])
        host.run(["systemctl", "daemon-reload"])
    pair.dhcp.wait_normal()
    assert pair.ask("dhcp-b", "dhcpd.claim", run="anns", who="ann")["result"] is True
    assert pair.restarts == ["dhcp-b"]


def test_an_order_that_means_another_process_stops_nothing(pair):
    old = pair.ask("dhcp-b", "dhcpd.status", brief=True)["process"]["identity"]
    assert pair.salt("dhcp-b", "dhcpd.restart", f"identity={old}").returncode == 0
    pair.dhcp.wait_normal()
    for function in ("restart", "stop", "shutdown"):
        late = pair.salt("dhcp-b", f"dhcpd.{function}", f"identity={old}")
        assert late.returncode != 0, str(late)
        codes = [one["code"] for one in late.answers["dhcp-b"]["reasons"]]
        assert codes == ["other-process"], str(late)
    assert pair.restarts == ["dhcp-b"]
