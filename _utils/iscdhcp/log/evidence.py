"""
dhcpd's log as evidence: what it proves of a failover relationship.

ISC's article KB AA-01043 judges a restart by these lines, and :func:`view` does the same. Lines
can be missing: journald and rsyslog drop what comes too fast, and say so only with a later line
(measured: a busy server's "I move from normal" among 8,827 suppressed ones). What came before such
a notice proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field

from ..errors import LogError
from ..patterns import lazy_pattern
from ..shapes import LoggedPool
from . import attempts
from . import sources
from .messages import WORTH_READING
from .messages import Event
from .messages import event
from .messages import masked
from .sources import SYSLOG_FILES
from .sources import Line

#: Seconds that the log may take: some million lines of journal.
TIMEOUT = 10.0

#: Reasons of a refused connection that no further attempt fixes (failover.c:500-620, 3704-3784).
_HOPELESS = lazy_pattern(
    r"time (?:offset|mismatch) too|unknown failover relationship|does not match|invalid|"
    r"missing relationship-name"
)
_UNKNOWN_NAME = "unknown failover relationship name"


@dataclass
class RelationshipLog:
    """What the log proves of one relationship; ``None`` where it proves nothing."""

    #: Failover states as dhcpd names them, and since when (epoch seconds).
    state: str | None = None
    since: float | None = None
    partner_state: str | None = None
    partner_since: float | None = None
    connected: bool | None = None
    #: Why the connection is refused for good, or ``None``.
    refused: str | None = None
    #: Since this end last moved, by network: ``balanced``, ``total``, ``free``, ``backup``,
    #: ``time``. The side that has too few always says balanced (failover.c:2676).
    pools: dict[str, LoggedPool] = field(default_factory=dict)
    #: Whether it waits for the rest of an update that it asked for.
    updating: bool = False
    #: Updates that the partner rejected since this end last moved, by reason.
    rejections: dict[str, int] = field(default_factory=dict)
    #: Whether the process said that it serves.
    started: bool = False
    #: How many notices of dropped lines there are.
    lost: int = 0


# -- reading -------------------------------------------------------------------------------------


def read(
    files: Iterable[str] = (),
    pid: int | None = None,
    since: float = 0.0,
    identifier: str = "dhcpd",
    relationships: Collection[str] = (),
    timeout: float = TIMEOUT,
) -> tuple[str, list[Event]]:
    """
    Return where dhcpd's log is, and its events in order.

    files
        syslog files to read instead of the journal; the first one that has events counts.
    pid
        Only this process.
    since
        Epoch seconds.
    identifier
        The name that dhcpd logs under: the base name of its ``argv[0]``.
    relationships
        Reading goes backwards and stops once the states of these at both ends are proved, which is
        enough for :func:`view` except for ``started``. Empty: it stops at ``since``.
    timeout
        Seconds.

    Raises :class:`LogError` if neither journal nor syslog file can be read.
    """

    def from_file(path: str) -> list[Event]:
        lines = sources.syslog_lines(path, pid, since, identifier, WORTH_READING, timeout)
        return _newest(lines, _proof(relationships))

    chosen = list(files)
    problem: LogError | None = None
    if not chosen:
        try:
            lines = sources.journal_lines(pid, since, identifier, WORTH_READING, timeout)
            events = _newest(lines, _proof(relationships))
            chosen = [] if events else sources.present(SYSLOG_FILES)
            if not chosen:
                return "journal", events
        except LogError as err:
            problem = err
            chosen = sources.present(SYSLOG_FILES)
            if not chosen:
                raise LogError(
                    f"dhcpd's log can't be read: {err}; no syslog file "
                    f"({', '.join(SYSLOG_FILES)}): name it in dhcpd:log_files"
                ) from err
        journal_is_empty = problem is None
    else:
        journal_is_empty = False
    readable = None
    for path in chosen:
        try:
            events = from_file(path)
        except LogError as err:
            problem = problem or err
            continue
        if events:
            return path, events
        readable = readable or path
    if journal_is_empty:
        return "journal", []
    if readable is None:
        raise problem or LogError("no file of dhcpd's log was named")
    return readable, []


def places(files: Sequence[str] = ()) -> list[str]:
    """Return where dhcpd's log is looked for: the ``files`` that were named, or what there is."""
    return list(files) or ["the journal", *sources.present(SYSLOG_FILES)]


def read_journal(
    pid: int | None = None,
    since: float = 0.0,
    until: float | None = None,
    identifier: str = "dhcpd",
    timeout: float = TIMEOUT,
) -> list[Event]:
    """Return dhcpd's events in the journal, in order (parameters as of :func:`read`)."""
    events = _newest(sources.journal_lines(pid, since, identifier, WORTH_READING, timeout))
    return [one for one in events if until is None or one.time <= until]


def read_syslog(
    files: Iterable[str],
    pid: int | None = None,
    since: float = 0.0,
    identifier: str = "dhcpd",
    timeout: float = TIMEOUT,
) -> list[Event]:
    """
    Return dhcpd's events in the first of some syslog files that has any, in order.

    The file that was rotated last (``.1``) is read too. Parameters as of :func:`read`.
    """
    return read(files, pid, since, identifier, timeout=timeout)[1]


#: What tells how clients fared (server/dhcp.c): a lease given or renewed, or none to give.
_CLIENTS = r"^DHCPACK on |no free leases$|peer holds all free leases$"


def clients(
    source: str, since: float, identifier: str = "dhcpd", timeout: float = 2.0
) -> dict[str, int] | None:
    """
    Count what the log tells of clients since then (epoch seconds).

    source
        ``journal``, or a syslog file.
    timeout
        Seconds; a log that takes longer is not counted.

    Returns ``acks`` and ``unserved``, or ``None`` where lines are missing or it took too long.
    """
    if source == "journal":
        lines = sources.journal_lines(None, since, identifier, _CLIENTS, timeout)
    else:
        wanted = _CLIENTS.replace("^", "").replace("$", "")
        lines = sources.syslog_lines(source, None, since, identifier, wanted, timeout)
    found = {"acks": 0, "unserved": 0}
    try:
        for line in lines:
            if line.text.startswith("DHCPACK on "):
                found["acks"] += 1
            elif line.text.endswith("free leases"):
                found["unserved"] += 1
            else:  # a notice of dropped lines
                return None
    except LogError:
        return None
    return found


def last_lines(since: float, identifier: str = "dhcpd", count: int = 3) -> list[str]:
    """
    Return what dhcpd logged of its newest start, for the message that it failed.

    since
        Epoch seconds.

    That is the line with the reason, else the last ``count``. Banner, counts and dhcpd's advice on
    bug reports are left out, and the source line that follows a configuration error: it may hold a
    secret. Names of keys are masked.
    """
    found: list[Line] = []
    problem: LogError | None = None
    try:
        found = list(sources.journal_lines(None, since, identifier, None, TIMEOUT))
    except LogError as err:
        problem = err
    for path in [] if found else sources.present(SYSLOG_FILES):
        found = found or list(sources.syslog_lines(path, None, since, identifier, None, TIMEOUT))
        problem = None
    if problem is not None:
        raise problem
    lines = found[::-1]
    reason = attempts.why_failed(lines)
    if reason:
        return [reason["text"]]
    told = [masked(line.text.strip()) for line in attempts.newest(lines)]
    told = [line for line in told if line and not attempts.CHATTER.search(line)]
    errors = [line for line in told if re.search(r" line \d+: ", line)]
    return (errors or told)[-count:]


def _newest(lines: Iterator[Line], enough: Callable[[Event], bool] | None = None) -> list[Event]:
    """Return the events of lines that come newest first, in order, back to where it is enough."""
    events = []
    for line in lines:
        found = event(*line)
        if found is not None:
            events.append(found)
            if enough is not None and enough(found):
                break
    events.reverse()
    return events


def _proof(relationships: Collection[str]) -> Callable[[Event], bool] | None:
    """Return a function that says, going backwards, when the states at both ends are known."""
    if not relationships:
        return None
    open_questions = {(name, end) for name in relationships for end in ("my-move", "peer-move")}

    def enough(found: Event) -> bool:
        name = found.relationship or ""
        open_questions.discard((name, found.kind))
        if found.kind == "both-normal":
            # Not enough for this end: the pools count from its move on.
            open_questions.discard((name, "peer-move"))
        return not open_questions or found.kind == "lost"

    return enough


# -- what it proves ------------------------------------------------------------------------------


def view(
    events: Iterable[Event], relationship: str, networks: Collection[str] | None = None
) -> RelationshipLog:
    """
    Return what events, in order, prove of a relationship.

    relationship
        Its name.
    networks
        The networks of its pools, as :class:`iscdhcp.conf.views.Pool` names them: lines about a
        pool do not name the relationship. ``None``: all pools are its own.

    A state is proved by the last move into it, unless lines were dropped since. A new process
    starts over.
    """
    seen = RelationshipLog()
    pools: dict[str, tuple[str, LoggedPool]] = {}
    pid: int | None = None
    for one in events:
        if one.relationship == relationship and one.pid != pid:
            started = seen.started and pid is None
            seen, pid = RelationshipLog(started=started), one.pid
            pools.clear()
        if one.kind == "lost":
            seen = RelationshipLog(started=seen.started, lost=seen.lost + 1)
            pools.clear()
        elif one.kind == "pool":
            if networks is None or one.fields["network"] in networks:
                pools[one.fields["pool"]] = one.fields["network"], _pool(one)
        elif one.kind == "serving":
            seen.started = seen.started or one.pid is None or pid in (None, one.pid)
        elif one.kind == "refused" and one.fields["why"] == _UNKNOWN_NAME:
            # It names the relationship as the partner does, perhaps otherwise than we do.
            if one.relationship == relationship or not seen.connected:
                seen.refused = f"{_UNKNOWN_NAME}: the partner calls it {one.relationship}"
        elif one.relationship == relationship:
            if one.kind == "my-move":
                pools.clear()
            _take(seen, one)
    seen.pools = _by_network(pools)
    return seen


def _take(seen: RelationshipLog, one: Event) -> None:
    """Take in an event that names the relationship."""
    if one.kind == "my-move":
        seen.state, seen.since = one.fields["new"], one.time
        seen.rejections = {}
        if seen.state == "startup":
            # Only a new process is in startup: it has no connection yet.
            seen.partner_state = seen.partner_since = None
            seen.connected, seen.refused, seen.updating = False, None, False
        elif seen.state == "normal":
            seen.connected, seen.refused, seen.updating = True, None, False
    elif one.kind == "peer-move":
        seen.partner_state, seen.partner_since = one.fields["new"], one.time
        seen.connected, seen.refused = True, None
    elif one.kind == "both-normal":
        if seen.state != "normal":
            seen.state, seen.since = "normal", one.time
        if seen.partner_state != "normal":
            seen.partner_state, seen.partner_since = "normal", one.time
        seen.connected, seen.refused = True, None
    elif one.kind in ("disconnected", "timeout"):
        seen.connected, seen.updating = False, False
    elif one.kind == "refused":
        if _HOPELESS.search(one.fields["why"]):
            seen.refused = one.fields["why"]
    elif one.kind in ("update-wanted", "update-done"):
        seen.connected = True
        seen.updating = one.kind == "update-wanted"
    elif one.kind in ("peer-wants-update", "peer-update-done"):
        seen.connected = True
    elif one.kind == "rejected-update":
        why = one.fields["why"]
        seen.rejections[why] = seen.rejections.get(why, 0) + 1


def _pool(one: Event) -> LoggedPool:
    return {
        "balanced": one.fields["verdict"] == "balanced",
        "total": int(one.fields["total"]),
        "free": int(one.fields["free"]),
        "backup": int(one.fields["backup"]),
        "time": one.time,
    }


def _by_network(pools: dict[str, tuple[str, LoggedPool]]) -> dict[str, LoggedPool]:
    """Name pools by their network, and by dhcpd's number too where a network has several."""
    networks = [network for network, _ in pools.values()]
    return {
        network if networks.count(network) == 1 else f"{network} (pool {number})": pool
        for number, (network, pool) in pools.items()
    }
