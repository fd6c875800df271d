"""What a lease file says, what is wrong with it, and what is left of it after a repair.

What dhcpd itself makes of the same files is in ``tests/functional/test_leases_real_dhcpd.py``.
"""

import os
import time
from collections import namedtuple
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp.errors import LeaseFileError
from iscdhcp.leases import as_dhcpd_reads
from iscdhcp.leases import check
from iscdhcp.leases import count
from iscdhcp.leases import read
from iscdhcp.leases import repair
from iscdhcp.leases.as_dhcpd_reads import reading
from iscdhcp.leases.syntax import NEVER
from iscdhcp.leases.syntax import Entry
from iscdhcp.leases.syntax import parse
from iscdhcp.leases.syntax import unquote

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "leases"
NOW = 1795418734  # 2026/11/23 07:25:34
Pool = namedtuple("Pool", "network ranges")
POOL = Pool("10.0.0.0/24", (("10.0.0.1", "10.0.0.9"),))

HEADER = b"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

"""
DUID = b'server-duid "\\000\\001\\000\\0016\\\\ab\\"c";\n\n'
STATE = b"""
failover peer "foo" state {
  my state normal at 1 2026/11/23 07:22:56;
  partner state communications-interrupted at 1 2026/11/23 07:22:54;
  mclt 20;
}
"""
RICH = b"""lease 10.0.0.8 {
  starts epoch 1795418734; # Mon Nov 23 07:25:34 2026
  ends never;
  cltt epoch 1795418734; # Mon Nov 23 07:25:34 2026
  binding state active;
  next binding state free;
  rewind binding state backup;
  reserved;
  dynamic-bootp;
  billing class "a class";
  hardware token-ring 02:00:00:00:00:08;
  uid 01:02:fa;
  set text = "a \\"}{;\\\\";
  set number = %42;
  set yes = true;
  set hex = 1:2:ff;
  option agent.circuit-id "eth0;{";
  option agent.remote-id 0:1:fe;
  client-hostname "x}y";
  on expiry or release {
    log (debug, "===EXPIRY===");
    if known {
      set x = concat ("1",
                      "2");
    } else {
      set x = "2";
    }
  }
}
"""
OTHERS = b"""host printer {
  dynamic;
  hardware ethernet 02:00:00:00:00:77;
  fixed-address 10.0.0.77;
}
group "old" {
  dynamic;
  deleted;
}
class "gold" {
  dynamic;
}
subclass "gold" 01:02:03 {
  dynamic;
}
"""


def lease(number, state="active", ends=b"1 2026/11/23 08:22:56", starts=b"1 2026/11/23 07:22:56"):
    """A lease as dhcpd writes it."""
    return (
        b"lease 10.0.0.%d {\n  starts %s;\n  ends %s;\n  tstp %s;\n  cltt %s;\n"
        b"  binding state %s;\n  next binding state expired;\n"
        b"  hardware ethernet 02:00:00:00:00:%02x;\n"
        b'  uid "\\001\\002\\000{}\\";";\n  client-hostname "host-%d";\n}\n'
    ) % (number, starts, ends, ends, starts, state.encode(), number, number)


WHOLE = HEADER + STATE + lease(1) + lease(2, "free") + DUID + lease(1, "released") + RICH + OTHERS


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """So that small files have many blocks too."""
    monkeypatch.setattr(read, "BLOCK", 512)


@pytest.fixture
def write(tmp_path):
    """Write the lease file, and return its path."""

    def write_it(text, name="dhcpd.leases"):
        path = tmp_path / name
        path.write_bytes(text)
        return str(path)

    return write_it


def problem(path):
    """The only problem of a file."""
    (found,) = check.check(path)["problems"]
    return found


# -- what a file says -----------------------------------------------------------------------------


def test_every_kind_of_entry_is_read_with_its_place(write):
    found = list(read.entries(write(WHOLE)))
    assert [(one.kind, one.name) for one in found] == [
        ("authoring-byte-order", ""),
        ("failover", "foo"),
        ("lease", "10.0.0.1"),
        ("lease", "10.0.0.2"),
        ("server-duid", ""),
        ("lease", "10.0.0.1"),
        ("lease", "10.0.0.8"),
        ("host", "printer"),
        ("group", "old"),
        ("class", "gold"),
        ("subclass", "gold 01:02:03"),
    ]
    for one in found:
        assert WHOLE[one.offset : one.end] == one.text
        assert WHOLE[: one.offset].count(b"\n") + 1 == one.line


def test_a_lease_says_all_that_dhcpd_wrote():
    (entry,) = parse(RICH)
    assert entry.fields == {
        "state": "active",
        "next": "free",
        "rewind": "backup",
        "starts": NOW,
        "ends": NEVER,
        "cltt": NOW,
        "hardware": ("token-ring", "02:00:00:00:00:08"),
        "uid": b"\x01\x02\xfa",
        "client_hostname": "x}y",
        "flags": ("reserved", "dynamic-bootp"),
        "set": {"text": b'a "}{;\\', "number": 42, "yes": True, "hex": b"\x01\x02\xff"},
        "options": {"agent.circuit-id": '"eth0;{"', "agent.remote-id": "0:1:fe"},
    }


def test_a_state_that_is_not_written_is_the_one_that_dhcpd_takes():
    (entry,) = parse(b"lease 10.0.0.1 {\n\tbinding state free;\n}")
    assert (entry.fields["next"], entry.fields["rewind"]) == ("free", "free")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"\001\0021!\377"', b"\x01\x021!\xff"),
        (rb'"\"\\\x41\n\t\q"', b'"\\A\n\tq'),
        (b'""', b""),
    ],
)
def test_escapes_are_undone_as_dhcpd_does(text, value):
    assert unquote(text) == value


def test_the_last_whole_block_of_a_relationship_is_its_state(write):
    later = STATE.replace(b"my state normal", b"my state partner-down").replace(
        b"  mclt 20;\n", b""
    )
    other = b'failover peer "a state {" state {\n  my state recover;\n  partner state normal;\n}\n'
    path = write(HEADER + STATE + lease(1) + later + other + STATE[:60])
    assert read.failover_states(path) == {
        "foo": {
            "my": ("partner-down", NOW - 158),
            "partner": ("communications-interrupted", NOW - 160),
            "mclt": None,
        },
        "a state {": {"my": ("recover", None), "partner": ("normal", None), "mclt": None},
    }


def test_the_last_entry_of_an_address_is_found(write):
    found = repair.last_entries(write(WHOLE), ["10.0.0.1", "10.0.0.200"])
    assert {name: one.fields["state"] for name, one in found.items()} == {"10.0.0.1": "released"}


# -- is it whole? ---------------------------------------------------------------------------------


def test_a_whole_file_is_whole(write):
    assert check.check(write(WHOLE)) == {
        "file": write(WHOLE),
        "bytes": len(WHOLE),
        "whole": True,
        "entries": 11,
        "problems": [],
    }


def test_an_empty_file_is_whole_and_a_missing_one_is_an_error(write, tmp_path):
    assert check.check(write(b""))["whole"]
    with pytest.raises(LeaseFileError, match="No such file"):
        check.check(str(tmp_path / "none"))
    with pytest.raises(LeaseFileError, match="Is a directory"):
        check.check(str(tmp_path))


def is_whole(cut):
    """Whether a file cut off there has lost nothing of what it begins with."""
    entries = [one.end for one in parse(WHOLE) if one.end <= len(cut)]
    rest = cut[max(entries, default=0) :]
    comments = all(not line.strip() or line.startswith(b"#") for line in rest.split(b"\n"))
    return not cut or (cut.endswith(b"\n") and comments)


def test_a_file_cut_off_anywhere_is_told_from_a_whole_one_and_repaired(write):
    complete = list(parse(WHOLE))
    for length in range(len(WHOLE)):
        cut = WHOLE[:length]
        path = write(cut)
        assert check.check(path)["whole"] == is_whole(cut), length
        if not is_whole(cut) and length < complete[0].end:
            with pytest.raises(LeaseFileError, match="it has no whole entry"):
                repair.repair(path)
            assert Path(path).read_bytes() == cut
            continue
        done = repair.repair(path)
        assert done["changed"] != is_whole(cut)
        assert check.check(path)["whole"]
        kept = b"".join(one.text for one in complete if one.end <= length)
        assert b"".join(one.text for one in read.entries(path)) == kept, length
        if done["backup"]:
            assert Path(done["backup"]).read_bytes() == cut
            os.unlink(done["backup"])


@pytest.mark.parametrize(
    ("damage", "what", "drops", "halves"),
    [
        (lease(2)[:-2], "its end is missing", ["lease 10.0.0.3"], []),
        (lease(2)[:30], "starts is damaged", ["lease 10.0.0.3", "lease 10.0.0.4"], []),
        (b"}\n", "closing brace", ["lease 10.0.0.3"], []),
        (b"\0" * 4096, "NUL bytes", ["lease 10.0.0.3"], []),
        (lease(2)[:60] + b"\0" * 512, "NUL bytes", None, None),
        (b"\xff garbage\n", "no entry begins", ["lease 10.0.0.3", "lease 10.0.0.4"], []),
        (b"\xfe garbage\n", "no entry begins", ["lease 10.0.0.3"], []),
        (b"# no\xffte\n", "no entry begins", ["lease 10.0.0.3"], []),
        (lease(2).replace(b"active", b"actve"), "binding is damaged", ["lease 10.0.0.3"], []),
        (lease(2).replace(b"\n}\n", b"\n"), "its end is missing", ["lease 10.0.0.3"], []),
        (lease(2).replace(b'host-2"', b"host-2"), "client-hostname is damaged", None, None),
        (lease(2)[:-60] + lease(5)[-100:], "", None, None),
        (lease(2).replace(b"10.0.0.2", b"10.0.0.257"), "no address", None, None),
        (STATE.replace(b"partner state", b"peer state"), "not expected", [], []),
    ],
)
def test_damage_in_the_middle_costs_only_the_damaged_entry(write, damage, what, drops, halves):
    path = write(HEADER + lease(1) + damage + lease(3) + lease(4))
    found = check.check(path)
    assert found["entries"] == 4
    assert not found["whole"]
    assert what in problem(path)["what"]
    if drops is not None:
        assert (problem(path)["drops"], problem(path)["halves"]) == (drops, halves)
    begin = len(HEADER + lease(1)) + (damage[:1] == b"\n")
    assert problem(path)["offset"] == begin
    assert problem(path)["line"] == (HEADER + lease(1) + damage)[:begin].count(b"\n") + 1
    done = repair.repair(path)
    assert check.check(path)["whole"]
    left = [one.name for one in read.entries(path) if one.kind == "lease"]
    assert left == ["10.0.0.1", "10.0.0.3", "10.0.0.4"]
    assert sum(cut["bytes"] for cut in done["cut"]) == len(damage.lstrip(b"\n"))


def test_two_entries_run_into_one_are_noticed(write):
    one, other = lease(1), lease(2)
    path = write(one[: one.index(b"  cltt")] + other[other.index(b"  ends") :])
    assert problem(path)["what"] == "ends twice in one entry"


def test_a_half_last_entry_is_said_to_replace_the_good_one(write):
    path = write(lease(1) + lease(1)[:45])
    assert problem(path)["halves"] == ["10.0.0.1"]
    assert problem(path)["address"] == "10.0.0.1"
    assert problem(path)["what"] == "ends is damaged" or "cut off" in problem(path)["what"]


def test_only_the_line_end_is_missing_and_nothing_is_cut(write):
    path = write(lease(1)[:-1])
    done = repair.repair(path)
    assert (done["cut"], done["ended"], done["changed"]) == ([], True, True)
    assert Path(path).read_bytes() == lease(1)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.integers(0, len(WHOLE)),
    st.integers(0, 700),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"\0" * 30, b'"', b"{", b"}", b"\n}\n"])),
)
@example(0, len(WHOLE), b"")
def test_whatever_is_overwritten_repair_leaves_a_whole_file(tmp_path, at, length, garbage):
    text = WHOLE[:at] + garbage + WHOLE[at + length :]
    path = tmp_path / "dhcpd.leases"
    path.write_bytes(text)
    before = check.check(str(path))
    if before["whole"]:
        assert not [one for one in parse(text) if not isinstance(one, Entry)]
    repair.repair(str(path))
    assert check.check(str(path))["whole"]
    # Nothing that is left was not there, and whatever does not touch the damage is still there.
    left = [one.text for one in read.entries(str(path))]
    assert left == [one.text for one in parse(text) if isinstance(one, Entry)]
    for one in parse(WHOLE):
        if one.end < at - 1 and b'"' not in garbage:
            assert one.text in left


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", lease(1), STATE]))
def test_no_bytes_break_the_parser(garbage, before):
    found = list(parse(before + garbage + lease(9)))
    assert found[-1].end <= len(before + garbage + lease(9))
    assert [one.offset for one in found] == sorted(one.offset for one in found)
    reading(before + garbage, 0, as_dhcpd_reads.Whole(b"", 0))


def test_a_block_size_changes_nothing(write, monkeypatch):
    text = WHOLE + lease(3)[:50] + WHOLE + b"\0" * 3000 + WHOLE + lease(4)[:-3]
    seen = []
    for block in (1, 64, 300, 4096, 1 << 20):
        monkeypatch.setattr(read, "BLOCK", block)
        path = write(text)
        seen.append((check.check(path), count.count(write(WHOLE * 9, "other"), [POOL], NOW)))
    assert all(one == seen[0] for one in seen)


def test_long_garbage_does_not_take_long(write):
    path = write(lease(1) + b"\0" * 3_000_000 + b"{" * 200_000 + b" " * 200_000 + lease(2))
    assert check.check(path)["entries"] == 2


# -- repair ---------------------------------------------------------------------------------------


def test_a_whole_file_is_not_touched(write):
    path = write(WHOLE)
    before = os.stat(path)
    assert not repair.repair(path)["changed"]
    assert os.stat(path) == before
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]


def test_a_dry_run_says_it_and_changes_nothing(write):
    path = write(lease(1) + lease(2)[:50])
    done = repair.repair(path, dry_run=True)
    assert done["lost"] == [{"kind": "lease", "name": "10.0.0.2", "address": "10.0.0.2"}]
    assert Path(path).read_bytes() == lease(1) + lease(2)[:50]
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]


def test_owner_mode_and_attributes_stay_and_backups_are_never_overwritten(write):
    names = set()
    for _ in range(3):
        path = write(lease(1) + lease(2)[:50])
        os.chmod(path, 0o640)
        if os.geteuid() == 0:
            os.chown(path, 123, 45)
        marked = True
        try:
            os.setxattr(path, "user.mark", b"x")
        except OSError:
            marked = False
        before = os.stat(path)
        names.add(repair.repair(path)["backup"])
        after = os.stat(path)
        assert after.st_ino != before.st_ino
        assert (after.st_mode, after.st_uid, after.st_gid) == (
            before.st_mode,
            before.st_uid,
            before.st_gid,
        )
        assert not marked or os.getxattr(path, "user.mark") == b"x"
    assert len(names) == 3
    assert {Path(name).read_bytes() for name in names} == {lease(1) + lease(2)[:50]}


def test_what_the_old_file_knows_is_brought_back_whole(write):
    write(lease(2, "backup") + lease(2), "dhcpd.leases~")
    path = write(lease(1) + lease(2)[:50])
    done = repair.repair(path)
    assert [(one["address"], one["state"]) for one in done["salvaged"]] == [("10.0.0.2", "active")]
    assert Path(path).read_bytes() == lease(1) + lease(2)
    assert done["entries"] == 2


def test_an_earlier_entry_in_the_file_itself_counts_more_than_an_older_one(write):
    write(lease(2, starts=b"1 2026/11/23 06:00:00"), "dhcpd.leases~")
    path = write(lease(2, "free") + lease(1) + lease(2)[:50])
    done = repair.repair(path)
    assert (done["salvaged"], done["lost"]) == ([], [])
    assert [(one["address"], one["state"]) for one in done["kept"]] == [("10.0.0.2", "free")]
    assert Path(path).read_bytes() == lease(2, "free") + lease(1)


def test_entries_that_left_no_name_are_brought_back_too(write):
    old = write(lease(1, "free") + lease(2) + lease(3) + lease(4)[:-9], "dhcpd.leases~")
    path = write(lease(1) + b"\0" * 700 + lease(5))
    done = repair.repair(path)
    assert [one["address"] for one in done["salvaged"]] == ["10.0.0.2", "10.0.0.3"]
    assert done["salvaged"][0]["from"] == old
    assert Path(path).read_bytes() == lease(1) + lease(5) + lease(2) + lease(3)


def test_a_torn_entry_of_the_old_file_is_not_brought_back(write):
    write(lease(2)[:-4], "dhcpd.leases~")
    path = write(lease(1) + lease(2)[:50])
    done = repair.repair(path)
    assert (done["salvaged"], [one["address"] for one in done["lost"]]) == ([], ["10.0.0.2"])


def test_a_failover_state_is_brought_back_only_if_none_is_left(write):
    write(STATE, "dhcpd.leases~")
    path = write(lease(1) + STATE[:80])
    assert [one["name"] for one in repair.repair(path)["salvaged"]] == ["foo"]
    assert read.failover_states(path)["foo"]["my"][0] == "normal"
    path = write(STATE.replace(b"normal", b"recover") + STATE[:80])
    assert repair.repair(path)["salvaged"] == []
    assert read.failover_states(path)["foo"]["my"][0] == "recover"


@pytest.mark.parametrize("text", [b"\0" * 900, b"\x1f\x8b binary", lease(1)[:70], b"# cut"])
def test_a_file_of_which_nothing_would_be_left_is_refused(write, text):
    """dhcpd would start with what is left, an empty file, and forget every lease."""
    path = write(text)
    for dry_run in (True, False):
        with pytest.raises(LeaseFileError, match=f"no whole entry .* and {path}~ knows none"):
            repair.repair(path, dry_run)
    assert Path(path).read_bytes() == text
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]


def test_a_full_disk_leaves_everything_as_it_was(write, monkeypatch):
    path = write(lease(1) + lease(2)[:50])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(repair.os, "fsync", full)
    with pytest.raises(LeaseFileError, match="No space left on device; it is unchanged"):
        repair.repair(path)
    assert Path(path).read_bytes() == lease(1) + lease(2)[:50]
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]


def test_a_file_that_changes_meanwhile_is_left_alone(write, monkeypatch):
    path = write(lease(1) + lease(2)[:50])
    take_after = repair._take_after

    def and_dhcpd_writes(*args):
        take_after(*args)
        with open(path, "ab") as file:
            file.write(lease(3))

    monkeypatch.setattr(repair, "_take_after", and_dhcpd_writes)
    with pytest.raises(LeaseFileError, match="it changed meanwhile"):
        repair.repair(path)
    assert Path(path).read_bytes() == lease(1) + lease(2)[:50] + lease(3)
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]


def test_a_symbolic_link_stays_one(write, tmp_path):
    real = write(lease(1) + lease(2)[:50], "real")
    link = tmp_path / "dhcpd.leases"
    link.symlink_to(real)
    repair.repair(str(link))
    assert link.is_symlink()
    assert Path(real).read_bytes() == lease(1)


# -- counting -------------------------------------------------------------------------------------


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


BINDING = ("active", "free", "backup", "expired", "released", "abandoned", "reset")


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
    found = count.count(write(lease(1) + lease(2)[:40] + lease(3) + lease(4)[:70]), [POOL], NOW)
    assert (found["pools"][0]["active"], found["damaged"]) == (2, 2)


# -- files of real origin -------------------------------------------------------------------------


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no sample files in {CORPUS}")
@pytest.mark.parametrize(
    "path", sorted(CORPUS.glob("*")) if CORPUS.is_dir() else [], ids=lambda path: path.name
)
def test_files_of_real_origin_are_judged_as_dhcpd_does(path):
    """``index.tsv`` has what ``dhcpd -T`` says; to it a missing last line end means nothing."""
    for row in (CORPUS.parent / "index.tsv").read_text(encoding="utf-8").splitlines():
        columns = row.split("\t")
        if columns[0] == "leases" and columns[1] == path.name:
            break
    else:
        pytest.fail(f"{path.name} is not in index.tsv")
    found = check.check(str(path))
    problems = [one for one in found["problems"] if one["what"] != "the last line is not ended"]
    first_error = columns[8]
    assert bool(problems) == bool(first_error)
    holds = columns[9]
    whole = sum(isinstance(one, Entry) and one.kind == "lease" for one in read.entries(str(path)))
    assert f"leases:{whole + len(problems)}" in holds
    for one in read.entries(str(path)):
        if isinstance(one, Entry) and one.kind == "lease":
            assert one.fields["state"] in BINDING


# -- as dhcpd keeps it ---------------------------------------------------------------------------


def with_uid(number, uid):
    return lease(number).replace(b'"\\001\\002\\000{}\\";"', b'"' + uid + b'"')


@pytest.mark.parametrize(
    "uid",
    [
        rb"\001\108\001", rb"\08\001", rb"\0x41z", rb"\19a\001", rb"\400", rb"\8", rb"\1z2z3",
        rb"\x4g1", rb"\xgg", rb"a\0b\001", rb"\000", rb"\1\2\3", rb"\\", rb"\"",
    ],
)  # fmt: skip
def test_a_lease_whose_uid_is_odd_is_kept_as_dhcpd_keeps_it(write, uid):
    """Each was read by dhcpd 4.4.3-P1, with the lease after it."""
    text = lease(1) + with_uid(2, uid) + lease(3)
    path = write(text)
    assert check.check(str(path))["whole"]
    assert not repair.repair(str(path))["changed"]
    assert [one.name for one in read.entries(str(path))] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


@pytest.mark.parametrize("uid", [rb"\08x", rb"\01", rb"\018", rb"\x4", rb"\00a1", rb"\3"])
def test_a_string_that_takes_the_next_entries_with_it_is_told(write, uid):
    text = lease(1) + with_uid(2, uid) + lease(3)
    assert not check.check(str(write(text)))["whole"]


def test_a_megabyte_of_torn_entries_is_judged_in_time(write):
    torn = b"".join(lease(n % 256).replace(b"\n}", b"") for n in range(9000))
    path = write(torn + lease(7))
    begun = time.process_time()
    found = check.check(str(path))
    spent = time.process_time() - begun
    assert len(found["problems"]) == 9000
    assert spent < 4 * found["bytes"] / 1_000_000, spent  # below one here; a slow machine has more


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(b"\n}", b""),
        lambda text: text[30:],
        lambda text: b"\0" * len(text),
        lambda text: text.replace(b"binding", b'uid "binding', 1),
        lambda text: b"{" * len(text),
        lambda text: text + text[:-3],
    ],
    ids=["without end", "without begin", "zeros", "open string", "braces", "written twice"],
)
def test_a_megabyte_with_every_tenth_entry_damaged_is_judged_and_repaired_in_time(write, damage):
    one = [lease(n % 256) for n in range(9000)]
    text = b"".join(damage(each) if n % 10 == 0 else each for n, each in enumerate(one))
    path = write(text + lease(7))
    begun = time.process_time()
    found = check.check(str(path))
    repaired = repair.repair(str(path))
    spent = time.process_time() - begun
    assert len(found["problems"]) == len(repaired["cut"]) > 800
    assert check.check(str(path))["whole"]
    # A fifth of a second for a megabyte where this was written: a slow machine has much more.
    assert spent < 2 * found["bytes"] / 1_000_000, spent


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
