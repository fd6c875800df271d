"""The end of a lease file: whole or torn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iscdhcp.leases.end import check_end
from iscdhcp.leases.end import end_problem

HEADER = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

"""
LEASE = """\
lease 10.0.0.%d {
  starts 1 2026/11/23 07:22:56;
  ends never;
  binding state active;
  hardware ethernet 02:fa:00:00:00:02;
  uid "\\001\\"}\\\\;";
  client-hostname "a { b";
}
"""
SERVER = 'server-duid "\\000\\001\\000\\001\\216\\303";\n'
STATE = """\
failover peer "foo" state {
  my state normal at 1 2026/11/23 07:22:56;
  partner state normal at 1 2026/11/23 07:22:54;
}
"""
WHOLE = HEADER + SERVER + LEASE % 1 + STATE + LEASE % 2


def check(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return check_end(str(path))


@pytest.mark.parametrize(
    "text", ["", HEADER, HEADER + SERVER, WHOLE, HEADER + STATE, "# only a comment\n"]
)
def test_a_whole_file_is_called_whole(tmp_path, text):
    end = check(tmp_path / "leases", text)
    assert end.whole and end.problem is None
    assert end.bytes == len(text)


def test_a_file_cut_anywhere_inside_its_last_entry_is_called_torn(tmp_path):
    first = len(WHOLE) - len(LEASE % 2)
    for cut in range(first + 1, len(WHOLE)):
        end = check(tmp_path / "leases", WHOLE[:cut])
        assert not end.whole, WHOLE[:cut][-40:]
        assert end.problem


def test_a_file_cut_inside_a_failover_state_or_the_duid_is_called_torn(tmp_path):
    for text in (HEADER + STATE, HEADER + SERVER):
        for cut in range(len(HEADER) + 1, len(text)):
            assert not check(tmp_path / "leases", text[:cut]).whole, text[:cut][-40:]


def test_zeros_left_by_a_power_cut_are_seen(tmp_path):
    assert "NUL" in check(tmp_path / "leases", WHOLE.encode() + b"\0" * 512).problem
    # What a file system leaves behind after a power cut may be followed by what came later.
    assert "NUL" in check(tmp_path / "leases", WHOLE.encode() + b"\0" * 512 + b"\n").problem


def test_a_large_file_is_judged_by_its_end_alone(tmp_path):
    many = HEADER + (LEASE % 7) * 5000
    assert check(tmp_path / "leases", many).whole
    assert not check(tmp_path / "leases", many + (LEASE % 8)[:60]).whole


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    end = check_end(str(tmp_path / "none"))
    assert not end.exists and not end.whole


@given(st.binary(max_size=300))
def test_no_bytes_make_it_fail(data):
    end_problem(data, from_start=True)
    end_problem(data, from_start=False)
