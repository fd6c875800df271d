"""
A lease file that dhcpd writes and that has no name any more.

Somebody has removed it, or put another file in its place (``mv`` of a backup, ``sed -i``, some
editors). What dhcpd has written since is in that file alone, and goes with the process: so it is
held open over the end of dhcpd, and put back.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ..errors import LeaseFileError
from ..files import replaced
from .process import PROC
from .process import Process

#: What stands in the name of the file that was in its place, before its time.
ASIDE = ".instead-"


class Nameless:
    """
    The file, held open.

    file
        What dhcpd writes.
    target
        Where it was.
    """

    def __init__(self, file: IO[bytes], target: str) -> None:
        self._file = file
        self._target = os.path.realpath(target)

    @property
    def path(self) -> str:
        """A path by which it can be read as long as it is held."""
        return f"{PROC}/self/fd/{self._file.fileno()}"

    def put_back(self) -> str:
        """
        Put it where it was, for a dhcpd that has ended; return a sentence without its full stop.

        Another file that is there stays beside it. Raises :class:`LeaseFileError`.
        """
        told = f"the lease file that it wrote had no name any more: it is {self._target} again"
        try:
            if os.path.exists(self._target):
                stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
                aside = f"{self._target}{ASIDE}{stamp}"
                os.link(self._target, aside)
                told += f", and what was there is {aside}"
            status = os.fstat(self._file.fileno())
            self._file.seek(0)
            with replaced(self._target, text=False) as new:
                shutil.copyfileobj(self._file, new)
                os.fchown(new.fileno(), status.st_uid, status.st_gid)
                os.fchmod(new.fileno(), status.st_mode & 0o7777)
        except OSError as err:
            raise LeaseFileError(
                "the lease file that it wrote has no name any more, and could not be put back: "
                f"{err}"
            ) from err
        return told


@contextmanager
def held(running: Process, target: str) -> Iterator[Nameless | None]:
    """Hold what dhcpd writes, where that has no name any more; else yield ``None``."""
    if running.lost_handle is None:
        yield None
        return
    try:
        file = open(PROC / str(running.pid) / "fd" / str(running.lost_handle), "rb")
    except OSError as err:
        raise LeaseFileError(
            "the lease file that dhcpd writes has no name any more and can't be read: "
            f"{err.strerror}"
        ) from err
    with file:
        yield Nameless(file, target)
