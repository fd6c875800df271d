"""
Lines of dhcpd that look bad and are not, each with what it means, for people who read the log.

Messages as of ISC dhcpd 4.4.3-P1, with their source lines.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..patterns import lazy_pattern

#: Code, the line in short, pattern, explanation.
_NOISE = (
    # failover.c:5550
    (
        "less-critical",
        "incoming update is less critical than outgoing update",
        r"bind update on \S+ from .+ rejected: .*incoming update is less critical than outgoing",
        "both servers told each other of the same lease at the same moment; the more important "
        "update wins and nothing is lost",
    ),
    # failover.c:5684
    (
        "xid-mismatch",
        "got ack ... xid mismatch",
        r"bind update on \S+ got ack from .+: xid mismatch",
        "a late acknowledgement of an update that has been sent again meanwhile",
    ),
    # failover.c:5741, 5776
    (
        "update-flying",
        "update request while old update still flying",
        r"Received update request while old update still flying!",
        "the partner asked twice for the full update, after a reconnect; the second is ignored",
    ),
    # failover.c:2392
    (
        "both-recover-done",
        "both servers have entered recover-done",
        r"Both servers have entered recover-done!",
        "the first start of a new pair, or of one whose lease files are new: both go to normal",
    ),
    # failover.c:82
    (
        "no-load-balance-seconds",
        "load balancing will be disabled",
        r"WARNING: load balancing will be disabled for failover peer",
        "load balance max seconds is 0 in dhcpd.conf, so both servers answer every client",
    ),
    # dhcp.c:425, 593
    (
        "other-server",
        "load balance to peer, lease owned by peer",
        r"DHCP\S+ .*: (?:load balance to peer|lease owned by peer)",
        "this client is the partner's to answer",
    ),
    # failover.c:1854, 2078: after every reconnect and every order over OMAPI
    (
        "same-state",
        "I move from normal to normal",
        r"failover peer .+: (?:I move|peer moves) from (?P<state>[\w-]+) to (?P=state)$",
        "a state that was said again, after a reconnect or an order over OMAPI",
    ),
    # dhcpd.c:984: dhcpd has dropped its privileges; it serves all the same
    (
        "pid-file",
        "can't create PID file: permission denied",
        r"Can't create PID file .+: Permission denied",
        "dhcpd could not write its pid file and serves all the same",
    ),
    # mdb.c:2427
    (
        "rewrite",
        "wrote N leases to leases file",
        r"Wrote \d+ \S.* to leases file\.",
        "dhcpd rewrites its lease file at each start and every hour",
    ),
    # failover.c:2588
    (
        "rebalance-asked",
        "balancing pool (requesting peer rebalance!)",
        r"balancing pool .*\(requesting peer rebalance!\)",
        "one server has fewer free addresses than its share and asks for some: the daily business "
        "of a pair",
    ),
)
_COMPILED = tuple((code, lazy_pattern(pattern), text) for code, _, pattern, text in _NOISE)

#: For ``journalctl --grep``, in addition to :data:`iscdhcp.log.messages.WORTH_READING`.
WORTH_READING = (
    r"xid mismatch|still flying|have entered recover-done|load balancing will be|"
    r"[Uu]nable to (?:write|commit|record)|Can't (?:create new lease|backup lease|install new)|"
    r"No subnet declaration"
)


def explain(line: str) -> tuple[str, str] | None:
    """
    Return code and explanation of a line of dhcpd that is harmless, or ``None``.

    line
        The message, without the prefix of syslog.
    """
    for code, pattern, text in _COMPILED:
        if pattern.match(line):
            return code, text
    return None


def count(lines: Iterable[str]) -> dict[str, int]:
    """Return how many of ``lines`` are harmless, by code."""
    found: dict[str, int] = {}
    for line in lines:
        explained = explain(line)
        if explained is not None:
            found[explained[0]] = found.get(explained[0], 0) + 1
    return found


def codes() -> list[str]:
    """Return the codes of the harmless lines."""
    return [code for code, *_ in _NOISE]


def meaning(code: str) -> str:
    """Return what a code's line is and what it means."""
    return next(f"“{line}”: {text}" for one, line, _, text in _NOISE if one == code)
