"""The README's way to get the tree: what Salt serves, and no more."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WHERE = "/srv/dhcp-failover"


def test_the_readmes_lines_check_out_what_salt_serves(tmp_path):
    inside = subprocess.run(["git", "-C", ROOT, "rev-parse"], check=False, capture_output=True)
    if inside.returncode:
        pytest.skip("this is no git checkout")
    lines = [line.strip() for line in (ROOT / "README.md").read_text("utf-8").splitlines()]
    commands = [line for line in lines if line.startswith("git ") and WHERE in line]
    assert len(commands) == 2, commands
    target = tmp_path / "dhcp-failover"
    for command in commands:
        words = shlex.split(command, comments=True)
        words = [word.replace(WHERE, str(target)) for word in words]
        words = [word.replace("REPOSITORY", f"file://{ROOT}") for word in words]
        subprocess.run(words, check=True, capture_output=True)
    folders = {path.name for path in target.iterdir() if path.is_dir()} - {".git"}
    assert folders == {
        *("_beacons", "_modules", "_output", "_runners", "_states", "_utils"),
        *("orch", "reactor"),
    }
    assert list(target.glob("*.py")) == []
    assert (target / "orch/dhcp_failover_restart.sls").exists()
