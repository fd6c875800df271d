"""Who is asked in a discovery, and who is waited for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import asking
from iscdhcp_salt import discovery
from iscdhcp_salt.minions import SaltMinions

DAY = 86400.0
NOBODY = {"relationships": {}, "addresses": [], "error": None}


def end(role, own, peer, name="foo"):
    one = {"role": role, "address": own, "peer_address": peer, "mclt": 60}
    return {"relationships": {name: one}, "addresses": [own], "error": None}


class Fleet:
    """Minions that answer ``dhcpd.peers`` from a table; the others are silent, and time passes."""

    def __init__(self, monkeypatch, folder):
        self.now, self.says, self.keys, self.asked = 1_000_000.0, {}, [], []
        self.settings, self.slow, self.away = {}, {}, False
        clock = SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now)
        monkeypatch.setattr(discovery, "time", clock)
        monkeypatch.setattr(discovery, "accepted_minions", lambda opts: sorted(self.keys))
        monkeypatch.setattr(discovery, "_last_seen", self.last_seen)
        self.folder = folder

    def last_seen(self, opts, memory, minion):
        return memory.heard.get(minion, memory.silent[minion])

    def ask(self, minions, function, patience, enough):
        self.asked.append(set(minions))
        if self.away:
            return {one: {"error": "the master could not ask"} for one in minions}
        begun, answers = self.now, {}
        while True:
            for one in minions:
                if one in self.says and self.now - begun >= self.slow.get(one, 0.1):
                    answers.setdefault(one, {"ret": self.says[one]})
            if len(answers) == len(minions) or enough(answers) or self.now - begun > 60:
                break
            self.now += 0.1
        lost = {"error": "no answer", "asked": begun, "answered": None}
        return {
            one: {"asked": begun, "answered": 1.0, **answers[one]} if one in answers else lost
            for one in minions
        }

    def discover(self, **wanted):
        self.asked.clear()
        begun = self.now
        opts = {"cachedir": str(self.folder), "dhcp_failover": self.settings}
        found = discovery.discover(opts, self, **wanted)
        self.took = self.now - begun
        return found

    @property
    def all_asked(self):
        return set().union(*self.asked)


@pytest.fixture
def fleet(monkeypatch, tmp_path):
    one = Fleet(monkeypatch, tmp_path)
    one.says = {
        "a": end("primary", "10.0.0.1", "10.0.0.2"),
        "b": end("secondary", "10.0.0.2", "10.0.0.1"),
        **{f"web{number}": NOBODY for number in range(1000)},
    }
    one.keys = list(one.says)
    return one


def test_who_has_no_dhcpd_is_asked_once_a_day_in_slices_and_counts_as_answered(fleet):
    assert len(fleet.discover(everybody=True).pairs) == 1
    assert len(fleet.all_asked) == 1002
    fleet.now += DAY - 3600
    found = fleet.discover(everybody=True)
    assert fleet.all_asked == {"a", "b"}
    assert (found.silent, found.cached) == ([], [])
    fleet.now += 7200
    fleet.discover(everybody=True)
    first = fleet.all_asked - {"a", "b"}
    fleet.discover(everybody=True)
    second = fleet.all_asked - {"a", "b"}
    assert len(first) == len(second) == asking.SLICE and not first & second


def test_a_key_that_is_new_is_asked_at_once(fleet):
    fleet.discover(everybody=True)
    fleet.keys.append("new")
    fleet.says["new"] = NOBODY
    fleet.discover(everybody=True)
    assert fleet.all_asked == {"a", "b", "new"}


def test_a_partner_that_had_no_dhcpd_a_minute_ago_is_found_before_it_is_called_missing(fleet):
    fleet.discover(everybody=True)
    extra = end("primary", "10.0.0.1", "10.0.0.9", "bar")["relationships"]
    fleet.says["a"]["relationships"].update(extra)
    assert fleet.discover(everybody=True).problems
    assert len(fleet.all_asked) == 1002
    fleet.says["web999"] = end("secondary", "10.0.0.9", "10.0.0.1", "bar")
    found = fleet.discover(everybody=True)
    assert [pair.id for pair in found.pairs] == ["bar:a:web999", "foo:a:b"]
    assert not found.problems
    fleet.discover(everybody=True)
    assert fleet.all_asked == {"a", "b", "web999"}


def test_a_pair_whose_servers_had_no_dhcpd_this_morning_is_found_by_its_name(fleet):
    fleet.discover(everybody=True)
    fleet.says["web1"] = end("primary", "10.0.1.1", "10.0.1.2", "new")
    fleet.says["web2"] = end("secondary", "10.0.1.2", "10.0.1.1", "new")
    assert "new:web1:web2" in [pair.id for pair in fleet.discover(wanted="new").pairs]


def test_dead_keys_cost_seconds_once_and_nothing_later_and_are_named_with_since_when(fleet):
    fleet.discover(everybody=True)
    whole = fleet.took
    dead = [f"dead{number}" for number in range(50)]
    fleet.keys += dead
    fleet.discover(refresh=True)
    assert fleet.took < whole + 10
    since = fleet.now
    fleet.now += 3600
    found = fleet.discover(everybody=True)
    assert fleet.took <= 1.0
    assert found.silent == sorted(dead) and set(found.gone) == set(dead)
    assert all(since - 10 < at <= since for at in found.gone.values())
    assert fleet.all_asked == {"a", "b", *dead}


def test_a_server_that_went_away_keeps_its_pair_and_is_named_with_when_it_last_answered(fleet):
    fleet.discover(everybody=True)
    heard = fleet.now
    del fleet.says["b"]
    assert not fleet.discover(everybody=True).gone
    found = fleet.discover(everybody=True)
    assert fleet.took <= 1.0
    assert len(found.pairs) == 1 and found.cached == ["b"]
    assert found.gone == {"b": pytest.approx(heard, abs=3)}


def test_who_is_back_is_no_longer_gone(fleet):
    fleet.keys.append("late")
    fleet.discover(everybody=True)
    fleet.says["late"] = NOBODY
    fleet.discover(everybody=True)
    assert not fleet.discover(everybody=True).gone


def test_refresh_asks_all_and_paces_itself_and_waits_for_slow_ones(fleet):
    fleet.discover(everybody=True)
    fleet.slow["web7"] = 4.0
    found = fleet.discover(refresh=True)
    assert len(fleet.all_asked) == 1002 and found.silent == []
    assert max(map(len, fleet.asked)) <= discovery.AT_ONCE
    fleet.settings = {"ask_at_once": 50}
    fleet.discover(refresh=True)
    assert max(map(len, fleet.asked)) <= 50


def test_where_most_are_silent_that_is_said(fleet):
    for number in range(600):
        del fleet.says[f"web{number}"]
    found = fleet.discover(everybody=True)
    assert found.mostly_silent
    assert "600 of 1002" in asking.most_are_silent(len(found.silent), found.candidates)
    assert fleet.discover(everybody=True).mostly_silent


def test_only_those_of_the_setting_are_asked_and_a_target_for_nobody_is_refused(fleet, monkeypatch):
    class Fitting:
        def __init__(self, opts):
            self.fits = {"G@roles:dhcp": ["a", "b", "not-accepted"]}

        def check_minions(self, target, kind):
            assert kind == "compound"
            return {"minions": self.fits.get(target, [])}

    monkeypatch.setattr(discovery.salt.utils.minions, "CkMinions", Fitting)
    fleet.settings = {"servers": "G@roles:dhcp"}
    found = fleet.discover(everybody=True)
    assert fleet.all_asked == {"a", "b"} and found.candidates == 2
    fleet.settings = {"servers": "G@roles:dhpc"}
    with pytest.raises(IscDhcpError, match="no accepted minion fits"):
        fleet.discover(everybody=True)
    fleet.settings = {"servers": ["a"]}
    with pytest.raises(IscDhcpError, match="compound target"):
        fleet.discover(everybody=True)


@pytest.mark.parametrize("value", [0, -1, "soon", True])
def test_a_limit_that_is_no_number_is_refused_by_its_name(fleet, value):
    fleet.settings = {"discovery_seconds": value}
    with pytest.raises(IscDhcpError, match="discovery_seconds"):
        fleet.discover(everybody=True)


def test_patience_grows_with_the_number_asked_and_is_a_setting():
    usual, site = (
        SaltMinions({}),
        SaltMinions({"dhcp_failover": {"answer_seconds": 20, "answer_seconds_each": 0.1}}),
    )
    many = ["x"] * 1000
    assert usual._patience(None, many) > usual._patience(None, ["x"]) + 10
    assert site._patience(None, many) == 120
    assert usual._patience(0, many) == 0


def test_what_was_kept_and_is_torn_is_not_remembered():
    memory = asking.Memory.of({"heard": {"a": "soon", "b": 3}, "silent": [1]})
    assert (memory.heard, memory.silent) == ({"b": 3.0}, {})
    assert asking.Memory.of(None) == asking.Memory()


def test_a_master_that_could_not_ask_takes_nobody_for_gone(fleet):
    fleet.away = True
    fleet.discover(everybody=True)
    fleet.away = False
    fleet.slow = {"b": 3.0}
    found = fleet.discover(everybody=True)
    assert len(found.pairs) == 1 and not found.gone


def test_where_most_were_silent_they_are_waited_for_again_until_that_is_long_ago(fleet):
    said, fleet.says = fleet.says, {"a": fleet.says["a"]}
    assert fleet.discover(everybody=True).mostly_silent
    fleet.says, fleet.slow = said, {"b": 3.0, "web1": 3.0}
    assert fleet.discover(everybody=True).silent == []
    fleet.says, fleet.slow = {"a": said["a"]}, {}
    fleet.now += 2 * DAY
    fleet.discover(refresh=True)
    fleet.now += asking.LONG + 60
    fleet.discover(everybody=True)
    assert fleet.took <= 1.0 + len(fleet.asked)


def test_who_was_not_waited_for_as_the_pair_was_found_is_not_taken_for_gone(fleet):
    fleet.discover(everybody=True)
    fleet.slow = {f"web{number}": 3.0 for number in range(1000)}
    fleet.now += 2 * DAY
    assert len(fleet.discover().pairs) == 1
    assert fleet.took < 1
    assert not fleet.discover(everybody=True).gone


def test_a_server_that_was_replaced_under_another_id_is_found_by_its_pairs_name(fleet):
    fleet.discover(everybody=True)
    new = fleet.says.pop("b")
    fleet.keys.append("b2")
    fleet.says["b2"] = new
    found = fleet.discover(wanted="foo")
    assert [pair.id for pair in found.pairs] == ["foo:a:b2"]
    assert "b2" in fleet.all_asked and "web1" not in fleet.all_asked
