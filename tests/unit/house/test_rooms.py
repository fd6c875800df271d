"""Who may import whom: the library's rooms, and the files that Salt loads."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
UTILS = ROOT / "_utils"

GROUND = {
    *("errors", "words", "files", "states", "vocabulary", "commands", "wire", "openmetrics"),
    *("shapes", "answers", "unknown", "clock", "measured", "troubles", "patterns"),
}
#: What each room may import besides itself and the ground.
MAY = {
    "troubles": set(),
    "conf": set(),
    "leases": set(),
    "log": set(),
    "host": {"log"},
    "rules": set(),
    "facts": {"conf", "leases", "log", "host", "rules"},
    "act": {"facts", "conf", "leases", "log", "host", "rules"},
    "pair": {"conf", "rules"},
    "doctor": {"pair", "rules", "log"},
    "run": {"pair", "rules"},
    "fleet": {"run", "pair", "rules"},
    "show": {"fleet", "run", "pair", "rules"},
}
MINION, MASTER = {"facts", "act"}, {"pair", "doctor", "run", "fleet", "show"}
#: The files for Salt, by where they run; what they import of iscdhcp_salt counts as theirs.
SALT_SIDE = {
    "minion": [
        "_modules/dhcpd*.py",
        "_states/dhcpd.py",
        "_beacons/*.py",
        "_utils/iscdhcp_salt/minion.py",
    ],
    "master": [
        "_modules/dhcp_failover*.py",
        "_states/dhcp_failover.py",
        "_runners/*.py",
        "_output/*.py",
        "_utils/iscdhcp_salt/*.py",
    ],
}
LIBRARY = sorted((UTILS / "iscdhcp").rglob("*.py"))


def imported(path):
    """The dotted names of this project that a file imports, modules and what is in them."""
    inside = path.relative_to(UTILS).parts if UTILS in path.parents else ()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = list(inside[: -node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def rooms(path):
    """The rooms of ``iscdhcp`` that a file imports; a module of the ground by its name."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("iscdhcp.")}


def test_every_room_is_known_here():
    assert {path.parent.name for path in LIBRARY} - {"iscdhcp"} <= set(MAY)
    assert {path.stem for path in LIBRARY if path.parent.name == "iscdhcp"} - {"__init__"} <= GROUND


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(UTILS)))
def test_a_module_imports_only_what_its_room_may(path):
    room = path.parent.name
    allowed = GROUND | (MAY[room] | {room} if room in MAY else set())
    assert rooms(path) <= allowed
    assert not [name for name in imported(path) if name.split(".")[0] in ("salt", "iscdhcp_salt")]


def salt_files(side):
    found = {path for pattern in SALT_SIDE[side] for path in ROOT.glob(pattern)}
    if side == "master":
        found -= salt_files("minion")
    # Types only; both sides have them.
    return found - {UTILS / "iscdhcp_salt/dunders.py"}


@pytest.mark.parametrize("side, others", [("minion", MASTER), ("master", MINION)])
def test_no_side_imports_the_other_wing(side, others):
    mine = salt_files(side)
    theirs = {
        f"iscdhcp_salt.{path.stem}"
        for path in salt_files("master" if side == "minion" else "minion")
    }
    for path in sorted(mine):
        assert not rooms(path) & others, path
        names = {".".join(name.split(".")[:2]) for name in imported(path)}
        assert not names & (theirs - {"iscdhcp_salt.__init__"}), path


def test_no_file_that_salt_loads_takes_a_function_by_its_name():
    """
    What is public there is a function of Salt's to whoever reads it; Salt skips imported ones.
    """
    found = []
    for folder in ("_modules", "_states", "_runners", "_beacons", "_output"):
        for path in sorted((ROOT / folder).glob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                names = node.names if isinstance(node, ast.ImportFrom) else ()
                for alias in names:
                    local, file = alias.asname or alias.name, f"{node.module}".replace(".", "/")
                    source = UTILS / f"{file}.py"
                    if source.exists() and not local.startswith("_"):
                        body = ast.parse(source.read_text(encoding="utf-8")).body
                        defined = {one.name for one in body if isinstance(one, ast.FunctionDef)}
                        found += [f"{path}: {local}"] if alias.name in defined else []
    assert found == []


def test_no_two_files_of_tests_have_one_name():
    """pytest imports them by their name alone, and refuses the second."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert [one for one in set(names) if names.count(one) > 1] == []


def test_no_folder_is_a_hall():
    """At most 24 Python files of the product in one, ``__init__.py`` counted."""
    counts = {}
    for top in ("_utils", "_modules", "_states", "_runners", "_beacons", "_output", "saltext"):
        for path in (ROOT / top).rglob("*.py"):
            counts[path.parent] = counts.get(path.parent, 0) + 1
    assert {str(folder): number for folder, number in counts.items() if number > 24} == {}
