"""Some seconds of fuzzing, the same inputs each time; ``make fuzz`` goes on with others."""

from __future__ import annotations

from pathlib import Path

import fuzz
import pytest
from readers import READERS

#: Inputs of each reader: some three seconds.
INPUTS = 400
#: Inputs that were findings once, each ``READER-NAME``.
CASES = sorted((Path(__file__).parent / "cases").iterdir())


@pytest.mark.parametrize("reader", READERS)
def test_no_input_makes_a_reader_fail_or_hang(reader, tmp_path):
    done, found = fuzz.run([reader], 1, INPUTS, 300.0, tmp_path)
    assert not found, "\n".join(map(str, found))
    assert done == INPUTS


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_was_found_once_is_read(case, tmp_path):
    read = READERS[case.name.partition("-")[0]]
    assert fuzz.judge(read, case.read_bytes(), tmp_path, fuzz.slowness(), memory=True) is None


def forever(*_):
    while True:
        try:
            sum(range(1000))
        except Exception:
            continue


def greedy(_, text):
    bytearray(40_000_000 if b"x" in text else 10)


def broken(_, text):
    if b"x" in text:
        raise KeyError("x")


@pytest.mark.parametrize(
    ("reader", "kind"), [(forever, "hangs"), (greedy, "memory"), (broken, "KeyError")]
)
def test_an_input_that_hangs_eats_memory_or_fails_is_told(reader, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz, "HANGS", 1.0)
    assert fuzz.judge(reader, b"-x-", tmp_path, 1.0, memory=True)[0] == kind


def test_a_finding_is_kept_and_shortened(tmp_path, monkeypatch):
    monkeypatch.setitem(fuzz.READERS, "log", broken)
    one = fuzz.Finding("log", 7, b"a" * 500 + b"x" + b"b" * 300, "KeyError", "")
    assert fuzz.keep(one, tmp_path, 1.0, tmp_path / "kept").read_bytes() == b"x"


def test_a_finding_whose_shortening_takes_too_long_is_kept_as_far_as_it_came():
    assert fuzz.shortened(b"abc", lambda _: True, seconds=-1) == b"abc"
