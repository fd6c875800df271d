"""What lint says of a failover peer block, word by word."""

from __future__ import annotations

from collections.abc import Iterator

from . import views
from .finding import ERROR
from .finding import NOTE
from .finding import WARNING
from .finding import Finding
from .finding import at
from .finding import duration
from .finding import value
from .syntax import Statement

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
