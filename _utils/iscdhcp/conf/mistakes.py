"""
Mistakes that people make in single statements, each with its meaning and what to write instead.

Called by :mod:`iscdhcp.conf.grammar` for each statement. Every rule was tried with ``dhcpd -t``
(4.4.3-P1), in the wrong form and in the right ones: what dhcpd takes is never called an error.

Source: server/confpars.c (parse_statement, parse_pool_statement, get_permit, parse_allow_deny),
common/parse.c (parse_hardware_param, parse_option_code_definition, parse_executable_statement).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator

from ..patterns import lazy_pattern
from .finding import WARNING
from .finding import Problem
from .finding import is_address
from .options import OPTIONS
from .options import PARAMETERS
from .syntax import Statement
from .views import dotted
from .views import number

_HARDWARE = ("ethernet", "token-ring", "fddi", "infiniband")
_STYLES = ("none", "standard", "interim")
_FACILITIES = frozenset(
    {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron"}
    | {"authpriv", "ftp"}
    | {f"local{n}" for n in range(8)}
)
#: What a pool may allow or deny, and what may be allowed or denied elsewhere.
_PERMITS = (
    "known clients",
    "unknown clients",
    "known-clients",
    "unknown-clients",
    "authenticated clients",
    "unauthenticated clients",
    "dynamic bootp clients",
    "all clients",
    'members of "CLASS"',
    "after DATE",
)
_SWITCHES = (
    *("unknown-clients", "bootp", "booting", "client-updates", "declines", "duplicates"),
    *("dynamic-bootp", "leasequery"),
)
_EVENTS = frozenset({"commit", "release", "expiry", "transmission"})
_TYPES = frozenset(
    {"text", "string", "ip-address", "ip6-address", "integer", "signed", "unsigned", "boolean"}
    | {"domain-list", "domain-name", "encapsulate", "zerolen", "array", "{"}
)
#: The largest number of each format of a value.
_LARGEST = {"B": 255, "S": 65535}
_DECIMAL = lazy_pattern(r"\d{1,12}", re.ASCII)
_PLAIN = lazy_pattern(r"[a-z]+(-[a-z]+){0,4}", re.ASCII)
_HEX = lazy_pattern(r"[0-9a-f]{1,2}", re.ASCII | re.IGNORECASE)
_DIGITS = lazy_pattern(r"([0-9a-f]{1,12})(?![\w:-])", re.ASCII | re.IGNORECASE)
_HOST = lazy_pattern(r"[\w.-]+", re.ASCII)
_TWO = lazy_pattern(r"[\w.-]*\w\s+\w[\w.-]*", re.ASCII)


def mistakes(one: Statement, around: str, before: Statement | None) -> Iterator[Problem]:
    """
    Find what is wrong with one statement by itself.

    around
        The keyword of the block that it stands in, empty outside of all.
    before
        The statement before it in the same block.
    """
    rule = _RULES.get(one.keyword)
    if rule is not None:
        yield from rule(one, around)
    form = PARAMETERS.get(one.keyword)
    at = 1
    if one.keyword == "option" and len(one.words) > 1:
        form, at = OPTIONS.get(one.words[1].text.lower()), 2
    if form in _LARGEST and len(one.words) == at + 1:
        yield from _too_large(one, one.words[at].text, _LARGEST[form])
    if one.keyword in ("else", "elsif") and (
        before is None or before.keyword not in ("if", "elsif", "else")
    ):
        yield _error(
            one,
            "misplaced",
            f"this {one.keyword} follows no if",
            "move it behind the block of its if",
        )


def assignment(one: Statement) -> Iterator[Problem]:
    """Find what is wrong with ``name = value;``: dhcpd takes any name, and sets a variable."""
    name, value = one.keyword, one.text(2)
    if name == "authoritative":
        yield from _authoritative(one, "")
    elif name in PARAMETERS:
        what = f'"{name} = ..." sets a variable of that name and not the parameter'
        fix = f"write {name} {value if value.isascii() else 'VALUE'};"
        yield Problem("assignment", one, what, fix, WARNING)
    digits = _DIGITS.match(one.words[2].text) if len(one.words) > 2 else None
    if digits and not one.words[2].quoted and int(digits[1], 16) > 255:
        # A number of a data expression is one byte, in hexadecimal digits (common/parse.c).
        yield _error(
            one,
            "bad-value",
            f'{digits[1]} behind "=" is read as hexadecimal, and is more than one byte',
            f"write {name} {value};" if name in PARAMETERS else "write bytes: 01:f4",
        )


def lone_word(one: Statement) -> Problem:
    """Return what is wrong with a word alone: dhcpd lets most of them pass, without a meaning."""
    name = one.keyword
    likely = difflib.get_close_matches(name, _ALONE, n=1, cutoff=0.75)
    # It may be a key's name or secret after a forgotten mark: those are no plain words.
    what = f'"{name};"' if _PLAIN.fullmatch(name) else "this word alone"
    return Problem(
        "lone-word",
        one,
        f"{what} is no statement of dhcpd.conf: dhcpd passes over such a word, or does not start "
        "because of it",
        f"write {likely[0]};" if likely else "remove it, or finish the statement",
        WARNING,
    )


_ALONE = ("authoritative", "not authoritative")


def _error(one: Statement, code: str, what: str, fix: str) -> Problem:
    return Problem(code, one, f"{what}: dhcpd does not start", fix)


def _too_large(one: Statement, text: str, most: int) -> Iterator[Problem]:
    if _DECIMAL.fullmatch(text) and int(text) > most:
        yield _error(one, "bad-value", f"{text} is more than {most}", f"write 0 to {most}")


def _meant(word: str, known: Iterable[str]) -> str:
    likely = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"write {likely[0]}" if likely else f"write one of {', '.join(known)}"


# -- rules, by keyword ----------------------------------------------------------------------------


def _authoritative(one: Statement, around: str) -> Iterator[Problem]:
    if len(one.words) > 1:
        yield _error(
            one, "bad-value", '"authoritative" takes no value', "write authoritative; alone"
        )


def _subnet(one: Statement, around: str) -> Iterator[Problem]:
    before, found, after = one.text().lower().partition("netmask")
    try:
        network, mask = number(before), number(after)
    except ValueError:
        return  # the views say so
    if found and network & ~mask & 0xFFFFFFFF:
        yield _error(
            one,
            "bad-subnet",
            f"{dotted(network)} is an address inside of its subnet, not the subnet's own",
            f"write subnet {dotted(network & mask)} netmask {dotted(mask)}",
        )


def _hardware(one: Statement, around: str) -> Iterator[Problem]:
    words = one.words[1:]
    kind = words[0].text.lower() if words else ""
    if kind not in _HARDWARE and not kind.startswith("unknown-"):
        yield _error(
            one,
            "bad-value",
            "hardware needs its kind before the address",
            "write hardware ethernet AA:BB:CC:DD:EE:FF",
        )
        return
    address = "".join(word.text for word in words[1:])
    octets = address.split(":") if address else []
    quoted = any(word.quoted for word in words)
    if quoted or len(octets) > 20 or not all(_HEX.fullmatch(octet) for octet in octets):
        bare = re.sub(r"[^0-9a-fA-F]", "", address)
        pairs = ":".join(bare[at : at + 2] for at in range(0, 12, 2)) if len(bare) == 12 else None
        yield _error(
            one,
            "bad-value",
            "a hardware address is up to 20 hexadecimal bytes with colons between them",
            f"write hardware {kind} {pairs or 'AA:BB:CC:DD:EE:FF'}",
        )


def _fixed_address(one: Statement, around: str) -> Iterator[Problem]:
    if any(word.quoted for word in one.words[1:]):
        yield _error(
            one, "bad-value", "addresses and names are not in quotes here", "leave the quotes out"
        )
    elif _TWO.search(one.raw.partition(" ")[2].split("#")[0]):
        yield _error(one, "bad-value", "there is no comma between two addresses", "write one")


def _host(one: Statement, around: str) -> Iterator[Problem]:
    words = one.words[1:]
    if not words:
        yield _error(one, "incomplete", "a host without a name", "write host NAME { ... }")
    elif words[0].quoted or len(words) > 1 or not _HOST.fullmatch(words[0].text):
        yield _error(
            one,
            "bad-value",
            "a host's name is one word of letters, digits, dots and hyphens, without quotes",
            "rename it; the name that clients get is option host-name",
        )


def _class_name(one: Statement, around: str) -> Iterator[Problem]:
    if len(one.words) > 1 and not one.words[1].quoted:
        yield _error(
            one,
            "bad-value",
            f"the name of a {one.keyword} has to be in quotes",
            f'write {one.keyword} "{one.words[1].text}"'
            if _HOST.fullmatch(one.words[1].text)
            else "write it in quotes",
        )


def _permit(one: Statement, around: str) -> Iterator[Problem]:
    if one.keyword == "ignore":
        around = ""  # no permit of a pool, a switch everywhere
    words = [word.text.lower() for word in one.words[1:]]
    text = " ".join(words)
    if around in ("pool", "pool6"):
        plain = {"known-clients", "unknown-clients"}
        good = text in plain or text in _PERMITS or words[:1] == ["after"]
        good = good or words[:2] == ["members", "of"]
        if not good:
            yield _error(
                one,
                "bad-permit",
                f"a pool does not {one.keyword} that",
                _meant(text, _PERMITS),
            )
    elif len(words) != 1 or words[0] not in _SWITCHES:
        inside = text in _PERMITS or words[:2] == ["members", "of"]
        yield _error(
            one,
            "bad-permit",
            f"outside of a pool nobody can {one.keyword} that",
            "move it into the pool" if inside else _meant("-".join(words), _SWITCHES),
        )


def _style(one: Statement, around: str) -> Iterator[Problem]:
    value = one.words[1] if len(one.words) == 2 else None
    if value is None or value.quoted or value.text not in _STYLES:
        yield _error(
            one,
            "bad-value",
            "ddns-update-style is none, standard or interim (ad-hoc is gone)",
            "write ddns-update-style none; where nothing updates DNS",
        )


def _facility(one: Statement, around: str) -> Iterator[Problem]:
    value = one.words[1] if len(one.words) == 2 else None
    if value is None or value.quoted or value.text not in _FACILITIES:
        yield _error(
            one,
            "bad-value",
            "syslog has no such facility",
            "write daemon, or local0 to local7, in lower case and without quotes",
        )


def _on(one: Statement, around: str) -> Iterator[Problem]:
    words = [word.text.lower() for word in one.words[1:]]
    good = bool(words) and all(
        word == "or" if at % 2 else word in _EVENTS for at, word in enumerate(words)
    )
    if not good or len(words) % 2 == 0:
        yield _error(
            one,
            "bad-value",
            'after "on" come events of a lease, with "or" between them',
            "write on commit, on release, on expiry, or on release or expiry",
        )


def _set(one: Statement, around: str) -> Iterator[Problem]:
    if len(one.words) > 2 and one.words[2].text != "=":
        what = 'there is no "=" after the name'
        yield _error(one, "bad-expression", what, "write set NAME = ...;")


def _execute(one: Statement, around: str) -> Iterator[Problem]:
    if len(one.words) > 1 and one.words[1].text != "(":
        yield _error(
            one,
            "bad-expression",
            "execute wants its arguments in parentheses",
            'write execute("COMMAND", "ARGUMENT");',
        )


def _algorithm(one: Statement, around: str) -> Iterator[Problem]:
    if any(word.quoted for word in one.words[1:]):
        yield _error(one, "bad-value", "the algorithm of a key is not in quotes", "leave them out")


def _key(one: Statement, around: str) -> Iterator[Problem]:
    for inside in one.block or ():
        if inside.keyword == "algorithm":
            yield from _algorithm(inside, "key")


def _shared_network(one: Statement, around: str) -> Iterator[Problem]:
    if one.block is not None and not any(
        inside.keyword in ("subnet", "subnet6", "group", "include") for inside in one.block
    ):
        yield _error(
            one, "incomplete", "a shared-network without a subnet", "move its subnets into it"
        )


def _one_address(one: Statement, around: str) -> Iterator[Problem]:
    text = one.text()
    if _TWO.search(one.raw.partition(" ")[2].split("#")[0]):
        yield _error(one, "bad-value", f"{one.keyword} is one address", "leave one")
    elif text[:1].isdigit() and not text.isdigit() and not is_address(text):
        yield _error(one, "bad-value", "this is no address", f"write {one.keyword} 192.0.2.1;")


def _option(one: Statement, around: str) -> Iterator[Problem]:
    words = one.words[1:]
    texts = [word.text.lower() for word in words]
    if len(texts) > 1 and texts[1] == "code":
        yield from _definition(one, texts)
        return
    form = OPTIONS.get(texts[0]) if texts else None
    if form in ("D", "Dc") and "=" not in texts:
        if not all(word.quoted or word.text == "," for word in words[1:]):
            yield _error(
                one,
                "bad-value",
                f"{texts[0]} takes domains, each in quotes, with commas between them",
                f'write option {texts[0]} "example.org", "example.com";',
            )
    elif form in ("X", "E.") and len(words) == 2 and not words[1].quoted and ":" in texts[1]:
        if not all(_HEX.fullmatch(octet) for octet in texts[1].split(":")):
            yield _error(
                one,
                "bad-value",
                "these are no hexadecimal bytes with colons between them",
                'write them as 01:02:ff, or a text in quotes: "..."',
            )


def _definition(one: Statement, texts: list[str]) -> Iterator[Problem]:
    if len(texts) < 4 or texts[3] != "=":
        yield _error(
            one,
            "bad-definition",
            'there is no "=" between code and type',
            f"write option {texts[0]} code NUMBER = TYPE;",
        )
        return
    kinds = texts[4:]
    if kinds[:2] == ["array", "of"]:
        kinds = kinds[2:]
        if kinds[:1] == ["text"]:
            yield _error(one, "bad-definition", "there are no arrays of text", "write text")
            return
    kind = kinds[0] if kinds else ""
    wide = kind in ("integer", "signed", "unsigned") and kinds[-1] not in ("8", "16", "32")
    if kind not in _TYPES or wide:
        yield _error(
            one,
            "bad-definition",
            "there is no such type of an option",
            "write text, string, ip-address, boolean, integer 8, 16 or 32 (signed or unsigned), "
            "array of one of these, or a record in { }",
        )


_RULES: dict[str, Callable[[Statement, str], Iterator[Problem]]] = {
    "authoritative": _authoritative,
    "subnet": _subnet,
    "hardware": _hardware,
    "fixed-address": _fixed_address,
    "host": _host,
    "class": _class_name,
    "subclass": _class_name,
    "allow": _permit,
    "deny": _permit,
    "ignore": _permit,
    "ddns-update-style": _style,
    "log-facility": _facility,
    "on": _on,
    "set": _set,
    "execute": _execute,
    "key": _key,
    "shared-network": _shared_network,
    "server-identifier": _one_address,
    "option": _option,
}
