"""The fleet as a graph: servers and relationships as the servers' own configurations have them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from ..pair.discovery import Discovery
from ..pair.discovery import Pair


class Edge(TypedDict):
    """A relationship between two servers."""

    id: str
    name: str
    primary: str
    secondary: str
    mclt: int | None


class LooseEnd(TypedDict):
    """An end of a relationship that is no pair, and why."""

    server: str
    name: str
    text: str
    rivals: list[str]


class Topology(TypedDict):
    """What :func:`topology` returns."""

    #: By minion id: ``group`` (its number below) and ``answered`` (or the cached answer counts).
    servers: dict[str, dict[str, int | bool]]
    relationships: list[Edge]
    #: The servers that hang together, the largest group first.
    groups: list[list[str]]
    half_defined: list[LooseEnd]
    doubtful: list[LooseEnd]
    silent: list[str]


def groups(servers: Iterable[str], pairs: Iterable[Pair]) -> list[list[str]]:
    """Return the servers that hang together by ``pairs``, the largest group first."""
    near: dict[str, list[str]] = {server: [] for server in servers}
    for pair in pairs:
        near.setdefault(pair.primary, []).append(pair.secondary)
        near.setdefault(pair.secondary, []).append(pair.primary)
    found, seen = [], set()
    for server in sorted(near):
        if server in seen:
            continue
        seen.add(server)
        group = [server]
        for one in group:
            for other in near[one]:
                if other not in seen:
                    seen.add(other)
                    group.append(other)
        found.append(sorted(group))
    return sorted(found, key=lambda group: (-len(group), group))


def topology(found: Discovery) -> Topology:
    """Return the graph of a discovery as plain data."""
    loose = [one for end in found.unpaired for one in (end.server, *end.rivals)]
    grouped = groups(loose, found.pairs)
    number = {server: at for at, group in enumerate(grouped) for server in group}
    cached = set(found.cached)

    def ends(kind: str) -> list[LooseEnd]:
        return [
            {"server": end.server, "name": end.name, "text": end.text, "rivals": list(end.rivals)}
            for end in found.unpaired
            if end.kind == kind
        ]

    return {
        "servers": {
            server: {"group": number[server], "answered": server not in cached}
            for server in sorted(number)
        },
        "relationships": [
            {
                "id": pair.id,
                "name": pair.name,
                "primary": pair.primary,
                "secondary": pair.secondary,
                "mclt": pair.mclt,
            }
            for pair in found.pairs
        ],
        "groups": grouped,
        "half_defined": ends("alone"),
        "doubtful": ends("doubtful"),
        "silent": list(found.silent),
    }


def as_text(graph: Topology) -> str:
    """Return a graph for people: each group with its relationships, then what is wrong."""
    inside: dict[int | bool, list[Edge]] = {}
    for edge in graph["relationships"]:
        inside.setdefault(graph["servers"][edge["primary"]]["group"], []).append(edge)
    lines = []
    for number, group in enumerate(graph["groups"]):
        edges = inside.get(number, [])
        if not edges:
            continue
        lines.append(f"{len(group)} servers: {', '.join(group)}")
        lines += [
            f"  {edge['name']}: {edge['primary']} (primary) - {edge['secondary']} (secondary)"
            for edge in edges
        ]
    if not lines:
        lines.append("No failover pair is known.")
    for title, ends in (
        ("Half-defined", graph["half_defined"]),
        ("Doubtful", graph["doubtful"]),
    ):
        lines += [f"{title}: {end['text']}" for end in ends]
    cached = [name for name, server in graph["servers"].items() if not server["answered"]]
    if cached:
        lines.append(f"No answer now, shown as earlier: {', '.join(cached)}")
    if graph["silent"]:
        lines.append(f"Never answered: {', '.join(graph['silent'])}")
    return "\n".join(lines)


def as_dot(graph: Topology) -> str:
    """
    Return a graph in the language of Graphviz.

    Arrows go from primary to secondary. Servers that did not answer are dashed; half-defined
    relationships end at a point, doubtful ones are dotted.
    """
    lines = ["digraph dhcp_failover {", "  node [shape=box];"]
    for name, server in graph["servers"].items():
        style = "" if server["answered"] else " [style=dashed]"
        lines.append(f"  {_quoted(name)}{style};")
    for edge in graph["relationships"]:
        ends = f"{_quoted(edge['primary'])} -> {_quoted(edge['secondary'])}"
        lines.append(f"  {ends} [label={_quoted(edge['name'])}];")
    for number, end in enumerate(graph["half_defined"]):
        lines.append(f"  missing{number} [shape=point, color=red];")
        ends = f"{_quoted(end['server'])} -> missing{number}"
        lines.append(f"  {ends} [label={_quoted(end['name'])}, color=red, dir=none];")
    for end in graph["doubtful"]:
        look = f"label={_quoted(end['name'])}, color=red, style=dotted, dir=none"
        lines += [
            f"  {_quoted(end['server'])} -> {_quoted(rival)} [{look}];" for rival in end["rivals"]
        ]
    return "\n".join([*lines, "}"])


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
