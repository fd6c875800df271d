"""Writing a configuration: from the tree of :mod:`iscdhcp.conf.syntax` back to text."""

from __future__ import annotations

import re

from ..patterns import lazy_pattern
from .syntax import Statement
from .syntax import Tree
from .syntax import Word

#: Deeper blocks are not indented further: the text stays as long as the tree.
MAX_INDENT = 20

_SPECIAL = lazy_pattern(r'["\\\x00-\x1f\x7f]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"}


def write(tree: Tree | list[Statement]) -> str:
    """
    Return a configuration as one text, a statement a line, what it includes in its place.

    :param tree: a :class:`~iscdhcp.conf.syntax.Tree`, or statements of one.

    The text parses to an equal tree. Comments are not in the tree, so they are gone.
    A ``;`` with nothing before it, which dhcpd refuses, stays: nothing is mended without a word.
    """
    lines: list[str] = []
    if isinstance(tree, Tree) and tree.leading:
        lines.append(";" * tree.leading + "\n")
    opened: list[Statement] = []
    stack = [iter(tree.statements if isinstance(tree, Tree) else tree)]
    while stack:
        indent = "  " * min(len(stack) - 1, MAX_INDENT)
        for statement in stack[-1]:
            if statement.block is None:
                lines.append(f"{indent}{statement_text(statement)};{';' * statement.stray[1]}\n")
                continue
            lines.append(f"{indent}{statement_text(statement)} {{{';' * statement.stray[0]}\n")
            stack.append(iter(statement.block))
            opened.append(statement)
            break
        else:
            stack.pop()
            if stack:
                stray = ";" * opened.pop().stray[1]
                lines.append("  " * min(len(stack) - 1, MAX_INDENT) + f"}}{stray}\n")
    return "".join(lines)


def statement_text(statement: Statement) -> str:
    """Return the words of a statement as one line, without its ``;`` or block."""
    parts: list[str] = []
    end: int | None = None
    for word in statement.words:
        if parts and word.offset != end:
            parts.append(" ")
        parts.append(quoted(word.text) if word.quoted else word.text)
        # Only what stood together may stand together: 1:2:3, substring(a, 1), ab+/cd==.
        end = None if word.quoted else word.offset + len(word.text)
    return "".join(parts)


def word_text(word: Word) -> str:
    """Return a word as it is written."""
    return quoted(word.text) if word.quoted else word.text


def quoted(text: str) -> str:
    """Return a string in quotes, with the escapes that dhcpd reads (common/conflex.c)."""
    return '"' + _SPECIAL.sub(_escaped, text) + '"'


def _escaped(match: re.Match[str]) -> str:
    mark = match[0]
    return _NAMED.get(mark) or f"\\{ord(mark):03o}"
