"""
Leases of clients that a configuration would make dhcpd forget: none of its ranges holds them.

dhcpd leaves them out when it writes its lease file again at its start (server/mdb.c:2768-2775), and
says nothing. The clients go on using the addresses, which are free on both servers once a range
holds them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import IscDhcpError
from ..shapes import Forgotten
from . import count


@dataclass(frozen=True)
class _Held:
    """All ranges of a configuration."""

    network: str
    ranges: tuple[tuple[str, str], ...]


def forgotten(path: str, ranges: Iterable[tuple[str, str]], now: float) -> Forgotten:
    """
    Count what a start with these ranges would forget of the leases that clients have.

    path
        The lease file.
    ranges
        Of all networks of the configuration (:attr:`iscdhcp.conf.views.Configuration.ranges`).
    now
        UTC epoch seconds.
    """
    try:
        outside = count.count(path, [_Held("all", tuple(ranges))], now)["outside"]
    except IscDhcpError as err:
        return {"leases": 0, "named": [], "unknown": str(err)}
    return {"leases": outside["active"], "named": outside["held"], "unknown": None}
