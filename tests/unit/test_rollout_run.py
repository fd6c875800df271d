"""
A rollout over a pair, step by step.

The fleet is a fake: answers that are lost can't be had on demand from real minions. The
integration tests roll out to real ones.
"""

from __future__ import annotations

import pytest
from fake_fleet import FakeFleet
from fake_fleet import new_run
from iscdhcp import engine
from iscdhcp.rollout import Rollout
from iscdhcp.run import Request
from test_rollout import both


class Servers(FakeFleet):
    """Two servers with files: what is staged, applied and taken back is noted."""

    def __init__(self):
        super().__init__()
        new = {"files": {"/x": "+new"}, "why": "it says something else"}
        self.new = {server: dict(new) for server in self.servers}
        self.stage = dict.fromkeys(self.servers)
        self.said = []
        self.on_roll_back = self.old_again
        self.equal = True
        self.reports = both()

    def ask(self, minions, function, kwarg=None, patience=6.0):
        self.said += [(function, minion) for minion in minions]
        found = {}
        for minion in minions:
            if minion in self.silent:
                found[minion] = {"error": "no answer within 6 s"}
                continue
            answer = getattr(self, function.replace("dhcpd.", "do_"))(minion, **(kwarg or {}))
            found[minion] = answer if "error" in answer else {"ret": answer}
        return found

    def do_stage(self, minion, run, test, **origins):
        answer = self.new[minion]
        if isinstance(answer, str):
            return {"result": False, "comment": answer}
        if not test:
            self.stage[minion] = {"run": run, "state": "staged"}
        reports = {"peers": both()[minion], "new_peers": self.reports[minion]}
        return {"result": True, "comment": "", "findings": [], **reports, **answer}

    def do_staged(self, minion):
        return self.stage[minion] or {}

    def do_unstage(self, minion, run):
        return {"result": True}

    def do_apply_staged(self, minion, run):
        self.stage[minion]["state"] = "applied"
        return {"result": True, "comment": "replaced"}

    def do_normal_form(self, minion, **more):
        digest = "same" if self.equal else minion
        form = {"digest": digest, "relationships": {}}
        return form if more["digest_only"] else {**form, "nodes": [[minion, "f", 1]], "ordered": []}

    def old_again(self, minion):
        self.spoil(minion, "normal")
        return self.new_process(minion)

    def do_roll_back(self, minion, run, evidence, force, timeout, identity):
        self.evidence = evidence
        self.stage[minion]["state"] = "rolled-back"
        return self.on_roll_back(minion)

    def restart(self, minion, patience, **arguments):
        if arguments.get("staged"):
            self.stage[minion]["state"] = "applied"
        return super().restart(minion, patience, **arguments)

    def spoil(self, minion, state):
        self.servers[minion]["relationships"]["foo"]["state"] = state


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(engine, "POLL_INTERVAL", 0.01)
    monkeypatch.setattr(engine, "LOST_CONTACT", 0.3)


@pytest.fixture
def fleet():
    return Servers()


@pytest.fixture
def run(fleet, tmp_path):
    def build(origins=None, **request):
        wanted = Request(**{"timeout": 0.2, **request})
        built = new_run(Rollout, fleet, tmp_path, wanted)
        built.origins = {"sls": "dhcp.config"} if origins is None else origins
        return built

    return build


def go(run, test=False):
    """Take all steps as the orchestration does; return them."""
    acts = [run.lock, run.preflight, run.stage]
    for position in range(2):
        acts.append(lambda test, position=position: run.configure(position, test))
        acts.append(lambda test, position=position: run.prove(position, test))
    acts.append(run.agree)
    steps = []
    for act in acts:
        steps.append(act(test=test))
        if steps[-1].result is False:
            break
    run.unlock(test)
    return steps


def test_secondary_then_primary_each_checked_before_the_first_is_touched(fleet, run):
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert fleet.acts == ["dhcp-b", "dhcp-a"]
    assert [one for one in fleet.said if one[0] == "dhcpd.stage"] == [
        ("dhcpd.stage", "dhcp-b"),
        ("dhcpd.stage", "dhcp-a"),
    ]
    assert fleet.arguments["staged"]
    assert fleet.claims == {}


def test_the_second_time_nothing_is_done(fleet, run):
    fleet.new = dict.fromkeys(fleet.servers, {"files": {}, "why": None})
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert not any(step.changes for step in steps[1:])
    assert fleet.acts == []


def test_files_in_which_nothing_matters_are_replaced_without_a_restart(fleet, run):
    fleet.new = dict.fromkeys(fleet.servers, {"files": {"/x": "+# new"}, "why": None})
    assert [step.result for step in go(run())] == [True] * 8
    assert fleet.acts == []
    assert {one["state"] for one in fleet.stage.values()} == {"applied"}


def test_a_pending_restart_is_done_although_no_file_changes(fleet, run):
    fleet.new["dhcp-b"] = {"files": {}, "why": "a restart is pending"}
    fleet.new["dhcp-a"] = {"files": {}, "why": None}
    assert [step.result for step in go(run())] == [True] * 8
    assert fleet.acts == ["dhcp-b"]
    assert "staged" not in fleet.arguments


def test_a_bad_file_of_the_primary_stops_before_the_secondary_is_touched(fleet, run):
    fleet.new["dhcp-a"] = "dhcp-a: /etc/dhcp/dhcpd.conf:7: expected a semicolon"
    steps = go(run())
    assert steps[-1].result is False
    assert "dhcpd.conf:7" in steps[-1].comment and "Nothing was touched" in steps[-1].comment
    assert fleet.acts == []
    assert "continues" not in go(run())[0].comment


def test_what_could_never_be_normal_is_refused_unless_it_is_forced(fleet, run):
    fleet.reports = both(peer_port=648)
    steps = go(run())
    assert len(steps) == 3 and "port 648" in steps[-1].comment
    assert fleet.acts == []
    assert [step.result for step in go(run(force=frozenset({"mismatch"})))] == [True] * 8


def test_contents_are_refused_before_anything_is_asked(fleet, run):
    steps = go(run(origins={"source": 'key "geheim" { }'}))
    assert [step.result for step in steps] == [False]
    assert "geheim" not in steps[0].comment
    assert fleet.said == []


def never_normal(fleet):
    def restart(minion):
        fleet.spoil(minion, "startup")
        return fleet.new_process(minion)

    fleet.on_restart = restart


def test_a_server_that_never_gets_normal_is_taken_back_and_the_primary_is_not_touched(fleet, run):
    never_normal(fleet)
    steps = go(run())
    assert [step.result for step in steps] == [True] * 4 + [False]
    for words in (
        "startup",
        "dhcp-b has its old configuration back and is normal with it again",
        "dhcp-a was not touched",
    ):
        assert words in steps[-1].comment
    assert fleet.acts == ["dhcp-b"]
    assert fleet.evidence["foo"]["minion"] == "dhcp-a"
    assert fleet.evidence["foo"]["serves"] is True


def test_after_it_was_taken_back_the_next_rollout_begins_anew(fleet, run):
    never_normal(fleet)
    go(run())
    fleet.on_restart = fleet.new_process
    steps = go(run())
    assert "continues" not in steps[0].comment
    assert [step.result for step in steps] == [True] * 8
    assert fleet.acts == ["dhcp-b", "dhcp-b", "dhcp-a"]


def test_a_start_that_failed_was_taken_back_on_the_server_itself(fleet, run):
    def restart(minion):
        fleet.new_process(minion)
        fleet.stage[minion]["state"] = "rolled-back"
        return {"result": False, "comment": "dhcpd did not start: port taken."}

    fleet.on_restart = restart
    steps = go(run())
    assert "port taken" in steps[-1].comment
    assert "dhcp-b has its old configuration back and is normal" in steps[-1].comment
    assert ("dhcpd.roll_back", "dhcp-b") not in fleet.said


def test_a_dhcpd_that_its_service_manager_starts_again_and_again_is_taken_back(fleet, run):
    never_normal(fleet)
    orders = []

    def back(minion):
        orders.append(1)
        if len(orders) < 3:
            reasons = [{"code": "other-process", "text": "x", "blocks": True}]
            return {"result": False, "comment": "Nothing done.", "reasons": reasons}
        return fleet.old_again(minion)

    fleet.on_roll_back = back
    steps = go(run())
    assert "dhcp-b has its old configuration back and is normal" in steps[-1].comment
    assert len(orders) == 3


def test_what_can_not_be_taken_back_says_where_to_look(fleet, run):
    never_normal(fleet)
    fleet.on_roll_back = lambda minion: {"result": False, "comment": "the backup is gone."}
    steps = go(run())
    assert "the backup is gone" in steps[-1].comment
    assert "Look at dhcp-b now" in steps[-1].comment
    assert "dhcp-a was not touched" in steps[-1].comment


def test_a_relationship_that_is_gone_is_not_taken_for_normal(fleet, run):
    def restart(minion):
        fleet.servers[minion]["relationships"] = {}
        return fleet.new_process(minion)

    def back(minion):
        fleet.servers[minion]["relationships"] = Servers().servers[minion]["relationships"]
        return fleet.new_process(minion)

    fleet.on_restart, fleet.on_roll_back = restart, back
    steps = go(run())
    assert "dhcp-b does not know foo any more" in steps[-1].comment
    assert "old configuration back" in steps[-1].comment
    assert fleet.acts == ["dhcp-b"]


def test_an_interrupted_rollout_goes_on_with_what_is_left(fleet, run):
    first = run()
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    first.locks.release()  # as the kernel does when the process is killed
    fleet.spoil("dhcp-b", "communications-interrupted")
    fleet.new["dhcp-b"] = {"files": {}, "why": None}
    looks = iter(range(100))
    fleet.on_status = lambda fleet: next(looks) > 3 and fleet.spoil("dhcp-b", "normal")
    steps = go(run(timeout=5))
    assert "continues" in steps[0].comment
    assert [step.result for step in steps] == [True] * 8, steps
    assert fleet.acts == ["dhcp-b", "dhcp-a"]


def test_a_killed_rollout_that_is_not_normal_is_taken_back_by_the_next_one(fleet, run):
    first = run()
    never_normal(fleet)
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    first.locks.release()
    fleet.new["dhcp-b"] = {"files": {}, "why": None}
    fleet.do_stage = lambda minion, run, test, **origins: {
        **Servers.do_stage(fleet, minion, run, True, **origins)
    }
    steps = go(run())
    assert "old configuration back" in steps[-1].comment
    assert fleet.acts == ["dhcp-b"]


def test_servers_that_still_differ_fail_the_last_step(fleet, run):
    fleet.equal = False
    steps = go(run())
    assert [step.result for step in steps] == [True] * 7 + [False]
    assert "differ" in steps[-1].comment
    assert go(run(force=frozenset({"drift"})))[-1].result is True


def test_a_dry_run_shows_both_diffs_and_the_plan_and_touches_nothing(fleet, run, tmp_path):
    steps = go(run(), test=True)
    assert [step.result for step in steps] == [None] * 8
    assert steps[2].changes == {"dhcp-a": {"/x": "+new"}, "dhcp-b": {"/x": "+new"}}
    assert "dhcp-b gets /x and is restarted" in steps[2].comment
    assert fleet.acts == [] and fleet.claims == {}
    assert set(fleet.stage.values()) == {None}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
