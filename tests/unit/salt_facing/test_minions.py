"""How the master tells a minion that lacks our modules from one that failed."""

from __future__ import annotations

import pytest
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
