"""Patterns: none is compiled by an import, and each can be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from iscdhcp.patterns import lazy_pattern

UTILS = Path(__file__).resolve().parents[2] / "_utils"
MODULES = sorted(
    ".".join(path.relative_to(UTILS).with_suffix("").parts)
    for path in (UTILS / "iscdhcp").rglob("*.py")
    if path.name != "__init__.py"
)
#: Imports each module of its arguments, tells which patterns that compiles, and compiles all.
IMPORTING = """
import importlib, re, sys
from iscdhcp import patterns
compile_now, made = re.compile, []
def watched(text, flags=0):
    caller = sys._getframe(1).f_globals.get("__name__", "")
    if caller.startswith("iscdhcp"):
        print("compiled by an import:", caller, repr(text))
    return compile_now(text, flags)
re.compile = watched
init = patterns._Pattern.__init__
def kept(self, *given):
    init(self, *given)
    made.append(self)
patterns._Pattern.__init__ = kept
for name in sys.argv[1:]:
    importlib.import_module(name)
re.compile = compile_now
print(sum(bool(one.pattern) for one in made), "patterns")
"""


def test_a_minion_that_imports_us_for_a_question_compiles_no_pattern_for_it():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *MODULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "compiled by an import" not in done.stdout, done.stdout
    assert int(done.stdout.split()[0]) > 100, done.stdout


def test_a_lazy_pattern_is_what_the_compiled_one_is():
    lazy = lazy_pattern(r"(?P<word>[a-z]+) x", re.ASCII)
    found = lazy.fullmatch("abc x")
    assert found and found["word"] == "abc"
    assert (lazy.pattern, lazy.flags) == (r"(?P<word>[a-z]+) x", re.ASCII)
    assert [one.group() for one in lazy_pattern(rb"\d").finditer(b"1a2")] == [b"1", b"2"]


def test_a_pattern_that_is_wrong_is_told_when_it_is_used():
    wrong = lazy_pattern("(")
    with pytest.raises(re.error):
        wrong.match("x")
