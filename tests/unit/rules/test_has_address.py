"""Whether a host is the one that its dhcpd.conf is for."""

from __future__ import annotations

import pytest
from iscdhcp.rules.has_address import is_its_host


def report(addresses, **own):
    ends = {
        name: {"address": one[0] if one else "x.example", "own_addresses": one}
        for name, one in own.items()
    }
    return {"relationships": ends, "addresses": addresses, "error": None}


HERE = ["127.0.0.1", "10.0.0.3"]


@pytest.mark.parametrize(
    "own, ok, warns",
    [
        ({"foo": ["10.0.0.3"]}, True, 0),
        ({"foo": ["10.0.0.4"]}, False, 1),
        ({"foo": ["10.0.0.4", "10.0.0.3"]}, True, 0),
        ({"foo": ["10.0.0.4"], "bar": ["10.0.0.5"]}, False, 2),
        ({"foo": ["10.0.0.4"], "bar": ["10.0.0.3"]}, True, 1),
        ({"foo": []}, True, 0),
        ({"foo": [], "bar": ["10.0.0.4"]}, True, 1),
        ({}, True, 0),
        ({"foo": ["127.0.0.1"]}, True, 0),
    ],
)
def test_a_host_that_has_none_of_its_addresses_is_another_one(own, ok, warns):
    verdict = is_its_host("b", report(HERE, **own))
    assert verdict.ok is ok
    assert len(verdict.reasons) == warns


def test_it_is_told_what_to_do_with_a_server_that_was_replaced():
    (reason,) = is_its_host("b", report(HERE, foo=["10.0.0.4"])).blockers
    assert "b does not have 10.0.0.4, its address in foo" in reason.text
    assert "salt-key -d" in reason.do
