"""Sizes, times and sentences as people read them."""

from __future__ import annotations

import time
from collections.abc import Sequence


def full_stop(text: str) -> str:
    """Return a sentence with its full stop."""
    return text if text.endswith((".", "!", "?")) else text + "."


def joined(names: Sequence[str]) -> str:
    """Return names as people read them (``a``, ``a and b``, ``a, b and c``)."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def count(number: int, thing: str) -> str:
    """Return a number of things (``1 stretch``, ``2 stretches``, ``3 leases``)."""
    if number == 1:
        return f"1 {thing}"
    return f"{number:,} {thing}{'es' if thing.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def were(names: Sequence[str]) -> str:
    """Return names with their verb (``a was``, ``a and b were``)."""
    return f"{joined(names)} {'was' if len(names) == 1 else 'were'}"


def clock(epoch: float | None) -> str:
    """Return an epoch time in UTC as people read it (``14:02:10``)."""
    return "an unknown time" if epoch is None else time.strftime("%H:%M:%S", time.gmtime(epoch))


def date(epoch: float) -> str:
    """Return an epoch time in UTC with its day (``2026-11-23 14:02:10 UTC``)."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(epoch))


def size(number: float) -> str:
    """Return a number of bytes as people read it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"


def stamp(epoch: float) -> str:
    """Return an epoch time as date and time in UTC, the date only where it is not today's."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    day = time.strftime("%Y-%m-%d", time.gmtime(epoch))
    return f"{clock(epoch)} UTC" if day == today else f"{day} {clock(epoch)} UTC"


def span(seconds: float) -> str:
    """Return a number of seconds as people read it (``40 s``, ``1 h 5 min``)."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def moment(epoch: float) -> str:
    """Return a time of day in UTC to the millisecond."""
    return time.strftime("%H:%M:%S", time.gmtime(epoch)) + f"{epoch % 1:.3f}"[1:].ljust(4, "0")


def until_text(until: float | None) -> str:
    """Return the end of a hold as a sentence's end."""
    if not until:
        return " (until released)"
    return time.strftime(" (until %Y-%m-%d %H:%M:%S UTC)", time.gmtime(until))
