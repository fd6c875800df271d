"""
A partner that serves alone, watched while its server is down for maintenance.

If it stops serving, nobody does: then the server's own dhcpd is started at once. What can't be
helped: a host that is rebooting; fifteen seconds of startup without a partner (server/failover.c,
dhcp_failover_startup_timeout); and after a hand-over the server wants its partner's leases first.
Measured (dhcpd 4.4.3-P1): with its partner gone such a server answers nobody, not even once
``partner-down`` is set over OMAPI, because it still knows its partner in that state. It serves as
soon as its partner is back.

A partner whose host is gone says nothing of itself. So the server's own host asks it for a sign of
life too, as long as its minion answers; silence counts where the partner has answered it before.
It is enough to start dhcpd here, which does no harm to one that serves, and proves no death.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..answers import Look
from ..pair.discovery import Discovery
from ..pair.discovery import Pair
from ..rules import proof
from ..rules.wording import states_at
from ..shapes import EndFacts
from ..shapes import ServerFacts
from ..troubles.catalogue import says
from . import life

#: Seconds between two looks at a partner that serves alone.
WATCH_INTERVAL = 5.0
#: Looks in a row that have to find it so.
LOOKS_IN_A_ROW = 2


class Alone:
    """
    The watch over the partners of one server that is down.

    Feed it what is seen of them (:meth:`look`).
    """

    def __init__(self, discovery: Discovery, server: str) -> None:
        self._pairs = discovery.of_server(server)
        self._server = server
        self._bad = 0
        self._due = float("-inf")

    def due(self, now: float) -> bool:
        """Whether a look is due; ``now`` by a clock that is never set."""
        if now < self._due:
            return False
        self._due = now + (WATCH_INTERVAL if not self._bad else 1.0)
        return True

    def look(self, answers: Mapping[str, Look]) -> str | None:
        """
        Return that a partner does not serve, as a sentence, once it was seen so twice in a row.

        A partner whose minion gives no answer may serve very well: not seen is not down.
        """
        found = stopped(self._pairs_of(answers)) or self._mute(answers)
        self._bad = self._bad + 1 if found else 0
        return found if self._bad >= LOOKS_IN_A_ROW else None

    def _mute(self, answers: Mapping[str, Look]) -> str | None:
        """Return which partner gives this server no sign of life, and is not seen to serve."""
        mine = answers.get(self._server, {})
        facts = mine.get("facts")
        now = facts["time"] if facts else 0.0
        for pair in self._pairs:
            partner = self._partner(pair)
            theirs, end = _end(answers.get(partner, {}), pair.name), _end(mine, pair.name)
            alive = end["alive"] if end else None
            if theirs is not None and theirs["serves"]:
                continue
            if alive is not None and proof.is_mute(alive, now):
                return life.silence(self._server, partner, alive, mine.get("offset", 0.0))
        return None

    def _partner(self, pair: Pair) -> str:
        return pair.primary if pair.secondary == self._server else pair.secondary

    def _pairs_of(self, answers: Mapping[str, Look]) -> dict[str, tuple[str, ServerFacts]]:
        seen = {}
        for pair in self._pairs:
            partner = self._partner(pair)
            facts = answers.get(partner, {}).get("facts")
            if facts is not None:
                seen[pair.name] = partner, facts
        return seen


def _end(answer: Look, name: str) -> EndFacts | None:
    facts = answer.get("facts")
    return facts["relationships"].get(name) if facts else None


def stopped(partners: Mapping[str, tuple[str, ServerFacts]]) -> str | None:
    """
    Return which partner does not serve, and why, as a sentence without its full stop.

    partners
        By relationship, who it is and its facts.
    """
    for name, (partner, facts) in sorted(partners.items()):
        process, end = facts["process"], facts["relationships"].get(name)
        if process["absent"]:
            return says("down", server=partner)
        if process["stopped"]:
            return says("halted", server=partner, pid=process["pid"])
        if process["running"] and end is not None and end["serves"] is False:
            return says("partner-not-serving", partner=partner, why=states_at(partner, end))
    return None
