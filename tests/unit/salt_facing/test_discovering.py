"""Which minions are asked for their relationships, and what counts of those that are silent."""

from __future__ import annotations

import pytest
from iscdhcp.pair.discovery import select
from iscdhcp_salt import discovery

FOO = {"name": "foo"}


def server(role, own, peer, *addresses):
    end = {"role": role, "address": own, "port": 647, "peer_address": peer, "peer_port": 647}
    return {
        "relationships": {"foo": {**end, "mclt": 60}},
        "addresses": list(addresses or [own]),
        "error": None,
    }


class Fleet:
    """Minions that answer, or are silent."""

    def __init__(self, **reports):
        self.reports, self.asked = reports, []

    def ask(self, minions, function, patience, enough):
        self.asked.append(sorted(minions))
        return {
            one: {"ret": self.reports[one]} if self.reports.get(one) else {"error": "no answer"}
            for one in minions
        }


@pytest.fixture
def discover(tmp_path, monkeypatch):
    def discover(fleet, wanted=None, **more):
        monkeypatch.setattr(discovery, "accepted_minions", lambda opts: sorted(fleet.reports))
        return discovery.discover({"cachedir": str(tmp_path)}, fleet, wanted, **more)

    return discover


A = server("primary", "10.0.0.2", "10.0.0.3")
B = server("secondary", "10.0.0.3", "10.0.0.2")
WEB = {"relationships": {}, "addresses": ["10.0.0.9"], "error": None}


def test_a_server_that_was_replaced_under_another_id_is_found_by_the_pairs_name(discover):
    discover(Fleet(a=A, b=B, web=WEB))
    found = discover(Fleet(a=A, b=None, b2=B, web=WEB), "foo")
    assert [pair.id for pair in found.pairs] == ["foo:a:b2"]
    (problem,) = found.problems
    assert problem.startswith("foo on b ") and "salt-key -d" in problem


def test_nobody_else_is_asked_while_the_pair_answers(discover):
    discover(Fleet(a=A, b=B, web=WEB))
    fleet = Fleet(a=A, b=B, b2=B, web=WEB)
    assert select(discover(fleet, "foo"), "foo").id == "foo:a:b"
    assert fleet.asked == [["a", "b"]]


def test_a_silent_server_stays_the_partner_while_nobody_has_its_address(discover):
    discover(Fleet(a=A, b=B))
    prepared = server("secondary", "10.0.0.3", "10.0.0.2", "10.0.0.77")
    found = discover(Fleet(a=A, b=None, b2=prepared), "foo")
    assert [pair.id for pair in found.pairs] == ["foo:a:b"]
    assert found.cached == ["b"]


def test_two_that_both_answer_and_have_the_address_are_no_pair(discover):
    found = discover(Fleet(a=A, b=B, b2=B))
    assert found.pairs == []
    assert any("several minions have that address" in one for one in found.problems)


def test_two_that_had_the_address_and_are_both_silent_are_no_pair(discover):
    discover(Fleet(a=A, b=B, b2=B))
    found = discover(Fleet(a=A, b=None, b2=None))
    assert found.pairs == []
