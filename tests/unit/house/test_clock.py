"""Runs and acts go by the clock that they were handed, never by the system's own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[3] / "_utils"
#: The rooms that a clock is handed into.
ROOMS = ("run", "act")
#: What of ``time`` only writes down a time that it is given.
FORMATS = {"strftime", "gmtime"}
#: How ``datetime`` reads the system's clock.
READS = {"now", "utcnow", "today"}
FILES = sorted(path for room in ROOMS for path in (UTILS / "iscdhcp" / room).rglob("*.py"))


def own_time(text):
    """The lines of a source that take the time, or wait, by the system's clock."""
    tree = ast.parse(text)
    local = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name in ("time", "datetime")
    }
    classes = set()
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level and node.module == "time":
            found += [node.lineno for alias in node.names if alias.name not in FORMATS]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module == "datetime":
            classes |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value
            name = base.id if isinstance(base, ast.Name) else None
            if local.get(name) == "time" and node.attr not in FORMATS:
                found.append(node.lineno)
            inner = base.value if isinstance(base, ast.Attribute) else None
            dated = name in classes or (
                isinstance(inner, ast.Name) and local.get(inner.id) == "datetime"
            )
            if dated and node.attr in READS:
                found.append(node.lineno)
        elif isinstance(node, ast.Call):
            # Without a time to write down these two take the present one.
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            given = len(node.args) + len(node.keywords)
            if given < {"gmtime": 1, "strftime": 2}.get(name, 0):
                found.append(node.lineno)
    return sorted(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_a_run_or_an_act_goes_by_the_clock_it_was_handed(path):
    assert own_time(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.time()",
        "import time\ntime.monotonic()",
        "import time\nlook(time.sleep)",
        "import time as t\nt.sleep(1)",
        "from time import monotonic",
        "from time import sleep as nap",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as d\nd.date.today()",
        "import time\ntime.strftime('%H', time.gmtime())",
        "import time\ntime.strftime('%H')",
    ],
)
def test_the_systems_clock_is_found_however_it_is_taken(text):
    assert own_time(text) != []


def test_a_clock_that_was_handed_in_and_formats_are_fine():
    text = "import time\nself.clock.time()\nclock.sleep(1)\ntime.strftime('%H', time.gmtime(now))"
    assert own_time(text) == []
