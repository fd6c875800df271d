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
import difflib
import re
from collections.abc import Iterable
from collections.abc import Iterator

from ..patterns import lazy_pattern
from . import expressions
from . import heads
from . import marks
from . import mistakes
from . import values
from . import views
from .finding import Problem
from .lookalikes import foreign
from .options import OPTIONS
from .options import PARAMETERS
from .options import SPACES
from .syntax import Statement
from .syntax import Tree
from .syntax import Word
from .syntax import walk

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
    "lease": frozenset({"class", "subclass", "vendor-class", "user-class"}),
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
_BEGIN = _STATEMENTS | PARAMETERS.keys()
#: Words that mean something elsewhere: alone, dhcpd refuses them (measured).
_TOKENS = frozenset(
    {"primary", "secondary", "ethernet", "clients", "address", "port", "peer", "mclt", "split"}
    | {"hba", "starts", "ends", "binding", "hardware", "zone", "connect", "disconnect", "reverse"}
    | {"token-ring", "fddi", "infiniband", "substring", "concat", "remove", "released", "free"}
    | {"backup", "abandoned", "normal", "recover", "shutdown", "max-response-delay", "unknown"}
    | {"static", "alias", "select", "is", "of", "at", "or", "bad", "vendor", "boolean"}
)
_FLAGS = frozenset({"on", "off", "true", "false", "ignore"})
_WITH_EXPRESSION = frozenset({"match", "if", "elsif", "set", "log", "eval", "execute", "switch"})
_NUMBER = lazy_pattern(r"-?(0x)?[0-9a-f]+", re.ASCII | re.IGNORECASE)
_PLAIN = lazy_pattern(r"[a-z]+(-[a-z]+){0,4}", re.ASCII)
_BARE = lazy_pattern(r"[a-z][\w-]*", re.ASCII | re.IGNORECASE)
_DIGITS = lazy_pattern(r"[\d.\s]+", re.ASCII)


def problems(tree: Tree) -> list[Problem]:
    """
    Return what dhcpd would refuse, in the order of the files.

    :param tree: the configuration.
    """
    found = list(_Check(tree).run())
    for one in tree.stray:
        found.append(
            Problem(
                "stray-semicolon",
                one,
                'a ";" with no statement before it (after a "}"?): dhcpd does not start',
                "remove it; only after the block of a key dhcpd takes one",
            )
        )
    return found


class _Check:
    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._classes: set[str] = set()
        #: Those that were declared so far: only these are known.
        self._classes_so_far: set[str] = set()
        #: Keys that were declared so far: a zone knows no others.
        self._keys: set[str] = set()
        self._options: set[str] = set()
        #: The types of the options that were defined so far.
        self._types: dict[str, str] = {}
        #: Options that were defined, and hosts that were declared so far.
        self._defined: set[str] = set()
        self._hosts: dict[str, Statement] = {}
        #: Relationships that were declared so far: a pool knows no others.
        self._peers: set[str] = set()
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
        #: The statement before, in each block that is open.
        before: list[Statement | None] = [None]
        while stack:
            inside, around = stack[-1]
            for one in inside:
                strange = _not_ascii(one)
                if strange is not None:
                    yield strange
                elif _is_assignment(one):
                    yield from mistakes.assignment(one)
                else:
                    yield from mistakes.mistakes(one, around, before[-1])
                    yield from expressions.wrong(one)
                    yield from values.wrong(one, self._types)
                    yield from heads.wrong(one, around)
                    yield from marks.wrong(one, _BEGIN)
                    defined = values.definition(one)
                    if defined is not None:
                        self._types[defined[0]] = defined[1]
                    yield from self._known(one)
                    yield from self._statement(one, around)
                before[-1] = one
                if one.block and one.keyword not in ("key", "zone", "failover"):
                    stack.append((iter(one.block), one.keyword))
                    before.append(None)
                    break
            else:
                stack.pop()
                before.pop()

    def _statement(self, one: Statement, around: str) -> Iterator[Problem]:
        keyword = one.keyword
        if len(one.words) > 1 and one.words[1].text == "(" and keyword not in _STATEMENTS:
            return  # a function of one's own, called
        if keyword == "failover":
            yield from self._peer(one, around)
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
            self._classes_so_far.add(one.text() if len(one.words) == 2 else "")
            yield from _class(one)

    def _known(self, one: Statement) -> Iterator[Problem]:
        """Names that have to be new, or known."""
        words = one.words
        if one.keyword == "host" and len(words) > 1:
            first = self._hosts.setdefault(words[1].text.lower(), one)
            if first is not one and not first.says("host", words[1].text, "dynamic"):
                yield Problem(
                    "host-twice",
                    one,
                    f'a host "{words[1].text}" was declared in {first.file}:{first.line} already: '
                    "dhcpd does not start",
                    "give each host a name of its own",
                )
        elif one.keyword in _WITH_EXPRESSION or (one.keyword == "option" and _has(words, "=")):
            for mark, word in zip(words[1:], words[2:], strict=False):
                named = mark.text.lower() in ("option", "exists", "config-option")
                if named and not mark.quoted and not word.quoted:
                    yield from self._option_known(one, word.text.lower())

    def _option_known(self, one: Statement, name: str) -> Iterator[Problem]:
        space, dot, _ = name.rpartition(".")
        known = space in self._spaces if dot else name in OPTIONS or name in self._options
        if known or re.fullmatch(r"unknown-\d+", name):
            return
        likely = None if dot else difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.6)
        yield Problem(
            "unknown-option",
            one,
            f'there is no option "{name}": dhcpd does not start',
            f"write {likely[0]}" if likely else "fix the name, or define it before",
        )

    def _peer(self, one: Statement, around: str) -> Iterator[Problem]:
        if not one.says("failover", "peer"):
            return  # that it is no such statement is told by what reads relationships
        name = one.words[2].text if len(one.words) > 2 else ""
        if one.block is not None:
            self._peers.add(name)
            yield from _failover(one)
        elif around not in ("pool", "shared-network"):
            # Measured; in a shared-network it holds for the pools that name none themselves.
            place = f'a "{around}"' if around else "no block"
            yield Problem(
                "misplaced",
                one,
                f'failover peer "{name}"; stands in {place}: dhcpd does not start',
                "move it into the pools that both servers share",
            )
        elif name not in self._peers and self._is_declared(name):
            yield Problem(
                "peer-before-declaration",
                one,
                f'failover peer "{name}" is declared after this pool: dhcpd does not start',
                f'move the block failover peer "{name}" {{ ... }} before it',
            )

    def _is_declared(self, name: str) -> bool:
        return any(
            one.keyword == "failover" and one.block is not None and one.words[2].text == name
            for one in walk(self._tree.statements)
            if len(one.words) > 2
        )

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
            if one.raw.lower().split()[2:3] == ["code"]:
                self._defined.add(name)
                yield from self._space_known(one, name)
            elif name not in self._defined and name not in OPTIONS:
                yield Problem(
                    "unknown-option",
                    one,
                    f'option "{name}" is defined only after this: dhcpd does not start',
                    "move its definition before it",
                )
            return
        if "." in name:
            yield from self._space_known(one, name)
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

    def _space_known(self, one: Statement, name: str) -> Iterator[Problem]:
        space, dot, _ = name.rpartition(".")
        if dot and space not in self._spaces:
            yield Problem(
                "unknown-option",
                one,
                f'no option space has the name "{space}": dhcpd does not start',
                f'define it first: "option space {space};"',
            )

    def _zone(self, one: Statement) -> Iterator[Problem]:
        for inside in one.block or ():
            strange = _not_ascii(inside)
            if strange is not None:
                yield strange
            if inside.keyword == "key" and inside.text().lower() not in self._keys:
                yield Problem(
                    "unknown-key",
                    inside,
                    "this zone names a key that is not declared before it: dhcpd does not start, "
                    "and its own check may crash (measured)",
                    "declare the key before the zone, or fix the name",
                )

    def _class_known(self, one: Statement, name: str) -> Iterator[Problem]:
        if name in self._classes and name not in self._classes_so_far:
            yield Problem(
                "class-before-declaration",
                one,
                f'class "{name}" is declared after this: dhcpd does not start',
                f'move the block class "{name}" {{ ... }} before it',
            )
        elif name not in self._classes:
            yield Problem(
                "unknown-class",
                one,
                f'no class has the name "{name}": dhcpd does not start',
                f'declare it before: class "{name}" {{ ... }}, or fix the name',
            )


def _has(words: Iterable[Word], text: str) -> bool:
    return any(not word.quoted and word.text == text for word in words)


def _not_ascii(one: Statement) -> Problem | None:
    """Find a character that looks like one of dhcpd's and is none, outside of strings."""
    if one.keyword == "" and one.raw.startswith("%"):
        return None  # dhcpd skips it
    for word in one.words:
        found = None if word.quoted else foreign(word.text)
        if found is not None:
            return Problem("not-ascii", one, f"{found[0]}: dhcpd does not start", found[1])
    return None


#: Statements of a failover peer's block, by how many words they have (server/confpars.c).
_FAILOVER = {
    "primary": 1,
    "secondary": 1,
    "address": 2,
    "port": 2,
    "peer address": 3,
    "peer port": 3,
    "max-response-delay": 2,
    "max-unacked-updates": 2,
    "mclt": 2,
    "split": 2,
    "hba": 0,
    "load balance max seconds": 5,
    "load balance max secs": 5,
    "auto-partner-down": 2,
    "max-lease-misbalance": 2,
    "max-lease-ownership": 2,
    "min-balance": 2,
    "max-balance": 2,
}


def _failover(declaration: Statement) -> Iterator[Problem]:
    """Words that a failover peer's block does not have, and a forgotten ``;`` between two."""
    for one in declaration.block or ():
        words = [word.text.lower() for word in one.words]
        name = words[0] if words else ""
        if name == "peer" and len(words) > 1:
            name = f"peer {words[1]}"
        elif name == "load":
            name = " ".join(words[:4])
        foreign = _not_ascii(one)
        if foreign is not None:
            yield foreign
            continue
        if name not in _FAILOVER:
            likely = difflib.get_close_matches(name, _FAILOVER, n=1, cutoff=0.75)
            yield Problem(
                "unknown-failover-word",
                one,
                f'"{name}" is no statement of a failover peer: dhcpd does not start',
                f"write {likely[0]}" if likely else "remove it",
            )
            continue
        yield from _failover_value(one, name)
        # A name or an address may be several words; the next statement's first word is none of it.
        start = len(name.split())
        for word in one.words[start + 1 :]:
            if word.text.lower() in _BEGINS and not word.quoted:
                yield Problem(
                    "missing-semicolon",
                    one,
                    f'"{name} ..." has no ; at its end, and "{word.text}" follows: dhcpd does not '
                    "start",
                    f'write a ; before "{word.text}"',
                )
                break


def _failover_value(one: Statement, name: str) -> Iterator[Problem]:
    value = one.text(1)
    if name in ("address", "peer address"):
        yield from values.failover_address(one)
    elif name == "split" and value.isdigit() and len(value) < 12 and int(value) > 256:
        yield Problem(
            "bad-value",
            one,
            f"split is the primary's share of clients in 256ths, and {value} is more: dhcpd does "
            "not start",
            "write split 128; for halves",
        )
    elif name == "hba" and len(value.split(":")) != 32:
        yield Problem(
            "bad-value",
            one,
            "hba is 32 hexadecimal bytes with colons between them: dhcpd does not start",
            "write split 128; instead, which says the same for halves",
        )


_BEGINS = {name.split()[0] for name in _FAILOVER}


def _is_assignment(one: Statement) -> bool:
    """Whether it sets a variable: dhcpd takes any name that is no word of its own."""
    words = one.words
    return len(words) > 1 and words[1].text == "=" and not words[1].quoted


def _unknown(one: Statement) -> Iterator[Problem]:
    if one.block is None and len(one.words) == 1 and _BARE.fullmatch(one.keyword):
        if one.keyword not in _TOKENS:
            yield mistakes.lone_word(one)
            return
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
        # A single name may stand without quotes (measured).
        good = len(words) == 1 and (words[0].quoted or bool(_BARE.fullmatch(words[0].text)))
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
            # One whole number is an address too (measured).
            return text.isdigit()
    return True
