"""
One act on one server, ordered by a person at the master: ``stop``, ``shutdown`` or ``start``.

:class:`OneServer` locks, claims and asks as the restart of a pair does
(:mod:`iscdhcp.run.restart`), so that no partner is stopped at the same moment. It has no record: an
unfinished restart of the pair stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..answers import Look
from ..errors import IscDhcpError
from ..rules import lease_age
from ..rules import methods
from ..shapes import ServerFacts
from ..words import full_stop
from .base import Request
from .base import Step
from .orders import Interrupted
from .restart import restart_patience
from .restart import things_to_do
from .steering import step
from .stopping import Abandoned
from .stopping import StopRun


@dataclass
class OneServerRequest(Request):
    """What is to be done to the server ``only``: ``stop`` or ``start``."""

    act: str = "stop"

    def __post_init__(self) -> None:
        if not self.only:
            raise IscDhcpError("Say which server: server=MINION_ID.")
        methods.check_method(self.method, methods.FOR_GOOD, " for a server that stays down")


class OneServer(StopRun):
    """
    One act on one server (:attr:`server`).

    Arguments as of :class:`~iscdhcp.run.restart.PairRun`.
    """

    request: OneServerRequest
    #: It has no record, and goes on with none.
    kind = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        (self.server,) = self.servers
        self.over = "started" if self.request.act == "start" else "stopped"

    @property
    def deed(self) -> str:
        """What is done, in words."""
        return f"{self.request.act.capitalize()} of {self.server}"

    def _left(self, acted_on: str | None = None) -> str:
        return ""

    def restarted(self, server: str, facts: ServerFacts | None) -> bool:
        """Never: another process is stopped like the one that ran at first."""
        return False

    def act(self, test: bool = False) -> Step:
        """Do what was asked for, unless it is so already."""
        with self._told():
            done = self.start(test=test) if self.request.act == "start" else self.stop(test=test)
        return done if test else self.concluded(done)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Have an interruption say what is known: a stop or start is not undone."""
        try:
            yield
        except Interrupted as err:
            text = f"Interrupted ({err.args[0] if err.args else 'stopped'}): "
            if self.steering.left_behind:
                text += (
                    f"whether dhcpd on {self.server} was {self.over} is unknown; salt-run "
                    f"dhcp_failover.status {self.server} tells, and dhcp_failover.start "
                    f"server={self.server} starts it."
                )
            else:
                text += f"dhcpd on {self.server} was not {self.over}."
            raise Abandoned(text) from None

    # -- stop ----------------------------------------------------------------------------------

    def stop(self, test: bool = False) -> Step:
        """Stop dhcpd and leave it down, with the partners asked and claimed."""
        me = self.server
        seen = self.minions.status([me], brief=True).get(me, {}).get("facts")
        if seen and seen["process"]["absent"] and not seen["acting"]:
            return Step(True, f"dhcpd on {me} does not run: there is nothing to stop.")
        checked = self.preflight(test=test)
        if checked.result is False:
            return checked
        done = self._would_stop(me) if test else self.take_down(0)
        done.warnings = [*checked.warnings, *done.warnings]
        return done

    def _stop_now(
        self, server: str, facts: ServerFacts, answers: Mapping[str, Look]
    ) -> Step | None:
        """Stop dhcpd; ``None`` where the minion's guard refused for what passes."""
        answer = self._order_stop(server, facts, answers)
        if not answer.get("result"):
            if self.passes(server, answer):
                return None
            comment = answer.get("comment") or f"{server} did not say why dhcpd was not stopped"
            comment = full_stop(str(comment)) + self.left_whole(server, answer)
            return Step(False, comment, do=things_to_do(answer))
        return self._done(str(answer["comment"]), facts["process"], None)

    # -- start ---------------------------------------------------------------------------------

    @step("start")
    def start(self, test: bool = False) -> Step:
        """Start dhcpd, if it does not run; the partners need not answer."""
        me = self.server
        if test:
            answers = self.minions.inspect(list(self.group))
        else:
            self.claimed = True
            answers = self.minions.claim(list(self.group), self._claim(), facts=True)
        refused = [one["refused"] for _, one in sorted(answers.items()) if one.get("refused")]
        if refused:
            return Step(False, f"{self.pair}: {'; '.join(refused)}. Nothing was done.")
        facts = answers.get(me, {}).get("facts")
        if facts is None:
            why = answers.get(me, {}).get("error")
            return Step(
                False,
                f"No usable answer from {me} ({why}). Nothing was done. Bring the minion back "
                f"(salt {me} test.ping) and run this again.",
            )
        process = facts["process"]
        if process["running"]:
            return Step(True, f"dhcpd on {me} runs already (pid {process['pid']}).")
        old = self._old_file(facts, answers)
        if old:
            return Step(False, f"dhcpd on {me} was not started: {old}. Nothing was done.")
        if test:
            return Step(None, f"dhcpd on {me} would be started.")
        patience = restart_patience(facts)
        self.say(f"Starting dhcpd on {me}.")
        with self.steering.act():
            answer = self.minions.act(
                me,
                "dhcpd.start",
                patience + 30.0,
                timeout=patience,
                force=sorted(self.request.force),
                run=self.run,
            )
            if "lost" in answer:
                answer = self._settle(me, {}, str(answer["lost"]), patience)
        if not answer.get("result"):
            return Step(False, full_stop(str(answer.get("comment") or f"{me} did not say why")))
        return self._done(str(answer["comment"]), None, answer.get("new") or {})

    def _old_file(self, facts: ServerFacts, answers: Mapping[str, Look]) -> str:
        """Say that the lease file is older than what a partner knows, and what to do."""
        if "lease-age" in self.request.force:
            return ""
        for name, theirs in self._partner_facts(facts, answers).items():
            reason = lease_age.of_facts(facts, theirs, name) if theirs else None
            if reason:
                return f"{reason.text} ({reason.do})"
        return ""

    def _done(
        self, comment: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
    ) -> Step:
        """Note what was done; for the run it is what a restart is to others."""
        identity = (new or old or {}).get("identity")
        self._entry(self.server).update(identity=identity, now=identity)
        self.say(comment)
        pids = {"old": old and {"pid": old.get("pid")}, "new": new and {"pid": new.get("pid")}}
        return Step(True, comment, {self.server: pids})
