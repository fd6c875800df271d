"""
The journal of each run: what it did and saw, as lines of JSON on the master.

One file a run, mode 0600 in a folder of mode 0700; a run that is continued after an interruption
goes on in the file that it began. Each line is written whole and brought to the disk before the
run goes on, so that a crash costs the line that was being written and no other: readers pass over
what is no whole line. While a process writes a journal it has it locked (``flock``), so a
reader knows whether that run is alive.

Every line has ``at`` (epoch seconds, the master's clock) and ``what``:

======== ==========================================================================================
begun    a process took the run up: ``run``, ``attempt``, ``pair``, ``servers``, ``who``, ...
step     a step begins: ``name``, ``server``
result   it has ended: ``name``, ``server``, ``result``, ``comment``, ``seconds``, ``warnings``;
         where it has failed ``why``, ``do`` (what to do about it)
said     a sentence for the person who watches: ``text``
seen     a server looks different from before: ``server``, ``running``, ``relationships``, ...
alive    what a partner's answers to "does it live?" come to: ``server`` asks ``partner``, ``state``
         (answers, silent, never, end), ``since``, ``questions``, ``answers``, ``longest``, ``text``
decision what was decided: ``about``, ``server``, ``outcome``, ``reasons``, ``until``
waiting  what is waited for: ``server``, ``text``, ``until`` (dhcpd's own), ``deadline`` (ours)
acted    a server was restarted, or not: ``server``, ``method``, ``result``, ``old``, ``new``
log      what dhcpd logged: ``server``, ``events``, ``clients``
clients  what clients saw, where somebody measured it: ``lines``, ``served``, ``lost``
paused   also ``resumed``, ``aborted``: ``who``, ``why``
ended    ``outcome`` (done, failed, aborted, interrupted, unfinished), ``comment``
======== ==========================================================================================
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import deque
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..clock import SYSTEM
from ..clock import Clock
from ..errors import IscDhcpError

Entry = dict[str, Any]

#: Version of the lines, in ``begun``.
FORMAT = 1
#: Journals that are kept.
KEEP = 200
#: Seconds that a writer waits for the one before it to close the same journal.
_LOCK_SECONDS = 3.0


class Journal:
    """
    The journal that one process writes.

    directory
        The folder of all journals; it is made when it is needed.
    keep
        How many journals are kept when a new one is begun.
    clock
        What dates the lines.

    Until :meth:`open` what is written goes to the listeners, and into the file once there is one.
    A disk that is full or read-only does not stop a run: ``problem`` says what happened.
    """

    def __init__(self, directory: Path, keep: int = KEEP, clock: Clock = SYSTEM) -> None:
        self.directory = Path(directory)
        self._clock = clock
        self.keep = keep
        #: Called with each entry, for those who show it.
        self.listeners: list[Callable[[Entry], None]] = []
        #: Why lines are missing in the file, or ``None``.
        self.problem: str | None = None
        self.path: Path | None = None
        self._file: int | None = None
        self._before: deque[Entry] = deque(maxlen=200)

    def open(self, run: str, begun: float, **about: Any) -> None:
        """
        Begin the journal of a run, or go on with it.

        run
            Its id.
        begun
            When the run was begun first, epoch seconds.
        about
            What ``begun`` tells of this process.
        """
        early = list(self._before)
        self._before.clear()
        self.path = self.directory / file_name_of(run, begun)
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            prune(self.directory, self.keep - (not self.path.exists()))
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o600)
            _lock(self._file, self._clock)
            if not _ends_whole(self._file):
                os.write(self._file, b"\n")
        except OSError as err:
            self._give_up(err)
        self.write("begun", format=FORMAT, run=run, run_begun=begun, **about)
        for entry in early:
            self._append(entry)

    def write(self, what: str, at: float | None = None, **fields: Any) -> None:
        """
        Write one line.

        at
            Epoch seconds, the master's clock; default: now.
        """
        entry = {"at": round(self._clock.time() if at is None else at, 3), "what": what, **fields}
        if self.path is None:
            self._before.append(entry)
        else:
            self._append(entry)
        for listener in self.listeners:
            listener(entry)

    def close(self) -> None:
        """Let go of the file; more than once does no harm."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _append(self, entry: Entry) -> None:
        if self._file is None:
            return
        line = json.dumps(entry, separators=(",", ":"), default=str).encode() + b"\n"
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError("the disk is full")
            os.fsync(self._file)
        except OSError as err:
            self._give_up(err)

    def _give_up(self, err: OSError) -> None:
        self.close()
        self.problem = f"The journal {self.path} can't be written ({err.strerror or err})"
        for listener in self.listeners:
            text = f"{self.problem}: the run goes on without it."
            listener({"at": self._clock.time(), "what": "said", "text": text})


def _lock(file: int, clock: Clock) -> None:
    deadline = clock.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            # A reader that asks whether it is alive, or the process before this one at its end.
            if clock.monotonic() > deadline:
                return
            clock.sleep(0.01)


def _ends_whole(file: int) -> bool:
    """Whether the file's last line has its end (or there is none)."""
    size = os.fstat(file).st_size
    return size == 0 or os.pread(file, 1, size - 1) == b"\n"


def file_name_of(run: str, begun: float) -> str:
    """Return the name of a run's journal; the names sort by time."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(begun))
    return f"{stamp}.{int(begun % 1 * 1000):03d}Z-{run}.jsonl"


# -- reading -------------------------------------------------------------------------------------


class Tail:
    """What is written into a journal, as it comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> list[Entry]:
        """Return the whole lines that have come since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return list(_entries(data[:whole]))


def _entries(data: bytes) -> Iterator[Entry]:
    for line in data.split(b"\n"):
        with suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and "what" in entry and "at" in entry:
                yield entry


def read(path: Path) -> list[Entry]:
    """Return the entries of a journal; torn lines are left out."""
    return Tail(path).new()


def add(path: Path, what: str, now: float, **fields: Any) -> None:
    """Add an entry to a journal that has ended, for what is known only then (``clients``)."""
    line = json.dumps({"at": round(now, 3), "what": what, **fields}) + "\n"
    with open(path, "ab", buffering=0) as file:
        file.write(line.encode())
        os.fsync(file.fileno())


def is_alive(path: Path) -> bool:
    """Whether a process is writing this journal."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def paths(directory: Path) -> list[Path]:
    """Return all journals, the newest first."""
    return sorted(Path(directory).glob("*.jsonl"), reverse=True)


def prune(directory: Path, keep: int) -> None:
    """Delete the oldest journals but ``keep``; never one that is being written."""
    for path in paths(directory)[max(0, keep) :]:
        if not is_alive(path):
            with suppress(OSError):
                path.unlink()


def run_of(path: Path) -> str:
    """Return the id of the run that a journal is of."""
    return path.stem.rpartition("-")[2]


def concerns(about: Entry, pair: str | None) -> bool:
    """Whether a journal's ``begun`` is about what a person calls ``pair``."""
    names = (about.get("pair"), about.get("name"), *(about.get("group") or ()))
    return pair is None or str(pair) in names


def begun(path: Path) -> Entry | None:
    """Return the last ``begun`` of a journal."""
    return next((e for e in reversed(read(path)) if e["what"] == "begun"), None)


def alive(directory: Path, pair: str | None = None) -> list[tuple[Path, Entry]]:
    """Return the journals that are being written now, each with its last ``begun``."""
    found = []
    for path in paths(directory):
        about = begun(path) if is_alive(path) else None
        if about is not None and concerns(about, pair):
            found.append((path, about))
    return found


def find(directory: Path, run: str | None = None) -> Path:
    """
    Return the journal of a run.

    run
        Its id or the beginning of it, or what a run was of (a pair or a server: its last run);
        ``None`` for the last run of all.

    Raises :class:`IscDhcpError` if there is none, or several begin so.
    """
    known = paths(directory)
    if not known:
        raise IscDhcpError("No run is in the journal yet.")
    if run is None:
        return known[0]
    exact = [path for path in known if run_of(path).startswith(str(run))]
    if len(exact) == 1:
        return exact[0]
    if exact:
        names = ", ".join(run_of(path) for path in exact[:5])
        raise IscDhcpError(f"Several runs begin with {run}: {names}.")
    for path in known:
        about = begun(path)
        if about is not None and concerns(about, str(run)):
            return path
    last = ", ".join(run_of(path) for path in known[:3])
    raise IscDhcpError(
        f"{run} is neither a run in the journal (the last: {last}) nor a pair or server of one; "
        "salt-run dhcp_failover.history lists them."
    )
