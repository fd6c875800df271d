"""``salt-run dhcp_failover.fleet_plan`` and ``topology``, over minions in memory."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from iscdhcp.pair import locks
from iscdhcp.pair.discovery import Discovery
from iscdhcp.pair.discovery import Pair

ROOT = Path(__file__).resolve().parents[3]


class Fleet:
    """Two pairs; ``pending`` are servers with a pending restart, ``sites`` what a grain says."""

    pending, sites = ("a",), {"a": "north", "b": "north", "c": "south"}

    def __init__(self, opts=None):
        self.opts = opts

    def status(self, minions, brief=False):
        return {
            one: {"error": "no answer"}
            if one == "d"
            else {"facts": {"pending_restart": {"why": "x"} if one in self.pending else None}}
            for one in minions
        }

    def ask(self, minions, function, args=()):
        assert (function, list(args)) == ("config.get", ["site"])
        return {one: {"ret": self.sites.get(one, "")} for one in minions}

    def close(self):
        self.closed = True


@pytest.fixture
def runner(monkeypatch, tmp_path):
    path = ROOT / "_runners/dhcp_failover_fleet.py"
    spec = importlib.util.spec_from_file_location("fleet_runner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__context__, module.__opts__ = {}, {"cachedir": str(tmp_path)}
    module.found = Discovery(pairs=[Pair("foo", "a", "b"), Pair("bar", "c", "d")], candidates=4)
    monkeypatch.setattr(module, "SaltMinions", Fleet)
    monkeypatch.setattr(module.discovery, "discover", lambda *args, **more: module.found)
    return module


def test_the_plan_takes_one_unit_of_a_site_and_names_who_has_none(runner):
    plan = runner.fleet_plan(at_once=5, per="site")
    assert plan["waves"] == [["bar:c:d", "foo:a:b"]]
    assert plan["without_site"] == ["d"]
    assert [unit["sites"] for unit in plan["units"]] == [["south"], ["north"]]
    assert "retcode" not in runner.__context__


def test_only_pending_servers_and_the_silent_one_is_named(runner):
    plan = runner.fleet_plan(pending=True)
    assert [unit["rounds"] for unit in plan["units"]] == [[["a"]]]
    assert ("d", "unknown") in {(one["name"], one["code"]) for one in plan["left_out"]}


def test_a_hold_on_the_master_leaves_its_pair_out(runner, tmp_path):
    locks.Holds(tmp_path / "dhcp_failover/holds").put("c", "ann", "disk swap", None)
    plan = runner.fleet_plan()
    assert plan["waves"] == [["foo:a:b"]]
    (out,) = plan["left_out"]
    assert (out["name"], out["code"]) == ("bar:c:d", "held")
    assert "ann: disk swap" in out["text"]


@pytest.mark.parametrize(
    "given, named",
    [
        ({"pairs": "fooo"}, "fooo"),
        ({"at_once": "many"}, "at_once"),
        ({"at_once": True}, "at_once"),
        ({"canary": True}, "canary"),
        ({"pending": "yes"}, "pending"),
        ({"exclud": "foo"}, "exclude"),
    ],
)
def test_what_cannot_be_meant_is_refused(runner, given, named):
    answer = runner.fleet_plan(**given)
    assert answer["result"] is False and named in answer["comment"]
    assert runner.__context__["retcode"] == 1


def test_a_plan_and_a_topology_of_a_mostly_silent_fleet_fail(runner):
    runner.found.silent, runner.found.candidates = ["x", "y", "z"], 5
    assert "3 of 5 minions gave no answer" in runner.fleet_plan()["comment"]
    assert runner.__context__.pop("retcode") == 1
    assert runner.topology(form="json")["silent"] == ["x", "y", "z"]
    assert runner.__context__["retcode"] == 1


def test_a_topology_has_three_forms_and_no_other(runner):
    assert runner.topology().startswith("2 servers: a, b")
    assert runner.topology(form="dot").startswith("digraph")
    assert runner.topology(form="svg")["result"] is False
    runner.__opts__["fun"] = "dhcp_failover.topology"
    assert runner.topology(form="json")["outputter"] == "json"
