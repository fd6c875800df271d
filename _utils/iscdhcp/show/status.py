"""The status of a pair as rows, for tables and programs."""

from __future__ import annotations

from typing import Any

from .. import words
from ..pair.view import PairView
from ..rules import stuck
from ..rules import wording
from ..shapes import Pending

#: Seconds for which the last answer to a question is news if there was none.
SILENT_LATELY = 900.0


def rows(view: PairView) -> dict[str, dict[str, Any]]:
    """
    Return the status of a pair, by server: plain data for people and programs.

    ``role``, ``state``, ``partner_state``, ``since`` (UTC), ``serves``, ``source`` of the state,
    ``pid``, ``mclt`` (seconds), ``pools`` (``network``, ``addresses``, ``active``, ``free``,
    ``backup``), ``clock`` (this server's minus its partner's, seconds); and where there is such a
    thing: ``recover_wait_until``, ``stuck``, ``why`` (nothing is known), ``better``,
    ``pending_restart``, ``lock``, ``hold``, ``claim``, ``partner_answered`` (what came of the last
    questions to the partner, and how long ago), ``partner_silent`` (the same where it was silent a
    short while ago, and answered before).
    """
    return {server: _row(view, server) for server in view.servers}


def _row(view: PairView, server: str) -> dict[str, Any]:
    end = view.end(server)
    since, counts = end["since"], view.counts(server)
    row: dict[str, Any] = {
        "role": "primary" if server == view.pair.primary else "secondary",
        "state": end["state"] or "unknown",
        "partner_state": end["partner_state"] or "unknown",
        "since": since and words.date(since),
        "serves": end["serves"],
        "source": end["source"],
        "pid": view.seen(server)["process"]["pid"],
        "mclt": end["mclt"] or view.pair.mclt,
        "pools": counts["pools"] if counts else [],
        "clock": None,
    }
    if view.skew is not None:
        # A minion's answer takes its time: less than a tenth of a second means nothing.
        sign = 1 if server == view.pair.secondary else -1
        row["clock"] = sign * round(view.skew, 1) or 0.0
    until = wording.recover_wait_until(end)
    claim = view.seen(server)["claim"]
    pending = view.seen(server)["pending_restart"]
    more = {
        "recover_wait_until": until and f"{words.clock(until)} UTC",
        "stuck": _stuck(view, server),
        "why": view.error(server) or end["why_unknown"],
        "better": view.seen(server)["omapi"]["hint"],
        "pending_restart": _pending(pending),
        "lock": view.locks.get(server),
        "hold": view.holds.get(server),
        "claim": claim and f"{claim['who']} until {words.clock(claim['until'])} UTC",
        **_answers(view, server),
    }
    return {**row, **{key: value for key, value in more.items() if value}}


def _answers(view: PairView, server: str) -> dict[str, str]:
    """Return what the partner has answered when this server asked it as a client does."""
    end, now = view.end(server), view.seen(server)["time"]
    asked, alive = end["asked"], end["alive"]
    told: list[tuple[bool | None, float, float | None, str]] = []
    if asked is not None and asked["asked"] is not None:
        said = "offered an address" if asked["offered"] else "offered no address"
        told.append((asked["offered"], asked["asked"], asked["before"], said))
    if alive is not None and alive["answered"] is not None:
        said = "gave a sign of life" if alive["answered"] else "gave no sign of life"
        told.append((alive["answered"], alive["asked"], alive["before"], said))
    if not told:
        return {}
    partner = view.partner(server)

    def text(of: list[tuple[bool | None, float, float | None, str]]) -> str:
        each = [f"{said} {words.span(max(0.0, now - at))} ago" for _, at, _, said in of]
        return f"{partner} {', '.join(each)}"

    since = max(now - SILENT_LATELY, _born(view, partner))
    silent = [one for one in told if not one[0] and one[2] is not None and one[1] >= since]
    found = {"partner_answered": text(told)}
    return {**found, "partner_silent": text(silent)} if silent else found


def _born(view: PairView, partner: str) -> float:
    """Return since when a server's dhcpd runs, on its partner's clock: what was before is over."""
    started = view.seen(partner)["process"]["started"]
    ahead = (view.skew or 0.0) * (1 if partner == view.pair.secondary else -1)
    return float("-inf") if started is None else started - ahead


def _pending(pending: Pending | None) -> str | None:
    if pending is None:
        return None
    return f"unknown: {pending['reason']}" if pending["pending"] == "unknown" else pending["reason"]


def _stuck(view: PairView, server: str) -> str | None:
    """Say that a server will not get on by itself, however long one waits."""
    if view.seen(server)["acting"]:
        return None
    mine, theirs = view.end(server), view.end(view.partner(server))
    found = stuck.of_pair(mine, theirs) or stuck.of_end(mine)
    return found and found.removeprefix("stuck: ")
