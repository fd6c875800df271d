"""
The grammar of ``dhcpd.leases``: entries, their places in the file, and what is wrong with one.

dhcpd writes each entry at the start of a line, strings without raw line ends (``\\ooo`` instead),
and nothing but ASCII. So a damaged entry ends where the next one begins, and its neighbours are
whole.

Source: server/db.c (what is written), server/confpars.c:269-323 and 3133-3740 (what is read) of
dhcpd 4.4.3-P1. ``peer state``, as dhcpd.leases(5) prints it, is a syntax error: it is ``partner``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..patterns import lazy_pattern

#: What dhcpd takes for ``ends never`` (MAX_TIME, includes/dhcpd.h).
NEVER = 0x7FFFFFFF

BINDING_STATES = ("free", "active", "expired", "released", "abandoned", "reset", "backup")

FAILOVER_STATES = (
    "unknown-state",
    "partner-down",
    "normal",
    "communications-interrupted",
    "resolution-interrupted",
    "potential-conflict",
    "recover",
    "recover-done",
    "recover-wait",
    "conflict-done",
    "shutdown",
    "paused",
    "startup",
)

# No quantifier of a quantifier over the same characters: torn text must not cost exponential time.
# A byte 0xff is the end of the file for dhcpd (a signed char, get_char in common/conflex.c).
_SPACE = rb"[ \t\r\n\v\f]*(?:#[^\n\0\xff]*\n[ \t\r\n\v\f]*)*"
_GAP = rb"[ \t\r\n\v\f]" + _SPACE
# To dhcpd an octal escape has three digits, the first up to 3: one that is cut short takes the
# closing quote with it (read_string, common/conflex.c), and the entries that follow.
# A character that does not fit an octal number is passed over, with a warning, and the lease is
# kept; after a zero it is a NUL, and the next character is read as if a backslash stood before it
# (measured: "\108\001", "\08x41", "\x4g").
_JUNK = rb'[^0-7"\n\0\xff]'
_ESCAPED = (
    rb"\\(?:00?" + _JUNK + rb")*(?:00[0-7]|0[1-7]" + _JUNK + rb"*[0-7]"
    rb"|[1-3]" + _JUNK + rb"*[0-7]" + _JUNK + rb"*[0-7]"
    rb"|x(?:[0-9a-fA-F]{2}|[0-9a-fA-F]?[^0-9a-fA-F\"\n\0\xff])|[^0-3x\n\0\xff])"
)
_STRING = rb'"[^"\\\n\0\xff]*(?:' + _ESCAPED + rb'[^"\\\n\0\xff]*)*"'
_HEX = rb"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2})*"
_NAME = rb"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_DATE = (
    rb"(?:never|epoch" + _GAP + rb"-?\d{1,20}"
    rb"|\d" + _GAP + rb"\d{4}/\d{1,2}/\d{1,2}" + _GAP + rb"\d{1,2}:\d{1,2}:\d{1,2}"
    rb"(?:" + _GAP + rb"-?\d{1,6})?)"
)


def _statement(body: bytes) -> re.Pattern[bytes]:
    return lazy_pattern(_SPACE + body + _SPACE + rb";")


_BINDING = _statement(rb"state" + _GAP + rb"(?:" + "|".join(BINDING_STATES).encode() + rb")")
_NEXT_BINDING = _statement(
    rb"binding" + _GAP + rb"state" + _GAP + rb"(?:" + "|".join(BINDING_STATES).encode() + rb")"
)
_DATED = _statement(_DATE)
_FLAG = _statement(b"")
_HARDWARE_TYPE = rb"(?:ethernet|token-ring|fddi|infiniband|unknown-\d{1,3})"
_HARDWARE = _statement(rb"(?i:" + _HARDWARE_TYPE + rb")(?:" + _GAP + _HEX + rb")?")
_SET_VALUE = rb"(?:" + _STRING + rb"|%-?\d+|true|false|" + _HEX + rb")"
_SET = _statement(_NAME + _SPACE + rb"=" + _SPACE + _SET_VALUE)

#: What may follow each keyword of a lease; None: any statement, blocks included.
_LEASE: dict[bytes, re.Pattern[bytes] | None] = {
    **dict.fromkeys(
        (b"starts", b"ends", b"timestamp", b"tstp", b"tsfp", b"atsfp", b"cltt"), _DATED
    ),
    b"binding": _BINDING,
    b"next": _NEXT_BINDING,
    b"rewind": _NEXT_BINDING,
    b"reserved": _FLAG,
    b"dynamic-bootp": _FLAG,
    b"abandoned": _FLAG,
    b"hardware": _HARDWARE,
    b"uid": _statement(rb"(?:" + _STRING + rb"|" + _HEX + rb")"),
    b"client-hostname": _statement(rb"(?:" + _STRING + rb"|" + _NAME + rb")"),
    b"class": _statement(rb"(?:" + _STRING + rb"|" + _NAME + rb")"),
    b"set": _SET,
    b"ddns-fwd-name": _statement(_STRING),
    b"ddns-rev-name": _statement(_STRING),
    b"billing": None,
    b"option": None,
    b"supersede": None,
    b"on": None,
}
#: dhcpd says "Too many ... parameters" and takes the last: two entries have run into one.
_ONCE = frozenset(_LEASE) - {b"set", b"option", b"supersede", b"on", b"reserved", b"dynamic-bootp"}

_STATE = _statement(
    rb"state"
    + _GAP
    + rb"(?:"
    + "|".join(FAILOVER_STATES).encode()
    + rb")(?:"
    + _GAP
    + rb"at"
    + _GAP
    + _DATE
    + rb")?"
)
_FAILOVER: dict[bytes, re.Pattern[bytes] | None] = {
    b"my": _STATE,
    b"partner": _STATE,
    b"mclt": _statement(rb"\d{1,10}"),
}

_SKIP = lazy_pattern(_SPACE)
_WORD = lazy_pattern(rb"[A-Za-z0-9_][A-Za-z0-9_-]*")
_OPEN = lazy_pattern(_SPACE + rb"\{")
_ADDRESS = lazy_pattern(_GAP + rb"(\d{1,3}(?:\.\d{1,3}){3})" + _SPACE + rb"\{")
_PEER = lazy_pattern(
    _GAP
    + rb"peer"
    + _GAP
    + rb"("
    + _STRING
    + rb"|"
    + _NAME
    + rb")"
    + _GAP
    + rb"state"
    + _SPACE
    + rb"\{"
)
_NAMED = lazy_pattern(_GAP + rb"(" + _STRING + rb"|" + _NAME + rb")" + _SPACE + rb"\{")
_GROUP = lazy_pattern(_SPACE + rb"(" + _STRING + rb"|" + _NAME + rb")?" + _SPACE + rb"\{")
_IA = lazy_pattern(_GAP + rb"(" + _STRING + rb"|" + _HEX + rb")" + _SPACE + rb"\{")
_CLASS = lazy_pattern(_GAP + rb"(" + _STRING + rb")" + _SPACE)
_DUID = _statement(rb"(?:" + _STRING + rb"|" + _HEX + rb"|(?:en|ll|llt)\b[^;{}\n\0]*)")
_BYTE_ORDER = _statement(rb"(?:little|big)-endian")
_TOKEN = lazy_pattern(rb"[{}();,]|" + _STRING + rb"|[^\x00-\x20\x7f-\xff{}();,\"#]+")

_OPENERS = (
    rb"(?:lease[ \t]+\d{1,3}(?:\.\d{1,3}){3}[ \t]*\{"
    rb"|failover[ \t]+peer[ \t]"
    rb"|(?:host|group|ia-na|ia-ta|ia-pd)[ \t]+[^\s{};]+[ \t]*\{"
    rb"|group[ \t]*\{"
    rb"|(?:sub)?class[ \t]+\""
    rb"|server-duid[ \t]"
    rb"|authoring-byte-order[ \t]+(?:little|big)-endian[ \t]*;)"
)
_AT_LINE_START = lazy_pattern(_OPENERS)
# A torn entry has no line end: the next one may be glued to it, exactly as dhcpd writes it.
_NEXT_OPENER = lazy_pattern(
    rb"(?<=\n)"
    + _OPENERS
    + rb"|lease \d{1,3}(?:\.\d{1,3}){3} \{\n"
    + rb"|failover peer \"[^\"\n\0]{1,255}\" state \{\n"
)

_TORN_COMMENT_ENDS = lazy_pattern(rb"[\n\0\xff]")

# -- the form that dhcpd itself writes ---------------------------------------------------------

_OCTET = rb"(?:1[0-9][0-9]|2[0-4][0-9]|25[0-5]|[1-9][0-9]|[0-9])"
_TIME = (
    rb"(?:[0-6] 20[0-9][0-9]/[01][0-9]/[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9];\n"
    rb"|epoch \d+;(?: #[ -~]*)?\n|never;\n)"
)
_PRINTED = rb'"[ !#-\[\]-~]*(?:\\(?:[0-3][0-7][0-7]|[ -/4-wy-~])[ !#-\[\]-~]*)*"'
_ANY_STATE = rb"(?:active|free|backup|expired|released|abandoned|reset);\n"
# Written for speed, by measuring: "(?:x|)" takes half the time of "(?:x)?", [0-9] less than \d.
_WRITTEN_LEASE = (
    rb"lease "
    + rb"\.".join([_OCTET] * 4)
    + rb" \{\n"
    + b"".join(
        rb"(?:  " + name + rb" " + _TIME + rb"|)"
        for name in (b"starts", b"ends", b"tstp", b"tsfp", b"atsfp", b"cltt")
    )
    + rb"  binding state "
    + _ANY_STATE
    + rb"(?:  next binding state "
    + _ANY_STATE
    + rb"|)(?:  rewind binding state "
    + _ANY_STATE
    + rb"|)(?:  reserved;\n|)(?:  dynamic-bootp;\n|)"
    + rb"(?:  hardware "
    + _HARDWARE_TYPE
    + rb" [0-9a-f:]+;\n|)"
    + rb"(?:  uid (?:"
    + _PRINTED
    + rb"|[0-9a-f:]+);\n|)"
    + rb"(?:  set [A-Za-z0-9_-]+ = (?:"
    + _PRINTED
    + rb"|%-?\d+|true|false|[0-9a-f:]+);\n)*"
    + rb"(?:  option agent\.[ !#-:<-z|~]*(?:"
    + _PRINTED
    + rb"[ !#-:<-z|~]*)*;\n)*"
    + rb"(?:  client-hostname "
    + _PRINTED
    + rb";\n)?\}\n"
)
#: A lease as dhcpd writes it; or anything small between leases. Whole files are runs of these.
WRITTEN = lazy_pattern(_WRITTEN_LEASE)
BETWEEN = lazy_pattern(rb"(?:\n|#[^\n\0\xff]*\n)+")


class Damage(Exception):
    """What is wrong with an entry, and where (offset in the text)."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what, at)
        self.what = what
        self.at = at


@dataclass(frozen=True)
class Damaged:
    """
    A stretch of the file that is no whole entry: from ``offset`` to before ``end``.

    ``kind`` and ``name`` are those of the entry it once was, where its beginning is left.
    """

    kind: str | None
    name: str | None
    offset: int
    end: int
    line: int
    what: str
    text: bytes

    @property
    def address(self) -> str | None:
        """The address of the lease it was."""
        return self.name if self.kind == "lease" else None


@dataclass(frozen=True)
class Entry:
    """
    A whole entry, from ``offset`` to before ``end``; ``line`` counts from 1.

    ``kind`` is its keyword (``lease``, ``host``, ``group``, ``class``, ``subclass``, ``failover``,
    ``server-duid``, ``authoring-byte-order``, ``ia-na``...); ``name`` the address, peer or name.
    What it says is parsed when asked for.
    """

    kind: str
    name: str
    offset: int
    end: int
    line: int
    text: bytes

    @cached_property
    def fields(self) -> dict[str, Any]:
        """
        What a lease says: ``state``, ``next``, ``rewind``, the times (UTC epoch seconds),
        ``hardware`` as (type, address), ``uid`` (bytes), ``client_hostname``, ``flags``, ``set``,
        ``options``.
        """
        return lease_fields(self.text)

    @property
    def touched(self) -> int:
        """The last time that the client or the server changed it, as far as it says."""
        return max(int(self.fields.get(name) or 0) for name in ("starts", "cltt"))


def epoch(text: bytes) -> int:
    """Return a date of the lease file in UTC epoch seconds; 0 if it is none."""
    words = text.split()
    if words == [b"never"]:
        return NEVER
    try:
        if words[0] == b"epoch":
            return int(words[1])
        year, month, day = (int(number) for number in words[1].split(b"/"))
        hour, minute, second = (int(number) for number in words[2].split(b":"))
        # dhcpd takes years from 2038 on as never (common/parse.c, parse_date_core).
        if year >= 2038:
            return NEVER
        offset = int(words[3]) if len(words) > 3 else 0
        return calendar.timegm((year, month, day, hour, minute, second)) + offset
    except (IndexError, ValueError):
        return 0


_ESCAPE = lazy_pattern(rb"\\(?:([0-3][0-7]{2})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_SIMPLE = {b"t": b"\t", b"r": b"\r", b"n": b"\n", b"b": b"\b"}


def unquote(text: bytes) -> bytes:
    """Return what a string, quotes included, stands for (common/conflex.c, read_string)."""

    def one(match: re.Match[bytes]) -> bytes:
        octal, sexa, other = match.groups()
        if octal:
            return bytes([int(octal, 8)])
        if sexa:
            return bytes([int(sexa, 16)])
        return _SIMPLE.get(other, other)

    return _ESCAPE.sub(one, text[1:-1])


def _octets(text: bytes) -> bytes:
    if text.startswith(b'"'):
        return unquote(text)
    return bytes(int(part, 16) for part in text.split(b":"))


def _words(text: bytes, position: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keyword and rest of each statement at the first level of an entry's block."""
    while True:
        position = _skip(text, position)
        match = _WORD.match(text, position)
        if match is None:
            return
        end = _statement_end(text, match.end())
        yield match[0].lower(), text[match.end() : end].rstrip(b"; \t\r\n").strip()
        position = end


def lease_fields(text: bytes) -> dict[str, Any]:
    """Return what the text of a whole lease says; see :attr:`Entry.fields`."""
    fields: dict[str, Any] = {"state": None, "next": None, "rewind": None}
    flags: list[str] = []
    variables: dict[str, Any] = {}
    options: dict[str, str] = {}
    for word, rest in _words(text, text.index(b"{") + 1):
        if _LEASE.get(word) is _DATED:
            fields[word.decode()] = epoch(rest)
        elif word == b"binding":
            fields["state"] = rest.split()[-1].decode()
        elif word in (b"next", b"rewind"):
            fields[word.decode()] = rest.split()[-1].decode()
        elif word == b"abandoned":
            fields["state"] = "abandoned"
        elif word == b"hardware":
            kind, _, address = rest.partition(b" ")
            fields["hardware"] = (kind.decode(), address.strip().decode())
        elif word == b"uid":
            fields["uid"] = _octets(rest)
        elif word == b"client-hostname":
            name = unquote(rest) if rest.startswith(b'"') else rest
            fields["client_hostname"] = name.decode("utf-8", "replace")
        elif word in (b"reserved", b"dynamic-bootp"):
            flags.append(word.decode())
        elif word == b"set":
            name, _, value = rest.partition(b"=")
            variables[name.strip().decode()] = _value(value.strip())
        elif word == b"option":
            name, _, value = rest.partition(b" ")
            options[name.decode("ascii", "replace")] = value.strip().decode("ascii", "replace")
    # Without a state of their own dhcpd takes the state of the lease (confpars.c:3434-3444).
    for name_ in ("next", "rewind"):
        fields[name_] = fields[name_] or fields["state"]
    fields.update(flags=tuple(flags), set=variables, options=options)
    return fields


def _value(text: bytes) -> Any:
    if text.startswith(b"%"):
        return int(text[1:])
    if text in (b"true", b"false"):
        return text == b"true"
    return _octets(text)


def failover_fields(text: bytes) -> dict[str, Any]:
    """Return ``my`` and ``partner`` as (state, UTC epoch seconds or None), and ``mclt``."""
    fields: dict[str, Any] = {"my": None, "partner": None, "mclt": None}
    opened = _PEER.match(text, len(b"failover"))
    for word, rest in _words(text, opened.end() if opened else 0):
        if word == b"mclt":
            fields["mclt"] = int(rest)
        else:
            words = rest.split(None, 3)
            fields[word.decode()] = (
                words[1].decode(),
                epoch(words[3]) if len(words) > 3 else None,
            )
    return fields


# -- one entry ---------------------------------------------------------------------------------


def _skip(text: bytes, position: int) -> int:
    match = _SKIP.match(text, position)
    assert match is not None  # it matches nothing too
    return match.end()


def _shown(text: bytes, position: int) -> str:
    """A few characters at a place, for a message."""
    line = text[position : position + 24].split(b"\n")[0]
    shown = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in line)
    return shown or "the line's end"


def _unexpected(text: bytes, position: int) -> Damage:
    if position >= len(text):
        return Damage("it is cut off", position)
    if text[position] == 0:
        return Damage("NUL bytes in it", position)
    if (position == 0 or text[position - 1] == 10) and _AT_LINE_START.match(text, position):
        return Damage("its end is missing, the next entry begins in it", position)
    if text[position] == 34:
        return Damage("a string in it is cut off", position)
    return Damage(f'"{_shown(text, position)}" is not expected there', position)


def _statement_end(text: bytes, position: int) -> int:
    """Return where any statement ends: after its ``;``, or after its block's brace."""
    depth = round_depth = 0
    while True:
        position = _skip(text, position)
        at_start = position == 0 or text[position - 1 : position] == b"\n"
        match = _TOKEN.match(text, position)
        if match is None or at_start and _AT_LINE_START.match(text, position):
            raise _unexpected(text, position)
        token = match[0]
        if token == b"{":
            depth += 1
        elif token == b"}":
            depth -= 1
            if depth < 0 or round_depth:
                raise _unexpected(text, position)
            if depth == 0:
                # "if ... { } else { }" goes on; "};" does not occur.
                after = _skip(text, match.end())
                if not re.compile(rb"els(?:e|if)\b").match(text, after):
                    return match.end()
        elif token == b"(":
            round_depth += 1
        elif token == b")":
            round_depth -= 1
            if round_depth < 0:
                raise _unexpected(text, position)
        elif token == b";":
            if round_depth:
                raise _unexpected(text, position)
            if depth == 0:
                return match.end()
        position = match.end()


def _block(
    text: bytes, position: int, allowed: dict[bytes, re.Pattern[bytes] | None] | None
) -> int:
    """Return where a block ends whose brace was opened before ``position``."""
    seen: set[bytes] = set()
    while True:
        position = _skip(text, position)
        if text[position : position + 1] == b"}":
            return position + 1
        match = _WORD.match(text, position)
        at_start = text[position - 1 : position] == b"\n"
        if match is None or at_start and _AT_LINE_START.match(text, position):
            raise _unexpected(text, position)
        word = match[0].lower()
        if allowed is None:
            position = _statement_end(text, match.end())
            continue
        if word not in allowed:
            if match.end() == len(text):
                raise Damage("it is cut off", position)
            raise Damage(f'"{_shown(text, position)}" is not expected there', position)
        if word in seen and word in _ONCE:
            raise Damage(f"{word.decode()} twice in one entry", position)
        seen.add(word)
        rest = allowed[word]
        if rest is None:
            position = _statement_end(text, match.end())
            continue
        found = rest.match(text, match.end())
        if found is None:
            end = text.find(b"\n", position)
            if end < 0:
                raise Damage("it is cut off", position)
            if b"\0" in text[position:end]:
                raise Damage("NUL bytes in it", position)
            raise Damage(f"{word.decode()} is damaged: {_shown(text, position)}", position)
        position = found.end()


def _text(name: bytes | None) -> str:
    if name is None:
        return ""
    if name.startswith(b'"'):
        name = unquote(name)
    return name.decode("ascii", "backslashreplace")


def _lease(text: bytes, position: int, seen: list[str]) -> int:
    match = _ADDRESS.match(text, position)
    if match is None:
        raise _unexpected(text, _skip(text, position))
    octets = [int(octet) for octet in match[1].split(b".")]
    if max(octets) > 255:
        raise Damage(f"{match[1].decode()} is no address", position)
    seen.append(".".join(str(octet) for octet in octets))
    return _block(text, match.end(), _LEASE)


def _failover(text: bytes, position: int, seen: list[str]) -> int:
    match = _PEER.match(text, position)
    if match is None:
        raise _unexpected(text, _skip(text, position))
    seen.append(_text(match[1]))
    return _block(text, match.end(), _FAILOVER)


def _with(
    opening: re.Pattern[bytes],
) -> Callable[[bytes, int, list[str]], int]:
    def entry(text: bytes, position: int, seen: list[str]) -> int:
        match = opening.match(text, position)
        if match is None:
            raise _unexpected(text, _skip(text, position))
        seen.append(_text(match[1]))
        return _block(text, match.end(), None)

    return entry


def _class(text: bytes, position: int, seen: list[str]) -> int:
    match = _CLASS.match(text, position)
    if match is None:
        raise _unexpected(text, _skip(text, position))
    end = _statement_end(text, match.end())
    key = text[match.end() : end].split(b"{")[0].rstrip(b"; \t\r\n").decode("ascii", "replace")
    seen.append(f"{_text(match[1])} {key}".strip())
    return end


def _simple(statement: re.Pattern[bytes]) -> Callable[[bytes, int, list[str]], int]:
    def entry(text: bytes, position: int, seen: list[str]) -> int:
        seen.append("")
        match = statement.match(text, position)
        if match is None:
            raise _unexpected(text, _skip(text, position))
        return match.end()

    return entry


_KINDS: dict[bytes, Callable[[bytes, int, list[str]], int]] = {
    b"lease": _lease,
    b"failover": _failover,
    b"host": _with(_NAMED),
    b"group": _with(_GROUP),
    b"ia-na": _with(_IA),
    b"ia-ta": _with(_IA),
    b"ia-pd": _with(_IA),
    b"class": _class,
    b"subclass": _class,
    b"server-duid": _simple(_DUID),
    b"authoring-byte-order": _simple(_BYTE_ORDER),
}


def parse(
    text: bytes, offset: int = 0, line: int = 1, more: bool = False, start: int = 0
) -> Iterator[Entry | Damaged]:
    """
    Yield the entries of a text, whole and damaged, in its order.

    offset, line
        Where the text begins in its file.
    start
        Where in the text to begin; lines are counted from there.
    more
        Whether the file goes on after the text: then what is not ended here is not yielded.
    """
    position = counted = start
    while True:
        position = _skip(text, position)
        if position >= len(text):
            return
        if text.startswith(b"#", position) and not _TORN_COMMENT_ENDS.search(text, position):
            # A comment without line end is the file's last line, cut off.
            if not more:
                line += text.count(b"\n", counted, position)
                yield Damaged(
                    None, None, offset + position, offset + len(text), line,
                    "a comment is cut off", text[position:],
                )  # fmt: skip
            return
        written = WRITTEN.match(text, position)
        if written is not None:
            line += text.count(b"\n", counted, position)
            counted, end = position, written.end() - 1
            body = text[position:end]
            name = body[6 : body.index(b" ", 6)].decode()
            yield Entry("lease", name, offset + position, offset + end, line, body)
            position = end
            continue
        seen: list[str] = []
        word = _WORD.match(text, position)
        kind = _KINDS.get(word[0].lower()) if word else None
        try:
            if word is None or kind is None:
                raise _no_entry(text, position)
            end = kind(text, word.end(), seen)
        except Damage as damage:
            following = _NEXT_OPENER.search(text, position + 1)
            if following is None and more:
                return
            end = following.start() if following else len(text)
            line += text.count(b"\n", counted, position)
            counted = position
            yield Damaged(
                word[0].lower().decode() if word and kind else None,
                seen[0] if seen else None,
                offset + position,
                offset + end,
                line,
                damage.what,
                text[position:end],
            )
        else:
            assert word is not None
            line += text.count(b"\n", counted, position)
            counted = position
            yield Entry(
                word[0].lower().decode(),
                seen[0],
                offset + position,
                offset + end,
                line,
                text[position:end],
            )
        position = end


def _no_entry(text: bytes, position: int) -> Damage:
    if text[position] == 0:
        return Damage("NUL bytes where an entry should be", position)
    if text[position] == 125:
        return Damage("a closing brace that belongs to no entry", position)
    return Damage(f'no entry begins like "{_shown(text, position)}"', position)
