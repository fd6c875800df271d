"""
Why two servers that run are not connected, or are and do not agree: the diagnosis of the link.
"""

from __future__ import annotations

import re
from typing import Any

from ..pair.view import PairView
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..words import stamp
from .finding import CAUSE
from .finding import Finding
from .finding import age_of
from .finding import events_of
from .finding import linked
from .finding import of_process
from .finding import recently

_TIME = re.compile(r"time (?:offset|mismatch) too")


def link(view: PairView) -> list[Finding]:
    """Why two running servers are not connected."""
    first, second = view.servers
    if not (view.running(first) and view.running(second)) or linked(view) is not False:
        return []
    if not (view.knows(first) and view.knows(second)):
        return []
    if any(view.seen(one)["process"]["stopped"] for one in view.servers):
        return []
    found = _misconfigured(view)
    if view.clocks_refused:
        text = (
            f"the clocks of {first} and {second} are {abs(view.skew or 0):.0f} s apart and dhcpd "
            f"refuses to connect above {CLOCK_MAX_SKEW:.0f} s and retries every 5 s"
        )
        step = "set the clocks (chronyc makestep), see that NTP runs on both; dhcpd does the rest"
        found.append(Finding("clock-skew", CAUSE, text, step, None, 94))
    for server in view.servers:
        found += _refusals(view, server)
    for server in view.servers:
        found += _listener(view, server)
    if found:
        return found
    port = view.end(first)["port"]
    dialling = [
        server
        for server in view.servers
        if view.name in (sockets := view.survey(server)["sockets"]["relationships"])
        and sockets[view.name]["dialling"]
    ]
    silence = (
        f"connection attempts from {' and '.join(dialling)} get no answer"
        if dialling
        else "connections are refused on the way"
    )
    text = (
        f"dhcpd runs on {first} and {second} and they have no failover connection: {silence}, so "
        f"a firewall or the network between them blocks tcp port {port}"
    )
    step = (
        f"see the firewalls of both hosts for tcp port {port} (nft list ruleset), then the network "
        "between; connect to that port with nothing else, that disturbs dhcpd"
    )
    return [Finding("link-blocked", CAUSE, text, step, None, 90)]


def _misconfigured(view: PairView) -> list[Finding]:
    """Find what in the two files can't ever connect."""
    first, second = view.servers
    mine, theirs = view.end(first), view.end(second)
    found = []
    if mine.get("role") == theirs.get("role"):
        text = f"{first} and {second} both say {mine.get('role')} in failover peer {view.name}"
        step = "make one of them the primary, the other the secondary, and restart that one"
        found.append(Finding("same-role", CAUSE, text, step, None, 95))
    for one, other in ((first, second), (second, first)):
        a, b = view.end(one), view.end(other)
        if a.get("peer_port") != b.get("port"):
            text = (
                f"{one} dials {other} on port {a.get('peer_port')}, and {other} listens on port "
                f"{b.get('port')} (peer port and port of failover peer {view.name})"
            )
            step = f"set peer port {b.get('port')} on {one}"
            step += f", or port {a.get('peer_port')} on {other}{_AT_START}"
            found.append(Finding("port-mismatch", CAUSE, text, step, one, 94))
        address, own = a.get("peer_address"), b.get("address")
        if _is_address(address) and _is_address(own) and address != own:
            text = (
                f"{one} takes {address} for the address of {other}, which has {own} in failover "
                f"peer {view.name}: each refuses the other's connections"
            )
            step = f"set peer address {own} on {one}, or address {address} on {other}"
            found.append(Finding("address-mismatch", CAUSE, text, step + _AT_START, one, 94))
    # Each end tries on its own: one wrong port does no harm while the other one's dialling works.
    return found


_AT_START = "; it takes effect when dhcpd is next started there"


def _is_address(text: Any) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[\d.]+", text))


def _refusals(view: PairView, server: str) -> list[Finding]:
    """Why a server's log says that a connection was refused, if it still is."""
    entries = recently(view, server, of_process(view, server, events_of(view, server, "refused")))
    named = [
        entry
        for entry in view.log(server)["told"]
        if entry["kind"] == "refused" and "unknown failover relationship" in str(entry["why"])
    ]
    found, partner = [], view.partner(server)
    for entry in recently(view, server, of_process(view, server, named)):
        text = (
            f"{partner} calls the relationship {entry.get('relationship')}, {server} knows none of "
            "that name"
        )
        step = "give it the same name on both" + _AT_START
        found.append(Finding("name-mismatch", CAUSE, text, step, server, 94))
    for entry in entries:
        why = str(entry.get("why"))
        if _TIME.search(why):
            if not view.clocks_refused:
                text = (
                    f"{server} refused the connection because of the clocks ({why}), at "
                    f"{stamp(float(entry['last']))}; they are {abs(view.skew or 0):.0f} s apart now"
                )
                step = "if the clocks were set just now: wait 5 s, dhcpd tries again by itself"
                found.append(Finding("clock-skew", CAUSE, text, step, server, 86))
        elif "unknown failover relationship" not in why:
            same = view.end(server)["role"] == view.end(partner)["role"]
            if why == "already connected" and (same or int(entry["count"]) < 3):
                continue
            text = f"{server} says that the connection is refused: {why} ({entry['count']} times)"
            step = f"compare failover peer {view.name} of both dhcpd.conf"
            found.append(Finding("refused", CAUSE, text, step, server, 85))
    for entry in recently(
        view, server, of_process(view, server, events_of(view, server, "stray-connection"))
    ):
        text = (
            f"{server} receives failover connections from an address that is not its peer's "
            f"({entry['why']}): its peer address or the source address of {partner} is wrong"
        )
        step = f"compare peer address on {server} with the address that {partner} dials from"
        found.append(Finding("stray-connection", CAUSE, text, step, server, 83))
    return found


def _listener(view: PairView, server: str) -> list[Finding]:
    """Whether a server listens for its partner at all (failover.c:122-136 says nothing if not)."""
    sockets = view.survey(server)["sockets"]["relationships"]
    if view.name not in sockets:
        return []
    listens, end = sockets[view.name].get("listens"), view.end(server)
    if listens == "own":
        return []
    port, address = end.get("port"), end.get("address")
    who = "another program has it" if listens == "other" else "its address may not be this host's"
    text = f"dhcpd on {server} does not listen on {address} port {port}: {who}"
    if view.touched_since_start(server):
        text += "; or dhcpd.conf was changed since its start, and it still listens where it did"
    step = f"free the port or fix the address on {server}; dhcpd tries again every 90 s"
    return [Finding("not-listening", CAUSE, text, step, server, 91)]


def disagree(view: PairView) -> list[Finding]:
    """Find ends that contradict each other although they are connected."""
    first, second = view.servers
    mine, theirs = view.states(first), view.states(second)
    if None in mine or None in theirs or linked(view) is False:
        return []
    one, other = (("normal", "normal"), "communications-interrupted")
    for a, b, server in ((mine, theirs, second), (theirs, mine, first)):
        if a == one and b[0] == other and age_of(view, server) > 10:
            text = (
                f"{view.partner(server)} believes both normal while {server} takes it for lost, "
                "and the connection stands: a broken connection object in dhcpd"
            )
            step = (
                f"restart dhcpd on {server}, the one that knows it is alone: salt {server} "
                "dhcpd.restart force=relationship,partner"
            )
            return [Finding("half-open", CAUSE, text, step, server, 80)]
    return []
