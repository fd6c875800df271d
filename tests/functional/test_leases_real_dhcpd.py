"""What a real dhcpd makes of lease files, whole, damaged and repaired; and what dhcpd-pools counts.

Each dhcpd runs in namespaces of its own, with a dummy network, and ends with them.
"""

import json
import os
import shutil
import subprocess
import time
from collections import namedtuple
from pathlib import Path

import pytest
from iscdhcp.leases import check
from iscdhcp.leases import count
from iscdhcp.leases import read
from iscdhcp.leases import repair
from iscdhcp.leases.syntax import Entry

from lab import alone
from lab.alone import DHCPD
from lab.alone import complaints

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
POOLS = shutil.which("dhcpd-pools", path=PATH)

pytestmark = [
    pytest.mark.skipif(DHCPD is None, reason="no dhcpd is installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces"),
]

Pool = namedtuple("Pool", "network ranges")
POOL = Pool("192.0.2.0/24", (("192.0.2.10", "192.0.2.250"),))
CONFIGURATION = """
ddns-update-style none;
failover peer "foo" {{
  {role}; address 192.0.2.1; port 647; peer address 192.0.2.2; peer port 647;
  max-response-delay 10; max-unacked-updates 7;
  {primary_only}
}}
subnet 192.0.2.0 netmask 255.255.255.0 {{
  pool {{ failover peer "foo"; range 192.0.2.10 192.0.2.250; }}
}}
"""
ROLES = {
    "secondary": CONFIGURATION.format(role="secondary", primary_only=""),
    "primary": CONFIGURATION.format(role="primary", primary_only="mclt 20; split 128;"),
}


def when(seconds):
    """A date of the lease file, so far from now."""
    return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(time.time() + seconds)).encode()


def lease(number, state="active", ends=3600):
    """A lease as dhcpd writes it."""
    return (
        b"lease 192.0.2.%d {\n  starts %s;\n  ends %s;\n  tstp %s;\n  cltt %s;\n"
        b"  binding state %s;\n  next binding state %s;\n"
        b"  hardware ethernet 02:00:00:00:00:%02x;\n"
        b'  uid "\\001\\002\\000\\000;}\\"";\n  client-hostname "host-%d";\n}\n'
    ) % (
        number, when(-600), when(ends), when(ends), when(-600), state.encode(),
        b"expired" if state == "active" else b"free", number, number,
    )  # fmt: skip


HEADER = b"""# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;

"""
STATE = b"""
failover peer "foo" state {
  my state normal at 1 2026/11/23 07:22:56;
  partner state normal at 1 2026/11/23 07:22:54;
  mclt 20;
}
"""


@pytest.fixture
def dhcpd(tmp_path):
    """Let dhcpd read a lease file; return what it says and the file that it leaves."""
    for name in ("etc", "lib"):
        (tmp_path / name).mkdir()
    (tmp_path / "etc" / "dhcpd.conf").write_text(ROLES["secondary"])
    path = tmp_path / "lib" / "dhcpd.leases"

    def run(text=None, options="-4", role="secondary"):
        (tmp_path / "etc" / "dhcpd.conf").write_text(ROLES[role])
        if text is not None:
            path.write_bytes(text)
        code, said = alone.start(tmp_path, options)
        assert code == 0, said
        return said, str(path)

    run.path = str(path)
    return run


def known(path):
    """Address and state of every lease of a file, by its last entry; free ones are left out."""
    states = {
        one.name: one.fields["state"]
        for one in read.entries(path)
        if isinstance(one, Entry) and one.kind == "lease"
    }
    return {name: state for name, state in states.items() if state not in ("free", "backup")}


BASE = HEADER + STATE + b"".join(lease(number) for number in range(10, 16))


def test_a_file_that_dhcpd_wrote_is_whole_in_the_fast_way(dhcpd):
    said, path = dhcpd(BASE)
    assert complaints(said) == []
    found = check.check(path)
    assert found["whole"]
    assert read.failover_states(path)["foo"]["mclt"] == 20
    # dhcpd writes all that is not free again.
    assert list(known(path)) == [f"192.0.2.{number}" for number in range(10, 16)]


@pytest.mark.parametrize("back", [1, 2, 3, 4, 20, 45, 60, 90, 150, 200, 235, 260, 280])
def test_dhcpd_takes_a_repaired_file_without_complaint_and_keeps_every_lease(dhcpd, back):
    """The last entry is a renewal, cut off: dhcpd alone would forget the lease, or half of it."""
    torn = (BASE + lease(12))[:-back]
    Path(dhcpd.path).write_bytes(torn)
    assert repair.repair(dhcpd.path)["changed"]
    said, path = dhcpd(options="-4 -T")
    assert complaints(said) == []
    said, path = dhcpd()
    assert complaints(said) == []
    assert known(path) == {f"192.0.2.{number}": "active" for number in range(10, 16)}


def test_without_repair_dhcpd_forgets_the_lease(dhcpd):
    """The reason for all this."""
    torn = (BASE + lease(12))[: len(BASE) + 40]
    Path(dhcpd.path).write_bytes(torn)
    (problem,) = check.check(dhcpd.path)["problems"]
    assert problem["halves"] == ["192.0.2.12"]
    _, path = dhcpd()
    assert known(path).get("192.0.2.12") != "active"


ONE = lease(20)
DAMAGE = {
    "brace": ONE[:-2],
    "date": ONE[:40],
    "opening": ONE[:14],
    "address": ONE[:12],
    "semicolon": ONE.replace(b"active;", b"active"),
    "state": ONE.replace(b"active", b"actve"),
    "state cut": ONE[: ONE.index(b"binding") + 11] + b"\n",
    "hardware": ONE[: ONE.index(b"hardware") + 24],
    "hostname": ONE.replace(b'host-20"', b"host-20"),
    "uid": ONE[: ONE.index(b"uid") + 12],
    "stray brace": b"}\n",
    "nul": b"\0" * 512,
    "nul inside": ONE[:60] + b"\0" * 512,
    "nul to the next line": ONE[:60] + b"\0" * 512 + b"\n",
    "garbage": b"\xfe garbage\n",
    "end for dhcpd": b"\xff garbage\n",
    "end for dhcpd in a comment": b"# a no\xffte\n",
    "end for dhcpd in a lease": ONE[:70] + b"\xff" + ONE[70:],
    "end for dhcpd in a string": ONE.replace(b"host-20", b"host\xff20"),
    "uneven nul": b"\0\0\0",
    "nul and a brace": b"\0}\n",
    "two in one": ONE[:-60] + lease(21)[-120:],
    "state block": STATE[:-40],
    "peer state": STATE.replace(b"partner state", b"peer state"),
    "word": b"leese 192.0.2.20 {\n  binding state active;\n}\n",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_dhcpd_would_drop_is_said_beforehand(dhcpd, damage):
    """And after the repair it is all there."""
    after = b"".join(lease(number) for number in range(30, 36))
    text = BASE + damage + after
    Path(dhcpd.path).write_bytes(text)
    found = check.check(dhcpd.path)
    assert not found["whole"]
    said = {name for one in found["problems"] for name in one["drops"]}
    _, path = dhcpd()
    mine = known(path)
    expected = {f"192.0.2.{number}" for number in [*range(10, 16), *range(30, 36)]}
    assert {f"lease {address}" for address in expected - set(mine)} == said
    Path(dhcpd.path).write_bytes(text)
    repair.repair(dhcpd.path)
    out, path = dhcpd()
    assert complaints(out) == []
    assert expected <= {name for name, state in known(path).items() if state == "active"}


@pytest.mark.parametrize(("role", "lapsed"), [("primary", 0), ("secondary", 1)])
def test_an_active_lease_whose_end_is_past_is_expired_for_dhcpd_too(dhcpd, role, lapsed):
    """Only a secondary in normal waits for the primary to say so."""
    text = BASE + lease(40, ends=-60)
    Path(dhcpd.path).write_bytes(text.replace(b"  mclt 20;\n", b""))
    before = count.count(dhcpd.path, [POOL])["pools"][0]
    _, path = dhcpd(role=role)
    after = count.count(path, [POOL])["pools"][0]
    assert (before["active"], before["expired"], before["lapsed"]) == (6, 1, 1)
    assert (after["active"], after["expired"], after["lapsed"]) == (6, 1, lapsed)


def test_leases_outside_of_every_pool_are_forgotten_by_dhcpd(dhcpd):
    Path(dhcpd.path).write_bytes(BASE + lease(5))
    assert count.count(dhcpd.path, [POOL])["outside"]["named"] == ["192.0.2.5"]
    _, path = dhcpd()
    assert "192.0.2.5" not in known(path)


@pytest.mark.skipif(POOLS is None, reason="dhcpd-pools is not installed")
def test_dhcpd_pools_counts_the_same(tmp_path):
    """
    Explained differences: an active lease is active, and a backup one backup, whatever its end;
    free, expired, released and abandoned ones are one figure, "touched", and those in reset are
    nowhere.
    """
    (tmp_path / "dhcpd.conf").write_text(ROLES["primary"])
    path = tmp_path / "dhcpd.leases"
    text = HEADER + STATE
    all_states = ["active", "free", "backup", "expired", "released", "abandoned", "reset"]
    for number in range(10, 220):
        state = all_states[number % 7]
        past = not number % 3 and state not in ("free", "backup")
        text += lease(number, state, ends=-60 if past else 3600)
    path.write_bytes(text + lease(10, "free") + lease(11, "active"))
    mine = count.count(str(path), [POOL])["pools"][0]
    done = subprocess.run(
        [POOLS, "-c", str(tmp_path / "dhcpd.conf"), "-l", str(path), "-f", "j"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (theirs,) = json.loads(done.stdout)["subnets"]
    assert theirs["defined"] == mine["addresses"]
    assert theirs["used"] == mine["active"] + mine["lapsed"]
    assert theirs.get("backup_count", mine["backup"]) == mine["backup"]
    touched = mine["free"] - mine["virgin"] + mine["expired"] - mine["lapsed"]
    touched += mine["released"] + mine["abandoned"]
    assert theirs["touched"] == touched
