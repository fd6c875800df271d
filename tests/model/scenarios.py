"""Who does what in a world: the beginnings from which schedules are explored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from dhcpd import Dhcpd
from dhcpd import Network
from invariants import RESCUED
from invariants import SILENT_LOOKS
from invariants import Judge
from iscdhcp.act import claims
from iscdhcp.act import stage
from iscdhcp.errors import IscDhcpError
from iscdhcp.host import names
from iscdhcp.pair import locks
from iscdhcp.run import journal
from masters import Master
from masters import Run
from servers import ModelledServer
from world import Kept
from world import Locks
from world import Process
from world import Schedule
from world import World

#: Seconds that a world is let go on: several runs, their waits, and MCLT.
HORIZON = 900.0
#: Seconds from SIGTERM to the end of a dhcpd that is slow: whoever stops it waits for 20 s.
SLOW = 26.0
#: Seconds of a rollout's probation; after which a command is given again: the claims that a run has
#: left behind are over then.
PROBATION, LATER = 20.0, 240.0


@dataclass
class Setting:
    """A world with servers and masters, before anybody does anything."""

    world: World
    network: Network
    servers: dict[str, ModelledServer]
    masters: list[Master]
    judge: Judge
    runs: list[Run] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)

    def run(self, run: Run, after: float = 0.0) -> None:
        """Have a command given."""
        self.runs.append(run)
        self.judge.runs.append(run)
        run.when_done = self.judge.done
        self.world.after(after, lambda: self.world.spawn(run.name, run) and None)

    def person(
        self, server: str, function: str, name: str, after: float = 0.0, **words: Any
    ) -> None:
        """Have a person call a function on a server, as ``salt-call`` does."""

        if function == "stop":
            self.judge.stops.add((name, server))

        def call() -> None:
            try:
                self.answers[name] = self.servers[server].call(function, **words)
            except IscDhcpError as err:
                self.answers[name] = {"result": False, "comment": str(err)}
            if function == "stop" and self.answers[name]["result"]:
                self.judge.wanted_down.add(server)
            self.world.tell(f"{name}: {self.answers[name]['comment']}")

        process = Process(name, server)
        self.world.after(after, lambda: self.world.spawn(name, call, process) and None)

    def dies(self, server: str, after: float, passing: bool = False) -> None:
        """
        Have dhcpd of a server end by itself, which is nobody's fault here.

        passing
            Until it is normal again.
        """

        def end() -> None:
            self.judge.faults.add(server)
            if passing:
                self.judge.passing.add(server)
            self.network.servers[server].end("by itself")

        self.world.after(after, end)

    def halts(self, server: str, after: float) -> None:
        """Have dhcpd of a server stopped by a signal: nobody notices for a while."""

        def stop() -> None:
            self.judge.faults.add(server)
            self.network.servers[server].halt()

        self.world.after(after, stop)

    def power_cut(self, server: str) -> None:
        """Have a server's host lose its power and come up again, which is nobody's fault here."""
        if server in self.servers:
            self.judge.faults.add(server)
            self.judge.passing.add(server)
            self.servers[server].loses_power()

    def rolls_out(self, source: str | None, name: str = "ann", after: float = 0.0) -> None:
        """Have a rollout ordered at the first master; see :meth:`masters.Master.rolls_out`."""
        self.judge.files.probation = PROBATION
        run = self.masters[0].rolls_out("foo", name, source, probation=PROBATION)
        self.run(run, after)

    def loses_power(self, server: str, after: float) -> None:
        """Have a server's host lose its power: nobody notices for a while."""

        def end() -> None:
            self.judge.faults.add(server)
            self.servers[server].silent = True
            for actor in self.world.actors:
                if actor.process.host == server and not actor.done:
                    self.world.kill(actor.process)
            self.network.servers[server].end("its host lost power", closes=False)

        self.world.after(after, end)


def setting(
    folder: Path,
    schedule: Schedule,
    hub: bool = False,
    masters: int = 1,
    kept: Kept | None = None,
) -> Setting:
    """Return a healthy pair foo, or a hub with foo and bar, and its masters."""
    world = World(schedule, kept)
    network = Network(world)
    names = ("dhcp-a", "dhcp-b", "dhcp-c") if hub else ("dhcp-a", "dhcp-b")
    servers = {}
    for name in names:
        where = folder / name
        where.mkdir()
        network.servers[name] = Dhcpd(network, name, where)
        servers[name] = ModelledServer(world, network.servers[name], where)
    network.pair("foo", "dhcp-a", "dhcp-b")
    if hub:
        network.pair("bar", "dhcp-c", "dhcp-b")
    judge = Judge(world, network)
    for server in servers.values():
        server.claimed = judge.claimed
        server.write_configuration()
    world.check = judge.each_step
    for server in servers.values():
        server.host.before = judge.before
        server.dhcpd.starts = judge.files.starts
    found = [Master(world, servers, folder / f"master{n}", f"master{n}") for n in range(masters)]
    made = Setting(world, network, servers, found, judge)
    world.power_cut = made.power_cut
    return made


# -- what is explored ------------------------------------------------------------------------------


def one_restart(to: Setting, method: str = "signal") -> None:
    """One run restarts the pair."""
    to.run(to.masters[0].restarts("foo", "ann", method=method))


def stops_by_all(to: Setting) -> None:
    """``salt '*' dhcpd.stop``: the same order to both servers."""
    for server in to.servers:
        to.person(server, "stop", f"stop on {server}")


def restarts_by_all(to: Setting) -> None:
    """``salt '*' dhcpd.restart``, and a run that begins meanwhile."""
    for server in to.servers:
        to.person(server, "restart", f"restart on {server}", after=0.3)
    to.run(to.masters[0].restarts("foo", "ann"))


def run_and_stop_of_the_partner(to: Setting) -> None:
    """A run, and a person at the console of each server who stops it."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.person("dhcp-b", "stop", "stop on dhcp-b", after=0.5)
    to.person("dhcp-a", "stop", "stop on dhcp-a", after=2.0)


def run_and_forced_stop(to: Setting) -> None:
    """A run, and a person who stops the primary and overrides nothing but its role."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.person("dhcp-a", "stop", "stop on dhcp-a", after=0.5, force="primary")


def reboots(to: Setting, method: str = "handover") -> None:
    """Both hosts are rebooted, one after the other."""
    to.run(to.masters[0].reboots("foo", "ann", method=method))


def a_maintenance(to: Setting, method: str = "signal") -> None:
    """A command runs on both hosts, one after the other, with dhcpd down there."""
    to.run(to.masters[0].reboots("foo", "ann", method=method, command="upgrade", reboot=False))


def a_maintenance_given_again(to: Setting) -> None:
    """The same, and the same command minutes later: it goes on where a master has died."""
    a_maintenance(to)
    bob = to.masters[0].reboots("foo", "bob", method="signal", command="upgrade", reboot=False)
    to.run(bob, after=2 * LATER)
    to.judge.goes_on = "bob"


def a_maintenance_whose_partner_dies(to: Setting) -> None:
    """The same, and the dhcpd that serves alone ends by itself."""
    a_maintenance(to)
    to.judge.rescued["foo"] = RESCUED
    to.dies("dhcp-a", after=20.0)


def a_maintenance_whose_partner_loses_its_power(to: Setting) -> None:
    """The same, and the host of the one that serves alone: nobody is left there to say so."""
    a_maintenance(to)
    to.judge.rescued["foo"] = RESCUED + SILENT_LOOKS
    to.loses_power("dhcp-a", after=20.0)


def a_slow_end(to: Setting) -> None:
    """A run, and a dhcpd that takes longer to end than anybody waits for it."""
    to.network.servers["dhcp-b"].exits_in = SLOW
    to.run(to.masters[0].restarts("foo", "ann"))


def a_slow_end_of_a_drained_one(to: Setting) -> None:
    """The same by drain."""
    to.network.servers["dhcp-b"].exits_in = SLOW
    to.run(to.masters[0].restarts("foo", "ann", method="drain"))


def a_rollout(to: Setting) -> None:
    """Both get a line more, the first on probation."""
    to.rolls_out("salt://good")


def a_bad_rollout(to: Setting) -> None:
    """Both get a line with which dhcpd ends after a while."""
    to.rolls_out("salt://bad")


def a_rollout_given_again(to: Setting, source: str = "salt://good") -> None:
    """A rollout, and the same command minutes later: it goes on, or begins anew."""
    to.rolls_out(source)
    to.rolls_out(source, "bob", LATER)


def a_rollout_taken_back(to: Setting) -> None:
    """A rollout, and ``previous`` after it, twice: the second goes on, or has nothing to do."""
    to.rolls_out("salt://good")
    to.rolls_out(None, "bob", LATER)
    to.rolls_out(None, "eve", 2 * LATER)


def a_bad_rollout_of_two_masters(to: Setting) -> None:
    """The same, and another person at another master who gives the command while it is on."""
    a_bad_rollout(to)
    bob = to.masters[1].rolls_out("foo", "bob", "salt://bad", probation=PROBATION)
    to.run(bob, after=4.0)


def reboots_and_a_restart(to: Setting) -> None:
    """The same, and another master that restarts the pair meanwhile."""
    reboots(to)
    to.run(to.masters[1].restarts("foo", "bob"), after=3.0)


def two_runs(to: Setting) -> None:
    """Two people at one master restart the same pair."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.run(to.masters[0].restarts("foo", "bob"), after=0.2)


def two_masters(to: Setting) -> None:
    """Two masters that know nothing of each other restart the same pair."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.run(to.masters[1].restarts("foo", "bob"), after=0.1)


def two_stops_from_the_master(to: Setting) -> None:
    """Two people at two masters stop one server each."""
    to.run(to.masters[0].one_server("dhcp-a", "ann"))
    to.run(to.masters[1].one_server("dhcp-b", "bob"), after=0.05)


def a_command_given_again(to: Setting, method: str = "signal") -> None:
    """A run, and the same command a minute later: it goes on, or begins anew."""
    to.run(to.masters[0].restarts("foo", "ann", method=method))
    to.run(to.masters[0].restarts("foo", "bob", method=method), after=60.0)


def a_partner_that_dies(to: Setting, method: str = "signal") -> None:
    """A run, and a dhcpd that ends by itself in the middle of it."""
    to.run(to.masters[0].restarts("foo", "ann", method=method))
    to.dies("dhcp-a", after=0.35)


def a_partner_without_power_that_cannot_be_asked(to: Setting) -> None:
    """The same where servers can't ask each other as clients do."""
    to.network.asked = False
    to.run(to.masters[0].restarts("foo", "ann"))
    # The preflight has waited for answers in vain.
    to.loses_power("dhcp-a", after=3.7)


def a_halted_partner(to: Setting, method: str = "signal") -> None:
    """A run, and a dhcpd that is stopped by a signal in the middle of it."""
    to.run(to.masters[0].restarts("foo", "ann", method=method))
    to.halts("dhcp-a", after=0.15)


def a_halted_partner_and_a_person(to: Setting) -> None:
    """A person restarts the secondary whose partner is halted already."""
    to.halts("dhcp-a", after=0.01)
    to.person("dhcp-b", "restart", "restart on dhcp-b", after=0.2, force="")


def a_partner_without_power(to: Setting) -> None:
    """A run, and a host that loses its power in the middle of it."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.loses_power("dhcp-a", after=0.15)


def a_hub(to: Setting) -> None:
    """Runs over both pairs of a hub, from one master."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.run(to.masters[0].restarts("bar", "bob"), after=0.1)


def a_hub_of_two_masters(to: Setting) -> None:
    """The same from two masters, each with another spoke's pair."""
    to.run(to.masters[0].restarts("foo", "ann"))
    to.run(to.masters[1].restarts("bar", "bob"), after=0.1)


def a_server_that_is_down(to: Setting, method: str = "signal") -> None:
    """A dhcpd has ended by itself, and a run begins by starting it."""
    to.dies("dhcp-b", after=0.0, passing=True)
    to.run(to.masters[0].restarts("foo", "ann", method=method, heal=True), after=5.0)


def two_that_heal(to: Setting) -> None:
    """The same from two masters, and a person who starts it too."""
    to.dies("dhcp-b", after=0.0, passing=True)
    to.run(to.masters[0].restarts("foo", "ann", heal=True), after=5.0)
    to.run(to.masters[1].restarts("foo", "bob", heal=True), after=5.2)
    to.person("dhcp-b", "start", "start on dhcp-b", after=5.5)


def a_partner_that_dies_while_it_is_healed(to: Setting) -> None:
    """A run begins by starting a server, and the one that served alone ends by itself."""
    to.dies("dhcp-b", after=0.0)
    to.run(to.masters[0].restarts("foo", "ann", heal=True), after=5.0)
    to.dies("dhcp-a", after=6.0)


@dataclass(frozen=True)
class Scenario:
    """A beginning by its name."""

    name: str
    begin: Callable[[Setting], None]
    hub: bool = False
    masters: int = 1
    #: Whether a schedule may take a host's power.
    power: bool = False


def _by(method: str, begin: Callable[..., None]) -> Callable[[Setting], None]:
    return lambda to: begin(to, method)


SCENARIOS = {
    one.name: one
    for one in (
        Scenario("one restart", one_restart),
        Scenario("one restart by drain", _by("drain", one_restart)),
        Scenario("one restart by hand-over", _by("handover", one_restart)),
        Scenario("salt '*' dhcpd.stop", stops_by_all),
        Scenario("salt '*' dhcpd.restart and a run", restarts_by_all),
        Scenario("a run and stops at both consoles", run_and_stop_of_the_partner),
        Scenario("a run and a forced stop", run_and_forced_stop),
        Scenario("two runs of one master", two_runs),
        Scenario("two masters", two_masters, masters=2),
        Scenario("two stops from two masters", two_stops_from_the_master, masters=2),
        Scenario("a command given again", a_command_given_again),
        Scenario("a drain given again", _by("drain", a_command_given_again)),
        Scenario("a partner that dies", a_partner_that_dies),
        Scenario("a partner that dies in a drain", _by("drain", a_partner_that_dies)),
        Scenario("a partner without power", a_partner_without_power),
        Scenario(
            "a partner without power, and no way to ask it",
            a_partner_without_power_that_cannot_be_asked,
        ),
        Scenario("a halted partner", a_halted_partner),
        Scenario("a partner that is halted in a drain", _by("drain", a_halted_partner)),
        Scenario("a halted partner and a person", a_halted_partner_and_a_person),
        Scenario("reboots", reboots),
        Scenario("reboots by signal", _by("signal", reboots)),
        Scenario("reboots, and a run of another master", reboots_and_a_restart, masters=2),
        Scenario("a rollout", a_rollout, power=True),
        Scenario("a bad rollout", a_bad_rollout, power=True),
        Scenario("a rollout given again", a_rollout_given_again, power=True),
        Scenario("a bad rollout given again", _by("salt://bad", a_rollout_given_again), power=True),
        Scenario(
            "a rollout with which nobody starts, given again",
            _by("salt://unfit", a_rollout_given_again),
            power=True,
        ),
        Scenario(
            "a rollout with which the primary does not start, given again",
            _by("salt://unfit-on-primary", a_rollout_given_again),
            power=True,
        ),
        Scenario("a rollout taken back", a_rollout_taken_back, power=True),
        Scenario("a bad rollout of two masters", a_bad_rollout_of_two_masters, masters=2),
        Scenario("a maintenance", a_maintenance),
        Scenario("a maintenance given again", a_maintenance_given_again),
        Scenario("a maintenance whose partner dies", a_maintenance_whose_partner_dies),
        Scenario(
            "a maintenance whose partner loses its power",
            a_maintenance_whose_partner_loses_its_power,
        ),
        Scenario("a slow end", a_slow_end),
        Scenario("a slow end after a drain", a_slow_end_of_a_drained_one),
        Scenario("a server that is down", a_server_that_is_down),
        Scenario("two that heal", two_that_heal, masters=2),
        Scenario("a partner that dies meanwhile", a_partner_that_dies_while_it_is_healed),
        Scenario("a hub", a_hub, hub=True),
        Scenario("a hub of two masters", a_hub_of_two_masters, hub=True, masters=2),
    )
}

_LOCKS = Locks()


@contextlib.contextmanager
def modelled() -> Iterator[Locks]:
    """Have the real code use locks that end with a killed process, and no luck."""
    modules = (claims, locks, journal)
    before = [module.fcntl for module in modules]
    luck, resolved, copy = claims.random, names.resolved, stage.copy
    for module in modules:
        module.fcntl = _LOCKS  # type: ignore[attr-defined]
    claims.random = _NoLuck  # type: ignore[assignment]
    names.resolved = lambda name: []  # type: ignore[assignment]
    stage.copy = _copies(copy)  # type: ignore[assignment]
    try:
        yield _LOCKS
    finally:
        for module, one in zip(modules, before, strict=True):
            module.fcntl = one
        claims.random, names.resolved, stage.copy = luck, resolved, copy


def _copies(copy: Callable[..., None]) -> Callable[..., None]:
    """Return :func:`iscdhcp.files.copy`, with a point before and after it."""

    def copies(source: str, target: str, like: str | None = None) -> None:
        assert _LOCKS.world is not None
        path = Path(target)
        what = "the old" if stage.BACKUP in source else "the new"
        what = "a backup of" if stage.BACKUP in target else what
        text = f"{what} {path.name.partition(stage.BACKUP)[0]} on {path.parent.name}"
        _LOCKS.world.point("act", f"{text} is to be written")
        copy(source, target, like)
        _LOCKS.world.point("act", f"{text} is written")

    return copies


class _NoLuck:
    @staticmethod
    def uniform(least: float, most: float) -> float:
        return least
