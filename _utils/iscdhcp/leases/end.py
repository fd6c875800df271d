"""
The end of ``dhcpd.leases``: is its last entry whole?

A torn last entry erases the good entry before it of the same address at the next start, and
``dhcpd -t`` and ``-T`` do not see it; so the end is looked at before every stop and every start.

What dhcpd writes (server/db.c of 4.4.3-P1): each entry begins in the first column, each line inside
it is indented, and it ends with ``}`` or ``;`` and a line feed. Other bytes than printable ASCII
are escaped, in strings too.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass

from ..errors import LeaseFileError
from ..patterns import lazy_pattern

#: Bytes read from the end: many times the longest entry that dhcpd writes.
BLOCK = 64 * 1024

_ENTRY = lazy_pattern(
    rb"^(?:lease|failover|host|group|class|subclass|server-duid|authoring-byte-order|ia[-_][a-z]{2})"
    rb"[ \t\n{;]",
    re.MULTILINE,
)
_TOKEN = lazy_pattern(
    rb'(?P<string>"[^"\\]*(?:\\.[^"\\]*)*")|(?P<comment>#[^\n]*\n?)|(?P<mark>[{};"])|[^\s{};"#]+',
    re.DOTALL,
)


@dataclass(frozen=True)
class LeaseFileEnd:
    """What the end of a lease file looks like."""

    path: str
    exists: bool
    bytes: int = 0
    #: Epoch seconds.
    mtime: float = 0.0
    inode: int = 0
    #: An empty file is whole too.
    whole: bool = False
    #: What is wrong where it is not whole, in a few words.
    problem: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it exists and holds nothing, not even the comments that dhcpd begins with."""
        return self.exists and self.bytes == 0


def check_end(path: str) -> LeaseFileEnd:
    """
    Look at the end of the lease file, in constant time whatever its size.

    Returns a :class:`LeaseFileEnd`; a missing file does not ``exist``, an empty one is whole.
    Raises :class:`LeaseFileError` if it can't be read.
    """
    try:
        # Opening a named pipe must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise LeaseFileError(f"the lease file {path} is not a regular file")
            start = max(0, status.st_size - BLOCK)
            file.seek(start)
            tail = file.read()
    except FileNotFoundError:
        return LeaseFileEnd(path, False, problem="it is missing")
    except OSError as err:
        raise LeaseFileError(f"the lease file {path} can't be read: {err.strerror}") from err
    problem = end_problem(tail, start == 0)
    return LeaseFileEnd(
        path,
        True,
        start + len(tail),
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
    begin = 0 if from_start else None
    for entry in _ENTRY.finditer(tail):
        begin = entry.start()
    if begin is None:
        return f"no entry begins in its last {BLOCK // 1024} KiB"
    return _problem_after(tail, begin)


def append(path: str, text: bytes) -> None:
    """
    Append entries to a whole lease file of a dhcpd that does not run, and sync it.

    Raises :class:`LeaseFileError`; the file is then as long as before.
    """
    if not check_end(path).whole:
        raise LeaseFileError(f"{path} is torn at its end: nothing was appended")
    try:
        with open(path, "r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            try:
                if file.write(text) != len(text):
                    raise OSError("the disk is full")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)
                raise
    except OSError as err:
        raise LeaseFileError(f"{path}: {err.strerror or err}") from err


def _problem_after(tail: bytes, begin: int) -> str | None:
    """Read the last entry, and what follows it, as dhcpd's own lexer does."""
    if tail.find(b"\0", begin) >= 0:
        return "there are NUL bytes in or after its last entry"
    depth, open_words = 0, False
    for token in _TOKEN.finditer(tail, begin):
        mark = token["mark"]
        if mark == b'"':
            return f"its last entry is cut off inside a string ({_name(tail, begin)})"
        if mark == b"{":
            depth, open_words = depth + 1, False
        elif mark == b"}":
            depth, open_words = depth - 1, False
            if depth < 0:
                return 'a "}" too many follows its last entry'
        elif mark == b";":
            open_words = False
        elif token["comment"] is None:
            open_words = True
    if depth:
        return f"its last entry is cut off ({_name(tail, begin)})"
    if open_words:
        return "its last line is cut off"
    return None if tail.endswith(b"\n") else "its last line has no line feed at the end"


def _name(tail: bytes, begin: int) -> str:
    words = tail[begin : begin + 80].split(b"{")[0].split()[:3]
    return b" ".join(words).decode("ascii", "replace")
