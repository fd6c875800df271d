"""What the state ``dhcpd.running`` does to a server that a run has claimed."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest
from iscdhcp.act import starting
from modelled_server import ModelledHost
from modelled_server import ModelledServer

PATH = Path(__file__).resolve().parents[3] / "_states" / "dhcpd.py"


@pytest.fixture
def here(tmp_path):
    """A server whose dhcpd is down."""
    here = ModelledServer(tmp_path, ModelledHost())
    here.host.running = None
    return here


@pytest.fixture
def state(here):
    spec = importlib.util.spec_from_file_location("dhcpd_states", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__opts__ = {"test": False}
    module.__salt__ = {
        "dhcpd.status": lambda: here.facts(brief=False),
        "dhcpd.start": lambda: starting.start(here, (), 5, None),
    }
    return module


@pytest.mark.parametrize("test", [False, True])
def test_a_highstate_starts_no_dhcpd_that_a_run_has_stopped_and_says_whose_run(state, here, test):
    here.notes.claims.claim("run-1", "ann on master-1", 600)
    state.__opts__["test"] = test
    done = state.running("dhcpd")
    assert done["result"] is False and not done["changes"]
    assert "is claimed by ann on master-1 until" in done["comment"]
    assert here.host.running is None and here.host.done == []


def test_a_highstate_starts_it_once_the_claim_is_over(state, here):
    here.notes.claims.claim("run-1", "ann", 600)
    here.host.clock.sleep(601)
    done = state.running("dhcpd")
    assert done["result"] is True and done["changes"]["dhcpd"]["new"]["pid"]
    assert here.host.running is not None


def test_a_dhcpd_that_runs_is_as_wanted_whoever_has_claimed_the_server(state, here):
    assert state.running("dhcpd")["changes"]
    here.notes.claims.claim("run-1", "ann", 600)
    done = state.running("dhcpd")
    assert (done["result"], done["changes"]) == (True, {}), done["comment"]


ROOM = Path(__file__).resolve().parents[3] / "_utils" / "iscdhcp" / "run"
STARTS = [
    (f"{path.name}:{call.lineno}", call)
    for path in sorted(ROOM.glob("*.py"))
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(call, ast.Call)
    and any(isinstance(one, ast.Constant) and one.value == "dhcpd.start" for one in call.args)
]


def test_every_start_that_a_run_orders_carries_the_run_so_that_its_own_claim_lets_it_pass():
    assert {where.split(":")[0] for where, _ in STARTS} >= {
        "healing.py",
        "one_server.py",
        "partner.py",
        "reboot.py",
    }
    without = [w for w, call in STARTS if "run" not in {one.arg for one in call.keywords}]
    assert not without
