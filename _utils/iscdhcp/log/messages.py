"""
What dhcpd's log lines mean.

Messages as of server/failover.c, dhcpd.c, mdb.c and confpars.c of 4.4.3-P1. A line that says
nothing about failover, start or end is none of :class:`Event`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..patterns import lazy_pattern

_STATE = r"[a-z][a-z-]*"
_POOL = (
    r" pool (?P<pool>[0-9a-f]+) (?P<network>.*?)  total (?P<total>\d+)  free (?P<free>\d+)  "
    r"backup (?P<backup>\d+)  lts (?P<lts>-?\d+)  "
)
#: Kind and message. ``peer`` is the relationship's name.
_PATTERNS = (
    # the states
    ("my-move", rf"failover peer (?P<peer>.+): I move from (?P<old>{_STATE}) to (?P<new>{_STATE})"),
    (
        "peer-move",
        rf"failover peer (?P<peer>.+): peer moves from (?P<old>{_STATE}) to (?P<new>{_STATE})",
    ),
    ("both-normal", r"failover peer (?P<peer>.+): Both servers normal"),
    ("not-recorded", r"Unable to record current failover state for (?P<peer>.+)"),
    ("both-recovered", r"Both servers have entered recover-done!"),
    (
        "impossible-move",
        r"(?:failover peer|Peer) (?P<peer>.+): (?P<why>(?:Invalid (?:state|attempt)|Unexpected).+)",
    ),
    (
        "impossible-move",
        r"Peer (?P<peer>.+) (?P<why>moves to normal during conflict resolution - panic, .+)",
    ),
    # the connection
    ("disconnected", r"peer (?P<peer>.+): disconnected"),
    ("timeout", r"timeout waiting for failover peer (?P<peer>.+)"),
    ("refused", r"Failover CONNECT to (?P<peer>.+) rejected: (?P<why>.+)"),
    ("refused", r"Failover (?:CONNECT|CONNECTACK|DISCONNECT) from (?P<peer>.+): (?P<why>.+)"),
    ("stray-connection", r"failover: (?P<why>listener: no matching state|connect: .+)"),
    ("stray-connection", r"failover: (?P<why>listener: picayune failure\.)"),
    ("no-answer", r"failover: link startup timeout"),
    ("bad-message", r"FAILOVER: (?P<why>.+)"),
    # updates
    ("update-wanted", r"Sent update request(?P<all> all)? message to (?P<peer>.+)"),
    ("update-failed", r"Failed to send update request all message to (?P<peer>.+): (?P<why>.+)"),
    ("update-done", r"failover peer (?P<peer>.+): peer update completed\."),
    (
        "peer-wants-update",
        r"Update request(?P<all> all)? from (?P<peer>.+): (?:sending update|nothing pending)",
    ),
    ("update-doubled", r"Received update request while old update still flying!  .+"),
    (
        "rejected-update",
        r"bind update on (?P<ip>[\d.]+) got ack from (?P<peer>.+?): (?P<why>.+)\.",
    ),
    ("peer-update-done", r"Sent update done message to (?P<peer>.+)"),
    (
        "rejected-update",
        r"bind update on (?P<ip>[\d.]+) from (?P<peer>.+?) rejected: (?:(?P=ip): )?(?P<why>.+)",
    ),
    # the pools
    ("balancing", rf"balancing{_POOL}max-own \(\+/-\)(?P<own>\d+)(?P<asks>  \(requesting .+)?"),
    ("pool", rf"(?P<verdict>balanced|IMBALANCED){_POOL}max-misbal (?P<misbalance>\d+)"),
    ("no-leases-to-give", r"peer (?P<peer>.+): Got POOLREQ, answering negatively!  .+"),
    # start and end
    ("serving", r"Server starting service\."),
    ("wrote-leases", r"Wrote (?P<count>\d+) leases to leases file\."),
    ("omapi-failed", r"Can't start OMAPI protocol: (?P<why>.+)"),
    ("pid-file-failed", r"Can't create PID file (?P<file>.+): (?P<why>.+)\."),
    ("stopping", r"Received signal (?P<signal>\d+), initiating shutdown\."),
    ("already-running", r"There's already a DHCP server running\."),
    ("lease-file-damaged", r"Corrupt lease file - possible data loss!"),
    ("conf-error", r"(?P<file>\S.*?) line (?P<line>\d+): (?P<why>.+)"),
    ("fatal", r"(?P<why>Configuration file errors encountered -- exiting)"),
    ("fatal", r"(?P<why>Failover configuration sanity check failed)"),
    ("fatal", r"(?P<why>ERROR: Failover peer, .+, has no referring pools\..*)"),
    ("fatal", r"(?P<why>failover peer .+: no local address\.)"),
    ("fatal", r"(?P<why>failover peer .+: 'address' parameter fails to resolve to .+)"),
    (
        "load-balancing-off",
        r"WARNING: load balancing will be disabled for failover peer, (?P<peer>.+?), because .+",
    ),
    ("fatal", r"(?P<why>Impossible (?:case|condition) at .+)"),
    ("fatal", r"(?P<why>OMAPI key .*: .+)"),
    ("fatal", r"(?P<why>Can't open (?:lease database )?\S+: .+)"),
    ("fatal", r"(?P<why>Not configured to listen on any interfaces!)"),
    ("exiting", r"exiting\."),
    # whatever else it says of a relationship: an address that is not there, no memory
    ("asks", r"failover peer (?P<peer>.+): requesting .+"),
    ("peer-trouble", r"failover peer (?P<peer>.+?): (?P<why>(?!I move |peer moves |Both ).+)"),
    # journald or rsyslog, about lines of dhcpd
    ("lost", r"Suppressed (?P<count>\d+) messages from .+"),
    ("lost", r".*?(?:lost (?P<lost>\d+) messages|(?P<count>\d+) messages lost).* rate.limiting.*"),
    ("lost", r".*begin to drop messages due to rate.limiting.*"),
)
_COMPILED = tuple((kind, lazy_pattern(pattern, re.DOTALL)) for kind, pattern in _PATTERNS)

#: Wider than the patterns and cheap: for ``journalctl --grep`` (PCRE2) and for files.
WORTH_READING = (
    r"failover|Failover|FAILOVER|disconnected|[Uu]pdate (request|done)|bind update|"
    r"Peer .*(Invalid|Unexpected|moves)|Both servers|pool [0-9a-f]+ |POOLREQ|Server starting|"
    r"Wrote \d+ leases|OMAPI|PID file|initiating shutdown|already a DHCP|Corrupt lease|"
    r" line \d+: |Configuration file errors|Impossible c|Can't open|Not configured to|exiting\.|"
    r"Suppressed \d+ mess|rate.limiting"
)

_REPEATED = lazy_pattern(r"message repeated \d+ times: \[ ?(?P<text>.*)\]")
# An OMAPI key's name is worth as much as its secret.
_KEY_NAME = lazy_pattern(r"\b(key(?: named)?) (?!file|config)\S+")


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


def parse_message(text: str) -> tuple[str, dict[str, str]] | None:
    """
    Return kind and fields of a message, or ``None`` if it means nothing here.

    ``peer`` among the fields is the relationship's name. Names of keys are masked.
    """
    text = _plain(text)
    for kind, pattern in _COMPILED:
        found = pattern.fullmatch(text)
        if found:
            fields = {name: value for name, value in found.groupdict().items() if value}
            if "why" in fields:
                fields["why"] = masked(fields["why"])
            return kind, fields
    return None


def event(moment: float, pid: int | None, text: str) -> Event | None:
    """Return the event that a line with its time (epoch seconds) and pid is, or ``None``."""
    parsed = parse_message(text)
    if parsed is None:
        return None
    kind, fields = parsed
    return Event(moment, pid, kind, fields.pop("peer", None), fields, masked(_plain(text)))


def masked(text: str) -> str:
    """Return a message without the name of a key in it."""
    return _KEY_NAME.sub(r"\1 <masked>", text)


def _plain(text: str) -> str:
    text = text.strip()
    repeated = _REPEATED.fullmatch(text)
    return repeated["text"].strip() if repeated else text
