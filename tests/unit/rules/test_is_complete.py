"""Whether the restart of a server is complete."""

from __future__ import annotations

import pytest
from iscdhcp import words
from iscdhcp.rules import is_complete
from iscdhcp.shapes import Balance
from pair_facts import NOW
from pair_facts import healthy
from shaped import shaped


def test_a_restart_is_complete_when_both_ends_are_normal_balanced_and_quiet():
    a, b = healthy()
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
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
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
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
    assert is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW).outcome == "no"


def test_a_silent_partner_is_unknown_never_good_or_bad():
    a, _ = healthy()
    verdict = is_complete.restart_complete(a, {"foo": None}, "dhcp-a-1", NOW)
    assert verdict.outcome == "wait"
    assert "did not answer" in verdict.sentence


def test_recover_wait_says_until_when():
    a, b = healthy()
    a["relationships"]["foo"].update(state="recover-wait", partner_state="partner-down")
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.until == NOW - 900 + 3600
    assert words.clock(verdict.until) in verdict.sentence


@pytest.mark.parametrize("after, outcome", [(5, "wait"), (25, "yes")])
@pytest.mark.parametrize("balanced", [False, None])
def test_an_imbalanced_pool_is_waited_for_and_then_a_warning(balanced, after, outcome):
    a, b = healthy()
    a["relationships"]["foo"].update(
        normal_since=NOW - after,
        balance=shaped(Balance, balanced=balanced, imbalanced=["10.0.0.0/24"]),
    )
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == outcome
    assert verdict.reasons[0].code == ("imbalanced" if balanced is False else "balance-unknown")


def test_the_deadline_follows_mclt_and_the_number_of_leases():
    a, _ = healthy()
    small = is_complete.normal_deadline(a, 1000)
    assert is_complete.normal_deadline(a, 270 * 60_000) > small + 40
    a["relationships"]["foo"].update(state="recover", since=NOW - 100)
    assert is_complete.normal_deadline(a, 1000) == pytest.approx(small + 3500)


def test_a_partner_that_is_halted_is_called_halted_and_waited_for():
    a, b = healthy()
    b["process"]["stopped"] = True
    b["relationships"]["foo"].update(state=None, partner_state=None, serves=False)
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == "wait"
    assert [one.code for one in verdict.reasons] == ["halted"]
    assert "dhcp-b" in verdict.sentence and "halted by a signal" in verdict.sentence


def test_a_server_that_is_down_is_told_in_one_sentence():
    a, b = healthy()
    b["process"]["running"] = False
    b["relationships"]["foo"].update(state=None, partner_state=None, serves=None)
    a["relationships"]["foo"].update(state="communications-interrupted", connected=False)
    for mine, theirs in ((a, b), (b, a)):
        verdict = is_complete.restart_complete(mine, {"foo": theirs}, None, NOW)
        assert verdict.outcome == "no"
        assert verdict.sentence.startswith("dhcpd is not running on dhcp-b")
    assert [one.code for one in verdict.reasons] == ["down"]
