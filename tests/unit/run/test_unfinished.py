"""An unfinished run and the commands after it: who goes on, who is refused, what is kept."""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import go
from fake_minions import new_run
from iscdhcp import commands
from iscdhcp import files
from iscdhcp.pair import locks
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run import records
from iscdhcp.run import restart
from iscdhcp.run.base import Request
from iscdhcp.run.reboot import PairReboot
from iscdhcp.run.reboot import RebootRequest
from iscdhcp.run.rollout import Rollout

COMMAND = "salt-run dhcp_failover.restart foo"


@pytest.fixture
def minions():
    return FakeMinions()


@pytest.fixture
def run(minions, tmp_path):
    return lambda **request: new_run(restart.PairRun, minions, tmp_path, Request(**request))


@pytest.fixture
def unfinished(minions, run, tmp_path):
    """A restart that ended after dhcp-b; return what is noted on disk, byte for byte."""

    def noted():
        return {path.name: path.read_bytes() for path in (tmp_path / "runs").iterdir()}

    minions.servers["dhcp-b"]["relationships"]["foo"]["unacked"] = 0

    def not_normal(minion):
        minions.servers[minion]["relationships"]["foo"]["state"] = "startup"
        return minions.new_process(minion)

    minions.on_restart = not_normal
    go(run(again=COMMAND, timeout=0.1))
    assert minions.acts == ["dhcp-b"]
    minions.servers["dhcp-b"]["relationships"]["foo"]["state"] = "normal"
    minions.on_restart = minions.new_process
    return noted


@pytest.mark.parametrize(
    "request_, word",
    [
        ({"order": "primary-first"}, "its order (dhcp-a, dhcp-b, not dhcp-b, dhcp-a)"),
        ({"method": "drain"}, "its method (drain, not signal)"),
        ({"only": "dhcp-a"}, "its servers (dhcp-a, not dhcp-b, dhcp-a)"),
    ],
)
def test_another_command_is_refused_and_told_which_one_goes_on(unfinished, run, request_, word):
    before = unfinished()
    for test in (False, True):
        refused = run(**request_).lock(test=test)
        assert refused.result is False
        assert word in refused.comment
        assert "(dhcp-b restarted; dhcp-a not yet)" in refused.comment
        assert f"To go on with it: {COMMAND}." in refused.comment
        assert "fresh=True" in refused.comment
    assert unfinished() == before
    assert all(step.result for step in go(run())), "the lock is free, and the run goes on"


def test_another_task_is_refused(unfinished, run, minions, tmp_path):
    before = unfinished()
    rollout = new_run(Rollout, minions, tmp_path, Request())
    reboot = new_run(PairReboot, minions, tmp_path, RebootRequest(command="true"))
    assert "its task (a rollout, not a restart)" in rollout.lock().comment
    assert "its task (a reboot, not a restart)" in reboot.lock().comment
    assert unfinished() == before


def test_a_refused_command_is_in_the_journal(unfinished, run, tmp_path):
    run(method="drain").lock()
    last = journal.read(journal.paths(tmp_path / "journal")[0])
    assert history.row(last)["outcome"] == "failed"
    assert "differs in its method" in history.row(last)["comment"]
    assert history.row(last)["restarted"] == []


def test_a_run_that_the_preflight_refuses_leaves_the_record(unfinished, run, minions):
    before = unfinished()
    minions.servers["dhcp-a"]["relationships"]["foo"]["state"] = "recover"
    assert "Not safe" in go(run(fresh=True))[-1].comment
    minions.silent.add("dhcp-a")
    assert "dhcp-a" in go(run(fresh=True))[-1].comment
    assert unfinished() == before


def test_an_act_that_the_guard_refuses_leaves_the_record(unfinished, run, minions):
    before = unfinished()
    reason = {"code": "relationship", "text": "foo is not normal", "blocks": True}
    answer = {"result": False, "comment": "no", "refused": True, "reasons": [reason]}
    minions.on_restart = lambda minion: answer
    assert go(run(fresh=True, order="primary-first"))[-1].result is False
    assert unfinished() == before


def test_a_run_that_the_guard_refuses_at_its_first_act_leaves_none(run, minions, tmp_path):
    minions.on_restart = lambda minion: {"result": False, "comment": "no", "refused": True}
    assert go(run())[-1].result is False
    assert list((tmp_path / "runs").iterdir()) == []
    minions.on_restart = minions.new_process
    assert all(step.result for step in go(run(order="primary-first")))


def test_a_run_that_begins_anew_ends_what_another_left(unfinished, run, minions, tmp_path):
    reboot = new_run(PairReboot, minions, tmp_path, RebootRequest(method="signal", fresh=True))
    assert reboot.lock().result and reboot.preflight().result
    reboot._ordered("dhcp-b")
    reboot._finish()
    reboot.unlock()
    (left,) = records.unfinished(tmp_path / "runs", "foo:dhcp-a:dhcp-b", minions.clock.time())
    assert left["kind"] == "reboot"


def test_a_record_of_an_earlier_version_is_continued(unfinished, run, tmp_path):
    path = tmp_path / "runs" / "foo%3Adhcp-a%3Adhcp-b.json"
    old = files.read_json(path)
    for key in ("kind", "task", "again"):
        old.pop(key)
    for entry in old["servers"].values():
        entry.pop("ordered", None)
    files.write_json(path, old)
    assert "give the command of then again" in run(method="drain").lock().comment
    assert "continues" in go(run())[0].comment


# -- claims --------------------------------------------------------------------------------------


def test_a_claim_of_a_dead_run_of_this_master_is_taken_over(run, minions, tmp_path):
    mark = {"run": "old", "who": "bob", "until": 0, "master": locks.master_identity(tmp_path)}
    minions.claims = {"dhcp-a": mark, "dhcp-b": mark}
    this = run()
    steps = go(this)
    assert all(step.result for step in steps), steps[-1].comment
    said = [text for text in this.said if "left behind by the run of bob" in text]
    assert len(said) == 2
    assert minions.claims == {}


def test_an_act_of_the_dead_run_is_waited_for(run, minions, tmp_path):
    mark = {"run": "old", "who": "bob", "until": 0, "master": locks.master_identity(tmp_path)}
    minions.claims = {"dhcp-a": mark, "dhcp-b": mark}
    minions.servers["dhcp-b"]["acting"] = True
    looks = []

    def ends(minions):
        looks.append(1)
        minions.servers["dhcp-b"]["acting"] = len(looks) < 4

    minions.on_status = ends
    this = run()
    steps = go(this)
    assert all(step.result for step in steps), steps[-1].comment
    assert any("Waiting: dhcpd on dhcp-b is being stopped or started" in one for one in this.said)


def test_a_claim_of_another_master_stands(run, minions):
    minions.claims["dhcp-a"] = {"run": "old", "who": "bob", "until": 0, "master": "x@elsewhere"}
    assert "claimed by bob" in go(run())[-1].comment
    assert minions.acts == []


def test_a_dry_run_does_not_stumble_over_a_dead_runs_claim(run, minions, tmp_path):
    mark = {"run": "old", "who": "bob", "until": 0, "master": locks.master_identity(tmp_path)}
    minions.claims["dhcp-a"] = mark
    dry = run()
    assert dry.lock(test=True).result is None
    assert dry.preflight(test=True).result is None
    assert minions.claims["dhcp-a"] == mark


def test_a_claim_of_a_run_that_lives_is_no_dead_ones(run, minions, tmp_path):
    lives = run()
    assert lives.lock().result and lives.preflight().result
    other = run()
    claim = minions.claims["dhcp-a"]
    assert not other._is_left_behind("dhcp-a", claim)
    lives.unlock()
    assert other._is_left_behind("dhcp-a", claim)


def test_a_master_keeps_its_identity(tmp_path):
    assert locks.master_identity(tmp_path, make=False) is None
    first = locks.master_identity(tmp_path)
    assert locks.master_identity(tmp_path) == first
    assert locks.master_identity(tmp_path / "other") != first


# -- commands ------------------------------------------------------------------------------------


def test_a_command_can_be_given_again():
    said = {"pair": "foo", "fresh": True, "command": "echo 'a'", "force": None}
    command = commands.orchestration("orch.dhcp_failover_reboot", "reboot", list(said), said)
    assert command == (
        "salt-run state.orch orch.dhcp_failover_reboot "
        """pillar='{"pair": "foo", "command": "echo '"'"'a'"'"'"}'"""
    )
    assert commands.orchestration(None, "restart", [], {}) == (
        "salt-run state.orch orch.dhcp_failover_restart"
    )
    assert commands.runner("restart", "foo", order=["a", "b"], method=None) == (
        "salt-run dhcp_failover.restart foo order=a,b"
    )


def test_a_site_s_own_orchestration_is_named_without_its_pillar():
    told = commands.orchestration("site.dhcp", "restart", None, {"pair": "foo"})
    assert told == "salt-run state.orch site.dhcp (called as before)"


def test_no_password_is_in_a_command():
    said = {"source": {"/etc/dhcp/dhcpd.conf": "https://ann:pw@files/dhcpd.conf"}}
    assert "pw" not in commands.orchestration(None, "rollout", ["source"], said)
