"""Lease files damaged in every way: found, repaired or refused, and dhcpd loses nothing else.

``make damage-test`` tears at each byte and takes a million leases; ``make test``
takes some of the bytes and fewer leases, in seconds.
"""

from __future__ import annotations

import gzip
import os
import random
import sys
import time
from pathlib import Path

import pytest
from iscdhcp import errors
from iscdhcp.act import stop_start
from iscdhcp.errors import LeaseFileError
from iscdhcp.leases import check as leases_check
from iscdhcp.leases import read
from iscdhcp.leases import repair
from iscdhcp.leases.end import check_end
from iscdhcp.leases.syntax import Entry
from omapi_lab import DHCPD
from reading_dhcpd import ReadingDhcpd

from lab.alone import complaints
from lab.isolation import CHECKOUT

pytestmark = [
    pytest.mark.skipif(DHCPD is None, reason="no dhcpd is installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces"),
]

#: A sample, and (``make damage-test``) all of it. Every so manieth byte: odd, so that it meets
#: other places of each entry.
thorough = pytest.mark.parametrize(
    "all_of_it", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["sample", "all"]
)
UNPRIVILEGED = 65534


def when(seconds):
    """A date of the lease file, so far from now."""
    return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(NOW + seconds)).encode()


NOW = int(time.time())


def lease(number, ends=3600, address=b"192.0.2.%d", name="host"):
    """A lease in use as dhcpd writes it."""
    return (
        b"lease " + address + b" {\n  starts %s;\n  ends %s;\n  tstp %s;\n  cltt %s;\n"
        b"  binding state active;\n  next binding state expired;\n"
        b"  hardware ethernet 02:00:00:00:00:%02x;\n"
        b'  uid "\\001\\002\\000\\000;}\\"";\n  client-hostname "%s-%d";\n}\n'
    ) % (
        number, when(-600), when(ends), when(ends), when(-600), number, name.encode(), number,
    )  # fmt: skip


def state(mine):
    """The failover state as dhcpd writes it."""
    return (
        b'\nfailover peer "foo" state {\n  my state %s at %s;\n'
        b"  partner state normal at %s;\n  mclt 20;\n}\n"
    ) % (mine, when(-60), when(-60))


HEADER = b"# a comment\nauthoring-byte-order little-endian;\n\n"
BASE = HEADER + state(b"normal") + b"".join(lease(number) for number in range(10, 16))
#: A renewal, a state that replaces an earlier one, a new lease.
LAST = [lease(12, 7200), state(b"communications-interrupted"), lease(20)]
WHOLE = BASE + b"".join(LAST)


@pytest.fixture(scope="module")
def dhcpd(tmp_path_factory):
    with ReadingDhcpd(tmp_path_factory.mktemp("dhcpd")) as reading:
        yield reading


COMPARED = ("state", "ends", "hardware", "uid", "client_hostname")


def in_use(path):
    """What a file says of each address that is neither free nor backup, by its last entry."""
    found = {}
    for one in read.entries(str(path)):
        if isinstance(one, Entry) and one.kind == "lease":
            found[one.name] = one
    return {
        name: [one.fields.get(key) for key in COMPARED]
        for name, one in found.items()
        if one.fields["state"] not in ("free", "backup")
    }


def saved_state(path):
    """The failover state that counts."""
    return read.failover_states(str(path))["foo"]["my"][0]


def written(tmp_path, text):
    """What our own reading makes of a text."""
    path = tmp_path / "expected"
    path.write_bytes(text)
    return in_use(path), saved_state(path)


def after_start(dhcpd):
    """Start dhcpd on the file; return what it knows then, by the file that it writes itself."""
    assert complaints(dhcpd.read()) == []
    # Alone, a server that was normal goes to startup first, and saves what it was before.
    return in_use(dhcpd.path), saved_state(dhcpd.path)


# -- torn at each byte --------------------------------------------------------------------------


@thorough
def test_a_file_torn_anywhere_in_its_last_three_entries_loses_only_what_was_torn(
    dhcpd, tmp_path, all_of_it
):
    """By dhcpd's own reading after its start on the repaired file."""
    step = 1 if all_of_it else 23
    ends = [len(BASE) + sum(map(len, LAST[:number])) for number in range(4)]
    # The second entry begins with an empty line: cut behind that, nothing is torn.
    whole_at = {*ends, ends[1] + 1}
    for length in range(len(WHOLE) - 1, len(BASE) - 1, -step):
        dhcpd.write(WHOLE[:length])
        # Only the line end behind it is missing: the entry is there.
        kept = WHOLE[: max(end for end in ends if end - 1 <= length)]
        torn = length not in whole_at
        assert leases_check.check(str(dhcpd.path))["whole"] != torn, length
        assert check_end(str(dhcpd.path)).whole != torn, length
        if torn:
            with pytest.raises(errors.ActError, match="not started"):
                stop_start.check_leases(str(dhcpd.path))
        assert repair.repair(str(dhcpd.path))["changed"] == torn
        stop_start.check_leases(str(dhcpd.path))
        assert after_start(dhcpd) == written(tmp_path, kept), length


@thorough
def test_what_dhcpd_s_own_copy_knows_of_the_torn_entry_is_there_after_the_start(
    dhcpd, tmp_path, all_of_it
):
    step = 7 if all_of_it else 61
    for length in range(len(WHOLE) - 1, len(BASE + LAST[0] + LAST[1]), -step):
        dhcpd.write(WHOLE[:length], old=BASE + lease(20, 1800))
        done = repair.repair(str(dhcpd.path))
        if done["cut"]:
            assert [one["address"] for one in done["salvaged"]] == ["192.0.2.20"]
        expected = BASE + LAST[0] + LAST[1] + (lease(20, 1800) if done["cut"] else lease(20))
        assert after_start(dhcpd) == written(tmp_path, expected), length


@thorough
def test_a_file_damaged_anywhere_in_the_middle_loses_only_what_was_damaged(
    dhcpd, tmp_path, all_of_it
):
    """Each byte of one entry, overwritten: what is left is whole, or a value has changed."""
    step = 1 if all_of_it else 23
    begin = len(BASE)
    damaged, after = lease(30), lease(31) + lease(32)
    others = in_use_of(tmp_path, BASE + after)
    for at in range(0, len(damaged), step):
        for garbage in (b"\0", b"{", b"}", b'"', b"\n", b"\xff") if all_of_it else (b"\0", b"}"):
            text = BASE + damaged[:at] + garbage + damaged[at + 1 :] + after
            dhcpd.write(text)
            found = leases_check.check(str(dhcpd.path))
            for one in found["problems"]:
                assert begin <= one["offset"] < begin + len(damaged)
            repair.repair(str(dhcpd.path))
            known, _ = after_start(dhcpd)
            assert {name: known.get(name) for name in others} == others, (at, garbage)


def in_use_of(tmp_path, text):
    return written(tmp_path, text)[0]


# -- nothing there, or nothing of use -------------------------------------------------------------


def test_a_missing_file_is_refused_and_dhcpd_would_refuse_it_too(dhcpd):
    dhcpd.write(WHOLE)
    dhcpd.path.rename(dhcpd.old)
    for act in (leases_check.check, repair.repair):
        with pytest.raises(LeaseFileError, match="No such file"):
            act(str(dhcpd.path))
    with pytest.raises(errors.ActError, match="is missing, every lease would be forgotten"):
        stop_start.check_leases(str(dhcpd.path))
    with pytest.raises(RuntimeError, match="Can't open lease database"):
        dhcpd.read()


def test_an_empty_file_beside_one_that_is_not_is_refused_where_dhcpd_would_forget_all(dhcpd):
    dhcpd.write(b"", old=WHOLE)
    with pytest.raises(errors.ActError, match="is empty and .* is not"):
        stop_start.check_leases(str(dhcpd.path))
    assert dhcpd.read() and in_use(dhcpd.path) == {}


@pytest.mark.parametrize("kind", ["noise", "compressed", "nul"])
def test_a_binary_file_is_refused_and_stays_as_it_is(dhcpd, kind):
    """To cut all of it would leave an empty file, and dhcpd would forget every lease."""
    noise = random.Random(7).randbytes(200_000)
    text = {"noise": noise, "compressed": gzip.compress(WHOLE * 50), "nul": b"\0" * 50_000}[kind]
    dhcpd.write(text)
    assert not leases_check.check(str(dhcpd.path))["whole"]
    with pytest.raises(errors.ActError, match="not started"):
        stop_start.check_leases(str(dhcpd.path))
    with pytest.raises(LeaseFileError, match="no whole entry .* put back"):
        repair.repair(str(dhcpd.path))
    assert dhcpd.path.read_bytes() == text
    assert [one.name for one in dhcpd.path.parent.iterdir()] == ["dhcpd.leases"]


def test_a_binary_file_is_made_of_dhcpd_s_own_copy_again(dhcpd, tmp_path):
    dhcpd.write(random.Random(7).randbytes(200_000), old=WHOLE)
    done = repair.repair(str(dhcpd.path))
    assert len(done["salvaged"]) == 7 and Path(done["backup"]).stat().st_size == 200_000
    assert complaints(dhcpd.read()) == []
    assert in_use(dhcpd.path) == in_use_of(tmp_path, WHOLE)


@thorough
def test_a_huge_file_that_is_torn_is_repaired_and_dhcpd_has_every_other_lease(tmp_path, all_of_it):
    huge = 1_000_000 if all_of_it else 40_000
    last = f"10.{huge >> 16}.{huge >> 8 & 255}.{huge & 255}"
    with ReadingDhcpd(tmp_path, large=last) as dhcpd:
        head, tail = lease(0, address=b"ADDRESS %d", name="huge").split(b"ADDRESS 0")
        with open(dhcpd.path, "wb") as file:
            file.write(BASE)
            for number in range(huge):
                address = b"10.%d.%d.%d" % (number >> 16, number >> 8 & 255, number & 255)
                file.write(head + address + tail)
            file.write(lease(20)[:-40])
        done = repair.repair(str(dhcpd.path))
        assert [cut["address"] for cut in done["cut"]] == ["192.0.2.20"]
        dhcpd.read()
        text = dhcpd.path.read_bytes()
        assert text.count(b"\nlease 10.") == huge
        assert text.count(b"\nlease 192.0.2.") >= 6


# -- the file can't be read, or not be written ----------------------------------------------------

REPAIR = """
import sys

from iscdhcp.errors import IscDhcpError
from iscdhcp.leases import repair

try:
    print(repair.repair(sys.argv[1]))
except IscDhcpError as err:
    print("REFUSED", err)
"""


def repaired(dhcpd, before):
    """Let a process repair the file, in a mount namespace of its own; return what it says."""
    python = f"PYTHONPATH={CHECKOUT}/_utils {sys.executable} -c '{REPAIR}' {dhcpd.path}"
    done = dhcpd.run(f"{before}\n{python}")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_file_that_can_t_be_read_is_refused(dhcpd):
    dhcpd.write(WHOLE[:-20])
    dhcpd.path.chmod(0o600)
    os.seteuid(UNPRIVILEGED)
    try:
        for check in (leases_check.check, repair.repair, check_end):
            with pytest.raises(LeaseFileError, match="can't be read: Permission denied"):
                check(str(dhcpd.path))
        with pytest.raises(LeaseFileError, match="can't be read: Permission denied"):
            stop_start.check_leases(str(dhcpd.path))
    finally:
        os.seteuid(0)
    assert dhcpd.path.read_bytes() == WHOLE[:-20]


def test_on_a_full_disk_nothing_is_changed(dhcpd):
    """A real one: a file system in memory that has no page left."""
    dhcpd.write(WHOLE[:-20])
    folder = dhcpd.path.parent
    text = (
        f"cp {dhcpd.path} /run/torn; mount -t tmpfs -o size=16k none {folder}; "
        f"cp /run/torn {dhcpd.path}; rm /run/torn; "
        f"dd if=/dev/zero of={folder}/full bs=1k count=64 2>/dev/null || :"
    )
    script = "mount -t tmpfs none /run\n" + text
    said = repaired(dhcpd, f"{script}; trap 'ls {folder}; tail -c 30 {dhcpd.path}' 0")
    assert "REFUSED" in said and "No space left on device; it is unchanged" in said
    assert said.split("unchanged\n")[1].startswith("dhcpd.leases\nfull\n")
    assert said.endswith(WHOLE[:-20][-30:].decode())


def test_on_a_read_only_disk_nothing_is_changed(dhcpd):
    dhcpd.write(WHOLE[:-20])
    folder = dhcpd.path.parent
    said = repaired(dhcpd, f"mount --bind {folder} {folder}; mount -o remount,bind,ro {folder}")
    assert "REFUSED" in said and "Read-only file system; it is unchanged" in said
    assert dhcpd.path.read_bytes() == WHOLE[:-20]
