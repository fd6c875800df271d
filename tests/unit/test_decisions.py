"""What the facts of a pair mean."""

from __future__ import annotations

import pytest
from iscdhcp import completion
from iscdhcp import decisions
from iscdhcp.errors import IscDhcpError
from pair_facts import NOW
from pair_facts import healthy


def evidence(partner, skew=0.0, observed=NOW):
    return {"foo": decisions.evidence_of(partner, "foo", observed, skew)}


def codes(verdict):
    return {reason.code for reason in verdict.blockers}


def test_a_healthy_server_with_a_healthy_partner_may_be_stopped():
    a, b = healthy()
    verdict = decisions.ok_to_stop(a, evidence(b), now=NOW)
    assert verdict.ok
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    "state, partner",
    [
        ("communications-interrupted", "normal"),
        ("normal", "communications-interrupted"),
        ("recover-wait", "partner-down"),
        ("startup", "normal"),
        ("paused", "communications-interrupted"),
    ],
)
@pytest.mark.parametrize("end", ["own", "other"])
def test_a_server_is_not_stopped_while_either_end_is_not_normal(end, state, partner):
    a, b = healthy()
    spoilt = (a if end == "own" else b)["relationships"]["foo"]
    spoilt.update(state=state, partner_state=partner)
    verdict = decisions.ok_to_stop(a, evidence(b), now=NOW)
    assert not verdict.ok
    assert state in verdict.sentence and "foo" in verdict.sentence


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda a, b: a["process"].update(running=False), "not-running"),
        (lambda a, b: a["process"].update(several=[1, 2]), "several"),
        (lambda a, b: a["process"].update(stopped=True), "stopped"),
        (lambda a, b: a["process"].update(gentle_shutdown=True), "gentle"),
        (lambda a, b: a["configuration"].update(error="x:3: bad"), "configuration"),
        (lambda a, b: a["lease_file"].update(problem="it is torn"), "lease-file"),
        (lambda a, b: a["relationships"]["foo"].update(connected=False), "connection"),
        (lambda a, b: a["relationships"]["foo"].update(state=None), "relationship"),
        (lambda a, b: a.update(relationships={}), "no-relationship"),
        (lambda a, b: a.update(foreign_claim={"who": "ann", "until": NOW + 9}), "claim"),
        (lambda a, b: a.update(busy="state.apply is running as PID 5"), "busy"),
        (lambda a, b: b["process"].update(running=False), "partner"),
        (lambda a, b: b["process"].update(stopped=True), "partner"),
        (lambda a, b: b["relationships"]["foo"].update(state=None), "partner"),
        (lambda a, b: b["relationships"].clear(), "partner"),
    ],
)
def test_each_trouble_blocks_and_is_named(spoil, code):
    a, b = healthy()
    spoil(a, b)
    verdict = decisions.ok_to_stop(a, evidence(b), now=NOW)
    assert code in codes(verdict)
    assert verdict.sentence.endswith(".")


def test_evidence_that_is_old_or_from_the_future_counts_for_nothing():
    a, b = healthy()
    for observed in (NOW - 11, NOW + 11):
        assert codes(decisions.ok_to_stop(a, evidence(b, observed=observed), now=NOW)) == {
            "partner"
        }


def test_missing_evidence_of_one_of_several_partners_blocks():
    a, b = healthy()
    a["relationships"]["bar"] = dict(a["relationships"]["foo"])
    verdict = decisions.ok_to_stop(a, evidence(b), now=NOW)
    assert [reason.relationship for reason in verdict.blockers] == ["bar"]


def test_clocks_too_far_apart_block_before_dhcpd_would_refuse_to_connect():
    a, b = healthy()
    assert decisions.ok_to_stop(a, evidence(b, skew=59), now=NOW).ok
    assert codes(decisions.ok_to_stop(a, evidence(b, skew=-61), now=NOW)) == {"clock"}


def test_force_overrides_only_what_it_names():
    a, b = healthy()
    a["lease_file"]["problem"] = "it is torn"
    a["relationships"]["foo"]["connected"] = False
    verdict = decisions.ok_to_stop(a, evidence(b), decisions.parse_force("lease-file"), NOW)
    assert codes(verdict) == {"connection"}
    assert "overridden" in verdict.warnings[0].text
    both = decisions.parse_force(["lease-file", "connection"])
    assert decisions.ok_to_stop(a, evidence(b), both, NOW).ok


@pytest.mark.parametrize("words", ["everything", "relationship,nonsense", True])
def test_force_has_to_name_what_it_overrides(words):
    with pytest.raises(IscDhcpError, match="relationship"):
        decisions.parse_force(words)


def test_a_restart_is_complete_when_both_ends_are_normal_balanced_and_quiet():
    a, b = healthy()
    verdict = completion.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == "yes"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a, b: a["relationships"]["foo"].update(state="startup"),
        lambda a, b: b["relationships"]["foo"].update(state="communications-interrupted"),
        lambda a, b: b["relationships"]["foo"].update(partner_state="startup"),
        lambda a, b: a["relationships"]["foo"].update(unacked=10),
        lambda a, b: b["relationships"]["foo"].update(unacked=10),
        lambda a, b: a["relationships"]["foo"].update(state=None, why_unknown="no log"),
        lambda a, b: a["lease_file"].update(problem="torn"),
        lambda a, b: a["process"].update(stopped=True),
        lambda a, b: a["relationships"]["foo"].update(state="potential-conflict"),
    ],
)
def test_what_dhcpd_still_works_on_is_waited_for(spoil):
    a, b = healthy()
    spoil(a, b)
    verdict = completion.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == "wait"
    assert verdict.sentence


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a, b: a["process"].update(running=False),
        lambda a, b: b["process"].update(running=False),
        lambda a, b: a["relationships"]["foo"].update(state="paused"),
        lambda a, b: b["relationships"]["foo"].update(state="shutdown"),
        lambda a, b: a["relationships"]["foo"].update(refused="time offset too large"),
    ],
)
def test_what_waiting_cannot_heal_ends_the_wait_at_once(spoil):
    a, b = healthy()
    spoil(a, b)
    assert completion.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW).outcome == "no"


def test_a_silent_partner_is_unknown_never_good_or_bad():
    a, _ = healthy()
    verdict = completion.restart_complete(a, {"foo": None}, "dhcp-a-1", NOW)
    assert verdict.outcome == "wait"
    assert "did not answer" in verdict.sentence


def test_recover_wait_says_until_when():
    a, b = healthy()
    a["relationships"]["foo"].update(state="recover-wait", partner_state="partner-down")
    verdict = completion.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.until == NOW - 900 + 3600
    assert decisions.clock(verdict.until) in verdict.sentence


@pytest.mark.parametrize("after, outcome", [(5, "wait"), (25, "yes")])
@pytest.mark.parametrize("balanced", [False, None])
def test_an_imbalanced_pool_is_waited_for_and_then_a_warning(balanced, after, outcome):
    a, b = healthy()
    a["relationships"]["foo"].update(
        normal_since=NOW - after, balance={"balanced": balanced, "imbalanced": ["10.0.0.0/24"]}
    )
    verdict = completion.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == outcome
    assert verdict.reasons[0].code == "balance"


def test_the_deadline_follows_mclt_and_the_number_of_leases():
    a, _ = healthy()
    small = completion.normal_deadline(a, 1000)
    assert completion.normal_deadline(a, 270 * 60_000) > small + 40
    a["relationships"]["foo"].update(state="recover", since=NOW - 100)
    assert completion.normal_deadline(a, 1000) == pytest.approx(small + 3500)


@pytest.mark.parametrize("answers, ok", [(True, True), (False, False)])
def test_a_graceful_method_needs_an_omapi_that_answers(answers, ok):
    a, b = healthy()
    a["omapi"] = {"configured": answers, "answers": answers, "hint": "set omapi-port"}
    verdict = decisions.ok_to_stop(a, evidence(b), now=NOW, method="drain")
    assert verdict.ok is ok
    assert ok or "set omapi-port" in verdict.sentence
