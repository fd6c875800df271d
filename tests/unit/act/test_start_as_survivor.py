"""A survivor that answers nobody, started again in partner-down; dhcpd is a model."""

from __future__ import annotations

import pytest
from iscdhcp.act import dead_man
from iscdhcp.act import partner_down
from iscdhcp.act import recovering
from iscdhcp.errors import ActError
from iscdhcp.leases import read


@pytest.fixture
def man(here, monkeypatch):
    """Who stands by."""
    file = here.notes.folder / "stands-by-1.json"
    file.touch()
    one = dead_man.DeadMan(file)
    monkeypatch.setattr(dead_man, "arm", lambda *_: one)
    return one


@pytest.fixture
def mute(here, host):
    """A dhcpd that answers nobody until it is started in the state of its lease file."""
    host.state, host.is_connected = "resolution-interrupted", False
    order = host._order

    def start():
        found = read.failover_states(str(here.folder / "dhcpd.leases"))
        host.state = found["foo"]["my"][0] if found else host.state
        order()

    host._order = start
    return host


def test_it_is_in_partner_down_after_its_start(here, mute, man):
    seen = partner_down.start_as_survivor(here, "foo")
    assert seen["state"] == "partner-down" and mute.done == ["SIGTERM", "start"]
    assert not man.armed


def test_one_that_is_normal_by_now_is_not_stopped(here, mute, man):
    mute.state = "normal"
    with pytest.raises(ActError, match="foo is in normal now"):
        partner_down.start_as_survivor(here, "foo")
    assert mute.running and mute.done == [] and not man.armed


def test_one_whose_partner_has_just_connected_is_not_stopped(here, mute, man):
    mute.is_connected = True
    with pytest.raises(ActError, match="it lives"):
        partner_down.start_as_survivor(here, "foo")
    assert mute.running and mute.done == [] and not man.armed


def test_a_full_disk_leaves_it_running_as_it_was_and_is_told(here, mute, man, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovering, "append_state", full)
    with pytest.raises(ActError, match="could not be written .*No space left.* started"):
        partner_down.start_as_survivor(here, "foo")
    assert mute.find(["dhcpd"]) and mute.done == ["SIGTERM", "start"] and not man.armed


def test_whatever_kills_it_before_its_start_leaves_somebody_to_start_it(
    here, mute, man, monkeypatch
):
    def killed(*_, **__):
        raise SystemExit(143)

    monkeypatch.setattr(partner_down, "start_as_it_ran", killed)
    with pytest.raises(SystemExit):
        partner_down.start_as_survivor(here, "foo")
    assert mute.running is None and man.armed


def test_one_that_does_not_end_in_time_is_started_by_who_stands_by(here, mute, man, monkeypatch):
    def slow(one, timeout):
        mute.running = None  # it ends after all, when nobody waits any more
        return False

    monkeypatch.setattr(mute, "wait_exit", slow)
    with pytest.raises(ActError, match="has not ended"):
        partner_down.start_as_survivor(here, "foo")
    assert man.armed
