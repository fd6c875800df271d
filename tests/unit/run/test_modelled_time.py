"""A whole run over modelled time: the real code, hours of waiting, milliseconds of ours."""

from __future__ import annotations

import time

import pytest
from fake_minions import go
from iscdhcp.clock import SystemClock
from iscdhcp.files import read_json
from iscdhcp.run import journal
from pair_facts import NOW

HOUR = 3600.0


@pytest.fixture
def no_system_clock(monkeypatch):
    """Whatever asks this machine's clock instead of the one it was handed fails."""

    def asked(*arguments):
        raise AssertionError("the system's clock was asked")

    for name in ("time", "monotonic", "sleep"):
        monkeypatch.setattr(SystemClock, name, asked)


@pytest.mark.usefixtures("no_system_clock")
def test_a_restart_that_waits_an_hour_for_mclt_is_over_in_a_moment(minions, run, tmp_path):
    ends = {name: facts["relationships"]["foo"] for name, facts in minions.servers.items()}

    def recovers(minion):
        done = minions.new_process(minion)
        if minion == "dhcp-b":
            now = minions.clock.time()
            ends["dhcp-b"].update(state="recover-wait", partner_state="partner-down", since=now)
            ends["dhcp-a"].update(state="partner-down", partner_state="recover-wait")
            minions.clock.after(HOUR, normal)
        return done

    def normal():
        for end in ends.values():
            end.update(state="normal", partner_state="normal")

    minions.on_restart = recovers
    begun = time.monotonic()
    steps = go(run())
    ours = time.monotonic() - begun

    assert [step.result for step in steps] == [True] * 6, steps[-1].comment
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    assert HOUR <= minions.clock.time() - NOW < HOUR + 60
    # Far below the hour, with room for a machine that is busy.
    assert ours < 20

    (record,) = [read_json(path) for path in (tmp_path / "runs").iterdir()]
    assert record["begun"] == NOW
    assert record["finished"] >= NOW + HOUR
    (path,) = journal.paths(tmp_path / "journal")
    entries = journal.read(path)
    waited = [
        entry["seconds"]
        for entry in entries
        if (entry["what"], entry.get("name"), entry.get("server"))
        == ("result", "wait_normal", "dhcp-b")
    ]
    assert waited and HOUR <= waited[0] < HOUR + 60
    times = [entry["at"] for entry in entries]
    assert times == sorted(times) and times[0] == NOW
    assert entries[-1]["at"] - entries[0]["at"] >= HOUR


@pytest.mark.usefixtures("no_system_clock")
def test_holds_and_orders_go_by_the_runs_clock(minions, run):
    going = run()
    going.holds.put("dhcp-a", "bob", "power works", NOW + HOUR)
    assert "held by bob" in going.lock().comment
    minions.clock.advance(HOUR + 1)
    going = run()
    assert going.lock().result
    going.orders.give(going.attempt, "pause", "bob")
    assert going.orders.get(going.attempt)["at"] == NOW + HOUR + 1
    going.unlock()
