"""
The code blocks of the pages: those of ``console`` are run by a test, the others are counted.

A ``console`` block is what a terminal showed: ``$`` is a shell on the Salt master,
``root@HOST:~#`` one on a server. A command that ends with a backslash goes on in the next line. A
line ``...`` in the output stands for any lines, at the end of a line for its rest. What has to
happen before a block and is none of the reader's business is in a comment before it: a situation
that the lab knows (``lab/situations.py``), ``<!-- lab: dhcp-a loses its power -->``, or a host and
a command, ``<!-- lab: HOST COMMAND -->``.

A ``yaml`` or ``python`` block that begins with a path in a comment (``# /srv/salt/x.sls``) is a
file that the reader writes on the master; the test does so too. ``docs/run_by.py`` lists every
block with what runs it, or why nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*(\S*)\s*$")
_LAB = re.compile(r"^<!-- lab: (.*) -->$")
#: Languages of blocks that may be files.
FILES = ("yaml", "python")
_FILE = re.compile(r"^# (/[\w./-]+)$")
_PROMPT = re.compile(r"^(?:\$|root@(?P<host>[\w-]+):~#) (?P<command>.*)$")


@dataclass(frozen=True)
class Block:
    """One code block.

    :ivar page: path from the root.
    :ivar line: number of its first line of text, from 1.
    :ivar language: after the fence; empty for an indented block.
    :ivar lines: its text.
    :ivar before: commands of the lab in front of it.
    """

    page: str
    line: int
    language: str
    lines: tuple[str, ...]
    before: tuple[str, ...] = ()

    @property
    def file(self) -> str | None:
        """The path of the file that it is, on the master; None where it is none."""
        match = _FILE.match(self.lines[0]) if self.language in FILES and self.lines else None
        return match[1] if match else None


@dataclass(frozen=True)
class Command:
    """One command of a ``console`` block.

    :ivar host: where; None on the master.
    :ivar typed: the lines as the page shows them.
    :ivar output: the lines that follow.
    """

    host: str | None
    typed: tuple[str, ...]
    output: tuple[str, ...]

    @property
    def text(self) -> str:
        """For a shell."""
        match = _PROMPT.match(self.typed[0])
        assert match
        return "\n".join([match["command"], *self.typed[1:]])


def pages() -> list[Path]:
    """Return every page of the forge: this folder's, and the root's."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """Return the code blocks of a page, fenced and indented ones."""
    return list(_blocks(str(page.relative_to(ROOT)), page.read_text("utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    before: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if lab := _LAB.match(line):
            before.append(lab[1])
        elif fence := _FENCE.match(line):
            first = number + 1
            end = first
            while end < len(lines) and lines[end].strip() != fence[2]:
                end += 1
            yield Block(page, first + 1, fence[3] or "text", tuple(lines[first:end]), tuple(before))
            before = []
            number = end
        elif line.startswith("    ") and not (number and lines[number - 1].strip()):
            first = number
            while number < len(lines) and (not lines[number] or lines[number].startswith("    ")):
                number += 1
            text = "\n".join(lines[first:number]).rstrip().splitlines()
            yield Block(page, first + 1, "", tuple(text))
            continue
        number += 1


def commands(block: Block) -> list[Command]:
    """Return the commands of a ``console`` block with what they print.

    :raises ValueError: when there is text before the first prompt.
    """
    found: list[tuple[str | None, list[str], list[str]]] = []
    goes_on = False
    for line in block.lines:
        prompt = _PROMPT.match(line)
        if goes_on:
            found[-1][1].append(line)
        elif prompt:
            found.append((prompt["host"], [line], []))
        elif not found:
            raise ValueError(f"{block.page}:{block.line}: no prompt before {line!r}")
        else:
            found[-1][2].append(line)
            continue
        goes_on = line.endswith("\\")
    return [Command(host, tuple(typed), tuple(output)) for host, typed, output in found]


# What is another one each time: what it is replaced by.
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d(T| )\d\d:\d\d(:\d\d)?(\.\d+)?"), "DATE"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"\b\d\d-\d\d \d\d:\d\d\b"), "DATE"),
    (re.compile(r"\b\d\d:\d\d(:\d\d)?(\.\d+)?\b"), "TIME"),
    (re.compile(r"\b\d{8}T?-?\d{6}\w*\b"), "DATE"),
    (re.compile(r"\bpid \d+( -> \d+)?"), "PID"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+\b"), "ADDRESS"),
    (re.compile(r"[+-]?\b\d+(\.\d+)? ?(ms|s|seconds?|minutes?|min)\b"), "DURATION"),
    (re.compile(r"\b[0-9a-f]{8,40}\b"), "ID"),
    (re.compile(r"\b\d+(?= (of \d+|free addresses|left|times)\b|\))"), "NUMBER"),
    (re.compile(r"\b\d{3,}\b"), "NUMBER"),
    (re.compile(r"[-=]{4,}"), "----"),
    (re.compile(r"\s+"), " "),
)


def normal(line: str) -> str:
    """Return a line of output without what is another one each time."""
    for pattern, word in _VARIES:
        line = pattern.sub(word, line)
    return line.strip()


#: A run tells what it sees while it waits: how often depends on the moment.
_SEEN = re.compile(r"^TIME UTC (?:\S+: |Waiting: |Looking again: |Asking again: )")


def _settled(lines: Iterable[str]) -> list[str]:
    """Return lines of output as :func:`normal` does, without what is told while a run waits."""
    found: list[str] = []
    passing = False
    for line in lines:
        text = normal(line)
        # A long sentence goes on, indented, in the lines after it.
        passing = bool(_SEEN.match(text)) or (passing and line.startswith("      "))
        if text and not passing:
            found.append(text)
    return found


def _same(shown: str, real: str) -> bool:
    begin, dots, _ = shown.rpartition("...")
    return real.startswith(begin.rstrip()) if dots and shown.endswith("...") else real == shown


def fits(shown: tuple[str, ...] | list[str], real: tuple[str, ...] | list[str]) -> str | None:
    """Compare what a page shows with what a command printed.

    :return: None when it fits, or the first line of the page that has no fellow.
    """
    wanted, there = _settled(shown), _settled(real)
    at = 0
    anywhere = False
    for line in wanted:
        if line == "...":
            anywhere = True
            continue
        if anywhere:
            while at < len(there) and not _same(line, there[at]):
                at += 1
        if at >= len(there) or not _same(line, there[at]):
            return line
        at += 1
        anywhere = False
    if at < len(there) and not anywhere:
        return f"nothing more, but there is: {there[at]}"
    return None
