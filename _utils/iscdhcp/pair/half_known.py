"""
Relationships of which only one end is known: nobody has ever heard of the other server.

So it is on a master that is new, or has lost what minions once said, while a server is dead. The
dhcpd.conf of the one that survives has its partner's address, and nothing else tells of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import commands
from ..answers import Look
from .discovery import Discovery
from .discovery import Pair
from .discovery import PairError
from .discovery import Unpaired
from .discovery import listed
from .discovery import no_pairs
from .discovery import select
from .view import Inspector
from .view import PairView
from .view import view_of

_NORMAL = ("normal", "normal")


@dataclass(frozen=True)
class HalfKnown(Pair):
    """A relationship of one minion: its partner's address stands for the id that nobody knows."""

    #: The minion id of the end that is known.
    survivor: str = ""
    #: The accepted minions that did not answer: the partner may be one of them.
    suspects: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The partner's address, as the dhcpd.conf of the survivor has it."""
        return self.secondary if self.primary == self.survivor else self.primary

    @property
    def unknown(self) -> str:
        """Why nothing is known of the partner, as a part of a sentence."""
        text = f"no minion that has answered is the partner of {self.survivor} in {self.name}"
        if not self.suspects:
            return f"{text}, and no accepted minion is silent"
        return f"{text}; silent, so that it may be one of them: {listed(self.suspects)}"

    @property
    def command(self) -> str:
        """What to type where the partner is really dead."""
        return commands.runner("partner_down", self.name, survivor=self.survivor)


class HalfView(PairView):
    """A relationship seen from its only known end."""

    @property
    def normal(self) -> bool:
        """Whether that end says normal of itself and of its partner."""
        assert isinstance(self.pair, HalfKnown)
        return self.states(self.pair.survivor) == _NORMAL


def half_known(found: Discovery) -> list[HalfKnown]:
    """Return the relationships whose partner may be a silent minion, or none of this master's."""
    silent = [*found.silent, *found.cached]
    return [_of(end, silent) for end in found.alone if end.peer_address and not end.there]


def _of(end: Unpaired, silent: list[str]) -> HalfKnown:
    address = str(end.peer_address)
    primary = end.role == "primary"
    return HalfKnown(
        name=end.name,
        primary=end.server if primary else address,
        secondary=address if primary else end.server,
        mclt=end.mclt,
        survivor=end.server,
        suspects=tuple(sorted(one for one in silent if one != end.server)),
    )


def matching(found: Discovery, wanted: str) -> list[HalfKnown]:
    """Return those that a name, an id, a survivor's minion id or a partner's address means."""
    halves = half_known(found)
    for part in ("id", "survivor", "name"):
        meant = [one for one in halves if getattr(one, part) == wanted]
        if meant:
            return meant
    return [one for one in halves if one.address == wanted]


def chosen(found: Discovery, wanted: str | None) -> tuple[list[Pair], list[HalfKnown]]:
    """
    Return the pairs that a person means, and what is half known; ``None`` means all.

    Raises :class:`PairError` where nothing, or no single pair, is meant.
    """
    if not wanted:
        return list(found.pairs), half_known(found)
    try:
        return [select(found, wanted)], []
    except PairError:
        halves = matching(found, wanted)
        if not halves:
            raise
        return [], halves


def of_survivor(found: Discovery, survivor: str, wanted: str | None = None) -> tuple[Pair, str]:
    """
    Return the relationship whose partner a person takes for dead, and what the partner is called.

    survivor
        The minion id of the server that lives, or the name of a relationship that is half known.
    wanted
        A relationship's name or a pair's id, where the survivor has several.

    Raises :class:`PairError` where no single one is meant.
    """
    pairs = [*found.of_server(survivor), *matching(found, survivor)]
    if wanted:
        pairs = [one for one in pairs if wanted in (one.id, one.name)]
    if len(pairs) > 1:
        names = ", ".join(one.id for one in pairs)
        raise PairError(f"{survivor} has several relationships: {names}. Say which one: pair=NAME.")
    if pairs:
        (pair,) = pairs
        if isinstance(pair, HalfKnown):
            return pair, pair.address
        first, second = pair.servers
        return pair, second if first == survivor else first
    raise PairError(_none(found, survivor, wanted))


def _none(found: Discovery, survivor: str, wanted: str | None) -> str:
    """Say why a survivor has no relationship whose partner can be taken for dead."""
    about = [
        end
        for end in found.unpaired
        if survivor in (end.server, end.name) and wanted in (None, end.name)
    ]
    there = [end for end in about if end.there]
    if there:
        (end, *_) = there
        return (
            f"{end.text}; but {listed(end.there)} has the address {end.peer_address} and answers: "
            "that host lives. Look what its dhcpd.conf says (salt-run dhcp_failover.doctor). "
            "Nothing was done."
        )
    if about:
        return f"{'; '.join(end.text for end in about)}. Nothing was done."
    known = ", ".join(pair.id for pair in found.pairs)
    known = f"Known pairs: {known}." if known else no_pairs(found)
    return f"No relationship of {survivor} is known. {known} Nothing was done."


def hint(found: Discovery, dead: str) -> str:
    """Return what to type for a dead server that the master does not know, or nothing."""
    meant = [one for one in half_known(found) if dead in (one.address, one.name, *one.suspects)]
    if not meant:
        return ""
    told = "; ".join(f"{one.name} on {one.survivor}: {one.command}" for one in meant[:3])
    return (
        f" What {dead} is partner of is not known here, as it has never answered this master. Name "
        f"the server that lives instead: {told}."
    )


def look(
    minions: Inspector, directory: Path, pairs: Iterable[Pair], halves: Iterable[HalfKnown]
) -> list[PairView]:
    """Look at both ends of pairs, and at the only end that is known of others, all at once."""
    pairs, halves = list(pairs), list(halves)
    servers = {server for pair in pairs for server in pair.servers}
    servers |= {half.survivor for half in halves}
    answers = minions.inspect(sorted(servers), 0.0)
    views = [view_of(pair, answers, directory) for pair in pairs]
    return views + [_view_of(half, answers, directory) for half in halves]


def _view_of(half: HalfKnown, answers: Mapping[str, Look], directory: Path) -> HalfView:
    seen = view_of(half, answers, directory)
    why = half.unknown
    if seen.states(half.survivor) != _NORMAL:
        why += (
            f". Bring it back; where it is really dead and {half.survivor} has to take everything "
            f"over: {half.command}"
        )
    mine: dict[str, Look] = {**seen.answers, half.address: {"error": why}}
    return HalfView(half, mine, seen.locks, seen.holds)
