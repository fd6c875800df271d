"""What a lease file knows, and what its partner has acknowledged of it."""

from __future__ import annotations

import time

import pytest
from iscdhcp.leases.knowledge import knowledge

NOW = 1_800_000_000.0
RANGES = {"foo": [("10.0.0.10", "10.0.0.20"), ("10.0.1.0", "10.0.2.255")], "bar": []}


def dated(seconds, form):
    if seconds == "never":
        return "never"
    at = NOW + seconds
    if form == "epoch":
        return f"epoch {at:.0f}; # as a comment"
    return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(at))


def lease(address="10.0.0.10", state="active", form="default", **times):
    times = {"starts": -100, "ends": 500, "cltt": -100, **times}
    lines = [f"lease {address} {{"]
    for name in ("starts", "ends", "tstp", "tsfp", "atsfp", "cltt"):
        if times.get(name) is not None:
            text = dated(times[name], form)
            lines.append(f"  {name} {text}{'' if form == 'epoch' and '#' in text else ';'}")
    return "\n".join([*lines, f"  binding state {state};", "  next binding state free;", "}\n"])


ACKNOWLEDGED = {"tstp": 900, "tsfp": 900, "atsfp": 900}


@pytest.fixture
def known(tmp_path):
    def known(*entries):
        path = tmp_path / "dhcpd.leases"
        path.write_text("authoring-byte-order little-endian;\n\n" + "".join(entries))
        return knowledge(str(path), RANGES, NOW)["foo"]

    return known


@pytest.mark.parametrize("form", ["default", "epoch"])
@pytest.mark.parametrize(
    "times, is_known",
    [
        (ACKNOWLEDGED, True),
        ({"tstp": 900, "tsfp": 700, "atsfp": 700}, False),
        ({"tstp": 900}, False),
        ({"tsfp": 900, "atsfp": 900}, True),
        ({"tstp": 700, "tsfp": 900, "atsfp": 900}, True),
        ({}, False),
    ],
)
def test_what_the_partner_has_acknowledged_or_told_is_known_to_both(known, form, times, is_known):
    found = known(lease(form=form, **times))
    assert found["newest"] == NOW - 100
    assert found["known"] == (NOW - 100 if is_known else None)
    assert (found["active"], found["shared"]) == (1, int(is_known))


def test_the_last_entry_of_an_address_counts(known):
    found = known(lease(**ACKNOWLEDGED), lease(state="expired", cltt=-50, **ACKNOWLEDGED))
    assert (found["active"], found["shared"], found["known"]) == (0, 0, NOW - 50)


@pytest.mark.parametrize("state", ["free", "backup"])
def test_an_address_that_was_only_offered_is_nothing_that_the_partner_knows(known, state):
    """An offer leaves its time in memory, and the next entry has it; the partner never hears."""
    found = known(lease(state=state, cltt=-50, **ACKNOWLEDGED))
    assert (found["known"], found["shared"]) == (None, 0)


def test_each_relationship_has_its_own_addresses(known):
    inside = [lease(one, **ACKNOWLEDGED) for one in ("10.0.0.20", "10.0.1.0", "10.0.2.255")]
    outside = [lease(one, cltt=-1, **ACKNOWLEDGED) for one in ("10.0.0.9", "10.0.0.21", "10.0.3.0")]
    found = known(*inside, *outside)
    assert (found["active"], found["known"]) == (3, NOW - 100)


@pytest.mark.parametrize("ends, active, shared", [(-1, 0, 0), (5, 1, 0), ("never", 1, 1)])
def test_a_lease_that_ends_now_is_no_proof(known, ends, active, shared):
    found = known(lease(ends=ends, **ACKNOWLEDGED))
    assert (found["active"], found["shared"]) == (active, shared)


def test_what_is_on_its_way_is_no_proof(known):
    assert known(lease(cltt=-5, **ACKNOWLEDGED))["shared"] == 0


def test_other_ranges_are_told_apart(tmp_path):
    path = tmp_path / "dhcpd.leases"
    path.write_text("")
    one = [("10.0.0.10", "10.0.0.20"), ("10.0.1.0", "10.0.2.255")]
    found = [
        knowledge(str(path), {"foo": ranges}, NOW)["foo"]["ranges"]
        for ranges in (one, one[::-1], one[:1])
    ]
    assert found[0] == found[1] != found[2]
