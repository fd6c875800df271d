"""Masters of the world: how they reach minions, and the real runs that they make."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import discovery
from iscdhcp.run import one_server
from iscdhcp.run import reboot
from iscdhcp.run import restart
from iscdhcp.run import rollout
from iscdhcp.run.base import Request
from iscdhcp.run.orders import Interrupted
from servers import ModelledServer
from world import LOSE
from world import TWICE
from world import Clock
from world import Process
from world import World

#: Seconds that a command of a maintenance takes; after which a silent minion is asked for its job.
COMMAND, ANSWER = 90.0, 7.0


class Messages:
    """
    Orders of one master's process to minions, and their answers, as Salt carries them.

    An :class:`iscdhcp.pair.minions.Minions`. Orders may be late, lost or come twice; answers may be
    late or lost.
    """

    def __init__(self, world: World, servers: dict[str, ModelledServer], name: str) -> None:
        self.world, self.servers, self.name = world, servers, name
        self._jobs = 0
        #: The answers of orders that never came.
        self._lost: list[list[Any]] = []

    def _order(self, minion: str, function: str, words: dict[str, Any]) -> list[Any]:
        """Send an order; the list gets the answer, once it is there."""
        world, server, answers = self.world, self.servers[minion], []
        self._jobs += 1
        decision = world.point("message", f"{self.name} orders {function} of {minion}")
        fault = decision.fault if decision else None

        def job() -> None:
            if server.silent:
                return
            try:
                answer = {"ret": server.call(function, **words)}
            except IscDhcpError as err:
                answer = {"error": str(err)}
            reply = world.point("message", f"the answer of {minion} to {function}")
            if reply is None or reply.fault != LOSE:
                answers.append({**answer, "at": world.now})

        name = f"{self.name}:{function}@{minion}#{self._jobs}"
        if fault != LOSE:
            world.spawn(name, job, Process(name, minion))
        else:
            self._lost.append(answers)
        if decision and fault == TWICE:
            again = f"{name} again"

            def comes_again() -> None:
                world.spawn(again, job, Process(again, minion))

            world.after(decision.seconds, comes_again)
        return answers

    def ask(
        self,
        minions: Sequence[str],
        function: str,
        kwarg: dict[str, Any] | None = None,
        patience: float = 6.0,
    ) -> dict[str, dict[str, Any]]:
        asked = self.world.now
        function = function.removeprefix("dhcpd.")
        jobs = {one: self._order(one, function, kwarg or {}) for one in sorted(minions)}
        if patience:
            # Who is silent for long is asked whether it is at it.
            gone = [one for one, answers in jobs.items() if any(answers is it for it in self._lost)]
            known = min(patience, ANSWER) if len(gone) == len(jobs) else patience
            self.world.wait(lambda: all(jobs.values()), known)
        found = {}
        for minion, answers in jobs.items():
            answer = dict(answers[0]) if answers else {"error": f"no answer in {patience:.0f} s"}
            at = answer.pop("at", None)
            found[minion] = {**answer, "asked": asked, "answered": at}
        return found

    def _facts(self, answer: dict[str, Any]) -> dict[str, Any]:
        if "error" in answer:
            return answer
        return {"facts": answer["ret"], "asked": answer["asked"], "offset": 0.0}

    def status(
        self,
        minions: list[str],
        brief: bool = False,
        looks: int = 1,
        ask: Any = None,
        alive: Any = None,
        log_since: float | None = None,
    ) -> dict[str, Any]:
        # What dhcpd logged is for the report; the model has none.
        answers = self.ask(minions, "status", {"ask": ask, "alive": alive})
        return {one: self._facts(it) for one, it in answers.items()}

    def inspect(
        self, minions: list[str], log_hours: float = 0.0, ask: bool = False
    ) -> dict[str, Any]:
        answers = self.ask(minions, "inspect", {"ask": ask}, patience=30.0)
        return {one: self._facts(it) for one, it in answers.items()}

    def claim(self, minions: list[str], claim: Any, facts: bool = False) -> dict[str, Any]:
        found = {}
        for minion, answer in self.ask(minions, "claim", claim).items():
            ret = answer.get("ret")
            if ret is not None and not ret["result"]:
                found[minion] = {
                    "refused": ret["comment"], "claim": ret["claim"], "code": ret["code"],
                }  # fmt: skip
            else:
                found[minion] = answer
        if facts:
            claimed = [one for one, it in found.items() if "ret" in it]
            found.update(self.inspect(claimed, ask=True))
        return found

    def release(self, minions: list[str], run: str, token: str) -> None:
        self.ask(minions, "release_claim", {"run": run, "token": token}, patience=0)

    def release_window(self, minion: str, drained: bool = False, run: str | None = None) -> None:
        self.ask([minion], "release_window", {"drained": drained, "run": run})

    def log(self, minions: list[str], since: float) -> dict[str, Any]:
        return {one: {"events": [], "clients": None} for one in minions}

    def restart(self, minion: str, patience: float, **words: Any) -> Any:
        return self.act(minion, "restart", patience + 30.0, **words)

    def act(self, minion: str, function: str, patience: float, **words: Any) -> Any:
        answer = self.ask([minion], function, words, patience)[minion]
        if "ret" in answer:
            return answer["ret"]
        if answer.get("answered"):
            return {"result": False, "comment": answer["error"]}
        return {"lost": answer["error"]}

    def _begins(self, minion: str, job: str) -> None:
        """Have a command run on a host, for as long as it is up."""
        server = self.servers[minion]
        self.world.tell(f"{minion} begins a command")
        server.jobs[job] = None
        boot = server.boot

        def ends() -> None:
            if server.boot == boot and not server.silent:
                server.jobs[job] = {"retcode": 0, "pid": 1}

        self.world.after(COMMAND, ends)

    def outcome(self, minion: str, job: str) -> dict[str, Any]:
        """As an :class:`iscdhcp.pair.minions.Minions`."""
        answer = self.ask([minion], "find_job", {"job": job})[minion]
        if "ret" not in answer:
            return {"silent": answer["error"]}
        found: dict[str, Any] = answer["ret"]
        return found

    def new_job(self) -> str:
        self._jobs += 1
        return f"job {self._jobs} of {self.name}"

    def begin(
        self, minion: str, job: str, function: str, arguments: list[Any], named: Any
    ) -> str | None:
        decision = self.world.point("message", f"{self.name} orders {function} on {minion}")
        if decision is not None and decision.fault == LOSE:
            return None
        if function == "system.reboot":
            self.world.after(0.5, self.servers[minion].reboots)
        else:
            self._begins(minion, job)
        return None

    def close(self) -> None:
        pass


class Master:
    """A master with its own locks and records."""

    def __init__(
        self, world: World, servers: dict[str, ModelledServer], folder: Path, name: str
    ) -> None:
        self.world, self.servers, self.folder, self.name = world, servers, folder, name
        folder.mkdir()
        self.pairs = discovery.Discovery()
        network = next(iter(servers.values())).dhcpd.network
        for relationship in network.connected:
            ends = {one.ends[relationship].role: one.name for one in network.both(relationship)}
            self.pairs.pairs.append(
                discovery.Pair(relationship, ends["primary"], ends["secondary"], 60)
            )

    def restarts(self, pair: str, name: str, **wanted: Any) -> Run:
        """A restart of a pair as the runner makes it."""
        return Run(self, pair, name, restart.PairRun, Request(timeout=120.0, **wanted))

    def reboots(self, pair: str, name: str, **wanted: Any) -> Run:
        """A reboot of both hosts as the orchestration makes it."""
        request = reboot.RebootRequest(timeout=120.0, host_timeout=100.0, **wanted)
        return Run(self, pair, name, reboot.PairReboot, request)

    def rolls_out(self, pair: str, name: str, source: str | None, **wanted: Any) -> Run:
        """
        A rollout of one line more in both files, as the orchestration makes it.

        source
            Of :data:`dhcpd.SOURCES`; ``None`` takes the last rollout back.
        """
        request = rollout.RolloutRequest(timeout=120.0, **wanted)
        origins = {"source": source} if source else {"previous": True}
        return Run(self, pair, name, rollout.Rollout, request, origins)

    def one_server(self, server: str, name: str, **wanted: Any) -> Run:
        """A stop or start of one server as the runner makes it."""
        pair = self.pairs.of_server(server)[0].name
        request = one_server.OneServerRequest(only=server, **wanted)
        return Run(self, pair, name, one_server.OneServer, request)


class Run:
    """One command of a person at a master: a real run, all steps and the unlock."""

    def __init__(
        self, master: Master, pair: str, name: str, kind: Any, request: Any, origins: Any = None
    ) -> None:
        self.origins = origins
        self.master, self.name, self.kind, self.request = master, name, kind, request
        self.pair = next(one for one in master.pairs.pairs if one.name == pair)
        self.steps: list[Any] = []
        self.result: bool | None = None
        self.comment = ""
        self.run: Any = None
        #: When it was given, and when it ended by itself.
        self.begun_at, self.over_at = 0.0, 0.0
        #: Called when it says that it is done.
        self.when_done: Callable[[Run], None] = lambda run: None

    def __call__(self) -> None:
        master, world = self.master, self.master.world
        self.begun_at = world.now
        messages = Messages(world, master.servers, self.name)
        self.run = self.kind(
            self.pair, master.pairs, messages, master.folder, f"{self.name} on {master.name}",
            self.request, clock=Clock(world),
        )  # fmt: skip
        if self.origins:
            self.run.origins = self.origins
        try:
            self.result = self._all()
        except Interrupted as err:
            self.result, self.comment = False, str(err)
        if self.result:
            self.when_done(self)
        self.run.unlock()
        self.over_at = world.now
        world.tell(f"{self.name}: {'done' if self.result else 'failed'}: {self.comment}")

    def _all(self) -> bool:
        if self.kind is one_server.OneServer:
            step = self.run.lock()
            if step.result is not False:
                step = self.run.act()
            self.comment = step.comment
            return bool(step.result)
        for planned in self.run.steps():
            step = planned.act()
            self.comment = step.comment
            if not step.result:
                return False
        return True
