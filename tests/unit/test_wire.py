"""Master and minion of different versions: said in one sentence, with what to do."""

from __future__ import annotations

import pytest
from iscdhcp import wire


def test_the_same_version_is_nothing_to_tell():
    assert wire.mismatch({"wire": wire.VERSION}, "dhcp-a") is None


@pytest.mark.parametrize(
    ("facts", "who"),
    [
        ({}, "salt dhcp-a saltutil.sync_all"),
        ({"wire": wire.VERSION - 1}, "salt dhcp-a saltutil.sync_all"),
        ({"wire": wire.VERSION + 1}, "salt-run saltutil.sync_all"),
        ({"wire": "x"}, "salt dhcp-a saltutil.sync_all"),
    ],
)
def test_another_version_is_told_with_who_has_to_sync(facts, who):
    assert who in wire.mismatch(facts, "dhcp-a")
