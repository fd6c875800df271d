"""What lint says of failover: of each peer block, word by word, and of relationships as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

from . import views
from .finding import ERROR
from .finding import NOTE
from .finding import WARNING
from .finding import Finding
from .finding import at
from .finding import duration
from .finding import is_address
from .finding import value
from .syntax import Statement
from .syntax import Tree
from .syntax import walk

#: Seconds for which half of the clients may wait while a dead partner is not noticed.
LONG_RESPONSE_DELAY = 60
#: Less than that, and a busy partner counts as dead.
SHORT_RESPONSE_DELAY = 5
#: Seconds that a server which lost its leases answers nobody at most, with the usual MCLT.
LONG_MCLT = 3600


def declaration(declaration: Statement) -> Iterator[Finding]:
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
        yield at(
            declaration,
            ERROR,
            "two-roles",
            f'"{name}" is primary and secondary at once; dhcpd takes the last and says nothing',
            "leave one of the two",
        )
    elif "primary" not in mine and not secondary:
        yield at(
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
            yield at(
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
            yield at(
                declaration,
                ERROR,
                "no-mclt",
                f'the primary of "{name}" has no mclt: dhcpd does not start',
                'add "mclt 3600;" (seconds)',
            )
        if "split" not in mine and "hba" not in mine:
            yield at(
                declaration,
                ERROR,
                "no-split",
                f'the primary of "{name}" has neither split nor hba: dhcpd does not start',
                'add "split 128;" (each server answers half of the clients)',
            )
        elif "split" in mine and "hba" in mine:
            yield at(
                mine["split"][0],
                WARNING,
                "split-and-hba",
                "split and hba say the same thing; the last one counts and dhcpd says nothing",
                "leave one of the two",
            )
    yield from _times(name, declaration, mine)
    if not value(mine.get("load")):
        yield at(
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
        yield at(
            ports[1],
            ERROR,
            "port-twice",
            f'"{name}" has port twice: dhcpd takes the last without a word, listens there and '
            f"calls its partner at the default port, so the two do not find each other{meant}",
            'write "peer port" for the partner\'s' if meant else "remove one",
        )
    elif "port" not in partners:
        own = value(ports) if ports else None
        different = own is not None and own != views.DEFAULT_PORT
        yield at(
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
    delay = value(mine.get("max-response-delay"))
    if delay is not None:
        place = mine["max-response-delay"][-1]
        if delay >= LONG_RESPONSE_DELAY:
            yield at(
                place,
                WARNING,
                "max-response-delay-long",
                f"a partner that is dead (power, network) is noticed after {delay} s only: "
                f"up to half of the clients that ask get no address for {duration(delay)}",
                'write "max-response-delay 30;" on both servers',
            )
        elif 0 < delay < SHORT_RESPONSE_DELAY:
            yield at(
                place,
                WARNING,
                "max-response-delay-short",
                f"a partner that is busy for {delay} s counts as dead, and the pair leaves normal "
                "again and again",
                'write "max-response-delay 30;" on both servers',
            )
    alone = value(mine.get("auto-partner-down"))
    if alone:
        yield at(
            mine["auto-partner-down"][-1],
            WARNING,
            "auto-partner-down",
            f"after {duration(alone)} without its partner this server takes all addresses for "
            "its own, also where only the network between the two is cut: then both do, and two "
            "clients get one address",
            "remove it; set partner-down by hand once the partner is known to be dead",
        )
    mclt = value(mine.get("mclt"))
    if mclt is not None and mclt > LONG_MCLT:
        yield at(
            mine["mclt"][-1],
            WARNING,
            "mclt-long",
            f"a server that lost its leases, or was shut down over OMAPI, answers nobody for "
            f"{duration(mclt)} (mclt)",
            'write "mclt 3600;" or less on the primary',
        )


# -- relationships as a whole ---------------------------------------------------------------------

#: server/dhcp.c: what holds where nothing is set.
DEFAULT_LEASE_TIME = 43200


def relationships(
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
                f"{duration(one.mclt)}",
                f'write an mclt of at most {seconds}, such as "mclt {max(1, seconds // 2)};"',
            )


def _here(one: views.Relationship, addresses: Sequence[str]) -> Iterator[Finding]:
    def finding(code: str, what: str, fix: str) -> Finding:
        return Finding(ERROR, code, one.file, one.line, what, fix)

    if is_address(one.address) and one.address not in addresses:
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
    elif is_address(one.peer_address) and one.peer_address in addresses:
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
                seconds = value([one])
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
