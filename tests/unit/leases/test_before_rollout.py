"""Leases and failover states that a configuration which was taken back has cost."""

from __future__ import annotations

import os

import pytest
from iscdhcp.leases import before_rollout
from iscdhcp.leases import check
from iscdhcp.leases import read
from iscdhcp.leases import repair

HEAD = "authoring-byte-order little-endian;\n\n"
LEASE = """lease {address} {{
  starts 1 2026/11/23 10:00:00;
  ends 1 2026/11/23 12:00:00;
  cltt 1 2026/11/23 10:00:00;
  binding state {state};
  hardware ethernet 02:00:00:00:00:01;
}}
"""
PEER = """failover peer "{name}" state {{
  my state normal at 1 2026/11/23 10:00:00;
  partner state normal at 1 2026/11/23 10:00:00;
}}
"""


def lease(address, state="active"):
    return LEASE.format(address=address, state=state)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "dhcpd.leases"
    path.write_text(
        HEAD
        + PEER.format(name="foo")
        + lease("10.0.0.1", "free")
        + lease("10.0.0.1")
        + lease("10.0.0.2")
    )
    path.chmod(0o640)
    return path


def started_with_another_configuration(path, text):
    """As dhcpd does at its start: a new file takes the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def test_what_the_new_configuration_did_not_know_is_brought_back(path):
    before_rollout.keep(str(path))
    started_with_another_configuration(
        path, HEAD + PEER.format(name="oof") + lease("10.0.0.2", "expired")
    )
    assert before_rollout.bring_back(str(path)) == 2
    found = repair.last_entries(str(path), ["10.0.0.1", "10.0.0.2"])
    assert found["10.0.0.1"].fields["state"] == "active", "its last entry"
    assert found["10.0.0.2"].fields["state"] == "expired", "what dhcpd has written since stays"
    assert read.failover_states(str(path))["foo"]["my"][0] == "normal"
    assert check.check(str(path))["whole"]
    assert before_rollout.bring_back(str(path)) == 0


def test_a_file_that_has_lost_nothing_is_left_as_it_is(path):
    before_rollout.keep(str(path))
    assert before_rollout.bring_back(str(path)) == 0
    before = path.read_text()
    started_with_another_configuration(path, before)
    assert before_rollout.bring_back(str(path)) == 0
    assert path.read_text() == before


def test_without_a_copy_nothing_is_invented(path):
    assert before_rollout.bring_back(str(path)) == 0
    path.unlink()
    before_rollout.keep(str(path))
    assert before_rollout.bring_back(str(path)) == 0
