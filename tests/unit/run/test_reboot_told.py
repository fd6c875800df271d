"""What is told of a maintenance, and when orders to it are heeded; minions as in its tests."""

from __future__ import annotations

from functools import partial

import pytest
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run.orders import Interrupted
from iscdhcp.show import report
from test_reboot import BAD
from test_reboot import GOOD
from test_reboot import Minions
from test_reboot import go
from test_reboot import last
from test_reboot import maintenance


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    return partial(maintenance, minions, tmp_path)


def test_a_maintenance_that_fails_is_a_failed_step_and_the_end_of_the_run(minions, run):
    minions.returns = BAD
    one = run(command="yum -y update")
    steps = go(one)
    entries = journal.read(one.journal.path)
    (result,) = [e for e in entries if e["what"] == "result" and e["name"] == "maintenance"]
    assert result["result"] is False and result["server"] == "dhcp-b"
    assert "`yum -y update` failed on dhcp-b: exit code 3" in result["comment"]
    short = history.summary(entries)
    assert (short["outcome"], short["comment"]) == ("failed", last(steps).comment)
    assert short["restarted"] == []
    page = report.page(entries)
    assert "Maintenance of foo" in page and "<b class=failed>failed</b> maintenance of" in page


def test_what_a_maintenance_has_done_is_in_the_history(minions, run):
    one = run()
    assert last(go(one)).result
    entries = journal.read(one.journal.path)
    short = history.summary(entries)
    assert (short["outcome"], short["restarted"]) == ("done", ["dhcp-b", "dhcp-a"])
    names = [e["name"] for e in entries if e["what"] == "step"]
    each = ["stop", "maintenance", "start", "wait_normal"]
    assert names == ["lock", "preflight", *each, *each, "unlock"]
    page = report.page(entries)
    assert "dhcp-b, then dhcp-a: reboot, and normal again at both ends" in page
    assert "2 of 2</b><span>maintained" in page


def ordered_in_the_maintenance(minions, one, order):
    """Give an order while the command runs on dhcp-b; return what was seen when it was heeded."""
    seen, told = [], []

    def outcome(minion, job):
        if not told:
            told.append(one.orders.give(one.attempt, order, "bob on master", "tea"))
            minions.clock.after(30.0, lambda: told.append("over"))
        return {"ret": GOOD} if len(told) > 1 else {"running": True}

    def listen(entry):
        if entry["what"] in ("paused", "aborted"):
            seen.append(minions.servers["dhcp-b"]["process"]["running"])
        if entry["what"] == "paused":
            one.orders.give(one.attempt, "resume", "eve on master")

    minions.outcome = outcome
    one.journal.listeners.append(listen)
    return seen


def test_a_pause_in_a_maintenance_waits_until_its_server_serves_again(minions, run):
    one = run(command="yum -y update")
    up = ordered_in_the_maintenance(minions, one, "pause")
    assert last(go(one)).result
    assert up == [True]
    assert any("once dhcpd on dhcp-b serves again" in text for text in one.said), one.said


def test_an_abort_in_a_maintenance_leaves_no_server_down(minions, run):
    one = run(command="yum -y update")
    up = ordered_in_the_maintenance(minions, one, "abort")
    with pytest.raises(Interrupted):
        go(one)
    assert up == [True]
    assert minions.acts[-1] == "dhcpd.start dhcp-b"


def test_an_interruption_before_the_first_step_of_a_run_that_goes_on_says_who_is_down(minions, run):
    go(run(), until="maintain dhcp-b")
    again = run()
    assert again.lock().result

    def press_ctrl_c():
        raise Interrupted("SIGINT")

    again.check = press_ctrl_c
    with pytest.raises(Interrupted) as caught:
        again.preflight()
    assert "No server was left stopped" not in str(caught.value)
    assert "dhcpd on dhcp-b is down" in str(caught.value), str(caught.value)
    assert "bring_back server=dhcp-b" in str(caught.value)
