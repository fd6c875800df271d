"""
What is wrong with a configuration, what it means for clients, and what to do about it.

:func:`lint` has the rules of failover: those that dhcpd checks itself, said so that they are
understood, and those that it lets pass. Those that need both partners:
:func:`iscdhcp.conf.compare.crossed_facts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from ..errors import ConfError
from ..errors import IscDhcpError
from . import grammar
from . import names
from . import views
from .problem import Problem
from .syntax import Statement
from .syntax import Tree
from .syntax import walk

ERROR = "error"
WARNING = "warning"
NOTE = "note"

#: Seconds for which half of the clients may wait while a dead partner is not noticed.
LONG_RESPONSE_DELAY = 60
#: Less than that, and a busy partner counts as dead.
SHORT_RESPONSE_DELAY = 5
#: Seconds that a server which lost its leases answers nobody at most, with the usual MCLT.
LONG_MCLT = 3600
#: server/dhcp.c: what holds where nothing is set.
DEFAULT_LEASE_TIME = 43200
#: isclib.c: what dhcpd can sign with.
ALGORITHMS = frozenset(
    {"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}
)


@dataclass(frozen=True)
class Finding:
    """
    One thing that a configuration should not have.

    ``severity`` is ``error`` (dhcpd does not start with it, or clients or leases suffer),
    ``warning`` or ``note``. ``what`` says what it means for clients, ``fix`` what to do. ``line``
    is counted from 1; file and line are None where it is about no place.
    """

    severity: str
    code: str
    file: str | None
    line: int | None
    what: str
    fix: str

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{self.severity}: {place}{self.what}; {self.fix}"


def lint(
    tree: Tree,
    addresses: Sequence[str] | None = None,
    resolve: names.Resolve | None = None,
) -> list[Finding]:
    """
    Return what is wrong with a configuration, the worst first, then by file and line.

    :param tree: the configuration.
    :param addresses: the IPv4 addresses of the host that it is for; without them the rules about
        the host's own addresses are left out.
    :param resolve: looks names up on that host; without it names decide nothing.

    No finding holds a key's name or secret.
    """
    findings = [_of(one) for one in grammar.problems(tree)]
    try:
        configuration: views.Configuration | None = views.views(tree)
    except ConfError as err:
        configuration = None
        findings.append(
            Finding(
                ERROR, "configuration", err.file, err.line, err.message, "complete that statement"
            )
        )
    declared = [
        one for one in walk(tree.statements) if one.keyword == "failover" and one.block is not None
    ]
    for one in declared:
        findings.extend(_declaration(one))
        if resolve is not None:
            findings.extend(map(_of, names.misleading(one, resolve, addresses)))
    findings.extend(_pools(tree.statements, bool(declared)))
    findings.extend(_parameters(tree.statements, bool(declared)))
    if configuration is not None:
        findings.extend(_relationships(tree, configuration, addresses))
        findings.extend(_omapi(tree, configuration))
    findings.extend(_networks(tree, addresses if declared else None))
    rank = {ERROR: 0, WARNING: 1, NOTE: 2}
    unique = dict.fromkeys(findings)
    return sorted(unique, key=lambda one: (rank[one.severity], one.file or "", one.line or 0))


def broken(error: IscDhcpError) -> Finding:
    """
    Return the finding about a configuration that can't be read or parsed.

    :param error: what reading it has raised.
    """
    file, line = getattr(error, "file", None), getattr(error, "line", None)
    what = getattr(error, "message", str(error))
    return Finding(ERROR, "syntax", file, line, f"{what}: dhcpd does not start", "fix it there")


def _of(one: Problem) -> Finding:
    at = one.statement
    return Finding(one.severity, one.code, at.file, at.line, one.what, one.fix)


def _at(statement: Statement, severity: str, code: str, what: str, fix: str) -> Finding:
    return Finding(severity, code, statement.file, statement.line, what, fix)


# -- the failover peer block ---------------------------------------------------------------------


def _declaration(declaration: Statement) -> Iterator[Finding]:
    """Rules about one block, word by word."""
    mine: dict[str, list[Statement]] = {}
    partners: dict[str, Statement] = {}
    for one in declaration.block or ():
        if one.keyword == "peer" and len(one.words) > 1:
            partners[one.words[1].text.lower()] = one
        else:
            mine.setdefault(one.keyword, []).append(one)
    secondary = "secondary" in mine
    name = declaration.words[2].text if len(declaration.words) > 2 else ""
    if "primary" in mine and secondary:
        yield _at(
            declaration,
            ERROR,
            "two-roles",
            f'"{name}" is primary and secondary at once; dhcpd takes the last and says nothing',
            "leave one of the two",
        )
    elif "primary" not in mine and not secondary:
        yield _at(
            declaration,
            WARNING,
            "no-role",
            f'"{name}" has no role; dhcpd takes it for primary, and with a primary on the other '
            "side the pair never gets normal",
            'write "primary;" or "secondary;"',
        )
    yield from _ports(name, declaration, mine, partners)
    for word in ("mclt", "split", "hba"):
        if secondary and word in mine:
            yield _at(
                mine[word][0],
                WARNING if word == "mclt" else ERROR,
                f"{word}-on-secondary",
                "a secondary learns mclt from its primary; what is written here counts for "
                "nothing and misleads"
                if word == "mclt"
                else f"a secondary may not define {word}: dhcpd does not start",
                f"remove it here; the primary's {word} holds for both",
            )
    if not secondary:
        if "mclt" not in mine:
            yield _at(
                declaration,
                ERROR,
                "no-mclt",
                f'the primary of "{name}" has no mclt: dhcpd does not start',
                'add "mclt 3600;" (seconds)',
            )
        if "split" not in mine and "hba" not in mine:
            yield _at(
                declaration,
                ERROR,
                "no-split",
                f'the primary of "{name}" has neither split nor hba: dhcpd does not start',
                'add "split 128;" (each server answers half of the clients)',
            )
        elif "split" in mine and "hba" in mine:
            yield _at(
                mine["split"][0],
                WARNING,
                "split-and-hba",
                "split and hba say the same thing; the last one counts and dhcpd says nothing",
                "leave one of the two",
            )
    yield from _times(name, declaration, mine)
    if not _value(mine.get("load")):
        yield _at(
            mine["load"][-1] if "load" in mine else declaration,
            NOTE,
            "no-load-balance-max-seconds",
            f'"{name}" sets no "load balance max seconds": load balancing is off and both servers '
            "answer each client",
            'add "load balance max seconds 3;" on both servers',
        )


def _ports(
    name: str,
    declaration: Statement,
    mine: dict[str, list[Statement]],
    partners: dict[str, Statement],
) -> Iterator[Finding]:
    ports = mine.get("port", [])
    if len(ports) > 1:
        meant = "" if "port" in partners else '; the second was meant to be "peer port"'
        yield _at(
            ports[1],
            ERROR,
            "port-twice",
            f'"{name}" has port twice: dhcpd takes the last without a word, listens there and '
            f"calls its partner at the default port, so the two do not find each other{meant}",
            'write "peer port" for the partner\'s' if meant else "remove one",
        )
    elif "port" not in partners:
        own = _value(ports) if ports else None
        different = own is not None and own != views.DEFAULT_PORT
        yield _at(
            ports[0] if ports else declaration,
            WARNING if different else NOTE,
            "no-peer-port",
            f'"{name}" has no peer port: the partner is called at {views.DEFAULT_PORT}'
            + (f", while this server listens at {own}" if different else ""),
            'add "peer port ...;": what the partner has as its port',
        )


def _times(
    name: str, declaration: Statement, mine: dict[str, list[Statement]]
) -> Iterator[Finding]:
    delay = _value(mine.get("max-response-delay"))
    if delay is not None:
        place = mine["max-response-delay"][-1]
        if delay >= LONG_RESPONSE_DELAY:
            yield _at(
                place,
                WARNING,
                "max-response-delay-long",
                f"a partner that is dead (power, network) is noticed after {delay} s only: "
                f"up to half of the clients that ask get no address for {_duration(delay)}",
                'write "max-response-delay 30;" on both servers',
            )
        elif 0 < delay < SHORT_RESPONSE_DELAY:
            yield _at(
                place,
                WARNING,
                "max-response-delay-short",
                f"a partner that is busy for {delay} s counts as dead, and the pair leaves normal "
                "again and again",
                'write "max-response-delay 30;" on both servers',
            )
    alone = _value(mine.get("auto-partner-down"))
    if alone:
        yield _at(
            mine["auto-partner-down"][-1],
            WARNING,
            "auto-partner-down",
            f"after {_duration(alone)} without its partner this server takes all addresses for "
            "its own, also where only the network between the two is cut: then both do, and two "
            "clients get one address",
            "remove it; set partner-down by hand once the partner is known to be dead",
        )
    mclt = _value(mine.get("mclt"))
    if mclt is not None and mclt > LONG_MCLT:
        yield _at(
            mine["mclt"][-1],
            WARNING,
            "mclt-long",
            f"a server that lost its leases, or was shut down over OMAPI, answers nobody for "
            f"{_duration(mclt)} (mclt)",
            'write "mclt 3600;" or less on the primary',
        )


def _value(statements: Sequence[Statement] | None) -> int | None:
    """The number at the end of the last of some statements."""
    if not statements or not statements[-1].words:
        return None
    text = statements[-1].words[-1].text
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def _duration(seconds: int) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds} s"


# -- pools ---------------------------------------------------------------------------------------


def _pools(statements: list[Statement], failover: bool) -> Iterator[Finding]:
    """Rules about each pool, with the relationship that holds in it."""
    stack: list[tuple[Iterator[Statement], list[Statement | None]]] = [(iter(statements), [None])]
    while stack:
        inside, peer = stack[-1]
        for one in inside:
            if one.keyword == "failover":
                # In a shared network it holds for the pools after it, elsewhere for none.
                peer[0] = one if len(stack) > 1 else None
            elif one.keyword == "pool" and one.block is not None:
                yield from _pool(one, peer[0], failover)
            elif one.keyword == "range" and failover:
                if one.says("range", "dynamic-bootp"):
                    yield from _no_sharing(one, "these addresses, for BOOTP clients forever,")
                else:
                    yield from _no_sharing(one, "this range")
            if one.block and one.keyword in ("shared-network", "subnet", "group"):
                stack.append((iter(one.block), [peer[0]]))
                break
        else:
            stack.pop()


def _no_sharing(one: Statement, what: str) -> Iterator[Finding]:
    yield _at(
        one,
        WARNING,
        "pool-without-peer",
        f"{what} is shared with no partner: if both servers have it, each gives the same address "
        "to another client; if only this one has it, its clients get none while it is down",
        'put it into a pool with failover peer "NAME";, or leave it on one server only',
    )


def _pool(pool: Statement, peer: Statement | None, failover: bool) -> Iterator[Finding]:
    ranges, denies_bootp, allows_bootp = [], False, None
    for one in pool.block or ():
        if one.keyword == "failover":
            peer = one
            if len(one.words) > 2 and not one.words[2].quoted:
                yield _at(
                    one,
                    ERROR,
                    "peer-not-quoted",
                    "in a pool the name of the failover peer has to be in quotes: dhcpd does not "
                    "start",
                    f'write failover peer "{one.words[2].text}";',
                )
        elif one.says("no", "failover"):
            peer = None
        elif one.keyword == "range":
            ranges.append(one)
        elif one.keyword in ("deny", "allow") and "bootp" in one.raw.lower():
            denies_bootp = denies_bootp or one.keyword == "deny"
            allows_bootp = one if one.keyword == "allow" else allows_bootp
    if not ranges:
        yield _at(
            pool,
            ERROR,
            "pool-without-range",
            "a pool without a range: dhcpd does not start",
            "add a range, or remove the pool",
        )
    if peer is None:
        if failover:
            yield from _no_sharing(pool, "this pool")
        return
    bootp = [one for one in ranges if one.says("range", "dynamic-bootp")]
    for one in bootp + ([allows_bootp] if allows_bootp is not None else []):
        yield _at(
            one,
            ERROR,
            "dynamic-bootp",
            "BOOTP clients keep an address forever, and failover can't share such addresses"
            + (": dhcpd does not start" if one.keyword == "range" else ""),
            'write "deny dynamic bootp clients;", and a pool of its own with "no failover peer;" '
            "for BOOTP",
        )
    if not bootp and allows_bootp is None and not denies_bootp:
        yield _at(
            pool,
            NOTE,
            "bootp-not-denied",
            "failover does not serve BOOTP clients; a pool that does not say so hides it from the "
            "next reader",
            'add "deny dynamic bootp clients;"',
        )


# -- parameters ----------------------------------------------------------------------------------


def _parameters(statements: list[Statement], failover: bool) -> Iterator[Finding]:
    for one in statements:
        if one.keyword == "dont-use-fsync" and failover and "true" in one.raw.lower():
            yield _at(
                one,
                WARNING,
                "no-fsync",
                "a lease that a client or the partner was told of may be lost with the power, and "
                "its address goes to two clients",
                "remove it",
            )


# -- what the views tell -------------------------------------------------------------------------


def _relationships(
    tree: Tree, configuration: views.Configuration, addresses: Sequence[str] | None
) -> Iterator[Finding]:
    partners: dict[tuple[str, str], views.Relationship] = {}
    shortest = _shortest_lease(tree.statements)
    # A peer that pools only inherit counts for nothing when dhcpd starts (pool_count, measured).
    named = {
        inside.words[2].text
        for pool in walk(tree.statements)
        if pool.keyword == "pool"
        for inside in pool.block or ()
        if inside.says("failover", "peer") and len(inside.words) > 2
    }
    for one in configuration.relationships:

        def finding(severity: str, code: str, what: str, fix: str) -> Finding:
            return Finding(severity, code, one.file, one.line, what, fix)  # noqa: B023

        if one.name not in named:
            inherit = " by itself (its shared-network's does not count)" if one.pools else ""
            yield finding(
                ERROR,
                "peer-without-pool",
                f'no pool refers to failover peer "{one.name}"{inherit}: dhcpd does not start '
                '("has no referring pools")',
                f'add failover peer "{one.name}"; to the pools that both servers share, or remove '
                "the block",
            )
        ports = (one.port, one.peer_port)
        if one.address == one.peer_address and ports[0] == ports[1]:
            yield finding(
                ERROR,
                "addresses-equal",
                f'"{one.name}" has its own address and port as its partner\'s: it finds nobody',
                "fix address or peer address",
            )
        elif addresses is not None:
            yield from _here(one, addresses)
        ends = (one.address, one.peer_address)
        if ends in partners:
            yield finding(
                ERROR,
                "same-partner-twice",
                f'"{one.name}" and "{partners[ends].name}" are between the same two addresses: '
                "dhcpd tells partners by address only, so one stays in recover and the other "
                "falls out of normal every 5 s (measured)",
                "make one relationship of the two, or give each addresses of its own",
            )
        partners.setdefault(ends, one)
        if one.mclt is not None and shortest is not None and one.mclt > shortest[0]:
            seconds, place = shortest
            where = f" ({place.file}:{place.line})" if place is not None else ""
            yield finding(
                WARNING,
                "mclt-longer-than-leases",
                f"mclt is {one.mclt} s and leases are {seconds} s{where}: an MCLT longer than a "
                "lease gains nothing, and a server that lost its leases answers nobody for "
                f"{_duration(one.mclt)}",
                f'write an mclt of at most {seconds}, such as "mclt {max(1, seconds // 2)};"',
            )


def _here(one: views.Relationship, addresses: Sequence[str]) -> Iterator[Finding]:
    def finding(code: str, what: str, fix: str) -> Finding:
        return Finding(ERROR, code, one.file, one.line, what, fix)

    if _is_address(one.address) and one.address not in addresses:
        listed = ", ".join(sorted(addresses)) or "none"
        if one.peer_address in addresses:
            yield finding(
                "addresses-swapped",
                f'"{one.name}": this host is {one.peer_address}, which stands as peer address: '
                "this looks like the partner's file",
                "swap address and peer address (and the roles), or take the right file",
            )
        else:
            yield finding(
                "address-not-here",
                f'"{one.name}" uses address {one.address}, which no interface of this host has '
                f"(it has {listed}): the pair never connects, and dhcpd -t does not see it",
                "write an address of this host",
            )
    elif _is_address(one.peer_address) and one.peer_address in addresses:
        yield finding(
            "peer-address-here",
            f'"{one.name}" has {one.peer_address} as its partner, which is this host itself',
            "write the partner's address",
        )


def _shortest_lease(statements: list[Statement]) -> tuple[int, Statement | None] | None:
    """The shortest lease that clients of networks get: what the settings of all scopes allow."""
    shortest: tuple[int, Statement | None] | None = None
    default = False
    stack = [iter(statements)]
    while stack:
        for one in stack[-1]:
            if one.keyword in ("default-lease-time", "max-lease-time"):
                seconds = _value([one])
                default = default or one.keyword == "default-lease-time"
                if seconds and (shortest is None or seconds < shortest[0]):
                    shortest = seconds, one
            elif one.block and one.keyword in ("shared-network", "subnet", "pool", "group"):
                stack.append(iter(one.block))
                break
        else:
            stack.pop()
    if shortest is None and not default:
        return DEFAULT_LEASE_TIME, None
    return shortest


def _omapi(tree: Tree, configuration: views.Configuration) -> Iterator[Finding]:
    omapi = configuration.omapi
    if omapi is None:
        if configuration.relationships:
            first = configuration.relationships[0]
            yield Finding(
                NOTE,
                "no-omapi",
                first.file,
                first.line,
                "without OMAPI the state of the pair is proved by the log alone, and the graceful "
                "ways to restart are not there",
                "add omapi-port, omapi-key and a key, and a firewall rule for the port",
            )
        return
    if omapi.key is None:
        yield Finding(
            WARNING,
            "omapi-without-key",
            omapi.file,
            omapi.line,
            "OMAPI takes orders from anyone who reaches its port, on every address of this host: "
            "anyone can stop this server or take leases away",
            "add a key and omapi-key, and let only the hosts that need it reach the port",
        )
        return
    algorithm = omapi.key.algorithm.lower().rstrip(".").removesuffix(".sig-alg.reg.int")
    if algorithm not in ALGORITHMS:
        yield Finding(
            ERROR,
            "unknown-algorithm",
            omapi.key.file,
            omapi.key.line,
            "dhcpd does not know this key's algorithm: dhcpd -t lets it pass, and OMAPI does not "
            "work",
            "write hmac-sha256 (or hmac-md5 where an old client needs it)",
        )
    if omapi.key.name.lower() in _GUESSED:
        yield Finding(
            NOTE,
            "omapi-key-name",
            omapi.key.file,
            omapi.key.line,
            "this key's name is the first that anyone would try, and dhcpd takes orders from "
            "anyone who knows the name, without the secret (measured)",
            "give the key a name like a password, and let only the hosts that need it reach the "
            "port",
        )


_GUESSED = frozenset(
    {"omapi_key", "omapi-key", "omapi", "omapikey", "defomapi", "dhcp", "dhcpd", "key", "dhcp-key"}
    | {"dhcp_key", "failover", "rndc-key", "rndc.key", "dhcp_updater", "dhcpupdate"}
)


# -- networks ------------------------------------------------------------------------------------


def _networks(tree: Tree, addresses: Sequence[str] | None) -> Iterator[Finding]:
    """Ranges outside of their subnet, or twice; a host that no subnet is for."""
    subnets: list[tuple[int, int]] = []
    ranges: list[tuple[int, int, Statement]] = []
    for subnet, inside in _subnets(tree.statements):
        try:
            before, _, after = subnet.text().lower().partition("netmask")
            network, mask = views.number(before), views.number(after)
        except ValueError:
            continue
        subnets.append((network, mask))
        for one in inside:
            try:
                first, last = views.range_numbers(one)
            except ConfError:
                continue
            ranges.append((first, last, one))
            if first & mask != network & mask or last & mask != network & mask:
                yield _at(
                    one,
                    ERROR,
                    "range-outside-subnet",
                    f"the range {views.dotted(first)} - {views.dotted(last)} does not lie in its "
                    "subnet: dhcpd does not start",
                    "fix the range or the subnet",
                )
    ranges.sort(key=lambda each: each[:2])
    reach: tuple[int, Statement] | None = None
    for first, last, one in ranges:
        if reach is not None and first <= reach[0]:
            yield _at(
                one,
                ERROR,
                "range-twice",
                f"{views.dotted(first)} is in another range already "
                f"({reach[1].file}:{reach[1].line}): dhcpd does not start",
                "let each address be in one range only",
            )
        if reach is None or last > reach[0]:
            reach = last, one
    if addresses and subnets:
        mine = [views.number(address) for address in addresses if _is_address(address)]
        if not any(one & mask == net & mask for one in mine for net, mask in subnets):
            yield Finding(
                WARNING,
                "no-subnet-of-this-host",
                tree.statements[0].file,
                1,
                "no subnet is declared for any address of this host "
                f'({", ".join(sorted(addresses))}): dhcpd does not start ("Not configured to '
                'listen on any interfaces!"), and dhcpd -t does not see it',
                "declare the subnet of the interface that clients or relays reach, without a "
                "range if it has no clients",
            )


def _subnets(statements: list[Statement]) -> Iterator[tuple[Statement, list[Statement]]]:
    """Each subnet with the ranges in it and in its pools."""
    stack = [iter(statements)]
    while stack:
        for one in stack[-1]:
            if one.keyword == "subnet" and one.block is not None:
                yield one, [each for each in walk(one.block) if each.keyword == "range"]
            elif one.block and one.keyword in ("shared-network", "group"):
                stack.append(iter(one.block))
                break
        else:
            stack.pop()


def _is_address(text: str) -> bool:
    try:
        views.number(text)
    except ValueError:
        return False
    return True
