"""
What dhcpd itself would refuse in a configuration whose structure is whole.

:func:`problems` knows which statements there are, where they may stand and what they need, so that
an error is told with its meaning before dhcpd is asked. It stays silent where it is not sure:
expressions and the values of rare formats are for ``dhcpd -t`` to judge.

Source: server/confpars.c (parse_statement and what it calls), common/parse.c of dhcpd 4.4.3-P1.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import views
from .options import OPTIONS
from .options import PARAMETERS
from .options import SPACES
from .syntax import Statement
from .syntax import Tree
from .syntax import walk


@dataclass(frozen=True)
class Problem:
    """A statement that dhcpd refuses (or dies of), and what was expected in its place."""

    code: str
    statement: Statement
    what: str
    fix: str


_NETWORKS = frozenset({"subnet", "subnet6", "shared-network"})
_RUN = frozenset({"if", "elsif", "else", "switch", "case", "on"})
#: Statements that may stand only directly in these blocks.
_ONLY_IN: dict[str, frozenset[str]] = {
    "pool": frozenset({"subnet", "shared-network"}),
    "pool6": frozenset({"subnet6"}),
    "range": frozenset({"subnet", "pool"}),
    "range6": frozenset({"subnet6", "pool6"}),
    "prefix6": frozenset({"subnet6", "pool6"}),
    "hardware": frozenset({"host"}),
    "fixed-address": frozenset({"host"}),
    "fixed-address6": frozenset({"host"}),
    "fixed-prefix6": frozenset({"host"}),
    "uid": frozenset({"host"}),
    "host-identifier": frozenset({"host"}),
    "interface": _NETWORKS,
    "match": frozenset({"class", "vendor-class", "user-class"}),
    "spawn": frozenset({"class", "vendor-class", "user-class"}),
    "lease": frozenset({"class", "vendor-class", "user-class"}),
}
#: Statements that may not stand in these blocks.
_NOT_IN: dict[str, frozenset[str]] = {
    "host": frozenset({"host", "class"}),
    "shared-network": frozenset({"shared-network", "host", "subnet", "class"}),
    "subnet": frozenset({"host", "subnet", "class"}),
    "subnet6": frozenset({"host", "subnet", "class"}),
    "class": frozenset({"class"}),
    "subclass": frozenset({"class"}),
}
#: Every first word of a statement; PARAMETERS come in addition.
_STATEMENTS = frozenset(
    {"include", "host", "group", "shared-network", "subnet", "subnet6", "vendor-class"}
    | {"user-class", "class", "subclass", "not", "authoritative", "server-identifier", "option"}
    | {"failover", "server-duid", "lease-id-format", "db-time-format", "dynamic", "deleted", "no"}
    | {"key", "zone", "if", "elsif", "else", "switch", "case", "default", "on", "allow", "deny"}
    | {"ignore", "append", "prepend", "supersede", "send", "add", "set", "unset", "eval"}
    | {"execute", "return", "log", "define", "break", "parse-vendor-option", "use-eui-64"}
)
_FLAGS = frozenset({"on", "off", "true", "false", "ignore"})
_NUMBER = re.compile(r"-?(0x)?[0-9a-f]+", re.ASCII | re.IGNORECASE)
_PLAIN = re.compile(r"[a-z]+(-[a-z]+){0,4}", re.ASCII)
_DIGITS = re.compile(r"[\d.\s]+", re.ASCII)


def problems(tree: Tree) -> list[Problem]:
    """
    Return what dhcpd would refuse, in the order of the files.

    :param tree: the configuration.
    """
    return list(_Check(tree).run())


class _Check:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._classes: set[str] = set()
        #: Keys that were declared so far: a zone knows no others.
        self._keys: set[str] = set()
        self._options: set[str] = set()
        self._spaces = set(SPACES)
        for one in walk(tree.statements):
            keyword = one.keyword
            if keyword in ("class", "vendor-class", "user-class") and len(one.words) > 1:
                self._classes.add(one.words[1].text)
            elif keyword == "option" and one.block is None:
                raw = one.raw.lower()
                if " code" in raw or "\tcode" in raw or "\ncode" in raw:
                    self._options.add(one.words[1].text.lower() if len(one.words) > 1 else "")
                elif one.says("option", "space") and len(one.words) > 2:
                    self._spaces.add(one.words[2].text.lower())

    def run(self) -> Iterator[Problem]:
        stack: list[tuple[Iterator[Statement], str]] = [(iter(self._tree.statements), "")]
        while stack:
            inside, around = stack[-1]
            for one in inside:
                yield from self._statement(one, around)
                if one.block and one.keyword not in ("key", "zone", "failover"):
                    stack.append((iter(one.block), one.keyword))
                    break
            else:
                stack.pop()

    def _statement(self, one: Statement, around: str) -> Iterator[Problem]:
        keyword = one.keyword
        form = PARAMETERS.get(keyword)
        if form is not None and keyword != "authoritative":
            yield from _value(one, keyword, form, 1)
            return
        if keyword in _ONLY_IN:
            yield from self._placed(one, around)
        elif keyword in _NOT_IN and around in _NOT_IN[keyword]:
            yield Problem(
                "misplaced",
                one,
                f'a "{keyword}" may not stand inside a "{around}": dhcpd does not start',
                f'move it out of the "{around}"',
            )
        elif keyword == "option":
            yield from self._option(one, around)
        elif keyword == "key":
            if one.block is not None:
                self._keys.add(one.text().lower())
                yield from _key(one)
        elif keyword == "zone":
            yield from self._zone(one)
        elif keyword in ("allow", "deny") and around == "pool":
            if one.says(keyword, "members", "of") and len(one.words) > 3:
                yield from self._class_known(one, one.words[3].text)
        elif keyword == "group" and one.block is None and around != "host":
            yield Problem(
                "incomplete",
                one,
                "a group without a block: dhcpd does not start",
                'write "{ ... }" after it, not ";"',
            )
        elif keyword.rstrip(":") not in _STATEMENTS and not keyword.startswith("default:"):
            if not (keyword == "" and one.raw.startswith("%")):
                yield from _unknown(one)
        if keyword == "subclass" and len(one.words) > 1:
            yield from self._class_known(one, one.words[1].text)
            if len(one.words) < 3:
                yield Problem(
                    "incomplete",
                    one,
                    "a subclass without the value that it is for: dhcpd does not start",
                    'write the value as a string or as hexadecimal bytes: subclass "NAME" 1:2:3',
                )
        elif keyword == "default:" and around not in ("switch", "case"):
            yield Problem(
                "misplaced",
                one,
                "this default stands in no switch: dhcpd does not start",
                "move it into the switch",
            )
        elif keyword in ("class", "vendor-class", "user-class"):
            yield from _class(one)

    def _placed(self, one: Statement, around: str) -> Iterator[Problem]:
        allowed = _ONLY_IN[one.keyword]
        if around in allowed or (around in _RUN and one.keyword != "pool"):
            return
        where = " or a ".join(f'"{name}"' for name in sorted(allowed))
        place = f'directly inside a "{around}"' if around else "outside of all blocks"
        yield Problem(
            "misplaced",
            one,
            f'a "{one.keyword}" stands {place}: dhcpd does not start',
            f"move it into a {where}",
        )

    def _option(self, one: Statement, around: str) -> Iterator[Problem]:
        if len(one.words) < 2:
            yield Problem("incomplete", one, "an option without a name", "write its name")
            return
        name = one.words[1].text.lower()
        if name == "space":
            return
        if name in self._options:
            return
        space, dot, _ = name.rpartition(".")
        if dot:
            if space not in self._spaces:
                yield Problem(
                    "unknown-option",
                    one,
                    f'no option space has the name "{space}": dhcpd does not start',
                    f'define it first: "option space {space};"',
                )
            return
        form = OPTIONS.get(name)
        if form is not None:
            yield from _value(one, f"option {name}", form, 2)
        elif not re.fullmatch(r"unknown-\d+", name):
            yield Problem(
                "unknown-option",
                one,
                f'there is no option "{name}": dhcpd does not start',
                f'fix the name, or define it first: "option {name} code NUMBER = TYPE;"',
            )

    def _zone(self, one: Statement) -> Iterator[Problem]:
        for inside in one.block or ():
            if inside.keyword == "key" and inside.text().lower() not in self._keys:
                yield Problem(
                    "unknown-key",
                    inside,
                    "this zone names a key that is not declared before it: dhcpd does not start, "
                    "and its own check may crash (measured)",
                    "declare the key before the zone, or fix the name",
                )

    def _class_known(self, one: Statement, name: str) -> Iterator[Problem]:
        if name not in self._classes:
            yield Problem(
                "unknown-class",
                one,
                f'no class has the name "{name}": dhcpd does not start',
                f'declare it before: class "{name}" {{ ... }}, or fix the name',
            )


def _unknown(one: Statement) -> Iterator[Problem]:
    # After a forgotten mark it may be a key's name or secret: those are no plain words.
    plain = _PLAIN.fullmatch(one.raw.split(maxsplit=1)[0])
    what = f'"{one.keyword}"' if plain else "what stands here"
    yield Problem(
        "unknown-statement",
        one,
        f"{what} is no statement of dhcpd.conf: dhcpd does not start",
        "fix the word, or end the statement before it with ;",
    )


def _class(one: Statement) -> Iterator[Problem]:
    first: dict[bool, Statement] = {}
    for inside in one.block or ():
        if inside.keyword in ("match", "spawn"):
            # One condition, and one expression whose values are the subclasses.
            seen = first.setdefault(inside.says("match", "if"), inside)
            if seen is not inside:
                yield Problem(
                    "class-matches-twice",
                    inside,
                    f"a class has one condition and one expression, and line {seen.line} has this "
                    "already: dhcpd does not start",
                    "join the conditions with and / or",
                )


def _key(one: Statement) -> Iterator[Problem]:
    inside = {each.keyword: each for each in one.block or ()}
    for missing in ("algorithm", "secret"):
        if missing not in inside:
            yield Problem(
                "incomplete-key",
                one,
                f"a key without {missing}: dhcpd crashes on it (measured)",
                f'add "{missing} ...;", or remove the key',
            )
    secret = inside.get("secret")
    if secret is not None:
        try:
            base64.b64decode(secret.text(), validate=True)
        except (binascii.Error, ValueError):
            yield Problem(
                "bad-secret",
                secret,
                "the secret of a key is not base64: dhcpd does not start",
                "write it as tsig-keygen prints it",
            )


def _value(one: Statement, name: str, form: str, start: int) -> Iterator[Problem]:
    """The value of a parameter or an option, where its format is a plain one."""
    raw = one.raw
    if "=" in raw or (form not in _EXPECTED and form != "IA"):
        return
    words = one.words[start:]
    expected = _EXPECTED.get(form, "addresses or host names")
    good = bool(words)
    text = "".join(word.text for word in words)
    if not good:
        pass
    elif form in ("I", "IA"):
        good = all(_is_address(part) for part in text.split(",")) and (
            form == "IA" or "," not in text
        )
    elif form == "t":
        good = len(words) == 1 and words[0].quoted
    elif form == "f":
        good = text.lower() in _FLAGS
    else:
        good = _NUMBER.fullmatch(text) is not None or text.lower() == "infinite"
    if not good:
        yield Problem(
            "bad-value",
            one,
            f'"{name}" needs {expected}: dhcpd does not start',
            f"write {expected} and a ; after it",
        )


_EXPECTED = {
    "I": "an address or a host name",
    "t": "a text in quotes",
    "f": "true or false (on, off)",
    "L": "a number",
    "S": "a number",
    "B": "a number",
    "T": "a number of seconds",
}


def _is_address(text: str) -> bool:
    if not text:
        return False
    if _DIGITS.fullmatch(text):
        try:
            views.number(text)
        except ValueError:
            return False
    return True
