"""
Mistakes with marks: a comma or semicolon that is missing or too many, quotes of another kind.

Called by :mod:`iscdhcp.conf.grammar` for each statement. Every rule was tried with ``dhcpd -t``
(4.4.3-P1), in the wrong form and in the right ones.

Source: common/conflex.c (get_raw_token), common/parse.c (parse_semi, parse_option_statement).
"""

from __future__ import annotations

import re
from collections.abc import Container
from collections.abc import Iterator

from ..patterns import lazy_pattern
from .finding import Problem
from .options import OPTIONS
from .syntax import Statement
from .syntax import Word

#: Forms of values that are a list of addresses or names, and a flag before it.
_LISTS = {"IA": 0, "fIa": 1}
#: Words after which a statement goes on in the next line.
_GOES_ON = frozenset(
    {"=", "!=", "~=", "~~", "and", "or", "not", "!", "of", "+", "-", "if", "exists", "option"}
)
_DOTTED = lazy_pattern(r"\d+(\.\d*)+", re.ASCII)
_ADDRESS = lazy_pattern(r"\d{1,3}(\.\d{1,3}){3}", re.ASCII)
_SINGLE = lazy_pattern(r"'[^'\s]*'?|[^'\s]*'", re.ASCII)


def wrong(one: Statement, keywords: Container[str]) -> Iterator[Problem]:
    """
    Find what is wrong with the marks of one statement.

    keywords
        Words that begin a statement.
    """
    if one.keyword in ("", "case", "switch") or one.keyword.startswith(("default:", "%")):
        return
    words = one.words
    last = words[-1]
    if one.block is None and not last.quoted and last.text[-1:] in (",", ":") and len(words) > 1:
        yield _problem(
            one,
            f'there is a "{last.text[-1]}" at the end of this statement, and nothing after it',
            f'remove the "{last.text[-1]}"',
        )
        return
    late = _next_statement(one, keywords)
    if late is not None:
        yield _problem(
            one,
            f'this statement has no ; at its end, and "{late.text}" of the next line follows',
            f'write a ; before "{late.text}"',
            "missing-semicolon",
        )
        return
    single = next((one for one in words if not one.quoted and _SINGLE.fullmatch(one.text)), None)
    if single is not None:
        yield _problem(one, "texts do not stand in single quotes", 'write "..."')
    elif one.keyword == "option" and len(words) > 2:
        yield from _addresses(one, OPTIONS.get(words[1].text.lower(), ""), words[2:])


def _problem(one: Statement, what: str, fix: str, code: str = "bad-value") -> Problem:
    return Problem(code, one, f"{what}: dhcpd does not start", fix)


def _next_statement(one: Statement, keywords: Container[str]) -> Word | None:
    """Return the word with which another statement begins, in a line of its own."""
    words = one.words
    # The name of an option may be that of a statement (user-class).
    first = 2 if one.keyword in ("option", "send", "supersede", "append", "prepend") else 1
    depth = sum(_opens(word) for word in words[:first])
    for before, word in zip(words[first - 1 :], words[first:], strict=False):
        depth += _opens(word)
        if depth or word.quoted or word.text.lower() not in keywords:
            continue
        if not before.quoted and before.text.lower() in _GOES_ON:
            continue
        if "\n" in one.source.slice(before.offset, word.offset):
            return word
    return None


def _opens(word: Word) -> int:
    """How many parentheses and braces a word opens."""
    if word.quoted:
        return 0
    return sum((mark in "({") - (mark in ")}") for mark in word.text)


def _addresses(one: Statement, form: str, words: tuple[Word, ...]) -> Iterator[Problem]:
    """The value of an option that has addresses in it."""
    texts = [word.text for word in words]
    if "I" not in form or "=" in texts or any(word.quoted for word in words):
        return
    if any(text.startswith(".") or text.endswith(".") for text in texts):
        return  # marks that stand apart
    for text in texts if len(form) > 2 else ():
        if _DOTTED.fullmatch(text) and not _is_address(text):
            yield _problem(one, f"{text} is no address", "write four numbers from 0 to 255")
            return
    if form not in _LISTS:
        return
    items = words[_LISTS[form] :]
    for before, word in zip(items, items[1:], strict=False):
        if before.text != "," and word.text != ",":
            yield _problem(
                one,
                "there is no comma between two of these addresses",
                "write one, or a ; where the value ends",
            )
            return
        if before.text == word.text == ",":
            yield _problem(one, "there are two commas with nothing between them", "remove one")
            return


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.fullmatch(text)) and all(int(part) <= 255 for part in text.split("."))
