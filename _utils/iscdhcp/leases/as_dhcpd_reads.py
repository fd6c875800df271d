"""
What dhcpd itself would make of a damaged stretch: which neighbours it drops, which it half takes.

dhcpd reads token by token and goes on at the next ``;`` or brace that it finds, so one torn entry
can take whole ones with it, and a half one replaces the good one before it of the same address.
This follows its reading (server/confpars.c:269-323 and 3133-3740, common/parse.c and
common/conflex.c of 4.4.3-P1) from a damaged entry on until it stands where a whole one begins.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ..patterns import lazy_pattern
from .read import Reader
from .syntax import BINDING_STATES
from .syntax import Damaged
from .syntax import Entry
from .syntax import parse

#: Bytes after a damaged stretch in which dhcpd has to be back in step.
_WINDOW = 1 << 16
#: A longer stretch is not followed.
_LONGEST = 1 << 20
#: So many stretches of a file are followed.
FOLLOWED = 100
#: The size of dhcpd's token buffer (includes/dhcpd.h).
_BUFFER = 1500

_TOKEN = lazy_pattern(rb"[A-Za-z][A-Za-z0-9_-]*|[-0-9][A-Za-z0-9_-]*|.", re.DOTALL)
_SKIP = lazy_pattern(rb"[ \t\r\n\v\f]*(?:#[^\n\xff]*(?:[\n\xff]|\Z)[ \t\r\n\v\f]*)*")
#: What ends no skip and begins neither string nor comment.
_UNIMPORTANT = lazy_pattern(rb'[^;{}"#\0\xff]*')
_NUMBER = lazy_pattern(rb"-?\d+\Z")
_HEX = lazy_pattern(rb"-?[0-9a-fA-F]+\Z|0[xX][0-9a-fA-F]+\Z")
_END = b""
#: A byte 0xff is the end of the file for dhcpd where char is signed (get_char, common/conflex.c).
_FALSE_END = b"\xff"


@dataclass(frozen=True)
class Reading:
    """
    What dhcpd makes of a damaged stretch and what follows it.

    ``dropped`` are whole entries (kind, name) that it does not see; ``halved`` addresses whose
    earlier entry it forgets, because it takes the damaged one for whole. If it ``stops``, it reads
    nothing more of the file; then ``dropped`` has only what follows next.
    """

    dropped: tuple[tuple[str, str], ...]
    halved: tuple[str, ...]
    stops: bool = False
    #: Where it stands then: what is damaged before that it has read as part of this.
    reached: int = 0


class _Lost(Exception):
    """The entry is given up."""


class _Tokens:
    def __init__(self, text: bytes, position: int) -> None:
        self.text = text
        self.position = position

    def ready(self) -> int:
        """Return where the next token begins."""
        match = _SKIP.match(self.text, self.position)
        assert match is not None
        self.position = match.end()
        return self.position

    def _token(self) -> bytes:
        position = self.ready()
        if self.text.startswith(b'"', position):
            return self.text[position : _string_end(self.text, position)]
        match = _TOKEN.match(self.text, position)
        return match[0] if match else _END

    def peek(self) -> bytes:
        token = self._token()
        if token == b"\0":
            # Token 0 means "nothing was peeked at": it is gone (do_peek_token).
            self.position += 1
        return _END if token == _FALSE_END else token

    def next(self) -> bytes:
        token = self._token()
        self.position += len(token)
        return _END if token == _FALSE_END else token

    def skip(self, braces: int = 0) -> None:
        """skip_to_rbrace: to the ``;``, or behind so many closing braces."""
        while True:
            # Nothing else ends it: 64 kB token by token, for each torn entry, took seconds.
            self.position = _UNIMPORTANT.match(self.text, self.position).end()  # type: ignore[union-attr]
            token = self.peek()
            if token == b"}":
                braces -= braces > 0
                if not braces:
                    self.next()
                    return
            elif token == b"{":
                braces += 1
            elif token == b";" and not braces:
                self.next()
                return
            if self.next() == _END:
                return

    def semicolon(self) -> bool:
        if self.next() != b";":
            self.skip()
            return False
        return True

    def numbers(self, separator: bytes, base: re.Pattern[bytes], most: int) -> list[bytes] | None:
        """parse_numeric_aggregate."""
        found: list[bytes] = []
        while True:
            if found:
                token = self.peek()
                if token != separator:
                    if not most:
                        return found
                    if token not in (b"}", b"{"):
                        token = self.next()
                    if token != b";":
                        self.skip()
                    return None
                self.next()
            token = self.next()
            if token == _END:
                return found
            if not base.match(token):
                self.skip()
                return None
            found.append(token)
            if len(found) == most:
                return found

    def date(self) -> None:
        """parse_date; a wrong one is 0, and the lease goes on."""
        wanted: list[re.Pattern[bytes] | bytes] = [
            _NUMBER,
            _NUMBER,
            b"/",
            _NUMBER,
            b"/",
            _NUMBER,
            _NUMBER,
        ]
        wanted += [b":", _NUMBER, b":", _NUMBER]
        token = self.peek()
        if token == b"never":
            self.next()
        elif token == b"epoch":
            self.next()
            if self.peek() != b";":
                self.next()
        else:
            for one in wanted:
                token = self.peek()
                good = token == one if isinstance(one, bytes) else one.match(token)
                if not good:
                    if token != b";":
                        self.next()
                    break
                self.next()
            else:
                if _NUMBER.match(self.peek()):
                    self.next()
                elif self.peek() != b";":
                    self.next()
        self.semicolon()


def _string_end(text: bytes, position: int) -> int:
    """
    read_string (common/conflex.c): return where the string that begins at ``position`` ends.

    An octal escape that is cut short swallows what follows, the closing quote too.
    """
    position += 1
    taken = escaped = value = 0
    hexadecimal = False
    while taken < _BUFFER and position < len(text):
        byte = text[position]
        position += 1
        if byte == 0xFF:
            break
        if escaped == 1:
            if byte in b"0123" or byte == 0x78:
                hexadecimal, value, escaped = byte == 0x78, byte & 3 if byte != 0x78 else 0, 2
                continue
            escaped = 0
        elif escaped and hexadecimal:
            escaped = escaped + 1 if byte in b"0123456789abcdefABCDEF" else 4
            if escaped < 4:
                continue
            escaped = 0
        elif escaped:
            if byte in b"01234567":
                value = value * 8 + byte - 0x30
                escaped += 1
            elif value == 0:
                escaped = 1
            if value == 0 and escaped == 1 or escaped < 4 and byte in b"01234567":
                continue
            if escaped == 4:
                escaped = 0
        elif byte == 0x5C:
            escaped = 1
            continue
        elif byte == 0x22:
            break
        taken += 1
    return position


class Whole:
    """
    Kind and name of the whole entries after a damage, by where they begin; no more than is asked.

    start
        Where the damage ends.
    """

    def __init__(self, text: bytes, start: int) -> None:
        self._items = parse(text, start=start, more=True)
        self._known: dict[int, tuple[str, str]] = {}
        self._reached = -1.0

    def until(self, position: float) -> dict[int, tuple[str, str]]:
        """Return those that begin before or at ``position``, and perhaps more."""
        while self._reached < position:
            item = next(self._items, None)
            self._reached = math.inf if item is None else item.offset
            if isinstance(item, Entry):
                self._known[item.offset] = item.kind, item.name
        return self._known


def reading(text: bytes, position: int, whole: Whole) -> Reading:
    """
    Follow dhcpd from ``position`` of ``text``.

    whole
        The whole entries after the damage.
    """
    tokens = _Tokens(text, position)
    halved: list[str] = []
    while True:
        at = tokens.ready()
        if at >= len(text) or at in whole.until(at):
            break
        word = tokens.next().lower()
        if word == _END:
            after = whole.until(math.inf)
            return Reading(
                tuple(after[one] for one in sorted(after) if one > at), tuple(halved), True
            )
        if word == b"lease":
            address = _lease(tokens)
            if address:
                halved.append(address)
        elif word == b"failover":
            _failover(tokens)
        elif word == b"server-duid" or word == b"authoring-byte-order":
            tokens.next()
            tokens.semicolon()
        else:
            tokens.skip()
    known = whole.until(tokens.position)
    dropped = [known[one] for one in sorted(known) if position < one < tokens.position]
    return Reading(tuple(dropped), tuple(halved), reached=tokens.position)


def _lease(tokens: _Tokens) -> str | None:
    """parse_lease_declaration; return the address if dhcpd takes the lease."""
    numbers = tokens.numbers(b".", _NUMBER, 4)
    if numbers is None:
        return None
    if tokens.next() != b"{":
        tokens.skip()
        return None
    try:
        while True:
            word = tokens.next().lower()
            if word in (b"}", _END):
                break
            _lease_statement(tokens, word)
    except _Lost:
        return None
    try:
        return ".".join(str(int(number) & 255) for number in (numbers + [b"0"] * 4)[:4])
    except ValueError:
        return None


def _lease_statement(tokens: _Tokens, word: bytes) -> None:
    if word in (b"starts", b"ends", b"timestamp", b"tstp", b"tsfp", b"atsfp", b"cltt"):
        tokens.date()
    elif word == b"uid":
        if tokens.peek().startswith(b'"'):
            tokens.next()
        elif tokens.numbers(b":", _HEX, 0) is None:
            raise _Lost
        tokens.semicolon()
    elif word == b"hardware":
        kind = tokens.next()
        if not re.match(rb"(?i)(?:ethernet|token-ring|fddi|infiniband)\Z|unknown-", kind):
            tokens.skip()
        elif tokens.peek() == b";" or tokens.numbers(b":", _HEX, 0) is not None:
            tokens.semicolon()
    elif word in (b"reserved", b"dynamic-bootp", b"abandoned"):
        tokens.semicolon()
    elif word in (b"binding", b"next", b"rewind"):
        if word != b"binding" and tokens.next().lower() != b"binding":
            tokens.skip()
            return
        if tokens.next().lower() != b"state":
            tokens.skip()
            return
        state = tokens.next().lower().decode("ascii", "replace")
        if state not in (*BINDING_STATES, "reserved", "bootp"):
            tokens.skip()
            raise _Lost
        tokens.semicolon()
    elif word == b"client-hostname":
        name = tokens.next()
        if not re.match(rb'["A-Za-z0-9]', name):
            tokens.skip()
            raise _Lost
        while not name.startswith(b'"') and tokens.peek() == b".":
            tokens.next()
            tokens.next()
        tokens.semicolon()
    elif word in (b"set", b"ddns-fwd-name", b"ddns-rev-name"):
        _set(tokens, word)
    elif word in (b"option", b"supersede", b"on", b"billing"):
        # Options and statements are read on; a damaged one ends at its semicolon or brace.
        tokens.skip()
    else:
        tokens.skip()
        raise _Lost


def _set(tokens: _Tokens, word: bytes) -> None:
    if word == b"set":
        if not re.match(rb"[A-Za-z]", tokens.next()) or tokens.next() != b"=":
            tokens.skip()
            raise _Lost
    value = tokens.next()
    if value == b"%":
        value = tokens.next()
        if not _NUMBER.match(value):
            if value != b";":
                tokens.skip()
            raise _Lost
    elif not value.startswith(b'"') and value.lower() not in (b"true", b"false"):
        if not _HEX.match(value):
            tokens.skip()
            raise _Lost
        while tokens.peek() == b":":
            tokens.next()
            tokens.next()
    tokens.semicolon()


def _failover(tokens: _Tokens) -> None:
    """parse_failover_state_declaration."""
    if tokens.next().lower() != b"peer" or not re.match(rb'["A-Za-z]', tokens.next()):
        tokens.skip()
        return
    for wanted in (b"state", b"{"):
        token = tokens.next().lower()
        if token != wanted:
            if token != b";":
                tokens.skip()
            return
    while True:
        word = tokens.next().lower()
        if word == b"}":
            return
        if word == b"mclt":
            if not _NUMBER.match(tokens.next()):
                tokens.skip(1)
                return
            tokens.semicolon()
        elif word in (b"my", b"partner"):
            if tokens.next().lower() != b"state":
                tokens.skip(1)
                return
            tokens.next()
            token = tokens.next().lower()
            if token == b"at":
                tokens.date()
            elif token != b";":
                tokens.skip()
        else:
            tokens.skip(1)
            return


def readings(path: str, damaged: list[Damaged]) -> list[Reading | None]:
    """Return for each damaged stretch what dhcpd makes of it; None where it is not followed."""
    found: list[Reading | None] = []
    behind = 0
    for one in damaged:
        if len(found) >= FOLLOWED or one.end - one.offset > _LONGEST or one.end == one.offset:
            found.append(None)
            continue
        if one.offset < behind:
            # dhcpd is still out of step from the stretch before.
            found.append(Reading((), ()))
            continue
        with Reader(path) as reader:
            text = reader.at(one.offset, one.end - one.offset + _WINDOW)
        whole = Whole(text, one.end - one.offset)
        result = reading(text, 0, whole)
        found.append(result)
        behind = one.offset + result.reached
    return found
