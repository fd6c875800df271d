"""
Signs of life that servers ask of their partners in a run's waits, and what the journal says of it.

What is seen of a partner may be old, and nothing of it where its minion is silent too. So a wait's
own questions carry one more now and then, which the minion puts to its partner as a client does: a
DHCPINFORM (:func:`iscdhcp.facts.asking.ask_for_life`), which a dhcpd answers in any state. A run
asks nobody for it besides: a restart that takes its usual time has none.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..answers import Look
from ..clock import Clock
from ..pair.discovery import Discovery
from ..rules import proof
from ..shapes import Alive
from ..words import clock
from ..words import count
from ..words import span
from .journal import Journal

#: Seconds between two questions of one server to a partner in a wait, and where the last one was
#: not answered. One that is down, so that its partner serves alone, asks at each look.
LONG, SHORT = 10.0, 0.9
#: By how many seconds each minion's clock is ahead of the master's.
Offsets = Mapping[str, float]


@dataclass
class _Asked:
    """What one server has asked of its partner in one relationship."""

    partner: str
    #: By the run's clock that is never set: when it was asked last.
    due: float
    #: When the last question was, by the minion's clock, and what came of it.
    last: float | None = None
    state: str | None = None
    mute: bool = False
    questions: int = 0
    answers: int = 0
    #: Its last answer, by the minion's clock, and the longest time without one although asked.
    before: float | None = None
    longest: float = 0.0


class SignsOfLife:
    """
    Which partners are asked in a wait, and what they answered.

    discovery
        Who is whose partner.
    journal, say
        Where it is noted; and who is told of silence, and of its end.
    """

    def __init__(
        self, discovery: Discovery, journal: Journal, say: Callable[[str], None], clock: Clock
    ) -> None:
        self._discovery, self._journal, self._say = discovery, journal, say
        self._clock = clock
        self._asked: dict[tuple[str, str], _Asked] = {}
        #: The last question for an address that was seen.
        self._offers: dict[tuple[str, str], float | None] = {}

    def wanted(self, minions: Iterable[str], down: Iterable[str]) -> dict[str, list[str]]:
        """
        Return who of the minions that are asked anyway is to ask its partner, by relationship.

        down
            Servers whose dhcpd was last seen to be down: nobody asks them.
        """
        down, now, found = set(down), self._clock.monotonic(), dict[str, list[str]]()
        for server in minions:
            for pair in self._discovery.of_server(server):
                partner = pair.primary if pair.secondary == server else pair.secondary
                asked = self._asked.setdefault((server, pair.name), _Asked(partner, now))
                early = now - asked.due < (SHORT if asked.mute else LONG)
                if partner in down or (early and server not in down):
                    continue
                asked.due = now
                found.setdefault(pair.name, []).append(server)
        return found

    def note(self, answers: Mapping[str, Look], offsets: Offsets) -> None:
        """Note what partners have answered; an address that was offered is a sign of life too."""
        for server, answer in sorted(answers.items()):
            facts = answer.get("facts")
            for name, end in sorted(facts["relationships"].items()) if facts else ():
                asked = self._asked.get((server, name))
                offered = end["asked"] and end["asked"]["asked"]
                if asked is not None and self._offers.get((server, name)) != offered:
                    asked.due = self._clock.monotonic()
                self._offers[server, name] = offered
                alive = end["alive"]
                if asked is None or facts is None or alive is None or asked.last == alive["asked"]:
                    continue
                if abs(facts["time"] - alive["asked"]) <= proof.RECENT:
                    self._came(server, name, asked, alive, offsets.get(server, 0.0))

    def _came(self, server: str, name: str, asked: _Asked, alive: Alive, offset: float) -> None:
        missed, before = asked.mute, asked.before or alive["before"]
        asked.last, asked.mute = alive["asked"], proof.is_mute(alive, alive["asked"])
        if alive["answered"] is None:
            return
        asked.questions += 1
        asked.answers += alive["answered"]
        at, partner = alive["asked"] - offset, asked.partner
        if before is not None and (missed or asked.mute):
            asked.longest = max(asked.longest, alive["asked"] - before)
        if alive["answered"]:
            asked.before = alive["asked"]
            if asked.state == "silent":
                gap = span(alive["asked"] - (before or alive["asked"]))
                text = f"{partner} answers {server} again, after {gap} without a sign of life."
                self._turn(server, name, asked, "answers", at, text, tell=True)
            elif asked.state != "answers":
                text = f"{partner} lives: it answers a DHCPINFORM of {server}."
                self._turn(server, name, asked, "answers", at, text)
        elif before is None and asked.state is None:
            text = (
                f"{partner} has never answered a DHCPINFORM of {server} (not authoritative, or "
                "out of reach): that says nothing."
            )
            self._turn(server, name, asked, "never", at, text)
        elif missed and asked.mute and asked.state != "silent":
            # One question may get lost.
            text = f"{silence(server, partner, alive, offset)}."
            since = (alive["silent"] or alive["asked"]) - offset
            self._turn(server, name, asked, "silent", since, text, tell=True)

    def _turn(
        self,
        server: str,
        name: str,
        asked: _Asked,
        state: str,
        since: float,
        text: str,
        tell: bool = False,
    ) -> None:
        asked.state = state
        self._write(server, name, asked, state, since=round(since, 3), text=text, told=tell)
        if tell:
            self._say(text)

    def close(self, offsets: Offsets) -> None:
        """Note how often partners were asked in all, and have answered."""
        for (server, name), asked in sorted(self._asked.items()):
            if asked.last is None or asked.state in (None, "never"):
                continue
            text = (
                f"{server} asked {asked.partner} {times(asked.questions)} whether it lives: "
                f"{count(asked.answers, 'answer')}"
            )
            if asked.longest:
                text += f", the longest silence {span(asked.longest)}"
            until = round(asked.last - offsets.get(server, 0.0), 3)
            self._write(server, name, asked, "end", until=until, text=f"{text}.")
        self._asked.clear()

    def _write(self, server: str, name: str, asked: _Asked, state: str, **more: Any) -> None:
        self._journal.write(
            "alive",
            server=server,
            partner=asked.partner,
            relationship=name,
            state=state,
            questions=asked.questions,
            answers=asked.answers,
            longest=round(asked.longest, 3),
            **more,
        )


def times(number: int) -> str:
    """Return how often (``once``, ``12 times``)."""
    return "once" if number == 1 else f"{number} times"


def silence(server: str, partner: str, alive: Alive, offset: float) -> str:
    """
    Return since when a partner is silent, as a sentence without its full stop.

    server, offset
        Who has asked it, and by how many seconds its clock is ahead of ours.
    """
    since, before = alive["silent"] or alive["asked"], alive["before"] or 0.0
    return (
        f"{partner} has given {server} no sign of life since {clock(since - offset)} UTC (it "
        f"answered a DHCPINFORM last at {clock(before - offset)})"
    )
