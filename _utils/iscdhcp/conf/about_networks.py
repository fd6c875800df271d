"""What lint says of subnets: ranges outside of them, networks of this host that none is for."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

from ..errors import ConfError
from . import views
from .finding import ERROR
from .finding import WARNING
from .finding import Finding
from .finding import at
from .finding import is_address
from .syntax import Statement
from .syntax import Tree
from .syntax import walk


def networks(tree: Tree, addresses: Sequence[str] | None) -> Iterator[Finding]:
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
                yield at(
                    one,
                    ERROR,
                    "range-outside-subnet",
                    f"the range {views.dotted(first)} - {views.dotted(last)} does not lie in its "
                    "subnet: dhcpd does not start",
                    "fix the range or the subnet",
                )
    for shared in (one for one in walk(tree.statements) if one.keyword == "shared-network"):
        yield from _shared(shared, ranges)
    ranges.sort(key=lambda each: each[:2])
    reach: tuple[int, Statement] | None = None
    for first, last, one in ranges:
        if reach is not None and first <= reach[0]:
            yield at(
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
        mine = [views.number(address) for address in addresses if is_address(address)]
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


def _shared(shared: Statement, ranges: list[tuple[int, int, Statement]]) -> Iterator[Finding]:
    """Ranges of a shared network's own pools, which have to lie in one of its subnets."""
    if any(one.keyword in ("include", "group") for one in shared.block or ()):
        return
    inside = [(net, mask) for net, mask in map(_network, _directly(shared, "subnet")) if mask]
    for pool in _directly(shared, "pool"):
        for one in _directly(pool, "range"):
            try:
                first, last = views.range_numbers(one)
            except ConfError:
                continue
            ranges.append((first, last, one))
            if inside and not any(first & mask == net == last & mask for net, mask in inside):
                yield at(
                    one,
                    ERROR,
                    "range-outside-subnet",
                    f"the range {views.dotted(first)} - {views.dotted(last)} lies in no subnet of "
                    "its shared network: dhcpd does not start",
                    "fix the range, or declare its subnet in the shared network",
                )


def _directly(around: Statement, keyword: str) -> list[Statement]:
    return [one for one in around.block or () if one.keyword == keyword]


def _network(subnet: Statement) -> tuple[int, int]:
    """Return address and netmask of a subnet; zeros where it can't be read."""
    before, _, after = subnet.text().lower().partition("netmask")
    try:
        network, mask = views.number(before), views.number(after)
    except ValueError:
        return 0, 0
    return network & mask, mask


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
