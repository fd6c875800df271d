"""A maintenance whose partner stops serving while it serves alone; minions as in its tests."""

from __future__ import annotations

from functools import partial

import pytest
from test_reboot import GOOD
from test_reboot import Minions
from test_reboot import go
from test_reboot import last
from test_reboot import maintenance
from test_reboot import reboots


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    return partial(maintenance, minions, tmp_path)


def dies(minions, minion):
    minions.servers[minion]["process"].update(running=False, absent=True)


def test_a_partner_that_stops_serving_meanwhile_brings_its_server_back_at_once(minions, run):
    minions.outcome = lambda minion, job: {"running": True}
    begun = minions.clock.time()

    def status(of):
        if of.clock.time() - begun > 60 and of.jobs:
            dies(of, "dhcp-a")

    minions.on_status = status
    steps = go(run(command="yum -y update"))
    comment = last(steps).comment
    assert "dhcpd is not running on dhcp-a in the maintenance of dhcp-b" in comment
    assert "(`yum -y update` may still run)" in comment
    assert minions.acts[-1] == "dhcpd.start dhcp-b"
    assert minions.clock.time() - begun < 90


def loses_power(minions, minion):
    minions.silent.add(minion)
    minions.lifeless.add(minion)


def lost_after(minions, seconds, how):
    """Have something happen to dhcp-a in the maintenance of dhcp-b."""
    begun = minions.clock.time()

    def status(of):
        if of.clock.time() - begun > seconds and of.jobs:
            how(of, "dhcp-a")

    minions.on_status = status


def test_a_partner_whose_host_is_gone_meanwhile_brings_its_server_back_at_once(minions, run):
    """Its minion says nothing; but it gave signs of life before."""
    minions.outcome = lambda minion, job: {"running": True}
    begun = minions.clock.time()
    lost_after(minions, 60, loses_power)
    started = []

    def starts(minion, function):
        if function == "dhcpd.start":
            started.append(minions.clock.time() - begun)

    minions.on_act = starts
    comment = last(go(run(command="yum -y update"))).comment
    assert "dhcp-a has given dhcp-b no sign of life since 08:01:0" in comment
    assert "in the maintenance of dhcp-b (`yum -y update` may still run)" in comment
    assert minions.acts == ["dhcpd.stop dhcp-b", "cmd.run_all dhcp-b", "dhcpd.start dhcp-b"]
    assert 60 < started[0] < 90


def test_a_partner_that_never_gave_a_sign_of_life_may_be_silent_all_the_while(minions, run):
    def ends(minion, job):
        over = minions.clock.time() > begun + 120
        return {"ret": GOOD} if over else {"running": True}

    minions.outcome, begun = ends, minions.clock.time()
    minions.lifeless = {"dhcp-a"}
    lost_after(minions, 60, lambda of, minion: of.silent.add(minion))
    one = run(command="yum -y update", reboot=False)
    for act in (one.lock, one.preflight):
        assert act().result
    assert one.stop(0).result
    assert one.maintain(0).result


def test_a_partner_that_is_seen_to_serve_needs_no_sign_of_life(minions, run):
    """The way from this host to it may be closed by the maintenance itself."""
    jobs = []

    def ends(minion, job):
        jobs.append(job)
        return {"ret": GOOD} if len(jobs) % 100 == 0 else {"running": True}

    minions.outcome = ends
    lost_after(minions, 60, lambda of, minion: of.lifeless.add(minion))
    steps = go(run(command="firewall", reboot=False))
    assert all(step.result for step in steps.values()), last(steps).comment


def test_a_host_is_not_rebooted_whose_partner_gives_no_sign_of_life(minions, run):
    one = run()
    for act in (one.lock, one.preflight):
        assert act().result
    assert one.stop(0).result
    one.minions.status(["dhcp-b"], brief=True)
    loses_power(minions, "dhcp-a")
    minions.on_act = lambda minion, function: minions.silent.clear()
    comment = one.maintain(0).comment
    assert "dhcp-b was not rebooted: dhcp-a has given dhcp-b no sign of life" in comment
    assert reboots(minions) == []


def test_a_host_is_not_rebooted_once_its_partner_has_stopped_serving(minions, run):
    minions.on_act = lambda minion, function: dies(minions, "dhcp-a")
    steps = go(run())
    assert "dhcp-b was not rebooted: dhcpd is not running on dhcp-a" in last(steps).comment
    assert reboots(minions) == []
    assert minions.acts == ["dhcpd.stop dhcp-b", "dhcpd.start dhcp-b"]


def test_a_partner_that_is_silent_for_a_while_changes_nothing(minions, run):
    begun = minions.clock.time()

    def outcome(minion, job):
        gone = minions.clock.time() - begun
        minions.silent = {"dhcp-a"} if 10 < gone < 60 else set()
        return {"running": True} if gone < 90 else {"ret": GOOD}

    minions.outcome = outcome
    assert go(run(command="yum -y update"))["maintain dhcp-b"].result


def test_a_server_that_can_not_serve_without_its_partner_says_whom_to_start_first(minions, run):
    def act(minion, function):
        if function == "dhcpd.stop":
            dies(minions, "dhcp-a")
        if function == "dhcpd.start":
            minions.new_process(minion)
            minions.servers[minion]["process"]["running"] = True
            minions.servers[minion]["relationships"]["foo"].update(state="recover", serves=False)
            return {"result": True, "comment": "started", "new": None}
        return None

    minions.on_act = act
    comment = last(go(run())).comment
    assert "dhcp-b does not serve foo before its partner is back" in comment
    assert "start dhcpd on dhcp-a first (salt dhcp-a dhcpd.start)" in comment


def test_a_server_that_was_through_and_has_died_since_is_started_by_the_same_command(minions, run):
    def while_the_second_is_down(minion, function):
        if (minion, function) == ("dhcp-a", "cmd.run_all"):
            dies(minions, "dhcp-b")

    minions.on_begin = while_the_second_is_down
    first = go(run(command="yum -y update"))
    assert last(first).result is False
    minions.on_begin = lambda minion, function: None
    # It was handed over, and has the older leases: it answers nobody before its partner is back.
    minions.servers["dhcp-a"]["relationships"]["foo"].update(
        state="recover", partner_state="unknown-state", serves=False, connected=False
    )
    minions.servers["dhcp-a"]["process"]["running"] = True
    again = go(run(command="yum -y update", heal=True))
    assert last(again).result is True, last(again).comment
    assert "dhcpd.start dhcp-b" in minions.acts


def test_a_server_that_dies_after_its_turn_is_started_by_the_same_command(minions, run):
    going = run()
    assert all(step.result for step in go(going, until="stop dhcp-a").values())
    minions.servers["dhcp-b"]["process"]["running"] = False
    minions.other("dhcp-b").update(
        state="communications-interrupted", partner_state="normal", connected=False
    )
    minions.acts.clear()
    again = run(heal=True)
    steps = go(again)
    assert all(step.result for step in steps.values()), steps
    assert minions.acts[0] == "dhcpd.start dhcp-b"
    assert minions.acts.count("system.reboot dhcp-b") == 0, "its turn was over"
    assert minions.acts.count("system.reboot dhcp-a") == 1
