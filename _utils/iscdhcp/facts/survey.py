"""
What a check or a diagnosis wants to know of a server beyond the facts that a restart needs.

Reading only, and nothing here is needed to decide whether dhcpd may be stopped: disk, sockets,
firewall, the configuration read carefully, what the log said recently.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from .. import unknown
from ..conf import lint
from ..conf import normal
from ..conf import syntax
from ..errors import IscDhcpError
from ..errors import LogError
from ..host import firewall
from ..host import names
from ..host import process
from ..host import upgrades
from ..leases import knowledge as leases_knowledge
from ..leases.forgotten import forgotten
from ..log import attempts
from ..log import harmless
from ..log import sources as log_sources
from ..log.messages import WORTH_READING
from ..log.messages import event
from ..log.messages import masked
from ..log.sources import SYSLOG_FILES
from ..log.sources import Line
from ..patterns import lazy_pattern
from ..shapes import Examined
from ..shapes import FailedStart
from ..shapes import Forgotten
from ..shapes import Knowledge
from ..shapes import LogSurvey
from ..shapes import Move
from ..shapes import Sockets
from ..shapes import Space
from ..shapes import Survey
from ..shapes import ToldLine
from ..shapes import Unwritten
from . import lease_folder
from .server import Server
from .server import Settings

#: Lines of the log that are looked at, the newest ones.
LINES = 4000
#: Seconds that reading the log may take, for each of two questions.
LOG_SECONDS = 6.0
#: So many of the last lines hold the newest attempt to start.
ATTEMPT_LINES = 400
#: Moves between states that are kept.
MOVES = 40
#: Seconds that the lines about clients who were turned away may be old.
CLIENTS_SECONDS = 900.0
#: As many lines about clients are counted.
CLIENTS_LINES = 500

_TURNED_AWAY = {
    "peer-holds-all": "peer holds all free leases",
    "no-free-leases": "no free leases",
    "not-responding": "not responding (",
}
_CLIENTS = r"peer holds all free leases|no free leases|not responding \("
#: "network 10.0.0.0/24: no free leases" (dhcp.c:2229); the name may be a shared network's.
_FULL_NETWORK = lazy_pattern(r"network (?P<network>.+): no free leases$")
_UNWRITTEN = (
    *("nable to write", "nable to commit", "nable to record current failover state"),
    # new_lease_file (db.c), each hour and at the start
    *("Can't create new lease file", "Can't chown new lease file", "Can't fdopen new lease file"),
    *("Can't install new lease database", "Can't backup lease database"),
)

#: TCP states of /proc/net/tcp (include/net/tcp_states.h).
_SYN_SENT, _LISTEN = "02", "0A"


def survey(
    server: Server,
    log_hours: float = 0.0,
    addresses: Sequence[str] = (),
    nonce: str | None = None,
    service_failed: bool = False,
) -> Survey:
    """
    Return what is known of a server beside its facts.

    server
        As :func:`iscdhcp.facts.server.read_server` read it.
    log_hours
        How far back the log is read; 0: not at all.
    addresses, nonce
        As for :func:`examined`.
    service_failed
        Whether the service manager believes that a start has failed: the log says why, also where
        dhcpd runs.
    """
    configuration = server.configuration
    omapi = configuration.omapi if configuration else None
    return {
        "space": space(server.lease_file),
        "sockets": sockets(server),
        "firewall": firewall.closed(omapi.port) if omapi else None,
        "log": (read_log(server, log_hours * 3600.0, service_failed) if log_hours else None),
        "configuration": examined(server, addresses, nonce) if configuration else None,
        "knowledge": knowledge(server),
        "upgrades": upgrades.look(_units(server)),
        "forgotten": to_be_forgotten(server),
    }


def to_be_forgotten(server: Server) -> Forgotten | None:
    """Return the leases that a restart with what is on disk would forget, if that is new."""
    configuration, running = server.configuration, server.process
    if configuration is None or running is None:
        return None
    newest = max((one.mtime_ns for one in configuration.files), default=0) / 1e9
    if newest <= running.started:
        return None
    return forgotten(server.lease_file, configuration.ranges, server.host.clock.time())


def _units(server: Server) -> list[str]:
    """Return the service that dhcpd is, or those that it may be."""
    unit = server.process.unit if server.process else None
    return [unit] if unit else list(server.settings.units)


def knowledge(server: Server) -> dict[str, Knowledge] | None:
    """Return what the lease file knows of each relationship, to be compared with its partner's."""
    if server.configuration is None:
        return None
    ranges = {
        one.name: [part for pool in one.pools for part in pool.ranges]
        for one in server.configuration.relationships
    }
    try:
        return leases_knowledge.knowledge(server.lease_file, ranges, server.host.clock.time())
    except IscDhcpError:
        return None


def space(lease_file: str) -> Space:
    """Return whether the lease file can be written again beside itself, as dhcpd does at starts."""
    folder = os.path.dirname(lease_file) or "."
    found: Space = {**unknown.survey()["space"], "folder": folder}
    try:
        status = os.statvfs(folder)
        size = os.path.getsize(lease_file) if os.path.exists(lease_file) else 0
    except OSError as err:
        found["error"] = f"{folder}: {err.strerror}"
        return found
    return {
        "folder": folder,
        "error": None,
        "free": status.f_bavail * status.f_frsize,
        "needed": lease_folder.needed(size),
        # Some file systems have none and say 0 of 0.
        "inodes": status.f_favail if status.f_files else None,
        "read_only": bool(status.f_flag & os.ST_RDONLY),
    }


def sockets(server: Server) -> Sockets:
    """Return what the kernel knows of dhcpd's sockets."""
    configuration = server.configuration
    found = unknown.survey()["sockets"]
    if configuration is None:
        return found
    try:
        rows = _tcp_rows()
    except OSError as err:
        found["error"] = f"the kernel's table of connections can't be read: {err.strerror}"
        return found
    mine = process.sockets_of(server.process.pid) if server.process else set()
    for one in configuration.relationships:
        own, peer = process.addresses(one.address), process.addresses(one.peer_address)
        found["relationships"][one.name] = {
            "own": names.resolved(one.address),
            "peer": names.resolved(one.peer_address),
            "listens": _listens(rows, own, one.port, mine),
            "dialling": any(
                state == _SYN_SENT and remote[0] in peer and remote[1] == one.peer_port
                for state, _, remote, _ in rows
            ),
        }
    if configuration.omapi is not None:
        found["omapi"] = _listens(rows, set(), configuration.omapi.port, mine)
    return found


_Row = tuple[str, tuple[int, int], tuple[int, int], str]


def _tcp_rows() -> list[_Row]:
    rows = []
    for line in (process.PROC / "net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        rows.append(
            (fields[3], process.endpoint(fields[1]), process.endpoint(fields[2]), fields[9])
        )
    return rows


def _listens(rows: list[_Row], own: set[int], port: int, mine: set[str] | None) -> str | None:
    others = False
    for state, local, _, inode in rows:
        if state == _LISTEN and local[1] == port and (not own or local[0] in own | {0}):
            if mine is None or inode in mine:
                return "own"
            others = True
    return "other" if others else None


def examined(server: Server, addresses: Sequence[str], nonce: str | None) -> Examined:
    """
    Return what a careful reader finds in the configuration.

    addresses
        The IPv4 addresses of this host.
    nonce
        As for :func:`iscdhcp.conf.normal.normal_form`; without it nothing can be compared.
    """
    found = unknown.examined()
    try:
        tree = syntax.parse_file(server.config_file, locate=server.where.located)
        found["findings"] = [one.as_dict() for one in lint.lint(tree, addresses, names.resolved)]
        if nonce and server.configuration is not None:
            found["digests"] = {
                one.name: normal.normal_form(tree, nonce, one.name)["digest"]
                for one in server.configuration.relationships
            }
    except IscDhcpError as err:
        # dhcpd's own verdict on it is among the facts.
        found["error"] = str(err)
    return found


# -- log -----------------------------------------------------------------------------------------


def read_log(server: Server, seconds: float, service_failed: bool = False) -> LogSurvey:
    """Return what the log said in the last ``seconds``, of all processes of dhcpd, folded."""
    identifier = (
        Path(server.process.argv[0]).name
        if server.process
        else Path(server.settings.binaries[0]).name
    )
    now = time.time()
    pattern = "|".join((WORTH_READING, harmless.WORTH_READING, *_UNWRITTEN))
    try:
        source, lines = _newest(server.settings, now - seconds, identifier, pattern, LINES)
        recently = now - min(seconds, CLIENTS_SECONDS)
        _, clients = _newest(server.settings, recently, identifier, _CLIENTS, CLIENTS_LINES)
    except LogError as err:
        return {**unknown.log(), "error": str(err)}
    found = fold(lines)
    found["source"], found["complete"] = source, len(lines) < LINES
    if server.process is None or service_failed:
        found["failed_start"] = _failed_start(server, now - seconds, identifier)
    found["clients"] = {
        code: sum(phrase in line.text for line in clients)
        for code, phrase in _TURNED_AWAY.items()
        if any(phrase in line.text for line in clients)
    }
    full = (_FULL_NETWORK.search(line.text) for line in clients)
    found["full_networks"] = dict(Counter(match["network"] for match in full if match))
    return found


def _failed_start(server: Server, since: float, identifier: str) -> FailedStart | None:
    """Return why the newest start failed, from all lines of it and what the kernel denied."""
    try:
        _, lines = _newest(server.settings, since, identifier, None, ATTEMPT_LINES)
    except LogError:
        return None
    begun = attempts.newest(lines)
    kernel: list[Line] = []
    if begun:
        with contextlib.suppress(LogError):
            _, kernel = _newest(
                server.settings, begun[0].time - 1, "kernel", attempts.DENIED_WORTH_READING, 20
            )
    found = attempts.why_failed(lines, server.config_file, [line.text for line in kernel])
    if found and found["code"] == "start-interface" and found["name"] in _interfaces():
        # dhcpd says the same of an interface without an address and of none at all.
        found["code"] = "start-no-address"
    return found


def _interfaces() -> set[str]:
    with contextlib.suppress(OSError):
        return set(os.listdir("/sys/class/net"))
    return set()


def _newest(
    settings: Settings, since: float, identifier: str, grep: str | None, count: int
) -> tuple[str, list[Line]]:
    """Return where the log is and its last ``count`` lines that fit, in order."""
    sources: list[tuple[str, Iterator[Line]]] = []
    if not settings.log_files:
        journal = log_sources.journal_lines(None, since, identifier, grep, LOG_SECONDS)
        sources.append(("journal", journal))
    for path in settings.log_files or log_sources.present(SYSLOG_FILES):
        lines = log_sources.syslog_lines(path, None, since, identifier, grep, LOG_SECONDS)
        sources.append((path, lines))
    readable, problem = None, None
    for name, lines in sources:
        try:
            found = list(itertools.islice(lines, count))
        except LogError as err:
            problem = problem or err
            continue
        readable = readable or name
        if found:
            return name, found[::-1]
    if readable is None and problem is not None:
        raise problem
    return readable or "nowhere", []


def fold(lines: list[Line]) -> LogSurvey:
    """Fold lines, in order, as :func:`read_log` returns them."""
    moves: list[Move] = []
    told: dict[tuple[str, str | None, str | None], ToldLine] = {}
    unwritten: Unwritten | None = None
    for line in lines:
        if any(phrase in line.text for phrase in _UNWRITTEN):
            unwritten = {"time": line.time, "text": masked(line.text)}
        one = event(*line)
        if one is None:
            continue
        if one.kind in ("my-move", "peer-move"):
            moves.append(
                {
                    "time": one.time,
                    "pid": one.pid,
                    "relationship": one.relationship,
                    "kind": one.kind,
                    "old": one.fields["old"],
                    "new": one.fields["new"],
                }
            )
            continue
        why = one.fields.get("why")
        what = (one.kind, one.relationship, why)
        before = told.get(what)
        told[what] = {
            "kind": one.kind,
            "relationship": one.relationship,
            "why": why,
            "count": before["count"] + 1 if before else 1,
            "first": before["first"] if before else one.time,
            "last": one.time,
            "pid": one.pid,
            "text": one.text[:300],
        }
    return {
        **unknown.log(),
        "moves": moves[-MOVES:],
        "told": sorted(told.values(), key=lambda entry: entry["last"])[-60:],
        "harmless": harmless.count(line.text for line in lines),
        "unwritten": unwritten,
    }
