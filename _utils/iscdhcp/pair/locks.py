"""Who may act on servers, as the master keeps it: locks of runs, holds of operators."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from typing import TypedDict

from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError
from ..files import file_name
from ..files import read_json
from ..files import write_json
from ..words import until_text


class Held(IscDhcpError):
    """A server is locked by another run, or held by an operator."""


def master_identity(directory: Path, make: bool = True) -> str | None:
    """
    Return what tells this master from any other, the same forever: for its claims on minions.

    make
        Make one where there is none.
    """
    path = Path(directory) / "identity"
    if not path.exists() and make:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        new = path.with_name(f"identity.{os.getpid()}")
        new.touch(mode=0o600)
        new.write_text(uuid.uuid4().hex, encoding="ascii")
        # Of two runs that make one at once the first one's counts.
        with suppress(FileExistsError):
            os.link(new, path)
        new.unlink()
    if not path.exists():
        return None
    # A copy of this folder on another machine is another master, with locks of its own.
    return f"{path.read_text(encoding='ascii').strip()}@{socket.gethostname()}"


class ServerLocks:
    """
    The locks of one run on servers, by ``flock``: the kernel frees them when the process ends.

    directory
        A folder on the master, the same for all runs.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = Path(directory)
        self._files: dict[str, Any] = {}

    @property
    def servers(self) -> list[str]:
        """The servers that are locked here."""
        return sorted(self._files)

    def acquire(self, servers: Iterable[str], owner: dict[str, Any]) -> None:
        """
        Lock all ``servers`` at once or none.

        owner
            What others are told: ``who``, ``pair``, ``pid``, ``since`` (epoch seconds).

        Raises :class:`Held` naming the run that has one of them.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            for server in sorted(set(servers)):
                self._acquire_one(server, owner)
        except BaseException:
            self.release()
            raise

    def _acquire_one(self, server: str, owner: dict[str, Any]) -> None:
        path = self.directory / f"{file_name(server)}.lock"
        file = open(path, "a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise Held(f"{server} is locked by {describe(file.read())}") from None
        except BaseException:
            file.close()
            raise
        self._files[server] = file
        file.seek(0)
        file.truncate()
        json.dump(owner, file)
        file.flush()

    def tell(self, **news: Any) -> None:
        """Change what others are told about the owner of the locks."""
        for file in self._files.values():
            file.seek(0)
            owner = {**json.loads(file.read() or "{}"), **news}
            file.seek(0)
            file.truncate()
            json.dump(owner, file)
            file.flush()

    def release(self) -> None:
        """Free every lock of this run; more than once does no harm."""
        while self._files:
            _, file = self._files.popitem()
            file.seek(0)
            file.truncate()
            file.close()

    def owner(self, server: str) -> str | None:
        """Return who has ``server`` now, as a sentence's end, or ``None``; takes no lock."""
        path = self.directory / f"{file_name(server)}.lock"
        try:
            file = open(path, encoding="utf-8")
        except FileNotFoundError:
            return None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return describe(file.read())
        return None


def describe(text: str) -> str:
    """Return the owner in a lock file's ``text`` as people read it."""
    try:
        owner = json.loads(text)
        since = time.strftime("%H:%M:%S", time.gmtime(owner["since"]))
        return f"the run of {owner['pair']} ({owner['who']}, pid {owner['pid']}, since {since} UTC)"
    except (ValueError, KeyError, TypeError):
        return "another run"


class Hold(TypedDict):
    """An operator's hold on a server."""

    server: str
    who: str
    why: str
    #: Epoch seconds; ``None``: until it is released.
    until: float | None
    since: float | None


class Holds:
    """Operators' holds on servers: persistent, with who, why and until when."""

    def __init__(self, directory: Path, clock: Clock = SYSTEM) -> None:
        self.directory = Path(directory)
        self._clock = clock

    def put(self, server: str, who: str, why: str, until: float | None) -> Hold:
        """Hold ``server`` until the epoch second ``until`` (``None``: until released)."""
        since = self._clock.time()
        hold: Hold = {"server": server, "who": who, "why": why, "until": until, "since": since}
        write_json(self._path(server), hold)
        return hold

    def release(self, server: str) -> bool:
        """Release ``server``; return whether it was held."""
        held = self.get(server) is not None
        self._path(server).unlink(missing_ok=True)
        return held

    def get(self, server: str) -> Hold | None:
        """Return the hold on ``server`` that is in force, or ``None``."""
        path = self._path(server)
        if not path.exists():
            return None
        found = read_json(path)
        if not isinstance(found, dict):
            # Somebody meant to hold it; what can't be read holds too.
            found = {"who": "unknown", "why": f"{path} is unreadable"}
        hold: Hold = {
            "server": server,
            "who": str(found.get("who")),
            "why": str(found.get("why")),
            "until": found.get("until"),
            "since": found.get("since"),
        }
        return None if hold["until"] and hold["until"] < self._clock.time() else hold

    def check(self, servers: Iterable[str]) -> None:
        """Raise :class:`Held` if one of ``servers`` is held."""
        for server in sorted(set(servers)):
            hold = self.get(server)
            if hold:
                raise Held(
                    f"{server} is held by {hold['who']}: {hold['why']}"
                    f"{until_text(hold['until'])}. Release it with: "
                    f"salt-run dhcp_failover.release server={server}"
                )

    def _path(self, server: str) -> Path:
        return self.directory / f"{file_name(server)}.json"
