"""When a fleet run may work, as people say it in their own time: pure."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ..errors import IscDhcpError
from ..patterns import lazy_pattern

_CLOCK = lazy_pattern(r"([01]?\d|2[0-3]):([0-5]\d)")
_FORMS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_SAY = "say HH:MM or YYYY-MM-DD HH:MM, in the master's local time"
_MINUTES_OF_A_DAY = 24 * 60

Zone = datetime.tzinfo | None


@dataclass(frozen=True)
class Window:
    """The time of day in which units are begun, as minutes of a day; it may reach over midnight."""

    begins: int
    ends: int

    def __str__(self) -> str:
        first, last = (f"{at // 60:02d}:{at % 60:02d}" for at in (self.begins, self.ends))
        return f"{first}-{last}"

    def around(self, now: float, zone: Zone = None) -> tuple[float, float]:
        """
        Return begin and end of the window that is open at ``now``, or of the next one.

        now
            Epoch seconds; what comes back is too.
        zone
            Of the times; ``None``: this machine's.
        """
        here = _local(now, zone)
        # Yesterday's may still be open.
        for days in range(-1, 3):
            day = here.date() + datetime.timedelta(days=days)
            begin = _epoch(day, self.begins, zone)
            more = 1 if self.ends <= self.begins else 0
            end = _epoch(day + datetime.timedelta(days=more), self.ends, zone)
            if end > now:
                return begin, end
        raise AssertionError("a window opens each day")


def _local(epoch: float, zone: Zone) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).astimezone(zone)


def _epoch(day: datetime.date, minutes: int, zone: Zone) -> float:
    wall = datetime.datetime(day.year, day.month, day.day, minutes // 60, minutes % 60)
    return (wall.replace(tzinfo=zone) if zone else wall).timestamp()


def _minutes(word: str) -> int | None:
    found = _CLOCK.fullmatch(word.strip())
    return int(found[1]) * 60 + int(found[2]) if found else None


def _as_word(value: Any) -> str:
    # YAML reads 22:30 as the sexagesimal number 1350, in the shell's arguments too.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MINUTES_OF_A_DAY:
        return f"{value // 60:02d}:{value % 60:02d}"
    return value.strip() if isinstance(value, str) else ""


def moment(name: str, value: Any, now: float, zone: Zone = None) -> float | None:
    """
    Return a moment that a person gave, as epoch seconds; ``None`` for none.

    name
        What it was given as, for the sentence.
    value
        ``05:00`` (the next time that it is five), or with its date.
    now
        Epoch seconds.
    zone
        Of the time; ``None``: this machine's.

    Raises :class:`IscDhcpError` for anything else, and for a moment that is over.
    """
    if value is None or value == "":
        return None
    word = _as_word(value)
    minutes = _minutes(word)
    if minutes is not None:
        day = _local(now, zone).date()
        today = _epoch(day, minutes, zone)
        return today if today > now else _epoch(day + datetime.timedelta(days=1), minutes, zone)
    for form in _FORMS:
        try:
            wall = datetime.datetime.strptime(word, form)
        except ValueError:
            continue
        epoch = (wall.replace(tzinfo=zone) if zone else wall).timestamp()
        if epoch <= now:
            raise IscDhcpError(f"{name}: {told(epoch, zone)} is over")
        return epoch
    raise IscDhcpError(f"{name}: {_SAY}, not {value!r}")


def window(name: str, value: Any) -> Window | None:
    """Return a window that a person gave as ``22:00-05:00``; ``None`` for none."""
    if value is None or value == "":
        return None
    first, dash, last = str(value).partition("-")
    begins, ends = _minutes(first), _minutes(last)
    if not dash or begins is None or ends is None or begins == ends:
        raise IscDhcpError(f"{name}: say HH:MM-HH:MM, in the master's local time, not {value!r}")
    return Window(begins, ends)


def told(epoch: float, zone: Zone = None) -> str:
    """Return a moment in local time with its zone, and in UTC."""
    here = _local(epoch, zone)
    utc = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    form = "%H:%M" if here.date() == utc.date() else "%Y-%m-%d %H:%M"
    return f"{here.strftime('%Y-%m-%d %H:%M %Z')} ({utc.strftime(form)} UTC)"
