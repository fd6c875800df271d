"""Facts of a healthy pair, for tests to spoil one by one."""

from __future__ import annotations

import copy
from typing import Any

from iscdhcp.shapes import Asked
from iscdhcp.shapes import LeaseFacts
from iscdhcp.shapes import ServerFacts
from iscdhcp.wire import VERSION
from shaped import shaped

NOW = 1_800_000_000.0


def server(minion: str, role: str, partner: str, name: str = "foo") -> dict[str, Any]:
    """Return the facts of a healthy server of the relationship ``name``."""
    known = {
        "wire": VERSION,
        "minion": minion,
        "time": NOW,
        "steady": True,
        "process": {
            "running": True,
            "pid": 100,
            "identity": f"{minion}-1",
            "started": NOW - 1000,
            "stopped": False,
            "gentle_shutdown": False,
            "several": None,
        },
        "configuration": {"file": "/etc/dhcp/dhcpd.conf", "error": None},
        "lease_file": {
            "file": "/x",
            "exists": True,
            "bytes": 1000,
            "whole": True,
            "problem": None,
            "mendable": None,
            "replaced": None,
        },
        "relationships": {
            name: {
                "role": role,
                "address": f"addr-{minion}",
                "peer_address": f"addr-{partner}",
                "peer_port": 647,
                "mclt": 3600,
                "max_response_delay": 30,
                "auto_partner_down": 0,
                "source": "omapi",
                "state": "normal",
                "partner_state": "normal",
                "since": NOW - 900,
                "normal_since": NOW - 900,
                "unacked": 0,
                "unacked_bound": 9,
                "connected": True,
                "serves": True,
                "refused": None,
                "balance": {"balanced": True, "imbalanced": [], "pools": {}},
                "asked": asked(f"addr-{partner}"),
            }
        },
        "leases": leases(name),
    }
    found: dict[str, Any] = shaped(ServerFacts, **known)
    return found


def asked(address: str, **changed: Any) -> dict[str, Any]:
    """Return a question to the partner that was answered just now."""
    known = {
        "address": address,
        "network": "10.0.0.0/24",
        "asked": NOW,
        "offered": True,
        "seconds": 0.0007,
        "before": NOW,
        "off": False,
    }
    found: dict[str, Any] = shaped(Asked, **{**known, **changed})
    return found


def leases(
    name: str = "foo", free: int = 50, backup: int = 50, rate: float = 0.0
) -> dict[str, Any]:
    """Return the counts of one pool of 200 addresses."""
    pool = {
        "network": "10.0.0.0/24",
        "ranges": [["10.0.0.10", "10.0.0.209"]],
        "addresses": 200,
        "active": 200 - free - backup,
        "free": free,
        "backup": backup,
        "abandoned": 0,
        "new_per_second": rate,
    }
    found: dict[str, Any]
    found = shaped(LeaseFacts, counted=NOW - 5, file="/x", relationships={name: [pool]})
    return found


def healthy() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the facts of dhcp-a (primary) and dhcp-b (secondary) of the relationship foo."""
    return (
        copy.deepcopy(server("dhcp-a", "primary", "dhcp-b")),
        copy.deepcopy(server("dhcp-b", "secondary", "dhcp-a")),
    )
