"""A server of the world: the real acts of a minion, over a modelled dhcpd and host."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dhcpd import MCLT
from dhcpd import Dhcpd
from iscdhcp.act import claims
from iscdhcp.act import partner_down
from iscdhcp.act import restarting
from iscdhcp.act import starting
from iscdhcp.act.here import Notes
from iscdhcp.act.service import Service
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.errors import IscDhcpError
from iscdhcp.errors import OmapiRefused
from iscdhcp.facts.server import Server
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host.process import Process
from iscdhcp.rules import evidence as evidence_rules
from iscdhcp.rules.verdict import parse_force
from iscdhcp.states import FailoverState
from iscdhcp.states import serves
from pair_facts import server as healthy_server
from world import Clock
from world import World

#: Seconds that a host is away while it reboots.
REBOOT = 25.0
CONFIGURATION = """failover peer "{name}" {{
  {role};
  address addr-{mine};
  peer address addr-{theirs};
}}
"""


class Host:
    """Where a modelled dhcpd runs; an :class:`iscdhcp.host.local.Host`."""

    def __init__(self, world: World, dhcpd: Dhcpd) -> None:
        self.world, self.dhcpd, self.clock = world, dhcpd, Clock(world)
        #: What is to be called before dhcpd is silenced, and with what: the invariants look then.
        self.before: Callable[[Dhcpd, str], None] = lambda dhcpd, how: None

    # -- processes

    def find(self, names: Any) -> list[Process]:
        one = self.dhcpd
        if one.pid is None:
            return []
        argv = ("dhcpd", "-q")
        return [Process(one.pid, one.identity, one.started, argv, "S", False, unit="dhcpd.service")]

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
        self.timeout = timeout
        if self.dhcpd.pid is None:
            raise OmapiRefused("nobody listens")
        yield self

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

    def dhcpd_verdict(self, path: str, binary: str) -> dict[str, Any]:
        return {"verdict": "accepted", "exit_code": 0, "said": None}

    def last_lines(self, since: float) -> list[str]:
        return ["exiting."]

    # -- the service manager

    def is_systemd(self) -> bool:
        return False

    def unit(self, name: str) -> None:
        return None

    def systemctl(self, *words: str, check: bool = True) -> str:
        raise AssertionError("there is no systemd here")

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
        self.silent, self.boot = False, 1
        #: Called when a claim was written: the one before, and the new one.
        self.claimed: Callable[[Any, Any], None] = lambda before, now: None
        (folder / "dhcpd.leases").touch()
        (folder / "log").touch()
        (folder / "notes").mkdir()
        self._configuration: views.Configuration | None = None

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

    def _parsed(self) -> views.Configuration:
        if self._configuration is None:
            text = "omapi-port 7911;\n" + "".join(
                CONFIGURATION.format(name=name, role=end.role, mine=self.id, theirs=end.partner)
                for name, end in self.dhcpd.ends.items()
            )
            (self.folder / "dhcpd.conf").write_text(text)
            tree = syntax.parse_text(text, str(self.folder / "dhcpd.conf"))
            self._configuration = views.views(tree)
        return self._configuration

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
        )  # fmt: skip
        facts["omapi"].update(configured=True, answers=running, authenticated=True, port=7911)
        for name, end in one.ends.items():
            known = running
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
        for actor in world.actors:
            if actor.process.host == self.id and not actor.done:
                world.kill(actor.process)
        self.dhcpd.end("its host reboots")

        def up() -> None:
            self.silent, self.boot = False, self.boot + 1
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
            "failover_log": lambda since: {"events": [], "clients": None, "error": None},
        }
        try:
            return known[function](**words)
        except claims.Refused as err:
            # As iscdhcp_salt.minion.Minion.answer does.
            return {"result": False, "comment": str(err), "refused": True, "code": err.code}

    def _status(self, **_: Any) -> dict[str, Any]:
        return self.facts(brief=False)

    def _claim(self, run: Any, who: Any, seconds: float = 180, **words: Any) -> dict[str, Any]:
        self.world.point("look", f"claims of {self.id}")
        before = self.notes.claims.current
        try:
            until = self.notes.claims.claim(run, who, seconds, **words)
        except claims.Refused as err:
            claim = self.notes.claims.current
            return {"result": False, "comment": str(err), "code": err.code, "claim": claim}
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
