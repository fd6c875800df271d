"""Runs that restart a fake pair, without patience."""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.run import restart as run_restart
from iscdhcp.run.base import Request


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(run_restart, "POLL_INTERVAL", 0.01)
    monkeypatch.setattr(run_restart, "LOST_CONTACT", 0.3)


@pytest.fixture
def minions():
    return FakeMinions()


@pytest.fixture
def run(minions, tmp_path):
    return lambda **request: new_run(run_restart.PairRun, minions, tmp_path, Request(**request))
