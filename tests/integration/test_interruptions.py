"""A run that is interrupted: nothing is left stopped, and nothing is restarted twice."""

from __future__ import annotations


def test_a_run_survives_the_death_of_the_master(pair):
    pair.block_new_failover_connections("dhcp-a")
    run = pair.begin_orchestration()
    run.until_it_says("Waiting: ")
    pair.kill_master()
    pair.master.start()
    pair.unblock("dhcp-a")
    assert run.wait(120.0).returncode == 0, str(run)
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_ctrl_c_is_one_sentence_and_the_same_command_goes_on(pair):
    pair.block_new_failover_connections("dhcp-a")
    run = pair.begin("dhcp_failover.restart", "foo")
    run.until_it_says("Waiting: ")
    run.press_ctrl_c()
    assert run.wait(20.0).returncode not in (None, 0), str(run)
    assert "Traceback" not in run.told
    assert run.answer["result"] is False, str(run)
    assert run.answer["comment"].startswith("Interrupted (SIGINT)."), str(run)
    assert "\n" not in run.answer["comment"]
    assert pair.locked == {}
    assert pair.touched == ["dhcp-b"]
    first = pair.processes()["dhcp-b"]

    pair.unblock("dhcp-a")
    again = pair.salt_run("dhcp_failover.restart", "foo")
    assert again.returncode == 0, str(again)
    assert again.answer["result"] is True
    assert "already" in again.answer["steps"]["restart of dhcp-b"]
    assert pair.processes()["dhcp-b"] == first
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_an_orchestration_that_is_killed_or_interrupted_goes_on_when_run_again(pair):
    pair.block_new_failover_connections("dhcp-a")
    killed = pair.begin_orchestration()
    killed.until_it_says("Waiting: ")
    killed.end()
    assert pair.locked == {}

    interrupted = pair.begin_orchestration()
    interrupted.until_it_says("Waiting: ")
    interrupted.press_ctrl_c()
    assert interrupted.wait(20.0).returncode not in (None, 0), str(interrupted)
    assert "Traceback" not in interrupted.told
    assert "Interrupted" in interrupted.told, str(interrupted)
    assert pair.locked == {}
    assert pair.touched == ["dhcp-b"]

    pair.unblock("dhcp-a")
    last = pair.orchestrate()
    assert last.returncode == 0, str(last)
    assert "continues the unfinished run" in last.step("The pair is locked")["comment"]
    assert "already" in last.step("The first server is restarted")["comment"]
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_a_minion_busy_with_another_state_run_is_waited_for(pair):
    gate = "/run/lab-gate"
    job = pair.begin_ask(
        "dhcp-b", "state.single", "cmd.run", name=f"while [ ! -e {gate} ]; do sleep 0.1; done"
    )
    try:
        run = pair.begin_orchestration()
        run.until_it_says("Waiting: dhcp-b is busy")
        assert pair.touched == []
    finally:
        pair.lab["dhcp-b"].run(["touch", gate])
    assert run.wait().returncode == 0, str(run)
    pair.answer_of(job, "dhcp-b")
    pair.lab["dhcp-b"].run(["rm", gate])
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_a_minion_that_stays_busy_is_not_waited_for_longer_than_said(pair):
    gate = "/run/lab-gate"
    job = pair.begin_ask(
        "dhcp-b", "state.single", "cmd.run", name=f"while [ ! -e {gate} ]; do sleep 0.1; done"
    )
    try:
        run = pair.orchestrate(busy_timeout=2)
    finally:
        pair.lab["dhcp-b"].run(["touch", gate])
    pair.answer_of(job, "dhcp-b")
    pair.lab["dhcp-b"].run(["rm", gate])
    assert run.returncode != 0, str(run)
    refused = run.step("The first server is restarted")
    assert refused["result"] is False
    assert "dhcp-b is busy: state.single" in refused["comment"]
    assert pair.touched == []
