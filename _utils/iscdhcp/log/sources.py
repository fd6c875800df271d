"""
Where dhcpd's log lines come from: the journal, or syslog files.

Both readers go backwards, the newest line first: the reader stops when enough is known, and a
server that has run for weeks has millions of lines. dhcpd logs under the base name of its
``argv[0]``, always with the daemon's own pid: it forks before its first line (server/dhcpd.c:378).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import LogError
from ..patterns import lazy_pattern
from . import forms
from .messages import masked

#: Where distributions let syslog write what dhcpd says.
SYSLOG_FILES = ("/var/log/syslog", "/var/log/messages", "/var/log/daemon.log", "/var/log/dhcpd.log")
#: journald's notice that it dropped lines of a service (sd-messages.h, JOURNAL_DROPPED).
_DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
_BLOCK = 1024 * 1024


class Line(NamedTuple):
    """A line of the log: ``time`` in epoch seconds, ``pid`` where it is told, the message."""

    time: float
    pid: int | None
    text: str


# -- the journal ---------------------------------------------------------------------------------


def journal_lines(
    pid: int | None, since: float, identifier: str, grep: str | None, timeout: float
) -> Iterator[Line]:
    """
    Yield dhcpd's lines in the journal and journald's notices of lines that it dropped.

    pid
        Only this process; ``None``: all.
    since
        Epoch seconds.
    grep
        Only messages in which this regular expression is found; ``None``: all.
    timeout
        Seconds for all of it.

    Raises :class:`LogError` if the journal can't be read, or not in time.
    """
    argv = ["journalctl", "--quiet", "--no-pager", "--reverse", "--output=json"]
    argv += ["--output-fields=MESSAGE,_PID,OBJECT_PID"]
    argv += [f"--since=@{since:.6f}"] if since > 0 else []
    ours = [f"SYSLOG_IDENTIFIER={identifier}"] + ([f"_PID={pid}"] if pid else [])
    whose = f"OBJECT_PID={pid}" if pid else f"OBJECT_COMM={identifier[:15]}"
    terms = [*ours, "+", f"MESSAGE_ID={_DROPPED}", whose]
    if grep is None:
        yield from _journal(argv + terms, timeout)
        return
    try:
        yield from _journal([*argv, f"--grep={grep}", "--case-sensitive=yes", *terms], timeout)
    except _NoGrep:
        yield from _journal(argv + terms, timeout)


class _NoGrep(Exception):
    """This journalctl is built without --grep, or older than it (systemd 237)."""


def _journal(argv: list[str], timeout: float) -> Iterator[Line]:
    late = threading.Event()
    with tempfile.TemporaryFile() as complaints:
        try:
            reader = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError:
            raise LogError("there is no journal (journalctl) here") from None

        def stop() -> None:
            late.set()
            reader.kill()

        timer = threading.Timer(timeout, stop)
        timer.daemon = True
        timer.start()
        try:
            assert reader.stdout is not None
            for text in reader.stdout:
                line = _entry(text)
                if line is not None:
                    yield line
            code = reader.wait()
        finally:
            timer.cancel()
            reader.kill()
            reader.wait()
            assert reader.stdout is not None
            reader.stdout.close()
        if late.is_set():
            raise LogError(f"the journal was not read within {timeout:.0f} s")
        complaints.seek(0)
        said = complaints.read(2000).decode(errors="replace").strip()
    # With --grep, 1 means that nothing was found.
    if code and (code != 1 or said):
        if "pattern matching support" in said or "unrecognized option" in said:
            raise _NoGrep
        raise LogError(f"journalctl: {said or f'exit code {code}'}"[:200])


def _entry(text: bytes) -> Line | None:
    """Return the line of an entry in journalctl's JSON; ``None`` for one cut off at a kill."""
    try:
        entry = json.loads(text)
        message = entry.get("MESSAGE")
        if isinstance(message, list):  # not UTF-8
            message = bytes(message).decode(errors="replace")
        if not isinstance(message, str):
            return None
        pid = entry.get("OBJECT_PID") or entry.get("_PID")
        return Line(int(entry["__REALTIME_TIMESTAMP"]) / 1e6, int(pid) if pid else None, message)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


# -- syslog files --------------------------------------------------------------------------------

_ABOUT_PID = lazy_pattern(r"\bpid:? (\d+)|\bimjournal\b")


def syslog_lines(
    path: str, pid: int | None, since: float, identifier: str, grep: str | None, timeout: float
) -> Iterator[Line]:
    """
    Yield dhcpd's lines in a syslog file and the one rotated before it (``.1``).

    The forms are those of :mod:`iscdhcp.log.forms`. The other parameters are those of
    :func:`journal_lines`. Where the lines have no pid, those of all processes are given.

    Raises :class:`LogError` if the file can't be read, or not in time, and at the end if there were
    lines of dhcpd and none was in a form that is known.
    """
    deadline = time.monotonic() + timeout
    unread = _Unread(identifier)
    wanted = re.compile((grep or "").encode())
    name = identifier.encode()
    for number, one in enumerate((path, f"{path}.1")):
        try:
            for text in _backwards(one, since, deadline):
                if (name in text or b"rsyslogd" in text) and wanted.search(text):
                    told = text.decode(errors="replace").rstrip("\r")
                    line = _syslog_line(told, pid, identifier)
                    unread.take(told, line is not None)
                    # A second is as fine as the traditional stamp gets.
                    if line is not None and line.time > since - 1:
                        yield line
        except _Older:
            break
        except OSError as err:
            if number == 0:
                raise LogError(f"{path} can't be read: {err.strerror}") from None
    unread.tell(path)


class _Unread:
    """Lines that dhcpd has written, in a form that is not known here."""

    #: What nobody else says.
    _OWN = lazy_pattern(
        r"failover peer .+: |\bDHCP(?:DISCOVER|OFFER|REQUEST|ACK|NAK|RELEASE|INFORM|DECLINE) |"
        r"Server starting service\.|Wrote \d+ leases to leases file"
    )

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier
        self._count = 0
        self._first = ""
        self._read = False

    def take(self, text: str, is_read: bool) -> None:
        """Count a line, if it is one."""
        self._read = self._read or is_read
        if is_read or not self._OWN.search(text) or forms.header(text, self._identifier):
            return
        # They come backwards: the last one that is taken is the first in the file.
        self._count, self._first = self._count + 1, text

    def tell(self, path: str) -> None:
        """Raise :class:`LogError` where there were such lines, and no other."""
        if self._count and not self._read:
            lines = "1 line" if self._count == 1 else f"{self._count} lines"
            raise LogError(
                f"{lines} of {self._identifier} in {path} in a form that this does not read, the "
                f"first: {masked(self._first[:160])}"
            )


class _Older(Exception):
    """What comes now is older than wanted."""


def _backwards(path: str, since: float, deadline: float) -> Iterator[bytes]:
    """Yield the lines of a file from the last to the first, a block at a time."""
    with open(path, "rb") as file:
        position = file.seek(0, os.SEEK_END)
        rest = b""
        while position > 0:
            if time.monotonic() > deadline:
                raise LogError(f"{path} was not read in time")
            size = min(_BLOCK, position)
            position -= size
            file.seek(position)
            lines = (file.read(size) + rest).split(b"\n")
            rest = lines.pop(0)
            yield from reversed(lines)
            if lines and _is_older(lines[0], since):
                raise _Older
        if rest:
            yield rest
            if _is_older(rest, since):
                raise _Older


def _is_older(line: bytes, since: float) -> bool:
    stamped = forms.stamp(line[: forms.STAMP_LENGTH].decode(errors="replace") + " ")
    return stamped is not None and stamped[0] < since - 1


def _syslog_line(text: str, pid: int | None, identifier: str) -> Line | None:
    found = forms.header(text, identifier)
    if found is not None:
        # A line without pid may be of any of its processes.
        return Line(*found) if pid is None or found.pid in (None, pid) else None
    found = forms.header(text, "rsyslogd")
    about = _ABOUT_PID.search(found.text) if found else None
    if found is None or about is None or (about[1] and pid and int(about[1]) != pid):
        return None
    return Line(found.time, int(about[1]) if about[1] else pid, found.text)


def present(files: Iterable[str]) -> list[str]:
    """Return those of the files that can be read."""
    return [path for path in files if os.access(path, os.R_OK)]
