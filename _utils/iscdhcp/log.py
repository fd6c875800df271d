"""
dhcpd's log as evidence: its failover events, from the journal or a syslog file.

Messages as of server/failover.c, dhcpd.c and mdb.c of 4.4.3-P1; ISC's article KB AA-01043 judges
a restart by them.
"""

from __future__ import annotations

import calendar
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import Any

from .errors import LogError

#: Where distributions let syslog write what dhcpd says.
SYSLOG_FILES = ("/var/log/syslog", "/var/log/messages", "/var/log/daemon.log", "/var/log/dhcpd.log")
#: Seconds that the journal may take.
JOURNAL_TIMEOUT = 10.0
#: Bytes of a syslog file that are looked through, from its end.
SYSLOG_BYTES = 64 * 1024 * 1024

_STATE = r"[a-z][a-z-]*"
_PATTERNS = [
    ("my-move", rf"failover peer (?P<peer>.+): I move from (?P<old>{_STATE}) to (?P<new>{_STATE})"),
    (
        "peer-move",
        rf"failover peer (?P<peer>.+): peer moves from (?P<old>{_STATE}) to (?P<new>{_STATE})",
    ),
    ("both-normal", r"failover peer (?P<peer>.+): Both servers normal"),
    ("disconnected", r"peer (?P<peer>.+): disconnected"),
    ("timeout", r"timeout waiting for failover peer (?P<peer>.+)"),
    ("update-wanted", r"Sent update request(?: all)? message to (?P<peer>.+)"),
    ("update-done", r"failover peer (?P<peer>.+): peer update completed\."),
    (
        "pool",
        r"(?P<verdict>balanced|IMBALANCED) pool (?P<pool>[0-9a-f]+) (?P<network>\S+) +"
        r"total (?P<total>\d+) +free (?P<free>\d+) +backup (?P<backup>\d+) .*",
    ),
    ("refused", r"Failover CONNECT from (?P<peer>.+): (?P<why>.+)"),
    ("refused", r"Failover CONNECT to (?P<peer>.+) rejected: (?P<why>.+)"),
    ("refused", r"Failover CONNECTACK from (?P<peer>.+): (?P<why>.+)"),
    ("rejected-update", r"bind update on (?P<ip>[\d.]+) from (?P<peer>.+) rejected: (?P<why>.+)"),
    ("serving", r"Server starting service\."),
    ("wrote-leases", r"Wrote (?P<count>\d+) leases to leases file\."),
    ("omapi-failed", r"Can't start OMAPI protocol: (?P<why>.+)"),
]
_COMPILED = [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]
#: What the journal is asked to look for: cheap, and wider than the patterns.
_GREP = (
    r"failover|moves? from|Both servers|disconnected|update request|update completed|balanced pool"
    r"|IMBALANCED|Failover CONNECT|Server starting|Wrote \d+ leases|OMAPI protocol"
)
#: Reasons of a refused connection that no further attempt mends.
_HOPELESS = re.compile(r"time (offset|mismatch) too|unknown failover relationship|does not match")


@dataclass(frozen=True)
class Event:
    """One line of dhcpd that means something here."""

    #: Epoch seconds.
    time: float
    pid: int | None
    kind: str
    relationship: str | None
    fields: dict[str, str]
    text: str


@dataclass
class RelationshipLog:
    """What the log proves of one relationship; ``None`` where it proves nothing."""

    state: str | None = None
    #: Epoch seconds.
    since: float | None = None
    partner_state: str | None = None
    partner_since: float | None = None
    connected: bool | None = None
    #: Why the connection is refused for good, or ``None``.
    refused: str | None = None
    #: Since this end moved to normal, by network: ``balanced``, ``total``, ``free``, ``backup``.
    pools: dict[str, dict[str, Any]] = field(default_factory=dict)


def parse_message(text: str) -> tuple[str, dict[str, str]] | None:
    """Return kind and fields of a message of dhcpd, or ``None`` if it means nothing here."""
    for kind, pattern in _COMPILED:
        found = pattern.fullmatch(text.strip())
        if found:
            return kind, {name: value for name, value in found.groupdict().items() if value}
    return None


def _event(moment: float, pid: int | None, text: str) -> Event | None:
    parsed = parse_message(text)
    if parsed is None:
        return None
    kind, fields = parsed
    return Event(moment, pid, kind, fields.pop("peer", None), fields, text)


def read(
    files: Iterable[str] = (), pid: int | None = None, since: float = 0.0, identifier: str = "dhcpd"
) -> tuple[str, list[Event]]:
    """
    Return where dhcpd's log is, and its events in order.

    files
        syslog files to read instead of the journal.
    pid
        Only this process.
    since
        Epoch seconds.
    identifier
        The name that dhcpd logs under: the base name of its ``argv[0]``.

    Raises :class:`LogError` if neither journal nor syslog file can be read.
    """
    files = list(files)
    if files:
        return files[0], list(read_syslog(files, pid, since, identifier))
    try:
        return "journal", read_journal(pid, since, identifier)
    except LogError as err:
        present = [name for name in SYSLOG_FILES if os.access(name, os.R_OK)]
        if not present:
            raise LogError(
                f"dhcpd's log can't be read: {err}; no syslog file "
                f"({', '.join(SYSLOG_FILES)}): name it in dhcpd:log_files"
            ) from err
        return present[0], list(read_syslog(present, pid, since, identifier))


def read_journal(
    pid: int | None = None, since: float = 0.0, identifier: str = "dhcpd"
) -> list[Event]:
    """Return dhcpd's events in the journal, in order (arguments as of :func:`read`)."""
    events = []
    for moment, line_pid, text in _journal_lines(pid, since, identifier, _GREP):
        event = _event(moment, line_pid, text)
        if event:
            events.append(event)
    return events


def _journal_lines(
    pid: int | None, since: float, identifier: str, grep: str | None
) -> Iterator[tuple[float, int | None, str]]:
    argv = ["journalctl", "--quiet", "--no-pager", "--output=json", "--output-fields=MESSAGE,_PID"]
    argv += [f"--since=@{since:.6f}", f"--identifier={identifier}"]
    argv += [f"--grep={grep}", "--case-sensitive=yes"] if grep else []
    argv += [f"_PID={pid}"] if pid else []
    try:
        done = subprocess.run(
            argv, capture_output=True, timeout=JOURNAL_TIMEOUT, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise LogError("there is no journal (journalctl) here") from None
    except subprocess.TimeoutExpired:
        raise LogError(f"the journal did not answer within {JOURNAL_TIMEOUT:.0f} s") from None
    # With --grep, 1 means that nothing matched.
    if done.returncode not in (0, 1) or (done.returncode == 1 and done.stderr.strip()):
        raise LogError(f"journalctl: {done.stderr.decode(errors='replace').strip()[:200]}")
    for line in done.stdout.splitlines():
        entry = json.loads(line)
        message = entry.get("MESSAGE")
        if isinstance(message, list):
            message = bytes(message).decode(errors="replace")
        if isinstance(message, str):
            number = entry.get("_PID")
            moment = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
            yield moment, int(number) if number else None, message


_SYSLOG = re.compile(
    r"(?P<when>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ "
    r"(?P<name>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?: (?P<text>.*)"
)


def read_syslog(
    files: Iterable[str], pid: int | None = None, since: float = 0.0, identifier: str = "dhcpd"
) -> Iterator[Event]:
    """
    Yield dhcpd's events in syslog files and their first rotated ones, in order.

    Traditional time stamps (local time, no year) and RFC 3339. Of a large file only the end is
    read. Raises :class:`LogError` if none can be read.
    """
    lines: list[str] = []
    problems = []
    for name in files:
        for path in (f"{name}.1", name):
            try:
                lines += _tail(path)
            except FileNotFoundError:
                if path == name:
                    problems.append(f"{path} is missing")
            except OSError as err:
                problems.append(f"{path}: {err.strerror}")
    if problems and not lines:
        raise LogError("; ".join(problems))
    for line in lines:
        found = _SYSLOG.match(line)
        if not found or found["name"] != identifier:
            continue
        number = int(found["pid"]) if found["pid"] else None
        moment = _moment(found["when"])
        # A second is as fine as the traditional stamp gets.
        if (pid and number not in (None, pid)) or moment is None or moment < since - 1:
            continue
        event = _event(moment, number, found["text"])
        if event:
            yield event


def _tail(path: str) -> list[str]:
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - SYSLOG_BYTES))
        return file.read().decode(errors="replace").splitlines()


def _moment(text: str) -> float | None:
    """Return a syslog time stamp as epoch seconds; the year is the one that is not ahead."""
    try:
        if text[:4].isdigit():
            found = re.fullmatch(
                r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?", text
            )
            if not found:
                return None
            parts = time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")
            zone = found[3]
            if zone is None:
                base = time.mktime(parts)
            else:
                offset = 0
                if zone != "Z":
                    sign = -1 if zone[0] == "-" else 1
                    digits = zone[1:].replace(":", "")
                    offset = sign * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
                base = calendar.timegm(parts) - offset
            return base + float(found[2] or 0)
        now = time.time()
        year = time.localtime(now).tm_year
        moment = time.mktime(time.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S"))
        if moment > now + 86400:
            moment = time.mktime(time.strptime(f"{year - 1} {text}", "%Y %b %d %H:%M:%S"))
        return moment
    except ValueError:
        return None


def view(events: Iterable[Event], relationship: str) -> RelationshipLog:
    """
    Return what the events of one process prove of a relationship.

    A state is proved by the last move into it; ``disconnected`` takes the partner's state away
    until it speaks again.
    """
    seen = RelationshipLog()
    for event in events:
        if event.kind == "pool":
            if seen.state in (None, "normal"):
                seen.pools[event.fields["network"]] = {
                    "balanced": event.fields["verdict"] == "balanced",
                    "total": int(event.fields["total"]),
                    "free": int(event.fields["free"]),
                    "backup": int(event.fields["backup"]),
                    "time": event.time,
                }
            continue
        if event.relationship != relationship:
            continue
        if event.kind == "my-move":
            if event.fields["new"] != seen.state:
                seen.pools = {}
            seen.state, seen.since = event.fields["new"], event.time
            if seen.state == "normal":
                seen.connected, seen.refused = True, None
        elif event.kind == "peer-move":
            seen.partner_state, seen.partner_since = event.fields["new"], event.time
            seen.connected, seen.refused = True, None
        elif event.kind == "both-normal":
            seen.state = seen.partner_state = "normal"
            seen.since = seen.since or event.time
            seen.partner_since = seen.partner_since or event.time
            seen.connected, seen.refused = True, None
        elif event.kind in ("disconnected", "timeout"):
            seen.connected = False
        elif event.kind == "refused" and _HOPELESS.search(event.fields["why"]):
            seen.refused = event.fields["why"]
    return seen


def last_lines(since: float, identifier: str = "dhcpd", count: int = 3) -> list[str]:
    """
    Return the last lines that dhcpd logged since ``since``, for the message about a failed start.

    Banner, counts and dhcpd's advice on bug reports are left out, and the source line that
    follows a configuration error: it may hold a secret.
    """
    lines = [text.strip() for _, _, text in _journal_lines(None, since, identifier, None)]
    told = [line for line in lines if line and not _CHATTER.search(line)]
    errors = [line for line in told if re.search(r" line \d+: ", line)]
    return (errors or told)[-count:]


_CHATTER = re.compile(
    r"Internet Systems Consortium|Copyright 2|All rights|For info, please|Config file:|"
    r"Database file:|PID file:|Wrote \d+|Source compiled|^If you think|^than a config|^bugs on|"
    r"^before submitting|^process and|^exiting\.|^requesting help|^of logged|DHCP[A-Z]+ |bug"
)
