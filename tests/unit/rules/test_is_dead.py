"""When a partner may be taken for dead, and what is said about it."""

from __future__ import annotations

import pytest
from iscdhcp.facts import partner_probe
from iscdhcp.rules import is_dead
from iscdhcp.rules.is_dead import judge
from iscdhcp.shapes import LeaseFacts
from iscdhcp.shapes import PartnerSeen
from iscdhcp.shapes import Probe
from iscdhcp.shapes import Stake
from pair_facts import NOW
from pair_facts import server
from shaped import shaped

SILENCE = shaped(Probe, address="addr-dhcp-a", ping=False, omapi="silent", omapi_port=7911)


@pytest.fixture
def survivor():
    """dhcp-b, which has lost its partner dhcp-a."""
    facts = server("dhcp-b", "secondary", "dhcp-a")
    facts["omapi"].update(configured=True, answers=True)
    facts["relationships"]["foo"].update(
        state="communications-interrupted", partner_state="normal", connected=False
    )
    return facts


def partner(**more):
    silent = {"minion": "dhcp-a", "answered": False, "running": None, "error": "no answer"}
    return shaped(PartnerSeen, **{**silent, "observed": NOW, **more})


def codes(verdict):
    return [reason.code for reason in verdict.blockers]


def test_silence_alone_is_no_proof_and_the_message_says_how_to_confirm(survivor):
    verdict = judge(survivor, "foo", partner(), SILENCE)
    assert codes(verdict) == ["silence"]
    assert "confirm=dhcp-a" in verdict.sentence


def test_a_person_who_has_made_sure_of_it_may_say_so(survivor):
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a")
    assert verdict.ok
    assert "confirmed, not proved" in verdict.sentence


def test_another_servers_name_confirms_nothing(survivor):
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-b")
    assert codes(verdict) == ["confirm", "silence"]


def test_a_dhcpd_that_its_minion_proves_to_be_down_needs_no_confirmation(survivor):
    probe = {**SILENCE, "ping": True, "omapi": "refused"}
    verdict = judge(survivor, "foo", partner(answered=True, running=False), probe)
    assert verdict.ok
    assert "dhcpd.start" in verdict.sentence


def test_a_dhcpd_that_is_not_seen_is_not_proved_to_be_down(survivor):
    unseen = partner(answered=True, running=None, signs=["the failover port is held by pid 7"])
    verdict = judge(survivor, "foo", unseen, SILENCE, confirm="dhcp-a")
    assert codes(verdict) == ["unseen"]
    assert "pid 7" in verdict.sentence


@pytest.mark.parametrize("state", ["resolution-interrupted", "recover-wait", "recover-done"])
def test_a_survivor_that_answers_nobody_is_started_again(survivor, state):
    survivor["relationships"]["foo"].update(state=state, serves=False)
    down = partner(answered=True, running=False)
    verdict = judge(survivor, "foo", down, SILENCE)
    assert verdict.ok and "started again in partner-down" in verdict.sentence
    assert codes(judge(survivor, "foo", partner(), SILENCE)) == ["silence"]
    assert judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a").ok


def test_only_a_person_decides_for_a_survivor_that_lacks_leases(survivor):
    survivor["relationships"]["foo"].update(state="recover", serves=False)
    down = partner(answered=True, running=False)
    assert codes(judge(survivor, "foo", down, SILENCE)) == ["leases-incomplete"]
    assert judge(survivor, "foo", down, SILENCE, confirm="dhcp-a").ok


def test_one_that_serves_in_another_relationship_is_not_started_again(survivor):
    foo = survivor["relationships"]["foo"]
    foo.update(state="recover-done", serves=False)
    survivor["relationships"]["bar"] = {**foo, "state": "normal", "serves": True}
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a")
    assert codes(verdict) == ["others-serve"] and "serves in bar" in verdict.sentence


@pytest.mark.parametrize(
    "spoil, code",
    [
        ({"state": "normal"}, "state"),
        ({"state": "paused"}, "state"),
        ({"state": "potential-conflict"}, "state"),
        ({"state": None, "why_unknown": "the log is gone"}, "unknown"),
        ({"connected": True}, "connected"),
    ],
)
def test_what_the_survivor_says_against_it_is_never_overridden(survivor, spoil, code):
    survivor["relationships"]["foo"].update(spoil)
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a")
    assert codes(verdict) == [code]


@pytest.mark.parametrize("life", [{"ping": True}, {"omapi": "open"}, {"omapi": "refused"}], ids=str)
def test_an_address_that_answers_is_never_overridden(survivor, life):
    verdict = judge(survivor, "foo", partner(), {**SILENCE, **life}, confirm="dhcp-a")
    assert codes(verdict) == ["answers"]


def test_an_open_omapi_port_contradicts_a_minion_that_sees_no_dhcpd(survivor):
    probe = {**SILENCE, "omapi": "open"}
    verdict = judge(survivor, "foo", partner(answered=True, running=False), probe)
    assert codes(verdict) == ["answers"]


def test_a_partner_that_runs_is_never_taken_for_dead(survivor):
    alive = partner(answered=True, running=True, pid=7)
    assert codes(judge(survivor, "foo", alive, SILENCE, confirm="dhcp-a")) == ["alive"]


def test_without_omapi_it_is_refused_with_the_setting_that_helps(survivor):
    survivor["omapi"].update(configured=False, answers=False, hint="set omapi-port")
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a")
    assert codes(verdict) == ["survivor-omapi"]
    assert "set omapi-port" in verdict.sentence


def test_old_knowledge_does_not_count_when_it_is_acted_on(survivor):
    verdict = judge(survivor, "foo", partner(), SILENCE, confirm="dhcp-a", now=NOW + 60)
    assert codes(verdict) == ["evidence"]


def test_the_free_addresses_are_the_right_ones_for_each_role():
    foo = [
        {"free": 10, "backup": 7, "active": 3, "addresses": 20},
        {"free": 1, "backup": 2, "active": 3, "addresses": 6},
    ]
    bar = [{"free": 99, "backup": 99, "active": 99, "addresses": 300}]
    counted = shaped(LeaseFacts, relationships={"foo": foo, "bar": bar})
    primary = is_dead.addresses(counted, "foo", "primary")
    assert primary == {"own": 11, "partners": 9, "active": 6, "addresses": 26, "error": None}
    secondary = is_dead.addresses(counted, "foo", "secondary")
    assert (secondary["own"], secondary["partners"]) == (9, 11)


def test_the_addresses_and_the_time_at_stake_are_said(survivor):
    counts = shaped(Stake, own=9, partners=11, active=6, addresses=26)
    said = is_dead.stake(survivor, "foo", "dhcp-a", counts)
    # NOW is 08:00:00 UTC, MCLT an hour.
    assert "11 free addresses of dhcp-a from 09:00:00 UTC" in said
    assert "9 of its own" in said and "6 of 26" in said


def test_an_echo_request_has_a_right_checksum():
    packet = partner_probe._echo_request(0x1234, 1)
    words = [int.from_bytes(packet[i : i + 2], "big") for i in range(0, len(packet), 2)]
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
