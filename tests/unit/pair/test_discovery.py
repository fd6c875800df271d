"""Pairs found among what the minions say."""

from __future__ import annotations

import time

import pytest
from iscdhcp.pair import discovery


def report(*relationships, addresses=(), error=None):
    return {
        "relationships": {
            name: {"role": role, "address": own, "peer_address": peer, "mclt": 60}
            for name, role, own, peer in relationships
        },
        "addresses": list(addresses),
        "error": error,
    }


def one_pair(name="foo", first="a", second="b", net="10.0.0"):
    return {
        first: report((name, "primary", f"{net}.1", f"{net}.2")),
        second: report((name, "secondary", f"{net}.2", f"{net}.1")),
    }


def test_a_pair_is_found_by_name_addresses_and_roles():
    found = discovery.match(one_pair())
    assert [pair.id for pair in found.pairs] == ["foo:a:b"]
    assert (found.pairs[0].primary, found.pairs[0].secondary) == ("a", "b")
    assert found.problems == []


def test_the_only_pair_needs_no_name():
    found = discovery.match({**one_pair(), "web": report()})
    assert discovery.select(found).name == "foo"


def test_two_pairs_are_listed_when_no_name_is_given():
    found = discovery.match({**one_pair(), **one_pair("bar", "c", "d", "10.0.1")})
    with pytest.raises(discovery.PairError, match="bar:c:d.*foo:a:b"):
        discovery.select(found)


def test_a_silent_minion_keeps_the_only_pair_from_being_assumed():
    found = discovery.match(one_pair())
    found.silent = ["z"]
    with pytest.raises(discovery.PairError, match="z"):
        discovery.select(found)
    assert discovery.select(found, "foo").name == "foo"


def test_a_name_copied_between_sites_is_ambiguous_and_a_minion_id_is_not():
    found = discovery.match({**one_pair(), **one_pair("foo", "c", "d", "10.0.1")})
    assert len(found.pairs) == 2
    with pytest.raises(discovery.PairError, match="several"):
        discovery.select(found, "foo")
    assert discovery.select(found, "c").id == "foo:c:d"
    assert discovery.select(found, "foo:a:b").id == "foo:a:b"


def test_a_hub_is_a_server_of_each_of_its_pairs_and_their_spokes_are_its_partners():
    found = discovery.match(
        {
            "hub": report(
                ("foo", "primary", "10.0.0.1", "10.0.0.2"),
                ("bar", "primary", "10.0.0.1", "10.0.0.3"),
            ),
            "a": report(("foo", "secondary", "10.0.0.2", "10.0.0.1")),
            "c": report(("bar", "secondary", "10.0.0.3", "10.0.0.1")),
        }
    )
    assert [pair.id for pair in found.pairs] == ["bar:c:hub", "foo:a:hub"]
    assert found.partners(["a"]) == ["a", "hub"]
    assert found.partners(["a", "hub"]) == ["a", "c", "hub"]
    with pytest.raises(discovery.PairError, match="several"):
        discovery.select(found, "hub")


@pytest.mark.parametrize(
    "reports, told",
    [
        ({"a": report(("foo", "primary", "10.0.0.1", "10.0.0.2"))}, "no minion that answered"),
        (
            {
                "a": report(("foo", "primary", "10.0.0.1", "10.0.0.2")),
                "b": report(("foo", "primary", "10.0.0.2", "10.0.0.1")),
            },
            "both say primary",
        ),
        (
            {
                "a": report(("foo", "primary", "10.0.0.1", "10.0.0.2")),
                "b": report(("foo", "secondary", "10.0.0.9", "10.0.0.1")),
            },
            "do not match",
        ),
        ({"a": report(error="/etc/dhcp/dhcpd.conf:3: expected ;")}, "dhcpd.conf:3"),
        (
            {
                "a": report(("foo", "primary", "10.0.0.1", "10.0.0.2")),
                "b": report(("foo", "secondary", "10.0.0.2", "10.0.0.1")),
                "old-b": report(("foo", "secondary", "10.0.0.2", "10.0.0.1")),
            },
            "several minions have that address",
        ),
    ],
)
def test_what_is_no_pair_is_named(reports, told):
    found = discovery.match(reports)
    assert found.pairs == []
    assert any(told in problem for problem in found.problems)
    with pytest.raises(discovery.PairError, match="Fix this first"):
        discovery.select(found)


def test_a_fleet_without_relationships_is_told_what_may_be_missing():
    with pytest.raises(discovery.PairError, match="sync"):
        discovery.select(discovery.match({"web": report()}))


def test_the_secondary_goes_first_unless_told_otherwise():
    pair = discovery.match(one_pair()).pairs[0]
    assert pair.ordered() == ("b", "a")
    assert pair.ordered("primary-first") == ("a", "b")
    assert pair.ordered("a,b") == ("a", "b")
    with pytest.raises(discovery.PairError, match="order"):
        pair.ordered("a,c")


@pytest.mark.parametrize("real", ["b", "old-b"])
def test_of_two_minions_that_fit_one_end_the_one_that_has_the_address_is_the_partner(real):
    """A server was replaced, and its old minion's dhcpd.conf or kept report is still there."""
    second = ("foo", "secondary", "10.0.0.2", "10.0.0.1")
    reports = {"a": report(("foo", "primary", "10.0.0.1", "10.0.0.2"), addresses=["10.0.0.1"])}
    for minion in ("b", "old-b"):
        addresses = ["10.0.0.2"] if minion == real else ["10.0.0.77"]
        reports[minion] = report(second, addresses=addresses)
    found = discovery.match(reports)
    assert [pair.id for pair in found.pairs] == [f"foo:a:{real}"]
    (problem,) = found.problems
    assert ("old-b" if real == "b" else "b") in problem and "salt-key -d" in problem


def test_a_syntax_error_is_told_before_that_no_pair_is_known():
    reports = one_pair()
    reports["b"] = report(error="/etc/dhcp/dhcpd.conf:3: semicolon expected")
    with pytest.raises(discovery.PairError) as told:
        discovery.select(discovery.match(reports))
    text = str(told.value)
    assert text.startswith("Fix this first: ") and "dhcpd.conf:3: semicolon expected" in text
    assert text.endswith("no failover pair is known.")


def test_a_fleet_without_a_pair_is_told_what_to_do():
    text = discovery.no_pairs(discovery.match({"web": report()}))
    assert "saltutil.sync_all" in text and "pairs refresh=True" in text


def many(count, name="foo"):
    """So many pairs of one name, as a fleet has it whose sites copy their files."""
    reports = {}
    for number in range(count):
        net = f"10.{number >> 8}.{number & 255}"
        first, second = f"a{number}", f"b{number}"
        pair = one_pair(name, first, second, net)
        for minion, own in ((first, "1"), (second, "2")):
            pair[minion]["addresses"] = [f"{net}.{own}", "172.17.0.1", "192.168.122.1"]
        reports.update(pair)
    return reports


def seconds_of_cpu(act):
    begun = time.process_time()
    result = act()
    return time.process_time() - begun, result


def test_ten_thousand_servers_are_matched_in_two_seconds():
    took, found = seconds_of_cpu(lambda: discovery.match(many(5000)))
    assert len(found.pairs) == 5000 and not found.problems
    assert took < 2


def test_ten_thousand_servers_without_partners_are_named_in_two_seconds():
    reports = {minion: one for minion, one in many(10000).items() if minion.startswith("a")}
    took, found = seconds_of_cpu(lambda: discovery.match(reports))
    assert len(found.problems) == len(found.alone) == 10000 and not found.pairs
    assert took < 2


def test_most_silent_counts_cached_answers_and_no_fleet_without_minions():
    found = discovery.Discovery(silent=["a", "b"], cached=["c"], candidates=5)
    assert found.mostly_silent
    found.candidates = 6
    assert not found.mostly_silent
    assert not discovery.Discovery().mostly_silent
