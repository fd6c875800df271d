"""
Failover pairs, discovered: relationships matched between minions by name, addresses and roles.

A pair's identity is the relationship's name plus both minion ids: names are copied between sites.
"""

from __future__ import annotations

import itertools
from collections.abc import Container
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from ..errors import IscDhcpError


class PairError(IscDhcpError):
    """No pair, or more than one, is meant by what the user said."""


@dataclass(frozen=True)
class Pair:
    """One failover relationship between two minions."""

    name: str
    primary: str
    secondary: str
    #: MCLT in seconds, as the primary's configuration says.
    mclt: int | None = None

    @property
    def servers(self) -> tuple[str, str]:
        """Both minion ids, sorted."""
        first, second = sorted((self.primary, self.secondary))
        return first, second

    @property
    def id(self) -> str:
        """Name and both minion ids, unique in the fleet (``foo:dhcp-a:dhcp-b``)."""
        return ":".join((self.name, *self.servers))

    def __str__(self) -> str:
        return f"{self.name} ({self.primary}, {self.secondary})"

    def ordered(self, order: str | Iterable[str] | None = None) -> tuple[str, str]:
        """
        Return the minion ids in the order of their restarts.

        order
            ``secondary-first`` (default, ISC's advice), ``primary-first``, or both minion ids.
        """
        if not order or order == "secondary-first":
            return self.secondary, self.primary
        if order == "primary-first":
            return self.primary, self.secondary
        ids = order.split(",") if isinstance(order, str) else list(order)
        ids = [str(one).strip() for one in ids]
        if sorted(ids) != list(self.servers):
            raise PairError(
                f"order: say secondary-first, primary-first or both servers of {self} "
                f"({','.join(self.servers)}), not {', '.join(ids)}"
            )
        return ids[0], ids[1]


@dataclass(frozen=True)
class Unpaired:
    """An end of a relationship that is no pair."""

    server: str
    name: str
    #: ``alone``: no partner is known. ``doubtful``: several may be it, or both have one role.
    kind: str
    #: Why, as a sentence.
    text: str
    #: The minions that may be the partner.
    rivals: tuple[str, ...] = ()
    #: ``primary`` or ``secondary``, its partner's address and MCLT in seconds, as it says them.
    role: str | None = None
    peer_address: str | None = None
    mclt: int | None = None
    #: The minions that have answered now and have its partner's address.
    there: tuple[str, ...] = ()


@dataclass
class Discovery:
    """The fleet's pairs and what is wrong with the rest."""

    pairs: list[Pair] = field(default_factory=list)
    #: Sentences about half-defined relationships.
    problems: list[str] = field(default_factory=list)
    #: Minions that gave no answer, now or in the cached discovery.
    silent: list[str] = field(default_factory=list)
    #: Minions whose answer is the cached one.
    cached: list[str] = field(default_factory=list)
    #: The ends that are no pair.
    unpaired: list[Unpaired] = field(default_factory=list)
    #: Why the configuration of a server can't be read, by minion id.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Minions that have answered nothing for long, and since when (epoch seconds).
    gone: dict[str, float] = field(default_factory=dict)
    #: How many minions may be servers: all that are accepted, or those of the setting.
    candidates: int = 0

    @property
    def alone(self) -> list[Unpaired]:
        """The ends whose partner is at no minion that is known."""
        return [end for end in self.unpaired if end.kind == "alone"]

    @property
    def mostly_silent(self) -> bool:
        """Whether more than half of those that may be servers gave no answer."""
        return 2 * (len(self.silent) + len(self.cached)) > self.candidates > 0

    def of_server(self, minion: str) -> list[Pair]:
        """Return the pairs that ``minion`` is a server of."""
        return [pair for pair in self.pairs if minion in pair.servers]

    def partners(self, servers: Iterable[str]) -> list[str]:
        """Return ``servers`` and everybody they share a relationship with, sorted."""
        group = set(servers)
        for server in tuple(group):
            for pair in self.of_server(server):
                group.update(pair.servers)
        return sorted(group)


def match(reports: Mapping[str, Mapping[str, Any]], unheard: Container[str] = ()) -> Discovery:
    """
    Match the minions' relationships into pairs.

    reports
        What ``dhcpd.peers`` said, by minion id: ``relationships`` (name -> ``role``, ``address``,
        ``peer_address``, ports, ``mclt``), ``addresses`` (of the host), ``error``.
    unheard
        Minions that did not answer now: their reports are what they said once.
    """
    found = Discovery()
    ends = [
        (minion, name, relationship)
        for minion, report in sorted(reports.items())
        for name, relationship in sorted(report.get("relationships", {}).items())
    ]
    for minion, report in sorted(reports.items()):
        if report.get("error"):
            found.problems.append(f"{minion}: {report['error']}")
            found.unreadable[minion] = str(report["error"])
    index = _Index(ends, reports)
    facing = {
        (minion, name): _facing(minion, name, mine, index, reports, unheard)
        for minion, name, mine in ends
    }
    paired = set()
    for minion, name, mine in ends:
        if (minion, name) in paired:
            continue
        mutual = facing[minion, name]
        if len(mutual) != 1 or facing[mutual[0][0], name] != [(minion, mine)]:
            text = _unmatched(minion, name, mine, index.named[name], facing)
            kind, rivals = ("doubtful" if mutual else "alone"), tuple(one for one, _ in mutual)
            found.problems.append(text)
            said = mine.get("role"), mine.get("peer_address"), mine.get("mclt")
            there = index.answering_at(mine, minion, unheard)
            found.unpaired.append(Unpaired(minion, name, kind, text, rivals, *said, there))
            continue
        other, theirs = mutual[0]
        paired |= {(minion, name), (other, name)}
        if mine.get("role") == theirs.get("role"):
            text = (
                f"{name}: {minion} and {other} both say {mine.get('role')}: "
                "one must be the primary, the other the secondary"
            )
            found.problems.append(text)
            found.unpaired.append(Unpaired(minion, name, "doubtful", text, (other,)))
            continue
        primary, secondary = (minion, other) if mine.get("role") == "primary" else (other, minion)
        chief = mine if primary == minion else theirs
        found.pairs.append(Pair(name, primary, secondary, chief.get("mclt")))
    found.pairs.sort(key=lambda pair: pair.id)
    return found


_End = tuple[str, Mapping[str, Any]]


class _Index:
    """The ends by name, and by name and address: of their hosts, and of the peers they name."""

    def __init__(
        self,
        ends: Iterable[tuple[str, str, Mapping[str, Any]]],
        reports: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.named: dict[str, list[_End]] = {}
        self.hosts: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
        self.peers: dict[tuple[str, str], set[str]] = {}
        self.having: dict[str, list[str]] = {}
        for minion, report in sorted(reports.items()):
            for address in report.get("addresses") or ():
                self.having.setdefault(address, []).append(minion)
        for minion, name, end in ends:
            self.named.setdefault(name, []).append((minion, end))
            for address in _host_of(end, reports[minion]):
                self.hosts.setdefault((name, address), {})[minion] = end
            for address in _peer_of(end):
                self.peers.setdefault((name, address), set()).add(minion)

    def facing(
        self, minion: str, name: str, mine: Mapping[str, Any], host: Mapping[str, Any]
    ) -> list[_End]:
        """Return the ends that ``mine`` names as its peer and that name ``host`` as theirs."""
        named: dict[str, Mapping[str, Any]] = {}
        for address in _peer_of(mine):
            named.update(self.hosts.get((name, address), {}))
        naming: set[str] = set()
        for address in _host_of(mine, host):
            naming |= self.peers.get((name, address), set())
        return [(one, named[one]) for one in sorted(naming & named.keys()) if one != minion]

    def answering_at(
        self, mine: Mapping[str, Any], minion: str, unheard: Container[str]
    ) -> tuple[str, ...]:
        """Return the other minions whose hosts have the peer's address of ``mine``, and answer."""
        found = {one for address in _peer_of(mine) for one in self.having.get(address, ())}
        return tuple(sorted(one for one in found if one != minion and one not in unheard))


def _facing(
    minion: str,
    name: str,
    mine: Mapping[str, Any],
    index: _Index,
    reports: Mapping[str, Mapping[str, Any]],
    unheard: Container[str],
) -> list[_End]:
    """
    Return the ends of other minions that fit this one; where several do, who has the address.

    A server that was replaced, or cloned, leaves two minions with the same configuration. One that
    had the address when it was last heard of does not have it against one that has it now.
    """
    found = index.facing(minion, name, mine, reports[minion])
    if len(found) > 1:
        peer = _peer_of(mine)
        real = [one for one in found if peer & set(reports[one[0]].get("addresses") or ())]
        if len(real) > 1:
            real = [one for one in real if one[0] not in unheard]
        found = real if len(real) == 1 else found
    return found


def _peer_of(end: Mapping[str, Any]) -> set[str]:
    return {end.get("peer_address"), *(end.get("peer_addresses") or ())} - {None}


def _host_of(end: Mapping[str, Any], report: Mapping[str, Any]) -> set[str]:
    own = {end.get("address"), *(end.get("own_addresses") or ())} - {None}
    return own | set(report.get("addresses") or ())


#: How many minions a sentence names before it counts the rest.
_NAMED = 5


def listed(names: Sequence[str], joined: str = ", ") -> str:
    """Return names for a sentence: some of them, and how many more there are."""
    rest = len(names) - _NAMED
    more = [f"{rest} more"] if rest > 0 else []
    return joined.join([*names[:_NAMED], *more])


def _unmatched(
    minion: str,
    name: str,
    mine: Mapping[str, Any],
    named: Iterable[_End],
    facing: Mapping[tuple[str, str], list[_End]],
) -> str:
    """Say why an end has no partner; ``named`` are the ends of its name."""
    where = f"{name} on {minion} ({mine.get('role')}, peer address {mine.get('peer_address')})"
    fit = [other for other, _ in facing[minion, name]]
    if len(fit) > 1:
        return (
            f"{where}: several minions have that address, or had it: {listed(fit)}; if one was "
            "replaced, delete its key (salt-key -d) or take its dhcpd.conf away. There is no pair "
            "before one of them alone has the address"
        )
    if fit:
        rival = [other for other, _ in facing[fit[0], name] if other != minion]
        return (
            f"{where}: {fit[0]} is the partner of {listed(rival, ' or ') or 'another minion'}: if "
            f"{minion} was replaced, delete its key (salt-key -d) or take its dhcpd.conf away"
        )
    same = list(itertools.islice((one for one in named if one[0] != minion), _NAMED + 1))
    if same:
        others = [
            f"{other} ({theirs.get('role')}, address {theirs.get('address')}, "
            f"peer address {theirs.get('peer_address')})"
            for other, theirs in same[:_NAMED]
        ]
        text = ", ".join(others) + (" and others" if len(same) > _NAMED else "")
        return f"{where}: no partner: the addresses do not match those of {text}"
    return f"{where}: no partner: no minion that answered has this relationship"


def no_pairs(discovery: Discovery) -> str:
    """Return why no pair is known and what to do, the cause first."""
    text = ""
    if discovery.problems:
        text += f"Fix this first: {'; '.join(discovery.problems)}. "
    if discovery.silent:
        text += f"Bring these minions back first: {', '.join(discovery.silent)}. "
    if text:
        return f"{text}Without that no failover pair is known."
    return (
        "No failover pair is known: no minion that answered has a failover peer in its dhcpd.conf. "
        "Sync the modules to the DHCP servers (salt 'dhcp*' saltutil.sync_all), see what they have "
        "(salt 'dhcp*' dhcpd.peers), then salt-run dhcp_failover.pairs refresh=True."
    )


def select(discovery: Discovery, wanted: str | None = None) -> Pair:
    """
    Return the pair that the user means.

    wanted
        A relationship's name, a pair's id (``foo:dhcp-a:dhcp-b``) or the minion id of a server;
        ``None`` for the only one known.

    Raises :class:`PairError` with the choices.
    """
    known = "; ".join(f"{pair.id}" for pair in discovery.pairs) or "none"
    about = f" Known pairs: {known}."
    if discovery.problems:
        about += " Not a pair: " + "; ".join(discovery.problems) + "."
    if wanted:
        chosen = (
            [pair for pair in discovery.pairs if pair.id == wanted]
            or [pair for pair in discovery.pairs if pair.name == wanted]
            or discovery.of_server(wanted)
        )
        if len(chosen) == 1:
            return chosen[0]
        if chosen:
            ids = ", ".join(pair.id for pair in chosen)
            raise PairError(f"{wanted} means several pairs: {ids}. Say which one.")
        if discovery.silent:
            about += f" No answer from {', '.join(discovery.silent)}."
        raise PairError(f"No pair is known as {wanted}.{about}")
    if not discovery.pairs and (discovery.problems or discovery.silent):
        raise PairError(no_pairs(discovery))
    if discovery.silent:
        raise PairError(
            "Name the pair (pillar='{\"pair\": NAME}'): whether it is the only one can't be "
            f"known, as these minions never answered: {', '.join(discovery.silent)}.{about}"
        )
    if not discovery.pairs:
        raise PairError(no_pairs(discovery))
    if len(discovery.pairs) != 1:
        raise PairError(f"Name the pair (pillar='{{\"pair\": NAME}}').{about}")
    return discovery.pairs[0]
