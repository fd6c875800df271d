"""Relationships of which only one end is known, and the partner's death told by a person."""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.pair import half_known
from iscdhcp.pair.discovery import PairError
from iscdhcp.pair.discovery import match
from iscdhcp.run.partner import PartnerRequest
from iscdhcp.run.partner import PartnerRun
from iscdhcp.shapes import Probe
from iscdhcp.shapes import Stake
from iscdhcp.show import status
from shaped import shaped

DEAD = "addr-dhcp-a"


def report(*relationships, addresses=()):
    return {
        "relationships": {
            name: {"role": role, "address": own, "peer_address": peer, "mclt": 3600}
            for name, role, own, peer in relationships
        },
        "addresses": list(addresses),
        "error": None,
    }


B = report(("foo", "secondary", "addr-dhcp-b", DEAD), addresses=["addr-dhcp-b"])


def found(silent=("dhcp-a",), **reports):
    discovery = match({"dhcp-b": B, **reports})
    discovery.silent = list(silent)
    return discovery


class Minions(FakeMinions):
    """dhcp-a is dead and was never heard here; dhcp-b has noticed."""

    def __init__(self):
        super().__init__()
        self.silent = {"dhcp-a"}
        self.end = self.servers["dhcp-b"]["relationships"]["foo"]
        self.end.update(state="communications-interrupted", connected=False)
        self.servers["dhcp-b"]["omapi"]["answers"] = True
        self.probe = shaped(Probe, address=DEAD, ping=False, omapi="silent")

    def look_for_partner(self, minion, relationship, patience):
        stake = shaped(Stake, error="not counted")
        return {"facts": self.servers[minion], "probe": self.probe, "addresses": stake}

    def act(self, minion, function, patience, **arguments):
        self.acts.append(function)
        self.arguments, self.end["state"] = arguments, "partner-down"
        return {"result": True, "comment": "done"}


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    def build():
        pair, dead = half_known.of_survivor(found(), "dhcp-b")
        built = new_run(PartnerRun, minions, tmp_path, PartnerRequest(dead=dead), pair)
        assert built.lock().result
        return built

    return build


@pytest.mark.parametrize("survivor", ["dhcp-b", "foo"])
def test_the_survivor_tells_what_its_partner_is_called(survivor):
    pair, dead = half_known.of_survivor(found(), survivor)
    assert (pair.id, dead, pair.suspects) == (f"foo:{DEAD}:dhcp-b", DEAD, ("dhcp-a",))
    assert (pair.primary, pair.secondary, pair.mclt) == (DEAD, "dhcp-b", 3600)


def test_where_both_ends_are_known_the_dead_one_has_its_name():
    both = found((), **{"dhcp-a": report(("foo", "primary", DEAD, "addr-dhcp-b"))})
    pair, dead = half_known.of_survivor(both, "dhcp-b")
    assert (pair.id, dead) == ("foo:dhcp-a:dhcp-b", "dhcp-a")
    assert half_known.half_known(both) == []


def test_an_address_that_a_minion_has_and_answers_from_is_not_dead():
    there = found((), other=report(addresses=[DEAD]))
    assert half_known.half_known(there) == []
    with pytest.raises(PairError, match="other has the address addr-dhcp-a and answers"):
        half_known.of_survivor(there, "dhcp-b")


def test_of_several_relationships_one_has_to_be_named():
    hub = report(("foo", "secondary", "h", DEAD), ("bar", "secondary", "h", "addr-dhcp-c"))
    two = found(**{"dhcp-b": hub})
    with pytest.raises(PairError, match="Say which one"):
        half_known.of_survivor(two, "dhcp-b")
    assert half_known.of_survivor(two, "dhcp-b", "bar")[1] == "addr-dhcp-c"


def test_a_survivor_without_a_relationship_is_told_so():
    with pytest.raises(PairError, match="No relationship of web is known"):
        half_known.of_survivor(found(), "web")


def test_who_names_the_dead_one_is_told_to_name_the_survivor():
    assert "partner_down foo survivor=dhcp-b" in half_known.hint(found(), "dhcp-a")
    assert half_known.hint(found(), "dhcp-z") == ""


def test_the_status_of_the_survivor_says_who_may_be_dead_and_what_to_type(minions, tmp_path):
    (view,) = half_known.look(minions, tmp_path, *half_known.chosen(found(), "foo"))
    rows = status.rows(view)
    assert rows["dhcp-b"]["state"] == "communications-interrupted" and not view.normal
    assert "one of them: dhcp-a" in rows[DEAD]["why"]
    assert "salt-run dhcp_failover.partner_down foo survivor=dhcp-b" in rows[DEAD]["why"]


def test_a_partner_elsewhere_that_is_well_is_no_trouble(minions, tmp_path):
    minions.end.update(state="normal")
    (view,) = half_known.look(minions, tmp_path, *half_known.chosen(found(), None))
    assert view.normal
    assert "partner_down" not in status.rows(view)[DEAD]["why"]


def test_survivor_and_silent_minions_are_locked_and_nothing_is_done_without_a_word(run, minions):
    one = run()
    assert one.group == ["dhcp-a", "dhcp-b"]
    step = one.take_for_dead()
    assert step.result is False and minions.acts == []
    assert f"confirm={DEAD}" in step.comment and "one of them: dhcp-a" in step.comment


def test_a_word_for_a_minion_id_is_none_for_the_address(run, minions):
    step = run().take_for_dead("dhcp-a")
    assert step.result is False and minions.acts == []
    assert f"confirm=dhcp-a is not {DEAD}" in step.comment


def test_the_survivor_takes_everything_over_once_a_person_says_so(run, minions):
    one = run()
    step = one.take_for_dead(DEAD)
    assert step.result is True, step
    assert minions.acts == ["dhcpd.partner_down"] and "dhcp-b" in minions.claims
    evidence = minions.arguments["evidence"]
    assert (evidence["confirm"], evidence["partner"]["answered"]) == (DEAD, False)
    assert "server=ITS_MINION_ID" in step.comment


@pytest.mark.parametrize("sign", [{"dhcp": True}, {"ping": True}, {"omapi": "open"}])
def test_who_answers_the_survivor_is_not_dead_whatever_a_person_says(run, minions, sign):
    minions.probe.update(sign)
    step = run().take_for_dead(DEAD)
    assert step.result is False and minions.acts == []


def test_one_that_still_serves_with_its_partner_takes_nothing_over(run, minions):
    minions.end.update(state="normal", connected=True)
    step = run().take_for_dead(DEAD)
    assert step.result is False and minions.acts == []


def test_a_silent_minion_that_answers_meanwhile_is_asked_first(run, minions):
    one = run()
    minions.silent.clear()
    step = one.take_for_dead(DEAD)
    assert step.result is False and minions.acts == []
    assert "dhcp-a answered just now" in step.comment


def test_a_partner_that_is_another_one_by_now_is_not_taken_for_dead(run, minions):
    minions.end["peer_address"] = "addr-dhcp-n"
    step = run().take_for_dead(DEAD)
    assert step.result is False and minions.acts == []
    assert "addr-dhcp-n now" in step.comment


def test_one_that_comes_alive_in_the_same_moment_is_an_alarm(run, minions):
    act = minions.act

    def back(*words, **named):
        minions.silent.clear()
        return act(*words, **named)

    minions.act = back
    step = run().take_for_dead(DEAD)
    assert step.result is False and "dhcp-a runs dhcpd now" in step.comment
