"""What a lease file says, and whether it is whole.

What dhcpd itself makes of the same files is in ``tests/functional/test_leases_real_dhcpd.py``.
"""

import os
import time
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
from lease_texts import BINDING
from lease_texts import HEADER
from lease_texts import NOW
from lease_texts import POOL
from lease_texts import RICH
from lease_texts import STATE
from lease_texts import WHOLE
from lease_texts import lease
from lease_texts import problem
from lease_texts import with_uid

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "leases"


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
