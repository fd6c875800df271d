"""What the two servers of a pair say of their relationship."""

from __future__ import annotations


def report(mine, partner, name="foo", **spoiled):
    end = {
        "role": "secondary",
        "address": mine,
        "port": 647,
        "peer_address": partner,
        "peer_port": 647,
        "mclt": 3600,
        **spoiled,
    }
    return {"relationships": {name: end}, "addresses": [mine], "error": None}


def both(**of_b):
    return {
        "dhcp-a": report("10.0.0.1", "10.0.0.2", role="primary"),
        "dhcp-b": report("10.0.0.2", "10.0.0.1", **of_b),
    }
