"""
Why the newest start of dhcpd failed: the one line of its log that is the reason.

What dhcpd logs around it is banner, counts and advice ("HP JetAdmin software"), or belongs to an
earlier start. Lines as ISC dhcpd 4.4.3-P1 logs them when it is really started that way.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence

from ..patterns import lazy_pattern
from ..shapes import FailedStart
from .messages import masked
from .sources import Line

#: Lines of an attempt that say nothing of why it ended.
CHATTER = lazy_pattern(
    r"Internet Systems Consortium|Copyright 2|All rights|For info, please|Config file:|"
    r"Database file:|PID file:|Wrote \d+|Source compiled|^Listening on |^Sending on |"
    r"^If you think|^than a config|^bugs on|^before submitting|^process and|^exiting\.|"
    r"^requesting help|^of logged|^DHCP[A-Z]+ |^BOOT[A-Z]+ |bug|^\s*\^$|"
    r"^Please make sure there is no other|^running and that there's no entry|^bootp in |"
    r"^are not running HP JetAdmin|^includes a bootp server|"
    r"^\*\* Ignoring requests on|^you want, please write|^in your dhcpd6?\.conf file|"
    r"^to which interface|^Server starting service|^WARNING|^Multiple interfaces match|"
    r"^Lease file test successful|^Unable to set up timer|^Remote control|"
    r"^Configuration file errors encountered|^[Ii]nfinite|^ldap_|^Not searching LDAP"
)
#: Code of the cause and the line, the surest first. A later line may only be what follows from it.
_REASONS = tuple(
    (code, lazy_pattern(pattern))
    for code, pattern in (
        ("start-twice", r"There's already a DHCP server running\."),
        ("start-user", r"no such (?:user|group): (?P<name>\S+)"),
        ("start-user", r"(?:[Uu]nable to|Can't) (?:set|change).*[ug]id.*"),
        # A dhcpd without root's capabilities; what it fails at afterwards depends on the files.
        ("start-user", r"(?:Open a socket for LPF|unable to create icmp socket): .*not permitted"),
        ("start-port", r"Can't bind to dhcp address: Address already in use"),
        ("start-address", r"Can't bind to dhcp address: .+"),
        ("start-name", r"failover peer (?P<name>.+): no local address\."),
        ("start-interface", r"(?P<name>[\w.:@-]+): not found"),
        ("start-interface", r"No subnet6? declaration for (?P<name>\S+) \(no IPv4 addresses\)\."),
        ("start-subnet", r"No subnet6? declaration for (?P<name>\S+) \([\da-f.:]+\)\."),
        (
            "start-lease-file",
            r"(?:Can't open (?P<name>\S+) for append\.|Can't open lease database (?P<base>\S+): .+|"
            r"Can't (?:create|chown|fdopen) new lease file: .+|Can't install new lease database.+|"
            r"Failed to get realpath for (?P<path>\S+): .+)",
        ),
        (
            "start-denied",
            r"Can't (?:open|read in) (?P<name>\S+): (?:Permission denied|.*not permit.+)",
        ),
        ("start-file", r"Can't (?:open|read in) (?P<name>\S+): .+"),
    )
)
_ADVICE = lazy_pattern(r"\bIf you think you have received this message due to a bug")
_BANNER = lazy_pattern(r"Internet Systems Consortium DHCP Server")
_CONFIG_FILE = lazy_pattern(r"Config file: (?P<file>\S+)")
_SIX = lazy_pattern(
    r"\d+ NA, \d+ TA, \d+ PD leases|No subnet6 declaration|(?:Listening on|Sending on) +Socket/\d+/"
    r"|dhcpd6\."
)
_OF_A_FILE = lazy_pattern(r"(?P<file>\S.*?) line \d+: ")
_DENIED = lazy_pattern(
    r'apparmor="DENIED" operation="(?P<operation>[^"]+)".*?profile="(?P<profile>[^"]*dhcpd[^"]*)"'
    r'(?:.*? name="(?P<name>[^"]+)")?'
)
#: What the kernel's log is searched for.
DENIED_WORTH_READING = r'apparmor="DENIED".*dhcpd'


def newest(lines: Sequence[Line]) -> list[Line]:
    """
    Return the lines of the newest attempt to start, oldest first.

    lines
        dhcpd's, in order. An attempt is what one process has logged, from its banner on if it has
        one (with ``-q`` there is none; without pids the banner alone tells them apart).
    """
    return next(_attempts(lines), [])


def _attempts(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield attempts, the newest first."""
    rest = list(lines)
    while rest:
        pid = rest[-1].pid
        mine = [line for line in rest if line.pid == pid]
        begins = [n for n, line in enumerate(mine) if _BANNER.search(line.text)]
        mine = mine[begins[-1] if begins else 0 :]
        yield mine
        taken = {id(line) for line in mine}
        rest = [line for line in rest if id(line) not in taken]


def why_failed(
    lines: Sequence[Line], config_file: str | None = None, kernel: Sequence[str] = ()
) -> FailedStart | None:
    """
    Return why the newest start failed, or ``None`` where it did not, or does not say.

    lines
        All that dhcpd has logged lately, in order.
    config_file
        dhcpd's: an attempt that names another one was of another dhcpd (Debian's unit starts one
        for DHCPv6 too, and fails as a whole where that fails).
    kernel
        The kernel's lines about dhcpd in that time: AppArmor says there what dhcpd may not do.
    """
    others: FailedStart | None = None
    for attempt in _attempts(lines):
        six = any(_SIX.search(line.text) for line in attempt)
        named = next((m["file"] for line in attempt if (m := _CONFIG_FILE.search(line.text))), None)
        found = _reason_of(attempt)
        if not six and (not config_file or not named or named == config_file):
            return _with_kernel(found, kernel) if found else others
        if found and others is None:
            others = {**found, "file": named, "code": "start-ipv6" if six else "start-other"}
    return others


def _reason_of(attempt: Sequence[Line]) -> FailedStart | None:
    """Return the reason for which an attempt has ended, or ``None``."""
    advised = any(_ADVICE.search(line.text) for line in attempt)
    if not advised and not any(line.text.strip() == "exiting." for line in attempt):
        return None
    served = [n for n, line in enumerate(attempt) if line.text.startswith("Server starting serv")]
    mine = attempt[served[-1] + 1 :] if served else attempt
    told = [line for line in mine if line.text.strip() and not CHATTER.search(line.text.strip())]
    return (_classified(told) or _first(told)) if told else None


def _with_kernel(found: FailedStart, kernel: Sequence[str]) -> FailedStart:
    denied = next((m for text in reversed(kernel) if (m := _DENIED.search(text))), None)
    if denied and found["code"] in ("start-denied", "start-lease-file", "start-file"):
        name = denied["name"] or found["name"]
        return {**found, "code": "start-apparmor", "name": name, "profile": denied["profile"]}
    return found


def _classified(told: Sequence[Line]) -> FailedStart | None:
    for code, pattern in _REASONS:
        for line in told:
            match = pattern.fullmatch(line.text.strip())
            if match:
                names = [match.groupdict().get(key) for key in ("name", "base", "path")]
                return _reason(code, line, next((name for name in names if name), None))
    return None


def _first(told: Sequence[Line]) -> FailedStart:
    """Return the first error of the configuration, else what dhcpd said last: it ended by that."""
    # What it can't read of its lease file it leaves out, and starts all the same.
    errors = [
        line
        for line in told
        if (match := _OF_A_FILE.match(line.text)) and "lease" not in match["file"]
    ]
    return _reason("start-failed", (errors or told[-1:])[0], None)


def _reason(code: str, line: Line, name: str | None) -> FailedStart:
    return {
        "code": code,
        "text": masked(line.text.strip())[:300],
        "time": line.time,
        "name": name,
        "file": None,
        "profile": None,
    }
