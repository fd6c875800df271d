"""
Maintenance of both hosts of a pair, one after the other: a reboot, or what the user names.

:class:`PairReboot` is a :class:`~iscdhcp.run.stopping.StopRun` whose act is longer: dhcpd is
stopped and stays down (its partner takes everything over), the host is rebooted or a command or SLS
is run on it, the host comes back, dhcpd serves again. Between these steps the record says where the
run is, so that the same command goes on from there, no matter who died.

============== ===================================================================================
phase          what is true of the server
============== ===================================================================================
(none)         not touched, or everything undone
``stopping``   dhcpd was told to end; its process tells whether it did
``down``       dhcpd has ended, nothing else was done
``running``    the command or SLS was published as ``job``
``rebooting``  the reboot was ordered
``done``       the maintenance is over, dhcpd may be down still
``up``         dhcpd serves again
============== ===================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import words
from ..answers import Look
from ..errors import IscDhcpError
from ..rules import forecast
from ..rules import methods
from ..rules.verdict import Reason
from ..rules.verdict import Verdict
from ..shapes import EndFacts
from ..shapes import ServerFacts
from ..words import full_stop
from . import restart
from .alone import LOOKS_IN_A_ROW
from .alone import Alone
from .base import Planned
from .base import Request
from .base import Step
from .orders import Interrupted
from .restart import mark_of
from .restart import restart_patience
from .steering import step
from .stopping import Abandoned
from .stopping import StopRun

#: Seconds that the command may take, and that the host has to come back after its reboot.
HOST_SECONDS = 900.0
#: Seconds that dhcpd's own unit has, after a boot, before this starts dhcpd.
UNIT_SECONDS = 10.0
#: Seconds that a job has to be gone, and its answer missing, before the answer counts as lost.
GONE_SECONDS = 15.0
#: Behind another state run on the minion, in a process that waits: Salt's ``queue=True`` writes the
#: job to disk, where ``saltutil.find_job`` does not see it.
QUEUE = {"queue": 10}
#: Seconds between two looks at a host that is away or busy.
LOOK_INTERVAL = 1.0
#: Seconds after which a host that answers from the same boot is told to reboot again.
ORDER_INTERVAL = 60.0
#: Characters of a failed command's output that are shown.
OUTPUT_TAIL = 400
#: States in which a server serves without its partner.
ALONE = {"partner-down", "communications-interrupted"}


@dataclass
class RebootRequest(Request):
    """What is to be done to each host."""

    method: str = "handover"
    #: A command line for the host's shell.
    command: str | None = None
    #: An SLS for ``state.apply``.
    sls: str | None = None
    #: Whether the host is rebooted (after the command or SLS); ``None``: if there is neither.
    reboot: bool | None = None
    #: Seconds that the command may take, and that the host has to come back.
    host_timeout: float = HOST_SECONDS

    def __post_init__(self) -> None:
        if self.command and self.sls:
            raise IscDhcpError("Give command or sls, not both: an SLS can run commands (cmd.run).")
        methods.check_method(self.method, methods.MAINTENANCE)
        if self.reboot is None:
            self.reboot = not (self.command or self.sls)
        if not (self.command or self.sls or self.reboot):
            raise IscDhcpError("Nothing to do: give command or sls, or leave reboot out.")

    @property
    def task(self) -> str:
        """What is done to a host, in words: "`yum -y update`, then reboot"."""
        said = [f"`{self.command}`"] if self.command else []
        said += [f"SLS {self.sls}"] if self.sls else []
        said += ["reboot"] if self.reboot else []
        return ", then ".join(said)


class PairReboot(StopRun):
    """
    One run of maintenance over the hosts of a pair.

    Arguments as of :class:`iscdhcp.run.restart.PairRun`; the request is a :class:`RebootRequest`.
    """

    kind = "reboot"
    over = "maintained"
    request: RebootRequest

    # -- record ------------------------------------------------------------------------------

    @property
    def task(self) -> str:
        """What is done to each host, in words."""
        return self.request.task

    def _phase(self, server: str) -> str | None:
        phase = self._entry(server).get("phase")
        return str(phase) if phase else None

    def _enter(self, server: str, phase: str | None, **more: Any) -> None:
        """Note that ``server`` is in another phase, on disk."""
        self._entry(server).update(phase=phase, **more)
        self._save()

    def restarted(self, server: str, facts: ServerFacts | None) -> bool:
        """Whether this run has begun with ``server``: its being down is no news then."""
        return self._phase_by(server, facts) is not None

    def is_in_hand(self, server: str, facts: ServerFacts) -> bool:
        """Whether the run has begun with a server and not yet brought it back."""
        through = self._phase(server) == "up" and self._entry(server).get("normal")
        return self.restarted(server, facts) and not through

    def _phase_by(self, server: str, facts: ServerFacts | None) -> str | None:
        """Return the phase: whether what was told to end did so, the process tells."""
        phase = self._phase(server)
        if phase == "stopping" and facts is not None:
            return None if facts["process"]["running"] else "down"
        return phase

    def holds_back(self, order: str) -> str | None:
        """
        Orders wait until no server is down: who stands still does not look at its partner.

        A host that was told to reboot may be left: nothing here brings it back sooner, and dhcpd is
        started by its boot.
        """
        down = self._down()
        if order == "abort":
            down = [one for one in down if not self._is_left_to_its_host(one)]
        return f"once dhcpd on {words.joined(down)} serves again" if down else None

    def left_down(self) -> str:
        """Say which server is down, or may be."""
        down = self._down()
        if not down:
            return ""
        ends = " and ".join(f"salt-run dhcp_failover.bring_back server={one}" for one in down)
        return (
            f"dhcpd on {words.joined(down)} is down for the maintenance or may be, its partner "
            f"serves alone; {ends} ends that."
        )

    def _down(self) -> list[str]:
        """Return the servers that this run has told to stop and not brought back."""
        return [one for one in self.servers if self._phase(one) not in (None, "up")]

    def _is_left_to_its_host(self, server: str) -> bool:
        return self._phase(server) == "rebooting" and bool(self._entry(server).get("ordered"))

    def steps(self) -> list[Planned]:
        """Return the steps, in order; see :meth:`iscdhcp.run.restart.PairRun.steps`."""
        listed = [Planned("lock", self.lock), Planned("preflight", self.preflight)]
        for position, server in enumerate(self.servers):
            listed += [
                Planned(f"stop of {server}", partial(self.stop, position)),
                Planned(f"maintenance of {server}", partial(self.maintain, position)),
                Planned(f"start of {server}", partial(self.serve, position)),
                Planned(f"pair normal after {server}", partial(self.wait_normal, server)),
            ]
        return listed

    # -- steps -------------------------------------------------------------------------------

    @step("preflight")
    def preflight(self, test: bool = False) -> Step:
        """As for a restart; a host that this run left rebooting is waited for first."""
        for server in () if test else self.servers:
            if self._phase(server) == "rebooting" and self._boot_of(server) is None:
                with self._told(server):
                    there = self._await_host(server, any_boot=True)
                if not there.result:
                    return there
        return super().preflight(test=test)

    def stop(self, position: int, test: bool = False) -> Step:
        """
        Stop dhcpd of the server at ``position``, so that its partner serves alone.

        Guarded on that server in the same call; nothing where this run did so already.
        """
        server = self.servers[position]
        if test:
            return self._would_stop(server)
        if self._phase(server) == "stopping":
            facts = self.minions.status([server], brief=True).get(server, {}).get("facts")
            self._entry(server)["phase"] = self._phase_by(server, facts)
        if self._phase(server) not in (None, "stopping"):
            comment = f"{server} was stopped for this run already."
            self.say(comment)
            return Step(True, comment)
        with self._told(server):
            return self.take_down(position)

    def maintain(self, position: int, test: bool = False) -> Step:
        """
        Do what was asked for to the host at ``position``, and wait until it is back.

        Where that fails dhcpd is started again and the pair brought back to normal.
        """
        server = self.servers[position]
        if test:
            return Step(None, f"{self.request.task} would be run on {server}.")
        if self._phase(server) in ("done", "up"):
            comment = f"{server}: done for this run already ({self.record.get('task')})."
            self.say(comment)
            return Step(True, comment)
        with self._told(server):
            return self._maintain(server)

    def serve(self, position: int, test: bool = False) -> Step:
        """Have dhcpd of the server at ``position`` serve again: by its own unit, or started."""
        server = self.servers[position]
        if test:
            return Step(None, f"dhcpd on {server} would be started, unless its boot does that.")
        if self._phase(server) == "up" and self._entry(server).get("normal"):
            return Step(True, f"dhcpd on {server} has served again for this run already.")
        with self._told(server):
            return self._serve_again(server)

    @step("wait_normal")
    def wait_normal(self, server: str | None = None, test: bool = False) -> Step:
        """As for a restart; a next server that this run has down already is not waited for."""
        server = server or self.servers[0]
        ahead = [] if test or not self._entry(server).get("normal") else self._ahead_of(server)
        if ahead:
            down = words.joined(ahead)
            comment = f"{server} was normal for this run already; it has gone on with {down}."
            self.say(comment)
            return Step(True, comment)
        return super().wait_normal(server, test=test)

    def _ahead_of(self, server: str) -> list[str]:
        """Return the servers after this one that the run has begun with and not brought back."""
        rest = list(self.servers[self.servers.index(server) + 1 :])
        answers = self.minions.status(rest, brief=True) if rest else {}
        seen = {one: answers.get(one, {}).get("facts") for one in rest}
        return [one for one in rest if self._phase_by(one, seen[one]) not in (None, "up")]

    def _judge(self, server: str, answers: Mapping[str, Look]) -> Verdict:
        """As for a restart; and say whether the partner's free leases last for the whole time."""
        verdict = super()._judge(server, answers)
        facts = answers.get(server, {}).get("facts")
        if facts is None:
            return verdict
        reasons = list(verdict.reasons)
        seconds = self.request.host_timeout
        for name, partner in self._partner_facts(facts, answers).items():
            mine = forecast.of_relationship(facts, name)
            theirs = forecast.of_relationship(partner, name) if partner else None
            if mine is None or theirs is None:
                continue
            mclt = forecast.mclt_of(facts["relationships"][name])
            whole = mclt if self.request.method == "handover" else math.inf
            for short in forecast.shortages(mine, theirs, seconds, whole):
                if short["need"] > short["have"]:
                    reasons.append(
                        Reason.of(
                            "free-leases-later",
                            name,
                            partner=partner and partner["minion"],
                            have=short["have"],
                            network=short["network"],
                            need=short["need"],
                            seconds=seconds,
                        )
                    )
        return Verdict(verdict.outcome, tuple(reasons), verdict.until)

    # -- stopping ----------------------------------------------------------------------------

    def _stop_now(
        self, server: str, facts: ServerFacts, answers: Mapping[str, Look]
    ) -> Step | None:
        """Stop dhcpd; ``None`` where the minion's guard refused only because it is busy."""
        if not facts["boot"]:
            text = f"The modules on {server} are older than those here: salt {server} "
            return Step(False, f"{text}saltutil.sync_all. {server} was not touched.")
        before = facts["process"]
        first = self._ordered(server)
        self._enter(
            server,
            "stopping",
            identity=before["identity"],
            pid=before["pid"],
            boot=facts["boot"],
        )
        answer = self._order_stop(server, facts, answers)
        if not answer.get("result"):
            if answer.get("unknown"):
                return self._failure(answer["comment"], server)
            self._enter(server, None)
            if answer.get("refused") and first:
                self._not_ordered(server)
            if self.passes(server, answer):
                return None
            comment = answer.get("comment") or f"{server} did not say why dhcpd was not stopped"
            comment = full_stop(comment) + self.left_whole(server, answer)
            return self._failure(comment, server, restart.things_to_do(answer))
        self._enter(server, "down", stopped=self.clock.time())
        self.say(str(answer["comment"]))
        return Step(True, str(answer["comment"]), {server: {"old": "running", "new": "stopped"}})

    # -- maintenance -------------------------------------------------------------------------

    @step("maintenance")
    def _maintain(self, server: str) -> Step:
        if self._phase(server) == "down":
            step = self._begin(server)
            if step is not None:
                return step
        warnings: list[str] = []
        if self._phase(server) == "running":
            step = self._follow(server)
            if not step.result:
                return step
            warnings = step.warnings
        if self._phase(server) == "rebooting":
            step = self._reboot(server)
            if not step.result:
                return step
        self._enter(server, "done")
        comment = f"{self.record['task']} is done on {server}."
        self.say(comment)
        return Step(True, comment, {server: {"done": self.record["task"]}}, warnings)

    def _begin(self, server: str) -> Step | None:
        """Give the command or SLS to the host; a failure is undone and returned."""
        request = self.request
        if not (request.command or request.sls):
            self._enter(server, "rebooting", ordered=None)
            return None
        job = self.minions.new_job()
        # Noted first: a run that goes on from here looks for the job, and does not run it twice.
        self._enter(server, "running", job=job, begun=self.clock.time())
        self.say(f"On {server}: {request.task}.")
        if request.command:
            shell = {"python_shell": True}
            why = self.minions.begin(server, job, "cmd.run_all", [request.command], shell)
        else:
            why = self.minions.begin(server, job, "state.apply", [request.sls], QUEUE)
        if why is not None:
            return self._undone(server, f"{server} could not be told what to do: {why}")
        return None

    def _follow(self, server: str) -> Step:
        """Wait for the end of the command or SLS."""
        entry = self._entry(server)
        deadline = self.clock.monotonic() + self.request.host_timeout
        there = self.clock.monotonic()
        told = ""
        watch, asks = Alone(self.discovery, server), [server]
        while True:
            nobody = self._nobody_serves(server, watch, asks)
            if nobody is not None:
                why = f"{nobody} in the maintenance of {server} ({self.request.task} may still run)"
                return self._undone(server, why)
            outcome = self.minions.outcome(server, str(entry.get("job")))
            if "ret" in outcome:
                failure = failed(outcome["ret"])
                if failure:
                    why = f"{self.request.task} failed on {server}: {failure}"
                    return self._undone(server, why)
                self._enter(server, "rebooting" if self.request.reboot else "done", ordered=None)
                return Step(True, "done")
            if "gone" not in outcome:
                there = self.clock.monotonic()
            # A minion that is silent asks nobody, and would only be waited for.
            asks = [] if "silent" in outcome else [server]
            if "running" not in outcome and self._has_rebooted(server):
                # It rebooted the host itself: its answer went with it.
                self._enter(server, "done")
                text = f"{server} rebooted before it answered: whether it succeeded is unknown"
                return Step(True, "done", warnings=[text])
            if self.clock.monotonic() - there > GONE_SECONDS:
                why = f"Whether {self.request.task} worked on {server} is unknown"
                return self._undone(server, f"{why}: its answer was lost")
            if self.clock.monotonic() > deadline:
                state = "still runs" if "running" in outcome else "has not answered"
                return Step(
                    False,
                    f"{self.request.task} on {server} {state} after "
                    f"{self.request.host_timeout:.0f} s (job {entry.get('job')}), and dhcpd there "
                    f"is down.{self._alone(server)}",
                )
            saying = "running" if "running" in outcome else f"silent ({outcome.get('silent')})"
            if saying != told and "gone" not in outcome:
                told = saying
                self.say(f"Waiting for {server}: {saying}.")
            self.keep_claim()
            self._sleep(LOOK_INTERVAL)

    def _reboot(self, server: str) -> Step:
        """Order the reboot, unless it has happened, and wait for the host."""
        if not self._has_rebooted(server):
            watch = Alone(self.discovery, server)
            nobody = self._nobody_serves(server, watch, [server], at_once=True)
            if nobody is not None:
                return self._undone(server, f"{server} was not rebooted: {nobody}")
            why = self._order_reboot(server)
            if why is not None:
                return self._undone(server, f"{server} could not be told to reboot: {why}")
        return self._await_host(server)

    def _nobody_serves(
        self, server: str, watch: Alone, asks: Iterable[str] = (), at_once: bool = False
    ) -> str | None:
        """
        Return that a partner of ``server`` does not serve, if it was seen so.

        asks
            The server itself, where its minion can ask its partners for a sign of life.
        at_once
            Look now, as often as it takes.
        """
        looked_at = [*self._partners(server), *asks]
        if at_once:
            for _ in range(LOOKS_IN_A_ROW):
                found = watch.look(self.minions.status(looked_at, brief=True))
            return found
        if not watch.due(self.clock.monotonic()):
            return None
        return watch.look(self.minions.status(looked_at, brief=True))

    def _order_reboot(self, server: str) -> str | None:
        self._enter(server, "rebooting", ordered=self.clock.time())
        self.say(f"Rebooting {server}.")
        return self.minions.begin(server, self.minions.new_job(), "system.reboot", [], {})

    def _await_host(self, server: str, any_boot: bool = False) -> Step:
        """Wait until the host answers from another boot than before (or from any)."""
        begun = ordered = self.clock.monotonic()
        watch, told = Alone(self.discovery, server), None
        while True:
            nobody = self._nobody_serves(server, watch)
            if nobody and nobody != told:
                told = nobody
                self.say(f"{nobody}, and {server} reboots: until one of them is up nobody serves.")
            seen = self._boot_of(server)
            now = self.clock.monotonic()
            if seen is not None and (any_boot or seen != self._entry(server).get("boot")):
                self.say(f"{server} answers again after {now - begun:.0f} s.")
                return Step(True, "back")
            if now > begun + self.request.host_timeout:
                break
            if seen is not None and now - ordered > ORDER_INTERVAL:
                # Nobody acknowledges an order: it may never have reached the host.
                ordered = now
                self._order_reboot(server)
            self.keep_claim()
            self._sleep(LOOK_INTERVAL)
        waited = f"{self.request.host_timeout:.0f} s"
        if seen is not None:
            return self._undone(
                server, f"{server} was told to reboot and is still in the same boot after {waited}"
            )
        return Step(
            False,
            f"{server} has not come back within {waited} of its reboot (its minion is silent): "
            f"look at its console.{self._alone(server)}",
        )

    def _boot_of(self, server: str) -> str | None:
        """Return the id of the host's present boot; ``None``: it is silent."""
        facts = self.minions.status([server], brief=True).get(server, {}).get("facts")
        return str(facts["boot"]) if facts and facts.get("boot") else None

    def _has_rebooted(self, server: str) -> bool:
        seen = self._boot_of(server)
        return seen is not None and seen != self._entry(server).get("boot")

    def _undone(self, server: str, why: str) -> Step:
        """Bring dhcpd and the pair back after a failure; return the failed step."""
        self.say(f"{why}. Starting dhcpd again.")
        served = self._serve(server)
        if not served.result:
            self._enter(server, "done")
            return Step(False, f"{full_stop(why)} {served.comment}{self._alone(server)}")
        step = self.wait_normal(server)
        # Nothing of the maintenance counts: the next run of this command begins with it again.
        identity = self._entry(server).get("now")
        self._enter(server, None, identity=identity, now=None, normal=None)
        self.record["finished"] = None
        self._not_ordered(server)
        begun = f"{full_stop(why)} dhcpd on {server} was started again"
        if not step.result:
            return Step(False, f"{begun}. {step.comment}{self._without_partner(server)}")
        return self._failure(f"{begun} and the pair is normal.", server)

    def _without_partner(self, server: str) -> str:
        """Say what a server waits for that does not serve because its partner is gone, if so."""
        facts = self.minions.status([server], brief=True).get(server, {}).get("facts")
        mute = [name for name, end in _ends(facts) if end["state"] and not end["serves"]]
        if not mute:
            return ""
        partners = " and ".join(self._partners(server))
        return (
            f" {server} does not serve {', '.join(mute)} before its partner is back, which has the "
            f"newer leases: start dhcpd on {partners} first (salt {self._partners(server)[0]} "
            "dhcpd.start)."
        )

    # -- serving -----------------------------------------------------------------------------

    @step("start")
    def _serve_again(self, server: str) -> Step:
        step = self._serve(server)
        if not step.result:
            step.comment += self._alone(server)
        return step

    def _serve(self, server: str) -> Step:
        """Wait a while for dhcpd's own unit after a boot, then start dhcpd."""
        begun = self.clock.monotonic()
        patience = 60.0
        while True:
            facts = self.minions.status([server], brief=True).get(server, {}).get("facts")
            if facts and facts["process"]["running"]:
                born = mark_of(facts["process"])
                comment = f"dhcpd on {server} runs (pid {born['pid']}), started by its host."
                break
            if facts:
                patience = restart_patience(facts)
                fresh_boot = facts["boot"] != self._entry(server).get("boot")
                if not fresh_boot or self.clock.monotonic() - begun > UNIT_SECONDS:
                    answer = self.minions.act(
                        server, "dhcpd.start", patience + 30.0, timeout=patience, run=self.run
                    )
                    if answer.get("result"):
                        comment, new = answer["comment"], answer.get("new")
                        born = new if new else mark_of(facts["process"])
                        break
                    if "lost" not in answer:
                        return Step(False, full_stop(answer["comment"]))
            if self.clock.monotonic() - begun > patience + restart.LOST_CONTACT:
                return Step(False, f"dhcpd does not run on {server}, and it can't be started.")
            self._sleep(LOOK_INTERVAL)
        self._enter(server, "up", now=born.get("identity"))
        self.say(comment)
        return Step(True, comment, {server: {"new": {"pid": born.get("pid")}}})

    # -- sentences ---------------------------------------------------------------------------

    def _alone(self, server: str) -> str:
        """Say that the partners of ``server`` serve alone, in which state, and the way out."""
        partners = self._partners(server)
        answers = self.minions.status(partners, brief=True)
        said = []
        for name in partners:
            answer = answers.get(name, {})
            facts = answer.get("facts")
            if facts is None:
                said.append(f"{name} did not answer just now ({answer.get('error')})")
                continue
            ends = facts["relationships"].values()
            alone = any(end["state"] in ALONE for end in ends)
            said.append(f"{name} {'serves alone' if alone else 'is'} ({self._seen(facts)})")
        return (
            f" {'; '.join(said)} and must stay up. When {server} is up again, run the same "
            "command: it goes on from here; or salt-run dhcp_failover.bring_back "
            f"server={server}."
        )

    def _left(self, acted_on: str | None = None) -> str:
        done = [one for one in self.servers if self._phase(one) == "up"]
        rest = [one for one in self.servers if not self._phase(one) and one != acted_on]
        text = f" Done so far: {', '.join(done)}." if done else ""
        if rest:
            text += f" {words.were(rest)} not touched."
        return f"{text} Fix the cause and run the same command again; it continues from here."

    @contextmanager
    def _told(self, server: str) -> Iterator[None]:
        """Have an interruption say that ``server`` may be down: nothing undoes that."""
        try:
            yield
        except Interrupted as err:
            raise Abandoned(
                f"Interrupted ({err.args[0] if err.args else 'stopped'}) in the maintenance of "
                f"{server}: dhcpd may be down there, its partner serves alone. The same command "
                f"goes on from here; salt-run dhcp_failover.bring_back server={server} ends it."
            ) from None


def _ends(facts: ServerFacts | None) -> list[tuple[str, EndFacts]]:
    return sorted(facts["relationships"].items()) if facts else []


def failed(returned: Any) -> str | None:
    """
    Return why a command (``cmd.run_all``) or SLS (``state.apply``) failed; ``None`` if it did not.

    returned
        What the minion returned.
    """
    if isinstance(returned, Mapping) and "retcode" in returned and "pid" in returned:
        if not returned["retcode"]:
            return None
        output = "\n".join(str(returned.get(key) or "") for key in ("stdout", "stderr")).strip()
        tail = f": {output[-OUTPUT_TAIL:]}" if output else ""
        return f"exit code {returned['retcode']}{tail}"
    states = list(returned.values()) if isinstance(returned, Mapping) else []
    if not states or not all(isinstance(one, Mapping) and "result" in one for one in states):
        text = "; ".join(map(str, returned)) if isinstance(returned, list) else str(returned)
        return text[:OUTPUT_TAIL]
    bad = [one for one in states if one["result"] is False]
    if not bad:
        return None
    first = bad[0]
    name = first.get("__id__") or first.get("name")
    return f"{len(bad)} of {len(states)} states failed, the first {name}: {first.get('comment')}"
