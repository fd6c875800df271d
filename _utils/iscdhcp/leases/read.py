"""
Reading a lease file of any size in blocks, and judging it.

The fast path lets one regular expression, the form that dhcpd itself writes, eat a whole block;
only a block of which something is left goes to the parser. Nothing is kept of what was read.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any
from typing import BinaryIO

from ..errors import LeaseFileError
from .syntax import BETWEEN
from .syntax import WRITTEN
from .syntax import Damaged
from .syntax import Entry
from .syntax import failover_fields
from .syntax import parse

#: Bytes read at once; measured: what the second level cache holds is faster than more.
BLOCK = 1 << 16


class Reader:
    """
    A lease file, block by block; what it was when opened, however dhcpd goes on writing it.

    ``text`` is the present block, which begins at ``offset`` and ends behind an entry, unless it is
    the ``last``. Use as a context; every block, then :meth:`drop` what is done with, is read by::

        while reader.fill():
            ...
            reader.drop(len(reader.text))
    """

    def __init__(self, path: str, block: int | None = None) -> None:
        self.path = path
        self.text = b""
        self.offset = 0
        self.last = False
        self._tail = b""
        self._block = block or BLOCK
        try:
            self._file: BinaryIO = open(path, "rb", buffering=0)  # noqa: SIM115
            self.status = os.fstat(self._file.fileno())
        except OSError as err:
            raise unreadable(path, err) from err
        self.bytes = self._left = self.status.st_size

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def fill(self) -> bool:
        """Read the next block; return whether there is one."""
        # What could not be done with alone is tried again with at least twice as much.
        wanted = max(self._block, 2 * len(self._tail))
        parts, have = [self._tail], len(self._tail)
        while self._left and have < wanted:
            try:
                part = self._file.read(min(self._left, wanted - have))
            except OSError as err:
                raise unreadable(self.path, err) from err
            self._left -= len(part)
            if not part:
                self._left = 0  # it became shorter while it was read
            parts.append(part)
            have += len(part)
        text = b"".join(parts)
        self.last = not self._left
        cut = have if self.last else text.rfind(b"\n}\n") + 3
        if cut < 3:
            cut = have
        self.text, self._tail = text[:cut], text[cut:]
        return bool(self.text)

    def at(self, offset: int, size: int) -> bytes:
        """Return bytes from anywhere in the file, at most up to where it ended when opened."""
        try:
            return os.pread(self._file.fileno(), max(0, min(size, self.bytes - offset)), offset)
        except OSError as err:
            raise unreadable(self.path, err) from err

    def drop(self, length: int) -> None:
        """Leave the first ``length`` bytes of the block; the rest comes again with the next."""
        self.offset += length
        self._tail = self.text[length:] + self._tail if length < len(self.text) else self._tail
        self.text = b""


def unreadable(path: str, err: OSError) -> LeaseFileError:
    """Return the error for a file that can't be read."""
    return LeaseFileError(f"the lease file {path} can't be read: {err.strerror}")


def judge(reader: Reader) -> tuple[int, list[Damaged]]:
    """Return how many whole entries the file has, and its damaged stretches (without lines)."""
    entries = 0
    damaged: list[Damaged] = []
    ended = True
    while reader.fill():
        text = reader.text
        left, count = WRITTEN.subn(b"", text)
        if left:
            count, found, position = _look(text, reader.offset, reader.last)
            damaged += found
        else:
            position = len(text)
        entries += count
        if reader.last:
            ended = text.endswith(b"\n")
        reader.drop(position)
    if not ended and (not damaged or damaged[-1].end < reader.bytes):
        damaged.append(
            Damaged(None, None, reader.bytes, reader.bytes, 0, "the last line is not ended", b"")
        )
    return entries, damaged


def _look(text: bytes, offset: int, last: bool) -> tuple[int, list[Damaged], int]:
    """The same for one block, entry by entry; also return how far it was understood."""
    count, position = 0, 0
    damaged: list[Damaged] = []
    size = len(text)
    written, between = WRITTEN.match, BETWEEN.match
    while position < size:
        match = written(text, position)
        if match is not None:
            count += 1
            position = match.end()
            continue
        match = between(text, position)
        if match is not None:
            position = match.end()
            continue
        item = next(parse(text, offset, more=not last, start=position), None)
        if item is None:
            if last or not text[position:].strip():
                position = size
            break
        if isinstance(item, Entry):
            count += 1
        else:
            damaged.append(item)
        position = item.end - offset
    return count, damaged, position


def with_lines(path: str, damaged: list[Damaged]) -> list[Damaged]:
    """Return the damaged stretches with their lines, for which the file is read again."""
    if not damaged:
        return []
    lines: list[Damaged] = []
    line = 1
    waiting = iter(sorted(damaged, key=lambda one: one.offset))
    one = next(waiting, None)
    with Reader(path) as reader:
        while one is not None and reader.fill():
            text, counted = reader.text, 0
            while one is not None and one.offset <= reader.offset + len(text):
                if one.offset == reader.offset + len(text) and not reader.last:
                    break
                at = one.offset - reader.offset
                line += text.count(b"\n", counted, at)
                counted = at
                lines.append(replace(one, line=line))
                one = next(waiting, None)
            line += text.count(b"\n", counted)
            reader.drop(len(text))
    return lines


def entries(path: str, wanted: Callable[[bytes], bool] | None = None) -> Iterator[Entry | Damaged]:
    """
    Yield every entry of a file, whole and damaged, in its order.

    wanted
        Says of a block's text whether to look into it; others are passed over.
    """
    line = 1
    with Reader(path) as reader:
        while reader.fill():
            text, consumed = reader.text, 0
            if wanted is not None and not wanted(text) and text.endswith(b"\n}\n"):
                line += text.count(b"\n")
                reader.drop(len(text))
                continue
            for item in parse(text, reader.offset, line, more=not reader.last):
                yield item
                consumed = item.end - reader.offset
            if reader.last or not text[consumed:].strip():
                consumed = len(text)
            line += text.count(b"\n", 0, consumed)
            reader.drop(consumed)


def entries_of(path: str, kind: bytes) -> Iterator[Entry]:
    """Yield the whole entries of one kind, found by their keyword at the start of a line."""
    with Reader(path) as reader:
        while reader.fill():
            text, consumed = reader.text, len(reader.text)
            at = 0 if text.startswith(kind) else text.find(b"\n" + kind) + 1
            while at or text.startswith(kind, at):
                item = next(parse(text, reader.offset, more=not reader.last, start=at), None)
                if item is None:
                    consumed = at
                    break
                if isinstance(item, Entry):
                    yield item
                at = text.find(b"\n" + kind, item.end - reader.offset - 1) + 1
                if not at:
                    break
            reader.drop(consumed)


def failover_states(path: str) -> dict[str, dict[str, Any]]:
    """
    Return the saved state of each failover relationship, by its last whole block.

    Each has ``my`` and ``partner``, a state and since when (UTC epoch seconds; None where the file
    does not say), and ``mclt`` in seconds, None on a primary.
    """
    return {entry.name: failover_fields(entry.text) for entry in failover_entries(path)}


def failover_entries(path: str) -> Iterable[Entry]:
    """Return the whole entries that save a failover relationship's state, in the file's order."""
    return entries_of(path, b"failover")
