"""A run that is paused, resumed and aborted; the minions are a fake (``fake_minions.py``)."""

from __future__ import annotations

import threading
import time

import pytest
from fake_minions import FakeMinions
from fake_minions import go
from iscdhcp.errors import IscDhcpError
from iscdhcp.files import write_json
from iscdhcp.run import journal
from iscdhcp.run import orders
from iscdhcp.show import follow
from iscdhcp.show.progress import Display


@pytest.fixture
def minions():
    return FakeMinions()


def ordered(going, order, when):
    """Give a run an order when it writes an entry for which ``when`` is true, once."""
    given = []

    def listen(entry):
        if not given and when(entry):
            given.append(entry)
            going.orders.give(going.attempt, order, "bob on master", "tea")

    going.journal.listeners.append(listen)


def resumed(going, order="resume"):
    going.journal.listeners.append(
        lambda entry: (
            entry["what"] == "paused" and going.orders.give(going.attempt, order, "eve on master")
        )
    )


def is_step(name, server=None):
    return lambda entry: (
        (entry["what"], entry.get("name")) == ("step", name)
        and server in (None, entry.get("server"))
    )


def whats(going):
    return [entry["what"] for entry in journal.read(going.journal.path)]


@pytest.mark.parametrize("name", ["lock", "preflight", "restart", "wait_normal"])
def test_a_paused_run_goes_on_when_it_is_resumed(run, minions, name):  # noqa: F811
    going = run()
    ordered(going, "pause", is_step(name))
    resumed(going)
    assert all(step.result for step in go(going))
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    written = whats(going)
    assert written.index("paused") < written.index("resumed") < written.index("ended")
    assert any(text.startswith("Paused by bob on master: tea.") for text in going.said)
    assert not list(going.orders.directory.iterdir())


def test_while_it_is_paused_nothing_is_restarted_and_others_read_by_whom(run, minions):  # noqa: F811
    going = run()
    ordered(going, "pause", is_step("wait_normal", "dhcp-b"))
    thread = threading.Thread(target=go, args=(going,))
    thread.start()
    try:
        until(lambda: going.steering.paused)
        until(lambda: "paused by bob" in (going.locks.owner("dhcp-a") or ""))
        until(lambda: "paused by bob on master: tea" in minions.claims["dhcp-a"]["who"])
        assert minions.acts == ["dhcp-b"]
    finally:
        answer = orders.order_run(going.directory, "resume", "eve", pair="foo")
        thread.join(10)
    assert answer["result"] is True
    assert minions.acts == ["dhcp-b", "dhcp-a"]


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_limits_of_a_wait_stand_still_while_it_is_paused(run, minions):  # noqa: F811
    going = run(timeout=0.3)
    end = minions.servers["dhcp-a"]["relationships"]["foo"]

    def spoil(minions):
        if minions.acts and not going.steering.stood:
            end["state"] = "communications-interrupted"
        else:
            end["state"] = "normal"

    minions.on_status = spoil
    ordered(going, "pause", lambda entry: entry["what"] == "waiting")
    going.journal.listeners.append(
        lambda entry: (
            entry["what"] == "paused"
            and minions.clock.after(
                3600.0, lambda: going.orders.give(going.attempt, "resume", "eve on master")
            )
        )
    )
    steps = go(going)
    assert all(step.result for step in steps), steps[-1].comment
    assert going.steering.stood >= 3600.0


@pytest.mark.parametrize(
    "name, server, done, left",
    [
        ("lock", None, [], "dhcp-b, dhcp-a"),
        ("preflight", None, [], "dhcp-b, dhcp-a"),
        ("wait_normal", "dhcp-b", ["dhcp-b"], "dhcp-a"),
        ("restart", "dhcp-a", ["dhcp-b", "dhcp-a"], "see that the pair is normal"),
    ],
)
def test_an_aborted_run_says_what_is_left_and_goes_on_from_there(  # noqa: F811
    run,  # noqa: F811
    minions,
    name,
    server,
    done,
    left,
):
    going = run()
    ordered(going, "abort", is_step(name, server))
    with pytest.raises(orders.Aborted) as aborted:
        go(going)
    going.unlock()
    text = str(aborted.value)
    assert text.startswith("Aborted by bob on master: tea.")
    assert f"Left to do: {left}." in text
    assert minions.acts == done
    assert minions.claims == {}
    entries = journal.read(going.journal.path)
    assert entries[-1]["outcome"] == "aborted"

    again = run()
    assert all(step.result for step in go(again))
    assert minions.acts == ["dhcp-b", "dhcp-a"]


def test_an_order_to_a_run_that_has_ended_reaches_no_later_one(run, minions):  # noqa: F811
    first = run()
    go(first)
    first.orders.give(first.attempt, "pause", "bob")
    second = run()
    assert all(step.result for step in go(second))
    assert "paused" not in whats(second)
    assert not list(second.orders.directory.iterdir())


def test_an_order_that_cannot_be_read_holds_the_run(run, minions):  # noqa: F811
    going = run()
    path = going.orders.directory / f"{going.attempt}.json"

    def spoil(entry):
        if is_step("preflight")(entry):
            write_json(path, {})
            path.write_text("{", encoding="utf-8")

    going.journal.listeners.append(spoil)
    resumed(going)
    assert all(step.result for step in go(going))
    assert any("is unreadable" in text for text in going.said)


def test_an_order_during_an_act_waits_for_its_end(run, minions):  # noqa: F811
    going = run()

    def restart(minion):
        going.orders.give(going.attempt, "abort", "bob")
        going.heed()
        return minions.new_process(minion)

    minions.on_restart = restart
    with pytest.raises(orders.Aborted):
        go(going)
    going.unlock()
    assert minions.acts == ["dhcp-b"]
    assert any("after this restart" in text for text in going.said)


def test_no_order_is_given_where_no_run_is_under_way(run, minions, tmp_path):  # noqa: F811
    for order in orders.ORDERS:
        with pytest.raises(IscDhcpError, match=f"nothing to {order}"):
            orders.order_run(tmp_path, order, "bob")
    going = run()
    go(going)
    with pytest.raises(IscDhcpError, match=r"The last one \(.*, ann on master\) is done since"):
        orders.order_run(tmp_path, "pause", "bob", pair="foo")
    assert not going.orders.directory.exists()


def test_a_run_that_is_not_paused_cannot_be_resumed(run, minions, tmp_path):  # noqa: F811
    going = run()
    going.lock()
    with pytest.raises(IscDhcpError, match="is not paused"):
        orders.order_run(tmp_path, "resume", "bob")
    assert orders.order_run(tmp_path, "pause", "bob", patience=0.0)["result"] is True
    going.unlock()


def test_a_claim_of_a_process_killed_before_its_first_act_is_the_next_ones(run, minions):  # noqa: F811
    killed = run()
    killed.lock()
    minions.claim(["dhcp-a", "dhcp-b"], killed._claim())
    killed.locks.release()
    killed.journal.close()
    again = run()
    assert all(step.result for step in go(again))
    assert any("left behind by the run of ann on master" in said for said in again.said)


def test_a_server_that_is_still_being_restarted_is_waited_for(run, minions):  # noqa: F811
    killed = run()
    killed.lock()
    killed.preflight()
    killed._ordered("dhcp-b")
    killed.locks.release()
    killed.journal.close()
    process = minions.servers["dhcp-b"]["process"]
    process["running"] = False
    minions.servers["dhcp-b"]["acting"] = True
    looks = []

    def spoil(minions):
        looks.append(1)
        if len(looks) == 2:
            minions.new_process("dhcp-b")
            process["running"] = True
            minions.servers["dhcp-b"]["acting"] = False

    minions.on_status = spoil
    again = run()
    steps = go(again)
    assert all(step.result for step in steps), steps[-1].comment
    assert minions.acts == ["dhcp-a"]


def test_an_old_act_that_refuses_the_claim_is_waited_for_by_its_code(run, minions):  # noqa: F811
    killed = run()
    killed.lock()
    killed.preflight()
    killed.locks.release()
    killed.journal.close()
    claim, refusals = minions.claim, []

    def refuse_once(ids, wanted, facts=False):
        answers = claim(ids, wanted, facts)
        if facts and not refusals:
            refusals.append(1)
            answers["dhcp-b"] = {"refused": "whatever it says", "code": "acting"}
        return answers

    minions.claim = refuse_once
    again = run()
    steps = go(again)
    assert all(step.result for step in steps), steps[-1].comment
    assert refusals == [1]


class Paper:
    """A stream that is no terminal."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return False


def test_a_run_is_watched_to_its_end_and_its_result_told(run, minions, tmp_path):  # noqa: F811
    paper, seen = Paper(), []
    watcher = threading.Thread(
        target=lambda: seen.append(follow.watch(tmp_path, Display(paper), "foo", 10))
    )
    watcher.start()
    until(lambda: "waiting for one to begin" in paper.text)
    go(run())
    watcher.join(10)
    assert seen[0]["result"] is True and seen[0]["outcome"] == "done"
    assert "Safe to begin" in paper.text


def test_the_watch_of_a_killed_run_ends_with_that(run, minions, tmp_path):  # noqa: F811
    going, paper, seen = run(), Paper(), []
    going.lock()
    watcher = threading.Thread(
        target=lambda: seen.append(follow.watch(tmp_path, Display(paper), None, 10))
    )
    watcher.start()
    until(lambda: "locked for foo" in paper.text)
    going.journal.close()
    watcher.join(10)
    assert seen[0]["result"] is False and seen[0]["outcome"] == "killed"
    going.unlock()


class Killed(BaseException):
    """The process is gone, at once: nothing more of it happens."""


@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_killed_at_any_moment_the_same_command_finishes_it(run, minions, first):  # noqa: F811
    """At every entry of the journal, a quarter of them in each test."""
    whole = run()
    go(whole)
    moments = len(whats(whole))
    assert moments > 25
    for moment in range(first, moments, 4):
        minions.acts.clear()
        killed, written = run(fresh=True), []

        def listen(entry, written=written, moment=moment):
            written.append(entry)
            if len(written) > moment:
                raise Killed

        killed.journal.listeners.append(listen)
        with pytest.raises(Killed):
            go(killed)
        # What the kernel does for a process that is gone.
        killed.locks.release()
        killed.journal.close()
        again = run()
        steps = go(again)
        assert all(step.result for step in steps), (moment, steps[-1].comment)
        twice = ["dhcp-b", "dhcp-a"] if killed.record.get("finished") else []
        assert minions.acts == ["dhcp-b", "dhcp-a", *twice], (moment, written[-1])
        assert minions.claims == {}


def test_ctrl_c_at_any_moment_says_what_is_left_and_the_same_command_finishes_it(  # noqa: F811
    run,  # noqa: F811
    minions,
):
    whole, moments = run(), []
    whole.check = lambda: moments.append(1)
    go(whole)
    assert len(moments) >= 5
    for moment in range(len(moments)):
        minions.acts.clear()
        going, checked = run(fresh=True), []

        def check(checked=checked, moment=moment):
            checked.append(1)
            if len(checked) > moment:
                raise orders.Interrupted("SIGINT")

        going.check = check
        with pytest.raises(orders.Interrupted, match=r"Interrupted \(SIGINT\)\. .*Left to do: "):
            go(going)
        going.check = lambda: None
        going.unlock()
        assert minions.claims == {}
        assert all(step.result for step in go(run()))
        assert minions.acts == ["dhcp-b", "dhcp-a"]
