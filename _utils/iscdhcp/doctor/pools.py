"""Clients that find no address: each network of a pair judged by itself."""

from __future__ import annotations

from collections.abc import Iterable

from ..pair.view import Counts
from ..pair.view import PairView
from ..troubles.catalogue import what_to_do
from ..words import joined
from .finding import CAUSE
from .finding import NOTE
from .finding import RISK
from .finding import Finding

#: From this share of a network's addresses on its abandoned ones are worth a word.
_MANY_ABANDONED = 0.1


def times(number: int) -> str:
    """Return how often it was (``once``, ``3 times``)."""
    return "once" if number == 1 else f"{number} times"


def exhaustion(view: PairView, server: str) -> list[Finding]:
    """Return what a server's clients lack, by its log and the counts of its pools."""
    if not view.running(server):
        return []
    return _full(view, server) + _own_half_used_up(view, server) + _abandoned(view, server)


def _full(view: PairView, server: str) -> list[Finding]:
    clients = view.log(server)["clients"]
    none, counts = clients.get("no-free-leases", 0), view.counts(server)
    if not none:
        return []
    # A minion of an earlier version does not tell them by network.
    told = view.log(server).get("full_networks") or {}
    networks = _networks(counts) if counts else {}
    full = [name for name, one in networks.items() if not (one["free"] or one["backup"])]
    if not told and len(networks) > 1 and full:
        # Nobody said in which; where there is one that is full, it was there.
        told = {joined(full): none}
    everything = len(full) == len(networks) and all(name in networks for name in told)
    if everything or not told:
        if counts and (counts["free"] or counts["backup"]):
            return []
        # dhcpd has said it; how many there are is not always counted.
        total = f" (of {counts['addresses']})" if counts else ""
        case = {"pair": view.name, "total": total, "times": times(none)}
        more = _lost(networks.values())
        return [Finding.of("pool-exhausted", CAUSE, 72, server, more, case=case)]
    found = []
    for name, number in sorted(told.items(), key=lambda one: -one[1]):
        known = networks.get(name)
        case = {"network": name, "times": times(number)}
        if known and (known["free"] or known["backup"]):
            free = f"{known['free']} free, {known['backup']} backup of {known['addresses']}"
            found.append(Finding.of("pool-closed", RISK, 63, server, free=free, case=case))
            continue
        case["total"] = f" (of {known['addresses']})" if known else ""
        more = _lost([known]) if known else ""
        found.append(Finding.of("pool-full", CAUSE, 72, server, more, case=case))
    return found


def _own_half_used_up(view: PairView, server: str) -> list[Finding]:
    turned, counts = view.log(server)["clients"].get("peer-holds-all", 0), view.counts(server)
    if not turned:
        return []
    partner, state = view.partner(server), view.states(server)[0]
    left = f" ({counts['own']} left of {counts['addresses']})" if counts else ""
    away = f"{server} turned clients away {times(turned)} recently (peer holds all free leases)"
    if state in ("communications-interrupted", "partner-down"):
        text = f"{away}: its own half is used up{left}, {partner} has the other"
        step = (
            f"bring {partner} back at once; only if it is verified down for long, set {server} to "
            "partner-down (4) over OMAPI, which frees the other half after MCLT"
        )
        return [Finding("peer-holds-all", CAUSE, text, step, server, 93)]
    text = f"{away}: its share is used up{left} until the next rebalance"
    step = what_to_do("peer-holds-all", pair=view.name)
    return [Finding("peer-holds-all", RISK, text, step, server, 64)]


def _abandoned(view: PairView, server: str) -> list[Finding]:
    counts = view.counts(server)
    # Both servers know of them: it is told once.
    other = view.counts(view.partner(server)) if server == view.pair.secondary else None
    told = _networks(other) if other else {}
    found = []
    for name, one in _networks(counts).items() if counts else ():
        many = one["abandoned"] >= max(1.0, _MANY_ABANDONED * one["addresses"])
        if many and one["abandoned"] > told.get(name, {}).get("abandoned", 0):
            case = {"network": name, **one}
            found.append(Finding.of("pool-abandoned", NOTE, 33, server, case=case))
    return found


def _networks(counts: Counts) -> dict[str, dict[str, int]]:
    """Return the counts by network: a client may get an address of any of its pools."""
    found: dict[str, dict[str, int]] = {}
    for pool in counts["pools"]:
        one = found.setdefault(
            pool["network"], {"addresses": 0, "free": 0, "backup": 0, "abandoned": 0}
        )
        one["addresses"] += pool["addresses"]
        one["free"] += pool["free"]
        one["backup"] += pool["backup"]
        one["abandoned"] += pool["abandoned"]
    return found


def _lost(networks: Iterable[dict[str, int]]) -> str:
    abandoned = sum(one["abandoned"] for one in networks)
    return f"; {abandoned} of them are abandoned, not leased" if abandoned else ""
