"""What of a host's package upgrades would restart dhcpd without looking at its partner."""

from __future__ import annotations

from ..shapes import Upgrades
from .verdict import Reason


def by_themselves(server: str, seen: Upgrades | None) -> list[Reason]:
    """
    Return what would restart dhcpd on a server by itself.

    seen
        As :func:`iscdhcp.host.upgrades.look` returns it; ``None``: nobody looked.
    """
    if seen is None:
        return []
    found = []
    if seen["package"]:
        found.append("a new package (its postinst)")
    if seen["needrestart"]:
        found.append("needrestart, after new libraries")
    return [Reason.of("upgrades", server=server, what=" and ".join(found))] if found else []
