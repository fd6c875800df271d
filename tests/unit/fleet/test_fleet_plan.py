"""In which order the servers of many pairs are restarted."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import plan as plans
from iscdhcp.fleet import select
from iscdhcp.pair.discovery import Discovery
from iscdhcp.pair.discovery import Pair
from iscdhcp.pair.discovery import Unpaired


@st.composite
def fleets(draw):
    """Any relationships between up to twelve servers, and those of them that are restarted."""
    names = [f"s{number}" for number in range(draw(st.integers(2, 12)))]
    ends = draw(
        st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), min_size=1, max_size=20)
    )
    pairs = [Pair(f"r{at}", a, b) for at, (a, b) in enumerate(ends) if a != b]
    known = sorted({server for pair in pairs for server in pair.servers})
    chosen = draw(st.sets(st.sampled_from(known))) if known else set()
    return pairs, chosen


def neighbours(pairs, server):
    return {one for pair in pairs if server in pair.servers for one in pair.servers} - {server}


def fewest_rounds(pairs, servers):
    """The fewest rounds with neighbours apart, tried out."""
    servers = sorted(servers)

    def fit(number, at):
        if len(at) == len(servers):
            return True
        server = servers[len(at)]
        taken = {at[one] for one in neighbours(pairs, server) if one in at}
        return any(fit(number, {**at, server: one}) for one in range(number) if one not in taken)

    return next(number for number in range(len(servers) + 1) if fit(number, {}))


@given(fleets())
def test_each_server_goes_once_and_neighbours_never_together(fleet):
    pairs, chosen = fleet
    units = plans.plan_units(pairs, chosen)
    order = [server for unit in units for server in unit.servers]
    assert sorted(order) == sorted(chosen)
    for unit in units:
        assert all(unit.rounds)
        for one in unit.rounds:
            assert not any(neighbours(pairs, server) & set(one) for server in one)


@given(fleets())
def test_units_have_no_relationship_with_each_other(fleet):
    pairs, chosen = fleet
    of = {
        one: at for at, unit in enumerate(plans.plan_units(pairs, chosen)) for one in unit.servers
    }
    for pair in pairs:
        assert len({of[server] for server in pair.servers if server in of}) <= 1


@given(fleets())
def test_the_secondary_goes_first_where_roles_form_no_circle_and_each_exception_is_named(fleet):
    pairs, chosen = fleet
    for unit in plans.plan_units(pairs, chosen):
        at = {server: number for number, one in enumerate(unit.rounds) for server in one}
        inside = [pair for pair in unit.pairs if set(pair.servers) <= set(at)]
        wrong = {pair.id for pair in inside if at[pair.primary] < at[pair.secondary]}
        assert wrong == set(unit.against)
        if not has_circle(inside):
            assert not wrong


def has_circle(pairs):
    ends = {(pair.secondary, pair.primary) for pair in pairs}
    while ends:
        left = {end for end in ends if end[0] in {last for _, last in ends}}
        if left == ends:
            return True
        ends = left
    return False


@given(fleets())
def test_no_order_has_fewer_rounds_than_the_lower_bound_that_is_shown(fleet):
    pairs, chosen = fleet
    for unit in plans.plan_units(pairs, chosen):
        assert unit.least <= len(unit.rounds)
        if unit.against:
            assert unit.least <= fewest_rounds(pairs, unit.servers)
        else:
            assert len(unit.rounds) == unit.least == longest_row(pairs, unit.servers)


def longest_row(pairs, servers):
    """Of secondaries before primaries: as many rounds are needed where roles are kept."""
    ends = {(p.secondary, p.primary) for p in pairs if set(p.servers) <= set(servers)}
    rows, longest = set(servers), 1
    while True:
        rows = {primary for secondary, primary in ends if secondary in rows}
        if not rows:
            return longest
        longest += 1


@given(
    st.lists(st.sampled_from(["north", "south", "east", None]), min_size=1, max_size=20),
    st.integers(1, 5),
    st.integers(0, 4),
)
def test_waves_keep_their_size_and_take_one_unit_of_a_site_and_the_canary_alone(
    where, at_once, canary
):
    pairs = [Pair(f"r{at}", f"a{at}", f"b{at}") for at in range(len(where))]
    sites = {f"{end}{at}": site for at, site in enumerate(where) for end in "ab" if site}
    units = plans.plan_units(pairs, {one for pair in pairs for one in pair.servers})
    made = plans.plan(units, at_once, sites, canary)
    assert sorted(one for wave in made.waves for one in wave) == list(range(len(units)))
    assert made.canary == min(canary, len(units))
    assert all(len(wave) == 1 for wave in made.waves[: made.canary])
    for wave in made.waves:
        of_wave = [sites.get(units[one].servers[0]) for one in wave]
        known = [site for site in of_wave if site]
        assert len(wave) <= at_once and len(known) == len(set(known))


def shapes(number):
    """Fleets of so many servers."""
    chance = random.Random(7)
    half = number // 2
    names = [f"s{at}" for at in range(number)]
    yield "pairs", [Pair("foo", f"a{at}", f"b{at}") for at in range(half)]
    yield "hubs", [Pair(f"r{at}", f"hub{at // 100}", names[at]) for at in range(number - 100)]
    yield "one hub", [Pair(f"r{at}", "hub", names[at]) for at in range(number - 1)]
    yield "a chain", [Pair(f"r{at}", names[at], names[at + 1]) for at in range(number - 1)]
    yield "a circle", [Pair(f"r{at}", names[at - 1], names[at]) for at in range(number)]
    yield (
        "random",
        [Pair(f"r{at}", *chance.sample(names, 2)) for at in range(2 * number)],
    )


@pytest.mark.parametrize(
    "shape, pairs", list(shapes(10000)), ids=lambda one: one if isinstance(one, str) else ""
)
def test_ten_thousand_servers_are_selected_and_planned_in_two_seconds(shape, pairs):
    found = Discovery(pairs=pairs)
    sites = {server: f"site{len(server)}" for pair in pairs for server in pair.servers}
    begun = time.process_time()
    chosen = select.select(found, "*", held={}, pending=None)
    units = plans.plan_units(found.pairs, chosen.servers)
    plans.plan(units, 8, sites, 2)
    assert time.process_time() - begun < 2


def hub():
    return [Pair("one", "hub", "a"), Pair("two", "hub", "b"), Pair("far", "c", "d")]


def test_a_held_server_leaves_out_every_pair_whose_run_would_refuse():
    got = select.select(Discovery(pairs=hub()), held={"a": "ann: disk swap"})
    assert got.servers == {"c", "d"}
    assert [(one["name"], one["code"]) for one in got.left_out] == [
        ("one:a:hub", "held"),
        ("two:b:hub", "held"),
    ]
    assert all("ann: disk swap" in one["text"] for one in got.left_out)


def test_an_excluded_pair_keeps_its_servers_untouched_in_other_pairs_too():
    got = select.select(Discovery(pairs=hub()), exclude="one")
    assert got.servers == {"b", "c", "d"}
    assert {one["name"] for one in got.left_out} == {"one:a:hub", "hub"}
    assert {one["code"] for one in got.left_out} == {"excluded"}


def test_an_excluded_server_leaves_its_partner_in():
    assert select.select(Discovery(pairs=hub()), exclude=["c"]).servers == {"hub", "a", "b", "d"}


def test_only_servers_with_a_pending_restart_are_taken_and_the_unknown_are_named():
    pending = {"a": True, "hub": False, "b": None, "c": False, "d": False}
    got = select.select(Discovery(pairs=hub()), pending=pending)
    assert got.servers == {"a"} and [pair.name for pair in got.pairs] == ["one"]
    assert {one["name"]: one["code"] for one in got.left_out} == {
        "hub": "not_pending",
        "b": "unknown",
        "c": "not_pending",
        "d": "not_pending",
    }


@pytest.mark.parametrize("wanted", ["far", "far:*", ["c"], "f?r", " far , d "])
def test_pairs_are_meant_by_name_id_server_or_glob(wanted):
    assert select.select(Discovery(pairs=hub()), wanted).servers == {"c", "d"}


@pytest.mark.parametrize(
    "words", [{"wanted": "fra"}, {"exclude": "on?x"}, {"wanted": ["far", "x"]}]
)
def test_a_word_that_means_no_pair_is_refused(words):
    with pytest.raises(IscDhcpError, match="no pair is known as"):
        select.select(Discovery(pairs=hub()), **words)


def test_what_hangs_together_by_servers_that_stay_is_one_unit_as_runs_lock_partners():
    pairs = [Pair("one", "a", "x"), Pair("two", "x", "y"), Pair("three", "y", "b")]
    (unit,) = plans.plan_units(pairs, ["a", "b"])
    assert unit.servers == ["a", "b"]


def test_the_canary_is_a_number_or_pairs_by_name():
    units = plans.plan_units(hub(), ["hub", "a", "b", "c", "d"])
    for canary in (1, "far", ["c"]):
        made = plans.plan(units, 5, None, canary)
        assert units[made.waves[0][0]].servers == ["d", "c"] and made.canary == 1
    for wrong in (-1, True, "nobody"):
        with pytest.raises(IscDhcpError, match="canary"):
            plans.plan(units, 1, None, wrong)
    with pytest.raises(IscDhcpError, match="at_once"):
        plans.plan(units, 0)


def test_a_plan_is_told_in_a_sentence_with_what_it_comes_to():
    units = plans.plan_units(hub(), ["hub", "a", "b", "c", "d"])
    shown = plans.told(plans.plan(units, 2, {"c": "north"}, 1), {"c": "north"})
    assert (
        shown["comment"]
        == "5 servers of 3 pairs, in 2 units and 2 waves, the first of them the canary's."
    )
    assert shown["waves"] == [["far:c:d"], ["one:a:hub and 1 more"]]
    assert shown["units"][0] == {
        "name": "far:c:d",
        "pairs": ["far:c:d"],
        "rounds": [["d"], ["c"]],
        "least": 2,
        "against": [],
        "sites": ["north"],
    }
    assert shown["units"][1]["rounds"] == [["a", "b"], ["hub"]]
    assert plans.told(plans.plan([]))["comment"] == "There is nothing to restart."


# -- servers that are in no pair ------------------------------------------------------------------


@pytest.fixture
def broken():
    """p1 is a pair; of p3 one server's configuration can't be read."""
    error = "dhcpd.conf line 7: unexpected nonsense"
    return Discovery(
        pairs=[Pair("p1", "a1", "b1")],
        unpaired=[Unpaired("a3", "p3", "alone", "p3 on a3: no partner")],
        unreadable={"b3": error},
    )


@pytest.mark.parametrize("wanted", [None, "p*", ["p1", "?3"]])
def test_a_server_that_is_meant_and_in_no_pair_is_not_passed_over_in_silence(broken, wanted):
    chosen = select.select(broken, wanted)
    assert chosen.servers == {"a1", "b1"}
    told = {one["name"]: one["text"] for one in chosen.left_out if one["code"] == select.NO_PAIR}
    assert "no partner" in told["a3"]
    assert "dhcpd.conf line 7" in told["b3"], "it may be the partner that is missing"


def test_whoever_leaves_it_out_on_purpose_hears_nothing_of_it(broken):
    assert select.select(broken, None, ["a3", "b3"]).left_out == []
    assert select.select(broken, None, among={"a1", "b1"}).left_out == []
    assert select.select(broken, "p1").left_out == []
    out = select.select(broken, None, ["?3", "b1"])
    assert out.servers == {"a1"} and [one["code"] for one in out.left_out] == ["excluded"]


def test_of_a_server_in_another_pair_only_the_end_without_a_partner_is_left_out(broken):
    broken.unpaired.append(Unpaired("a1", "p5", "alone", "p5 on a1: no partner"))
    chosen = select.select(broken)
    assert "a1" in chosen.servers
    assert {one["name"] for one in chosen.left_out} == {"a3", "b3", "p5 on a1"}


@pytest.mark.parametrize("word, why", [("p3", "no partner"), ("b3", "line 7"), ("p9", "known as")])
def test_whoever_names_it_is_refused(broken, word, why):
    with pytest.raises(IscDhcpError, match=why):
        select.select(broken, ["p1", word])


def test_a_partner_that_was_not_heard_now_is_in_its_pair_all_the_same(broken):
    broken.pairs.append(Pair("p4", "b3", "a4"))
    assert not any(one["name"] == "b3" for one in select.select(broken).left_out)
