"""Many pairs by one command, on a real hub: each server once, going on after a kill, orders."""

from __future__ import annotations

from pathlib import Path

from lab.waiting import wait_until

#: The hub is the secondary of both spokes: it goes first.
ORDER = ["dhcp-b", "dhcp-a", "dhcp-c"]


def test_a_hub_and_its_spokes_are_restarted_once_each_by_one_command(hub):
    planned = hub.salt_run("dhcp_failover.fleet_restart", "test=True")
    assert planned.returncode == 0, str(planned)
    assert "Fleet restart: 3 servers of 2 pairs in 1 unit" in planned.answer["comment"]
    assert hub.touched == []

    run = hub.salt_run("dhcp_failover.fleet_restart", "canary=1", "probation=2", timeout=180)
    assert run.returncode == 0, str(run)
    assert run.answer["outcome"] == "done"
    assert "The canary has stood its probation of 2.0 s." in run.stderr
    (unit,) = run.answer["units"]
    assert (unit["state"], unit["servers"]) == ("done", ORDER)

    shown = hub.salt_run("dhcp_failover.fleet")
    assert shown.returncode == 0 and shown.answer["fleet"] == run.answer["fleet"]
    assert "fleet" in {row["pair"] for row in hub.salt_run("dhcp_failover.history").answer}
    report = hub.salt_run("dhcp_failover.report", "fleet")
    page = Path(report.answer["file"]).read_text("utf-8")
    assert "Fleet restart: 1 unit" in page and "dhcp-b, dhcp-a, dhcp-c" in page
    assert hub.locked == {}
    assert hub.restarts == ORDER


def test_a_fleet_run_that_is_killed_goes_on_and_restarts_nothing_twice(hub):
    killed = hub.begin("dhcp_failover.fleet_restart")
    wait_until(lambda: hub.touched == ["dhcp-b"], "the hub was restarted", 60.0)
    killed.end()
    shown = hub.salt_run("dhcp_failover.fleet")
    assert (shown.returncode, shown.answer["outcome"]) == (1, "killed"), str(shown)
    assert "To go on: salt-run dhcp_failover.fleet_restart" in shown.answer["comment"]

    again = hub.salt_run("dhcp_failover.fleet_restart", timeout=180)
    assert again.returncode == 0, str(again)
    assert hub.restarts == ORDER


def test_an_abort_reaches_what_is_under_way_and_the_exit_code_says_stopped(hub):
    hub.block_new_failover_connections("dhcp-b")
    run = hub.begin("dhcp_failover.fleet_restart")
    wait_until(lambda: hub.touched == ["dhcp-b"], "the hub was restarted", 60.0)
    aborted = hub.salt_run("dhcp_failover.abort", "fleet", "why=wrong night")
    assert aborted.returncode == 0, str(aborted)
    assert run.wait().returncode == 2, str(run)
    assert run.answer["outcome"] == "aborted" and "wrong night" in run.answer["comment"]
    assert run.answer["units"][0]["state"] == "stopped"
    hub.unblock("dhcp-b")
    assert hub.salt_run("dhcp_failover.fleet_restart", timeout=180).returncode == 0
    assert hub.restarts == ORDER


def test_the_orchestration_says_what_it_would_do_and_does_it(hub):
    name = "orch.dhcp_failover_fleet"
    dry = hub.salt_run("state.orch", name, "test=True")
    assert dry.returncode == 0, str(dry)
    step = dry.step("All pairs are done")
    assert step["result"] is None and "3 servers of 2 pairs" in step["comment"]
    assert hub.touched == []
    slip = hub.salt_run("state.orch", name, 'pillar={"at_onse": 2}')
    assert slip.returncode == 1 and "at_once" in slip.told, str(slip)
    run = hub.salt_run("state.orch", name, 'pillar={"exclude": "dhcp-c"}', timeout=180)
    assert run.returncode == 0, str(run)
    assert hub.restarts == ["dhcp-b", "dhcp-a"]


def test_what_cannot_be_meant_is_refused_before_anything_is_touched(hub):
    for words, said in (
        (["until=soon"], "until: say HH:MM"),
        (["go=perhaps"], "go: say ask or auto"),
        (["order=north"], "say per="),
        (["pairs=nowhere"], "no pair is known as nowhere"),
        (["tgt=nobody*"], "tgt: no minion fits"),
    ):
        run = hub.salt_run("dhcp_failover.fleet_restart", *words)
        assert run.returncode == 1 and said in run.answer["comment"], str(run)
    assert hub.restarts == []
