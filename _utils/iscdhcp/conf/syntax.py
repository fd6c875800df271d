"""The syntax of dhcpd.conf: from text to a tree of statements, over all included files.

A statement is words up to ``;``, or words and a block in braces. The tree knows no meanings, with
two exceptions that the syntax itself needs: which statements take a block (a forgotten ``;`` would
otherwise swallow the next declaration without a sound), and that braces in ``option ... =`` are a
record type. What statements mean is for :mod:`iscdhcp.conf.views`.

Source of the facts: common/conflex.c, common/parse.c and server/confpars.c of dhcpd 4.4.3-P1.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_right
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import NamedTuple

from ..errors import ConfError
from ..patterns import lazy_pattern
from .lookalikes import foreign

#: dhcpd itself has no limit and dies of a cycle (measured: segmentation fault).
MAX_DEPTH_OF_INCLUDES = 32
#: Files that include one another twice each would be read 2^n times.
MAX_FILES = 10_000

#: Turns a path, as dhcpd knows it, into the one by which it is read here.
Locate = Callable[[str], str]

# One match is one statement, up to its ";" or "{", or one "}". Words are looked at only when asked
# for: most of a large file are hosts, and nobody asks. Neither pattern can fail after it has begun,
# so the time is linear in the text.
_STATEMENT = lazy_pattern(
    r"""
    \s*(?:\#[^\n]*\s*)*
    ([\w.:/-]*)
    [^;{}"\#]*(?:(?:"[^"\\]*(?:\\.[^"\\]*)*"|\#[^\n]*)[^;{}"\#]*)*
    ([;{}"]|\Z)
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
# Runs that dhcpd splits further are one word here: 10.0.0.1, 0:0:c0:5d:bd:95, foo.bar, a/b.
# White space is in none: before it a search that fails costs the square of its length.
_WORD = lazy_pattern(
    r"""
        ([\w.:/-]+)
      | "([^"\\]*(?:\\.[^"\\]*)*)"
      | \#[^\n]*
      | (\S)
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)

_ESCAPE = lazy_pattern(r"\\(x[0-9A-Fa-f]{2}|[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "b": "\b"}

# Statements with a block, and whether they can do without (server/confpars.c, common/parse.c).
_BLOCK_REQUIRED = {
    "subnet": True,
    "subnet6": True,
    "shared-network": True,
    "group": False,
    "pool": True,
    "pool6": True,
    "host": True,
    "class": True,
    "subclass": False,
    "vendor-class": False,
    "user-class": False,
    "failover": False,
    "key": False,
    "zone": True,
    "if": True,
    "elsif": True,
    "else": True,
    "switch": True,
    "on": False,
    "define": False,
    "case": False,
    "default": False,
    "lease": False,
}


class Word(NamedTuple):
    """A word of a statement: a name, a number, an address, a string or one mark such as ``,``.

    ``text`` is without quotes and with its escapes resolved; ``quoted`` tells a string from a name;
    ``offset`` is the place in the file's text (:meth:`Source.place` makes line and column of it).
    """

    text: str
    quoted: bool
    offset: int


class Source:
    """One file's text, as far as places in it are concerned.

    :param file: the path, as the user or the include statement wrote it.
    :param text: what is in it.
    """

    __slots__ = ("file", "_text", "_line_starts")

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._text = text
        self._line_starts: list[int] | None = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset in the text."""
        if self._line_starts is None:
            self._line_starts = [0, *(end.end() for end in re.finditer("\n", self._text))]
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def words(self, start: int, end: int) -> Iterator[Word]:
        """The words between two offsets, comments left out."""
        for match in _WORD.finditer(self._text, start, end):
            kind = match.lastindex
            if kind == 2:
                yield Word(_unescape(match[2]), True, match.start(2) - 1)
            elif kind is not None:
                yield Word(match[kind], False, match.start(kind))

    def error(self, message: str, offset: int) -> ConfError:
        """A :class:`ConfError` that points at an offset in the text."""
        return ConfError(message, self.file, *self.place(offset))

    def slice(self, start: int, end: int) -> str:
        """The text between two offsets, as it stands in the file."""
        return self._text[start:end]

    def end_of(self, word: Word) -> int:
        """The offset right after a word of this text, its closing quote included."""
        match = _WORD.match(self._text, word.offset)
        return match.end() if match else word.offset


class Statement:
    """A statement: its words, and its block, or None where it ended with ``;``.

    ``keyword`` is the first word in lower case, as dhcpd compares it; empty where that is a string.
    """

    __slots__ = ("keyword", "block", "source", "offset", "_end", "_words", "stray")

    def __init__(
        self, keyword: str, block: list[Statement] | None, source: Source, offset: int, end: int
    ) -> None:
        self.keyword = keyword
        self.block = block
        self.source = source
        self.offset = offset
        self._end = end
        self._words: tuple[Word, ...] | None = None
        #: How many ``;`` with nothing before them stand at its block's beginning, and after it.
        self.stray = (0, 0)

    def __repr__(self) -> str:  # never the words: some are keys' secrets
        return f"<Statement {self.keyword!r} {self.file}:{self.line}>"

    @property
    def words(self) -> tuple[Word, ...]:
        """The words, without the ``;`` or ``{`` at the end."""
        if self._words is None:
            self._words = tuple(self.source.words(self.offset, self._end))
        return self._words

    @property
    def file(self) -> str:
        """The path of the file that it stands in."""
        return self.source.file

    @property
    def line(self) -> int:
        """The line of its first word, from 1."""
        return self.source.place(self.offset)[0]

    @property
    def column(self) -> int:
        """The column of its first word, from 1."""
        return self.source.place(self.offset)[1]

    @property
    def raw(self) -> str:
        """What stands in the file from its first word to before its ``;`` or ``{``."""
        return self.source.slice(self.offset, self._end)

    def text(self, start: int = 1) -> str:
        """The words from ``start`` on, joined: dhcpd allows white space inside an address."""
        return "".join(word.text for word in self.words[start:])

    def says(self, *keywords: str) -> bool:
        """Whether it begins with these (lower case) words, none of them a string."""
        words = self.words
        return len(words) >= len(keywords) and all(
            not word.quoted and word.text.lower() == keyword
            for word, keyword in zip(words, keywords, strict=False)
        )

    def error(self, message: str) -> ConfError:
        """A :class:`ConfError` that points at this statement."""
        return self.source.error(message, self.offset)


@dataclass(frozen=True)
class FileRead:
    """A file as it was when it was read; ``mtime_ns`` in nanoseconds of the epoch."""

    path: str
    mtime_ns: int
    size: int
    inode: int
    ctime_ns: int


@dataclass(frozen=True, repr=False, eq=False)
class Tree:
    """The statements of a configuration, those of included files in their place.

    ``files`` are all files that were read, the main one first. Two trees are equal when they have
    the same statements with the same words, wherever these stand.
    """

    statements: list[Statement]
    files: list[FileRead]
    #: Each ``;`` with nothing before it: dhcpd takes one after a key's block alone.
    stray: list[Statement] = field(default_factory=list)
    #: How many of them stand before the first statement.
    leading: int = 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree):
            return NotImplemented
        return same(self.statements, other.statements)

    __hash__ = None  # type: ignore[assignment]


def same(these: list[Statement], those: list[Statement]) -> bool:
    """Whether two lists of statements are the same but for where they stand."""
    stack = [(these, those)]
    while stack:
        mine, others = stack.pop()
        if len(mine) != len(others):
            return False
        for one, other in zip(mine, others, strict=True):
            if [word[:2] for word in one.words] != [word[:2] for word in other.words]:
                return False
            if one.block is None or other.block is None:
                if one.block is not other.block:
                    return False
            else:
                stack.append((one.block, other.block))
    return True


def parse_file(path: str, directory: str = "/", locate: Locate | None = None) -> Tree:
    """Read a configuration file and all that it includes.

    :param path: the file.
    :param directory: where relative names in ``include`` are looked for. dhcpd looks in the
        directory that it was started in; service managers start it in ``/``.
    :param locate: turns each path, as dhcpd knows it, into the one by which it is read here.
    :raises ConfError: when a file cannot be read or its structure is broken, with file, line and
        column (those of the ``include`` for a file that cannot be read).
    """
    reader = _Reader(directory, locate=locate)
    return Tree(reader.read(os.fspath(path)), reader.files, reader.stray, reader.leading)


def parse_text(text: str, file: str = "dhcpd.conf", directory: str = "/") -> Tree:
    """The same for a text that is not in a file; ``file`` is its name for messages."""
    reader = _Reader(directory)
    return Tree(reader.parse(Source(file, text), text), reader.files, reader.stray, reader.leading)


def parse_texts(path: str, texts: Mapping[str, str], directory: str = "/") -> Tree:
    """The same for files that are kept as texts by their paths, none of them read from disk."""
    reader = _Reader(directory, texts)
    return Tree(reader.read(path), reader.files, reader.stray, reader.leading)


class _Reader:
    """Reads one configuration: the files so far, and those that are being included right now."""

    def __init__(
        self,
        directory: str,
        texts: Mapping[str, str] | None = None,
        locate: Locate | None = None,
    ) -> None:
        self.files: list[FileRead] = []
        self.stray: list[Statement] = []
        self.leading = 0
        self._texts = texts
        self._locate = locate
        self._directory = directory
        self._open: list[object] = []

    def read(self, path: str) -> list[Statement]:
        """The statements of a file; an error has a line only where it is about the contents."""
        if len(self.files) >= MAX_FILES:
            raise ConfError(f"more than {MAX_FILES} files are included")
        identity: object
        if self._locate is not None:
            path = self._locate(path)
        if self._texts is not None:
            if path not in self._texts:
                raise ConfError(f"{path} is not among the files that were kept")
            text, read, identity = self._texts[path], FileRead(path, 0, 0, 0, 0), path
        else:
            text, read, identity = read_text(path)
        if identity in self._open:
            raise ConfError(f"{path} includes itself: dhcpd would crash")
        if len(self._open) >= MAX_DEPTH_OF_INCLUDES:
            raise ConfError(f"files are included more than {MAX_DEPTH_OF_INCLUDES} deep")
        self.files.append(read)
        self._open.append(identity)
        try:
            return self.parse(Source(path, text), text)
        finally:
            self._open.pop()

    def parse(self, source: Source, text: str) -> list[Statement]:
        """The statements of a text. Blocks are a stack of lists, not of calls."""
        _check_characters(source, text)
        top: list[Statement] = []
        current = top
        around: list[list[Statement]] = []
        opened: list[Statement] = []
        record: _Record | None = None
        for match in _STATEMENT.finditer(text):
            mark = match[2]
            start, end = match.start(1), match.start(2)
            if mark == '"':
                raise source.error("this string does not end", end)
            if record is not None:
                if not record.takes(mark, end):
                    current.append(Statement("option", None, source, record.start, end))
                    record = None
            elif mark == ";":
                if start != end:
                    statement = Statement(match[1].lower(), None, source, start, end)
                    if statement.keyword == "include":
                        current.extend(self._include(statement))
                    elif _BLOCK_REQUIRED.get(statement.keyword):
                        raise statement.error(f'expected "{{": a "{statement.keyword}" has a block')
                    else:
                        current.append(statement)
                elif not (current and current[-1].keyword == "key" and current[-1].block):
                    self._strays(source, end, current, opened)
            elif mark == "{":
                if start == end:
                    raise source.error('a declaration was expected before this "{"', end)
                block: list[Statement] = []
                statement = Statement(match[1].lower(), block, source, start, end)
                if statement.keyword.rstrip(":") in _BLOCK_REQUIRED:
                    current.append(statement)
                    around.append(current)
                    opened.append(statement)
                    current = block
                elif _defines_record(statement):
                    record = _Record(source, start)
                else:
                    raise statement.error(
                        'expected ";" at the end of this statement: it takes no block, '
                        f'and a "{{" follows{_but_foreign(statement)}'
                    )
            elif start != end:
                told = _but_foreign(Statement("", None, source, start, end))
                raise source.error(f'expected ";" at the end of this statement{told}', start)
            elif mark == "}":
                if not around:
                    raise source.error('this "}" closes nothing', end)
                current = around.pop()
                opened.pop()
        if opened:
            block_of = opened[-1]
            raise block_of.error(f'the block of this "{block_of.keyword}" has no "}}" at its end')
        return top

    def _strays(
        self, source: Source, end: int, current: list[Statement], opened: list[Statement]
    ) -> None:
        """Keep a ``;`` with nothing before it, and where it stands."""
        self.stray.append(Statement("", None, source, end, end))
        if current:
            current[-1].stray = current[-1].stray[0], current[-1].stray[1] + 1
        elif opened:
            opened[-1].stray = opened[-1].stray[0] + 1, opened[-1].stray[1]
        else:
            self.leading += 1

    def _include(self, statement: Statement) -> list[Statement]:
        if len(statement.words) != 2 or not statement.words[1].quoted:
            raise statement.error('expected one file name in quotes after "include"')
        name = statement.words[1].text
        try:
            return self.read(os.path.join(self._directory, name))
        except ConfError as err:
            if err.line is not None:
                raise
            hint = ""
            if not os.path.isabs(name):
                hint = (
                    " (dhcpd looks for a relative name where it was started, usually in /: "
                    "write the whole path)"
                )
            raise statement.error(err.message + hint) from None


class _Record:
    """The braces of ``option NAME code N = { ... };``, part of that statement's words."""

    def __init__(self, source: Source, start: int) -> None:
        self.start = start
        self._source = source
        self._depth = 1

    def takes(self, mark: str, offset: int) -> bool:
        """Whether a mark belongs to the record; False for the ``;`` that ends the statement."""
        if mark == ";" and self._depth == 0:
            return False
        if mark in ("{", "}"):
            self._depth += 1 if mark == "{" else -1
            if self._depth >= 0:
                return True
        elif mark == ";":
            raise self._source.error('expected "}" of the record type before this', offset)
        raise self._source.error('expected ";" at the end of this option', self.start)


def _check_characters(source: Source, text: str) -> None:
    if text.startswith("\ufeff"):
        raise source.error(
            "the file begins with a byte order mark (U+FEFF), which dhcpd does not read: save "
            "it as UTF-8 without one",
            0,
        )
    if "\0" in text:
        raise source.error("a NUL byte: the file is damaged", text.index("\0"))


def _but_foreign(statement: Statement) -> str:
    """Say that a statement has a character that only looks like one of dhcpd's, if it does."""
    for word in statement.words:
        found = None if word.quoted else foreign(word.text)
        if found is not None:
            return f" ({found[0]}: {found[1]})"
    return ""


def _defines_record(statement: Statement) -> bool:
    return statement.keyword == "option" and any(
        word.text == "=" and not word.quoted for word in statement.words
    )


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    escape = match[1]
    if len(escape) == 1:
        return _ESCAPES.get(escape, escape)
    return chr(int(escape[1:], 16) if escape[0] == "x" else int(escape, 8))


def read_text(path: str) -> tuple[str, FileRead, tuple[int, int]]:
    """A file's text, what is remembered of it, and its identity on this machine.

    :raises ConfError: without a line, when it can't be read.
    """
    try:
        # Opening a named pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfError(f"{path} can't be read: it is not a regular file")
            content = file.read()
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        raise ConfError(f"{path} can't be read: {reason}") from None
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    read = FileRead(path, status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
    return text, read, (status.st_dev, status.st_ino)


def walk(statements: list[Statement]) -> Iterator[Statement]:
    """Every statement, also those inside blocks, in the order of the files."""
    stack = [iter(statements)]
    while stack:
        for statement in stack[-1]:
            yield statement
            if statement.block:
                stack.append(iter(statement.block))
                break
        else:
            stack.pop()
