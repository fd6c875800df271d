"""Files are replaced whole or not at all, and what was written is on the disk."""

from __future__ import annotations

import errno
import os
import resource
import stat

import pytest
from iscdhcp import files


@pytest.fixture
def synced(monkeypatch):
    """What was synced, in order: the new file by its contents, then its folder."""
    found = []
    real = os.fsync

    def fsync(handle):
        status = os.fstat(handle)
        what = "folder" if stat.S_ISDIR(status.st_mode) else f"file of {status.st_size}"
        found.append(what)
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    return found


def test_a_new_file_is_on_the_disk_before_it_takes_the_place(tmp_path, synced, monkeypatch):
    path = tmp_path / "x"
    path.write_text("old")
    replaced = []
    real = os.replace
    monkeypatch.setattr(os, "replace", lambda *a: (replaced.append(list(synced)), real(*a)))
    with files.replaced(path) as file:
        file.write("new")
    assert replaced == [["file of 3"]]
    assert synced == ["file of 3", "folder"]


def test_a_copy_has_owner_group_and_mode_of_the_file_that_it_replaces(tmp_path, monkeypatch):
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    target.chmod(0o640)
    owners = []
    real = os.fchown
    monkeypatch.setattr(os, "fchown", lambda *a: (owners.append(a[1:]), real(*a)))
    if os.geteuid() == 0:
        os.chown(target, 12, 34)
    files.copy(str(source), str(target), like=str(target))
    status = target.stat()
    assert target.read_text() == "new"
    assert stat.S_IMODE(status.st_mode) == 0o640
    assert owners == [(status.st_uid, status.st_gid)]
    if os.geteuid() == 0:
        assert (status.st_uid, status.st_gid) == (12, 34)


def test_a_new_file_has_the_mode_that_packages_give(tmp_path):
    source = tmp_path / "secret"
    source.write_text("x")
    source.chmod(0o600)
    files.copy(str(source), str(tmp_path / "new"), like=str(tmp_path / "new"))
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


def test_what_is_kept_as_json_is_for_its_owner_only(tmp_path):
    files.write_json(tmp_path / "folder" / "x.json", {"a": 1})
    assert stat.S_IMODE((tmp_path / "folder" / "x.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700


def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.replaced(path) as file:
        file.write("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_a_link_is_followed(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    with files.replaced(link) as file:
        file.write("new")
    assert link.is_symlink() and real.read_text() == "new"


@pytest.fixture
def no_room():
    """No file may be larger than a few bytes: it is written as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path, no_room):
    path = tmp_path / "claim.json"
    path.write_text("old")
    with pytest.raises(OSError, match=r"/claim.json could not be written \(File too large\)"):
        files.write_json(path, {"who": "alice"})
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["claim.json"])


def test_a_full_disk_is_told_with_what_to_do():
    full = files.UnwrittenError(errno.ENOSPC, "No space left", "/var/x.json")
    assert str(full) == "/var/x.json could not be written (No space left): make room there"


def test_a_folder_that_is_not_there_is_told_by_the_file_that_was_to_be_in_it(tmp_path):
    path = tmp_path / "gone" / "x"
    with pytest.raises(OSError, match=f"{path} could not be written"), files.replaced(path):
        pass
