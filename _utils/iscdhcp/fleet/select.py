"""Which pairs of the fleet are meant, and which servers of them are restarted."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from dataclasses import field
from typing import TypedDict

from ..errors import IscDhcpError
from ..pair.discovery import Discovery
from ..pair.discovery import Pair
from ..words import joined

_GLOB = frozenset("*?[")
NO_PAIR = "no_pair"


class LeftOut(TypedDict):
    """A pair, or a server of one, that is left out."""

    name: str
    #: ``excluded``, ``held``, ``not_targeted``, ``not_pending``, ``unknown``, ``half`` or
    #: ``no_pair`` (a server that is meant and in no pair: nobody has left it out on purpose).
    code: str
    text: str


@dataclass(frozen=True)
class _Alone:
    """A server, or one relationship of it, that is in no pair and should be."""

    server: str
    #: The relationship; "" where the server can't be read.
    name: str
    #: Why, as a sentence.
    text: str
    #: Whether the server is in a pair by another relationship.
    paired: bool = False

    @property
    def title(self) -> str:
        """What is left out: of a server that is in another pair this relationship only."""
        return f"{self.name} on {self.server}" if self.paired else self.server

    @property
    def names(self) -> set[str]:
        """What it may be meant by."""
        return {self.server, self.name} - {""}

    def is_meant(self, words: Iterable[str]) -> bool:
        """Whether one of some words means it."""
        return any(_means(word, self.names) for word in words)


@dataclass
class Selection:
    """What is restarted and what is left out."""

    pairs: list[Pair] = field(default_factory=list)
    #: The servers that are restarted; of a pair it may be one only.
    servers: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)

    def keep_whole(self) -> None:
        """Leave out the pairs of which one server is left out: what is done is done to both."""
        whole = [pair for pair in self.pairs if self.servers >= set(pair.servers)]
        for pair in self.pairs:
            if pair not in whole:
                self.leave_out(pair.id, "half", f"{pair}: one of its servers is left out")
        self.pairs = whole
        self.servers = {server for pair in whole for server in pair.servers}

    def leave_out(self, name: str, code: str, text: str) -> None:
        """Note what is left out, and why."""
        self.left_out.append({"name": name, "code": code, "text": text})


def words_of(given: str | Iterable[str] | None) -> list[str]:
    """Return what a person gave as a list, or as one string with commas."""
    parts = given.split(",") if isinstance(given, str) else list(given or ())
    return [part.strip() for part in parts if part.strip()]


def fits(word: str, pair: Pair) -> bool:
    """Whether a word (an id, a name, a server's minion id, or a glob of them) means a pair."""
    names = (pair.id, pair.name, *pair.servers)
    if not _GLOB.isdisjoint(word):
        return any(fnmatch.fnmatchcase(name, word) for name in names)
    return word in names


def meant(pairs: Iterable[Pair], words: list[str], name: str) -> list[Pair]:
    """
    Return the pairs that ``words`` mean, in their order.

    name
        What the words were given as, for the sentence.

    Raises :class:`IscDhcpError` for a word that means none: it may be a slip.
    """
    pairs = list(pairs)
    exact: dict[str, list[Pair]] = {}
    for pair in pairs:
        for one in {pair.id, pair.name, *pair.servers}:
            exact.setdefault(one, []).append(pair)
    chosen: dict[str, Pair] = {}
    unknown = []
    for word in words:
        if _GLOB.isdisjoint(word):
            found = exact.get(word, [])
        else:
            found = [pair for pair in pairs if fits(word, pair)]
        if not found:
            unknown.append(word)
        chosen.update((pair.id, pair) for pair in found)
    if unknown:
        raise IscDhcpError(
            f"{name}: no pair is known as {joined(unknown)}. Nothing was touched. "
            "salt-run dhcp_failover.pairs lists them."
        )
    return list(chosen.values())


def select(
    found: Discovery,
    wanted: str | Iterable[str] | None = None,
    exclude: str | Iterable[str] | None = None,
    held: Mapping[str, str] | None = None,
    pending: Mapping[str, bool | None] | None = None,
    among: AbstractSet[str] | None = None,
) -> Selection:
    """
    Return which pairs and servers are restarted.

    wanted
        Pairs' names or ids, servers' minion ids, or globs of them; ``None`` for all.
    exclude
        The same; these pairs' servers are not restarted, in no pair. A server's minion id alone
        leaves out that server.
    held
        Why a server is held, by minion id. A pair is left out if one of its servers or of their
        partners is held: a run would refuse it.
    pending
        By minion id whether a restart is pending; ``None``: not known. Only such servers then.
    among
        Only these servers; ``None``: all.
    """
    words, without = words_of(wanted), words_of(exclude)
    alone = _no_pairs(found)
    of_alone = {name for one in alone for name in one.names}
    of_pairs = [one for one in words if not _means_only(one, found, of_alone, alone)]
    chosen = meant(found.pairs, of_pairs, "pairs") if words else list(found.pairs)
    taken = Selection()
    excluded = _excluded(
        found.pairs, [word for word in without if not _means(word, of_alone) or _in(word, found)]
    )
    # Nobody knows of which pair one is that can't be read: maybe of an end that is meant.
    some_end = any(one.name and one.is_meant(words) for one in alone)
    for one in alone:
        meant_too = not words or one.is_meant(words) or (not one.name and some_end)
        targeted = among is None or one.server in among
        if meant_too and targeted and not one.is_meant(without):
            taken.leave_out(one.title, NO_PAIR, one.text)
    holding = _held_by(found.pairs, held or {})
    for pair in chosen:
        out = [server for server in pair.servers if server in excluded]
        if len(out) == 2:
            taken.leave_out(pair.id, "excluded", f"{pair} is excluded")
            continue
        holder = next((holding[one] for one in pair.servers if one in holding), None)
        if holder:
            taken.leave_out(pair.id, "held", f"{pair}: {holder} is held: {(held or {})[holder]}")
            continue
        taken.pairs.append(pair)
    candidates = {server for pair in taken.pairs for server in pair.servers}
    for server in sorted(candidates):
        if server in excluded:
            taken.leave_out(server, "excluded", f"{server} is excluded")
        elif among is not None and server not in among:
            # Whoever names a target knows that the rest is not in it: no news, unless half a pair.
            if any(server in pair.servers and among & set(pair.servers) for pair in taken.pairs):
                taken.leave_out(server, "not_targeted", f"{server} is not in the target")
        elif pending is None or pending.get(server):
            taken.servers.add(server)
        elif pending.get(server) is None:
            taken.leave_out(
                server, "unknown", f"whether a restart is pending on {server} is not known"
            )
        else:
            taken.leave_out(server, "not_pending", f"no restart is pending on {server}")
    taken.pairs = [pair for pair in taken.pairs if taken.servers & set(pair.servers)]
    return taken


def _no_pairs(found: Discovery) -> list[_Alone]:
    told = [
        _Alone(server, "", f"{server} is in no pair: {error}")
        for server, error in sorted(found.unreadable.items())
        if not found.of_server(server)
    ]
    return told + [
        _Alone(end.server, end.name, end.text, bool(found.of_server(end.server)))
        for end in found.unpaired
    ]


def _in(word: str, found: Discovery) -> bool:
    return any(fits(word, pair) for pair in found.pairs)


def _means_only(
    word: str, found: Discovery, of_alone: Collection[str], alone: Iterable[_Alone]
) -> bool:
    """
    Whether a glob means servers that are in no pair and nothing else.

    Raises :class:`IscDhcpError` where a name does: who gives it wants that very one.
    """
    if not _means(word, of_alone) or _in(word, found):
        return False
    if _GLOB.isdisjoint(word):
        why = next(one.text for one in alone if word in one.names)
        raise IscDhcpError(f"pairs: {word} is in no pair ({why}). Nothing was touched.")
    return True


def _means(word: str, names: Collection[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, word) for name in names) if names else False


def _excluded(pairs: Collection[Pair], words: list[str]) -> set[str]:
    """Return the servers that the words exclude."""
    meant(pairs, words, "exclude")
    servers = {server for pair in pairs for server in pair.servers}
    found = {word for word in words if word in servers}
    for word in words:
        if word in servers:
            continue
        for pair in pairs:
            by_name = [one for one in (pair.id, pair.name) if fnmatch.fnmatchcase(one, word)]
            if word in (pair.id, pair.name) or by_name:
                found.update(pair.servers)
            elif not _GLOB.isdisjoint(word):
                found.update(one for one in pair.servers if fnmatch.fnmatchcase(one, word))
    return found


def _held_by(pairs: Iterable[Pair], held: Mapping[str, str]) -> dict[str, str]:
    """Return, for each server that is held or has a partner that is, who is held."""
    found = {server: server for server in held}
    for pair in pairs:
        for one, other in (pair.servers, pair.servers[::-1]):
            if other in held:
                found.setdefault(one, other)
    return found
