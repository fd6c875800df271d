"""The file of the cases of ``make faults``, and the page that is made of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.faults import leases
from lab.faults import strikes
from lab.faults import table
from lab.faults.kept import Kept
from lab.faults.kept import read
from lab.faults.scene import only_checks
from lab.waiting import wait_until

HELD = {"longest_unserved_s": 0.2, "allowed_s": 2.0, "wrong": [], "seconds": 20.0}
BROKEN = {**HELD, "longest_unserved_s": 7.0, "wrong": ["nobody had an answer for 7.0 s"]}
ERROR = {"error": "LabError: no host", "seconds": 3.0}
CASE = ("restart", "the first ends", "the run is killed")
KEY = "restart, the first ends: the run is killed"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "build" / "faults.json"


def test_a_case_has_its_commit_and_the_command_that_makes_it(file):
    Kept(file, "aaa").add(*CASE, HELD)
    case = read(file)["cases"][KEY]
    assert case["commit"] == "aaa"
    words = case["command"].partition('ONLY="')[2].rstrip('"')
    assert [one for one in strikes.cases() if words in ", ".join(one)] == [CASE]


def test_cases_of_an_earlier_commit_stay_until_they_are_made_anew(file):
    Kept(file, "aaa").add(*CASE, BROKEN)
    Kept(file, "aaa").add("rollout", *CASE[1:], HELD)
    Kept(file, "bbb").add(*CASE, HELD)
    data = read(file)
    assert data["commits"] == {"aaa": 1, "bbb": 1}
    assert (data["held"], data["violations"], data["errors"]) == (2, 0, 0)


@pytest.mark.parametrize("order", [(BROKEN, HELD), (HELD, BROKEN)])
def test_what_did_not_hold_once_does_not_hold_at_that_commit(file, order):
    for found in order:
        Kept(file, "aaa").add(*CASE, found)
    case = read(file)["cases"][KEY]
    assert case["wrong"] == BROKEN["wrong"]
    assert case["longest_unserved_s"] == 7.0
    assert case["made"] == 2
    assert read(file)["violations"] == 1


@pytest.mark.parametrize("order", [(BROKEN, ERROR), (ERROR, BROKEN)])
def test_a_case_that_could_not_be_made_hides_none_that_was(file, order):
    for found in order:
        Kept(file, "aaa").add(*CASE, found)
    assert read(file)["cases"][KEY]["wrong"] == BROKEN["wrong"]


def test_two_shards_add_to_one_file(file):
    one, other = Kept(file, "aaa"), Kept(file, "aaa")
    one.add(*CASE, HELD)
    other.add("rollout", *CASE[1:], ERROR)
    one.add("reboot", *CASE[1:], BROKEN)
    data = read(file)
    assert len(data["cases"]) == 3
    assert (data["held"], data["violations"], data["errors"]) == (1, 1, 1)
    assert one.told() == 1
    assert Kept(file, "aaa").told() == 0


def test_the_page_has_what_was_made_and_what_was_not(file):
    Kept(file, "aaa").add(*CASE, HELD)
    Kept(file, "bbb").add("rollout", *CASE[1:], BROKEN)
    Kept(file, "bbb").add("rollout", CASE[1], "a fault of former times", HELD)
    page = table.page(json.loads(file.read_text()))
    assert f"2 of {len(strikes.cases())} cases made" in page
    assert "1 held, 1 did not." in page
    assert "aaa (1), bbb (1)" in page
    assert "| the run is killed |  | 0.2 |  |  |  |  |" in page
    assert "| the run is killed |  | **no** |  |  |  |  |" in page
    assert "- rollout, the first ends: the run is killed: nobody had an answer for 7.0 s" in page


def test_each_fault_is_made_at_some_moment_of_a_restart_and_no_case_twice():
    cases = strikes.cases()
    assert len(set(cases)) == len(cases) >= 250
    assert {name for kind, _, name in cases if kind == "restart"} == set(strikes.FAULTS)


@pytest.mark.parametrize(
    ("words", "checks"), [(["-t", "-cf", "/etc/x"], True), (["-4", "-cf", "/etc/x-t"], False)]
)
def test_a_dhcpd_that_only_checks_a_file_is_no_start(words, checks):
    argv = [sys.executable, "-c", "input()", *words]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as process:
        # Popen returns a moment before the kernel shows the new program's words.
        line = Path(f"/proc/{process.pid}/cmdline")
        wait_until(lambda: words[0].encode() in line.read_bytes(), "it runs", 20.0)
        found = only_checks(process.pid)
        process.communicate("\n")
    assert found is checks


def test_a_lease_counts_by_its_last_entry():
    entry = "lease 10.0.0.{} {{\n  ends 4 2030/01/0{} 00:00:00;\n  binding state {};\n}}\n"
    text = "# begun\n" + "".join(
        entry.format(*one)
        for one in [(1, 2, "active"), (2, 2, "active"), (2, 3, "expired"), (3, 4, "active")]
    )
    assert leases.active(text) == {"10.0.0.1", "10.0.0.3"}
    assert leases.active(text, until=1893628800.0) == {"10.0.0.3"}  # 2030-01-03
