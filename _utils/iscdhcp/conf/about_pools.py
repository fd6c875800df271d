"""What lint says of pools and ranges, and of parameters that failover does not bear."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import ERROR
from .finding import NOTE
from .finding import WARNING
from .finding import Finding
from .finding import at
from .syntax import Statement


def pools(statements: list[Statement], failover: bool) -> Iterator[Finding]:
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
    yield at(
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
                yield at(
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
        yield at(
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
        yield at(
            one,
            ERROR,
            "dynamic-bootp",
            "BOOTP clients keep an address forever, and failover can't share such addresses"
            + (": dhcpd does not start" if one.keyword == "range" else ""),
            'write "deny dynamic bootp clients;", and a pool of its own with "no failover peer;" '
            "for BOOTP",
        )
    if not bootp and allows_bootp is None and not denies_bootp:
        yield at(
            pool,
            NOTE,
            "bootp-not-denied",
            "failover does not serve BOOTP clients; a pool that does not say so hides it from the "
            "next reader",
            'add "deny dynamic bootp clients;"',
        )


def parameters(statements: list[Statement], failover: bool) -> Iterator[Finding]:
    for one in statements:
        if one.keyword == "dont-use-fsync" and failover and "true" in one.raw.lower():
            yield at(
                one,
                WARNING,
                "no-fsync",
                "a lease that a client or the partner was told of may be lost with the power, and "
                "its address goes to two clients",
                "remove it",
            )
