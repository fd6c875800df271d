"""
Asking the partner whether it serves, as a client would; what it answered is kept on the minion.

The question is :mod:`iscdhcp.host.probe`, what its answer means :mod:`iscdhcp.rules.proof`. Only
decisions ask (a preflight, the last look before a stop, the gate after a start): a question holds
an address for two minutes, and is in both servers' logs.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from ..conf.views import Pool
from ..conf.views import Relationship
from ..files import read_json
from ..files import write_json
from ..host.probe import Question
from ..shapes import Asked
from ..shapes import LeaseFacts
from .server import Server

#: The file of the minion's own with the last questions and answers, by relationship.
KEPT = "asked.json"
#: Seconds in which a partner that serves has answered: a second of ping-check, and as much again.
ANSWER_SECONDS = 2.5
#: Seconds for which one that never answered is not asked again by what comes after a preflight.
IN_VAIN = 300.0
#: Seconds in which a dhcpd that runs answers a DHCPINFORM.
ALIVE_SECONDS = 1.0


def ask_all(
    server: Server,
    folder: Path,
    leases: LeaseFacts | None,
    names: Iterable[str] | None = None,
    sparing: bool = False,
) -> dict[str, Asked]:
    """
    Ask the partners of this server and keep what they answered.

    folder
        The minion's own.
    leases
        What was counted, to ask in a pool in which the partner has addresses.
    names
        Only in these relationships.
    sparing
        As for :func:`ask`.
    """
    found = {}
    earlier = kept(folder)
    for one in server.configuration.relationships if server.configuration else ():
        if names is None or one.name in names:
            before = earlier.get(one.name)
            found[one.name] = ask(server, one, leases, before, sparing=sparing)
    keep(folder, {**earlier, **found})
    return found


def ask(
    server: Server,
    relationship: Relationship,
    leases: LeaseFacts | None,
    earlier: Asked | None,
    seconds: float = ANSWER_SECONDS,
    sparing: bool = False,
) -> Asked:
    """
    Ask the partner in one relationship for an address.

    earlier
        The last question there.
    seconds
        How long its answer is waited for.
    sparing
        Do not wait once more for one that was asked a moment ago, and has never answered.
    """
    address = _address(server, relationship)
    if sparing and earlier and _was_in_vain(earlier, address, server.host.clock.time()):
        return earlier
    asked: Asked = {**NOTHING, "address": address}
    if earlier and earlier["address"] == address:
        asked["before"] = earlier["before"]
    if not server.settings.probe:
        return {**asked, "why": "the setting dhcpd:probe turns it off", "off": True}
    pool = pool_to_ask(relationship, leases)
    if pool is None:
        return {**asked, "why": "no pool of the relationship has an address to ask for"}
    question = Question(address, relationship.address, pool.ranges[0][0])
    clock = server.host.clock
    asked["network"], asked["asked"] = pool.network, clock.time()
    try:
        heard = server.host.ask(question, seconds)
        if heard is None:
            asked["alive"] = server.host.ask(question, ALIVE_SECONDS, True) is not None
    except OSError as err:
        return {**asked, "asked": None, "why": f"the question could not be put ({_said(err)})"}
    asked["offered"] = heard is not None
    if heard is not None:
        asked["seconds"], asked["before"] = heard.seconds, clock.time()
    return asked


def _was_in_vain(earlier: Asked, address: str, now: float) -> bool:
    never = earlier["offered"] is False and earlier["before"] is None
    recently = earlier["asked"] is not None and 0 <= now - earlier["asked"] < IN_VAIN
    return never and recently and earlier["address"] == address


#: Of a partner that was never asked.
NOTHING: Asked = {
    "address": None,
    "network": None,
    "asked": None,
    "offered": None,
    "seconds": None,
    "alive": None,
    "before": None,
    "why": None,
    "off": False,
}


def pool_to_ask(relationship: Relationship, leases: LeaseFacts | None) -> Pool | None:
    """
    Return the pool in which the partner is asked: one that is open to all and has addresses left.

    ``None`` where every pool is used up at the partner, or there is none.
    """
    free = _free_at_partner(relationship, leases)
    pools = [pool for pool in relationship.pools if pool.ranges]
    left = [pool for pool in pools if free.get(str(_ranges(pool.ranges)), 1) > 0]
    # Most addresses first: the least likely to be used up meanwhile.
    return max(left, key=lambda pool: (not pool.restricted, _most(free, pool)), default=None)


def _most(free: dict[str, int], pool: Pool) -> int:
    return free.get(str(_ranges(pool.ranges)), pool.addresses)


def _free_at_partner(relationship: Relationship, leases: LeaseFacts | None) -> dict[str, int]:
    """Return how many addresses the partner has for new clients, by ranges, as far as known."""
    counted = leases["relationships"].get(relationship.name) if leases else None
    mine_is_primary = relationship.role == "primary"
    return {
        str(_ranges(pool["ranges"])): pool["backup"] if mine_is_primary else pool["free"]
        for pool in counted or ()
    }


def _ranges(ranges: Iterable[Iterable[str]]) -> list[list[str]]:
    return sorted(map(list, ranges))


def _address(server: Server, relationship: Relationship) -> str:
    """Return where the partner is asked."""
    named = server.settings.probe_addresses
    if isinstance(named, str):
        return named
    return (named or {}).get(relationship.name) or relationship.peer_address


def _said(err: OSError) -> str:
    if isinstance(err, socket.gaierror):
        return f"a name can't be resolved: {err.strerror}"
    return err.strerror or str(err)


# -- what is kept ---------------------------------------------------------------------------------


def kept(folder: Path) -> dict[str, Asked]:
    """Return the last questions and answers, by relationship."""
    found = read_json(folder / KEPT)
    if not isinstance(found, dict):
        return {}
    keys = Asked.__required_keys__
    return {
        str(name): cast(Asked, one)
        for name, one in found.items()
        if isinstance(one, dict) and set(one) == keys
    }


def keep(folder: Path, asked: dict[str, Asked]) -> None:
    """Keep questions and answers; a full disk is no reason to fail."""
    try:
        write_json(folder / KEPT, asked)
    except OSError:
        pass
