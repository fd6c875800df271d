"""Files replaced whole or not at all: written beside the old one, synced, renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path
from typing import IO
from typing import Any


@contextmanager
def replaced(target: str | os.PathLike[str], text: bool = True) -> Iterator[IO[Any]]:
    """
    Yield a new file, mode 0600, that takes ``target``'s place when the block ends well.

    Where the block raises, ``target`` is as it was and nothing is left beside it. A link is
    followed: what it points to is replaced.

    target
        The file; its folder has to be there.
    text
        Whether text (UTF-8) is written, or bytes.
    """
    real = os.path.realpath(target)
    folder, name = os.path.split(real)
    how: dict[str, Any] = {"mode": "w", "encoding": "utf-8"} if text else {"mode": "wb"}
    # Not with the old one's ending: whoever reads all files of a folder shall not read this one.
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix=f".{name}.", suffix=".new", delete=False, **how
    ) as new:
        try:
            yield new
            new.flush()
            os.fsync(new.fileno())
            os.replace(new.name, real)
        except BaseException:
            with suppress(OSError):
                Path(new.name).unlink(missing_ok=True)
            raise
    _sync(folder)


def _sync(folder: str) -> None:
    """Have the folder's new entry on disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
