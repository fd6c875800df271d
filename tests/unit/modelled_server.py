"""A server whose dhcpd, clock and service manager are a model; its files are real ones."""

from __future__ import annotations

import contextlib
from pathlib import Path

from iscdhcp.act.here import Notes
from iscdhcp.act.service import Service
from iscdhcp.errors import OmapiRefused
from iscdhcp.facts import gather
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.host.probe import Heard
from iscdhcp.host.process import Process
from iscdhcp.states import FailoverState

CONFIGURATION = """failover peer "foo" {
  secondary;
  address 192.0.2.2;
  peer address 192.0.2.1;
}
omapi-port 7911;
subnet 10.0.0.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; range 10.0.0.10 10.0.0.20; }
}
"""


class ModelledClock:
    """Time that passes only where somebody sleeps."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def time(self):
        return self.now

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class ModelledHost:
    """
    One dhcpd and its service manager.

    ``born_after`` is how long a start takes, or ``None`` where nothing comes up; ``state`` and
    ``partner_state`` are what OMAPI tells; ``done`` is what was done, in its order.
    """

    def __init__(self, born_after=0.5):
        self.clock = ModelledClock()
        #: What dhcpd reads.
        self.config_file = ""
        self.running = self._born(100, self.clock.time() - 5000)
        self.born_after, self.ordered = born_after, None
        #: The dhcpd -6 that run.
        self.beside = []
        self.state, self.partner_state = "normal", "normal"
        self.is_connected = True
        self.done = []
        #: What the partner is asked, and what it answers.
        self.asked = []
        self.partner_offers = lambda question, seconds, inform: Heard(0.001, "10.0.0.20")

    def _born(self, pid, started):
        return Process(
            *(pid, f"boot-{pid}", started, ("dhcpd", "-q"), "S", False),
            unit="dhcpd.service",
            environment=(("-cf", self.config_file),),
        )

    # -- what acts go by

    def find(self, names):
        late = self.ordered is not None and self.born_after is not None
        if late and self.clock.time() >= self.ordered + self.born_after:
            self.running, self.ordered = self._born(101, self.clock.time()), None
        return [self.running] if self.running else []

    def find_v6(self, names):
        return list(self.beside)

    def is_alive(self, one):
        return self.running is not None and self.running.identity == one.identity

    def wait_exit(self, one, timeout):
        self.clock.sleep(0.01)
        return not self.is_alive(one)

    def signal_terminate(self, one, look, deadline):
        tries = 1
        while not look():
            tries += 1
            self.clock.sleep(0.002)
        self.done.append("SIGTERM")
        self.running = None
        return {"tries": tries, "seconds": 0.0}

    def listens_on_dhcp(self, one):
        return self.is_alive(one)

    def failover_connected(self, address, peer_address, ports):
        return self.is_connected

    def sockets(self, table):
        return []

    @contextlib.contextmanager
    def omapi(self, address, port, key, timeout):
        if self.running is None:
            raise OmapiRefused("nobody listens")
        yield self

    def ask(self, question, seconds, inform=False):
        self.asked.append((question, inform))
        return self.partner_offers(question, seconds, inform)

    def dhcpd_verdict(self, path, binary):
        return {"verdict": "accepted", "exit_code": 0, "said": None}

    def last_lines(self, since):
        return ["exiting."]

    def is_systemd(self):
        return False

    def unit(self, name):
        return None

    def systemctl(self, *words, check=True):
        raise AssertionError("there is no systemd here")

    def stand_by(self, unit, argv):
        raise AssertionError("there is no systemd here")

    def launch(self, argv, variables):
        raise AssertionError("there is a service here")

    # -- OMAPI

    def failover_state(self, relationship):
        return {
            "relationship": relationship,
            "state": self.state,
            "partner_state": self.partner_state,
            "since": self.clock.time() - 1000,
            "partner_since": self.clock.time() - 1000,
            "mclt": 60,
            "unacked": 0,
            "max_unacked": 10,
            "role": "secondary",
        }

    def set_local_state(self, relationship, state):
        self.state = FailoverState.parse(state).label
        self.partner_state = "communications-interrupted" if self.state == "paused" else "normal"
        self.done.append(self.state)
        return self.failover_state(relationship)

    # -- the service manager, as Salt's functions

    def functions(self):
        return {
            "service.available": lambda name: True,
            "service.start": lambda name: self._order(),
            "service.stop": lambda name: None,
            "service.status": lambda name: self.running is not None,
        }

    def _order(self):
        self.done.append("start")
        self.ordered = self.clock.time()


class ModelledServer:
    """A :class:`iscdhcp.act.here.Here` with the files of ``folder``."""

    def __init__(self, folder: Path, host: ModelledHost):
        self.id, self.host, self.told = "dhcp-b", host, []
        self.folder = folder
        host.config_file = str(folder / "dhcpd.conf")
        host.running = host._born(host.running.pid, host.running.started)
        (folder / "dhcpd.conf").write_text(CONFIGURATION)
        (folder / "dhcpd.leases").touch()
        (folder / "log").touch()
        (folder / "notes").mkdir()

    @property
    def notes(self):
        return Notes(self.folder / "notes", self.id, self.host.clock)

    def settings(self):
        files = {key: str(self.folder / f"dhcpd.{end}") for key, end in _FILES.items()}
        return Settings(**files, log_files=(str(self.folder / "log"),))

    def server(self):
        return read_server(self.settings(), self.host)

    def service(self, what_ran=None):
        last = what_ran or self.notes.ran_last()
        return Service(self.host.functions(), {}, "dhcpd", (), last, self.host)

    def facts(self, brief):
        facts = gather.gather(self.settings(), self.server())
        return {**facts, "minion": self.id, "claim": self.notes.claims.current}

    def addresses(self, loopback=True):
        return ["192.0.2.2"]

    def masked(self, text, keys=()):
        return text

    def tell(self, tag, data):
        self.told.append((tag, data["what"]))


_FILES = {"config_file": "conf", "lease_file": "leases", "pid_file": "pid"}
