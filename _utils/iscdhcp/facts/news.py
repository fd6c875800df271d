"""
What has changed between two looks at dhcpd, told once.

:func:`news` is a pure function from what was told before and what is seen now to the events and
what has been told then. A state that can't be read is no change: what was known stays, and only a
second look in a row without an answer is told, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import TypedDict

from ..errors import IscDhcpError
from ..files import file_name
from ..rules import forecast
from ..shapes import LeaseFacts
from ..shapes import Mark
from ..states import FailoverState
from ..states import serves
from . import lease_counts


class SeenProcess(TypedDict):
    """dhcpd's process at a look; ``running`` is ``None`` where nothing could be read."""

    running: bool | None
    pid: int | None
    identity: str | None
    started: float | None
    stopped: bool


class SeenEnd(TypedDict):
    """One end of a relationship at a look; states are ``None`` where they are unknown."""

    role: str | None
    mclt: int | None
    state: str | None
    partner_state: str | None
    since: float | None
    source: str | None
    why_unknown: str | None


class Trail(TypedDict):
    """What the log has proved up to a moment, for the next look to go on from."""

    #: Of the process whose log it is.
    identity: str
    until: float
    states: dict[str, SeenEnd]


class Seen(TypedDict):
    """What :func:`iscdhcp.facts.watch.look` has seen."""

    time: float
    process: SeenProcess
    relationships: dict[str, SeenEnd]
    #: Files that changed since dhcpd's start.
    newer: list[str]
    error: str | None
    trail: Trail | None


class Condition(TypedDict, total=False):
    """Something that lasts: a state that is stuck, a pool that is low, a restart to come."""

    text: str
    relationship: str
    state: str
    since: float | None
    cause: str
    reason: str
    network: str
    pool: str
    free: int
    addresses: int


class News(Condition, total=False):
    """An event: the end of its tag on the bus, a sentence, and its fields."""

    tag: str
    #: Of a condition: whether it has begun or is over.
    active: bool
    running: bool
    pid: int | None
    role: str | None
    partner_state: str
    old_state: str | None
    old_partner_state: str | None
    serves: bool | None
    source: str | None


class ToldProcess(TypedDict):
    """What was told of the process."""

    running: bool
    identity: str | None


class Memory(TypedDict):
    """What was told."""

    process: ToldProcess | None
    #: By relationship: this end's state and its partner's.
    states: dict[str, list[str]]
    #: Looks in a row without a state.
    silent: dict[str, int]
    conditions: dict[str, Condition]


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
    before: Memory | None,
    seen: Seen,
    counts: LeaseFacts | None = None,
    pending: Mark | None = None,
    acting: bool = False,
) -> tuple[list[News], Memory]:
    """
    Return the events since the last look, and what is to be given as ``before`` next time.

    before
        What the last call returned; ``None`` at the first look, for which a running server and
        normal relationships are no news.
    seen
        This look.
    counts
        The last counts of leases.
    pending
        The mark of a restart that is to come, if there is one.
    acting
        Whether a call is stopping or starting dhcpd now: then sticky states are its own.
    """
    first = before is None
    told: Memory = {
        "process": before["process"] if before else None,
        "states": dict(before["states"]) if before else {},
        "silent": {},
        "conditions": {},
    }
    relationships = seen["relationships"]
    events = _process(told, seen)
    conditions: dict[str, Condition] = {}
    for name, end in sorted(relationships.items()):
        if end["state"] and end["partner_state"]:
            events += _state(told, name, end, [end["state"], end["partner_state"]], first)
            conditions |= _stuck(name, end, end["state"], seen["time"], acting)
        elif seen["process"]["running"] is not False:
            silent = (before["silent"].get(name, 0) if before else 0) + 1
            told["silent"][name] = silent
            if silent >= UNKNOWN_LOOKS:
                conditions[f"{file_name(name)}/unknown"] = {
                    "relationship": name,
                    "text": f"{name}: its state is unknown: {end['why_unknown']}",
                }
    conditions |= _pending(seen, pending)
    old = before["conditions"] if before else {}
    conditions |= _low(counts, relationships, seen["time"], old)
    conditions |= _undecided(old, conditions, told, seen, counts)
    events += _conditions(old, conditions)
    told["conditions"] = conditions
    # A relationship that was taken out of the configuration is forgotten.
    if relationships:
        told["states"] = {n: s for n, s in told["states"].items() if n in relationships}
    return events, told


def _process(told: Memory, seen: Seen) -> list[News]:
    now, was = seen["process"], told["process"]
    running = now["running"]
    if running is None:
        return []
    told["process"] = {"running": running, "identity": now["identity"]}
    if not running:
        # A host that never had a dhcpd and has no relationship is no server.
        if not (was["running"] if was else seen["relationships"]):
            return []
        return [{"tag": "process", "running": False, "text": "dhcpd has ended"}]
    if was is None or (was["running"] and was["identity"] == now["identity"]):
        return []
    how = "was restarted" if was["running"] else "has started"
    text = f"dhcpd {how} (pid {now['pid']})"
    return [{"tag": "process", "running": True, "pid": now["pid"], "text": text}]


def _state(told: Memory, name: str, end: SeenEnd, now: list[str], first: bool) -> list[News]:
    known = told["states"].get(name)
    told["states"][name] = now
    was: Sequence[str | None] = known or (["normal", "normal"] if first else [None, None])
    if was == now:
        return []
    text = f"{name} is {now[0]} here and {now[1]} at the partner (it was {was[0]}, {was[1]})"
    return [
        {
            "tag": f"{file_name(name)}/state",
            "relationship": name,
            "role": end["role"],
            "state": now[0],
            "partner_state": now[1],
            "old_state": was[0],
            "old_partner_state": was[1],
            "since": end["since"],
            "serves": _serves(now),
            "source": end["source"],
            "text": text,
        }
    ]


def _serves(states: Sequence[str]) -> bool | None:
    try:
        return serves(FailoverState.parse(states[0]), FailoverState.parse(states[1]))
    except IscDhcpError:
        return None


def _stuck(name: str, end: SeenEnd, label: str, now: float, acting: bool) -> dict[str, Condition]:
    """Return the conditions of a state that stays: sticky by nature, or for too long."""
    try:
        state = FailoverState.parse(label)
    except IscDhcpError:
        return {}
    what: Condition = {"relationship": name, "state": state.label, "since": end["since"]}
    if state.sticky:
        if acting:
            return {}
        text = f"{name} stays {state.label}: {state.meaning}"
        return {f"{file_name(name)}/sticky": {**what, "text": text}}
    limit = STUCK_AFTER.get(state)
    if state is FailoverState.RECOVER_WAIT:
        limit = float(end["mclt"] or 3600) + RECOVER_WAIT_SLACK
    since = end["since"]
    if limit is None or not since or now - since <= limit:
        return {}
    text = f"{name} has been {state.label} for more than {limit:.0f} s: {state.meaning}"
    return {f"{file_name(name)}/stuck": {**what, "text": text}}


def _pending(seen: Seen, pending: Mark | None) -> dict[str, Condition]:
    what: Condition
    if pending:
        reason = pending["reason"][:500]
        what = {"cause": "marked", "reason": reason, "since": pending["since"]}
    elif seen["newer"]:
        reason = f"{', '.join(seen['newer'])} changed after dhcpd's start"
        what = {"cause": "files", "reason": reason, "since": None}
    else:
        return {}
    return {"pending_restart": {**what, "text": f"a restart of dhcpd is pending: {reason}"}}


def _low(
    counts: LeaseFacts | None,
    relationships: Mapping[str, SeenEnd],
    now: float,
    old: Mapping[str, Condition],
) -> dict[str, Condition]:
    found: dict[str, Condition] = {}
    if not counts or now - counts["counted"] > COUNTS_LIFE:
        return found
    for name, pools in counts["relationships"].items():
        if name not in relationships:
            continue
        for pool in pools:
            if not pool["addresses"]:
                continue
            free = forecast.own_free(relationships[name]["role"], pool)
            first = lease_counts.first_address(pool)
            tag = f"{file_name(name)}/free_leases_low/{file_name(first)}"
            share = LOW_SHARE * (2 if tag in old else 1)
            if free < share * pool["addresses"] or free == 0:
                found[tag] = {
                    "relationship": name,
                    "network": pool["network"],
                    "pool": first,
                    "free": free,
                    "addresses": pool["addresses"],
                    "text": f"{name}: this server has {free} free leases of {pool['addresses']} "
                    f"addresses in {pool['network']} (pool from {first})",
                }
    return found


def _undecided(
    old: Mapping[str, Condition],
    found: Mapping[str, Condition],
    told: Memory,
    seen: Seen,
    counts: LeaseFacts | None,
) -> dict[str, Condition]:
    """Return the old conditions that this look can neither confirm nor end."""
    relationships = seen["relationships"]
    stale = not counts or seen["time"] - counts["counted"] > COUNTS_LIFE
    kept: dict[str, Condition] = {}
    for tag, what in old.items():
        if tag in found:
            continue
        name = what.get("relationship")
        if name is not None and name not in relationships and not seen["error"]:
            continue
        kind = tag.split("/")[1] if "/" in tag else tag
        state = relationships[name]["state"] if name in relationships else None
        if (
            (kind == "free_leases_low" and stale)
            or (kind in ("stuck", "sticky") and not state)
            or (kind == "unknown" and not state and name and told["silent"].get(name))
            or (seen["error"] and kind != "pending_restart")
        ):
            kept[tag] = what
    return kept


def _conditions(old: Mapping[str, Condition], now: Mapping[str, Condition]) -> list[News]:
    """Return an event for each condition that began, or ended, or is another one now."""

    def same(tag: str) -> bool:
        before, after = old[tag], now[tag]
        return (
            before.get("since") == after.get("since")
            and before.get("state") == after.get("state")
            and before.get("reason") == after.get("reason")
        )

    begun: list[News] = [
        {"tag": tag, "active": True, **what}
        for tag, what in sorted(now.items())
        if tag not in old or not same(tag)
    ]
    ended: list[News] = [
        {"tag": tag, "active": False, **what, "text": f"over: {what.get('text')}"}
        for tag, what in sorted(old.items())
        if tag not in now
    ]
    return begun + ended
