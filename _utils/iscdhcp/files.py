"""
Files replaced whole or not at all: written beside the old one, synced, renamed.

What is kept as JSON is readable by its owner only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path
from typing import IO
from typing import Any


class UnwrittenError(OSError):
    """A file could not be written; its text is part of a sentence that names the file."""

    def __str__(self) -> str:
        room = ": make room there" if self.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        return f"{self.filename} could not be written ({self.strerror}){room}"


@contextmanager
def replaced(target: str | os.PathLike[str], text: bool = True) -> Iterator[IO[Any]]:
    """
    Yield a new file, mode 0600, that takes ``target``'s place when the block ends well.

    Where the block raises, ``target`` is as it was and nothing is left beside it. A link is
    followed: what it points to is replaced. Raises :class:`UnwrittenError`.

    target
        The file; its folder has to be there.
    text
        Whether text (UTF-8) is written, or bytes.
    """
    real = os.path.realpath(target)
    folder, name = os.path.split(real)
    how: dict[str, Any] = {"mode": "w", "encoding": "utf-8"} if text else {"mode": "wb"}
    with _named(real):
        # Not with the old one's ending: who reads all files of a folder must not read this one.
        new = tempfile.NamedTemporaryFile(
            dir=folder, prefix=f".{name}.", suffix=".new", delete=False, **how
        )
    try:
        # What is still buffered is written at the end of the block too.
        with _named(real), new:
            yield new
            new.flush()
            os.fsync(new.fileno())
        with _named(real):
            os.replace(new.name, real)
    except BaseException:
        with suppress(OSError):
            Path(new.name).unlink(missing_ok=True)
        raise
    _sync(folder)


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Have errors name the file: those of a full disk name none, others the new one beside it."""
    try:
        yield
    except OSError as err:
        about = err.filename
        if about is not None and os.path.dirname(str(about)) != os.path.dirname(path):
            raise
        raise UnwrittenError(err.errno, err.strerror, path) from err


def _sync(folder: str) -> None:
    """Have the folder's new entry on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: Any) -> None:
    """Replace ``path`` by ``data`` as JSON, atomically, mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replaced(path) as file:
        json.dump(data, file, indent=1, sort_keys=True)


def read_json(path: Path) -> Any:
    """Return what ``path`` holds, or ``None`` if it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def file_name(text: str) -> str:
    """Return ``text`` as one safe file name (``foo:dhcp-a`` -> ``foo%3Adhcp-a``)."""
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f"%{ord(found.group()):02X}", text)


def copy(source: str, target: str, like: str | None = None) -> None:
    """
    Put a copy of ``source`` at ``target``, whole or not at all.

    like
        The file whose owner, group and mode the copy takes (default: ``source``); the mode of a
        new file is 0644, as packages have it.
    """
    with open(source, "rb") as old, replaced(target, text=False) as new:
        shutil.copyfileobj(old, new)
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(like or source)
            os.fchown(new.fileno(), status.st_uid, status.st_gid)
            os.fchmod(new.fileno(), status.st_mode & 0o7777)
        if like is not None and not os.path.exists(like):
            os.fchmod(new.fileno(), 0o644)


def digest(path: str) -> str | None:
    """Return the SHA-256 of a file's contents, or ``None`` where there is none."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except FileNotFoundError:
        return None
