"""Views of a healthy pair, for tests to spoil one by one."""

from __future__ import annotations

from typing import Any

from iscdhcp.answers import NO_MODULE
from iscdhcp.pair.discovery import Pair
from iscdhcp.pair.view import PairView
from iscdhcp.shapes import ProcessFacts
from iscdhcp.shapes import Survey
from pair_facts import NOW
from pair_facts import healthy
from pair_facts import leases
from shaped import shaped

A, B = "dhcp-a", "dhcp-b"
FOO = Pair("foo", A, B, 3600)


def survey() -> dict[str, Any]:
    """Return the survey of a healthy server."""
    known = {
        "space": {"folder": "/var/lib/dhcp", "free": 10**9, "needed": 70_000, "inodes": 1000},
        "sockets": {
            "relationships": {"foo": {"listens": "own", "dialling": False}},
            "omapi": "own",
        },
        "firewall": {"closed": True, "why": None},
        "configuration": {"findings": [], "digests": {"foo": "d1"}},
        "log": {
            "source": "journal",
            "complete": True,
            "moves": [move(NOW - 900, "my-move", "startup", "normal")],
            "told": [],
            "harmless": {},
            "clients": {},
            "full_networks": {},
            "unwritten": None,
            "failed_start": None,
        },
    }
    found: dict[str, Any] = shaped(Survey, **known)
    return found


def move(time: float, kind: str, old: str, new: str) -> dict[str, Any]:
    """Return a move between states as the survey has it."""
    return {"time": time, "pid": 100, "relationship": "foo", "kind": kind, "old": old, "new": new}


def told(kind: str, why: str | None = None, relationship: str | None = "foo", **more: Any) -> dict:
    """Return an event of the log as the survey has it, 5 s old."""
    found = {"kind": kind, "relationship": relationship, "why": why, "count": 1, "pid": 100}
    return {**found, "first": NOW - 5, "last": NOW - 5, "text": f"{kind}: {why}", **more}


class Views:
    """Both ends' facts of a healthy pair, to be spoilt, and the view of them."""

    def __init__(self) -> None:
        self.a, self.b = healthy()
        for facts in (self.a, self.b):
            facts["survey"] = survey()
            facts["leases"] = leases(free=90, backup=90)
            facts["service"] = {
                "name": "isc-dhcp-server",
                "manager": "systemd",
                "active": True,
                "failed": False,
                "refuses": None,
            }
            facts["omapi"] = {
                "configured": True,
                "answers": True,
                "authenticated": True,
                "error": None,
                "hint": None,
                "port": 7911,
            }
            facts["relationships"]["foo"].update(port=647, auto_partner_down=0)
        self.offsets = {A: 0.0, B: 0.0}
        self.errors: dict[str, str] = {}
        self.without_modules: set[str] = set()
        self.locks: dict[str, str] = {}
        self.holds: dict[str, Any] = {}

    def pool(self, server: str) -> dict[str, Any]:
        """Return the counts of a server's only pool."""
        found: dict[str, Any] = self.of(server)["leases"]["relationships"]["foo"][0]
        return found

    def end(self, server: str) -> dict[str, Any]:
        """Return what a server says of the relationship."""
        found: dict[str, Any] = self.of(server)["relationships"]["foo"]
        return found

    def of(self, server: str) -> dict[str, Any]:
        """Return a server's facts."""
        return self.a if server == A else self.b

    def states(self, a: tuple[str, str], b: tuple[str, str], since: float = NOW - 5) -> Views:
        """Set own and partner's state of both ends."""
        for server, (state, partner) in ((A, a), (B, b)):
            self.end(server).update(state=state, partner_state=partner, since=since)
            serving = ("normal", "communications-interrupted", "partner-down")
            self.end(server)["serves"] = state in serving
        return self

    def unconnected(self) -> Views:
        """Take the failover connection away."""
        self.end(A)["connected"] = self.end(B)["connected"] = False
        return self

    def down(self, server: str) -> Views:
        """End a server's dhcpd; its partner has noticed."""
        facts = self.of(server)
        facts["process"] = shaped(ProcessFacts)
        self.end(server).update(
            state=None, partner_state=None, source=None, serves=None, connected=None
        )
        other = B if server == A else A
        self.end(other).update(
            state="communications-interrupted",
            partner_state="normal",
            connected=False,
            since=NOW - 60,
        )
        return self

    @property
    def view(self) -> PairView:
        """The view of it all."""
        answers: dict[str, dict[str, Any]] = {}
        for server, facts in ((A, self.a), (B, self.b)):
            if server in self.errors:
                code = NO_MODULE if server in self.without_modules else None
                answers[server] = {"error": self.errors[server], "code": code}
            else:
                answers[server] = {"facts": facts, "offset": self.offsets[server], "asked": NOW}
        return PairView(FOO, answers, self.locks, self.holds)


def knowledge(newest: float = NOW - 30, active: int = 100, **more: Any) -> dict[str, Any]:
    """Return what a lease file knows; what both ends have to know is 100 leases, until 30 s ago."""
    found = {"newest": newest, "known": NOW - 30, "active": active, "shared": 100, "ranges": "r"}
    return {"foo": {**found, **more}}
