"""
A server with new files is watched for a while before its partner is touched, and taken back if bad.

The minions are a fake and time is made: a minute passes at once.
"""

from __future__ import annotations

import pytest
from fake_minions import new_run
from iscdhcp.run.rollout import Rollout
from iscdhcp.run.rollout import RolloutRequest
from test_rollout import Servers
from test_rollout import go


@pytest.fixture
def minions():
    return Servers()


@pytest.fixture
def run(minions, tmp_path):
    def build(**request):
        built = new_run(Rollout, minions, tmp_path, RolloutRequest(**request))
        built.origins = {"sls": "dhcp.config"}
        built.journal.listeners.append(entries.append)
        return built

    entries = []
    build.entries = entries
    return build


def when_restarted(minions, seconds, change):
    """So many seconds after dhcp-b's restart something happens to it."""

    def restart(minion):
        minions.clock.after(seconds, change)
        minions.on_restart = minions.new_process
        return minions.new_process(minion)

    minions.on_restart = restart


def check_taken_back(minions, steps, *words):
    assert steps[-1].result is False
    for word in (*words, "dhcp-b has its old configuration back", "dhcp-a was not touched"):
        assert word in steps[-1].comment, steps[-1].comment
    assert minions.acts == ["dhcp-b"]
    assert minions.stage["dhcp-b"]["state"] == "rolled-back"


def test_the_primary_is_touched_a_minute_after_the_secondary_was_normal_first(minions, run):
    times = []

    def restart(minion):
        times.append(minions.clock.time())
        return minions.new_process(minion)

    minions.on_restart = restart
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert 60 <= times[1] - times[0] < 70
    assert "stood its probation of 60 s" in steps[4].comment
    assert "probation" not in steps[6].comment
    assert minions.clock.time() - times[1] < 10, "the second server is not watched so long"
    (counted,) = [one for one in run.entries if one.get("probation")]
    assert counted["what"] == "waiting" and counted["server"] == "dhcp-b"
    assert 59 < counted["probation"] - times[0] < 65


@pytest.mark.parametrize("seconds, least, most", [(0, 0, 10), (300, 300, 310)])
def test_the_time_is_what_was_asked_for(minions, run, seconds, least, most):
    begun = minions.clock.time()
    steps = go(run(probation=seconds))
    assert [step.result for step in steps] == [True] * 8
    assert least <= minions.clock.time() - begun < most
    assert any(one.get("probation") for one in run.entries) is bool(seconds)


def test_a_dhcpd_that_ends_and_is_started_again_did_not_stand_its_probation(minions, run):
    when_restarted(minions, 50, lambda: minions.new_process("dhcp-b"))
    check_taken_back(minions, go(run()), "another one runs")


def test_a_dhcpd_that_ends_did_not_stand_its_probation(minions, run):
    process = minions.servers["dhcp-b"]["process"]

    def back(minion):
        process["running"] = True
        return minions.old_again(minion)

    minions.on_roll_back = back
    when_restarted(minions, 5, lambda: process.update(running=False))
    check_taken_back(minions, go(run()), "dhcpd is not running on dhcp-b")


def test_a_server_that_is_normal_for_a_moment_only_is_taken_back(minions, run):
    when_restarted(minions, 30, lambda: minions.spoil("dhcp-b", "communications-interrupted"))
    check_taken_back(minions, go(run()), "did not stand its probation", "interrupted")


def test_what_only_the_partner_sees_counts_too(minions, run):
    def back(minion):
        minions.spoil("dhcp-a", "normal")
        return minions.new_process(minion)

    minions.on_roll_back = back
    when_restarted(minions, 30, lambda: minions.spoil("dhcp-a", "communications-interrupted"))
    check_taken_back(minions, go(run()), "dhcp-a is in communications-interrupted")


def test_an_answer_that_is_lost_is_no_failure_and_no_proof(minions, run):
    def back():
        minions.silent.clear()

    def silent():
        minions.silent.add("dhcp-b")
        minions.clock.after(45, back)

    begun = minions.clock.time()
    when_restarted(minions, 30, silent)
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert minions.clock.time() - begun > 75, "it was seen to be good at the end"


def test_a_server_that_is_never_seen_again_is_left_as_it_is(minions, run):
    when_restarted(minions, 30, lambda: minions.silent.add("dhcp-b"))
    steps = go(run())
    assert steps[-1].result is False
    assert "Lost contact on the probation of dhcp-b" in steps[-1].comment
    assert "dhcp-a was not touched" in steps[-1].comment
    assert ("dhcpd.roll_back", "dhcp-b") not in minions.said
    assert minions.acts == ["dhcp-b"]


def test_a_pause_in_a_probation_is_no_lost_contact(minions, run):
    """The first look after it finds nobody, the second one does."""
    going = run()

    def paused():
        going.orders.give(going.attempt, "pause", "bob", "tea")
        minions.clock.after(300, resumed)

    def resumed():
        going.orders.give(going.attempt, "resume", "bob", None)
        minions.silent.add("dhcp-b")
        minions.clock.after(20, minions.silent.clear)

    when_restarted(minions, 30, paused)
    assert [step.result for step in go(going)] == [True] * 8


def test_a_run_that_goes_on_watches_for_what_is_left(minions, run):
    first = run()

    def dies():
        raise KeyboardInterrupt

    minions.clock.after(40, dies)
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    with pytest.raises(KeyboardInterrupt):
        first.prove(0)
    first.locks.release()
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    begun = minions.clock.time()
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8, steps
    assert 15 < minions.clock.time() - begun < 40
    assert minions.acts == ["dhcp-b", "dhcp-a"]


def test_where_only_the_second_server_gets_new_files_it_is_the_one_that_is_watched(minions, run):
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert "dhcp-a has stood its probation" in steps[6].comment


def test_what_restarts_nothing_needs_no_probation(minions, run):
    minions.new = dict.fromkeys(minions.servers, {"files": {"/x": "+# new"}, "why": None})
    begun = minions.clock.time()
    assert [step.result for step in go(run())] == [True] * 8
    assert minions.clock.time() - begun < 10


def test_a_dry_run_says_for_how_long(run):
    assert "on probation for 60 s" in go(run(), test=True)[4].comment
    assert "probation" not in go(run(probation=0), test=True)[4].comment


def test_a_server_that_does_not_answer_at_the_end_of_its_probation_is_taken_back(minions, run):
    asked = []

    def status(of):
        # Its partner has asked it, in the last look and not before.
        begun = of.clock.time() - of.servers["dhcp-b"]["process"]["started"]
        if of.asks and begun > 30:
            asked.append(of.asks)
            partners = of.servers["dhcp-a"]["relationships"]["foo"]["asked"]
            partners.update(asked=of.clock.time(), offered=False)

    minions.on_status = status
    check_taken_back(minions, go(run()), "dhcp-b offers nothing to the question of dhcp-a")
    assert asked[0] == {"foo": "dhcp-a"}


# -- leases that no new range holds --------------------------------------------------------------


def forgets(count, *named):
    return {"leases": count, "named": list(named), "unknown": None}


def test_leases_that_no_new_range_holds_are_named_and_nothing_is_touched(minions, run):
    for server in minions.servers:
        minions.new[server]["forgotten"] = forgets(112, "10.0.0.10", "10.0.0.11")
    steps = go(run())
    assert steps[-1].result is False and len(steps) == 3
    for word in ("112 leases", "10.0.0.10, 10.0.0.11 and 110 more", "Nothing was touched"):
        assert word in steps[-1].comment
    assert minions.acts == []
    steps = go(run(force=frozenset({"leases"}), probation=0))
    assert [step.result for step in steps] == [True] * 8
    assert any("112 leases" in one for one in steps[2].warnings)


def test_leases_that_could_not_be_counted_are_not_taken_for_none(minions, run):
    minions.new["dhcp-a"]["forgotten"] = {"leases": 0, "named": [], "unknown": "it can't be read"}
    steps = go(run())
    assert steps[-1].result is False and "can't be read" in steps[-1].comment
    assert minions.acts == []


# -- the last rollout taken back -----------------------------------------------------------------


def taking_back(run, **request):
    built = run(**request)
    built.origins = {"previous": True}
    return built


def applied(run, at):
    return {"run": run, "state": "applied", "applied_at": at}


def test_a_finished_rollout_is_taken_back_through_the_same_gates(minions, run):
    minions.stage = {"dhcp-a": applied("r2", 200.0), "dhcp-b": applied("r2", 100.0)}
    begun = minions.clock.time()
    steps = go(taking_back(run))
    assert [step.result for step in steps] == [True] * 8
    assert minions.origins["previous"] == "r2"
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    assert minions.clock.time() - begun > 60


def test_the_last_of_two_rollouts_is_meant(minions, run):
    minions.stage = {"dhcp-a": applied("r1", 100.0), "dhcp-b": applied("r2", 200.0)}
    go(taking_back(run))
    assert minions.origins["previous"] == "r2"


@pytest.mark.parametrize("state", ["staged", "rolled-back", None])
def test_where_nothing_was_rolled_out_nothing_is_taken_back(minions, run, state):
    if state:
        minions.stage = dict.fromkeys(minions.servers, {**applied("r1", 1.0), "state": state})
    steps = go(taking_back(run))
    assert steps[-1].result is False and "no rollout is known" in steps[-1].comment
    assert minions.acts == []


def test_previous_and_new_files_at_once_are_refused(minions, run):
    built = run()
    built.origins = {"previous": True, "sls": "dhcp.config"}
    assert "leave sls away" in go(built)[-1].comment
    assert minions.said == []


def test_a_taking_back_that_was_interrupted_goes_on_with_the_same_rollout(minions, run):
    minions.stage = {"dhcp-a": applied("r2", 200.0), "dhcp-b": applied("r2", 100.0)}
    first = taking_back(run, probation=0)
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    first.locks.release()
    minions.stage["dhcp-a"] = applied("r2", 200.0)
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    minions.stage["dhcp-b"]["applied_at"] = minions.clock.time()
    steps = go(taking_back(run, probation=0))
    assert "continues" in steps[0].comment
    assert [step.result for step in steps] == [True] * 8
    assert minions.origins["previous"] == "r2"


def test_one_that_is_only_watched_is_judged_from_when_it_was_seen_first(minions, run):
    """A fleet's canary: who gives no answer yet is neither good nor bad."""
    one = run()
    minions.silent = {"dhcp-b"}
    assert one.watch("dhcp-b", over=False).outcome == "wait"
    minions.silent = set()
    assert one.watch("dhcp-b", over=False).outcome == "yes"
    minions.new_process("dhcp-b")
    verdict = one.watch("dhcp-b", over=False)
    assert verdict.outcome == "no" and "dhcp-b" in verdict.sentence
