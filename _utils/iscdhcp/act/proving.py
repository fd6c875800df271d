"""
The last proof before dhcpd is silenced: the partner answers a client's question, right then.

Everything else that is seen of a partner may be old: one that is halted, or whose host has lost its
power, reads normal for up to ``max-response-delay``. The window that remains is the time from its
answer to the signal: under a millisecond where ping-check is off or the address was pinged within
the last minute, and never more than :data:`STILL_PROVED`.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping

from ..conf.views import Relationship
from ..errors import CalledOff
from ..errors import IscDhcpError
from ..facts import asking
from ..facts import lease_counts
from ..facts.server import Server
from ..facts.server import omapi_key
from ..rules import may_stop
from ..rules import proof
from ..rules.verdict import overridden
from ..shapes import Asked
from ..shapes import Evidence
from ..troubles.catalogue import is_forced
from .here import Here

#: Seconds for which an answer holds until the signal; after that the partner is asked once more.
STILL_PROVED = 0.3
#: Seconds for the answer to that, with dhcpd here halted (a second of ping-check, and a half).
ONCE_MORE = 1.5
#: Seconds that the master's look may be old where the partner can't be asked.
UNPROVED_MAX_AGE = 5.0
#: Seconds for the partner's OMAPI.
OMAPI_SECONDS = 1.0
_NORMAL = ("normal", "normal")


class Proof:
    """
    What partners answer before one act on this server.

    server
        This server's readings.
    codes
        What is forced.
    evidence
        What the master saw of the partners; ``None``: a person acts.
    """

    def __init__(
        self,
        here: Here,
        server: Server,
        codes: Collection[str],
        evidence: Mapping[str, Evidence] | None,
    ) -> None:
        self._here, self._server, self._evidence = here, server, evidence
        self._codes = frozenset(codes)
        # Silence and what can't be asked have a word each: only an answer tells which it is.
        self._wanted = not {"partner", "relationship"} & self._codes
        self._relationships = server.configuration.relationships if server.configuration else ()
        #: When the partner of each relationship answered, on the monotonic clock.
        self._answered: dict[str, float] = {}
        #: What could not be proved, as sentences for the act's answer.
        self.warnings: list[str] = []

    def look(self) -> None:
        """Ask each partner, while dhcpd here still answers; :class:`CalledOff` calls it off."""
        if not self._wanted:
            return
        for one in self._relationships:
            self._judge(one, self._ask(one, asking.ANSWER_SECONDS))

    def look_for_silence(self) -> None:
        """The same for an act that is to end a bad state: only silence calls it off."""
        for one in self._relationships if self._wanted else ():
            asked = self._ask(one, asking.ANSWER_SECONDS)
            if proof.is_silent(asked):
                self._judge(one, asked)

    def look_again(self) -> None:
        """Ask once more whoever has answered too long ago: the very last look."""
        now = self._here.host.clock.monotonic()
        for one in self._relationships:
            answered = self._answered.get(one.name)
            if answered is not None and now - answered > STILL_PROVED:
                self._judge(one, self._ask(one, ONCE_MORE))

    def _ask(self, one: Relationship, seconds: float) -> Asked:
        folder = self._here.notes.folder
        leases = lease_counts.kept(folder, self._server.lease_file)
        earlier = asking.kept(folder)
        asked = asking.ask(self._server, one, leases, earlier.get(one.name), seconds, True)
        asking.keep(folder, {**earlier, one.name: asked})
        return asked

    def _judge(self, one: Relationship, asked: Asked) -> None:
        if asked["offered"]:
            self._answered[one.name] = self._here.host.clock.monotonic()
            return
        seen = self._evidence.get(one.name) if self._evidence is not None else None
        partner = (seen and seen["minion"]) or asked["address"] or "the partner"
        by_run = self._evidence is not None
        told = proof.of_answer(asked, one.name, self._here.id, partner, by_run)
        for reason in overridden(told, self._codes):
            if reason.blocks:
                raise CalledOff(reason.text, reason.code)
            self.warnings.append(reason.text)
        if not asked["off"] and not any(is_forced(reason.code, self._codes) for reason in told):
            self._by_its_omapi(one, seen)

    def _by_its_omapi(self, one: Relationship, seen: Evidence | None) -> None:
        """
        Ask the partner's own OMAPI instead, or want the master's look to be very recent.

        The two share their key as a rule. An answer shows that its process is not halted.
        """
        omapi = self._server.configuration.omapi if self._server.configuration else None
        if omapi is not None and omapi.port not in (one.port, one.peer_port):
            try:
                with self._here.host.omapi(
                    one.peer_address, omapi.port, omapi_key(self._server), OMAPI_SECONDS
                ) as client:
                    state = client.failover_state(one.name)
            except IscDhcpError:
                pass  # another key, or a firewall: it proves nothing
            else:
                if (state["state"], state["partner_state"]) == _NORMAL:
                    return
        if seen is not None:
            now = self._here.host.clock.time()
            for reason in may_stop.too_old(one.name, seen, now, UNPROVED_MAX_AGE):
                raise CalledOff(reason.text, reason.code)


def learn_to_ask(here: Here, server: Server) -> None:
    """
    Ask partners for a sign of life, for a run that watches them while dhcpd here is down.

    Silence counts where one has been given before, and whoever dies right after the stop gives
    none.
    """
    names = [one.name for one in server.configuration.relationships] if server.configuration else []
    asking.ask_for_life(server, here.notes.folder, names)
