"""How many addresses of a pool are in which state, by a lease file."""

import pytest
from iscdhcp.leases import count
from lease_texts import BINDING
from lease_texts import HEADER
from lease_texts import NOW
from lease_texts import POOL
from lease_texts import STATE
from lease_texts import Pool
from lease_texts import lease


def states(pool):
    """The states of which there are addresses."""
    return {
        name: number
        for name, number in pool.items()
        if name not in ("network", "ranges", "named") and number
    }


def test_the_last_entry_of_an_address_counts(write):
    path = write(
        HEADER
        + STATE
        + lease(1)
        + lease(2)
        + b"".join(lease(number, "backup") for number in (3, 4))
        + lease(2, "abandoned")
        + lease(5, "released")
        + lease(6, "reset")
        + lease(7, "free")
    )
    found = count.count(path, [POOL], NOW)
    assert states(found["pools"][0]) == {
        "addresses": 9,
        "active": 1,
        "backup": 2,
        "abandoned": 1,
        "released": 1,
        "reset": 1,
        "free": 3,
        "virgin": 2,
    }
    assert (found["entries"], found["damaged"]) == (8, 0)


@pytest.mark.parametrize(
    ("ends", "state"),
    [
        (b"1 2026/11/23 07:25:33", "expired"),
        (b"1 2026/11/23 07:25:34", "expired"),
        (b"1 2026/11/23 07:25:35", "active"),
        (b"epoch 1795418734; # Mon Nov 23 07:25:34 2026", "expired"),
        (b"epoch 1795418735; # Mon Nov 23 07:25:35 2026", "active"),
        (b"never", "active"),
        (b"1 2040/01/01 00:00:00", "active"),
    ],
)
@pytest.mark.parametrize("form", [b"  ", b"\t"])
def test_an_active_lease_whose_end_is_past_is_expired(write, ends, state, form):
    text = lease(1, ends=b"ENDS").replace(b"ENDS;", ends + b";" * (b"#" not in ends))
    found = count.count(write(text.replace(b"\n  ", b"\n" + form)), [POOL], NOW)["pools"][0]
    assert found[state] == 1
    assert found["lapsed"] == (state == "expired")
    assert sum(found[name] for name in BINDING) == found["addresses"]


def test_an_active_lease_without_end_is_expired(write):
    text = b"lease 10.0.0.1 {\n  binding state active;\n}\n"
    assert count.count(write(text), [POOL], NOW)["pools"][0]["expired"] == 1


def test_several_ranges_and_pools_and_what_is_outside_of_all(write):
    pools = [
        Pool("one", (("10.0.0.1", "10.0.0.1"), ("10.0.0.250", "10.0.1.5"))),
        Pool("two", (("10.0.0.3", "10.0.0.4"),)),
        Pool("far", (("10.200.0.0", "10.201.255.255"),)),
    ]
    text = b"".join(lease(number) for number in (1, 3, 9, 255)) + lease(4).replace(
        b"10.0.0.4", b"10.0.1.5"
    )
    found = count.count(write(text), pools, NOW)
    assert [states(one) for one in found["pools"]] == [
        {"addresses": 13, "active": 3, "free": 10, "virgin": 10},
        {"addresses": 2, "active": 1, "free": 1, "virgin": 1},
        {"addresses": 131072, "free": 131072, "virgin": 131072},
    ]
    assert states(found["outside"]) == {"addresses": 1, "active": 1, "held": ["10.0.0.9"]}
    assert found["outside"]["named"] == ["10.0.0.9"]


def test_the_fast_way_counts_as_the_slow_one(write):
    """Mixed sets of lines, so that a jump over lines can't land in the next entry."""
    lines = [b"tstp", b"tsfp", b"atsfp", b"cltt"]
    text = b""
    for number in range(256):
        chosen = [name for bit, name in enumerate(lines) if number >> bit & 1]
        text += b"lease 10.0.0.%d {\n" % number
        if number & 16:
            text += b"  starts 1 2026/11/23 07:22:56;\n"
        if number & 32:
            text += b"  ends 1 2026/11/23 08:22:56;\n"
        for name in chosen:
            text += b"  " + name + b" 1 2026/11/23 07:22:56;\n"
        text += b"  binding state %s;\n}\n" % [b"free", b"active", b"backup"][number % 3]
    pool = Pool("all", (("10.0.0.0", "10.0.0.255"),))
    fast = count.count(write(text), [pool], NOW)
    slow = count.count(write(text.replace(b"  binding", b"\tbinding")), [pool], NOW)
    assert fast["pools"] == slow["pools"]
    assert fast["entries"] == slow["entries"] == 256
    assert fast["pools"][0]["virgin"] == 0


def test_damaged_entries_are_left_out_and_said(write):
    found = count.count(write(lease(1) + lease(2)[:40] + lease(3)), [POOL], NOW)
    assert (found["pools"][0]["active"], found["damaged"]) == (2, 1)


def test_an_entry_that_dhcpd_is_writing_is_no_damage(write):
    whole = lease(1) + lease(3)
    for length in range(1, len(lease(4))):
        found = count.count(write(whole + lease(4)[:length]), [POOL], NOW)
        assert (found["pools"][0]["active"] >= 2, found["damaged"]) == (True, 0), length


def test_free_and_backup_leases_whose_time_is_over_are_what_they_were_to_be_next(write):
    def one(number, state, following, ends=b"3 2026/11/25 11:00:00"):
        return (
            b"lease 10.0.0.%d {\n  starts 3 2026/11/25 10:00:00;\n  ends %s;\n"
            b"  binding state %s;\n  next binding state %s;\n}\n" % (number, ends, state, following)
        )

    later = b"3 2036/11/25 11:00:00"
    text = (
        one(1, b"backup", b"free") + one(2, b"free", b"backup") + one(3, b"backup", b"backup")
        + one(4, b"backup", b"free", later) + one(5, b"released", b"free")
    )  # fmt: skip
    pools = [Pool("all", (("10.0.0.1", "10.0.0.5"),))]
    now = 1_800_000_000
    for written in (text, text.replace(b"  binding", b"   binding")):
        (found,) = count.count(write(written), pools, now)["pools"]
        assert (found["free"], found["backup"], found["released"]) == (1, 3, 1)
