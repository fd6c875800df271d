"""
Stopping dhcpd so that it stays down, as the master does it: ordered once, a lost answer settled.

:class:`StopRun` is a :class:`~iscdhcp.run.restart.PairRun` whose act leaves a server down; the
reboot of hosts (:mod:`iscdhcp.run.reboot`) and the runner's ``stop`` and ``shutdown``
(:mod:`iscdhcp.run.one_server`) are such runs.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..answers import Answer
from ..answers import Look
from ..shapes import ProcessFacts
from ..shapes import ServerFacts
from . import restart
from .base import Step
from .orders import Interrupted
from .restart import PairRun
from .restart import is_open
from .restart import why_open
from .steering import step

#: Seconds that stopping dhcpd may take: updates settle, the partner takes over, dhcpd ends.
STOP_SECONDS = 90.0
#: Seconds between two looks at a server whose answer was lost.
LOOK_INTERVAL = 1.0


class Abandoned(Interrupted):
    """A person has ended the run while a server may be down; the message is the whole story."""

    def __str__(self) -> str:
        return str(self.args[0])


class StopRun(PairRun):
    """A run that stops dhcpd and leaves it down."""

    done = "stopped"

    @step("stop")
    def take_down(self, position: int) -> Step:
        """Stop dhcpd of the server at ``position``, once nothing stands against it."""
        return self._once_fit(position, self._stop_now)

    def _stop_now(
        self, server: str, facts: ServerFacts, answers: Mapping[str, Look]
    ) -> Step | None:
        """Stop dhcpd; ``None`` where the minion's guard refused only for what passes."""
        raise NotImplementedError

    def _would_stop(self, server: str) -> Step:
        would = self._would_restart(server)
        if would.result is None:
            partners = ", ".join(self._partners(server)) or "nobody"
            would.comment = (
                f"dhcpd on {server} would be stopped by {self.request.method}; {partners} would "
                "serve alone until it is back."
            )
            would.changes = {}
        return would

    def _order_stop(self, server: str, facts: ServerFacts, answers: Mapping[str, Look]) -> Answer:
        """
        Have dhcpd on ``server`` stopped, this very process and no other.

        facts, answers
            What was just seen of it, and of the whole group.

        Returns its answer, ``unknown`` where nobody can be asked what became of the order.
        """
        before = facts["process"]
        self.say(f"Stopping dhcpd on {server} by {self.request.method}.")
        with self.steering.act():
            answer = self.minions.act(
                server,
                "dhcpd.stop",
                STOP_SECONDS,
                method=self.request.method,
                force=sorted(self.request.force),
                evidence=self._evidence(server, answers),
                run=self.run,
                identity=before["identity"],
            )
            if is_open(answer):
                answer = self._settle_stop(server, before, why_open(answer))
        return answer

    def _settle_stop(self, server: str, before: ProcessFacts, lost: str) -> Answer:
        """Find out what became of an order to stop whose answer was lost: the process tells."""
        self.say(f"What became of the order to {server} is open ({lost}): asking for its process.")
        deadline = self.clock.monotonic() + STOP_SECONDS + restart.LOST_CONTACT
        seen = "it never answered"
        while self.clock.monotonic() < deadline:
            answer = self.minions.status([server], brief=True).get(server, {})
            facts = answer.get("facts")
            if facts and not facts["acting"]:
                process = facts["process"]
                if not process["running"]:
                    return {
                        "result": True,
                        "comment": f"dhcpd on {server} stopped; the minion's answer was lost.",
                    }
                if process["identity"] != before["identity"]:
                    return {
                        "result": False,
                        "comment": f"dhcpd on {server} runs again (pid {process['pid']}): "
                        "somebody, or its service manager, has started it",
                    }
                if any(end["state"] == "shutdown" for end in facts["relationships"].values()):
                    # It handed over, and the call that was to end it has died.
                    resumed = self.minions.act(
                        server, "dhcpd.resume", restart.LOST_CONTACT, run=self.run
                    )
                    return {
                        "result": False,
                        "comment": f"dhcpd on {server} was not stopped: the call that was to do "
                        f"it died; {resumed.get('comment') or resumed.get('lost')}",
                    }
                comment = f"the order never reached {server}: its dhcpd runs"
                return {"result": False, "comment": comment, "refused": True}
            seen = answer.get("error") or "the minion is still busy"
            self._sleep(LOOK_INTERVAL)
        return {
            "result": False,
            "unknown": True,
            "comment": f"Whether dhcpd on {server} was stopped is unknown, as it can't be asked: "
            f"{seen}.",
        }
