"""What is left on a server: listed, removed where nothing needs it, kept where something does."""

from __future__ import annotations

import os

import pytest
from iscdhcp.act import cleaning
from iscdhcp.act import stage as act_stage

NOT_OURS = ("dhcpd.conf.backup", "dhcpd.conf.backup-mine", "dhcpd.leases~", "other.backup-1", "log")


def listed(answer):
    return {os.path.basename(one["path"]): one["kind"] for one in answer["files"]}


def rolled_out(here, old="# old\n", run="run 1"):
    """A rollout that was applied and proved; return the backup's name."""
    main = here.settings().config_file
    stage = here.notes.stage
    candidate = act_stage.candidate_beside(main)
    with open(candidate, "w", encoding="utf-8") as file:
        file.write(open(main, encoding="utf-8").read() + old)
    stage.keep(run, main, {main: candidate}, proved=True)
    stage.apply(run)
    stage.prove()
    return os.path.basename(stage.record["files"][main]["backup"])


@pytest.fixture
def left(here):
    """A server on which a little of everything is left, and files that are not ours."""
    here.notes.what_runs(here.server())
    backup = rolled_out(here)
    for name in (
        *("dhcpd.conf.backup-20260101-120000", "dhcpd.conf.backup-20260101-120000-1"),
        *(".dhcpd.conf.candidate-999999999-0", f".dhcpd.conf.candidate-{os.getpid()}-0"),
        *("dhcpd.leases.damaged-20260101-120000", "dhcpd.leases.before-rollout"),
        *(".dhcpd.conf.abcd1234.new", ".dhcpd.leases.abcd_234.new", *NOT_OURS),
    ):
        (here.folder / name).write_text("x" * 10)
    return backup


def test_what_is_left_is_listed_and_nothing_is_removed(here, left):
    before = sorted(os.listdir(here.folder))
    answer = cleaning.cleanup(here, False, False)
    found = listed(answer)
    assert answer["result"] and answer["removed"] == []
    assert found[left] == "way-back" and found["ran.json"] == "note"
    assert found["dhcpd.leases.damaged-20260101-120000"] == "damaged-leases"
    assert not set(found) & {*NOT_OURS, "dhcpd.conf", "dhcpd.leases", "acting.lock"}
    assert f".dhcpd.conf.candidate-{os.getpid()}-0" not in found, "a call that is under way"
    assert "6 files of ours" in answer["comment"] and "remove=True" in answer["comment"]
    assert sorted(os.listdir(here.folder)) == before


def test_what_is_of_use_stays_until_everything_is_to_go(here, left):
    answer = cleaning.cleanup(here, True, False)
    assert answer["result"] and len(answer["removed"]) == 6
    there = set(os.listdir(here.folder))
    assert {left, "dhcpd.conf", "dhcpd.leases", *NOT_OURS} <= there
    assert here.notes.ran_last() is not None
    answer = cleaning.cleanup(here, True, True)
    assert answer["result"] and left not in os.listdir(here.folder)
    assert here.notes.ran_last() is None
    assert set(os.listdir(here.folder)) >= {"dhcpd.conf", "dhcpd.leases", *NOT_OURS}
    assert listed(cleaning.cleanup(here, False, True)) == {}


def claimed(here):
    here.notes.claims.claim("run 2", "anna", 60.0)


def staged(here):
    main = here.settings().config_file
    candidate = act_stage.candidate_beside(main)
    (here.folder / os.path.basename(candidate)).write_text("# new\n")
    here.notes.stage.keep("run 2", main, {main: candidate}, proved=True)


def paused(here):
    here.notes.paused.write(["foo"])


def ended(here):
    here.host.running = None


@pytest.mark.parametrize("trouble", [claimed, staged, paused, ended])
def test_nothing_is_removed_while_something_needs_it(here, left, trouble):
    trouble(here)
    before = {*os.listdir(here.folder), *os.listdir(here.notes.folder)}
    answer = cleaning.cleanup(here, True, True)
    assert not answer["result"] and answer["comment"].startswith("Nothing was removed on dhcp-b: ")
    assert {*os.listdir(here.folder), *os.listdir(here.notes.folder)} >= before


def test_the_leases_from_before_a_rollout_stay_as_long_as_it_can_be_taken_back(here, left):
    assert listed(cleaning.cleanup(here, False, False))["dhcpd.leases.before-rollout"] == "way-back"
    here.notes.stage.roll_back("run 1")
    found = listed(cleaning.cleanup(here, False, False))
    assert found["dhcpd.leases.before-rollout"] == "leases-before-rollout"


def test_what_could_not_be_removed_is_named_with_its_cause(here, left, monkeypatch):
    unlink = cleaning.Path.unlink

    def refuses(path, missing_ok=False):
        if path.name == "dhcpd.conf.backup-20260101-120000":
            raise OSError(30, "Read-only file system")
        unlink(path, missing_ok)

    monkeypatch.setattr(cleaning.Path, "unlink", refuses)
    answer = cleaning.cleanup(here, True, False)
    assert not answer["result"]
    assert "dhcpd.conf.backup-20260101-120000: Read-only file system" in answer["comment"]
    assert "dhcpd.conf.backup-20260101-120000" in listed(answer)
