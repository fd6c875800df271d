"""Whether strangers reach OMAPI's port, by the kernel's rules."""

from __future__ import annotations

import pytest
from iscdhcp.host import firewall


def port(number, op="=="):
    left = {"payload": {"protocol": "tcp", "field": "dport"}}
    return {"match": {"op": op, "left": left, "right": number}}


def meta(key, value, op="=="):
    return {"match": {"op": op, "left": {"meta": {"key": key}}, "right": value}}


ESTABLISHED = {
    "match": {
        "op": "in",
        "left": {"ct": {"key": "state"}},
        "right": ["established", "related"],
    }
}
OFFICE = {
    "match": {
        "op": "==",
        "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": {"prefix": {"addr": "192.0.2.0", "len": 24}},
    }
}
MARKED = {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 7}}
ACCEPT, DROP, REJECT = {"accept": None}, {"drop": None}, {"reject": {"type": "tcp reset"}}


def ruleset(*rules, policy="accept", more=()):
    where = {"family": "inet", "table": "t"}
    chain = {**where, "name": "in", "type": "filter", "hook": "input", "policy": policy}
    listed = [{"metainfo": {}}, {"table": {}}, {"chain": chain}, *more]
    listed += [{"rule": {**where, "chain": "in", "expr": list(rule)}} for rule in rules]
    return {"nftables": listed}


def other_chain(*rules):
    where = {"family": "inet", "table": "t"}
    found = [{"chain": {**where, "name": "other"}}]
    return found + [{"rule": {**where, "chain": "other", "expr": list(rule)}} for rule in rules]


@pytest.mark.parametrize(
    "rules, policy, closed",
    [
        ([], "accept", False),
        ([], "drop", True),
        ([[port(7911), DROP]], "accept", True),
        ([[port(7911), REJECT]], "accept", True),
        ([[port({"set": [22, 7911]}), {"counter": {}}, DROP]], "accept", True),
        ([[port({"range": [7000, 8000]}), DROP]], "accept", True),
        ([[port(22), DROP]], "accept", False),
        ([[port(22), ACCEPT]], "drop", True),
        ([[port(7911), ACCEPT]], "drop", False),
        ([[port(7911), ACCEPT], [DROP]], "accept", False),
        ([[meta("iifname", "lo"), ACCEPT], [ESTABLISHED, ACCEPT]], "drop", True),
        ([[meta("iifname", "lo", "!="), port(7911), DROP]], "accept", True),
        ([[OFFICE, port(7911), ACCEPT], [port(7911), DROP]], "accept", True),
        ([[meta("l4proto", "udp"), ACCEPT], [DROP]], "accept", True),
        ([[meta("iifname", "eth1"), ACCEPT]], "drop", None),
        ([[MARKED, ACCEPT], [port(7911), DROP]], "accept", None),
        ([[MARKED, port(7911), DROP]], "accept", None),
        ([[{"xt": None}, DROP]], "accept", None),
    ],
)
def test_a_ruleset_is_judged_for_a_stranger(rules, policy, closed):
    assert firewall.judge(ruleset(*rules, policy=policy), 7911) is closed


@pytest.mark.parametrize(
    "inside, closed", [([[port(7911), DROP]], True), ([[port(22), DROP]], False), ([], False)]
)
def test_chains_that_are_jumped_to_count(inside, closed):
    rules = ruleset([{"jump": {"target": "other"}}], more=other_chain(*inside))
    assert firewall.judge(rules, 7911) is closed


def test_output_and_nat_chains_close_nothing():
    rules = ruleset([port(7911), DROP])
    for key, value in (("hook", "output"), ("type", "nat"), ("family", "ip6")):
        other = ruleset([port(7911), DROP])
        other["nftables"][2]["chain"][key] = value
        assert firewall.judge(other, 7911) is False
    assert firewall.judge(rules, 7911) is True
