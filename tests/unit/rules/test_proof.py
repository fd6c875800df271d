"""What an answer to a client's question proves, and what its silence does not."""

from __future__ import annotations

import pytest
from iscdhcp.rules import may_stop
from iscdhcp.rules import proof
from iscdhcp.rules.evidence import evidence_of
from iscdhcp.shapes import Alive
from pair_facts import NOW
from pair_facts import asked
from pair_facts import healthy
from shaped import shaped


def judged(by_run=True, **changed):
    found = proof.of_answer(asked("192.0.2.1", **changed), "foo", "dhcp-b", "dhcp-a", by_run)
    return [(one.code, one.blocks) for one in found]


def test_an_offer_proves_service():
    assert judged() == []


@pytest.mark.parametrize("by_run", [True, False])
def test_one_that_has_answered_before_and_is_silent_does_not_serve(by_run):
    assert judged(by_run, offered=False, alive=False) == [("probe-silent", True)]


def test_one_that_never_answered_may_be_out_of_reach():
    never = {"offered": False, "before": None}
    assert judged(True, **never) == [("probe-unproved", False)]
    assert judged(False, **never) == [("probe-unproved", True)]
    assert judged(False, offered=None, before=None, why="no route") == [("probe-unproved", True)]


def test_a_question_that_is_turned_off_is_told_and_holds_nobody_up():
    assert judged(False, offered=None, off=True) == [("probe-off", False)]


def test_the_sentence_says_when_it_answered_last_and_how_it_is_silent():
    silent = asked("192.0.2.1", offered=False, alive=True)
    (reason,) = proof.of_answer(silent, "foo", "dhcp-b", "dhcp-a")
    assert reason.text == (
        "dhcp-a offers nothing to the question of dhcp-b (dhcpd there answers, and gives no "
        "address: paused, or out of addresses; it last did at 08:00:00 UTC)"
    )


def verdict(force=(), **changed):
    mine, theirs = healthy()
    mine["relationships"]["foo"]["asked"].update(changed)
    evidence = {"foo": evidence_of(theirs, "foo", NOW, 0.0)}
    found = may_stop.ok_to_stop(mine, evidence, force, now=NOW)
    return found.ok, {one.code for one in found.reasons}


def test_silence_just_now_stands_against_a_stop_whatever_the_states_say():
    assert verdict() == (True, set())
    assert verdict(offered=False) == (False, {"probe-silent"})
    assert verdict(("probe",), offered=False) == (True, {"probe-silent"})


def test_what_was_asked_long_ago_says_nothing():
    assert verdict(offered=False, asked=NOW - proof.RECENT - 1) == (True, set())


def life(**changed):
    known = {"address": "x", "asked": NOW, "answered": False, "before": NOW - 9, "silent": NOW}
    return shaped(Alive, **{**known, **changed})


def test_no_sign_of_life_counts_from_one_that_gave_one_before_and_was_asked_just_now():
    assert proof.is_mute(life(), NOW + 1)
    assert not proof.is_mute(life(), NOW + 60)
    assert not proof.is_mute(life(before=None), NOW)
    assert not proof.is_mute(life(answered=True, silent=None), NOW)
    assert not proof.is_mute(life(answered=None), NOW)
    assert not proof.is_mute(None, NOW)
