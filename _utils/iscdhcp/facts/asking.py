"""
Asking the partner whether it serves, as a client would; what it answered is kept on the minion.

The question is :mod:`iscdhcp.host.probe`, what its answer means :mod:`iscdhcp.rules.proof`. Only
decisions ask (a preflight, the last look before a stop, the gate after a start): a question holds
an address for two minutes, and is in both servers' logs.

In between, and in long waits, a run has it asked whether it lives (:func:`ask_for_life`): a
DHCPINFORM, which holds nothing, and which a dhcpd answers in any state if it is authoritative.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from typing import cast

from ..conf.views import Pool
from ..conf.views import Relationship
from ..files import read_json
from ..files import write_json
from ..host.probe import Question
from ..shapes import Alive
from ..shapes import Asked
from ..shapes import LeaseFacts
from .server import Server

#: The file of the minion's own with the last questions and answers, by relationship.
KEPT = "asked.json"
#: The file with the last questions whether partners live.
KEPT_LIFE = "alive.json"
#: Seconds in which a partner that serves has answered: a second of ping-check, and as much again.
ANSWER_SECONDS = 2.5
#: Seconds for which one that never answered is not asked again by what comes after a preflight.
IN_VAIN = 300.0
#: Seconds in which a dhcpd that runs answers a DHCPINFORM; and in a wait that looks at it often.
ALIVE_SECONDS, LIFE_SECONDS = 1.0, 0.5


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
    return never and _recently(earlier["asked"], now) and earlier["address"] == address


def _recently(asked: float | None, now: float) -> bool:
    return asked is not None and 0 <= now - asked < IN_VAIN


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


# -- signs of life --------------------------------------------------------------------------------


def ask_for_life(server: Server, folder: Path, names: Iterable[str]) -> None:
    """
    Ask the partners in some relationships whether they live; keep what they answered.

    One that has never answered (it is not authoritative, or out of reach) is left alone for a
    while. Nothing is asked where a setting turns questions to partners off.
    """
    if not server.settings.probe or server.configuration is None:
        return
    earlier = kept_life(folder)
    found = {
        one.name: _life(server, one, earlier.get(one.name), pool.ranges[0][0])
        for one in server.configuration.relationships
        if one.name in names
        for pool in [pool_to_ask(one, None)]
        if pool is not None
    }
    _keep(folder / KEPT_LIFE, {**earlier, **found})


def _life(server: Server, one: Relationship, earlier: Alive | None, network: str) -> Alive:
    address, now = _address(server, one), server.host.clock.time()
    if earlier is not None and earlier["address"] != address:
        earlier = None
    before = earlier["before"] if earlier else None
    if earlier is not None and before is None and _recently(earlier["asked"], now):
        return earlier
    found: Alive = {
        "address": address,
        "asked": now,
        "answered": None,
        "seconds": None,
        "before": before,
        "silent": None,
    }
    try:
        heard = server.host.ask(Question(address, one.address, network), LIFE_SECONDS, True)
    except OSError:
        return found
    if heard is not None:
        return {**found, "answered": True, "seconds": heard.seconds, "before": now}
    silent = earlier["silent"] if earlier else None
    return {**found, "answered": False, "silent": now if silent is None else silent}


# -- what is kept ---------------------------------------------------------------------------------


def kept(folder: Path) -> dict[str, Asked]:
    """Return the last questions and answers, by relationship."""
    found = _kept(folder / KEPT, Asked.__required_keys__)
    return cast(dict[str, Asked], found)


def kept_life(folder: Path) -> dict[str, Alive]:
    """Return the last questions whether partners live, by relationship."""
    found = _kept(folder / KEPT_LIFE, Alive.__required_keys__)
    return cast(dict[str, Alive], found)


def _kept(path: Path, keys: frozenset[str]) -> dict[str, Any]:
    found = read_json(path)
    known = found.items() if isinstance(found, dict) else ()
    return {str(name): one for name, one in known if isinstance(one, dict) and set(one) == keys}


def keep(folder: Path, asked: dict[str, Asked]) -> None:
    """Keep questions and answers; a full disk is no reason to fail."""
    _keep(folder / KEPT, asked)


def _keep(path: Path, found: Any) -> None:
    try:
        write_json(path, found)
    except OSError:
        pass
