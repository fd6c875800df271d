"""
The forms in which hosts write a line of a log: when, who, and the message.

Read are the traditional form of syslog (RFC 3164), with and without a host; RFC 5424, with and
without its priority; RFC 3339 time stamps, also with a blank for the ``T``, a comma, or a zone's
name (``journalctl -o short-full``); OpenWrt's logd and busybox; epoch seconds; a facility or a
severity before the name. Stamps without a zone are this host's local time.
"""

from __future__ import annotations

import calendar
import re
import time
from typing import NamedTuple

from ..patterns import lazy_pattern


class Header(NamedTuple):
    """When (epoch seconds), which process, and what it says."""

    time: float
    pid: int | None
    text: str


_DAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?"
_CLOCK = r"(?P<clock>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d+)?"
_ZONE = r"(?: ?(?P<zone>Z|[+-]\d\d:?\d\d)\b)?"
#: Without and with a year.
_TRADITIONAL = (
    rf"(?P<month>[A-Z][a-z]{{2}}) +(?P<day>\d\d?)(?: (?P<early>\d{{4}}))? {_CLOCK}"
    rf"(?: (?P<late>\d{{4}})\b)?"
)
_ISO = rf"(?P<date>\d{{4}}[-/]\d\d[-/]\d\d)[T ]{_CLOCK}{_ZONE}"
_EPOCH = r"(?P<epoch>\d{9,10}(?:\.\d+)?)"
_PRIORITY = r"(?:<\d{1,3}>(?:1 )?)?"
_STAMPS = tuple(
    lazy_pattern(rf"{_PRIORITY}\[?{_DAY}{stamp}\]?:? +") for stamp in (_TRADITIONAL, _ISO, _EPOCH)
)
#: As much of a line as tells when it is from.
STAMP_LENGTH = 48
_MONTHS = {
    name: number
    for number, name in enumerate(
        "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1
    )
}


def stamp(text: str, now: float | None = None) -> tuple[float, int] | None:
    """
    Return the time (epoch seconds) that a line begins with, and where its rest begins.

    now
        Of a stamp without a year that year is taken which is not ahead of this.
    """
    for form in _STAMPS:
        found = form.match(text)
        if found is not None:
            moment = _moment(found.groupdict(), time.time() if now is None else now)
            if moment is not None:
                return moment, found.end()
    return None


def header(text: str, name: str, now: float | None = None) -> Header | None:
    """
    Return what a line tells, if ``name`` has written it and its form is known.

    now
        As for :func:`stamp`.
    """
    stamped = stamp(text, now)
    if stamped is None:
        return None
    moment, at = stamped
    for form in _forms(name):
        found = form.fullmatch(text, at)
        if found is not None:
            pid = found["pid"]
            number = int(pid) if pid and pid.isdigit() and len(pid) < 12 else None
            return Header(moment, number, found["text"].lstrip("\ufeff"))
    return None


_KNOWN: dict[str, tuple[re.Pattern[str], ...]] = {}


def _forms(name: str) -> tuple[re.Pattern[str], ...]:
    if name not in _KNOWN:
        tag = rf"(?:[^\s\[:]*/)?{re.escape(name)}"
        # Host, facility, severity: none ends with the colon that a name has before a message.
        between = r"(?:[^\s:]\S*(?<!:) +){0,4}?"
        _KNOWN[name] = (
            # RFC 5424: host, name, pid, message's id, structured data.
            lazy_pattern(
                rf"\S+ {tag} (?P<pid>\d+|-) \S+ (?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: (?P<text>.*))?",
                re.DOTALL,
            ),
            lazy_pattern(
                rf"{between}{tag}(?:\[(?P<pid>\d+)\]|\((?P<other>\d+)\))?:(?: (?P<text>.*)|)",
                re.DOTALL,
            ),
        )
    return _KNOWN[name]


def _moment(parts: dict[str, str | None], now: float) -> float | None:
    try:
        if parts.get("epoch"):
            return float(str(parts["epoch"]))
        clock = [int(one) for one in str(parts["clock"]).split(":")]
        fraction = float(str(parts["fraction"]).replace(",", ".")) if parts["fraction"] else 0.0
        if parts.get("date"):
            date = [int(one) for one in re.split("[-/]", str(parts["date"]))]
            return _seconds(date, clock, parts.get("zone")) + fraction
        month = _MONTHS.get(str(parts["month"]))
        if month is None:
            return None
        year = parts["early"] or parts["late"]
        return _dated(year, month, int(str(parts["day"])), clock, now) + fraction
    except (ValueError, OverflowError):
        return None


def _dated(year: str | None, month: int, day: int, clock: list[int], now: float) -> float:
    if year is not None:
        return _seconds([int(year), month, day], clock, None)
    this = time.localtime(now).tm_year
    # February 29 is of a year that has one.
    for one in (this, this - 1, this - 2, this - 3, this - 4):
        if month == 2 and day == 29 and not calendar.isleap(one):
            continue
        moment = _seconds([one, month, day], clock, None)
        if moment <= now + 86400:
            return moment
    raise ValueError(f"{month}-{day}")


def _seconds(date: list[int], clock: list[int], zone: str | None) -> float:
    year, month, day = date
    hour, minute, second = clock
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 25 and minute < 60 and second < 62):
        raise ValueError("no time")
    if zone is None:
        return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))
    ahead = 0
    if zone != "Z":
        ahead = (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60) * (-1 if zone[0] == "-" else 1)
    return calendar.timegm((year, month, day, hour, minute, second)) - ahead
