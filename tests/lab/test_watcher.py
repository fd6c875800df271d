"""A watch counts each start of dhcpd, also where a new process has the old one's number."""

from __future__ import annotations

from lab.watcher import _restarts
from lab.watcher import sightings_of


def starts(*records):
    found = [{"time": at, **what} for at, what in enumerate(records)]
    return [(one.old_pid, one.new_pid) for one in _restarts(sightings_of("a", ["foo"], found))]


def runs(pid):
    return {"pid": pid, "stopped": False}


TALKS = {"states": {"foo": ["normal", "normal"]}}


def test_a_new_process_that_talks_is_a_restart():
    assert starts(runs(7), TALKS, runs(None), runs(9), TALKS) == [(7, 9)]
    assert starts(runs(7), TALKS, runs(None), runs(9)) == []


def test_a_process_that_has_the_number_of_the_one_before_the_reboot_is_a_restart():
    assert starts(runs(7), TALKS, runs(None), runs(7), TALKS) == [(7, 7)]


def test_a_process_that_was_only_stopped_is_none():
    assert starts(runs(7), TALKS, {"pid": 7, "stopped": True}, runs(7), TALKS) == []
