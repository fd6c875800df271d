"""
How many addresses of each pool are in which state, as dhcpd itself would say.

The last entry of an address counts. An ``active`` entry whose end is past (``ends <= now``) is
expired: dhcpd gives it its next binding state when its timer runs, so at its start at the latest
(server/mdb.c, pool_timer); only a secondary in ``normal`` waits for the primary to say so. One that
is ``free`` or ``backup`` with a past end, and is to be the other next, is that at the start
(measured). One without ``ends`` ended in 1970. An address without entry is ``free``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Protocol

from ..patterns import lazy_pattern
from ..shapes import ByState
from ..shapes import LeaseCounts
from ..shapes import Outside
from ..shapes import PoolCounts
from .read import Reader
from .syntax import BINDING_STATES
from .syntax import Damaged
from .syntax import Entry
from .syntax import parse

#: Addresses outside of every pool that are named; the others are only counted.
NAMED = 100

#: 0 is an address without entry.
_CODES = {state.encode(): code for code, state in enumerate(BINDING_STATES, 1)}
_ACTIVE = _CODES[b"active"]
_SPARE = _CODES[b"free"], _CODES[b"backup"]
_LAPSED = len(_CODES) + 1
_NAMES = ("virgin", *BINDING_STATES, "lapsed")

# Each finds every lease of a block, those of another form with empty groups, which sends the block
# to the parser. Dates of the default form are of fixed length: "." jumps over them without a look.
_LINES = [rb"  " + name + rb" .{21};\n" for name in (b"tstp", b"tsfp", b"atsfp", b"cltt")]
_JUMP = rb"(?:" + b"".join(_LINES) + rb"|" + b"".join(rb"(?:" + x + rb"|)" for x in _LINES) + rb")"
_DEFAULT_DATES = lazy_pattern(
    rb"\nlease (?:(\d[\d.]*\.)(\d+) \{\n(?:  starts .{21};\n|)(?:  ends . (.{19});\n|)"
    + _JUMP
    + rb"  binding state ([a-z]+);\n(?:  next binding state (free|backup);\n|)|)",
    re.DOTALL,
)
_TIME = rb"(?:. .{19};|epoch \d+;[^\n]*|never;)\n"
_ANY_DATES = lazy_pattern(
    rb"\nlease (?:(\d[\d.]*\.)(\d+) \{\n(?:  starts "
    + _TIME
    + rb"|)(?:  ends (?:\d |)([^\n;]*);[^\n]*\n|)"
    + b"".join(
        rb"(?:  " + name + rb" " + _TIME + rb"|)" for name in (b"tstp", b"tsfp", b"atsfp", b"cltt")
    )
    + rb"  binding state ([a-z]+);\n(?:  next binding state (free|backup);\n|)|)",
    re.DOTALL,
)


class Ranges(Protocol):
    """A pool, as :class:`iscdhcp.conf.views.Pool` is one."""

    @property
    def network(self) -> str:
        """The name that dhcpd logs."""

    @property
    def ranges(self) -> tuple[tuple[str, str], ...]:
        """First and last address of each range, both inclusive."""


class _Pages(dict[bytes, bytearray]):
    """The code of each address: 256 for each ``a.b.c.`` that occurs."""

    def __missing__(self, prefix: bytes) -> bytearray:
        parts = prefix.split(b".")
        if len(parts) != 4 or any(octet not in _LAST_OCTETS for octet in parts[:3]):
            raise KeyError(prefix)
        page = self[prefix] = bytearray(256)
        return page


_LAST_OCTETS = {str(octet).encode(): octet for octet in range(256)}


def count(path: str, pools: Iterable[Ranges], now: float | None = None) -> LeaseCounts:
    """
    Count the addresses of each pool by state, as dhcpd means them: the last entry counts.

    pools
        Such as :attr:`iscdhcp.conf.views.Relationship.pools`: each has ``network`` and ``ranges``.
    now
        UTC epoch seconds; the clock's, if not given.

    Returns ``file``, ``bytes``, ``entries`` (of leases), ``damaged`` (stretches left out before the
    file's end, as far as seen in passing: :func:`check` finds all), ``now``, ``pools`` and
    ``outside``. ``pools`` has, in the order given, ``network``, ``ranges``, ``addresses``, and how
    many are ``active``, ``free``, ``backup``, ``expired``, ``released``, ``abandoned``, ``reset``,
    which add up to ``addresses``. ``virgin`` is how many of the free have no entry, ``lapsed`` how
    many of the expired are ``active`` in the file, with an end that is past: a secondary in
    ``normal`` leaves them so until the primary says that they expired.
    ``outside`` counts the addresses that no pool has (``named``: the first of them, ``held``: the
    first of the active ones): dhcpd forgets them at its next start.
    """
    now = time.time() if now is None else now
    pages = _Pages()
    entries = damaged = 0
    with Reader(path) as reader:
        while reader.fill():
            text = reader.text
            taken = _take(text, pages, now)
            if taken is not None:
                entries += taken
                reader.drop(len(text))
                continue
            consumed = 0
            for item in parse(text, reader.offset, more=not reader.last):
                consumed = item.end - reader.offset
                if isinstance(item, Damaged):
                    # An entry that its end cuts off may be one that dhcpd is writing: the end of a
                    # file is judged apart (leases/end.py), and looked at again.
                    damaged += item.end < reader.bytes
                elif item.kind == "lease":
                    entries += 1
                    _take_one(item, pages, now)
            if reader.last or not text[consumed:].strip():
                consumed = len(text)
            reader.drop(consumed)
        size = reader.bytes
    counted = [_pool(pool, pages) for pool in pools]
    return {
        "file": path,
        "bytes": size,
        "entries": entries,
        "damaged": damaged,
        "now": now,
        "pools": [states for states, _ in counted],
        "outside": _outside(pages, [part for _, parts in counted for part in parts]),
    }


def _take(text: bytes, pages: _Pages, now: float) -> int | None:
    """Take over a block in dhcpd's own form; return how many leases, or None if it is not."""
    if not text.startswith(b"lease ") or not text.endswith(b"\n}\n"):
        return None
    # Dates of one form compare as text; "never" is greater than both.
    text_now = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(now)).encode()
    epoch_now = b"epoch %d" % now
    octets, codes, active = _LAST_OCTETS, _CODES, b"active"
    for form in (_DEFAULT_DATES, _ANY_DATES):
        found = form.findall(b"\n" + text)
        try:
            for prefix, octet, ends, state, following in found:
                code = codes[state]
                if state == active or following and code in _SPARE:
                    if ends <= text_now or b"epoch" < ends <= epoch_now:
                        code = _LAPSED if state == active else codes[following]
                pages[prefix][octets[octet]] = code
        except KeyError:
            continue
        return len(found)
    return None


def _take_one(entry: Entry, pages: _Pages, now: float) -> None:
    fields = entry.fields
    state = fields["state"]
    ends = fields.get("ends") or 0
    if state is None:
        # confpars.c:3711-3735; without failover it would be free.
        code = _ACTIVE if ends > now else _CODES[b"expired"]
    elif state == "active" and ends <= now:
        code = _LAPSED
    elif {state, fields["next"]} == {"free", "backup"} and ends <= now:
        code = _CODES[fields["next"].encode()]
    else:
        code = _CODES[state.encode()]
    prefix, _, last = entry.name.rpartition(".")
    pages[f"{prefix}.".encode()][int(last)] = code


_Part = tuple[bytes, int, int]


def _pool(pool: Ranges, pages: _Pages) -> tuple[PoolCounts, list[_Part]]:
    counts = [0] * len(_NAMES)
    addresses = 0
    used: list[_Part] = []
    for first, last in pool.ranges:
        low, high = _number(first), _number(last)
        addresses += high - low + 1
        for start in range(low & ~255, high + 1, 256):
            prefix = b"%d.%d.%d." % (start >> 24, start >> 16 & 255, start >> 8 & 255)
            page = pages.get(prefix)
            begin, end = max(low - start, 0), min(high - start + 1, 256)
            if page is None:
                counts[0] += end - begin
                continue
            part = page[begin:end]
            used.append((prefix, begin, end))
            for code in range(len(_NAMES)):
                counts[code] += part.count(code)
    found = dict(zip(_NAMES, counts, strict=True))
    states: PoolCounts = {
        "network": pool.network,
        "ranges": pool.ranges,
        "addresses": addresses,
        "virgin": found["virgin"],
        **_by_state(found),
    }
    return states, used


def _by_state(found: Mapping[str, int]) -> ByState:
    return {
        "active": found["active"],
        "free": found["free"] + found["virgin"],
        "backup": found["backup"],
        "expired": found["expired"] + found["lapsed"],
        "released": found["released"],
        "abandoned": found["abandoned"],
        "reset": found["reset"],
        "lapsed": found["lapsed"],
    }


def _outside(pages: _Pages, used: list[_Part]) -> Outside:
    """Count what no pool has; dhcpd drops these at its start (server/mdb.c:2768-2775)."""
    for prefix, begin, end in used:
        pages[prefix][begin:end] = bytes(end - begin)
    counts = [0] * len(_NAMES)
    named: list[str] = []
    held: list[str] = []
    for prefix, page in pages.items():
        if not any(page):
            continue
        for octet, code in enumerate(page):
            if code:
                counts[code] += 1
                if len(named) < NAMED:
                    named.append(f"{prefix.decode()}{octet}")
                if code == _ACTIVE and len(held) < NAMED:
                    held.append(f"{prefix.decode()}{octet}")
    found = dict(zip(_NAMES, counts, strict=True))
    # What no pool has and is in the file has an entry: no virgin is among it.
    return {"addresses": sum(counts), "named": named, "held": held, **_by_state(found)}


def _number(address: str) -> int:
    number = 0
    for octet in address.split("."):
        number = number * 256 + int(octet)
    return number
