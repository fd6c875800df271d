"""What stands against a rollout, and against taking it back."""

from __future__ import annotations

import pytest
from iscdhcp.pair.discovery import Pair
from iscdhcp.rules import may_roll_back
from iscdhcp.rules.evidence import evidence_of
from iscdhcp.run import rollout
from pair_facts import NOW
from pair_facts import healthy
from peer_reports import both
from peer_reports import report

FOO = Pair("foo", "dhcp-a", "dhcp-b", 3600)


def test_configurations_that_fit_are_not_objected_to():
    assert rollout.misfits(FOO, "dhcp-b", both(), both()) == []
    longer = both()
    longer["dhcp-a"]["relationships"]["foo"]["mclt"] = 1800
    assert rollout.misfits(FOO, "dhcp-b", both(), longer) == []


@pytest.mark.parametrize(
    "spoiled, words",
    [
        ({"name": "bar"}, "foo is not in the configuration of dhcp-b"),
        ({"role": "primary"}, "both say primary"),
        ({"peer_port": 648}, "dhcp-b looks for foo at port 648 of dhcp-a, which listens at 647"),
        ({"port": 648}, "dhcp-a looks for foo at port 647 of dhcp-b, which listens at 648"),
        ({"peer_address": "10.0.0.9"}, "the addresses do not match"),
    ],
)
def test_a_configuration_that_could_never_be_normal_is_objected_to(spoiled, words):
    (found, *_) = rollout.misfits(FOO, "dhcp-b", both(), both(**spoiled))
    assert words in found
    assert "while dhcp-b has its new configuration and dhcp-a the old one" in found


def test_a_change_that_both_would_have_to_make_at_once_is_objected_to():
    new = both()
    for minion in new:
        new[minion]["relationships"]["bar"] = new[minion]["relationships"].pop("foo")
    assert (
        "foo is not in the configuration of dhcp-b"
        in rollout.misfits(FOO, "dhcp-b", both(), new)[0]
    )


def test_swapped_roles_are_objected_to():
    new = both(role="primary")
    new["dhcp-a"]["relationships"]["foo"]["role"] = "secondary"
    assert any("roles" in one for one in rollout.misfits(FOO, "dhcp-b", both(), new))


def test_another_partners_relationship_is_not_changed_on_the_way():
    now, new = both(), both()
    bar = report("10.0.0.2", "10.0.0.3", name="bar")["relationships"]["bar"]
    now["dhcp-b"]["relationships"]["bar"] = bar
    assert (
        "bar, which dhcp-b has with another partner" in rollout.misfits(FOO, "dhcp-b", now, new)[0]
    )


def seen(partner, **spoiled):
    return {"foo": {**evidence_of(partner, "foo", NOW, 0.0), **spoiled}}


def test_a_server_that_is_not_normal_is_taken_back_while_its_partner_serves():
    a, b = healthy()
    b["relationships"] = {"bar": {"state": "recover", "partner_state": "startup", "serves": False}}
    a["relationships"]["foo"]["state"] = "communications-interrupted"
    assert may_roll_back.ok_to_take_back(b, seen(a), now=NOW).ok


@pytest.mark.parametrize("spoiled", [{"serves": False}, {"serves": None}, {"observed": NOW - 60}])
def test_the_only_server_that_serves_is_not_stopped(spoiled):
    a, b = healthy()
    assert not may_roll_back.ok_to_take_back(b, seen(a, **spoiled), now=NOW).ok
    assert not may_roll_back.ok_to_take_back(b, {}, now=NOW).ok
    assert not may_roll_back.ok_to_take_back(b, seen(a, acting=True), now=NOW).ok


def test_where_nobody_serves_there_is_nothing_to_lose():
    a, b = healthy()
    b["relationships"]["foo"]["serves"] = False
    verdict = may_roll_back.ok_to_take_back(b, seen(a, serves=False), now=NOW)
    assert verdict.ok
    assert verdict.warnings
