"""How the master tells a minion that lacks our modules from one that failed."""

from __future__ import annotations

import time

import pytest
from iscdhcp import wire
from iscdhcp.answers import NO_MODULE
from iscdhcp_salt.minions import SaltMinions


@pytest.fixture
def minions(monkeypatch):
    """Minions whose answers are taken from a table: function -> minion -> answer."""

    class Asked(SaltMinions):
        table: dict[str, dict] = {}

        def _publish(self, minions, function, arguments):
            self.published.append((function, minions, arguments))
            return function

        def _collect(self, jid, minions, deadline, answers, enough):
            known = self.table.get(jid, {})
            answers.update({one: {**known[one], "at": 1.0} for one in minions if one in known})

    one = Asked({})
    one.published = []
    return one


UNAVAILABLE = {"return": "'dhcpd.peers' is not available.", "retcode": 1}


def test_a_minion_without_the_function_has_the_code_and_one_that_failed_has_not(minions):
    failed = {"return": "dhcpd.conf can't be read: is not available", "retcode": 1}
    minions.table = {
        "dhcpd.peers": {"a": {"return": {}, "retcode": 0}, "b": UNAVAILABLE, "c": failed},
        "sys.list_functions": {
            "b": {"return": [], "retcode": 0},
            "c": {"return": ["dhcpd.peers"], "retcode": 0},
        },
    }
    answers = minions.ask(["a", "b", "c", "silent"], "dhcpd.peers")
    assert {one: answer.get("code") for one, answer in answers.items()} == {
        "a": None,
        "b": NO_MODULE,
        "c": None,
        "silent": None,
    }
    assert minions.published[1] == ("sys.list_functions", ["b", "c"], ["dhcpd.peers"])


def test_nobody_is_asked_twice_where_all_answered_well(minions):
    minions.table = {"dhcpd.peers": {"a": {"return": {}, "retcode": 0}}}
    minions.ask(["a"], "dhcpd.peers")
    assert len(minions.published) == 1


def test_whoever_does_not_say_which_functions_it_has_is_not_taken_for_one_without(minions):
    minions.table = {"dhcpd.peers": {"b": UNAVAILABLE}}
    assert "code" not in minions.ask(["b"], "dhcpd.peers")["b"]


# -- a claim with a close look ---------------------------------------------------------------------


@pytest.fixture
def claimed(minions, monkeypatch):
    """Those that claim, and how long each is waited for: function -> minions -> seconds."""
    collect, minions.waits = minions._collect, []

    def waited(jid, ones, deadline, answers, enough):
        collect(jid, ones, deadline, answers, enough)
        missing = [one for one in ones if one not in answers]
        if missing:
            minions.waits.append((jid, tuple(missing), round(deadline - time.monotonic())))

    monkeypatch.setattr(minions, "_collect", waited)
    return minions


def claim_answer(**more):
    facts = {"wire": wire.VERSION, "process": {}, "time": 1.0, "waited": 0.1, "after": 0.1}
    return {"return": {"result": True, "until": 2.0, "facts": facts, **more}, "retcode": 0}


def test_one_question_claims_and_looks(minions):
    minions.table = {"dhcpd.claim": {"a": claim_answer()}}
    found = minions.claim(["a"], {"run": "r1"}, facts=True)
    assert "process" in found["a"]["facts"] and len(minions.published) == 1
    (_, _, (arguments,)) = minions.published[0]
    assert arguments["run"] == "r1" and len(arguments["look"]["nonce"]) == 32


def test_a_refused_claim_has_no_facts(minions):
    refusal = {
        "result": False,
        "comment": "claimed by ann",
        "code": "claim",
        "claim": {"run": "r2"},
    }
    minions.table = {"dhcpd.claim": {"a": {"return": refusal, "retcode": 1}}}
    found = minions.claim(["a"], {"run": "r1"}, facts=True)
    assert found["a"]["refused"] == "claimed by ann" and "facts" not in found["a"]


def test_a_silent_minion_is_known_before_the_close_look_has_taken_its_time(claimed):
    claimed.table = {
        "dhcpd.claim": {"a": claim_answer()},
        "saltutil.find_job": {"busy": {"return": {"fun": "dhcpd.claim"}, "retcode": 0}},
    }
    found = claimed.claim(["a", "busy", "away"], {"run": "r1"}, facts=True)
    assert "facts" in found["a"] and "error" in found["away"] and "error" in found["busy"]
    long = [ones for _, ones, seconds in claimed.waits if seconds > 10]
    assert long == [("busy",)], claimed.waits


@pytest.mark.parametrize(
    "says, waits",
    [({"fun": "dhcpd.start"}, True), ({}, False), (None, True)],
    ids=["at it", "not at it", "silent"],
)
def test_an_order_that_never_came_is_known_before_an_act_takes_its_time(claimed, says, waits):
    if says is not None:
        claimed.table = {"saltutil.find_job": {"a": {"return": says, "retcode": 0}}}
    answer = claimed.act("a", "dhcpd.start", 75.0)
    assert "lost" in answer
    assert any(seconds > 60 for _, _, seconds in claimed.waits) == waits, claimed.waits


@pytest.mark.parametrize("first", [None, {"fun": "dhcpd.start"}], ids=["silent", "at it"])
def test_an_act_that_died_with_its_host_is_known_once_the_minion_is_back(claimed, first):
    """Its host lost its power: silent at first, back after some questions, and not at it."""
    collect, questions = claimed._collect, []

    def comes_back(jid, ones, deadline, answers, enough):
        if jid == "saltutil.find_job":
            questions.append(ones)
            says = first if len(questions) < 3 else {}
            answer = {"a": {"return": says, "retcode": 0}} if says is not None else {}
            claimed.table = {"saltutil.find_job": answer}
        collect(jid, ones, deadline, answers, enough)

    claimed._collect = comes_back
    assert "lost" in claimed.act("a", "dhcpd.start", 75.0)
    assert len(questions) == 3
    assert not any(seconds > 60 for _, _, seconds in claimed.waits), claimed.waits
