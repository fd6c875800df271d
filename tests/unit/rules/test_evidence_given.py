"""Evidence that comes in by a call: checked, and what it lacks is unknown."""

from __future__ import annotations

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.rules import evidence
from iscdhcp.rules import is_dead
from iscdhcp.rules import may_stop
from pair_facts import NOW
from pair_facts import healthy


def test_what_a_master_sends_is_taken_as_it_is():
    _, b = healthy()
    sent = {"foo": evidence.evidence_of(b, "foo", NOW, 0.0)}
    assert evidence.given(sent) == sent
    assert evidence.given(None) is None


@pytest.mark.parametrize("sent", [{}, {"foo": {}}, {"foo": {"serves": True}}], ids=str)
def test_what_evidence_lacks_is_unknown_and_unknown_blocks(sent):
    a, _ = healthy()
    verdict = may_stop.ok_to_stop(a, evidence.given(sent), now=NOW)
    blocking = {reason.code for reason in verdict.blockers}
    assert blocking & {"partner-unknown", "partner-not-serving"}


@pytest.mark.parametrize(
    "sent", ["text", 7, [], {"foo": "normal"}, {"foo": {"observed": "now"}}, {"foo": {"skew": []}}]
)
def test_what_can_not_be_evidence_is_a_sentence(sent):
    with pytest.raises(IscDhcpError, match="evidence"):
        evidence.given(sent)


@pytest.mark.parametrize("sent", ["text", {}, {"partner": 1}, {"partner": {"observed": "now"}}])
def test_what_can_not_be_a_death_is_a_sentence(sent):
    with pytest.raises(IscDhcpError, match="evidence"):
        is_dead.given(sent)


def test_a_death_that_says_little_proves_nothing():
    a, _ = healthy()
    a["relationships"]["foo"].update(state="communications-interrupted", connected=False)
    a["omapi"].update(configured=True, answers=True)
    death = is_dead.given({"partner": {"minion": "dhcp-b"}})
    verdict = is_dead.judge(a, "foo", death["partner"], None, now=NOW)
    assert {reason.code for reason in verdict.blockers} >= {"silence", "evidence"}
