"""Every function that Salt exposes explains itself to the person who calls it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
#: The folders of what users call.
LOADED = ("_modules", "_runners", "_states", "_beacons")


def exposed(folder):
    for path in sorted((ROOT / folder).glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        names = [
            node.value.value
            for node in body
            if isinstance(node, ast.Assign) and node.targets[0].id == "__virtualname__"
        ]
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield pytest.param(names[0], node, id=f"{folder}/{path.stem}.{node.name}")


def test_no_two_files_of_one_name_have_the_same_function():
    """Salt would take one of them, and not say which."""
    for folder in LOADED:
        found = [(one.values[0], one.values[1].name) for one in exposed(folder)]
        assert len(found) == len(set(found))


@pytest.mark.parametrize("module, node", [*exposed("_modules"), *exposed("_runners")])
def test_a_function_shows_how_to_call_it(module, node):
    text = ast.get_docstring(node) or ""
    name = node.name.rstrip("_")
    assert "CLI Example:" in text and ".. code-block:: bash" in text
    assert f"{module}.{name}" in text.split("CLI Example:")[1]


@pytest.mark.parametrize(
    "module, node", [*exposed("_modules"), *exposed("_runners"), *exposed("_states")]
)
def test_a_function_explains_each_parameter(module, node):
    text = ast.get_docstring(node) or ""
    lines = [line.strip() for line in text.splitlines()]
    named = {word.strip() for line in lines for word in line.split(",")}
    missing = [arg.arg for arg in node.args.args if arg.arg not in named]
    if node.name != "mod_watch":
        assert [arg for arg in missing if arg not in ("name",)] == []


@pytest.mark.parametrize(
    "module, node",
    [one for folder in (*LOADED, "_output") for one in exposed(folder)],
)
def test_a_function_says_since_which_version_it_is_there(module, node):
    versions = re.findall(
        r"^\.\. versionadded:: (.*)$", ast.get_docstring(node) or "", re.MULTILINE
    )
    assert len(versions) == 1 and versions[0] in released(), f"{module}.{node.name}: {versions}"


def released():
    """The versions that the changelog knows, and the next one, which has no tag yet."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    following = re.findall(r'^fallback_version = "(.*)"$', project, re.MULTILINE)
    return {*re.findall(r"^## \[?(\d+\.\d+\.\d+)", changelog, re.MULTILINE), *following}
