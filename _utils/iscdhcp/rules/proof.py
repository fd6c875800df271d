"""
What a client's question to the partner proves: pure functions from :class:`iscdhcp.shapes.Asked`.

Silence speaks against a partner only where it has answered this very server before. One that never
did may be out of reach of such a question (a relay that only it knows, classes, ``deny
unknown-clients``, a pool that is used up): that is not provable, and not bad.
"""

from __future__ import annotations

from ..shapes import Alive
from ..shapes import Asked
from ..words import clock
from .verdict import Reason

#: Seconds for which an answer says something about now, for a verdict; the last look asks anew.
RECENT = 10.0


def of_answer(
    asked: Asked, relationship: str, server: str, partner: str, by_run: bool = True
) -> list[Reason]:
    """
    Return what the answer to a question has against leaving the partner alone.

    asked
        The question and its answer.
    server, partner
        Who asked whom, for sentences.
    by_run
        Whether a run asks, which has looked at the partner itself: then what can't be proved is
        told, and does not block.
    """
    if asked["offered"]:
        return []
    if asked["off"]:
        return [Reason.of("probe-off", relationship, server=server, partner=partner)]
    if is_silent(asked):
        return [
            Reason.of(
                "probe-silent",
                relationship,
                server=server,
                partner=partner,
                how=_how(asked),
                before=f"{clock(asked['before'])} UTC",
            )
        ]
    why = asked["why"] or f"it has never answered it ({_how(asked)})"
    return [
        Reason.of(
            "probe-unproved", relationship, not by_run, server=server, partner=partner, why=why
        )
    ]


def is_silent(asked: Asked) -> bool:
    """Whether a partner offered nothing that has offered this server an address before."""
    return asked["offered"] is False and asked["before"] is not None


def is_mute(alive: Alive | None, now: float) -> bool:
    """
    Whether a partner gave no sign of life just now that has given this server one before.

    That is not its death: the way to it may be gone. ``now``: the clock of the server that asked.
    """
    if alive is None or alive["before"] is None or abs(now - alive["asked"]) > RECENT:
        return False
    return alive["answered"] is False


def is_recent(asked: Asked | None, now: float) -> bool:
    """Whether a question was asked so recently that its answer counts; ``now``: its clock."""
    return bool(asked and asked["asked"] is not None and abs(now - asked["asked"]) <= RECENT)


def _how(asked: Asked) -> str:
    if asked["alive"]:
        return "dhcpd there answers, and gives no address: paused, or out of addresses"
    return "nor does it answer anything else by DHCP"
