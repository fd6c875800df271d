"""What lint says of relationships as a whole, their leases' times and who they are on this host."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

from . import views
from .finding import ERROR
from .finding import WARNING
from .finding import Finding
from .finding import duration
from .finding import is_address
from .finding import value
from .syntax import Statement
from .syntax import Tree
from .syntax import walk

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
