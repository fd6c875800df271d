"""What a run tells the bus: its begin, each step, its end, once each."""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import go
from fake_minions import new_run
from iscdhcp.run import restart
from iscdhcp.run.base import Request
from iscdhcp.run.events import Announced
from iscdhcp.run.orders import Interrupted
from iscdhcp.troubles.catalogue import CATALOGUE


@pytest.fixture
def minions():
    return FakeMinions()


@pytest.fixture
def heard(minions, tmp_path):
    def build(directory=tmp_path, **request):
        run = new_run(restart.PairRun, minions, directory, Request(**request))
        run.heard = []
        Announced(run, lambda what, fields: run.heard.append((what, dict(fields))))
        return run

    return build


def whats(run):
    return [what if what != "step" else fields["step"] for what, fields in run.heard]


def test_a_whole_run_is_told_from_begin_to_end(heard):
    run = heard()
    go(run)
    assert whats(run) == [
        "begun",
        "lock",
        "preflight",
        "restart",
        "wait_normal",
        "restart",
        "wait_normal",
        "ended",
    ]
    assert {fields["run"] for _, fields in run.heard} == {run.run}
    (begun, end) = run.heard[0][1], run.heard[-1][1]
    assert begun["order"] == ["dhcp-b", "dhcp-a"]
    assert begun["continued"] is False
    assert end["result"] is True
    assert end["restarted"] == ["dhcp-b", "dhcp-a"]
    assert [f["server"] for w, f in run.heard if f.get("step") == "restart"] == begun["order"]


def test_a_failed_step_is_the_verdict(heard, minions):
    minions.servers["dhcp-b"]["relationships"]["foo"]["state"] = "recover"
    run = heard()
    go(run)
    assert whats(run) == ["begun", "lock", "preflight", "ended"]
    end = run.heard[-1][1]
    assert end["result"] is False
    assert "Nothing was touched" in end["text"]


def test_the_end_of_a_failed_run_has_the_cause_and_the_next_step(heard, minions):
    minions.servers["dhcp-b"]["relationships"]["foo"]["state"] = "recover"
    run = heard(again="salt-run dhcp_failover.restart foo")
    go(run)
    end = run.heard[-1][1]
    assert end["cause"].startswith("Not safe: foo is not normal: dhcp-b is in recover")
    assert end["next"].endswith("; to go on: salt-run dhcp_failover.restart foo")
    assert CATALOGUE["relationship"].do.split("{")[0] in end["next"]


def test_the_end_of_a_complete_run_has_neither(heard):
    run = heard()
    go(run)
    end = run.heard[-1][1]
    assert (end["cause"], end["next"]) == (None, None)


def test_what_an_act_was_refused_for_is_the_cause_without_what_is_left(heard, minions):
    def refuse(minion):
        reason = {"code": "start", "text": "masked", "blocks": True, "do": "unmask the unit"}
        return {"result": False, "comment": "dhcp-b is masked", "reasons": [reason]}

    minions.on_restart = refuse
    run = heard()
    go(run)
    end = run.heard[-1][1]
    assert end["cause"] == "dhcp-b is masked."
    assert "Fix the cause and run the same command again" in end["text"]
    assert end["next"] == "unmask the unit; to go on: the same command"


def test_a_failure_without_a_known_remedy_leads_to_the_doctor(heard, minions):
    minions.on_restart = lambda minion: {"result": False, "comment": "it did not start"}
    run = heard()
    go(run)
    assert run.heard[-1][1]["next"].startswith("salt-run dhcp_failover.doctor foo:dhcp-a:dhcp-b")


def test_a_run_that_found_the_pair_locked_ends_at_once(heard):
    first, second = heard(), heard()
    assert first.lock().result
    assert second.lock().result is False
    second.unlock()
    assert whats(second) == ["lock", "ended"]
    first.unlock()
    assert whats(first) == ["begun", "lock", "ended"]
    assert first.heard[-1][1]["result"] is False


def test_a_dry_run_and_a_mere_wait_are_no_run(heard):
    run = heard()
    run.lock(test=True)
    run.preflight(test=True)
    run.wait_normal()
    run.unlock(test=True)
    assert run.heard == []


def test_an_interruption_is_told(heard, minions):
    def interrupt(minion):
        raise Interrupted("SIGINT")

    minions.on_restart = interrupt
    run = heard()
    with pytest.raises(Interrupted):
        go(run)
    run.unlock()
    assert whats(run) == ["begun", "lock", "preflight", "ended"]
    assert "Interrupted" in run.heard[-1][1]["text"]
