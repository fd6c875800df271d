"""
A run over a pair, step by step.

The minions are a fake: that answers are lost, late or contradictory can't be had on demand from
real minions. The integration tests run the same steps against real ones.
"""

from __future__ import annotations

import pytest
from fake_minions import go
from iscdhcp.pair import locks
from iscdhcp.run import journal
from iscdhcp.shapes import Survey
from pair_facts import NOW
from shaped import shaped


def test_the_secondary_is_restarted_first_then_the_primary_each_once(minions, run):
    steps = go(run())
    assert [step.result for step in steps] == [True] * 6
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    assert minions.claims == {}


def test_the_act_carries_fresh_evidence_of_the_other_end(minions, run):
    go(run())
    assert minions.arguments["evidence"]["foo"]["minion"] == "dhcp-b"
    assert minions.arguments["evidence"]["foo"]["observed"] == NOW


def test_a_second_run_is_refused_while_the_first_holds_the_pair(minions, run):
    first, second = run(), run()
    assert first.lock().result
    refused = second.lock()
    assert refused.result is False
    assert "ann on master" in refused.comment
    second.unlock()
    assert run().lock().result is False, "the loser's unlock must not free the winner's lock"
    first.unlock()
    assert run().lock().result


def test_a_hold_refuses_the_run(minions, run, tmp_path):
    locks.Holds(tmp_path / "holds").put("dhcp-a", "bob", "power works", None)
    assert "held by bob: power works" in run().lock().comment


def test_nothing_is_touched_when_the_pair_is_not_normal_at_the_start(minions, run):
    minions.servers["dhcp-a"]["relationships"]["foo"]["state"] = "recover"
    steps = go(run())
    assert [step.result for step in steps] == [True, False]
    assert "Nothing was touched" in steps[-1].comment
    assert minions.acts == []


def test_nothing_is_touched_when_a_minion_is_silent(minions, run):
    minions.silent.add("dhcp-b")
    steps = go(run())
    assert steps[-1].result is False
    assert "dhcp-b" in steps[-1].comment
    assert minions.acts == []


def test_the_second_server_is_untouched_when_the_first_does_not_come_back(minions, run):
    minions.on_restart = lambda minion: {"result": False, "comment": "it did not start: port taken"}
    steps = go(run())
    assert minions.acts == ["dhcp-b"]
    assert "port taken" in steps[-1].comment
    assert "dhcp-a was not touched" in steps[-1].comment


def test_the_second_server_is_untouched_when_the_pair_does_not_get_normal(minions, run):
    def restart(minion):
        minions.servers[minion]["relationships"]["foo"]["state"] = "startup"
        return minions.new_process(minion)

    minions.on_restart = restart
    steps = go(run(timeout=0.2))
    assert minions.acts == ["dhcp-b"]
    assert "Not normal after" in steps[-1].comment
    assert "startup" in steps[-1].comment


def test_the_same_command_goes_on_after_a_failed_wait_and_restarts_nothing_twice(minions, run):
    def restart(minion):
        minions.servers[minion]["relationships"]["foo"]["state"] = "startup"
        return minions.new_process(minion)

    minions.on_restart = restart
    go(run(timeout=0.1))
    minions.on_restart = minions.new_process
    begun = minions.clock.monotonic()

    def heal(minions):
        if minions.clock.monotonic() > begun + 0.2:
            minions.servers["dhcp-b"]["relationships"]["foo"]["state"] = "normal"

    minions.on_status = heal
    again = run()
    steps = go(again)
    assert [step.result for step in steps] == [True] * 6
    assert "continues" in steps[0].comment
    assert "already" in steps[2].comment
    assert minions.acts == ["dhcp-b", "dhcp-a"]


def test_a_finished_run_is_not_continued(minions, run):
    go(run())
    steps = go(run())
    assert "continues" not in steps[0].comment
    assert minions.acts == ["dhcp-b", "dhcp-a"] * 2


def test_fresh_begins_anew(minions, run):
    minions.on_restart = lambda minion: {**minions.new_process(minion), "result": False}
    go(run())
    minions.on_restart = minions.new_process
    go(run(fresh=True))
    assert minions.acts == ["dhcp-b", "dhcp-b", "dhcp-a"]


def test_a_lost_answer_is_settled_by_the_process_that_runs(minions, run):
    def lost_after_the_act(minion):
        minions.new_process(minion)
        return {"lost": "no answer within 75 s"}

    minions.on_restart = lost_after_the_act
    steps = go(run())
    assert [step.result for step in steps] == [True] * 6


def test_a_lost_order_is_not_taken_for_a_restart(minions, run):
    minions.on_restart = lambda minion: {"lost": "no answer"}
    steps = go(run())
    assert steps[-1].result is False
    assert "never reached" in steps[-1].comment
    assert minions.acts == ["dhcp-b"]


def test_a_wait_survives_a_minion_that_stalls(minions, run):
    begun = minions.clock.monotonic()

    def restart(minion):
        minions.silent.add("dhcp-a")
        nonlocal begun
        begun = minions.clock.monotonic()
        return minions.new_process(minion)

    def back(minions):
        if minions.clock.monotonic() > begun + 0.3:
            minions.silent.clear()

    minions.on_restart, minions.on_status = restart, back
    steps = go(run())
    assert [step.result for step in steps] == [True] * 6


def test_a_wait_gives_up_when_the_restarted_server_is_never_heard_of_again(minions, run):
    def restart(minion):
        minions.silent.add(minion)
        return minions.new_process(minion)

    minions.on_restart = restart
    steps = go(run())
    assert "Lost contact with dhcp-b" in steps[-1].comment
    assert minions.acts == ["dhcp-b"]


def test_a_busy_minion_is_waited_for_up_to_the_limit(minions, run):
    begun = minions.clock.monotonic()

    def busy(minions):
        over = minions.clock.monotonic() > begun + 0.2
        minions.servers["dhcp-b"]["busy"] = None if over else "state.apply is running as PID 5"

    minions.on_status = busy
    assert all(step.result for step in go(run(busy_timeout=5)))


def test_a_minion_that_stays_busy_is_named(minions, run):
    minions.servers["dhcp-b"]["busy"] = "state.apply is running as PID 5"
    steps = go(run(busy_timeout=0.1))
    assert "state.apply is running as PID 5" in steps[-1].comment
    assert minions.acts == []


def test_somebody_elses_claim_refuses(minions, run):
    bob = {"run": "x", "who": "bob at his console", "until": NOW + 60, "master": None}
    minions.claims["dhcp-a"] = bob
    steps = go(run())
    assert "bob at his console" in steps[-1].comment
    assert minions.acts == []


def test_one_server_alone_can_be_restarted(minions, run):
    assert all(step.result for step in go(run(only="dhcp-a")))
    assert minions.acts == ["dhcp-a"]


def test_a_dry_run_says_each_step_and_changes_nothing(minions, run, tmp_path):
    dry = run()
    steps = [
        dry.lock(test=True),
        dry.preflight(test=True),
        dry.restart(0, test=True),
        dry.wait_normal("dhcp-b", test=True),
        dry.restart(1, test=True),
        dry.unlock(test=True),
    ]
    assert [step.result for step in steps] == [None] * 6
    assert "dhcp-b" in steps[2].comment and "dhcp-a" in steps[4].comment
    assert minions.acts == [] and minions.claims == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_dry_run_says_what_would_block(minions, run):
    minions.servers["dhcp-a"]["relationships"]["foo"]["partner_state"] = "recover"
    dry = run()
    dry.lock(test=True)
    step = dry.preflight(test=True)
    assert step.result is False
    assert "recover" in step.comment


def logs_in(run):
    return [entry["server"] for entry in journal.read(run.journal.path) if entry["what"] == "log"]


def test_the_last_look_of_a_run_brings_the_logs_with_it(run, minions):
    one = run()
    assert all(step.result for step in go(one))
    assert sorted(logs_in(one)) == ["dhcp-a", "dhcp-b"]
    assert minions.logs == 0


def test_a_run_that_fails_asks_for_the_logs(run, minions):
    def second_fails(minion):
        if minion == "dhcp-b":
            return minions.new_process(minion)
        return {"result": False, "comment": f"dhcpd on {minion} was not restarted"}

    minions.on_restart = second_fails
    one = run()
    assert not all(step.result for step in go(one))
    assert sorted(logs_in(one)) == ["dhcp-a", "dhcp-b"]
    assert minions.logs == 1


def unacked_after_a_drain(minions, **stuck):
    """Have ends be never at zero once a server was drained, until their window is released."""

    def unacknowledged(minions):
        released = [one for one, _ in minions.released]
        for name, one in minions.servers.items():
            one["omapi"]["answers"] = True
            left = stuck.get(name[-1], 0) if minions.acts and name not in released else 0
            one["relationships"]["foo"]["unacked"] = left

    minions.on_status = unacknowledged


@pytest.mark.parametrize(
    "stuck, released",
    [({"a": 3}, ["dhcp-a"]), ({"b": 4}, ["dhcp-b"]), ({"a": 10}, ["dhcp-a"])],
    ids=["survivor", "returned", "full"],
)
def test_what_nobody_will_acknowledge_after_a_drain_is_released(run, minions, stuck, released):
    """At the survivor, and at the returned server, where updates of both crossed."""
    unacked_after_a_drain(minions, **stuck)
    assert all(step.result for step in go(run(method="drain")))
    assert minions.released == [(one, True) for one in released]


def test_what_a_release_has_crossed_at_the_other_end_is_released_too(run, minions):
    """The other end was at zero before: that says nothing about what it sent at that moment."""

    def unacknowledged(minions):
        released = [one for one, _ in minions.released]
        for one in minions.servers.values():
            one["omapi"]["answers"] = True
        left = {name: one["relationships"]["foo"] for name, one in minions.servers.items()}
        left["dhcp-a"]["unacked"] = 3 if minions.acts and not released else 0
        left["dhcp-b"]["unacked"] = 4 if released == ["dhcp-a"] and len(minions.acts) < 2 else 0

    minions.on_status = unacknowledged
    assert all(step.result for step in go(run(method="drain")))
    assert minions.released == [("dhcp-a", True), ("dhcp-b", True)]


def test_updates_that_are_merely_under_way_are_not_disturbed(run, minions):
    """An end that is at zero now and then works: what is released under load crosses."""
    looks = []

    def busy(minions):
        looks.append(1)
        for one in minions.servers.values():
            one["omapi"]["answers"] = True
            one["relationships"]["foo"]["unacked"] = 3 if len(looks) % 3 else 0

    minions.on_status = busy
    assert all(step.result for step in go(run(method="drain")))
    assert minions.released == []


def test_a_window_that_stays_full_does_not_hold_a_drain_up_for_long(run, minions):
    def never(minions):
        for one in minions.servers.values():
            one["omapi"]["answers"] = True
            one["relationships"]["foo"]["unacked"] = 3 if minions.acts else 0

    minions.on_status = never
    begun = minions.clock.monotonic()
    assert all(step.result for step in go(run(method="drain")))
    assert minions.clock.monotonic() - begun < 60


def test_a_restart_by_signal_has_nothing_to_release(run, minions):
    minions.servers["dhcp-a"]["relationships"]["foo"]["unacked"] = 3
    assert all(step.result for step in go(run()))
    assert minions.released == []


def test_a_short_act_at_the_partner_is_waited_for_before_the_stop(minions, run):
    one = run()
    assert one.lock().result and one.preflight().result
    minions.servers["dhcp-a"]["acting"] = True
    one._last_seen = {}
    looks = []

    def ends(minions):
        looks.append(1)
        if len(looks) == 3:
            minions.servers["dhcp-a"]["acting"] = False

    minions.on_status = ends
    step = one.restart(0)
    assert step.result, step.comment
    assert any("dhcpd on dhcp-a is being stopped or started" in said for said in one.said)
    one.unlock()


def test_a_restart_that_would_forget_leases_is_refused_unless_it_is_forced(minions, run):
    lost = {"leases": 3, "named": ["10.0.0.10"], "unknown": None}
    minions.servers["dhcp-a"]["survey"] = shaped(Survey, forgotten=lost)
    steps = go(run())
    assert steps[-1].result is False and "3 leases" in steps[-1].comment
    assert "force=leases" in steps[-1].comment and minions.acts == []
    steps = go(run(force=frozenset({"leases"})))
    assert [step.result for step in steps] == [True] * 6
    assert any("3 leases" in one for one in steps[1].warnings)


def test_a_server_that_is_late_once_is_asked_again_before_its_act(run, minions):
    one = run()
    assert one.lock().result and one.preflight().result
    minions.clock.advance(10)
    minions.silent, asked = {"dhcp-b"}, []

    def on_status(these):
        asked.append(len(these.silent))
        if len(asked) > 1:
            these.silent = set()

    minions.on_status = on_status
    assert one.restart(0).result and minions.acts == ["dhcp-b"]
    assert "Asking again: no answer from dhcp-b." in one.said


def test_a_server_that_stays_silent_is_not_restarted(run, minions):
    one = run()
    assert one.lock().result and one.preflight().result
    minions.clock.advance(10)
    minions.silent = {"dhcp-b"}
    done = one.restart(0)
    assert done.result is False and "no answer within 6 s" in done.comment and not minions.acts
