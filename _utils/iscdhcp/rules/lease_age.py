"""
Whether a server's lease file is older than what its partner believes it to know, and the way back.

A copy from a backup, a snapshot, or ``dhcpd.leases~`` says normal as it did then, so dhcpd asks its
partner for nothing, forgets what is newer, and gives it again: 298 addresses to two clients
(measured). With ``my state recover`` in it dhcpd fetches everything first.
"""

from __future__ import annotations

from ..shapes import Ended
from ..shapes import Knowledge
from ..shapes import ServerFacts
from ..words import stamp
from .may_stop import CLOCK_MAX_SKEW
from .verdict import Reason
from .verdict import name_of

#: Leases that may be missing on a server that runs: what is on its way, and what was just released.
FEW, SHARE = 5, 0.02


def older_than_partner(
    server: str, partner: str, name: str, mine: Knowledge | None, theirs: Knowledge | None
) -> Reason | None:
    """
    Return the reason where the file of a server that is down is older than its partner believes.

    server, partner
        Who they are, for the sentence.
    name
        The relationship.
    mine, theirs
        What their lease files know; ``None`` where it is not known. With other ranges at one end
        nothing can be compared.
    """
    if mine is None or theirs is None or mine["ranges"] != theirs["ranges"]:
        return None
    if theirs["known"] is None:
        return None
    newest = mine["newest"] or 0.0
    missing = theirs["shared"] - mine["active"]
    if theirs["known"] > newest:
        last = stamp(newest) if newest else "nothing"
        known = stamp(theirs["known"])
        gap = f"its last transaction is of {last}, and it acknowledged that of {known}"
    elif missing > max(FEW, SHARE * theirs["shared"]):
        gap = f"{missing} leases that it acknowledged are not in it"
    else:
        return None
    return Reason.of("lease-file-old", name, server=server, partner=partner, gap=gap)


def of_facts(facts: ServerFacts, partner: ServerFacts, name: str) -> Reason | None:
    """As :func:`older_than_partner`, from both servers' facts, as far as they were surveyed."""
    mine, theirs = (one["survey"] for one in (facts, partner))
    return older_than_partner(
        name_of(facts),
        name_of(partner),
        name,
        (mine["knowledge"] or {}).get(name) if mine else None,
        (theirs["knowledge"] or {}).get(name) if theirs else None,
    )


def forgets(
    server: str, partner: str, name: str, mine: Knowledge | None, theirs: Knowledge | None
) -> Reason | None:
    """
    Return the reason where a server that runs lacks leases that both ends have to know.

    Arguments as for :func:`older_than_partner`. It was started on an old file, at boot for example.
    """
    if mine is None or theirs is None or mine["ranges"] != theirs["ranges"]:
        return None
    missing = theirs["shared"] - mine["active"]
    if missing <= max(FEW, SHARE * theirs["shared"]):
        return None
    return Reason.of("leases-missing", name, server=server, partner=partner, leases=missing)


def recover_since(
    ended: Ended | None, last_ran: str | None, partner_knows: float | None, mclt: float, now: float
) -> float:
    """
    Return since when a server has to be in ``recover``, so that no lease of its own is given twice.

    Leases that only the lost file knew last at most MCLT from the last moment at which this server
    may have given one; dhcpd serves again MCLT after the time that this returns.

    ended
        Our own record of the end of a process, or ``None``.
    last_ran
        The process that ran last, as far as it is noted. A record of another one says nothing.
    partner_knows
        The last transaction that the partner has (epoch seconds). One that is newer than the
        record, by more than clocks may differ, says that somebody else ran after it.
    mclt
        Seconds.
    now
        This server's clock, epoch seconds.
    """
    if ended is None or ended["identity"] != last_ran or ended["time"] > now:
        return now
    if partner_knows is not None and partner_knows > ended["time"] + CLOCK_MAX_SKEW:
        return now
    # What ended with nothing unacknowledged has left no lease that only its own file knew.
    return now - mclt if ended["unacknowledged"] == 0 else ended["time"]
