"""dhcpd that was told to end and is late, or ends where an error follows: it is started again."""

from __future__ import annotations

import os

import pytest
from iscdhcp.act import dead_man
from iscdhcp.act import handover
from iscdhcp.act import restarting
from iscdhcp.act import stage
from iscdhcp.act import starting


@pytest.fixture
def man(here, monkeypatch):
    """Who stands by."""
    file = here.notes.folder / "stands-by-1.json"

    def arm(*_):
        file.touch()
        return dead_man.DeadMan(file)

    monkeypatch.setattr(dead_man, "arm", arm)
    return file


def restart(here, method):
    return restarting.restart(here, (), None, None, method, None, None, None)


def roll_back(here, method):
    main = here.settings().config_file
    candidate = stage.candidate_beside(main)
    with open(candidate, "w", encoding="utf-8") as file:
        file.write((here.folder / "dhcpd.conf").read_text() + "# new\n")
    here.notes.stage.keep("r1", main, {main: candidate}, proved=True)
    here.notes.stage.apply("r1")
    here.notes.stage.prove()
    return restarting.roll_back(here, (), None, None, method, None, None)


@pytest.mark.parametrize("act", [restart, roll_back])
def test_one_that_is_late_is_started_by_who_stands_by(here, host, man, monkeypatch, act):
    monkeypatch.setattr(host, "wait_exit", lambda one, seconds: False)
    answer = act(here, "signal")
    assert not answer["result"] and "has not ended" in answer["comment"]
    assert "it is started again by who stands by" in answer["comment"]
    assert man.exists()


def test_a_drained_one_that_is_late_is_not_told_to_speak_again(here, host, man, monkeypatch):
    monkeypatch.setattr(host, "wait_exit", lambda one, seconds: False)
    answer = restart(here, "drain")
    assert "has not ended" in answer["comment"] and "normal again" not in answer["comment"]
    assert man.exists()


@pytest.mark.parametrize("act", [restart, roll_back])
def test_one_that_was_not_told_to_end_needs_nobody(here, host, man, monkeypatch, act):
    def no_moment(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(host, "signal_terminate", no_moment)
    answer = act(here, "signal")
    assert not answer["result"] and "Input/output error" in answer["comment"]
    assert not man.exists() and "stands by" not in answer["comment"]


@pytest.mark.parametrize("act", [restart, roll_back])
def test_without_anybody_who_can_stand_by_it_is_said_what_to_do(here, host, monkeypatch, act):
    monkeypatch.setattr(dead_man, "arm", lambda *_: dead_man.DeadMan(None))
    monkeypatch.setattr(host, "wait_exit", lambda one, seconds: False)
    assert "dhcpd.start once it has ended" in act(here, "signal")["comment"]


def test_a_roll_back_that_is_killed_leaves_somebody_to_start_it(here, host, man, monkeypatch):
    def killed(*_, **__):
        raise SystemExit(143)

    monkeypatch.setattr(restarting, "_start_with_old", killed)
    with pytest.raises(SystemExit):
        roll_back(here, "signal")
    assert host.running is None and man.exists()


def test_one_with_bad_files_that_is_late_is_started_by_who_stands_by(here, host, man, monkeypatch):
    """With the new files dhcpd runs, and not as it has to; it takes long to end."""
    files = []

    def start_again():
        host.running = host._born(101, host.clock.time())
        return {"result": False, "comment": "it does not serve."}

    def arm(here, service):
        file = here.notes.folder / f"stands-by-{len(files)}.json"
        file.touch()
        files.append(file)
        return dead_man.DeadMan(file)

    monkeypatch.setattr(dead_man, "arm", arm)
    monkeypatch.setattr(restarting, "start_as_it_ran", lambda *_, **__: start_again())
    waits = iter([True])
    wait_exit = host.wait_exit
    monkeypatch.setattr(
        host, "wait_exit", lambda one, seconds: next(waits, False) and wait_exit(one, seconds)
    )
    main = here.settings().config_file
    candidate = stage.candidate_beside(main)
    with open(candidate, "w", encoding="utf-8") as file:
        file.write((here.folder / "dhcpd.conf").read_text() + "# new\n")
    here.notes.stage.keep("r1", main, {main: candidate}, proved=True)
    answer = restarting.restart(here, (), None, None, "signal", None, None, "r1")
    assert "could not be stopped for its old files" in answer["comment"]
    assert [file.exists() for file in files] == [False, True]


def test_a_start_that_is_killed_is_made_by_who_stands_by(here, host, man, monkeypatch):
    def killed(*_, **__):
        raise SystemExit(143)

    host.running = None
    monkeypatch.setattr(starting, "start_as_it_ran", killed)
    with pytest.raises(SystemExit):
        starting.start(here, ("address",), None, None)
    assert man.exists()


def test_a_roll_back_of_a_server_that_is_down_has_somebody_who_stands_by(
    here, host, man, monkeypatch
):
    def killed(*_, **__):
        raise SystemExit(143)

    monkeypatch.setattr(restarting, "_start_with_old", killed)
    host.running = None
    with pytest.raises(SystemExit):
        roll_back(here, "signal")
    assert man.exists()


def test_a_note_that_can_not_be_removed_after_a_hand_over_keeps_nothing_down(
    here, host, man, monkeypatch
):
    note = here.notes.paused

    def full():
        raise OSError(30, "Read-only file system", os.fspath(here.notes.folder))

    monkeypatch.setattr(note, "clear", full)
    monkeypatch.setattr(handover, "recover_on_disk", lambda server: [])
    ended = handover.end(here.server(), note)
    assert "Read-only file system" in ended["warning"] and host.running is None
