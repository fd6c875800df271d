"""
What keeps a relationship from ever getting normal by itself.

Pure functions from facts; the cures are :func:`iscdhcp.act.handover.release_window` and
:func:`iscdhcp.act.drain.resume`.
"""

from __future__ import annotations

from ..shapes import EndFacts


def of_pair(mine: EndFacts, theirs: EndFacts) -> str | None:
    """
    Say that a returned server waits in recover for a survivor with a full window, or ``None``.

    mine, theirs
        Facts of the relationship at the returned server and at the survivor.
    """
    full = theirs["unacked"] or 0
    if mine["state"] == "recover" and theirs["state"] == "partner-down" and full:
        if full > (theirs["unacked_bound"] or 0):
            return (
                f"stuck: it waits in recover for updates, and the survivor's window is full of "
                f"{full} that nobody will acknowledge (dhcpd.release_window there)"
            )
    return None


def of_end(end: EndFacts) -> str | None:
    """
    Say what keeps one end from ever getting normal by itself, as far as it knows; or ``None``.

    end
        Facts of the relationship at one server.
    """
    state, partner = end["state"], end["partner_state"]
    unacked, bound = end["unacked"] or 0, end["unacked_bound"] or 0
    if state == "partner-down" and partner == "recover" and unacked > bound:
        return (
            f"stuck: its window is full of {unacked} updates that nobody will acknowledge, and its "
            "partner waits in recover for them (dhcpd.release_window here)"
        )
    if state in ("paused", "shutdown", "unknown-state"):
        return f"stuck: {state} does not end by itself, it answers no client (dhcpd.resume here)"
    return None
