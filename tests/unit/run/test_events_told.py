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
