"""Which server that is down a run may start before it begins."""

from __future__ import annotations

import pytest
from iscdhcp.rules import may_heal
from iscdhcp.shapes import ProcessFacts
from iscdhcp.shapes import Survey
from pair_facts import NOW
from pair_facts import healthy
from pair_views import knowledge
from shaped import shaped


@pytest.fixture
def a():
    facts = healthy()[0]
    facts["relationships"]["foo"]["state"] = "communications-interrupted"
    return facts


@pytest.fixture
def b():
    facts = healthy()[1]
    facts["process"] = shaped(ProcessFacts, running=False, absent=True)
    return facts


def test_the_one_that_is_down_is_found(a, b):
    assert may_heal.only_one_down({"dhcp-a": a, "dhcp-b": b}) == "dhcp-b"


def test_none_or_both_or_one_that_nobody_can_see_is_none(a, b):
    both = {"dhcp-a": {**a, "process": b["process"]}, "dhcp-b": b}
    assert may_heal.only_one_down(both) is None
    assert may_heal.only_one_down({"dhcp-a": a, "dhcp-b": None}) is None
    assert may_heal.only_one_down({"dhcp-a": a, "dhcp-b": healthy()[1]}) is None
    assert may_heal.only_one_down({"dhcp-a": a, "dhcp-b": {**b, "acting": True}}) is None


def judge(a, b, skew=0.0, force=()):
    return may_heal.may_be_started(b, {"foo": a}, {"foo": skew}, force)


def test_it_may_be_started_while_its_partner_serves(a, b):
    assert judge(a, b).ok


@pytest.mark.parametrize("state", ["partner-down", "communications-interrupted", "normal"])
def test_whatever_the_partner_has_noticed_of_it(a, b, state):
    a["relationships"]["foo"]["state"] = state
    assert judge(a, b).ok


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda a, b: a["relationships"]["foo"].update(serves=False), "partner-not-serving"),
        (lambda a, b: a["relationships"]["foo"].update(serves=None), "partner-not-serving"),
        (lambda a, b: a["relationships"].clear(), "partner-not-serving"),
        (lambda a, b: a["process"].update(running=False), "partner-not-serving"),
        (lambda a, b: a["process"].update(stopped=True), "partner-not-serving"),
        (lambda a, b: a.update(acting=True), "partner-acting"),
        (lambda a, b: b["process"].update(signs=["its port is held"]), "unseen"),
        (lambda a, b: b["configuration"].update(error="line 7"), "configuration"),
        (
            lambda a, b: b["lease_file"].update(exists=False, problem="missing"),
            "lease-file-missing",
        ),
        (lambda a, b: b["lease_file"].update(problem="torn"), "lease-file-torn"),
        (lambda a, b: b.update(start_problem="its unit is masked"), "start"),
    ],
)
def test_it_is_not_started_where_that_is_not_safe(a, b, spoil, code):
    spoil(a, b)
    verdict = judge(a, b)
    assert not verdict.ok
    assert code in {one.code for one in verdict.blockers}


@pytest.mark.parametrize("state", ["recover", "recover-wait", "resolution-interrupted"])
def test_it_is_started_for_a_partner_that_answers_nobody_before_it_is_back(a, b, state):
    a["relationships"]["foo"].update(state=state, serves=False)
    assert judge(a, b).ok
    a["relationships"]["foo"].update(state="potential-conflict")
    assert not judge(a, b).ok


def test_a_partner_that_does_not_answer_is_not_taken_for_one_that_serves(b):
    verdict = may_heal.may_be_started(b, {"foo": None}, {})
    assert {one.code for one in verdict.blockers} == {"partner-unknown"}


def test_each_partner_of_a_hub_has_to_serve(a, b):
    b["relationships"]["bar"] = dict(b["relationships"]["foo"])
    assert not may_heal.may_be_started(b, {"foo": a, "bar": None}, {}).ok


def test_clocks_between_which_dhcpd_does_not_connect_are_corrected_first(a, b):
    assert judge(a, b, skew=40.0).ok
    assert {one.code for one in judge(a, b, skew=-70.0).blockers} == {"clock-skew"}


def test_force_overrides_what_it_names(a, b):
    b["lease_file"].update(exists=False, problem="missing")
    verdict = judge(a, b, force={"lease-file"})
    assert verdict.ok and "overridden" in verdict.warnings[0].text


def test_one_that_died_while_it_wrote_an_entry_is_started_and_that_is_told(a, b):
    b["lease_file"].update(whole=False, problem="it is torn at its end", mendable=True)
    verdict = judge(a, b)
    assert verdict.ok and "it is torn at its end" in verdict.warnings[0].text


def test_a_server_without_any_relationship_is_nobodys_partner(b):
    b["relationships"].clear()
    assert {one.code for one in may_heal.may_be_started(b, {}, {}).blockers} == {"no-relationship"}


def test_an_old_lease_file_is_not_started(a, b):
    a["survey"] = shaped(Survey, knowledge=knowledge())
    b["survey"] = shaped(Survey, knowledge=knowledge(newest=NOW - 3600))
    assert {one.code for one in judge(a, b).blockers} == {"lease-file-old"}
    assert judge(a, b, force={"lease-age"}).ok
    b["survey"] = shaped(Survey, knowledge=knowledge())
    assert judge(a, b).ok
