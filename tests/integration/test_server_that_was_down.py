"""A pair of which one server is down: a run begins by starting it, if it was asked to."""

from __future__ import annotations


def test_a_run_begins_by_starting_the_server_that_is_down(pair):
    assert pair.salt_run("dhcp_failover.stop", "server=dhcp-b").returncode == 0
    refused = pair.orchestrate()
    assert refused.returncode != 0, str(refused)
    assert "heal=True" in refused.step("Both servers are fit for it")["comment"], str(refused)
    assert pair.dhcp.processes("dhcp-b") == []

    plan = pair.salt_run("dhcp_failover.plan", "heal=True")
    assert plan.returncode == 0, str(plan)
    assert "dhcpd on dhcp-b, which is down, is started" in plan.answer["phases"][1]["text"]
    dry = pair.orchestrate("test=True", heal=True)
    assert "dhcp-b would be started" in dry.step("Both servers are fit for it")["comment"]
    assert pair.dhcp.processes("dhcp-b") == []

    run = pair.orchestrate(heal=True)
    assert run.returncode == 0, str(run)
    assert all(step["result"] is True for step in run.steps), str(run)
    assert "dhcp-b is down: starting it" in run.stderr
    assert pair.dhcp.is_normal()
    assert pair.locked == {}
    assert sorted(pair.touched) == ["dhcp-a", "dhcp-b"]
