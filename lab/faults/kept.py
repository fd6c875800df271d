"""``build/faults.json``: each case with what it came to and the commit at which it was made."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.isolation import CHECKOUT

FIGURES = CHECKOUT / "build" / "faults.json"


def commit() -> str:
    """Return what the checkout is at; with ``-dirty`` where it is not all committed."""
    argv = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


class Kept:
    """
    The file of cases, to which several shards may add at once.

    A case of an earlier commit stays until it is made anew. One that is made twice at the same
    commit keeps what did not hold: a case that holds only sometimes does not hold.
    """

    def __init__(self, path: Path, at: str) -> None:
        self.path, self.commit = path, at
        self.fresh: list[str] = []

    def add(self, kind: str, moment: str, name: str, found: dict[str, Any]) -> None:
        """Add a case and write the file."""
        key = f"{kind}, {moment}: {name}"
        command = f'make faults ONLY="{kind}, {moment}, {name}"'
        with self._locked():
            data = read(self.path)
            case = {**found, "commit": self.commit, "command": command}
            before = data["cases"].get(key)
            data["cases"][key] = _together(before, case) if before else case
            data.update(counts(data["cases"]))
            data["conditions"] = {"cores": os.cpu_count()}
            new = self.path.with_suffix(".new")
            new.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
            new.replace(self.path)
        self.fresh.append(key)
        verdict = found.get("error") or "; ".join(found["wrong"]) or "held"
        unserved = found.get("longest_unserved_s", "-")
        print(f"{key}: {verdict} (unserved {unserved} s, {found['seconds']} s)", flush=True)

    def told(self) -> int:
        """Say what it came to; return the exit code."""
        found = read(self.path)["cases"]
        cases = [found[key] for key in self.fresh]
        good = sum(holds(one) for one in cases)
        print(f"{good} of {len(cases)} cases held; {self.path} has all.")
        return 0 if good == len(cases) else 1

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(exist_ok=True)
        with open(self.path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def read(path: Path) -> dict[str, Any]:
    """Return what the file has."""
    if not path.exists():
        return {"cases": {}}
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data


def holds(case: dict[str, Any]) -> bool:
    """Whether a case was made and nothing was wrong."""
    return "error" not in case and not case["wrong"]


def counts(cases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return how many held, did not, and could not be made; and how many each commit has."""
    commits: dict[str, int] = {}
    for one in cases.values():
        commits[one["commit"]] = commits.get(one["commit"], 0) + 1
    errors = sum("error" in one for one in cases.values())
    held = sum(map(holds, cases.values()))
    return {
        "held": held,
        "violations": len(cases) - errors - held,
        "errors": errors,
        "commits": commits,
    }


def _together(before: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return a case that was made before, too."""
    if before["commit"] != case["commit"] or "error" in before:
        return case
    if "error" in case:
        return before
    worse = before if before["wrong"] and not case["wrong"] else case
    longest = max(one["longest_unserved_s"] for one in (before, case))
    made = before.get("made", 1) + 1
    wrong = list(dict.fromkeys([*before["wrong"], *case["wrong"]]))
    return {**worse, "wrong": wrong, "longest_unserved_s": longest, "made": made}
