"""
Mistakes in values: addresses with a port or a prefix, ranges, one's own options, blocks' names.

Every rule was tried with ``dhcpd -t`` (4.4.3-P1), in the wrong form and in the right ones: an
address may be one whole number, marks may stand apart (``192 . 0 . 2 . 1``), a text one word.

Source: server/confpars.c (parse_address_range, parse_fixed_addr_param, parse_group_declaration,
parse_shared_net_declaration), common/parse.c (parse_ip_addr, parse_option_token).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping

from ..patterns import lazy_pattern
from .finding import WARNING
from .finding import Problem
from .options import OPTIONS
from .options import PARAMETERS
from .syntax import Statement
from .syntax import Word

#: A word that is meant as an address: its beginning is a number with a dot behind it.
_MEANT = lazy_pattern(r"\d{1,10}\.[\d.]*\S*", re.ASCII)
_ADDRESS = lazy_pattern(r"(\d{1,10})\.(\d{1,10})\.(\d{1,10})\.(\d{1,10})", re.ASCII)
_DECIMAL = lazy_pattern(r"\d{1,12}", re.ASCII)
#: ``10a``: dhcpd reads hexadecimal digits, and finds them in no decimal number.
_MIXED = lazy_pattern(r"\d+[a-f]+[0-9a-f]*", re.ASCII | re.IGNORECASE)
_NUMBERS = frozenset("TLSB")
_FLAGS = frozenset({"true", "false", "on", "off", "ignore"})
_HEX = lazy_pattern(r"[0-9a-f]{1,2}(:[0-9a-f]{1,2})*", re.ASCII | re.IGNORECASE)
_WORD = lazy_pattern(r"[a-z_][\w.-]*", re.ASCII | re.IGNORECASE)
_RANGE = "range FIRST LAST; with a blank between two addresses"
#: Largest values of an option's whole numbers, by their type in its definition.
_LARGEST = {"unsigned integer 8": 255, "unsigned integer 16": 65535}


def wrong(one: Statement, defined: Mapping[str, str]) -> Iterator[Problem]:
    """
    Find what is wrong with the value of one statement.

    defined
        The types of the options that are defined so far, by their names.
    """
    keyword = one.keyword
    words = one.words[1:]
    if keyword == "range":
        yield from _range(one, words)
    elif keyword == "fixed-address":
        yield from _addresses(one, words)
    elif keyword in ("shared-network", "group"):
        yield from _named(one, words)
    elif keyword == "subnet6":
        yield Problem(
            "misplaced",
            one,
            "subnet6 is for a DHCPv6 server: dhcpd -4 does not start with it",
            "move it into the file of the DHCPv6 server (dhcpd6.conf)",
            WARNING,
        )
    elif keyword == "class" and not words:
        yield _problem(one, "a class without a name", 'write class "NAME" { ... }')
    elif keyword == "zone" and (not words or words[0].quoted):
        yield _problem(
            one, "the name of a zone stands without quotes", "write zone example.org. { ... }"
        )
    elif keyword == "lease" and len(words) < 2 and words and words[0].text.lower() == "limit":
        yield _problem(one, "lease limit without a number", "write lease limit NUMBER;")
    elif keyword == "spawn" and words and words[0].text.lower() != "with":
        yield _problem(one, 'spawn without its "with"', "write spawn with EXPRESSION;")
    elif keyword == "option" and len(words) > 1 and not any(_is(one, "=") for one in words):
        yield from _option(one, words, defined)
    elif PARAMETERS.get(keyword) == "I" and words:
        yield from _addresses(one, words)
    elif PARAMETERS.get(keyword) in _NUMBERS and len(words) == 1:
        yield from _number(one, words[0])


def definition(one: Statement) -> tuple[str, str] | None:
    """Return name and type of the option that a statement defines, or ``None``."""
    texts = [word.text.lower() for word in one.words]
    if one.keyword != "option" or len(texts) < 6 or texts[2] != "code" or texts[4] != "=":
        return None
    return texts[1], " ".join(texts[5:])


def failover_address(one: Statement) -> Iterator[Problem]:
    """Find what is wrong with ``address`` or ``peer address`` of a failover peer."""
    value = "".join(word.text for word in one.words if _MEANT.fullmatch(word.text))
    if ":" in value:
        address, _, port = value.partition(":")
        name = "peer port" if one.keyword == "peer" else "port"
        fix = f"write {address}; and {name} {port}; for itself"
        yield _problem(one, "an address stands without its port", fix)
    elif "/" in value:
        yield _problem(
            one, "an address stands without a prefix", f"write {value.partition('/')[0]}"
        )
    else:
        text = one.text(2 if one.keyword == "peer" else 1)
        if not _WORD.fullmatch(text) and not text.isdigit() and not _fits(text):
            yield _problem(one, "this is no address", "write one such as 192.0.2.1, or a name")


def _problem(one: Statement, what: str, fix: str, code: str = "bad-value") -> Problem:
    return Problem(code, one, f"{what}: dhcpd does not start", fix)


def _is(word: Word, text: str) -> bool:
    return not word.quoted and word.text.lower() == text


def _fits(text: str) -> bool:
    found = _ADDRESS.fullmatch(text)
    return found is not None and all(int(part) <= 255 for part in found.groups())


def _range(one: Statement, words: tuple[Word, ...]) -> Iterator[Problem]:
    if words and _is(words[0], "dynamic-bootp"):
        words = words[1:]
    texts = [word.text for word in words]
    if any(text.startswith(".") or text.endswith(".") for text in texts):
        return  # marks that stand apart
    if not texts:
        yield _problem(one, "a range without its addresses", f"write {_RANGE}")
    elif any(word.quoted for word in words):
        yield _problem(one, "addresses stand without quotes", f"write {_RANGE}")
    elif any(text in (",", "-", "to") or "-" in text for text in texts):
        what = "between the first and the last address of a range stands a blank and nothing else"
        yield _problem(one, what, f"write {_RANGE}")
    elif any("/" in text for text in texts):
        what = "a range is its first and its last address, not a prefix"
        yield _problem(one, what, f"write {_RANGE}")
    elif len(texts) > 2:
        what = "a range has a first and a last address, and here are more"
        yield _problem(one, what, "write a range statement for each stretch")
    elif not all(_fits(text) for text in texts):
        yield _problem(one, "this is no address", f"write {_RANGE}")


def _addresses(one: Statement, words: tuple[Word, ...], what: str = "") -> Iterator[Problem]:
    """Addresses or host names, with commas between them."""
    name = what or one.keyword
    for word in words:
        text = word.text
        if (
            word.quoted
            and OPTIONS.get(name) in ("I", "IA")
            or (word.quoted and PARAMETERS.get(name) == "I")
        ):
            what = f"{name} takes addresses or host names without quotes"
            yield _problem(one, what, "leave the quotes out")
        elif "/" in text:
            yield _problem(
                one,
                f"{name} takes an address without a prefix",
                f"write {text.partition('/')[0] or 'the address'}",
            )
        elif ":" in text:
            what = f"{name} takes an address without a port"
            yield _problem(one, what, f"write {text.partition(':')[0]}")
        elif _MEANT.fullmatch(text) and name == "fixed-address" and not _fits(text):
            if not text.endswith("."):
                yield _problem(one, "this is no address", "write four numbers up to 255")
        else:
            continue
        return
    for before, after in zip(words, words[1:], strict=False):
        if _fits(before.text) and _fits(after.text):
            yield _problem(one, "there is no comma between two addresses", "write one")
            return


def _named(one: Statement, words: tuple[Word, ...]) -> Iterator[Problem]:
    if one.block is None:
        return
    if one.keyword == "shared-network" and not words:
        yield _problem(
            one,
            "a shared-network without a name",
            "write shared-network NAME { ... }",
            "incomplete",
        )
    elif len(words) > 1:
        what = f"the name of a {one.keyword} is one word, or stands in quotes"
        yield _problem(one, what, f'write {one.keyword} "NAME" {{ ... }}')


def _number(one: Statement, word: Word) -> Iterator[Problem]:
    if word.quoted:
        what = f"{one.keyword} takes a number without quotes"
        yield _problem(one, what, f"write {one.keyword} {word.text};")
    elif _MIXED.fullmatch(word.text) and not word.text.startswith("0x"):
        what = f"{one.keyword} takes seconds, or a plain number, without a unit"
        yield _problem(one, what, f"write {one.keyword} NUMBER;")


def _option(
    one: Statement, words: tuple[Word, ...], defined: Mapping[str, str]
) -> Iterator[Problem]:
    name = words[0].text.lower()
    form, values = OPTIONS.get(name), words[1:]
    if name in defined:
        yield from _own(one, name, defined[name], values)
    elif form in ("I", "IA"):
        yield from _addresses(one, values, name)
    elif form in ("D", "Dc"):
        for before, after in zip(values, values[1:], strict=False):
            if before.quoted and after.quoted:
                what = "there is no comma between two domains"
                yield _problem(one, what, f'write option {name} "A", "B";')
                return
    elif form in _NUMBERS | {"l", "s", "b"} and len(values) == 1 and values[0].quoted:
        what = f"{name} takes a number without quotes"
        yield _problem(one, what, f"write option {name} {values[0].text};")


def _own(one: Statement, name: str, kind: str, values: tuple[Word, ...]) -> Iterator[Problem]:
    """The value of an option of one's own, where its type is a plain one."""
    if kind.startswith("array of ip-address"):
        yield from _addresses(one, values, name)
        return
    if len(values) != 1:
        return
    value, text = values[0], values[0].text
    whole = kind.endswith(("integer 8", "integer 16", "integer 32"))
    if kind == "text" and not value.quoted:
        if not _WORD.fullmatch(text) and (_DECIMAL.fullmatch(text) or ":" in text):
            what = f"{name} was defined as text, and a text stands in quotes"
            yield _problem(one, what, f'write option {name} "{text}";')
    elif whole and value.quoted:
        what = f"{name} was defined as {kind}"
        yield _problem(one, what, "write a number, without quotes")
    elif _DECIMAL.fullmatch(text) and kind in _LARGEST and int(text) > _LARGEST[kind]:
        what = f"{name} was defined as {kind}, and {text} is more than {_LARGEST[kind]}"
        yield _problem(one, what, f"write 0 to {_LARGEST[kind]}")
    elif kind == "boolean" and (value.quoted or text.lower() not in _FLAGS):
        yield _problem(one, f"{name} was defined as boolean", "write true or false")
    elif kind == "ip-address" and _ADDRESS.fullmatch(text) and not _fits(text):
        yield _problem(one, f"{name} was defined as ip-address, and this is none", "fix it")
    elif kind == "string" and not value.quoted and not _HEX.fullmatch(text):
        if _WORD.fullmatch(text):
            what = f"{name} was defined as string: bytes as 01:02:ff, or a text in quotes"
            yield _problem(one, what, 'write "..."')
