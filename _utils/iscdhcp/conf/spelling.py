"""
One spelling for what dhcpd takes in several: values as bytes or text, numbers, parentheses.

``dhcpd -t`` (4.4.3-P1) takes all of them. Source: common/parse.c (parse_option_token, convert_num,
parse_boolean_expression).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator

from ..patterns import lazy_pattern
from .options import OPTIONS
from .options import PARAMETERS
from .syntax import Statement
from .syntax import Word

#: Forms of values that are a number; ``X`` takes bytes or text.
_NUMBERS = frozenset("TLSBl")
_NUMBER = lazy_pattern(r"0x[0-9a-f]+|0[0-7]+", re.ASCII)
#: What a statement has to have, one of these, to be spelt in another way.
_MARKS = {"option": '"|.|0', "subclass": '"', "if": "(", "elsif": "(", "match": "("}
#: Words after which a parenthesis encloses a condition, and calls nothing.
_BEFORE_CONDITION = frozenset({"if", "elsif", "not", "and", "or", "("})


def statements(scope: Iterable[Statement]) -> Iterator[Statement]:
    """Yield the statements of a scope, without an ``else`` that says nothing."""
    for one in scope:
        if one.keyword != "else" or one.block != [] or len(one.words) > 1:
            yield one


def words_of(statement: Statement) -> list[Word] | None:
    """Return a statement's words in one spelling; ``None`` where it can have no other."""
    keyword, raw = statement.keyword, statement.raw
    marks = _MARKS.get(keyword, " 0" if keyword in PARAMETERS else None)
    # Words are made when they are asked for, and most statements need none.
    if marks is None or not any(mark in raw for mark in marks.split("|")):
        return None
    words = list(statement.words)
    if keyword == "option" and len(words) > 1:
        return _option(words)
    if keyword == "subclass" and len(words) == 3 and words[2].quoted:
        return [*words[:2], _as_bytes(words[2])]
    if keyword in ("if", "elsif"):
        return [words[0], *_condition(words[1:], words[0])]
    if keyword == "match" and len(words) > 1 and _is(words[1], "if"):
        return [*words[:2], *_condition(words[2:], words[1])]
    if len(words) == 2 and PARAMETERS.get(keyword, "")[:1] in _NUMBERS:
        return [words[0], _as_number(words[1])]
    return words


def _is(word: Word, text: str) -> bool:
    return not word.quoted and word.text.lower() == text


def _option(words: list[Word]) -> list[Word]:
    name = words[1].text.lower()
    if not words[1].quoted and name.startswith("dhcp."):
        # The space that an option without one is in.
        name = name.removeprefix("dhcp.")
        words = [words[0], words[1]._replace(text=name), *words[2:]]
    form = OPTIONS.get(name, "")
    if form == "X" and len(words) == 3 and words[2].quoted:
        return [*words[:2], _as_bytes(words[2])]
    if len(form) == 1 and form in _NUMBERS and len(words) == 3:
        return [*words[:2], _as_number(words[2])]
    return words


def _as_bytes(word: Word) -> Word:
    """Text as its bytes in hexadecimal; what can't be told stays as it is."""
    if not word.text.isascii() or not word.text:
        return word
    return word._replace(text=":".join(f"{ord(one):02x}" for one in word.text), quoted=False)


def _as_number(word: Word) -> Word:
    """A number in hexadecimal (0x) or octal (a leading 0) as dhcpd reads it."""
    text = word.text.lower()
    if word.quoted or not _NUMBER.fullmatch(text):
        return word
    return word._replace(text=str(int(text, 16 if text.startswith("0x") else 8)))


def _condition(words: list[Word], before: Word) -> list[Word]:
    """A condition without the parentheses that enclose all of it, or one word, or a condition."""
    closing = _pairs(words)
    if closing is None:
        return words
    drop: set[int] = set()
    for start, end in closing.items():
        previous = words[start - 1] if start else before
        alone = end - start == 2
        whole = start - len([one for one in drop if one < start]) == 0 and all(
            one in drop or one == end for one in range(end, len(words))
        )
        encloses = not previous.quoted and previous.text.lower() in _BEFORE_CONDITION
        if encloses and (alone or whole):
            drop |= {start, end}
    return [word for at, word in enumerate(words) if at not in drop]


def _pairs(words: list[Word]) -> dict[int, int] | None:
    """Return where each parenthesis is closed, the outer ones first; ``None``: they do not fit."""
    opened: list[int] = []
    found = {}
    for at, word in enumerate(words):
        if _is(word, "("):
            opened.append(at)
        elif _is(word, ")"):
            if not opened:
                return None
            found[opened.pop()] = at
    return None if opened else dict(sorted(found.items()))
