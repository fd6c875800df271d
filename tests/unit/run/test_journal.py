"""What a run did is kept, whatever happens to the run, the master or the disk."""

from __future__ import annotations

import os
import stat

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.run import history
from iscdhcp.run import journal

ABOUT = {
    "attempt": "a1",
    "pair": "foo:dhcp-a:dhcp-b",
    "name": "foo",
    "primary": "dhcp-a",
    "secondary": "dhcp-b",
    "servers": ["dhcp-b", "dhcp-a"],
    "group": ["dhcp-a", "dhcp-b"],
    "method": "signal",
    "who": "ann on master",
    "pid": 1,
}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


def begin(folder, run="r1", begun=1000.0, **about):
    written = journal.Journal(folder)
    written.open(run, begun, **{**ABOUT, **about})
    return written


def test_what_was_written_is_read_in_order_and_by_its_owner_alone(folder):
    written = begin(folder)
    written.write("said", text="one")
    written.write("seen", at=1003.0, server="dhcp-a", running=True)
    entries = journal.read(written.path)
    assert [entry["what"] for entry in entries] == ["begun", "said", "seen"]
    assert entries[2]["at"] == 1003.0
    assert stat.S_IMODE(written.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_happened_before_the_run_had_an_id_is_not_lost(folder):
    written = journal.Journal(folder)
    heard = []
    written.listeners.append(heard.append)
    written.write("step", name="lock")
    written.open("r1", 1000.0, **ABOUT)
    assert [entry["what"] for entry in journal.read(written.path)] == ["begun", "step"]
    assert [entry["what"] for entry in heard] == ["step", "begun"]


@pytest.mark.parametrize("torn", [b'{"at":1,"wh', b"\x00\x00\x00", b'"text"', b"{}"])
def test_a_line_torn_by_a_crash_costs_itself_alone(folder, torn):
    written = begin(folder)
    written.close()
    with open(written.path, "ab") as file:
        file.write(torn)
    assert [entry["what"] for entry in journal.read(written.path)] == ["begun"]
    again = begin(folder, continued=True)
    again.write("said", text="on")
    whats = [entry["what"] for entry in journal.read(again.path)]
    assert whats == ["begun", "begun", "said"]


def test_a_reader_never_sees_half_a_line(folder):
    written = begin(folder)
    tail = journal.Tail(written.path)
    assert len(tail.new()) == 1
    with open(written.path, "ab") as file:
        file.write(b'{"at":1,"what":"said",')
        file.flush()
        assert tail.new() == []
        file.write(b'"text":"late"}\n')
        file.flush()
        assert [entry["text"] for entry in tail.new()] == ["late"]


def test_a_journal_is_alive_as_long_as_it_is_being_written(folder):
    written = begin(folder)
    assert journal.is_alive(written.path)
    assert [about["attempt"] for _, about in journal.alive(folder)] == ["a1"]
    assert journal.alive(folder, "bar") == []
    written.close()
    assert not journal.is_alive(written.path)
    assert journal.alive(folder) == []


def test_a_process_that_died_is_told_from_one_that_ended(folder):
    written = begin(folder)
    written.write("acted", server="dhcp-b", result=True)
    entries = journal.read(written.path)
    assert history.summary(entries, is_live=True)["outcome"] == "running"
    killed = history.summary(entries)
    assert (killed["outcome"], killed["restarted"]) == ("killed", ["dhcp-b"])
    written.write("paused", who="bob", why="tea")
    paused = history.summary(journal.read(written.path), is_live=True)
    assert (paused["outcome"], paused["comment"]) == ("paused", "Paused by bob: tea.")
    written.write("ended", outcome="done", comment="both")
    assert history.summary(journal.read(written.path))["outcome"] == "done"


def test_old_journals_go_and_one_that_is_written_stays(folder):
    first = begin(folder, "r0", 1.0)
    for number in range(1, 9):
        kept = journal.Journal(folder, keep=4)
        kept.open(f"r{number}", 1000.0 + number, **ABOUT)
        kept.close()
    left = [journal.run_of(path) for path in journal.paths(folder)]
    assert left == ["r8", "r7", "r6", "r5", "r0"] or left == ["r8", "r7", "r6", "r0"], left
    assert journal.is_alive(first.path)


def test_a_run_is_found_by_the_beginning_of_its_id_by_pair_and_by_server(folder):
    for number, (run, name) in enumerate((("abc1", "foo"), ("abd2", "bar"), ("xyz3", "foo"))):
        begin(folder, run, 1000.0 + number, name=name).close()
    assert journal.run_of(journal.find(folder)) == "xyz3"
    assert journal.run_of(journal.find(folder, "abc")) == "abc1"
    assert journal.run_of(journal.find(folder, "bar")) == "abd2"
    assert journal.run_of(journal.find(folder, "dhcp-b")) == "xyz3"
    with pytest.raises(IscDhcpError, match="Several runs begin with ab"):
        journal.find(folder, "ab")
    with pytest.raises(IscDhcpError, match="the last: xyz3, abd2, abc1"):
        journal.find(folder, "nosuch")


def test_without_a_run_it_says_so(folder):
    with pytest.raises(IscDhcpError, match=r"No run is in the journal yet\."):
        journal.find(folder)


def test_a_full_disk_is_told_once_and_stops_no_run(folder, monkeypatch):
    written = begin(folder)
    heard = []
    written.listeners.append(heard.append)

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    written.write("said", text="one")
    written.write("said", text="two")
    texts = [entry.get("text") for entry in heard]
    assert sum("can't be written (No space left on device)" in text for text in texts) == 1
    assert texts[-1] == "two"


def test_every_kind_of_entry_has_its_line_for_people(folder):
    entries = [
        {"what": "seen", "server": "dhcp-a", "running": False},
        {"what": "seen", "server": "dhcp-a", "error": "no answer within 6 s"},
        {
            "what": "seen",
            "server": "dhcp-a",
            "running": True,
            "pid": 7,
            "relationships": {"foo": {"state": "recover-wait", "partner_state": "normal"}},
        },
        {"what": "decision", "server": "dhcp-a", "about": "may be stopped", "outcome": "no"},
        {"what": "ended", "outcome": "done", "comment": "both"},
    ]
    assert [history.line(entry) for entry in entries] == [
        "dhcp-a: dhcpd is down",
        "dhcp-a: no answer within 6 s",
        "dhcp-a: foo recover-wait (partner normal), pid 7",
        "dhcp-a may be stopped: no",
        "ended (done): both",
    ]
