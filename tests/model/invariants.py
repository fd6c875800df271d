"""What must hold in every schedule, checked after each step and at the end."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from dhcpd import SERVING
from dhcpd import Dhcpd
from dhcpd import Network
from generations import Generations
from generations import last_rollout
from iscdhcp.act.proving import STILL_PROVED
from iscdhcp.act.proving import UNPROVED_MAX_AGE
from iscdhcp.facts import asking
from iscdhcp.run import one_server
from iscdhcp.run import reboot
from iscdhcp.run import records
from iscdhcp.run import restart
from iscdhcp.run import rollout
from iscdhcp.shapes import Claim
from masters import Run
from world import Process
from world import World

#: Seconds for which a partner may have been dead when a server is silenced, at most; and where it
#: can't be asked.
UNPROVABLE, UNASKED = STILL_PROVED + 0.2, UNPROVED_MAX_AGE + 1.0
#: Seconds in which a server that was stopped for maintenance serves alone: 3 s of the silence of an
#: act, two looks 5 s apart, a start, and 15 s of startup without a partner.
RESCUED = 32.0
#: What it takes longer where the partner's minion is silent too: both looks wait for its answer.
SILENT_LOOKS = 12.0


@dataclass
class Judge:
    """Watches a world and keeps what was wrong, in the order in which it happened."""

    world: World
    network: Network
    wrong: list[str] = field(default_factory=list)
    #: Servers that a fault of the schedule has taken away.
    faults: set[str] = field(default_factory=set)
    #: Those of them that are to be brought back: then everything is judged again.
    passing: set[str] = field(default_factory=set)
    #: Servers that a person has stopped for good.
    wanted_down: set[str] = field(default_factory=set)
    #: The orders of persons to stop a server for good: who gives them, and to which.
    stops: set[tuple[str, str]] = field(default_factory=set)
    runs: list[Run] = field(default_factory=list)
    #: How often a run has ended dhcpd, by run and server.
    ended: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Who has silenced a server, by SIGTERM or over OMAPI.
    acted: set[str] = field(default_factory=set)
    #: Relationships of which a run watches who serves alone, and in how many seconds it comes to
    #: the rescue.
    rescued: dict[str, float] = field(default_factory=dict)
    #: Who gives a command again once it is over, and has to get through.
    goes_on: str | None = None
    #: Since when nobody serves them.
    unserved: dict[str, float] = field(default_factory=dict)
    #: The longest time for which a partner had been dead, unnoticed, when a server was silenced.
    window: float = 0.0
    files: Generations = field(init=False)

    def __post_init__(self) -> None:
        self.files = Generations(self.world, self.network, self.say)

    def say(self, what: str) -> None:
        """Note that something is wrong, once."""
        if what not in self.wrong:
            self.wrong.append(what)
            self.world.tell(f"WRONG: {what}")

    def each_step(self, world: World) -> None:
        """Whether anybody serves each relationship; what died by itself is not our doing."""
        self.files.each_step()
        for server in sorted(self.passing):
            one = self.network.servers[server]
            ends = [(end.state, end.seen) for end in one.ends.values()]
            ends += [
                (end.state, end.seen)
                for name, mine in one.ends.items()
                for end in [self.network.servers[mine.partner].ends[name]]
            ]
            if one.pid is not None and set(ends) == {("normal", "normal")}:
                self.passing.discard(server)
                self.faults.discard(server)
        for name in self.network.connected:
            if not self.faults and not self.network.served(name):
                self.say(f"nobody serves {name}")
            if name in self.rescued:
                self._is_rescued(name)

    def _is_rescued(self, name: str) -> None:
        """Whether a server that is down for maintenance comes back where its partner has died."""
        if self.network.served(name):
            self.unserved.pop(name, None)
            return
        since = self.unserved.setdefault(name, self.world.now)
        limit = self.rescued[name]
        if self.world.now - since > limit + self.world.held_up() and not self._run_is_killed():
            self.say(f"nobody serves {name} for {limit:.0f} s, and a server was only stopped")

    def _run_is_killed(self) -> bool:
        names = {run.name for run in self.runs}
        return any(one.process.killed for one in self.world.actors if one.name in names)

    def before(self, dhcpd: Dhcpd, how: str) -> None:
        """
        Whether a server may be silenced at this very moment, as far as it can be known there.

        A partner that has died answers no question: what happened since its last answer can't be
        known, and that answer is never older than :data:`UNPROVABLE`.
        """
        call = self.world.current.name if self.world.current else ""
        actor = call.partition(":")[0]
        self.acted.add(actor)
        # What a rollout takes back is ended once more.
        if how == "SIGTERM" and ":roll_back@" not in call:
            run = actor, dhcpd.name
            self.ended[run] = self.ended.get(run, 0) + 1
            if self.ended[run] > 1:
                self.say(f"{run[0]} has ended dhcpd on {dhcpd.name} twice")
        asked = asking.kept(dhcpd.folder / "notes")
        for name, end in dhcpd.ends.items():
            # One that has never answered before may be out of reach of such a question.
            answered = name in asked and asked[name]["before"] is not None
            limit = UNPROVABLE if answered else UNASKED
            partner = self.network.servers[end.partner]
            if partner.serves(name):
                continue
            noticed = not self.network.connected[name]
            long_ago = self.world.now - partner.ended_at > limit
            self.window = max(self.window, self.world.now - partner.ended_at)
            if not self.faults or noticed or long_ago:
                self.say(f"{dhcpd.name} was silenced while {partner.name} did not serve {name}")

    def claimed(self, before: Claim | None, now: Claim | None) -> None:
        """Whether a claim was taken from a run that goes on."""
        if before is None or now is None or before["run"] == now["run"]:
            return
        for run in self.runs:
            alive = any(
                not (actor.process.killed or actor.done)
                for actor in self.world.actors
                if actor.name == run.name
            )
            if run.run is not None and run.run.run == before["run"] and alive:
                self.say(f"the claim of {run.name} was taken from it")

    def done(self, run: Run) -> None:
        """Whether a run that says it is done says the truth."""
        if run.kind is one_server.OneServer or self.faults:
            return
        self.files.done(run)
        for server in run.run.servers:
            entry = run.run.record["servers"][server]
            # A rollout restarts nobody that has its files already.
            before = entry["identity"] if entry.get("ordered") or not run.origins else None
            if self.network.servers[server].identity == before:
                self.say(f"{run.name} says done, and dhcpd on {server} is the same as before")
            for name, end in self.network.servers[server].ends.items():
                if (end.state, end.seen) != ("normal", "normal"):
                    self.say(f"{run.name} says done, and {server} is in {end.state} ({name})")

    def at_the_end(self, runs: list[Run], killed: list[Process]) -> None:
        """
        What is left behind, and whether runs said the truth.

        A call that is killed may leave its server silent, for the run to have it speak again; but
        never down, unless who stands by was killed too.
        """
        calls = {one.host for one in killed}
        alone = {one.host for one in killed if one.name.startswith("stands by")}
        for server in self.network.servers.values():
            if server.name not in self.faults | (alone if server.pid is None else calls):
                self._left(server, runs)
        self.files.at_the_end(runs)
        for run in runs:
            self._told(run)
            if run.name == self.goes_on:
                self._has_gone_on(run, runs, {one.name for one in killed})

    def _has_gone_on(self, run: Run, runs: list[Run], killed: set[str]) -> None:
        """Where nothing but a master or a call has died, the same command gets through."""
        others = [one for one in runs if one is not run]
        busy = any(one.name not in killed and not 0 < one.over_at <= run.begun_at for one in others)
        if self.faults or busy or run.name in killed or run.run is None:
            return
        # A command that may not have been published is given up: dhcpd is back, and that is said.
        if not run.result and "its answer was lost" not in run.comment:
            self.say(f"{run.name} gave the same command and did not get through: {run.comment}")

    def _left(self, server: Dhcpd, runs: list[Run]) -> None:
        for name, end in server.ends.items():
            if server.pid is None:
                wanted = server.name in self.wanted_down or self._was_stopped(server.name)
                if not wanted and not any(self._leaves_down(run, server.name) for run in runs):
                    self.say(f"dhcpd on {server.name} was left down")
            elif end.state not in (*SERVING, "startup", "recover"):
                self.say(f"{server.name} was left in {end.state} ({name})")

    def _was_stopped(self, server: str) -> bool:
        """Whether a person's call to stop it had done so when it was killed."""
        return any(one in self.ended for one in self.stops if one[1] == server)

    def _leaves_down(self, run: Run, server: str) -> bool:
        """
        Whether a run may leave a server down.

        It was to; or it was killed in its maintenance, or in its probation, and nobody takes back
        what makes dhcpd end.
        """
        if run.kind is one_server.OneServer:
            return bool(run.request.act == "stop" and run.request.only == server)
        killed = any(one.process.killed for one in self.world.actors if one.name == run.name)
        says_so = "bring_back" in run.comment
        if run.kind is rollout.Rollout:
            return killed and last_rollout(self.world, self.runs) is None
        return run.kind is reboot.PairReboot and (killed or says_so)

    def _told(self, run: Run) -> None:
        if run.run is None or run.kind is not restart.PairRun:
            return
        kept = records.path_of(run.run.records, run.pair.id, "restart")
        if run.result is False and not self.acted and kept.exists():
            self.say(f"{run.name} was refused and left a record")
