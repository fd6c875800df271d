"""
Whether two configurations mean the same, and how they differ.

Two servers of a failover relationship must agree on everything but their own part of it.
:func:`compare` takes both normal forms and says how they differ, :func:`lines` shows it to a
person, :func:`crossed_facts` says whether the two ends of the relationship itself fit each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from ..patterns import lazy_pattern
from . import views
from .normal import Node
from .normal import meaning

#: Statements of a block that only one side has which are shown.
MAX_SHOWN = 12


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    Return how two normal forms differ; an empty list if and only if they mean the same.

    :param one, other: what :func:`iscdhcp.conf.normal.normal_form` returned, with the same nonce.

    Each difference has ``where`` (the heads of the blocks around it), and ``one`` and ``other``:
    a node, or None on the side that has nothing like it.
    """
    if one["digest"] == other["digest"]:
        return []
    differences: list[dict[str, Any]] = []
    _compare((one["nodes"], one["ordered"]), (other["nodes"], other["ordered"]), (), differences)
    return differences


def _compare(
    these: tuple[list[Node], list[Node]],
    those: tuple[list[Node], list[Node]],
    where: tuple[str, ...],
    found: list[dict[str, Any]],
) -> None:
    left, right = _unequal(these[0], those[0])
    _pair(left, right, where, found)
    mine, others = these[1], those[1]
    keys, other_keys = [meaning(node) for node in mine], [meaning(node) for node in others]
    if keys == other_keys:
        return
    matcher = SequenceMatcher(None, keys, other_keys, autojunk=len(keys) > 2000)
    gone: list[Node] = []
    come: list[Node] = []
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind != "equal":
            gone.extend(mine[first:last])
            come.extend(others[other_first:other_last])
    _pair(gone, come, where, found, in_order=True)


def _unequal(these: list[Node], those: list[Node]) -> tuple[list[Node], list[Node]]:
    """What is left of both when equal nodes are taken away in pairs."""
    keys, other_keys = [meaning(node) for node in these], [meaning(node) for node in those]
    common = Counter(keys) & Counter(other_keys)
    rest = []
    for nodes, their_keys in ((these, keys), (those, other_keys)):
        still, left = common.copy(), []
        for node, key in zip(nodes, their_keys, strict=True):
            if still[key] > 0:
                still[key] -= 1
            else:
                left.append(node)
        rest.append(left)
    return rest[0], rest[1]


def _pair(
    left: list[Node],
    right: list[Node],
    where: tuple[str, ...],
    found: list[dict[str, Any]],
    in_order: bool = False,
) -> None:
    """Match what differs by what it is about, and look inside the blocks that match."""
    by_subject: dict[tuple[str, bool], list[Node]] = {}
    for node in right:
        by_subject.setdefault(_about(node), []).append(node)
    for node in left:
        candidates = by_subject.get(_about(node))
        match = _closest(node, candidates) if candidates else None
        if match is None:
            found.append({"where": list(where), "one": node, "other": None})
            continue
        assert candidates is not None
        candidates.remove(match)
        if in_order and meaning(match) == meaning(node):
            found.append({"where": list(where), "one": node, "other": match, "moved": True})
        elif len(node) == 3 or node[0] != match[0]:
            found.append({"where": list(where), "one": node, "other": match})
        else:
            _compare((node[3], node[4]), (match[3], match[4]), (*where, node[0]), found)
    for rest in by_subject.values():
        for node in rest:
            found.append({"where": list(where), "one": None, "other": node})


def _about(node: Node) -> tuple[str, bool]:
    text, is_block = str(node[0]), len(node) > 3
    if is_block:
        return text, True
    words = text.split(" ")
    if words[0] in ("option", "allow", "deny", "append", "prepend", "default", "supersede"):
        return " ".join(words[:2]), False
    return words[0], False


def _closest(node: Node, candidates: list[Node]) -> Node | None:
    """The block that has most in common (pools have no names); any leaf of the subject."""
    if not candidates:
        return None
    if len(node) == 3 or len(candidates) == 1 or len(candidates) > 200:
        return candidates[0]
    mine = {meaning(one) for one in node[3]}
    return max(candidates, key=lambda each: len(mine & {meaning(one) for one in each[3]}))


def lines(differences: Iterable[Mapping[str, Any]], one: str, other: str) -> list[str]:
    """
    Return differences for a person: ``-`` is what only ``one`` has, ``+`` what only ``other`` has.

    :param one, other: names of the two sides, put before file and line.
    """
    shown: list[str] = []
    last: list[str] = []
    for difference in differences:
        where = difference["where"]
        for depth, head in enumerate(where):
            if where[: depth + 1] != last[: depth + 1]:
                shown.append(f"  {'  ' * depth}{_shown(head)}")
        last = where
        if difference.get("moved"):
            shown.append(_line("~", len(where), difference["one"], one) + " in another order")
            continue
        sides = difference["one"], difference["other"]
        if all(node is not None and _TOKEN.match(node[0]) for node in sides):
            places = f"[{one}:{sides[0][1]}:{sides[0][2]}] [{other}:{sides[1][1]}:{sides[1][2]}]"
            indent = "  " * len(where)
            shown.append(f"~ {indent}the secret of a key (or its name or algorithm)    {places}")
            continue
        for mark, side, name in (("-", "one", one), ("+", "other", other)):
            node = difference[side]
            if node is None:
                continue
            shown.append(_line(mark, len(where), node, name))
            if len(node) > 3:
                shown.extend(_inside(mark, len(where) + 1, node))
    return shown


def _line(mark: str, depth: int, node: Node, name: str) -> str:
    place = f"{name}:{node[1]}:{node[2]}" if name else f"{node[1]}:{node[2]}"
    return f"{mark} {'  ' * depth}{_shown(node[0])}    [{place}]"


def _inside(mark: str, depth: int, node: Node) -> list[str]:
    inside: list[str] = []
    stack = [(depth, one) for one in reversed(node[3] + node[4])]
    while stack:
        if len(inside) == MAX_SHOWN:
            inside.append(f"{mark} {'  ' * depth}... and more")
            break
        at, one = stack.pop()
        inside.append(f"{mark} {'  ' * at}{_shown(one[0])}")
        if len(one) > 3:
            stack.extend((at + 1, each) for each in reversed(one[3] + one[4]))
    return inside


_TOKEN = lazy_pattern(r"^(key|secret|ldap-password) \([0-9a-f]{32}\)")
_SAID = {
    "key": "a key (not shown)",
    "secret": "a secret (not shown)",
    "ldap-password": "ldap-password (not shown)",
}


def _shown(text: str) -> str:
    return _TOKEN.sub(lambda match: _SAID[match[1]], text)


# -- the partnership itself ----------------------------------------------------------------------


def relationship_facts(one: views.Relationship) -> dict[str, Any]:
    """Return what :func:`crossed_facts` needs of a relationship, as plain data."""
    keys = ("role", "address", "port", "peer_address", "peer_port", "file", "line")
    return {key: getattr(one, key) for key in keys}


def crossed_facts(
    one: Mapping[str, Any], other: Mapping[str, Any], name: str, other_name: str
) -> list[str]:
    """
    Return what keeps two ends of a relationship from finding each other, as sentences.

    :param one, other: what :func:`relationship_facts` says of the relationship at each server.
    :param name, other_name: the servers.
    """
    found = []
    places = f"{name}:{one['file']}:{one['line']}, {other_name}:{other['file']}:{other['line']}"
    if one["role"] == other["role"]:
        found.append(
            f"both servers are {one['role']}, so they never get normal: one has to be "
            f"{'secondary' if one['role'] == 'primary' else 'primary'} ({places})"
        )
    for here, there, who, partner in (
        (one, other, name, other_name),
        (other, one, other_name, name),
    ):
        if here["peer_port"] != there["port"]:
            found.append(
                f"{who} calls its partner at port {here['peer_port']} (peer port), but {partner} "
                f"listens at port {there['port']} (port): make them equal ({places})"
            )
        addresses = (here["peer_address"], there["address"])
        if addresses[0] != addresses[1] and all(map(_is_number, addresses)):
            found.append(
                f"{who} expects its partner at {addresses[0]} (peer address), but {partner} uses "
                f"{addresses[1]} (address): make them equal ({places})"
            )
    return found


def _is_number(address: str) -> bool:
    return address.replace(".", "").isdigit()
