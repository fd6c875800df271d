"""Somebody starts dhcpd at the very moment of our own start: two run, on one lease file."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from iscdhcp.act import restarting
from iscdhcp.act import stop_start
from iscdhcp.errors import LeaseFileError
from iscdhcp.host import nameless
from iscdhcp.host import twins


class Twins:
    """A modelled host on which a first start brings up two, and a later one a single dhcpd."""

    def __init__(self, here, lease_file=None, of_before=False):
        self.here, self.host, self.up = here, here.host, []
        self.file = lease_file or str(here.folder / "dhcpd.leases")
        self.of_before = of_before
        self.orders = 0
        self.host._order = self.order
        self.find, self.terminate = self.host.find, self.host.signal_terminate
        self.host.find = lambda names: list(self.up) or self.find(names)
        self.host.signal_terminate = self.end
        self.host.is_alive = self.is_alive

    def born(self, pid, file):
        one = self.host._born(pid, self.host.clock.time() - (60 if self.of_before else 0))
        return replace(one, open_lease_file=file)

    def order(self):
        self.orders += 1
        self.host.done.append("start")
        ours = str(self.here.folder / "dhcpd.leases")
        pids = (201, 202) if self.orders == 1 else (203,)
        self.up = [self.born(pid, self.file if pid == 202 else ours) for pid in pids]
        self.host.running = self.up[0]

    def end(self, one, look, deadline):
        if one.pid == 100:
            return self.terminate(one, look, deadline)
        assert look()
        self.host.done.append(f"SIGTERM {one.pid}")
        self.up = [left for left in self.up if left.pid != one.pid]
        self.host.running = self.up[0] if self.up else None
        return {"tries": 1, "seconds": 0.0}

    def is_alive(self, one):
        there = [*self.up, *filter(None, [self.host.running])]
        return any(left.identity == one.identity for left in there)


def restart(here):
    return restarting.restart(here, (), None, None, "signal", None, None, None)


def test_both_are_ended_and_one_is_started_that_knows_the_leases_of_both(here, host):
    Twins(here)
    answer = restart(here)
    assert answer["result"], answer
    assert host.done == ["SIGTERM", "start", "SIGTERM 201", "SIGTERM 202", "start"]
    assert answer["new"]["pid"] == 203
    assert "Note: somebody started dhcpd at the same moment" in answer["comment"], answer
    assert "two ran (pids 201 and 202)" in answer["comment"]


def test_what_can_not_be_brought_together_is_told_and_leaves_no_dhcpd_down(here, host, monkeypatch):
    @contextlib.contextmanager
    def held(one, target):
        yield SimpleNamespace(path="/proc/self/fd/9") if one.pid == 201 else None

    def full(*_):
        raise LeaseFileError("the disk is full")

    monkeypatch.setattr(nameless, "held", held)
    monkeypatch.setattr(stop_start, "_is_whole", lambda path: True)
    monkeypatch.setattr(stop_start, "newer", full)
    Twins(here)
    answer = restart(here)
    assert answer["result"], answer
    assert host.done[-1] == "start" and answer["new"]["pid"] == 203
    assert "the disk is full" in answer["comment"]
    assert "dhcp_failover.doctor" in answer["comment"], answer


@pytest.mark.parametrize(
    "other", [{"lease_file": "/elsewhere/dhcpd.leases"}, {"of_before": True}], ids=str
)
def test_others_than_twins_of_this_start_are_named_and_left_alone(here, host, other):
    Twins(here, **other)
    answer = restart(here)
    assert not answer["result"]
    assert "2 dhcpd run (pids 201, 202) and answer clients" in answer["comment"], answer
    assert host.done == ["SIGTERM", "start"]


def test_one_that_writes_a_file_without_a_name_is_a_twin_too(host):
    """Each writes the file anew at its start: the later one takes the name from the other's."""
    seen = twins.Twins(host.clock, host.clock.time())
    one = replace(host._born(7, host.clock.time()), lost_lease_file="/x")
    both = [one, replace(host._born(8, host.clock.time()), open_lease_file="/x")]
    assert not seen.found(both)
    host.clock.sleep(twins.SECONDS)
    assert seen.found(both)
    assert not seen.found([both[0], replace(both[1], open_lease_file=None)]), "it can't be seen"


def test_a_fork_that_becomes_a_daemon_is_no_twin(host):
    seen = twins.Twins(host.clock, host.clock.time())
    both = [replace(host._born(pid, host.clock.time()), open_lease_file="/x") for pid in (7, 8)]
    assert not seen.found(both)
    host.clock.sleep(0.1)
    assert not seen.found(both[1:])
    host.clock.sleep(60.0)
    assert not seen.found(both), "another moment's"
