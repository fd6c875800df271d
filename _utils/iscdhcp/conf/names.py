"""
Addresses of a relationship that dhcpd can't use: names that lead elsewhere, and the loopback.

dhcpd asks for a name once, when it starts, and takes the first address that it is told
(gethostbyname; all measured with 4.4.3-P1). ``dhcpd -t`` asks for none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence

from .finding import WARNING
from .finding import Problem
from .syntax import Statement

#: Turns a host's name into its IPv4 addresses, in the order in which dhcpd is told them; none
#: where nobody knows it.
Resolve = Callable[[str], Sequence[str]]


def misleading(
    declaration: Statement, resolve: Resolve, addresses: Sequence[str] | None
) -> Iterator[Problem]:
    """
    Find the names and loopback addresses of one relationship with which it never connects.

    declaration
        The block ``failover peer "NAME" { ... }``.
    resolve
        Looks a name up on the host that the configuration is for.
    addresses
        The IPv4 addresses of that host, or ``None`` where they are not known.
    """
    peer = declaration.words[2].text if len(declaration.words) > 2 else ""
    mine = _last(declaration, "address")
    theirs = _last(declaration, "peer", "address")
    if mine is None or theirs is None:
        return  # dhcpd does not start; told as that
    own, partner = mine.text(1), theirs.text(2)
    found, other = _looked_up(own, resolve), _looked_up(partner, resolve)
    # Two ends on one host, each with a loopback address of its own, do find each other.
    both = bool(found and other) and _is_loopback(found[0]) and _is_loopback(other[0])
    if not found:
        yield Problem(
            "name-unresolved",
            mine,
            f'"{peer}": this host can\'t resolve its own address {own}: dhcpd ends at its start '
            '("no local address"), and dhcpd -t does not see it',
            "write the address in numbers, or put the name into /etc/hosts",
        )
    elif _is_loopback(found[0]) and not both:
        yield Problem(
            "name-loopback",
            mine,
            f'"{peer}": its own address {_said(own, found)} is of the loopback: dhcpd listens '
            "there only and calls nobody, so the pair never connects",
            "write this host's address in numbers"
            + (
                ", or give the name that address in /etc/hosts (Debian puts it on the line "
                "127.0.1.1)"
                if own != found[0]
                else ""
            ),
        )
    elif own != found[0]:
        yield from _own_name(peer, mine, own, found, addresses)
    if not other:
        yield Problem(
            "name-unresolved",
            theirs,
            f'"{peer}": this host can\'t resolve {partner}, the address of its partner: dhcpd '
            "starts, calls nobody and refuses its partner's calls",
            "write the address in numbers, or put the name into /etc/hosts",
        )
    elif _is_loopback(other[0]) and not both:
        yield Problem(
            "name-loopback",
            theirs,
            f'"{peer}": its partner\'s address {_said(partner, other)} is of the loopback: dhcpd '
            "calls this host itself and refuses its partner's calls",
            "write the partner's address in numbers",
        )
    elif partner != other[0]:
        if addresses is not None and other[0] in addresses:
            yield Problem(
                "peer-address-here",
                theirs,
                f'"{peer}" has {_said(partner, other)} as its partner, which is this host itself',
                "write the partner's address",
            )
        elif len(other) > 1:
            yield Problem(
                "name-several",
                theirs,
                f'"{peer}": {_said(partner, other)}: dhcpd takes the first that it is told for '
                "its partner's, and refuses calls from the others",
                "write the partner's address in numbers",
                WARNING,
            )


def _own_name(
    peer: str,
    statement: Statement,
    name: str,
    found: Sequence[str],
    addresses: Sequence[str] | None,
) -> Iterator[Problem]:
    if addresses is not None and found[0] not in addresses:
        yield Problem(
            "address-not-here",
            statement,
            f'"{peer}": {_said(name, found)}, which no interface of this host has (it has '
            f"{', '.join(sorted(addresses)) or 'none'}): the pair never connects, and dhcpd -t "
            "does not see it",
            "write an address of this host",
        )
    elif len(found) > 1:
        yield Problem(
            "name-several",
            statement,
            f'"{peer}": {_said(name, found)}: dhcpd listens on the first that it is told, which '
            "may be another one at its next start",
            "write this host's address in numbers",
            WARNING,
        )


def _last(declaration: Statement, *words: str) -> Statement | None:
    """Return the last statement of a block that begins so: dhcpd takes that one."""
    return next((one for one in reversed(declaration.block or []) if one.says(*words)), None)


def _looked_up(address: str, resolve: Resolve) -> Sequence[str]:
    return [address] if _is_numeric(address) else resolve(address)


def _said(address: str, found: Sequence[str]) -> str:
    return address if address == found[0] else f"{address} (that is {', '.join(found)})"


def _is_numeric(address: str) -> bool:
    return address.replace(".", "").isdigit()


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        return False
