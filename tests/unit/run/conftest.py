"""Runs that restart a fake pair, on a clock of their own."""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.run import restart as run_restart
from iscdhcp.run.base import Request


@pytest.fixture
def minions():
    return FakeMinions()


@pytest.fixture
def run(minions, tmp_path):
    return lambda **request: new_run(run_restart.PairRun, minions, tmp_path, Request(**request))
