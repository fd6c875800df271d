"""A server of the world: the real acts of a minion, over a modelled dhcpd and host."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dhcpd import MCLT
from dhcpd import SOURCES
from dhcpd import Dhcpd
from iscdhcp.act import claims
from iscdhcp.act import configuring
from iscdhcp.act import dead_man
from iscdhcp.act import partner_down
from iscdhcp.act import previous as act_previous
from iscdhcp.act import restarting
from iscdhcp.act import stage
from iscdhcp.act import starting
from iscdhcp.act.here import Notes
from iscdhcp.act.service import Service
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.errors import IscDhcpError
from iscdhcp.errors import OmapiRefused
from iscdhcp.errors import OmapiTimeout
from iscdhcp.facts import asking
from iscdhcp.facts.server import Server
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host.probe import Heard
from iscdhcp.host.process import Process
from iscdhcp.rules import evidence as evidence_rules
from iscdhcp.rules.verdict import parse_force
from iscdhcp.states import FailoverState
from iscdhcp.states import serves
from pair_facts import server as healthy_server
from world import Clock
from world import Process as WorldProcess
from world import World

#: Seconds for which who stands by watches a call; it never lasts so long.
WATCHES_SECONDS = 600.0
#: Seconds that a host is away while it reboots.
REBOOT = 25.0
CONFIGURATION = """failover peer "{name}" {{
  {role};
  address addr-{mine};
  peer address addr-{theirs};
}}
subnet 10.{net}.0.0 netmask 255.255.255.0 {{
  pool {{ failover peer "{name}"; range 10.{net}.0.10 10.{net}.0.99; }}
}}
"""


class Host:
    """Where a modelled dhcpd runs; an :class:`iscdhcp.host.local.Host`."""

    def __init__(self, world: World, dhcpd: Dhcpd) -> None:
        self.world, self.dhcpd, self.clock = world, dhcpd, Clock(world)
        #: What is to be called before dhcpd is silenced, and with what: the invariants look then.
        self.before: Callable[[Dhcpd, str], None] = lambda dhcpd, how: None
        #: What dhcpd reads.
        self.config_file = ""

    # -- processes

    def find(self, names: Any) -> list[Process]:
        one = self.dhcpd
        if one.pid is None:
            return []
        return [
            Process(
                *(one.pid, one.identity, one.started, ("dhcpd", "-q"), "S", False),
                unit="dhcpd.service",
                environment=(("-cf", self.config_file),),
            )
        ]

    def find_v6(self, names: Any) -> list[Process]:
        return []

    def is_alive(self, one: Process) -> bool:
        return self.dhcpd.identity == one.identity and self.dhcpd.pid is not None

    def wait_exit(self, one: Process, timeout: float) -> bool:
        return self.world.wait(lambda: not self.is_alive(one), timeout)

    def signal_terminate(self, one: Process, look: Any, deadline: float) -> dict[str, Any]:
        """Look and send SIGTERM with dhcpd halted: nobody else gets a turn in between."""
        self.world.point("look", f"the last look at {self.dhcpd.name}")
        if not look():
            raise IscDhcpError("the lease file is not whole")
        if self.is_alive(one):
            self.before(self.dhcpd, "SIGTERM")
            self.dhcpd.terminate()
        self.world.point("act", f"SIGTERM to dhcpd on {self.dhcpd.name}")
        return {"tries": 1, "seconds": 0.0}

    # -- the kernel

    def listens_on_dhcp(self, one: Process) -> bool:
        return self.is_alive(one)

    def failover_connected(self, address: Any, peer_address: Any, ports: Any) -> bool | None:
        for name, end in self.dhcpd.ends.items():
            if peer_address == f"addr-{end.partner}":
                return self.dhcpd.network.connected[name]
        return None

    def sockets(self, table: str) -> list[list[str]]:
        return []

    # -- dhcpd

    @contextlib.contextmanager
    def omapi(self, address: str, port: int, key: Any, timeout: float) -> Iterator[Host]:
        name = address.removeprefix("addr-")
        there = self if address == "127.0.0.1" else self.of(name)
        there.timeout = timeout
        if there.dhcpd.pid is None:
            raise OmapiRefused("nobody listens")
        if there.dhcpd.halted:
            self.world.wait(lambda: False, timeout)
            raise OmapiTimeout(f"no answer within {timeout:g} s")
        yield there

    def of(self, name: str) -> Host:
        """Return another server's."""
        return Host(self.world, self.dhcpd.network.servers[name])

    def failover_state(self, relationship: str) -> dict[str, Any]:
        self.world.point("look", f"OMAPI of {self.dhcpd.name}")
        if self.dhcpd.pid is None:
            raise OmapiRefused("nobody listens")
        end = self.dhcpd.ends[relationship]
        return {
            "relationship": relationship,
            "state": end.state,
            "partner_state": end.seen,
            "since": end.since,
            "partner_since": end.since,
            "mclt": MCLT,
            "unacked": 0,
            "max_unacked": 10,
            "role": end.role,
        }

    def set_local_state(self, relationship: str, state: Any) -> dict[str, Any]:
        if self.dhcpd.pid is None:
            raise OmapiRefused("nobody listens")
        label = FailoverState.parse(state).label
        if label in ("paused", "shutdown"):
            self.before(self.dhcpd, label)
        self.dhcpd.network.world.tell(f"dhcpd on {self.dhcpd.name} is set to {label}")
        self.dhcpd.network.set_state(self.dhcpd, relationship, label)
        self.world.point("act", f"{self.dhcpd.name} set to {label}")
        return self.failover_state(relationship)

    def order_shutdown(self) -> None:
        raise AssertionError("no method of the model orders it")

    def ask(self, question: Any, seconds: float, inform: bool = False) -> Heard | None:
        """
        Ask the partner for an address: nobody but one that serves answers, and at once.

        A question for a sign of life is no moment of its own: what is seen right after it is one.
        """
        network = self.dhcpd.network
        name = list(self.dhcpd.ends)[int(question.network.split(".")[1])]
        partner = network.servers[question.partner.removeprefix("addr-")]
        if not inform:
            self.world.point("look", f"{self.dhcpd.name} asks {partner.name} for an address")
        there = partner.pid is not None and not partner.halted and not partner.ending
        if network.asked and (partner.serves(name) or (inform and there)):
            return Heard(0.001, None if inform else "10.0.0.9")
        self.world.wait(lambda: False, seconds)
        return None

    def dhcpd_verdict(self, path: str, binary: str) -> dict[str, Any]:
        return {"verdict": "accepted", "exit_code": 0, "said": None}

    def last_lines(self, since: float) -> list[str]:
        return ["exiting."]

    # -- the service manager

    def is_systemd(self) -> bool:
        return True

    def unit(self, name: str) -> None:
        return None

    def systemctl(self, *words: str, check: bool = True) -> str:
        if words[0] == "restart":
            self._start()
        elif words[0] == "reset-failed":
            self.dhcpd.failed = False
        elif words[0] == "show" and self.dhcpd.failed:
            return "failed"
        elif words[0] == "show":
            return "inactive" if self.dhcpd.pid is None else "active"
        return ""

    def stand_by(self, unit: str, argv: Any) -> None:
        """As the unit of systemd's that :func:`iscdhcp.act.dead_man.arm` wants."""
        assert self.world.current is not None
        caller, file = self.world.current, Path(argv[argv.index("sh") + 2])

        def over() -> bool:
            return caller.process.killed or caller.done or not file.exists()

        def stands_by() -> None:
            self.world.wait(over, WATCHES_SECONDS)
            if file.exists():
                self.world.tell(f"whoever stands by starts dhcpd on {self.dhcpd.name}")
                dead_man.come_back(str(file), self)

        name = f"stands by on {self.dhcpd.name}"
        self.world.spawn(name, stands_by, WorldProcess(name, self.dhcpd.name))

    def launch(self, argv: Any, variables: Any) -> None:
        raise AssertionError("there is a service here")

    def functions(self) -> dict[str, Any]:
        return {
            "service.available": lambda name: True,
            "service.start": lambda name: self._start(),
            "service.stop": lambda name: None,
            "service.status": lambda name: self.dhcpd.pid is not None,
        }

    def _start(self) -> None:
        self.world.point("act", f"start of dhcpd on {self.dhcpd.name}")
        self.dhcpd.start()


class ModelledServer:
    """A minion's server; an :class:`iscdhcp.act.here.Here`, and the functions that it has."""

    def __init__(self, world: World, dhcpd: Dhcpd, folder: Path) -> None:
        self.id, self.dhcpd, self.folder, self.world = dhcpd.name, dhcpd, folder, world
        self.host = Host(world, dhcpd)
        self.host.config_file = str(folder / "dhcpd.conf")
        self.silent, self.boot = False, 1
        #: What became of the commands that were given to its host: ``None`` while one runs.
        self.jobs: dict[str, Any] = {}
        #: Called when a claim was written: the one before, and the new one.
        self.claimed: Callable[[Any, Any], None] = lambda before, now: None
        (folder / "dhcpd.leases").touch()
        (folder / "log").touch()
        (folder / "notes").mkdir()
        self._read: tuple[str, views.Configuration] | None = None

    # -- Here

    @property
    def notes(self) -> Notes:
        return Notes(self.folder / "notes", self.id, self.host.clock)

    def settings(self) -> Settings:
        return Settings(
            config_file=str(self.folder / "dhcpd.conf"),
            lease_file=str(self.folder / "dhcpd.leases"),
            pid_file=str(self.folder / "dhcpd.pid"),
            log_files=(str(self.folder / "log"),),
        )

    def server(self) -> Server:
        return read_server(self.settings(), self.host, lambda *_: self._parsed())

    def write_configuration(self) -> None:
        """Write dhcpd.conf for the relationships that its dhcpd has."""
        (self.folder / "dhcpd.conf").write_text(
            "omapi-port 7911;\n"
            + "".join(
                CONFIGURATION.format(
                    name=name, role=end.role, mine=self.id, theirs=end.partner, net=net
                )
                for net, (name, end) in enumerate(self.dhcpd.ends.items())
            )
        )

    def _parsed(self) -> views.Configuration:
        """Return what is on disk."""
        path = self.folder / "dhcpd.conf"
        text = path.read_text()
        if self._read is None or self._read[0] != text:
            self._read = text, views.views(syntax.parse_text(text, str(path)))
        return self._read[1]

    def service(self, what_ran: Any = None) -> Service:
        return Service(self.host.functions(), {}, "dhcpd", (), None, self.host)

    def facts(self, brief: bool) -> dict[str, Any]:
        self.world.point("look", f"facts of {self.id}")
        now, one = self.world.now, self.dhcpd
        role = next(iter(one.ends.values())).role
        facts = copy.deepcopy(_HEALTHY[role])
        end_facts = facts["relationships"].pop("foo")
        counted = facts["leases"]["relationships"].pop("foo")
        facts.update(minion=self.id, time=now, boot=f"boot-{self.boot}")
        facts["claim"] = self.notes.claims.current
        facts["acting"] = claims.is_acting(self.folder / "notes")
        facts["paused_by_us"] = self.notes.paused.read()
        facts["leases"]["counted"] = now - 1
        running = one.pid is not None
        facts["process"].update(
            running=running, pid=one.pid, identity=one.identity if running else None,
            started=one.started if running else None, absent=None if running else True,
            stopped=running and one.halted,
        )  # fmt: skip
        answers = running and not one.halted
        facts["omapi"].update(configured=True, answers=answers, authenticated=True, port=7911)
        for name, end in one.ends.items():
            known = running and not one.halted
            state = end.state if known else None
            seen = end.seen if known else None
            facts["leases"]["relationships"][name] = counted
            facts["relationships"][name] = {
                **end_facts,
                "role": end.role,
                "running_role": end.role,
                "peer_address": f"addr-{end.partner}",
                "state": state,
                "partner_state": seen,
                "since": end.since,
                "normal_since": max(end.since, one.started) if state == "normal" else None,
                "source": "omapi" if known else None,
                "why_unknown": None if known else "dhcpd is not running",
                "connected": self.dhcpd.network.connected[name] if known else None,
                "mclt": MCLT,
                "serves": known
                and serves(FailoverState.parse(str(state)), FailoverState.parse(str(seen))),
                "asked": asking.kept(self.notes.folder).get(name),
                "alive": asking.kept_life(self.notes.folder).get(name),
            }
        return facts

    def addresses(self, loopback: bool = True) -> list[str]:
        return [f"addr-{self.id}"]

    def masked(self, text: str, keys: Any = ()) -> str:
        return text

    def tell(self, tag: str, data: Any) -> None:
        self.world.point("message", f"{self.id} tells {tag}")

    def reboots(self) -> None:
        """Have the host go down and come up, with its dhcpd started by its own unit."""
        world = self.world
        if self.silent:
            return
        world.tell(f"{self.id} reboots")
        self.silent = True
        self.jobs.clear()
        for actor in world.actors:
            if actor.process.host == self.id and not actor.done:
                world.kill(actor.process)
        self.dhcpd.end("its host reboots")

        def up() -> None:
            self.silent, self.boot = False, self.boot + 1
            world.tell(f"{self.id} is up again")
            self.dhcpd.start()

        world.after(REBOOT, up)

    def loses_power(self) -> None:
        """Have the host lose its power, and come up with its dhcpd started by its own unit."""
        world = self.world
        if self.silent:
            return
        self.silent = self.dhcpd.off = True
        self.jobs.clear()
        for actor in world.actors:
            if actor.process.host == self.id and not actor.done:
                world.kill(actor.process)
        self.dhcpd.end("its host lost power", closes=False)

        def up() -> None:
            self.silent = self.dhcpd.off = False
            self.boot += 1
            world.tell(f"{self.id} is up again")
            self.dhcpd.start()

        world.after(REBOOT, up)

    # -- the functions of the execution module, as far as runs and people call them

    def call(self, function: str, **words: Any) -> Any:
        """Call ``dhcpd.FUNCTION``; what it refuses by raising is an error."""
        known = {
            "status": self._status,
            "inspect": self._status,
            "claim": self._claim,
            "release_claim": self._release_claim,
            "restart": self._restart,
            "stop": self._stop,
            "start": self._start,
            "resume": lambda run=None: starting.resume(self, run),
            "release_window": lambda drained=False, run=None: partner_down.release(
                self, drained, run
            ),
            "find_job": lambda job: (
                {"gone": True}
                if job not in self.jobs
                else {"running": True}
                if self.jobs[job] is None
                else {"ret": self.jobs[job]}
            ),
            "stage": self._stage,
            "staged": lambda: self.notes.stage.record,
            "unstage": self._unstage,
            "roll_back": self._roll_back,
            "normal_form": self._normal_form,
            "failover_log": lambda since: {"events": [], "clients": None, "error": None},
        }
        try:
            return known[function](**words)
        except claims.Refused as err:
            # As iscdhcp_salt.minion.Minion.answer does.
            return {"result": False, "comment": str(err), "refused": True, "code": err.code}

    def _status(self, ask: Any = None, alive: Any = None) -> dict[str, Any]:
        """
        Return the facts.

        ``ask``: all partners, or by relationship who asks the one there for an address; ``alive``:
        by relationship who asks the one there for a sign of life.
        """
        living = [name for name, askers in (alive or {}).items() if self.id in askers]
        if living:
            asking.ask_for_life(self.server(), self.notes.folder, living)
        facts = self.facts(brief=False)
        names = set(self.dhcpd.ends) if ask is True else set()
        for name, who in (ask or {}).items() if ask is not True else ():
            end = facts["relationships"].get(name)
            if who == self.id and (end["state"], end["partner_state"]) == ("normal", "normal"):
                names.add(name)
        if names and self.dhcpd.pid is not None:
            asked = asking.ask_all(
                self.server(), self.notes.folder, None, names, sparing=ask is not True
            )
            for name, one in asked.items():
                facts["relationships"][name]["asked"] = one
            facts["time"] = self.world.now
        return facts

    def _claim(self, run: Any, who: Any, seconds: float = 180, **words: Any) -> dict[str, Any]:
        self.world.point("look", f"claims of {self.id}")
        before = self.notes.claims.current
        try:
            until = self.notes.claims.claim(run, who, seconds, **words)
        except claims.Refused as err:
            return {"result": False, "comment": str(err), "code": err.code, "claim": err.claim}
        self.claimed(before, self.notes.claims.current)
        return {"result": True, "comment": "claimed", "until": until}

    def _release_claim(self, run: Any = None, token: Any = None) -> dict[str, Any]:
        self.world.point("look", f"claims of {self.id}")
        return {"result": True, "comment": str(self.notes.claims.release(run, token))}

    def _restart(
        self, method: str = "signal", force: Any = None, evidence: Any = None, run: Any = None,
        timeout: Any = None, identity: Any = None, staged: Any = None,
    ) -> Any:  # fmt: skip
        return restarting.restart(
            self, parse_force(force), evidence_rules.given(evidence), run, method, timeout,
            identity, staged,
        )  # fmt: skip

    def _stage(
        self, run: str, test: bool, probation: dict[str, float], source: str | None = None,
        previous: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """As ``dhcpd.stage``, with a line more in dhcpd.conf, or the files of before."""
        self.world.point("look", f"configuration of {self.id}")
        main = str(self.folder / "dhcpd.conf")
        if previous is not None:
            candidates, _ = act_previous.candidates(self, main, previous)
        else:
            old = Path(main).read_text().splitlines(keepends=True)
            kept = [line for line in old if line.strip() not in SOURCES.values()]
            candidates = {main: stage.candidate_beside(main)}
            Path(candidates[main]).write_text("".join([*kept, f"{SOURCES[str(source)]}\n"]))
        seconds = probation.get(self.id, 0.0)
        try:
            return dict(
                configuring.put_on_stage(
                    self, self.server(), run, candidates, test, seconds, previous
                )
            )
        finally:
            configuring.discard(candidates.values())

    def _unstage(self, run: str | None = None) -> dict[str, Any]:
        record = self.notes.stage.record
        if record and run in (None, record["run"]):
            self.notes.stage.clear()
        return {"result": True, "comment": ""}

    def _normal_form(self, nonce: str, relationship: str, digest_only: bool) -> dict[str, Any]:
        path = str(self.folder / "dhcpd.conf")
        form = normal.normal_form(syntax.parse_file(path), nonce, relationship)
        shown = {"digest": form["digest"]} if digest_only else form
        return {**shown, "file": path, "relationships": {}}

    def _roll_back(
        self, run: Any = None, evidence: Any = None, force: Any = None, timeout: Any = None,
        identity: Any = None, method: str = "signal",
    ) -> Any:  # fmt: skip
        return restarting.roll_back(
            self, parse_force(force), evidence_rules.given(evidence), run, method, timeout, identity
        )

    def _stop(
        self, force: Any = None, evidence: Any = None, run: Any = None, method: str = "signal",
        identity: Any = None,
    ) -> Any:  # fmt: skip
        return restarting.stop(
            self, parse_force(force), evidence_rules.given(evidence), run, method, identity
        )

    def _start(self, force: Any = None, timeout: Any = None, run: Any = None) -> Any:
        return starting.start(self, parse_force(force), timeout, run)


_HEALTHY = {
    "primary": healthy_server("dhcp-a", "primary", "dhcp-b"),
    "secondary": healthy_server("dhcp-b", "secondary", "dhcp-a"),
}
