"""A pair, its master and a command of a person: what the faults strike."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iscdhcp.errors import IscDhcpError
from iscdhcp.host.omapi import OmapiClient

from lab import processes
from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import Dhcp
from lab.dhcp import Omapi
from lab.errors import LabError
from lab.isolation import BIN
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

KINDS = ("restart", "rollout", "reboot", "fleet")
FIRST, SECOND = "first", "second"
#: Where a claim lies on a minion of the lab.
CLAIM = "/var/lib/salt-of-the-lab/cache/dhcpd/claim.json"
#: What a rollout has: files of the master's tree, for each minion.
SOURCE = {
    path: f"salt://faults/{{{{ minion }}}}.{path.rpartition('/')[2]}"
    for path in (CONFIGURATION, COMMON)
}


@dataclass(frozen=True)
class Pair:
    """A relationship and its servers as a run takes them: the secondary first."""

    name: str
    first: str
    second: str

    @property
    def servers(self) -> tuple[str, str]:
        """Both."""
        return self.first, self.second

    def other_than(self, server: str) -> str:
        """Return the other server."""
        return self.second if server == self.first else self.first


PAIRS = (
    Pair("foo", "dhcp-b", "dhcp-a"),
    Pair("bar", "dhcp-d", "dhcp-c"),
    Pair("baz", "dhcp-f", "dhcp-e"),
)


class Scene:
    """
    A healthy pair, and a run that works on it.

    lab, salt, dhcp
        Up, with the pair normal.
    pair
        That the run works on; of a fleet the one that is struck.
    kind
        One of ``KINDS``.
    """

    def __init__(self, lab: Lab, salt: Salt, dhcp: Dhcp, pair: Pair, kind: str) -> None:
        self.lab, self.salt, self.dhcp, self.pair, self.kind = lab, salt, dhcp, pair, kind
        self.before = {name: self.pids(name) for name in pair.servers}
        self.command: subprocess.Popen[str] | None = None
        #: What undoes a fault, in the order of the faults.
        self.cures: list[Callable[[], None]] = []
        #: OMAPI keys that the servers may have, where they were rotated.
        self.keys: list[Omapi] = []
        self._said = ""
        self._others: list[subprocess.Popen[str]] = []
        self._reader: threading.Thread | None = None

    # -- the run -----------------------------------------------------------------------------------

    def arguments(self, again: bool = False) -> list[str]:
        """Return the command; ``again``: it may begin by starting what is down."""
        if self.kind == "restart":
            words = ["dhcp_failover.restart", self.pair.name, *(["heal=True"] if again else [])]
            return ["--out=json", *words]
        if self.kind == "fleet":
            words = ["dhcp_failover.fleet_restart", *(["heal=True"] if again else [])]
            return ["--out=json", *words]
        pillar = {"pair": self.pair.name, "heal": again}
        if self.kind == "rollout":
            pillar |= {"source": SOURCE, "probation": 2}
        else:
            # The computed deadlines are for servers, not for a busy machine that plays all of them.
            pillar |= {"timeout": 300, "host_timeout": 90}
        words = ["state.orch", f"orch.dhcp_failover_{self.kind}", f"pillar={json.dumps(pillar)}"]
        return ["--out=json", *words]

    def begin(self) -> None:
        """Give the command."""
        self.command = self.salt.begin(*self.arguments())

        def read() -> None:
            assert self.command is not None and self.command.stdout is not None
            self._said = self.command.stdout.read()

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def ended(self, seconds: float) -> tuple[int | None, str]:
        """Wait for the command's end; return its exit code (``None``: it had none) and output."""
        assert self.command is not None and self._reader is not None
        try:
            code: int | None = self.command.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.command.pid, signal.SIGKILL)
            self.command.wait()
            code = None
        self._reader.join(10.0)
        return code, self._said

    @property
    def over(self) -> bool:
        """Whether the command has ended."""
        return self.command is not None and self.command.poll() is not None

    def beside(
        self, *arguments: str, config_dir: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        """Begin something else at the master meanwhile, or at another one."""
        self._others.append(self.salt.begin(*arguments, config_dir=config_dir, env=env))

    def at_a_console(self, host: str, *argv: str) -> None:
        """Begin a command on a host meanwhile; ``salt-call`` is that of its minion."""
        if argv[0] == "salt-call":
            config = self.salt.config_dir.parent / host
            argv = (str(BIN / "salt-call"), "-c", str(config), *argv[1:])
        pipe = subprocess.DEVNULL
        self._others.append(self.lab[host].popen(list(argv), stdin=pipe, stdout=pipe, stderr=pipe))

    # -- what is seen ------------------------------------------------------------------------------

    def pids(self, host: str) -> list[tuple[int, int]]:
        """Return the dhcpd of a host that serve or are about to."""
        found = self.dhcp.processes(host)
        return [(one.pid, one.started) for one in found if not only_checks(one.pid)]

    def is_new(self, host: str) -> bool:
        """Whether a host runs one dhcpd, and another than at the beginning."""
        return bool(self.pids(host)) and self.has_ended(host)

    def has_ended(self, host: str) -> bool:
        """Whether the dhcpd that was there at the beginning is gone."""
        return not set(self.before[host]) & set(self.pids(host))

    # -- and afterwards ----------------------------------------------------------------------------

    def cure(self) -> None:
        """Undo the faults, the newest first."""
        while self.cures:
            self.cures.pop()()

    def settle(self, seconds: float = 90.0) -> None:
        """Wait until both hosts are up and their minions and the master answer."""
        for name, host in self.dhcp.hosts.items():
            if not host.running:
                host.start()
                self.salt.start_minion(name)
        deadline = time.monotonic() + seconds
        ping = ("-L", ",".join(self.dhcp.hosts), "test.ping", "--timeout=5")
        while self.salt.salt(*ping).returncode:
            if time.monotonic() > deadline:
                raise LabError("a minion does not answer")

    def learn_keys(self) -> None:
        """Find out with which of its keys each server runs, and have its file have that one."""
        for name in self.dhcp.hosts:
            for key in self.keys:
                if self._answers(name, key):
                    self.dhcp.omapi[name] = key

    def _answers(self, host: str, key: Omapi) -> bool:
        try:
            with OmapiClient(self.lab[host].address, key.port, key.key()) as client:
                return bool(client.failover_state(self.pair.name))
        except IscDhcpError:
            return False

    def close(self) -> None:
        """End what was begun."""
        for one in [*self._others, *filter(None, [self.command])]:
            if one.poll() is None:
                try:
                    one.wait(60.0)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()
        for host in self.dhcp.hosts.values():
            if host.running:
                found = [one.pid for one in host.processes("dhcpd")]
                processes.signal_all(found, signal.SIGCONT)


def only_checks(pid: int) -> bool:
    """Whether a dhcpd only reads a configuration or a lease file (``dhcpd -t``, ``dhcpd -T``)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # In the middle of its exec a process has its new name and no words yet: not known, not counted.
    return words == [b""] or b"-t" in words or b"-T" in words


# -- the moments -----------------------------------------------------------------------------------


def _claimed(scene: Scene) -> bool:
    host = scene.lab[scene.pair.first]
    return host.run(["test", "-e", CLAIM], check=False).returncode == 0


def _first_ends(scene: Scene) -> bool:
    return scene.has_ended(scene.pair.first)


def _first_starts(scene: Scene) -> bool:
    return scene.is_new(scene.pair.first)


def _between(scene: Scene) -> bool:
    return _first_starts(scene) and scene.dhcp.is_normal()


def _second_ends(scene: Scene) -> bool:
    return scene.has_ended(scene.pair.second)


def _second_starts(scene: Scene) -> bool:
    return scene.is_new(scene.pair.second)


#: By name, in their order: when a moment has come, and who is at work then.
MOMENTS: dict[str, tuple[Callable[[Scene], bool], str]] = {
    "both are claimed": (_claimed, FIRST),
    "the first ends": (_first_ends, FIRST),
    "the first has started": (_first_starts, FIRST),
    "the first is normal": (_between, SECOND),
    "the second ends": (_second_ends, SECOND),
    "the second has started": (_second_starts, SECOND),
}


def wait_for(scene: Scene, moment: str) -> bool:
    """Wait for a moment; ``False`` where the command ended before it came."""
    come, _ = MOMENTS[moment]
    wait_until(lambda: scene.over or come(scene), f"{moment}", 120.0, every=0.005)
    return come(scene) or not scene.over
