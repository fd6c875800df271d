"""A run that did not end: only its own command goes on with it, and no refused one touches it."""

from __future__ import annotations

from pathlib import Path

from lab.waiting import wait_until


def killed_in_its_wait(stage, **pillar):
    """A run that has restarted dhcp-b, killed with -9 while it waits for the pair."""
    stage.block_new_failover_connections("dhcp-a")
    run = stage.begin_orchestration(**pillar)
    run.until_it_says("Waiting: ")
    run.end()
    assert stage.locked == {}
    assert stage.touched == ["dhcp-b"]


def record(pair):
    """What the master has noted of the runs of the pair, byte for byte."""
    return {path.name: path.read_bytes() for path in Path(pair.folder / "runs").iterdir()}


def test_another_order_is_refused_and_the_first_command_goes_on_where_it_was(pair):
    killed_in_its_wait(pair, pair="foo", timeout=60)
    first, noted = pair.processes()["dhcp-b"], record(pair)

    dry = pair.begin_orchestration("test=True", pair="foo", order="primary-first")
    reboot = pair.begin("state.orch", "orch.dhcp_failover_reboot", "test=True")
    single = pair.salt_run("dhcp_failover.restart", "server=dhcp-a")
    other = pair.orchestrate(pair="foo", order="primary-first")
    told = [
        other.step("The pair is locked")["comment"],
        dry.wait().step("The pair is locked")["comment"],
        single.answer["comment"],
        reboot.wait().step("The pair is locked")["comment"],
    ]
    for run, text in zip((other, dry, single, reboot), told, strict=True):
        assert run.returncode != 0, str(run)
        assert "dhcp-b restarted; dhcp-a not yet" in text, text
        assert (
            "salt-run state.orch orch.dhcp_failover_restart "
            """pillar='{"pair": "foo", "timeout": 60}'""" in text
        ), text
    for text, why in zip(told, ("order", "order", "servers", "task"), strict=True):
        assert f"differs in its {why}" in text, text
    # Started over it is refused by what the pair is in: that is no reason to forget either.
    fresh = pair.orchestrate(pair="foo", order="primary-first", fresh=True)
    assert "Not safe: " in fresh.step("Both servers are fit for it")["comment"], str(fresh)
    assert record(pair) == noted

    pair.unblock("dhcp-a")
    last = pair.orchestrate(pair="foo", timeout=60)
    assert last.returncode == 0, str(last)
    assert "already" in last.step("The first server is restarted")["comment"]
    assert pair.processes()["dhcp-b"] == first
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_what_a_dead_run_has_claimed_is_taken_over_by_one_that_begins_anew(pair):
    killed_in_its_wait(pair)
    pair.unblock("dhcp-a")
    wait_until(pair.dhcp.is_normal, "the pair is normal", 30.0)
    claims = [pair.ask(one, "dhcpd.status", brief=True)["claim"] for one in ("dhcp-a", "dhcp-b")]
    assert all(claims), claims
    anew = pair.orchestrate(fresh=True)
    assert anew.returncode == 0, str(anew)
    assert "was left behind by the run of " in anew.stderr, str(anew)
    assert pair.restarts == ["dhcp-b", "dhcp-b", "dhcp-a"]
    history = pair.salt_run("dhcp_failover.history", "foo").answer
    assert [one["outcome"] for one in history] == ["done", "killed"], history


def test_a_run_that_is_refused_before_its_first_act_is_in_the_history_alone(pair):
    pair.dhcp.kill("dhcp-a")
    refused = pair.orchestrate()
    assert "dhcpd is not running on dhcp-a" in str(refused), str(refused)
    assert not (pair.folder / "runs").exists()
    (shown,) = pair.salt_run("dhcp_failover.history", "foo").answer
    assert shown["outcome"] == "failed"
    assert shown["restarted"] == []
    assert "dhcpd is not running on dhcp-a" in shown["comment"]
