"""
Mistakes in what begins a block, and in statements that have one form only.

Called by :mod:`iscdhcp.conf.grammar` for each statement. Every rule was tried with ``dhcpd -t``
(4.4.3-P1), in the wrong form and in the right ones.

Source: server/confpars.c (parse_subnet_declaration, parse_pool_statement, parse_server_duid_conf,
parse_class_declaration), common/parse.c (parse_option_space_decl, parse_zone, parse_if_statement).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterator

from ..patterns import lazy_pattern
from .finding import Problem
from .finding import is_address
from .options import PARAMETERS
from .syntax import Statement
from .syntax import Word

_HARDWARE = ("ethernet", "token-ring", "fddi", "infiniband")
_BYTES = lazy_pattern(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})*", re.ASCII | re.IGNORECASE)
_NAME = lazy_pattern(r"[a-z_][\w-]*", re.ASCII | re.IGNORECASE)
_OPTION_NAME = lazy_pattern(r"[a-z_][\w-]*(\.[a-z_][\w-]*)?", re.ASCII | re.IGNORECASE)
_HOST = lazy_pattern(r"[a-z_][\w.-]*", re.ASCII | re.IGNORECASE)
#: Words that set an option in another way, and the first half of a parameter's name.
_VERBS = ("default", "append", "prepend", "supersede")
_IN_ZONE = ("primary", "secondary", "primary6", "secondary6", "key")


def wrong(one: Statement, around: str) -> Iterator[Problem]:
    """
    Find what is wrong with the form of one statement.

    around
        The keyword of the block that it stands in, empty outside of all.
    """
    rule = _RULES.get(one.keyword)
    if rule is not None:
        yield from rule(one)
    elif one.keyword.startswith("else") and one.keyword not in ("else", "elsif"):
        yield _problem(one, f'"{one.keyword}" is no word of dhcpd.conf', "write else or elsif")


def _problem(one: Statement, what: str, fix: str, code: str = "bad-value") -> Problem:
    return Problem(code, one, f"{what}: dhcpd does not start", fix)


def _is_bytes(words: tuple[Word, ...]) -> bool:
    text = "".join(word.text for word in words)
    return not any(word.quoted for word in words) and bool(_BYTES.fullmatch(text))


def _subnet(one: Statement) -> Iterator[Problem]:
    before, found, after = one.text().lower().partition("netmask")
    if found and is_address(before) and is_address(after):
        return
    prefix = re.fullmatch(r"([\d.]+)/(\d{1,2})", before if not found else after.strip("/"))
    form = "subnet 192.0.2.0 netmask 255.255.255.0 { ... }"
    what = "a subnet is its address and, behind the word netmask, its mask"
    if not found:
        what = "a subnet without its netmask"
    elif not is_address(before):
        what = "the address of this subnet is none"
    elif not is_address(after):
        what = "the netmask of this subnet is none"
    if prefix and not found and int(prefix[2]) <= 32:
        bits = (0xFFFFFFFF << (32 - int(prefix[2]))) & 0xFFFFFFFF
        mask = ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))
        form = f"subnet {prefix[1]} netmask {mask}"
    yield _problem(one, what, f"write {form}", "bad-subnet")


def _pool(one: Statement) -> Iterator[Problem]:
    if len(one.words) > 1:
        yield _problem(one, "a pool has no name", "write pool { ... }")


def _space(one: Statement) -> Iterator[Problem]:
    if one.says("option", "space"):
        if len(one.words) != 3 or one.words[2].quoted or not _NAME.fullmatch(one.words[2].text):
            yield _problem(
                one, "an option space is one name", "write option space NAME; with a ; at its end"
            )
    elif len(one.words) > 1 and not _OPTION_NAME.fullmatch(one.words[1].text):
        yield _problem(
            one,
            "an option has a name, of letters, digits and hyphens after a letter",
            'write its name; for a number of your own "option NAME code NUMBER = TYPE;" before',
        )


def _subclass(one: Statement) -> Iterator[Problem]:
    value = one.words[2:]
    good = len(value) == 1 if value and value[0].quoted else _is_bytes(value)
    if value and not good:
        yield _problem(
            one,
            "the value of a subclass is one text in quotes, or hexadecimal bytes with colons "
            "between them",
            'write subclass "NAME" "TEXT"; or subclass "NAME" 1:00:11:22:33:44:55;',
        )


def _duid(one: Statement) -> Iterator[Problem]:
    words = one.words[1:]
    kind = words[0].text.lower() if words and not words[0].quoted else ""
    rest = words[1:]
    good = kind in ("ll", "llt") and (
        not rest
        or (
            rest[0].text.lower() in _HARDWARE
            and (kind == "ll" or (len(rest) > 1 and rest[1].text.isdigit()))
            and _is_bytes(rest[1 if kind == "ll" else 2 :])
        )
    )
    if kind == "en" and len(rest) > 1 and rest[0].text.isdigit():
        good = rest[1].quoted and len(rest) == 2 or _is_bytes(rest[1:])
    elif kind.isdigit():
        good = True  # a type by its number: what follows is of it
    if not good:
        yield _problem(
            one,
            "this is no server-duid",
            "write server-duid ll; or llt ethernet SECONDS AA:BB:CC:DD:EE:FF; or "
            'en NUMBER "IDENTIFIER";',
        )


def _zone(one: Statement) -> Iterator[Problem]:
    if len(one.words) > 2:
        yield _problem(one, "a zone has one name", "write zone example.org. { ... }")
    seen: set[str] = set()
    for inside in one.block or ():
        name, value = inside.keyword, inside.text()
        if name not in _IN_ZONE:
            yield _problem(
                inside,
                "a zone has primary, secondary and key, and nothing else",
                "close the zone before it, or remove it",
                "misplaced",
            )
        elif len(inside.words) > 2 and inside.words[1].text.lower() == name:
            yield _problem(inside, f"the word {name} stands there twice", "write it once")
        elif name in seen and name != "key":
            yield _problem(inside, f"this zone has a {name} already", "leave one")
        elif name in ("primary", "secondary"):
            if not _HOST.fullmatch(value) and not is_address(value):
                yield _problem(
                    inside, f"{name} is one address, or a name", f"write {name} 192.0.2.1;"
                )
        seen.add(name)


def _verb(one: Statement) -> Iterator[Problem]:
    name = one.words[1].text.lower() if len(one.words) > 1 else ""
    if f"{one.keyword}-{name}" in PARAMETERS:
        yield _problem(
            one,
            f'there is no option "{name}"',
            f"write {one.keyword}-{name} with a hyphen between them",
            "unknown-option",
        )


def _match(one: Statement) -> Iterator[Problem]:
    if one.says("match", "match"):
        yield _problem(one, "the word match stands there twice", "write it once", "bad-expression")


_RULES: dict[str, Callable[[Statement], Iterator[Problem]]] = {
    "subnet": _subnet,
    "pool": _pool,
    "option": _space,
    "subclass": _subclass,
    "server-duid": _duid,
    "zone": _zone,
    "match": _match,
    **dict.fromkeys(_VERBS, _verb),
}
