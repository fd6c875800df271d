"""
Signs of life that partners are asked for in a run's waits: when, and what its journal tells.

A restart that takes its usual time has none of these questions, and no run asks a minion for them
that it does not ask anyway.
"""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import go
from fake_minions import new_run
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run.base import Request
from iscdhcp.run.restart import PairRun


@pytest.fixture
def asked(minions):
    """When who was to ask its partner, and for how long the run had gone on."""
    found, begun = [], minions.clock.time()

    def note(of):
        for server in (of.asks_life or {}).get("foo", ()):
            found.append((server, round(of.clock.time() - begun, 1)))

    minions.on_status = note
    return found


def is_back_after(minions, seconds, then=lambda: None):
    """Have each server that is restarted be in recover-wait for a while, once."""
    begun, note = minions.clock.time(), minions.on_status

    def status(of):
        late = of.clock.time() - begun >= seconds
        end = of.servers["dhcp-b"]["relationships"]["foo"]
        end["state"] = "normal" if late or not of.acts else "recover-wait"
        then()
        note(of)

    minions.on_status = status


def lines(tmp_path):
    entries = journal.read(journal.find(tmp_path / "journal"))
    return [one for one in entries if one["what"] == "alive"], entries


def test_a_restart_that_takes_its_usual_time_asks_for_no_sign_of_life(
    minions, run, asked, tmp_path
):
    assert all(step.result for step in go(run()))
    assert asked == [] and lines(tmp_path)[0] == []


def test_a_long_wait_asks_both_servers_every_ten_seconds_and_tells_it_once(
    minions, run, asked, tmp_path
):
    is_back_after(minions, 45.0)
    assert all(step.result for step in go(run()))
    for server in minions.servers:
        times = [at for who, at in asked if who == server]
        assert 3 <= len(times) <= 5
        assert all(10.0 <= b - a < 16.0 for a, b in zip(times, times[1:], strict=False))
    told, _ = lines(tmp_path)
    assert [(one["partner"], one["state"]) for one in told] == [
        ("dhcp-b", "answers"),
        ("dhcp-a", "answers"),
        ("dhcp-b", "end"),
        ("dhcp-a", "end"),
    ]
    assert told[-1]["questions"] == told[-1]["answers"] == len(asked) / 2
    assert told[-1]["longest"] == 0


def test_a_partner_that_is_silent_in_a_wait_is_named_with_since_when_and_so_is_its_return(
    minions, run, asked, tmp_path
):
    begun = minions.clock.time()

    def halted():
        now = minions.clock.time() - begun
        minions.lifeless = {"dhcp-a"} if 15.0 < now < 33.0 else set()

    is_back_after(minions, 60.0, halted)
    one = run()
    assert all(step.result for step in go(one))
    silent, back = [text for text in one.said if "sign of life" in text]
    assert silent.startswith("dhcp-a has given dhcp-b no sign of life since 08:00:2")
    assert back.startswith("dhcp-a answers dhcp-b again, after ")
    told, entries = lines(tmp_path)
    states = [entry["state"] for entry in told if entry["partner"] == "dhcp-a"]
    assert states == ["answers", "silent", "answers", "end"]
    assert 10.0 < told[-1]["longest"] < 35.0
    assert told[-1]["text"] in map(history.line, entries)
    assert sum(silent == history.line(entry) for entry in entries) == 1


def test_one_question_that_gets_lost_is_no_silence(minions, run, asked, tmp_path):
    lost = []

    def once():
        minions.lifeless = set()
        if len(asked) == 2 and not lost:
            minions.lifeless = {"dhcp-a"}
            lost.append(any(minions.asks_life or ()))

    is_back_after(minions, 60.0, once)
    one = run()
    assert all(step.result for step in go(one))
    assert not [text for text in one.said if "sign of life" in text]


def test_one_that_has_never_answered_says_nothing_by_its_silence(minions, run, asked, tmp_path):
    minions.lifeless = set(minions.servers)
    is_back_after(minions, 45.0)
    one = run()
    assert all(step.result for step in go(one))
    told, _ = lines(tmp_path)
    assert {entry["state"] for entry in told} == {"never"}
    assert not [text for text in one.said if "sign of life" in text]


def test_nobody_asks_a_server_that_is_down_and_one_that_is_down_asks_at_every_look(
    minions, run, asked
):
    begun = minions.clock.time()

    def down():
        now = minions.clock.time() - begun
        process = minions.servers["dhcp-b"]["process"]
        process["running"] = not (minions.acts and now < 20.0)

    is_back_after(minions, 20.0, down)
    one = run()
    one.lock()
    one.preflight()
    minions.acts.append("dhcp-b")
    for _ in range(10):
        one.minions.status(list(one.group), brief=True)
        minions.clock.sleep(1.0)
    assert [who for who, _ in asked] == ["dhcp-b"] * 9  # the first look has seen that it is down


def test_a_run_without_a_journal_asks_as_well(tmp_path):
    minions = FakeMinions()
    one = new_run(PairRun, minions, tmp_path, Request())
    for _ in range(3):
        one.minions.status(["dhcp-a"], brief=True)
        minions.clock.sleep(10.0)
    assert minions.asks_life == {"foo": ["dhcp-a"]}
