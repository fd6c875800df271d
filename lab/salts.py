"""
Unit tests and chosen tests in the lab on several Salts, each on the Python of its onedir.

    python -m lab.salts [3006 3007 3008]
    python -m lab.salts --unit 3006
    python -m lab.salts --table

Each Salt has a virtual environment of its own in ``.salts``, with the versions of ``lab/pins``. Its
Python is looked for on the ``PATH`` (``python3.10``) and in ``SALTS_PYTHON_310``, else ``uv`` (a
package of the Python index) is asked for one. Where there is none, nothing is run on another one.

What each cell of the table came to is written to ``build/salts/NAME.json``, with versions and date;
``--table`` puts that into README.md. ``--unit`` runs the unit tests alone, where its Python is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.isolation import CHECKOUT

BUILD = CHECKOUT / "build" / "salts"
ROOT = CHECKOUT / ".salts"
PINS = CHECKOUT / "lab" / "pins"
README = CHECKOUT / "README.md"
BEGIN, END = "<!-- salts: make salts-table -->", "<!-- /salts -->"

INTEGRATION = "tests/integration"
#: What each row of the table is proved by.
CELLS = {
    "unit tests": ("tests/unit",),
    "OMAPI: six algorithms, errors, pause": ("tests/functional/test_omapi_real_dhcpd.py",),
    "a restart, proved by OMAPI or by the log": (f"{INTEGRATION}/test_restart_pair.py",),
    "drain and handover": (f"{INTEGRATION}/test_methods.py",),
    "a refusal: exit code, nothing touched": (f"{INTEGRATION}/test_refusals.py",),
    "minions without the modules": (f"{INTEGRATION}/test_minions_without_modules.py",),
    "the runner, `--out=json`, tables": (
        f"{INTEGRATION}/test_runner.py",
        f"{INTEGRATION}/test_doctor_on_a_pair.py",
    ),
    "words that nobody knows": (f"{INTEGRATION}/test_unknown_words.py",),
    "states on a server": (f"{INTEGRATION}/test_states_on_a_server.py",),
    "a rollout": (f"{INTEGRATION}/test_rollout_of_a_pair.py",),
    "many pairs by one command": (f"{INTEGRATION}/test_fleet.py",),
    "beacon and reactor": (f"{INTEGRATION}/test_events.py",),
    "hosts that reboot under load": ("tests/hosts/test_hosts_that_reboot.py",),
    "the tutorial, typed from its page": ("tests/documents/test_pages_as_a_reader_types_them.py",),
}
#: Of the pages that a reader types, the one that is typed on each Salt.
PAGE = "tutorial"
#: The parts in which they run, by where their tests lie.
PARTS = {
    "unit": ("tests/unit",),
    "lab": ("tests/functional", INTEGRATION),
    "hosts": ("tests/hosts",),
    "documents": ("tests/documents",),
}


@dataclass(frozen=True)
class Bundle:
    """A Salt and the Python that its onedir has."""

    name: str
    salt: str
    python: str

    @property
    def folder(self) -> Path:
        """Where its virtual environment is."""
        return ROOT / self.name

    @property
    def interpreter(self) -> Path:
        """The Python of its virtual environment."""
        return self.folder / "bin" / "python"


BUNDLES = {
    one.name: one
    for one in (
        Bundle("3006", "3006.28", "3.10"),
        Bundle("3007", "3007.15", "3.10"),
        Bundle("3008", "3008.3", "3.14"),
    )
}


# -- environments --------------------------------------------------------------------------------


def python_here(version: str) -> str | None:
    """
    Return a Python of a version, such as ``3.10``, that this machine has.

    A name on the ``PATH`` may stand for one that can't be run (pyenv's shims): that is none.
    """
    named = os.environ.get(_variable(version))
    found = shutil.which(f"python{version}")
    runs = (
        found and not subprocess.run([found, "-c", ""], check=False, capture_output=True).returncode
    )
    return named or (found if runs else None)


def _variable(version: str) -> str:
    return f"SALTS_PYTHON_{version.replace('.', '')}"


def find_python(version: str) -> str:
    """Return a Python of a version, installed if it is not here.

    :raises LabError: where none is to be had.
    """
    named = python_here(version)
    if named:
        return named
    uv = ROOT / "uv" / "bin" / "uv"
    if not uv.exists():
        _run([sys.executable, "-m", "venv", str(uv.parent.parent)])
        _run([str(uv.parent / "python"), "-m", "pip", "install", "--quiet", "uv"])
    where = {**os.environ, "UV_PYTHON_INSTALL_DIR": str(ROOT / "python")}
    installed = subprocess.run([uv, "python", "install", version], env=where, check=False)
    found = subprocess.run(
        [uv, "python", "find", "--managed-python", version],
        env=where,
        check=False,
        capture_output=True,
        text=True,
    )
    if installed.returncode or found.returncode:
        raise LabError(
            f"there is no Python {version}: install one, or name it in {_variable(version)}"
        )
    return found.stdout.strip()


def prepare(bundle: Bundle) -> None:
    """Make the virtual environment of a Salt, unless it is there with the same pins."""
    pins = PINS / f"{bundle.name}.txt"
    stamp = bundle.folder / "installed"
    wanted = f"{bundle.folder} {pins.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"{bundle.name}: installing Salt {bundle.salt} on Python {bundle.python}", flush=True)
    shutil.rmtree(bundle.folder, ignore_errors=True)
    _run([find_python(bundle.python), "-m", "venv", str(bundle.folder)])
    pip = [str(bundle.interpreter), "-m", "pip", "install", "--quiet", "--no-input"]
    _run([*pip, "--no-deps", "-r", str(pins)])
    stamp.write_text(wanted)


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)} failed")


# -- runs ----------------------------------------------------------------------------------------


def run(bundle: Bundle) -> dict[str, dict[str, object]]:
    """Run all cells of a Salt.

    :return: by cell: ``passed``, ``failed``, ``skipped`` (numbers of tests).
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, object]] = {}
    for part, folders in PARTS.items():
        print(f"{bundle.name}: {part}", flush=True)
        paths = [one for cell in CELLS.values() for one in cell if one.startswith(folders)]
        report = BUILD / f"{bundle.name}-{part}.xml"
        report.unlink(missing_ok=True)
        argv = [str(bundle.interpreter), "-m", "pytest", "-q", "--show-capture=no", "--tb=short"]
        slow = part in ("hosts", "documents")
        argv += ["-m", "slow" if slow else "not slow", f"--junitxml={report}", *paths]
        argv += ["-k", PAGE] if part == "documents" else []
        argv = [*argv, "-n2"] if part == "unit" else ["lab/isolated", *argv]
        subprocess.run(argv, cwd=CHECKOUT, env=_environment(), check=False)
        _count(report, found)
    return found


def run_unit_tests(bundle: Bundle) -> int:
    """Run the unit tests alone, where the bundle's Python is there; return the exit code."""
    if python_here(bundle.python) is None:
        print(f"no Python {bundle.python} here: the unit tests were NOT run on it", flush=True)
        return 0
    prepare(bundle)
    argv = [str(bundle.interpreter), "-m", "pytest", "-q", "-n2", "tests/unit"]
    return subprocess.run(argv, cwd=CHECKOUT, env=_environment(), check=False).returncode


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / '_utils'}"}


def _count(report: Path, found: dict[str, dict[str, object]]) -> None:
    """Add what a report of pytest says to the cells that its tests belong to."""
    if not report.exists():
        raise LabError(f"pytest wrote no report: {report}")
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        path = str(case.get("classname")).replace(".", "/")
        cell = next(
            cell
            for cell, paths in CELLS.items()
            if any(path.startswith(one.removesuffix(".py")) for one in paths)
        )
        kind = "passed"
        if case.find("failure") is not None or case.find("error") is not None:
            kind = "failed"
        elif case.find("skipped") is not None:
            kind = "skipped"
        counts = found.setdefault(cell, {"passed": 0, "failed": 0, "skipped": 0})
        counts[kind] = int(str(counts[kind])) + 1


def write(bundle: Bundle, cells: dict[str, dict[str, object]]) -> bool:
    """Write what a run came to; return whether all of it passed."""
    asked = "import sys, salt.version as s; print(sys.version.split()[0], s.__version__)"
    said = subprocess.run(
        [bundle.interpreter, "-c", asked], check=True, capture_output=True, text=True
    ).stdout.split()
    library = "import importlib.metadata as m; print(m.version('pypureomapi'))"
    omapi = subprocess.run(
        [bundle.interpreter, "-c", library], check=True, capture_output=True, text=True
    ).stdout.strip()
    result = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": said[0],
        "salt": said[1],
        "pypureomapi": omapi,
        "cells": cells,
    }
    (BUILD / f"{bundle.name}.json").write_text(json.dumps(result, indent=1) + "\n")
    whole = set(cells) == set(CELLS) and not any(one["failed"] for one in cells.values())
    print(f"{bundle.name}: {'all passed' if whole else 'NOT whole'}", flush=True)
    return whole


# -- the table -----------------------------------------------------------------------------------


def table() -> str:
    """Return the table of what was run, as Markdown."""
    runs = {
        name: json.loads((BUILD / f"{name}.json").read_text())
        for name in BUNDLES
        if (BUILD / f"{name}.json").exists()
    }
    if not runs:
        raise LabError("nothing was run: make test-salts")
    head = ["", *(f"Salt {one['salt']}, Python {one['python']}" for one in runs.values())]
    rows = [head, ["---"] * len(head)]
    for cell in CELLS:
        rows.append([cell, *(_cell(one["cells"].get(cell)) for one in runs.values())])
    rows.append(["pypureomapi", *(one["pypureomapi"] for one in runs.values())])
    rows.append(["run on", *(one["date"] for one in runs.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(counts: dict[str, int] | None) -> str:
    if counts is None:
        return "not run"
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{counts['passed']} passed{failed}{skipped}"


def put_into_readme() -> None:
    """Replace the table in README.md by that of the last runs."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise LabError(f"README.md has no {BEGIN} ... {END}")
    README.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run what was asked for; the exit code says whether all of it passed."""
    if arguments[:1] == ["--table"]:
        put_into_readme()
        return 0
    unit_only = arguments[:1] == ["--unit"]
    arguments = arguments[unit_only:]
    unknown = sorted(set(arguments) - set(BUNDLES))
    if unknown:
        print(f"no such Salt: {', '.join(unknown)}; there are {', '.join(BUNDLES)}")
        return 2
    if unit_only:
        return max(run_unit_tests(BUNDLES[name]) for name in arguments)
    good = True
    for bundle in [BUNDLES[name] for name in arguments or BUNDLES]:
        prepare(bundle)
        good = write(bundle, run(bundle)) and good
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as err:
        sys.exit(str(err))
