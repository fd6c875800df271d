"""
One server stopped or started by the master.

The minions are a fake, as in the tests of the engine.
"""

from __future__ import annotations

import pytest
from fake_minions import go
from fake_minions import new_run
from iscdhcp.errors import IscDhcpError
from iscdhcp.run.base import Request
from iscdhcp.run.events import Announced
from iscdhcp.run.one_server import OneServer
from iscdhcp.run.one_server import OneServerRequest
from iscdhcp.run.orders import Interrupted
from iscdhcp.run.restart import PairRun
from iscdhcp.shapes import Survey
from pair_facts import NOW
from pair_views import knowledge
from shaped import shaped
from test_reboot import Minions


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    def build(**request):
        return new_run(
            OneServer, minions, tmp_path, OneServerRequest(**{"only": "dhcp-a", **request})
        )

    return build


def do(run, test=False):
    """Lock, act, unlock, as the runner does; return the act's step."""
    locked = run.lock(test=test)
    if locked.result is False:
        return locked
    try:
        return run.act(test=test)
    finally:
        run.unlock()


def down(minions, server="dhcp-a"):
    minions.servers[server]["process"].update(running=False, absent=True)


def test_the_primary_is_stopped_with_evidence_and_its_own_identity(minions, run):
    given = {}

    def note(minion, function):
        given.update(minions.claims)

    minions.on_act = note
    act = minions.act

    def with_arguments(minion, function, patience, **arguments):
        given["arguments"] = arguments
        return act(minion, function, patience, **arguments)

    minions.act = with_arguments
    step = do(run(method="handover"))
    assert step.result is True, step.comment
    assert minions.acts == ["dhcpd.stop dhcp-a"]
    assert {"dhcp-a", "dhcp-b"} <= set(given), "claimed while the act ran"
    arguments = given["arguments"]
    assert arguments["evidence"]["foo"]["minion"] == "dhcp-b"
    assert arguments["identity"] == "dhcp-a-1"
    assert arguments["method"] == "handover"
    assert minions.claims == {}


def test_what_is_so_already_is_said_and_nothing_done(minions, run):
    assert "runs already" in do(run(act="start")).comment
    down(minions)
    step = do(run())
    assert (step.result, "nothing to stop" in step.comment) == (True, True)
    assert minions.acts == []


def test_a_server_whose_partner_is_down_is_not_stopped(minions, run):
    down(minions, "dhcp-b")
    step = do(run())
    assert step.result is False and "dhcp-b" in step.comment
    assert minions.acts == []


def test_an_unfinished_restart_is_neither_destroyed_nor_finished(minions, run, tmp_path):
    minions.on_restart = lambda minion: {"result": False, "comment": "port taken"}
    assert not go(new_run(PairRun, minions, tmp_path, Request()))[-1].result
    (record,) = (tmp_path / "runs").glob("*.json")
    before = record.read_bytes()
    assert do(run(only="dhcp-b")).result
    assert do(run(only="dhcp-b", act="start")).result
    assert record.read_bytes() == before
    assert list((tmp_path / "runs").glob("*.json")) == [record]


def test_a_start_does_without_a_partner_that_is_silent_and_heeds_a_claim(minions, run):
    down(minions)
    minions.claims["dhcp-a"] = {"run": "bobs", "who": "bob", "until": 0}
    refused = do(run(act="start"))
    assert refused.result is False and "claimed by bob" in refused.comment
    minions.claims.clear()
    minions.silent.add("dhcp-b")
    step = do(run(act="start"))
    assert step.result is True, step.comment
    assert minions.acts == ["dhcpd.start dhcp-a"]


def test_the_refusal_of_the_server_is_handed_on(minions, run):
    down(minions)
    minions.on_act = lambda minion, function: {"result": False, "comment": "not started: torn"}
    assert do(run(act="start")).comment == "not started: torn."


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize("act", ["stop", "start"])
def test_a_lost_answer_is_settled_by_the_process(minions, run, act, arrived):
    if act == "start":
        down(minions)

    def lose(minion, function):
        if arrived and act == "start":
            minions.start(minion)
        elif arrived:
            down(minions)
        return {"lost": "no answer"}

    minions.on_act = lose
    step = do(run(act=act))
    assert step.result is arrived, step.comment
    if arrived:
        assert "the minion's answer was lost" in step.comment


def test_a_dry_run_touches_and_claims_nothing(minions, run, tmp_path):
    step = do(run(), test=True)
    assert step.result is None and "would be stopped by signal" in step.comment
    down(minions)
    assert do(run(act="start"), test=True).result is None
    assert (minions.acts, minions.claims) == ([], {})
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_bus_and_the_history_are_told_what_was_done(minions, run):
    for request, words in (({}, "dhcp-a stopped"), ({"act": "start"}, "dhcp-a started")):
        heard = []
        one = run(**request)
        Announced(one, lambda what, fields, heard=heard: heard.append((what, dict(fields))))
        assert do(one).result
        what, fields = heard[-1]
        assert (what, fields["result"]) == ("ended", True), fields
        assert words in fields["text"]
        assert one.outcome[0] == "done"


def test_an_interruption_during_the_act_leaves_the_claims_to_run_out(minions, run):
    """Nobody may stop the partner while the order may be under way."""

    def press_ctrl_c(minion, function):
        raise Interrupted("SIGINT")

    minions.on_act = press_ctrl_c
    with pytest.raises(Interrupted) as caught:
        do(run())
    assert "whether dhcpd on dhcp-a was stopped is unknown" in str(caught.value)
    assert set(minions.claims) == {"dhcp-a", "dhcp-b"}


@pytest.mark.parametrize("wrong", [{"only": None}, {"method": "drain"}], ids=str)
def test_a_request_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(IscDhcpError):
        OneServerRequest(**{"only": "dhcp-a", **wrong})


def test_a_server_with_an_old_lease_file_is_not_started(minions, run):
    down(minions)
    minions.servers["dhcp-a"]["survey"] = shaped(Survey, knowledge=knowledge(newest=NOW - 3600))
    minions.servers["dhcp-b"]["survey"] = shaped(Survey, knowledge=knowledge())
    for test in (True, False):
        step = do(run(act="start"), test=test)
        assert step.result is False
        assert "bring_back server=dhcp-a" in step.comment
    assert do(run(act="start", force=frozenset({"lease-age"}))).result is True
