"""What is left of a damaged lease file after a repair."""

import os
from pathlib import Path

import pytest
from iscdhcp.errors import LeaseFileError
from iscdhcp.leases import read
from iscdhcp.leases import repair
from lease_texts import STATE
from lease_texts import WHOLE
from lease_texts import lease


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


# -- mended by a start ----------------------------------------------------------------------------


def test_an_entry_that_was_being_written_is_cut_off_and_the_one_before_it_counts(write):
    renewed = lease(2)
    for length in range(len(b"lease 10.0.0.2 {"), len(renewed) - 1):
        path = write(lease(1) + lease(2, "backup") + renewed[:length])
        done = repair.mend(path)
        assert done and done["backup"] and [one["name"] for one in done["kept"]] == ["10.0.0.2"]
        assert Path(path).read_bytes() == lease(1) + lease(2, "backup"), length
        assert Path(done["backup"]).read_bytes().endswith(renewed[:length])


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        lease(1) + lease(2)[:50],
        lease(1)[:50] + lease(2) + lease(2)[:50],
        lease(2) + lease(1)[:50] + lease(1),
        lease(1) + lease(2) + lease(1)[:50] + lease(2)[:50],
        lease(2) + lease(2)[:50] + b"\0" * 20,
        lease(2) + lease(2)[:50] + b"\xff",
        STATE + lease(2) + STATE[:30],
        lease(2) + b'lease 10.0.0.2 {\n  uid "' + b"x" * 5000,
    ],
    ids=(
        "whole unknown_before two_apart in_the_middle two_at_the_end nul_bytes no_text state long"
    ).split(),
)
def test_what_is_damaged_otherwise_is_left_for_a_person(write, text):
    path = write(text)
    assert repair.mend(path) is None
    assert Path(path).read_bytes() == text
    assert os.listdir(os.path.dirname(path)) == ["dhcpd.leases"]
