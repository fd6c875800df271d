"""
What a restart of a pair would do, how long each part takes, what clients notice: before it is done.

Pure functions from a :class:`iscdhcp.pair.view.PairView` to a plan. Seconds are expectations,
computed from what was measured on real pairs and from this pair's own lease files, last starts and
MCLT.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import measured
from ..rules.methods import METHODS
from ..rules.methods import Method
from ..words import span
from .view import PairView

#: Seconds for questions, locks and looks before the first act, and around each wait.
LOOKS = 1.0


def start_seconds(view: PairView, server: str) -> float:
    """Return how long dhcpd's start on a server takes: as last measured, or by its lease file."""
    last_start = view.seen(server)["last_start"]
    size = float(view.seen(server)["lease_file"]["bytes"] or 0)
    expected = 0.1 + size * measured.START_SECONDS_PER_BYTE
    return max(expected, last_start["seconds"]) if last_start else expected


def update_seconds(view: PairView, server: str) -> float:
    """Return how long a full update of all leases takes."""
    counts = view.counts(server)
    leases = measured.addresses_in(view.seen(server)["lease_file"]["bytes"])
    addresses = counts["addresses"] if counts else leases
    return max(2.0, measured.update_seconds(addresses))


def _mclt(view: PairView) -> float:
    return float(view.end(view.pair.primary)["mclt"] or view.pair.mclt or 3600)


def _phases_of(view: PairView, server: str, method: str) -> list[tuple[str, float]]:
    """Return what happens to one server and for how many seconds each."""
    start = start_seconds(view, server)
    gentle = bool(view.seen(server)["process"]["gentle_shutdown"])
    if method == "signal":
        stop, normal = 0.05, 0.2
        if gentle:
            # server/dhcpd.c:1050; with an omapi-port 5 s and a full MCLT, else 1 s and 2 s
            omapi = view.seen(server)["omapi"]["configured"]
            stop, normal = (5.0, _mclt(view)) if omapi else (1.0, 2.0)
    elif method == "drain":
        stop, normal = 0.2, 0.2
        if gentle:
            stop, normal = 5.0, _mclt(view)
    elif method == "handover":
        stop, normal = 0.5, update_seconds(view, server)
    else:
        stop, normal = 18.0, _mclt(view)
    partner = view.partner(server)
    return [
        (f"dhcpd on {server} is stopped ({method}), {partner} serves", stop),
        (f"dhcpd on {server} starts and reads its leases", start),
        ("both are normal again, pools balanced, seen three times", normal + LOOKS),
    ]


def server_seconds(view: PairView, server: str, method: str) -> float:
    """Return how long the restart of one server takes, with the looks before it."""
    return LOOKS + sum(seconds for _, seconds in _phases_of(view, server, method))


def plan(
    view: PairView,
    order: Iterable[str],
    method: str = "signal",
    blockers: Iterable[str] = (),
    available: Iterable[str] = tuple(METHODS),
    healable: str | None = None,
    heal: bool = False,
) -> dict[str, Any]:
    """
    Return the plan of a restart.

    order
        The servers that are restarted, in that order.
    method
        How dhcpd is stopped.
    blockers
        Sentences that stand against it.
    available
        The methods that this version has.
    healable, heal
        The server that is down and may be started first, if any, and whether that is wanted.

    Returns ``order``, ``method``, ``phases`` (each with ``server``, ``text``, ``seconds``),
    ``seconds`` in all, ``clients`` (what they notice), ``blockers``, ``healable``, and ``methods``:
    the same figures for every method, with ``possible`` and ``why``.
    """
    order = list(order)
    first = _healing(view, healable) if healable and heal else []
    before = sum(seconds for _, seconds in first)
    methods = {}
    for name, one in METHODS.items():
        phases = [phase for server in order for phase in _phases_of(view, server, name)]
        why = _impossible(view, order, one, available)
        methods[name] = {
            "what": one.what,
            "clients": one.clients,
            "seconds": round(LOOKS + before + sum(seconds for _, seconds in phases), 1),
            "mute": round(max((_mute(view, server, name) for server in order), default=0.0), 1),
            "possible": why is None,
            "why": why,
        }
    shown = [{"server": None, "text": "locked, and all checks made", "seconds": LOOKS}]
    for text, seconds in first:
        shown.append({"server": healable, "text": text, "seconds": round(seconds, 2)})
    for server in order:
        for text, seconds in _phases_of(view, server, method):
            shown.append({"server": server, "text": text, "seconds": round(seconds, 2)})
    return {
        "order": order,
        "method": method,
        "phases": shown,
        "seconds": methods[method]["seconds"],
        "clients": METHODS[method].clients,
        "blockers": list(blockers),
        "healable": healable,
        "methods": methods,
    }


def _healing(view: PairView, server: str) -> list[tuple[str, float]]:
    """Return what is done first to a server that is down, and for how many seconds each."""
    partner = view.partner(server)
    recovers = view.states(partner)[0] == "partner-down"
    back = "it fetches all leases and waits for MCLT" if recovers else "both are normal again"
    seconds = update_seconds(view, partner) + (_mclt(view) if recovers else 0.0)
    start = start_seconds(view, server)
    return [
        (f"dhcpd on {server}, which is down, is started; {partner} serves", start),
        (f"{back}, and everything is checked again", seconds + LOOKS),
    ]


def _mute(view: PairView, server: str, method: str) -> float:
    """For how many seconds a server answers nobody, while its partner does."""
    stop, start, normal = (seconds for _, seconds in _phases_of(view, server, method))
    return stop + start + normal - LOOKS


def _impossible(
    view: PairView, order: Iterable[str], method: Method, available: Iterable[str]
) -> str | None:
    if method.name not in set(available):
        return "not in this version"
    if not method.omapi:
        return None
    for server in order:
        omapi = view.seen(server)["omapi"]
        if not omapi.get("answers"):
            why = omapi.get("error") or omapi.get("hint") or "it is not configured"
            return f"OMAPI of {server} does not answer: {why}"
    return None


def sentence(found: dict[str, Any]) -> str:
    """Return the plan in a sentence, for a dry run."""
    order = ", then ".join(found["order"])
    others = "; ".join(
        f"{name} {span(one['seconds'])}"
        for name, one in found["methods"].items()
        if name != found["method"] and one["possible"]
    )
    text = (
        f"Expected by {found['method']}: {order}, {span(found['seconds'])} in all. Clients: "
        f"{found['clients']}."
    )
    return f"{text} Other methods: {others}." if others else text
