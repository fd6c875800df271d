"""What preflight and doctor name of a case, so that both word a trouble alike."""

from __future__ import annotations

from ..rules import lease_age
from ..rules.verdict import Reason
from ..shapes import Space
from ..words import size
from ..words import stamp
from .view import PairView


def is_full(space: Space) -> bool:
    """Whether a start would lack room, or an inode, to write the lease file again."""
    if space["error"]:
        return False
    return space["free"] < space["needed"] or space["inodes"] == 0


def room(space: Space) -> dict[str, str]:
    """Return how much room there is and is needed, for the sentence about a full disk."""
    free = f"{size(space['free'])} are free"
    return {
        "free": "no inode is free" if space["inodes"] == 0 else free,
        "needed": size(space["needed"]),
    }


def old_file(view: PairView, server: str) -> Reason | None:
    """Return the reason where a server that is down has an older lease file than it had."""
    if view.running(server):
        return None
    partner = view.partner(server)
    return lease_age.older_than_partner(
        server, partner, view.name, view.knowledge(server), view.knowledge(partner)
    )


def lacking(view: PairView, server: str) -> Reason | None:
    """Return the reason where a server that is normal lacks leases of its own time."""
    if not view.running(server) or not view.normal:
        return None
    partner = view.partner(server)
    return lease_age.forgets(
        server, partner, view.name, view.knowledge(server), view.knowledge(partner)
    )


def not_the_service(view: PairView, server: str) -> tuple[str, dict[str, str | None]] | None:
    """
    Return code and case where dhcpd runs and its service manager does not believe so.

    Somebody has started it by hand; or its service has started it and failed by something else:
    Debian's starts a dhcpd for DHCPv6 too.
    """
    service = view.service(server)
    if not view.running(server) or not service["name"] or service["active"] is not False:
        return None
    case = {"manager": service["manager"], "service": service["name"]}
    unit = str(view.seen(server)["process"]["unit"] or "").removesuffix(".service")
    if service["failed"] and unit == str(service["name"]).removesuffix(".service"):
        failed = view.log(server).get("failed_start")
        said = f": “{failed['text']}” at {stamp(failed['time'])}" if failed else ""
        return "service-half", {**case, "said": said}
    how = "has failed" if service["failed"] else "is stopped"
    return "service", {**case, "how": how}
