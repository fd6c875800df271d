"""The tree as a Salt extension: setup.cfg names all of it."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def setup():
    found = configparser.ConfigParser(delimiters=("=",))
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found["options"]


def test_every_module_that_salt_syncs_is_installed_too():
    assert set(setup()["py_modules"].split()) == {
        path.stem for path in (ROOT / "_utils").glob("*.py")
    }


def test_every_folder_that_salt_syncs_is_a_package_of_the_extension():
    lines = [line for line in setup()["package_dir"].splitlines() if line.startswith("saltext.")]
    places = dict(line.split(" = ") for line in lines)
    synced = {path.name for path in ROOT.glob("_*") if path.is_dir() and any(path.glob("*.py"))}
    assert synced - {"_utils"} <= set(places.values())
    assert set(places) == {one for one in setup()["packages"].split() if "." in one}
