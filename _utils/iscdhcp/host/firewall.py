"""
Whether strangers can reach a TCP port of this host: read from the kernel's rules, nothing asked.

dhcpd's OMAPI listens on every address and can't be told otherwise (omapip/listener.c:56-58), and
anyone who knows the key's name can bypass its authentication; so a firewall belongs before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ProcessError
from ..shapes import Firewall
from . import command

#: Tables of the old iptables, which nft does not show.
_LEGACY = Path("/proc/net/ip_tables_names")

_ACCEPT, _DROP, _UNSURE = "accept", "drop", "unsure"


def closed(port: int) -> Firewall:
    """
    Return ``closed``: whether a stranger's new connection to a TCP port is dropped or rejected.

    ``None`` where that can't be told, with ``why``.
    """
    try:
        legacy = _LEGACY.read_text(encoding="ascii").split()
    except OSError:
        legacy = []
    try:
        done = command.run(["nft", "-j", "list", "ruleset"], 10.0)
    except ProcessError as err:
        return {"closed": None, "why": f"the kernel's rules can't be read: {err}"}
    if done.code:
        why = (done.err.strip().splitlines() or ["it does not say why"])[0]
        return {"closed": None, "why": f"nft can't read the rules: {why[:100]}"}
    try:
        verdict = judge(json.loads(done.out), port)
    except ValueError:
        return {"closed": None, "why": "nft's answer is not JSON"}
    if verdict is not True and "filter" in legacy:
        return {"closed": None, "why": "the old iptables has rules, which are not read here"}
    unsure = "some rules of this host are too special to be judged here"
    return {"closed": verdict, "why": unsure if verdict is None else None}


def judge(ruleset: Mapping[str, Any], port: int) -> bool | None:
    """
    Say whether nftables rules drop a stranger's first packet to a TCP port; ``None``: unsure.

    ruleset
        What ``nft -j list ruleset`` prints.
    port
        The TCP port.

    The stranger comes from an address that no rule names, by another interface than ``lo``.
    """
    chains: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in ruleset.get("nftables") or ():
        if "chain" in one:
            chain = one["chain"]
            chains[chain["family"], chain["table"], chain["name"]] = {**chain, "rules": []}
        elif "rule" in one:
            rule = one["rule"]
            owner = chains.get((rule["family"], rule["table"], rule["chain"]))
            if owner is not None:
                owner["rules"].append(rule.get("expr") or [])
    unsure = False
    for (family, table, _), chain in chains.items():
        if chain.get("hook") not in ("input", "prerouting") or family not in ("ip", "inet"):
            continue
        if chain.get("type") != "filter":
            continue
        tables = {name: one for (f, t, name), one in chains.items() if (f, t) == (family, table)}
        found = _through(chain, tables, port, 0) or chain.get("policy", _ACCEPT)
        if found == _DROP:
            return True
        unsure = unsure or found == _UNSURE
    return None if unsure else False


def _through(
    chain: Mapping[str, Any], chains: Mapping[str, Mapping[str, Any]], port: int, depth: int
) -> str | None:
    """Return what becomes of the packet in a chain, ``None`` if it leaves it at the end."""
    maybe_dropped = maybe_accepted = False
    for rule in chain["rules"]:
        meets, verdict = _rule(rule, chains, port, depth)
        if verdict is None or meets is False:
            continue
        if verdict == "return":
            if meets:
                break
            continue
        if meets and verdict != _UNSURE:
            other = maybe_dropped if verdict == _ACCEPT else maybe_accepted
            return _UNSURE if other else verdict
        maybe_dropped = maybe_dropped or verdict in (_DROP, _UNSURE)
        maybe_accepted = maybe_accepted or verdict in (_ACCEPT, _UNSURE)
    if maybe_dropped and chain.get("policy", _ACCEPT) != _DROP:
        return _UNSURE
    if maybe_accepted and chain.get("policy") == _DROP:
        return _UNSURE
    return None


def _rule(
    rule: Any, chains: Mapping[str, Mapping[str, Any]], port: int, depth: int
) -> tuple[bool | None, str | None]:
    """Return whether a rule meets the packet (``None``: unsure), and its verdict if it has one."""
    meets: bool | None = True
    for part in rule:
        (kind, what), *_ = part.items()
        if kind == "match":
            one = _match(what, port)
            if one is False:
                return False, None
            meets = None if one is None else meets
        elif kind == "accept":
            return meets, _ACCEPT
        elif kind in ("drop", "reject"):
            return meets, _DROP
        elif kind == "return":
            return meets, "return"
        elif kind in ("jump", "goto"):
            target = chains.get((what or {}).get("target", ""))
            if target is None or depth > 8:
                return None, _UNSURE
            found = _through(target, chains, port, depth + 1)
            return meets, found or ("return" if kind == "goto" else None)
        elif kind in ("vmap", "xt", "queue"):
            return None, _UNSURE
        elif kind == "limit":
            meets = None
    return meets, None


def _match(match: Mapping[str, Any], port: int) -> bool | None:
    """Whether a match holds for the packet; ``None``: unsure."""
    left, right, op = match.get("left"), match.get("right"), match.get("op")
    found = _holds(left if isinstance(left, dict) else {}, right, port)
    if found is None:
        return None
    return not found if op == "!=" else found


def _holds(left: Mapping[str, Any], right: Any, port: int) -> bool | None:
    meta, payload = left.get("meta") or {}, left.get("payload") or {}
    if payload:
        field = (payload.get("protocol"), payload.get("field"))
        if field in (("tcp", "dport"), ("th", "dport")):
            return _contains(right, port)
        if field == ("ip", "protocol"):
            return _contains(right, "tcp")
        if payload.get("protocol") in ("udp", "icmp", "icmpv6", "igmp", "ip6", "sctp"):
            return False
        # Whom a rule lets in by address is no stranger.
        return False if field == ("ip", "saddr") else None
    if meta.get("key") in ("l4proto",):
        return _contains(right, "tcp")
    if meta.get("key") in ("iif", "iifname"):
        # Which interface strangers come by is not known here, but not by this one.
        return False if right == "lo" else None
    if meta.get("key") in ("nfproto",):
        return _contains(right, "ipv4")
    if "&" in left and "flags" in str(left):
        return None if "syn" not in str(left) else "syn" in str(right)
    if left.get("ct", {}).get("key") == "state":
        return _contains(right, "new")
    return None


def _contains(right: Any, value: Any) -> bool | None:
    if isinstance(right, dict):
        if "set" in right:
            found = [_contains(one, value) for one in right["set"]]
            return True if True in found else None if None in found else False
        if "range" in right:
            low, high = right["range"]
            if isinstance(value, int) and isinstance(low, int) and isinstance(high, int):
                return low <= value <= high
        return None
    if isinstance(right, list):
        return value in right
    if isinstance(right, str) and right.startswith("@"):
        return None
    return bool(right == value)
