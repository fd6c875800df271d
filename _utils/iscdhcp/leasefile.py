"""
The end of ``dhcpd.leases``: is its last entry whole?

A torn last entry erases the good entry before it of the same address at the next start, and
``dhcpd -t`` and ``-T`` do not see it; so the end is looked at before every stop and every start.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from .errors import LeaseFileError

#: Bytes read from the end: many times the longest entry that dhcpd writes.
BLOCK = 64 * 1024


@dataclass(frozen=True)
class LeaseFileEnd:
    """What the end of a lease file looks like."""

    path: str
    exists: bool
    bytes: int = 0
    #: Epoch seconds.
    mtime: float = 0.0
    inode: int = 0
    whole: bool = False
    problem: str | None = None


def check_end(path: str) -> LeaseFileEnd:
    """
    Look at the end of the lease file, in constant time whatever its size.

    Returns a :class:`LeaseFileEnd`; a missing file does not ``exist``, an empty one is whole.
    Raises :class:`LeaseFileError` if it can't be read.
    """
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            file.seek(max(0, status.st_size - BLOCK))
            tail = file.read(BLOCK + 4096)
    except FileNotFoundError:
        return LeaseFileEnd(path, False, problem="it is missing")
    except OSError as err:
        raise LeaseFileError(f"the lease file {path} can't be read: {err.strerror}") from err
    problem = end_problem(tail, status.st_size <= BLOCK)
    return LeaseFileEnd(
        path,
        True,
        status.st_size,
        status.st_mtime,
        status.st_ino,
        problem is None,
        problem,
    )


def end_problem(tail: bytes, from_start: bool) -> str | None:
    """
    Say what is wrong with the end of a lease file, or ``None``.

    tail
        The last bytes of the file.
    from_start
        Whether ``tail`` is the whole file.
    """
    if not tail:
        return None
    if b"\0" in tail[-4096:]:
        return "NUL bytes where entries should be"
    if not tail.endswith(b"\n"):
        return "the last line is not ended"
    if not from_start:
        # Begin at an entry: a line that starts in the first column with a keyword.
        for line_start in _line_starts(tail):
            if tail[line_start : line_start + 1].isalpha():
                tail = tail[line_start:]
                break
        else:
            return "no entry begins in its last 64 KiB"
    depth, statement, line = 0, False, 1
    position, size = 0, len(tail)
    while position < size:
        char = tail[position : position + 1]
        if char == b'"':
            end = position + 1
            while end < size and tail[end : end + 1] not in (b'"', b"\n"):
                end += 2 if tail[end : end + 1] == b"\\" else 1
            if end >= size or tail[end : end + 1] == b"\n":
                return f"a string is cut off ({_lines_left(tail, position)})"
            position = end
        elif char == b"#":
            end = tail.find(b"\n", position)
            position = size if end < 0 else end
            continue
        elif char == b"{":
            depth, statement = depth + 1, False
        elif char == b"}":
            depth, statement = max(0, depth - 1), False
        elif char == b";":
            statement = False
        elif not char.isspace():
            statement = True
        if char == b"\n":
            line += 1
        position += 1
    if depth or statement:
        return "the last entry is cut off"
    return None


def _line_starts(tail: bytes) -> list[int]:
    starts: list[int] = []
    position = tail.find(b"\n")
    while position >= 0 and len(starts) < 2000:
        starts.append(position + 1)
        position = tail.find(b"\n", position + 1)
    return starts


def _lines_left(tail: bytes, position: int) -> str:
    left = tail.count(b"\n", position)
    return f"{left} lines before the end"
