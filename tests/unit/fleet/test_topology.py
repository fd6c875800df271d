"""The fleet as a graph, as text, JSON and DOT."""

from __future__ import annotations

import json

import pytest
from iscdhcp.fleet import topology as graphs
from iscdhcp.pair import discovery


def end(name, role, own, peer):
    one = {"role": role, "address": own, "peer_address": peer, "mclt": 60}
    return {name: one}


def report(*ends):
    return {"relationships": {k: v for one in ends for k, v in one.items()}, "addresses": []}


@pytest.fixture
def graph():
    """A hub of two, a server without a partner, a replaced one and two primaries."""
    found = discovery.match(
        {
            "hub": report(
                end("one", "primary", "10.0.0.1", "10.0.0.2"),
                end('t"wo', "primary", "10.0.0.1", "10.0.0.3"),
            ),
            "a": report(end("one", "secondary", "10.0.0.2", "10.0.0.1")),
            "b": report(end('t"wo', "secondary", "10.0.0.3", "10.0.0.1")),
            "alone": report(end("half", "primary", "10.0.1.1", "10.0.1.2")),
            "c": report(end("copy", "primary", "10.0.2.1", "10.0.2.2")),
            "d": report(end("copy", "secondary", "10.0.2.2", "10.0.2.1")),
            "old-d": report(end("copy", "secondary", "10.0.2.2", "10.0.2.1")),
            "p": report(end("same", "primary", "10.0.3.1", "10.0.3.2")),
            "q": report(end("same", "primary", "10.0.3.2", "10.0.3.1")),
        }
    )
    found.cached, found.silent = ["b"], ["web"]
    return graphs.topology(found)


def test_servers_relationships_and_what_hangs_together_are_named(graph):
    assert graph["groups"][0] == ["a", "b", "hub"]
    assert [edge["id"] for edge in graph["relationships"]] == ["one:a:hub", 't"wo:b:hub']
    assert graph["servers"]["b"] == {"group": 0, "answered": False}
    assert json.loads(json.dumps(graph)) == graph


def test_half_defined_and_doubtful_ones_are_told_apart(graph):
    assert [one["server"] for one in graph["half_defined"]] == ["alone"]
    doubtful = {one["server"]: one["rivals"] for one in graph["doubtful"]}
    assert doubtful["c"] == ["d", "old-d"]
    assert set(doubtful) == {"c", "d", "old-d", "p"} and doubtful["p"] == ["q"]
    # Each server with a relationship is in the graph, with whom nobody is paired too.
    assert set(graph["servers"]) >= {"alone", "c", "d", "old-d", "p", "q"}


def test_the_text_has_each_group_and_what_is_wrong(graph):
    lines = graphs.as_text(graph).splitlines()
    assert lines[0] == "3 servers: a, b, hub"
    assert "  one: hub (primary) - a (secondary)" in lines
    assert sum(line.startswith("Half-defined: half on alone") for line in lines) == 1
    assert sum(line.startswith("Doubtful: ") for line in lines) == 4
    assert lines[-2:] == ["No answer now, shown as earlier: b", "Never answered: web"]


def test_the_dot_has_arrows_from_primary_to_secondary_and_quotes_names(graph):
    lines = graphs.as_dot(graph).splitlines()
    assert '  "hub" -> "a" [label="one"];' in lines
    assert '  "hub" -> "b" [label="t\\"wo"];' in lines
    assert '  "b" [style=dashed];' in lines
    assert (lines[0], lines[-1]) == ("digraph dhcp_failover {", "}")
    assert any("missing0" in line and "half" in line for line in lines)
    assert any('"c" -> "old-d"' in line and "dotted" in line for line in lines)


def test_a_fleet_without_pairs_says_so():
    graph = graphs.topology(discovery.match({}))
    assert graphs.as_text(graph) == "No failover pair is known."
