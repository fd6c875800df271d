"""
What has changed between two looks at dhcpd, told once.

:func:`news` is a pure function from what was told before and what is seen now to the events and
what has been told then. A state that can't be read is no change: what was known stays, and only a
second look in a row without an answer is told, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import IscDhcpError
from ..files import file_name
from ..states import FailoverState
from ..states import serves

Memory = dict[str, Any]

#: Looks in a row without an answer that are told as "unknown".
UNKNOWN_LOOKS = 2
#: A pool is low on leases below this share of its addresses, and well again from twice of it.
LOW_SHARE = 0.05
#: Counts older than this (seconds) say nothing any more.
COUNTS_LIFE = 2 * 3600.0
#: Seconds after which a state that should pass is stuck. Startup ends by itself after 15 s
#: (server/failover.c:1931), a conflict in seconds; a full update of a million leases took 30 s.
STUCK_AFTER = {
    FailoverState.STARTUP: 60.0,
    FailoverState.POTENTIAL_CONFLICT: 120.0,
    FailoverState.CONFLICT_DONE: 120.0,
    FailoverState.RESOLUTION_INTERRUPTED: 120.0,
    FailoverState.RECOVER: 600.0,
    FailoverState.RECOVER_DONE: 120.0,
    FailoverState.COMMUNICATIONS_INTERRUPTED: 1800.0,
}
#: Seconds that recover-wait may last beyond MCLT.
RECOVER_WAIT_SLACK = 60.0


def news(
    before: Mapping[str, Any] | None,
    seen: Mapping[str, Any],
    counts: Mapping[str, Any] | None = None,
    pending: Mapping[str, Any] | None = None,
    acting: bool = False,
) -> tuple[list[dict[str, Any]], Memory]:
    """
    Return the events since the last look, and what is to be given as ``before`` next time.

    before
        What the last call returned; ``None`` at the first look, for which a running server and
        normal relationships are no news.
    seen
        :func:`iscdhcp.facts.watch.look`'s.
    counts
        :func:`iscdhcp.facts.watch.kept`'s.
    pending
        The mark of a restart that is to come (``reason``, ``since``), if there is one.
    acting
        Whether a call is stopping or starting dhcpd now: then sticky states are its own.

    Each event has ``tag`` (the end of the beacon's tag), ``text`` (a sentence) and its fields.
    """
    first = before is None
    told: Memory = {
        "process": dict((before or {}).get("process") or {}),
        "states": dict((before or {}).get("states") or {}),
        "silent": {},
        "conditions": {},
    }
    relationships = seen.get("relationships") or {}
    events = _process(told, seen)
    conditions: dict[str, dict[str, Any]] = {}
    running = (seen.get("process") or {}).get("running")
    for name, end in sorted(relationships.items()):
        if end.get("state") and end.get("partner_state"):
            events += _state(told, name, end, first)
            conditions |= _stuck(name, end, seen["time"], acting)
        elif running is not False:
            silent = int(((before or {}).get("silent") or {}).get(name) or 0) + 1
            told["silent"][name] = silent
            if silent >= UNKNOWN_LOOKS:
                conditions[f"{file_name(name)}/unknown"] = {
                    "relationship": name,
                    "text": f"{name}: its state is unknown: {end.get('why_unknown')}",
                }
    conditions |= _pending(seen, pending)
    old = dict((before or {}).get("conditions") or {})
    conditions |= _low(counts, relationships, seen["time"], old)
    conditions |= _undecided(old, conditions, told, seen, counts)
    events += _conditions(old, conditions)
    told["conditions"] = conditions
    # A relationship that was taken out of the configuration is forgotten.
    if relationships:
        told["states"] = {n: s for n, s in told["states"].items() if n in relationships}
    return events, told


def _process(told: Memory, seen: Mapping[str, Any]) -> list[dict[str, Any]]:
    now, was = seen.get("process") or {}, told["process"]
    running = now.get("running")
    if running is None:
        return []
    told["process"] = {"running": running, "identity": now.get("identity")}
    if not running:
        # A host that never had a dhcpd and has no relationship is no server.
        if was.get("running") is False or not (was or seen.get("relationships")):
            return []
        return [{"tag": "process", "running": False, "text": "dhcpd has ended"}]
    if not was or (was.get("running") and was.get("identity") == now.get("identity")):
        return []
    how = "was restarted" if was.get("running") else "has started"
    text = f"dhcpd {how} (pid {now.get('pid')})"
    return [{"tag": "process", "running": True, "pid": now.get("pid"), "text": text}]


def _state(told: Memory, name: str, end: Mapping[str, Any], first: bool) -> list[dict[str, Any]]:
    now = [end["state"], end["partner_state"]]
    was = told["states"].get(name)
    told["states"][name] = now
    if was is None:
        was = ["normal", "normal"] if first else [None, None]
    if was == now:
        return []
    text = f"{name} is {now[0]} here and {now[1]} at the partner (it was {was[0]}, {was[1]})"
    return [
        {
            "tag": f"{file_name(name)}/state",
            "relationship": name,
            "role": end.get("role"),
            "state": now[0],
            "partner_state": now[1],
            "old_state": was[0],
            "old_partner_state": was[1],
            "since": end.get("since"),
            "serves": _serves(now),
            "source": end.get("source"),
            "text": text,
        }
    ]


def _serves(states: list[str]) -> bool | None:
    try:
        return serves(FailoverState.parse(states[0]), FailoverState.parse(states[1]))
    except IscDhcpError:
        return None


def _stuck(
    name: str, end: Mapping[str, Any], now: float, acting: bool
) -> dict[str, dict[str, Any]]:
    """Return the conditions of a state that stays: sticky by nature, or for too long."""
    try:
        state = FailoverState.parse(end["state"])
    except IscDhcpError:
        return {}
    what = {"relationship": name, "state": state.label, "since": end.get("since")}
    if state.sticky:
        if acting:
            return {}
        text = f"{name} stays {state.label}: {state.meaning}"
        return {f"{file_name(name)}/sticky": {**what, "text": text}}
    limit = STUCK_AFTER.get(state)
    if state is FailoverState.RECOVER_WAIT:
        limit = float(end.get("mclt") or 3600) + RECOVER_WAIT_SLACK
    since = end.get("since")
    if limit is None or not since or now - float(since) <= limit:
        return {}
    text = f"{name} has been {state.label} for more than {limit:.0f} s: {state.meaning}"
    return {f"{file_name(name)}/stuck": {**what, "text": text}}


def _pending(
    seen: Mapping[str, Any], pending: Mapping[str, Any] | None
) -> dict[str, dict[str, Any]]:
    if pending:
        reason = str(pending.get("reason"))[:500]
        what = {"cause": "marked", "reason": reason, "since": pending.get("since")}
    elif seen.get("newer"):
        reason = f"{', '.join(seen['newer'])} changed after dhcpd's start"
        what = {"cause": "files", "reason": reason, "since": None}
    else:
        return {}
    return {"pending_restart": {**what, "text": f"a restart of dhcpd is pending: {reason}"}}


def own_free(pool: Mapping[str, Any], role: str | None) -> int:
    """Return how many addresses of a pool this server may give out alone (failover.c:2541)."""
    return int(pool.get("backup" if role == "secondary" else "free") or 0)


def _low(
    counts: Mapping[str, Any] | None,
    relationships: Mapping[str, Mapping[str, Any]],
    now: float,
    old: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if not counts or now - float(counts.get("time") or 0) > COUNTS_LIFE:
        return found
    for pool in counts["pools"]:
        name = pool.get("relationship")
        if name not in relationships or not pool.get("addresses"):
            continue
        free = own_free(pool, relationships[name].get("role"))
        tag = f"{file_name(name)}/free_leases_low/{file_name(str(pool.get('first')))}"
        share = LOW_SHARE * (2 if tag in old else 1)
        if free < share * int(pool["addresses"]) or free == 0:
            found[tag] = {
                "relationship": name,
                "network": pool.get("network"),
                "pool": pool.get("first"),
                "free": free,
                "addresses": pool["addresses"],
                "text": f"{name}: this server has {free} free leases of {pool['addresses']} "
                f"addresses in {pool.get('network')} (pool from {pool.get('first')})",
            }
    return found


def _undecided(
    old: Mapping[str, Any],
    found: Mapping[str, Any],
    told: Memory,
    seen: Mapping[str, Any],
    counts: Mapping[str, Any] | None,
) -> dict[str, dict[str, Any]]:
    """Return the old conditions that this look can neither confirm nor end."""
    relationships = seen.get("relationships") or {}
    stale = not counts or seen["time"] - float(counts.get("time") or 0) > COUNTS_LIFE
    kept = {}
    for tag, what in old.items():
        if tag in found:
            continue
        name = what.get("relationship")
        if name is not None and name not in relationships and not seen.get("error"):
            continue
        kind = tag.split("/")[1] if "/" in tag else tag
        state = (relationships.get(name) or {}).get("state")
        if (
            (kind == "free_leases_low" and stale)
            or (kind in ("stuck", "sticky") and not state)
            or (kind == "unknown" and not state and told["silent"].get(name))
            or (seen.get("error") and kind != "pending_restart")
        ):
            kept[tag] = dict(what)
    return kept


def _conditions(old: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return an event for each condition that began, or ended, or is another one now."""

    def same(tag: str) -> bool:
        keys = ("since", "state", "reason")
        return all(old[tag].get(key) == now[tag].get(key) for key in keys)

    begun = [
        {"tag": tag, "active": True, **what}
        for tag, what in sorted(now.items())
        if tag not in old or not same(tag)
    ]
    ended = [
        {"tag": tag, "active": False, **what, "text": f"over: {what.get('text')}"}
        for tag, what in sorted(old.items())
        if tag not in now
    ]
    return begun + ended
