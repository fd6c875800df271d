"""A process's paths as this host has them: same mounts, other mounts, a root of its own."""

from __future__ import annotations

import os
import subprocess

import pytest
from iscdhcp.host import mounts

UNSHARE = ["unshare", "--mount", "--propagation", "private", "sh", "-c"]


@pytest.fixture
def apart(tmp_path):
    """Start a shell with mounts of its own that runs ``script`` first; return its place."""
    if os.geteuid() != 0:
        pytest.skip("only root may make mount namespaces")
    started = []

    def start(script):
        argv = [*UNSHARE, f"{script}; echo up; exec sleep 60"]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE)
        started.append(child)
        assert child.stdout.readline() == b"up\n"
        assert mounts.is_apart(child.pid)
        return mounts.Where(child.pid, True)

    yield start
    for child in started:
        child.kill()
        child.wait()
        child.stdout.close()


def test_without_mounts_of_its_own_a_path_is_itself():
    assert not mounts.is_apart(os.getpid())
    assert mounts.Where().on_host("/etc/hosts") == mounts.Where().inside("/etc/hosts")


def test_a_sandbox_shares_most_paths_with_the_host(apart, tmp_path):
    (tmp_path / "leases").write_text("x", encoding="utf-8")
    where = apart("true")
    assert where.on_host(str(tmp_path / "leases")) == str(tmp_path / "leases")
    assert where.on_host(str(tmp_path / "not-there-yet")) == str(tmp_path / "not-there-yet")


def test_a_folder_that_is_mounted_elsewhere_is_found_on_the_host(apart, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "inside").mkdir()
    (tmp_path / "data/dhcpd.conf").write_text("x", encoding="utf-8")
    where = apart(f"mount --bind {tmp_path}/data {tmp_path}/inside")
    assert where.on_host(f"{tmp_path}/inside/dhcpd.conf") == f"{tmp_path}/data/dhcpd.conf"


def test_a_file_that_ends_with_the_process_has_no_path_here(apart, tmp_path):
    (tmp_path / "inside").mkdir()
    mount = f"mount -t tmpfs none {tmp_path}/inside"
    where = apart(f"{mount}; echo y > {tmp_path}/inside/dhcpd.conf")
    path = f"{tmp_path}/inside/dhcpd.conf"
    assert where.on_host(path) is None
    assert open(where.located(path), encoding="utf-8").read() == "y\n"
