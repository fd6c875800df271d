"""The beacon takes an interval and nothing else, and asks the execution module alone."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[3] / "_beacons" / "dhcp_failover.py"


@pytest.fixture
def beacon():
    spec = importlib.util.spec_from_file_location("dhcp_failover_beacon", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "config",
    [
        [],
        [{"interval": 30}],
        [{"interval": 0.5}, {"disable_during_state_run": True}, {"_beacon_name": "x"}],
    ],
)
def test_an_interval_is_all_that_is_needed(beacon, config):
    assert beacon.validate(config)[0] is True


@pytest.mark.parametrize(
    "config, word",
    [
        ({"interval": 30}, "list"),
        (["interval"], "list"),
        ([{"intervall": 30}], "intervall"),
        ([{"interval": "30 s"}], "seconds"),
        ([{"interval": 0}], "seconds"),
        ([{"interval": True}], "seconds"),
    ],
)
def test_another_configuration_is_refused_with_a_sentence(beacon, config, word):
    good, sentence = beacon.validate(config)
    assert good is False
    assert word in sentence


def test_a_round_returns_what_the_execution_module_found(beacon):
    events = [{"tag": "foo/state"}]
    beacon.__salt__ = {"dhcpd.news": lambda remember: events if remember else None}
    assert beacon.beacon([]) == events


def test_before_the_modules_are_synced_it_is_silent(beacon):
    beacon.__salt__ = {}
    assert beacon.beacon([]) == []


def test_it_imports_nothing_of_the_library():
    # Salt gives beacons no way to it (salt/loader, beacons): it would be "not available".
    assert "iscdhcp" not in PATH.read_text(encoding="utf-8").split('"""', 2)[2].replace(
        "# Beacons can't import the project's library", ""
    )
