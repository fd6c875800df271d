"""
Mistakes in expressions: comparisons, ands and ors, functions and their arguments.

Every rule was tried with ``dhcpd -t`` (4.4.3-P1), in the wrong form and in the right ones.

Source: common/parse.c (parse_expression, parse_non_binary, parse_boolean_expression).
"""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Problem
from .syntax import Statement
from .syntax import Word

#: Statements that begin with an expression, or have one behind their first words.
_HAVE = frozenset(
    {"if", "elsif", "else", "match", "set", "log", "eval", "execute", "switch", "return"}
)
#: How many arguments a function has; ``None``: any number from there on.
_FUNCTIONS: dict[str, tuple[int, int | None]] = {
    "substring": (3, 3),
    "suffix": (2, 2),
    "concat": (2, None),
    "lcase": (1, 1),
    "ucase": (1, 1),
    "reverse": (2, 2),
    "binary-to-ascii": (4, 4),
    "encode-int": (2, 2),
    "extract-int": (2, 2),
}
_LOG_LEVELS = ("fatal", "error", "info", "debug")
#: What other languages write for what dhcpd calls otherwise.
_AND_OR = {"&": '"&&"', "|": '"||"'}
_EQUALS = frozenset({"is", "equals", "equal", "eq"})


def wrong(one: Statement) -> Iterator[Problem]:
    """Find what is wrong with the expressions of one statement."""
    if one.keyword not in _HAVE:
        return
    words = one.words[1:]
    found = _marks(one, words) or _calls(one, words) or _shape(one, words)
    if found is not None:
        yield found


def _problem(one: Statement, what: str, fix: str) -> Problem:
    return Problem("bad-expression", one, f"{what}: dhcpd does not start", fix)


def _is(word: Word, text: str) -> bool:
    return not word.quoted and word.text.lower() == text


def _marks(one: Statement, words: tuple[Word, ...]) -> Problem | None:
    """Marks of other languages."""
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else None
        if word.quoted:
            continue
        if word.text == "'":
            return _problem(one, "a text stands in double quotes", 'write "..."')
        if word.text in _AND_OR:
            said = "and" if word.text == "&" else "or"
            return _problem(one, f"{_AND_OR[word.text]} is no operator here", f'write "{said}"')
        if following is None:
            continue
        if word.text == "=" and _is(following, "="):
            return _problem(one, '"==" is no comparison here', 'write "="')
        if word.text == "!" and not _is(following, "="):
            return _problem(one, '"!" alone is no operator here', 'write "not"')
        before = words[at - 1] if at else None
        tilde = word.text == "~" and not (before is not None and _is(before, "~"))
        if tilde and not (_is(following, "=") or _is(following, "~")):
            what = '"~" alone is no comparison'
            return _problem(one, what, 'write "~=", or "~~" where case does not count')
        if word.text.lower() == "exists" and _is(following, "option"):
            return _problem(one, '"exists" takes the name alone', "write exists NAME")
        compared = at > 0 and not _is(words[at - 1], "option") and one.keyword != "set"
        if compared and word.text.lower() in _EQUALS and following.quoted:
            return _problem(one, f'"{word.text}" is no comparison here', 'write "="')
    return None


def _calls(one: Statement, words: tuple[Word, ...]) -> Problem | None:
    """Functions without parentheses, or with too few or too many arguments."""
    if one.keyword == "log" and words and not _is(words[0], "("):
        return _problem(one, "log wants its text in parentheses", 'write log(info, "...");')
    if one.keyword == "log" and len(words) > 2 and _is(words[2], ","):
        level = words[1]
        if not level.quoted and level.text.lower() not in _LOG_LEVELS:
            what = "log knows no such level"
            return _problem(one, what, f"write one of {', '.join(_LOG_LEVELS)}")
    for at, word in enumerate(words):
        known = None if word.quoted else _FUNCTIONS.get(word.text.lower())
        # A name behind "option", or a variable that is set, is no call.
        if known is None or (at and _is(words[at - 1], "option")):
            continue
        if one.keyword == "set" and at == 0:
            continue
        name = word.text.lower()
        if at + 1 >= len(words) or not _is(words[at + 1], "("):
            return _problem(one, f"{name} wants its arguments in parentheses", f"write {name}(...)")
        number = _arguments(words[at + 2 :])
        if number is None:
            return _problem(one, f"the parenthesis of {name} is not closed", 'write ")"')
        least, most = known
        if number < least or (most is not None and number > most):
            many = f"{least}" if most == least else f"{least} or more"
            what = f"{name} takes {many} arguments with commas between them, here are {number}"
            fix = "write substring(VALUE, OFFSET, LENGTH)" if name == "substring" else "complete it"
            return _problem(one, what, fix)
    return None


def _arguments(words: tuple[Word, ...]) -> int | None:
    """Return how many arguments stand before the parenthesis is closed; ``None``: it is not."""
    depth, commas = 0, 0
    for at, word in enumerate(words):
        if word.quoted:
            continue
        if word.text == "(":
            depth += 1
        elif word.text == ")":
            if depth == 0:
                return commas + 1 if at else 0
            depth -= 1
        elif word.text == "," and depth == 0:
            commas += 1
    return None


def _shape(one: Statement, words: tuple[Word, ...]) -> Problem | None:
    """Parentheses that do not fit, texts side by side, a "then"."""
    depth = 0
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else None
        if word.quoted:
            if following is not None and following.quoted:
                what = "two texts stand side by side"
                return _problem(one, what, "write a comma between them, or concat(A, B)")
            if following is not None and _is(following, "+"):
                return _problem(one, 'texts are not joined by "+"', "write concat(A, B)")
        elif word.text == "(":
            depth += 1
        elif word.text == ")":
            depth -= 1
            if depth < 0:
                return _problem(one, 'there is a ")" too many', "remove it")
    if depth > 0:
        return _problem(one, 'a "(" is not closed', 'write ")"')
    if one.block is not None and words and _is(words[-1], "then"):
        return _problem(one, '"then" is no word of dhcpd.conf', "remove it")
    return None
