"""Minions that are observed can do all that minions can."""

from __future__ import annotations

from iscdhcp.pair.minions import Minions
from iscdhcp.run.observed import ObservedMinions


def test_what_minions_can_the_observed_ones_can_too():
    wanted = {name for name in vars(Minions) if not name.startswith("_")}
    assert "close" in wanted
    assert wanted <= set(vars(ObservedMinions))
