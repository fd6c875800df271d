"""
Why two servers that run are not connected, or are and do not agree: the diagnosis of the link.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..pair.view import PairView
from ..patterns import lazy_pattern
from ..rules.may_stop import clocks_apart
from ..words import stamp
from .finding import CAUSE
from .finding import Finding
from .finding import age_of
from .finding import events_of
from .finding import linked
from .finding import of_process
from .finding import recently

_TIME = lazy_pattern(r"time (?:offset|mismatch) too")


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
        reason = clocks_apart(first, second, view.skew or 0.0, view.name)
        step = f"{reason.do}; dhcpd tries again every 5 s and does the rest"
        found.append(Finding(reason.code, CAUSE, reason.text, step, None, 94))
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
    case = {"partner": second, "silence": silence, "port": port}
    return [replace(Finding.of("link-blocked", CAUSE, 90, first, case=case), server=None)]


def _misconfigured(view: PairView) -> list[Finding]:
    """Find what in the two files can't ever connect."""
    first, second = view.servers
    mine, theirs = view.end(first), view.end(second)
    found = []
    if mine.get("role") == theirs.get("role"):
        case = {"partner": second, "role": mine["role"], "pair": view.name}
        found.append(replace(Finding.of("same-role", CAUSE, 95, first, case=case), server=None))
    for one, other in ((first, second), (second, first)):
        a, b = view.end(one), view.end(other)
        if a["peer_port"] != b["port"]:
            ports = {"peer_port": a["peer_port"], "port": b["port"]}
            found.append(
                Finding.of(
                    "port-mismatch", CAUSE, 94, one, case=ports, partner=other, pair=view.name
                )
            )
        astray = _led_astray(view, one)
        found += astray
        address, own = _looked_up(view, one, "peer"), _looked_up(view, other, "own")
        if not astray and address and own and address != own and not _is_loopback(own):
            case = {
                "partner": other,
                "pair": view.name,
                "address": _said(a["peer_address"], address),
                "own": _said(b["address"], own),
            }
            found.append(Finding.of("address-mismatch", CAUSE, 94, one, case=case))
    # Each end tries on its own: one wrong port does no harm while the other one's dialling works.
    return found


def _led_astray(view: PairView, server: str) -> list[Finding]:
    """Find the names of a server's own dhcpd.conf that lead to no host, or to itself."""
    own, peer = _looked_up(view, server, "own"), _looked_up(view, server, "peer")
    if _is_loopback(own) and _is_loopback(peer):
        return []  # both dhcpd on one host
    found, end, partner = [], view.end(server), view.partner(server)
    for whose, address, named in (
        (server, own, end["address"]),
        (partner, peer, end["peer_address"]),
    ):
        case = {"whose": whose, "pair": view.name, "address": _said(named, address)}
        if _is_loopback(address):
            found.append(Finding.of("address-loopback", CAUSE, 96, server, case=case))
        elif address == "" and whose == partner:
            found.append(Finding.of("address-unresolved", CAUSE, 95, server, case=case))
    return found


def _looked_up(view: PairView, server: str, whose: str) -> str | None:
    """
    Return the address that dhcpd on a server takes for its own, or its peer's.

    It is empty for a name that nobody knows there, ``None`` where that is not known.
    """
    sockets: Mapping[str, Any] = view.survey(server)["sockets"]["relationships"].get(view.name, {})
    # A minion of an earlier version does not look names up.
    known = sockets.get(whose)
    if known is not None:
        return str(known[0]) if known else ""
    end = view.end(server)
    written = end["address"] if whose == "own" else end["peer_address"]
    return written if _is_address(written) else None


def _said(written: str | None, address: str | None) -> str:
    return f"{written} (that is {address})" if address and address != written else str(written)


def _is_address(text: Any) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[\d.]+", text))


def _is_loopback(address: str | None) -> bool:
    return address is not None and address.startswith("127.")


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
        case = {"partner": partner, "name": entry.get("relationship")}
        found.append(Finding.of("name-mismatch", CAUSE, 94, server, case=case))
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
            more = f" ({entry['count']} times)"
            case = {"pair": view.name, "why": why}
            found.append(Finding.of("refused", CAUSE, 85, server, more, case=case))
    for entry in recently(
        view, server, of_process(view, server, events_of(view, server, "stray-connection"))
    ):
        case = {"partner": partner, "why": entry["why"]}
        found.append(Finding.of("stray-connection", CAUSE, 83, server, case=case))
    return found


def _listener(view: PairView, server: str) -> list[Finding]:
    """Whether a server listens for its partner at all (failover.c:122-136 says nothing if not)."""
    sockets = view.survey(server)["sockets"]["relationships"]
    if view.name not in sockets:
        return []
    listens, end = sockets[view.name].get("listens"), view.end(server)
    if listens == "own":
        return []
    who = "another program has it" if listens == "other" else "its address may not be this host's"
    more = ""
    if view.touched_since_start(server):
        more = "; or dhcpd.conf was changed since its start, and it still listens where it did"
    case = {"address": end["address"], "port": end["port"], "who": who}
    return [Finding.of("not-listening", CAUSE, 91, server, more, case=case)]


def disagree(view: PairView) -> list[Finding]:
    """Find ends that contradict each other although they are connected."""
    first, second = view.servers
    mine, theirs = view.states(first), view.states(second)
    if None in mine or None in theirs or linked(view) is False:
        return []
    one, other = (("normal", "normal"), "communications-interrupted")
    for a, b, server in ((mine, theirs, second), (theirs, mine, first)):
        if a == one and b[0] == other and age_of(view, server) > 10:
            return [Finding.of("half-open", CAUSE, 80, server, partner=view.partner(server))]
    return []
