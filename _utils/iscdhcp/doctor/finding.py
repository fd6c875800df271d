"""
What doctor finds: the form of a finding, and how the facts and the log of both ends are asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..pair.view import PairView
from ..shapes import Move
from ..shapes import ToldLine
from ..troubles.catalogue import says
from ..troubles.catalogue import what_to_do

#: Kinds of findings: it is the trouble, it heals by itself, it will be trouble, good to know.
CAUSE, WAIT, RISK, NOTE, HARMLESS = "cause", "wait", "risk", "note", "harmless"

#: Lines about a connection that are older (seconds) than this say nothing of now.
LATELY = 120.0


@dataclass(frozen=True)
class Finding:
    """
    One finding.

    code
        A code of :data:`iscdhcp.troubles.catalogue.CATALOGUE`, or of a harmless line of the log.
    kind
        :data:`CAUSE` and so on.
    text, next
        The cause in one sentence, and the next safe step.
    server
        Which server it is about, if one.
    rank
        The likelier (graver) ones are greater.
    """

    code: str
    kind: str
    text: str
    next: str | None = None
    server: str | None = None
    rank: int = 0

    @classmethod
    def of(
        cls,
        code: str,
        kind: str,
        rank: int,
        server: str | None = None,
        more: str = "",
        step: str | None = None,
        case: Mapping[str, object] | None = None,
        **fields: object,
    ) -> Finding:
        """
        Return a finding in the catalogue's words.

        more
            The end of the sentence.
        step
            The next step where this case has a better one than the catalogue.
        case, fields
            What the catalogue's sentences name besides ``server``.
        """
        fields.update(case or {})
        step = step or what_to_do(code, server=server, **fields)
        text = says(code, server=server, **fields) + more
        return cls(code, kind, text, step, server, rank)

    def as_dict(self) -> dict[str, Any]:
        """Return it as a plain dict (``code``, ``kind``, ``text``, ``next``, ``server``)."""
        return {
            "code": self.code,
            "kind": self.kind,
            "text": self.text,
            "next": self.next,
            "server": self.server,
        }


def events_of(view: PairView, server: str, *kinds: str) -> list[ToldLine]:
    """Return what a server's log told of some kinds, of this relationship or of none, in order."""
    return [
        entry
        for entry in view.log(server)["told"]
        if entry["kind"] in kinds and entry["relationship"] in (None, view.name)
    ]


def of_process(view: PairView, server: str, entries: list[ToldLine]) -> list[ToldLine]:
    """Return those of ``entries`` that the running dhcpd has logged."""
    pid = view.seen(server)["process"]["pid"]
    return [entry for entry in entries if pid and entry["pid"] in (None, pid)]


def recently(view: PairView, server: str, entries: list[ToldLine]) -> list[ToldLine]:
    """Return those of ``entries`` that are not older than :data:`LATELY`."""
    now = clock_of(view, server)
    return [entry for entry in entries if now - float(entry["last"]) < LATELY]


def clock_of(view: PairView, server: str) -> float:
    """Return a server's own clock when it was looked at, epoch seconds."""
    return view.seen(server)["time"]


def moves_of(view: PairView, server: str, kind: str = "my-move") -> list[Move]:
    """Return a server's last moves between states of this relationship, in order."""
    return [
        move
        for move in view.log(server)["moves"]
        if move["relationship"] == view.name and move["kind"] == kind
    ]


def age_of(view: PairView, server: str) -> float:
    """For how many seconds a server has been in its state."""
    since = view.end(server)["since"]
    return max(0.0, clock_of(view, server) - float(since)) if since else 0.0


def linked(view: PairView) -> bool | None:
    """Whether the kernel of either server has the failover connection."""
    seen = [view.end(server)["connected"] for server in view.servers]
    return True if True in seen else False if False in seen else None


def without(view: PairView, server: str) -> str:
    """Say what clients have while a server is down or answers nobody."""
    partner = view.partner(server)
    if view.error(partner):
        return f"whether {partner} serves is not known"
    if view.end(partner)["serves"]:
        counts = view.counts(partner)
        free = f", with {counts['own']} free addresses of its own" if counts else ""
        return f"{partner} serves{free}"
    return "nobody serves clients with dynamic addresses"
