"""What dhcpd.conf says that matters for failover: relationships and their pools, OMAPI, files.

:func:`read` gives views of the whole configuration, over all included files. It refuses only what
leaves a view without meaning; whether dhcpd accepts the rest is for ``dhcpd -t`` to say.

Source of the facts: server/confpars.c, server/dhcpd.c and common/parse.c of dhcpd 4.4.3-P1, and
``dhcpd -t`` where "measured" stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ..errors import ConfError
from ..patterns import lazy_pattern
from .syntax import FileRead
from .syntax import Locate
from .syntax import Statement
from .syntax import Tree
from .syntax import parse_file
from .syntax import walk

#: includes/failover.h, confpars.c:1166-1192; dhcpd takes 0 for "not set" too.
DEFAULT_PORT = 647
DEFAULT_MAX_RESPONSE_DELAY = 20
DEFAULT_MAX_UNACKED_UPDATES = 100


@dataclass(frozen=True)
class Pool:
    """Addresses that a relationship shares.

    ``network`` is the name that dhcpd logs: the shared-network's, or ``10.0.0.0/24`` for a subnet
    of its own. ``ranges`` are first and last address, both inclusive, in ascending order.
    """

    network: str
    ranges: tuple[tuple[str, str], ...]
    file: str
    line: int
    #: Some clients get no address here (``allow`` and ``deny`` of the pool).
    restricted: bool = False

    @property
    def addresses(self) -> int:
        """How many addresses the ranges hold."""
        return sum(number(last) - number(first) + 1 for first, last in self.ranges)


@dataclass(frozen=True)
class Relationship:
    """A ``failover peer`` declaration, with the pools that refer to it.

    Addresses are as written, names included. Times are seconds. ``mclt`` and ``split`` are None
    where they are not set, as on a secondary, which learns them from the primary;
    ``load_balance_max_seconds`` and ``auto_partner_down`` are 0 where they are off.
    """

    name: str
    role: str
    address: str
    port: int
    peer_address: str
    peer_port: int
    mclt: int | None
    split: int | None
    max_response_delay: int
    max_unacked_updates: int
    auto_partner_down: int
    load_balance_max_seconds: int
    pools: tuple[Pool, ...]
    file: str
    line: int

    @property
    def addresses(self) -> int:
        """How many addresses its pools hold."""
        return sum(pool.addresses for pool in self.pools)


@dataclass(frozen=True, repr=False)
class Key:
    """A ``key`` declaration. Its name is worth as much as its secret, so neither is shown.

    ``algorithm`` and ``secret`` are as written; empty where they are missing.
    """

    name: str
    algorithm: str
    secret: str
    file: str
    line: int

    def __repr__(self) -> str:
        return f"Key(<masked>, algorithm={self.algorithm!r}, {self.file}:{self.line})"


@dataclass(frozen=True)
class OmapiSettings:
    """``omapi-port``, and the key that ``omapi-key`` names; None where anyone may use OMAPI."""

    port: int
    key: Key | None
    file: str
    line: int


@dataclass(frozen=True)
class Configuration:
    """The views of one configuration.

    ``lease_file`` and ``pid_file`` are None where the configuration does not set them; where it
    does, they count even against ``-lf`` and ``-pf`` (dhcpd.c:1082-1106; measured; dhcpd.conf(5)
    says otherwise). ``files`` are all files that were read, the main one first. ``ranges`` are
    those of all networks, whether a relationship shares them or not: what is in none of them
    dhcpd forgets at its start.
    """

    relationships: tuple[Relationship, ...]
    omapi: OmapiSettings | None
    keys: tuple[Key, ...]
    lease_file: str | None
    pid_file: str | None
    log_facility: str | None
    server_identifier: str | None
    files: tuple[FileRead, ...]
    ranges: tuple[tuple[str, str], ...] = ()

    def relationship(self, name: str) -> Relationship | None:
        """The relationship of that name, if there is one."""
        return next((one for one in self.relationships if one.name == name), None)


def read(path: str, directory: str = "/", locate: Locate | None = None) -> Configuration:
    """Read a configuration, with all that it includes.

    :param path: the main file, such as ``/etc/dhcp/dhcpd.conf``.
    :param directory: where relative names in ``include`` are looked for.
    :param locate: for both see :func:`iscdhcp.conf.syntax.parse_file`.
    :raises ConfError: with file, line and what to do; never with a key's name or secret.
    """
    return views(parse_file(path, directory, locate))


def views(tree: Tree) -> Configuration:
    """The views of a configuration that was parsed already.

    :raises ConfError: as :func:`read` does.
    """
    all_keys = tuple(keys(tree.statements))
    settings = {one.keyword: one for one in tree.statements if one.block is None}
    return Configuration(
        relationships=_relationships(tree.statements),
        omapi=_omapi(settings, all_keys),
        keys=all_keys,
        lease_file=_text(settings.get("lease-file-name")),
        pid_file=_text(settings.get("pid-file-name")),
        log_facility=_text(settings.get("log-facility")),
        server_identifier=_server_identifier(tree.statements),
        files=tuple(tree.files),
        ranges=tuple(_ranges(tree.statements)),
    )


# -- relationships and pools ---------------------------------------------------------------------


@dataclass
class _Scope:
    """Where a statement stands: its network, as dhcpd names it, and the relationship in force.

    A relationship named in a scope holds for the pools after it (confpars.c, parse_pool_statement).
    """

    network: str | None = None
    peer: Statement | None = None


def _relationships(statements: list[Statement]) -> tuple[Relationship, ...]:
    declared: dict[str, Statement] = {}
    pools: dict[str, list[Pool]] = {}
    referred: dict[str, Statement] = {}
    for statement, scope in _network_statements(statements):
        if statement.keyword == "failover":
            name = peer_name(statement)
            if statement.block is not None and len(statement.words) > 3:
                raise statement.error(f'expected "{{" right after failover peer "{name}"')
            if statement.block is None:
                scope.peer = statement
                referred.setdefault(name, statement)
                continue
            if name in declared:
                first = declared[name]
                raise statement.error(
                    f'failover peer "{name}" was declared already in {first.file}:{first.line}'
                )
            declared[name] = statement
            if scope.network is not None:
                scope.peer = statement
        elif statement.keyword == "pool":
            peer = _peer_of_pool(statement, scope.peer)
            if peer is not None:
                name = peer_name(peer)
                referred.setdefault(name, peer)
                pools.setdefault(name, []).append(_pool(statement, scope))
    for name, reference in referred.items():
        if name not in declared:
            raise reference.error(
                f'failover peer "{name}" is not declared: add a block \'failover peer "{name}" '
                "{ ... }' or fix the name"
            )
    return tuple(
        _relationship(name, statement, tuple(pools.get(name, ())))
        for name, statement in declared.items()
    )


def _network_statements(statements: list[Statement]) -> Iterator[tuple[Statement, _Scope]]:
    """The statements of all scopes that can hold pools, each with its scope; hosts left out."""
    stack = [(iter(statements), _Scope())]
    while stack:
        inside, scope = stack[-1]
        for statement in inside:
            keyword = statement.keyword
            if keyword == "host":
                continue
            yield statement, scope
            if statement.block is None:
                continue
            if keyword == "shared-network":
                name = statement.words[1].text if len(statement.words) > 1 else ""
                stack.append((iter(statement.block), _Scope(name, scope.peer)))
                break
            if keyword == "subnet":
                network = scope.network if scope.network is not None else subnet_name(statement)
                stack.append((iter(statement.block), _Scope(network, scope.peer)))
                break
            if keyword == "group":
                stack.append((iter(statement.block), _Scope(scope.network, scope.peer)))
                break
        else:
            stack.pop()


def _ranges(statements: list[Statement]) -> Iterator[tuple[str, str]]:
    """The ranges of all subnets and pools; one that can't be read holds nothing."""
    for statement, _ in _network_statements(statements):
        inside = statement.block or () if statement.keyword == "pool" else (statement,)
        for one in inside:
            if one.keyword == "range":
                with suppress(ConfError):
                    yield _range(one)


def peer_name(statement: Statement) -> str:
    """The name in ``failover peer "NAME"``, reference or declaration."""
    if statement.says("failover", "peer") and len(statement.words) >= 3:
        return statement.words[2].text
    raise statement.error("expected 'failover peer \"NAME\"'")


def _peer_of_pool(pool: Statement, inherited: Statement | None) -> Statement | None:
    peer = inherited
    for statement in pool.block or ():
        if statement.keyword == "failover":
            peer_name(statement)
            peer = statement
        elif statement.says("no", "failover", "peer"):
            peer = None
    return peer


def _pool(statement: Statement, scope: _Scope) -> Pool:
    if scope.network is None:
        raise statement.error("a pool must stand inside a subnet or a shared-network")
    ranges = tuple(_range(one) for one in statement.block or () if one.keyword == "range")
    restricted = any(
        one.keyword in ("allow", "deny", "ignore") and not one.says(one.keyword, "dynamic", "bootp")
        for one in statement.block or ()
    )
    return Pool(scope.network, ranges, statement.file, statement.line, restricted)


def _range(statement: Statement) -> tuple[str, str]:
    first, last = range_numbers(statement)
    return dotted(first), dotted(last)


def range_numbers(statement: Statement) -> tuple[int, int]:
    """First and last address of a ``range``, as numbers."""
    words = " ".join(word.text for word in statement.words[1:])
    match = _RANGE.fullmatch(words)
    if match is None:
        raise statement.error("expected one or two IPv4 addresses after range")
    try:
        first, last = number(match[1]), number(match[2] or match[1])
    except ValueError:
        raise statement.error("expected one or two IPv4 addresses after range") from None
    # dhcpd takes them in either order (new_address_range, server/mdb.c)
    return min(first, last), max(first, last)


def subnet_name(statement: Statement) -> str:
    """The name that dhcpd gives a subnet that stands alone (piaddrmask, common/inet.c)."""
    before, _, after = statement.text().lower().partition("netmask")
    try:
        network, mask = number(before), number(after)
    except ValueError:
        raise statement.error("expected 'subnet ADDRESS netmask MASK'") from None
    ones = f"{mask:032b}".rstrip("0")
    return f"{dotted(network)}/{dotted(mask) if '0' in ones else len(ones)}"


def number(address: str) -> int:
    """An IPv4 address as dhcpd reads it; a leading zero does not make a number octal.

    :raises ValueError: when it is none.
    """
    parts = "".join(address.split()).split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(address)
    if any(len(part) > 9 or int(part) > 255 for part in parts):
        raise ValueError(address)
    return int.from_bytes(bytes(int(part) for part in parts), "big")


def dotted(number: int) -> str:
    """An IPv4 address from its number."""
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


_ROLES = ("primary", "secondary")
_ONE = r"\d+(?:\s?\.\s?\d+){3}"
_RANGE = lazy_pattern(rf"(?:dynamic-bootp )?({_ONE})(?: ({_ONE}))?", re.ASCII | re.IGNORECASE)


def _relationship(name: str, declaration: Statement, pools: tuple[Pool, ...]) -> Relationship:
    mine: dict[str, Statement] = {}
    partners: dict[str, Statement] = {}
    role = "primary"  # dhcpd's own default (measured)
    for statement in declaration.block or ():
        if statement.keyword == "peer" and len(statement.words) > 1:
            partners[statement.words[1].text.lower()] = statement
        elif statement.keyword in _ROLES:
            role = statement.keyword
        else:
            mine[statement.keyword] = statement

    def missing(what: str) -> ConfError:
        return declaration.error(f'failover peer "{name}" lacks {what}')

    if "address" not in mine:
        raise missing('its own address: add "address ADDRESS;"')
    if "address" not in partners:
        raise missing('its partner\'s address: add "peer address ADDRESS;"')
    balance = mine.get("load")
    return Relationship(
        name=name,
        role=role,
        address=_address(mine["address"], 1),
        port=_integer(mine.get("port"), 1) or DEFAULT_PORT,
        peer_address=_address(partners["address"], 2),
        peer_port=_integer(partners.get("port"), 2) or DEFAULT_PORT,
        mclt=_integer(mine.get("mclt"), 1),
        split=_integer(mine.get("split"), 1),
        max_response_delay=_integer(mine.get("max-response-delay"), 1)
        or DEFAULT_MAX_RESPONSE_DELAY,
        max_unacked_updates=_integer(mine.get("max-unacked-updates"), 1)
        or DEFAULT_MAX_UNACKED_UPDATES,
        auto_partner_down=_integer(mine.get("auto-partner-down"), 1) or 0,
        load_balance_max_seconds=_integer(balance, 4) or 0,
        pools=pools,
        file=declaration.file,
        line=declaration.line,
    )


def _address(statement: Statement, start: int) -> str:
    text = statement.text(start)
    if not text:
        raise statement.error('expected an address before the ";"')
    return text


def _integer(statement: Statement | None, position: int) -> int | None:
    """The number that is the statement's last word, at ``position``; None without a statement."""
    if statement is None:
        return None
    words = statement.words
    if len(words) == position + 1:
        text = words[position].text
        digits = text.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(text) < 12 and not words[position].quoted:
            return int(text)
    raise statement.error(f'expected one number after "{statement.keyword}"')


# -- OMAPI ---------------------------------------------------------------------------------------


def keys(statements: list[Statement]) -> Iterator[Key]:
    """The keys, wherever they stand: dhcpd knows one set of them."""
    for statement in walk(statements):
        if statement.keyword == "key" and statement.block is not None:
            inside = {one.keyword: one for one in statement.block}
            yield Key(
                name=statement.text(),
                algorithm=_text(inside.get("algorithm")) or "",
                secret=_text(inside.get("secret")) or "",
                file=statement.file,
                line=statement.line,
            )


def _omapi(settings: dict[str, Statement], keys: tuple[Key, ...]) -> OmapiSettings | None:
    key = None
    names_key = settings.get("omapi-key")
    if names_key is not None:
        # dhcpd ignores case here (measured), and a later key replaces an earlier one.
        wanted = names_key.text().lower()
        key = next((one for one in reversed(keys) if one.name.lower() == wanted), None)
        if key is None:
            raise names_key.error(
                "omapi-key names a key that is not declared: dhcpd would not start"
            )
        if not key.algorithm or not key.secret:
            raise ConfError(
                "the key that omapi-key names lacks its algorithm or its secret: dhcpd would crash",
                key.file,
                key.line,
            )
    port = settings.get("omapi-port")
    if port is None:
        return None
    number = _integer(port, 1)
    if number is None or not 0 < number < 65536:
        raise port.error("expected a port between 1 and 65535 after omapi-port")
    return OmapiSettings(number, key, port.file, port.line)


def _text(statement: Statement | None) -> str | None:
    return None if statement is None else statement.text() or None


def _server_identifier(statements: list[Statement]) -> str | None:
    found = None
    for statement in statements:
        if statement.keyword == "server-identifier":
            found = statement.text()
        elif statement.says("option", "dhcp-server-identifier"):
            found = statement.text(2)
    return found
