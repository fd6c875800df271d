"""ISC dhcpd on the hosts of a lab: configuration, start, the way to normal.

Each relationship serves a client network of its own (:mod:`lab.network`), so several pairs on one
bridge do not answer each other's clients.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import signal
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field

from iscdhcp.errors import IscDhcpError
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.host.omapi import OmapiKey

from lab.errors import LabError
from lab.hosts import Host
from lab.network import client_network
from lab.network import relay_address
from lab.processes import Process
from lab.processes import listening
from lab.waiting import wait_until

UNIT = "isc-dhcp-server.service"
CONFIGURATION = "/etc/dhcp/dhcpd.conf"
COMMON = "/etc/dhcp/dhcpd.common.conf"
DEFAULTS = "/etc/default/isc-dhcp-server"
LEASES = "/var/lib/dhcp/dhcpd.leases"
PID_FILE = "/run/dhcpd.pid"

# "failover peer foo: I move from startup to normal", "... peer moves from ..."
_MOVE = re.compile(
    r"failover peer (?P<name>.+): (?P<who>I move|peer moves) from \S+ to (?P<state>\S+)"
)


def _random_secret() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@dataclass(frozen=True, repr=False)
class Omapi:
    """The OMAPI port of a server and its key, by default a new one each time.

    :ivar key_name: as secret as ``secret``: dhcpd's authentication can be bypassed by its name.
    :ivar algorithm: ``hmac-md5`` to ``hmac-sha512``.
    :ivar secret: base64.
    """

    port: int = 7911
    key_name: str = field(default_factory=lambda: f"omapi-{secrets.token_hex(4)}")
    algorithm: str = "hmac-sha256"
    secret: str = field(default_factory=_random_secret)

    def key(self) -> OmapiKey:
        """The key as the OMAPI client takes it."""
        return OmapiKey(self.key_name, self.algorithm, self.secret)


@dataclass(frozen=True)
class Relationship:
    """One failover relationship between two hosts.

    :ivar name: ``failover peer "NAME"``.
    :ivar primary: the host's name.
    :ivar secondary: the host's name.
    :ivar mclt: seconds.
    :ivar split: 0 to 256, the primary's share of new clients in 256ths.
    :ivar addresses: how many, from X.Y.1.0 on; 65,000 at most.
    :ivar ranges: first and last addresses within its client network, instead of ``addresses``.
    :ivar port: TCP port of the failover protocol, on both sides.
    :ivar statements: more of them for the ``failover peer`` block.
    """

    name: str
    primary: str
    secondary: str
    mclt: int = 15
    split: int = 128
    addresses: int = 4096
    ranges: tuple[tuple[str, str], ...] = ()
    port: int = 647
    statements: str = ""

    @property
    def servers(self) -> tuple[str, str]:
        """The names of both hosts, the primary first."""
        return self.primary, self.secondary

    def partner(self, host: str) -> str:
        """The name of the other one."""
        return self.secondary if host == self.primary else self.primary


def pair(
    primary: str = "dhcp-a", secondary: str = "dhcp-b", name: str = "foo"
) -> list[Relationship]:
    """One pair."""
    return [Relationship(name, primary, secondary)]


def hub(center: str = "dhcp-b", spokes: Iterable[str] = ("dhcp-a", "dhcp-c")) -> list[Relationship]:
    """A server that is the partner of several: ``foo``, ``bar``, ``baz``, as secondary of each."""
    return [Relationship(name, spoke, center) for name, spoke in zip(_NAMES, spokes, strict=False)]


def pairs(*servers: tuple[str, str]) -> list[Relationship]:
    """Pairs that have nothing to do with each other: ``foo``, ``bar``, ``baz``, ..."""
    return [Relationship(name, *both) for name, both in zip(_NAMES, servers, strict=False)]


_NAMES = ("foo", "bar", "baz", "qux", "quux", "corge", "grault", "garply", "waldo", "fred")


class Dhcp:
    """dhcpd on some hosts and the relationships between them.

    :param hosts: by name; every host that a relationship names must be among them.
    :param relationships: number N of them serves the client network number N.
    :param omapi: for all servers, or by host name; None where OMAPI is off. By default one key
        that all share, as a common file copied between the servers has it.
    :param lease_time: seconds, default and maximum.
    :param ping_check: whether a server pings an address for a second before it offers it.
    :param statements: more of them for all servers' common file.
    :param first_network: the number of the first relationship's client network, where the lab has
        other servers with theirs.
    """

    def __init__(
        self,
        hosts: Mapping[str, Host],
        relationships: Iterable[Relationship],
        omapi: Omapi | None | Mapping[str, Omapi | None] | str = "shared",
        lease_time: int = 120,
        ping_check: bool = False,
        statements: str = "",
        first_network: int = 0,
    ) -> None:
        self.relationships = list(relationships)
        self.first_network = first_network
        names = dict.fromkeys(n for r in self.relationships for n in r.servers)
        self.hosts = {name: hosts[name] for name in names}
        self._others = [host for name, host in hosts.items() if name not in names]
        if isinstance(omapi, str):
            omapi = Omapi()
        by_host = omapi if isinstance(omapi, Mapping) else dict.fromkeys(self.hosts, omapi)
        self.omapi: dict[str, Omapi | None] = {name: by_host.get(name) for name in self.hosts}
        self.lease_time = lease_time
        self.ping_check = ping_check
        self.statements = statements

    def of(self, host: str) -> list[Relationship]:
        """The relationships of a host."""
        return [each for each in self.relationships if host in each.servers]

    def relationship(self, which: Relationship | str | None = None) -> Relationship:
        """A relationship by itself or its name; the first one by default."""
        if which is None:
            return self.relationships[0]
        return self[which] if isinstance(which, str) else which

    def network_of(self, each: Relationship) -> int:
        """The number of a relationship's client network."""
        return self.first_network + self.relationships.index(each)

    def __getitem__(self, name: str) -> Relationship:
        """The relationship of a name; the first one, where it is used twice.

        :raises KeyError: when there is none.
        """
        for each in self.relationships:
            if each.name == name:
                return each
        raise KeyError(name)

    # Configuration

    def configuration(self, host: str) -> dict[str, str]:
        """The files of a server as :meth:`install` writes them: path and text."""
        peers = "".join(self._failover_peer(each, host) for each in self.of(host))
        return {
            CONFIGURATION: f'{peers}include "{COMMON}";\n',
            COMMON: self._common(host),
            DEFAULTS: 'INTERFACESv4="eth0"\nINTERFACESv6=""\n',
        }

    def write_configuration(self) -> None:
        """Write every server's files; nothing is restarted."""
        self._on_all(self._write_configuration)

    def install(self, timeout: float = 30.0) -> None:
        """Write every server's files, forget every lease, start all, and wait for normal.

        A dhcpd on one of the other hosts is stopped: it may serve the same clients.

        :param timeout: seconds until every relationship is normal at both ends.
        :raises LabError: when it is not, with the states.
        """
        for host in self._others:
            _stop(host)
        self.write_configuration()
        self.reset(timeout)

    def reset(self, timeout: float = 30.0) -> None:
        """The same beginning for each test: no leases, all started, all normal at both ends.

        :param timeout: seconds.
        :raises LabError: when it did not come to that, with the states.
        """
        self._on_all(self.stop)
        self._on_all(self._forget_leases)
        for wave in self._waves():
            self._on_all(self._begin_start, wave)
            self._on_all(self._wait_listening, wave)
        self.wait_normal(timeout)
        # The init script sleeps for 2 s after it has started dhcpd.
        self._on_all(self._finish_start)

    # Servers

    def start(self, host: str) -> None:
        """Start a server as an operator would, by systemd, whatever systemd believes.

        :raises LabError: when dhcpd does not run afterwards, with what it logged.
        """
        self._begin_start(host)
        self._finish_start(host)

    def stop(self, host: str) -> None:
        """Stop a server by systemd and wait until its process has ended."""
        _stop(self.hosts[host])

    def kill(self, host: str, signal_number: int = signal.SIGTERM) -> None:
        """End a server's process by a signal, without systemd's knowledge, and wait for its end.

        :param signal_number: one that ends it.
        """
        _kill(self.hosts[host], signal_number)

    def processes(self, host: str) -> list[Process]:
        """The dhcpd processes of a host: one when all is well."""
        return self.hosts[host].processes("dhcpd")

    # States

    def failover_states(self, host: str) -> dict[str, tuple[str, str]]:
        """How a server sees its relationships now.

        :return: relationship, and its own and its partner's state as dhcpd names them; without
            OMAPI as its journal says. Empty when it does not run or does not answer.
        """
        if not self.processes(host):
            return {}
        omapi = self.omapi[host]
        if omapi is None:
            names = {each.name for each in self.of(host)}
            pids = [process.inner_pid for process in self.processes(host)]
            states = states_in_log(_journal(self.hosts[host], pids))
            return {name: both for name, both in states.items() if name in names}
        try:
            with OmapiClient(self.hosts[host].address, omapi.port, omapi.key()) as client:
                readings = [client.failover_state(each.name) for each in self.of(host)]
        except IscDhcpError:
            return {}
        return {r["relationship"]: (r["state"], r["partner_state"]) for r in readings}

    def moves(self, host: str, processes: Iterable[Process]) -> list[tuple[str, str]]:
        """Every state that a server moved to, however short its stay, as its journal tells.

        :param processes: which of its dhcpd, ended or not.
        :return: relationship and state, in order.
        """
        lines = _journal(self.hosts[host], [process.inner_pid for process in processes])
        found = [_MOVE.search(line) for line in lines]
        return [(m["name"], m["state"]) for m in found if m and m["who"] == "I move"]

    def is_normal(self) -> bool:
        """Whether every relationship is normal at both ends, each seeing the other so."""
        return all(
            self.failover_states(name) == {r.name: ("normal", "normal") for r in self.of(name)}
            for name in self.hosts
        )

    def wait_normal(self, timeout: float = 30.0) -> None:
        """Wait until :meth:`is_normal`.

        :param timeout: seconds.
        :raises LabError: with each server's states.
        """

        def so_far() -> str:
            states = {name: self.failover_states(name) for name in self.hosts}
            return f"every relationship is normal at both ends: {states}"

        wait_until(self.is_normal, so_far, timeout)

    # How

    def _failover_peer(self, each: Relationship, host: str) -> str:
        primary = host == each.primary
        role = "primary" if primary else "secondary"
        primary_only = f"mclt {each.mclt};\n  split {each.split};" if primary else ""
        return f"""\
failover peer "{each.name}" {{
  {role};
  address {self.hosts[host].address};
  port {each.port};
  peer address {self.hosts[each.partner(host)].address};
  peer port {each.port};
  max-response-delay 10;
  max-unacked-updates 10;
  load balance max seconds 3;
  {primary_only}
  {each.statements}
}}
"""

    def _common(self, host: str) -> str:
        servers = self.hosts[host].network.servers
        return f"""\
authoritative;
ddns-update-style none;
default-lease-time {self.lease_time};
max-lease-time {self.lease_time};
ping-check {"true" if self.ping_check else "false"};
{self._omapi(host)}
{self.statements}
subnet {servers.network_address} netmask {servers.netmask} {{ }}
{"".join(self._subnet(each) for each in self.of(host))}"""

    def _omapi(self, host: str) -> str:
        omapi = self.omapi[host]
        if omapi is None:
            return ""
        return f"""\
key "{omapi.key_name}" {{
  algorithm {omapi.algorithm};
  secret "{omapi.secret}";
}};
omapi-port {omapi.port};
omapi-key {omapi.key_name};"""

    def _subnet(self, each: Relationship) -> str:
        number = self.network_of(each)
        clients = client_network(number)
        ranges = each.ranges or ((clients[256], clients[256 + each.addresses - 1]),)
        lines = "\n    ".join(f"range {first} {last};" for first, last in ranges)
        return f"""\
subnet {clients.network_address} netmask {clients.netmask} {{
  option routers {relay_address(number)};
  pool {{
    failover peer "{each.name}";
    deny dynamic bootp clients;
    {lines}
  }}
}}
"""

    def _write_configuration(self, host: str) -> None:
        for path, text in self.configuration(host).items():
            # As configuration management does it: what is so already is not touched.
            if self.hosts[host].run(["cat", path], check=False).stdout != text:
                self.hosts[host].write(path, text, mode=0o640 if path == COMMON else 0o644)

    def _forget_leases(self, host: str) -> None:
        forget = f"rm -f {LEASES}* {PID_FILE} && : >{LEASES}"
        self.hosts[host].run(["sh", "-c", forget])

    def _begin_start(self, host: str) -> None:
        # "start" does nothing where systemd has not noticed the process's end (RemainAfterExit).
        self.hosts[host].run(["systemctl", "restart", "--no-block", UNIT])

    def _finish_start(self, host: str) -> None:
        # While the job waits for its turn, the unit's state is still the old one.
        job = ["systemctl", "show", "--property=Job", "--value", UNIT]
        wait_until(
            lambda: self.hosts[host].run(job).stdout.strip() in ("", "0"),
            f"systemd has started dhcpd on {host}",
            timeout=20.0,
        )
        if not self.processes(host):
            log = self.hosts[host].run(
                ["journalctl", "-o", "cat", "-n", "30", "-u", UNIT, "-t", "dhcpd"], check=False
            )
            raise LabError(f"dhcpd on {host} does not run\n{log.stdout}")

    def _waves(self) -> list[list[str]]:
        """The hosts in groups without partners in the same group.

        Of two partners that start at the same moment both connect, refuse the other's connection
        and try again 5 s later.
        """
        waves: list[list[str]] = []
        for host in self.hosts:
            partners = {each.partner(host) for each in self.of(host)}
            for wave in waves:
                if partners.isdisjoint(wave):
                    wave.append(host)
                    break
            else:
                waves.append([host])
        return waves

    def _wait_listening(self, host: str) -> None:
        ports = {each.port for each in self.of(host)}
        wait_until(
            lambda: ports <= listening(self.hosts[host].leader),
            f"dhcpd on {host} listens for its partners",
            timeout=10.0,
            every=0.01,
        )

    def _on_all(self, act: Callable[[str], None], hosts: Iterable[str] | None = None) -> None:
        """Act on several hosts at the same time, on all of them by default."""
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(act, self.hosts if hosts is None else hosts))


def _stop(host: Host) -> None:
    host.run(["systemctl", "stop", UNIT])
    # The unit's stop sends a signal and does not wait, or finds no pid file and sends none.
    _kill(host, signal.SIGTERM)


def _kill(host: Host, signal_number: int) -> None:
    for process in host.processes("dhcpd"):
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal_number)
            os.kill(process.pid, signal.SIGCONT)  # one that is stopped dies of SIGKILL only
    wait_until(
        lambda: not host.processes("dhcpd"), f"dhcpd of {host.name} ends", timeout=10.0, every=0.01
    )


def _journal(host: Host, pids: Iterable[int]) -> list[str]:
    only = [f"_PID={pid}" for pid in pids]
    return host.run(["journalctl", "-b", "-o", "cat", "-t", "dhcpd", *only]).stdout.splitlines()


def states_in_log(
    lines: Iterable[str], before: Mapping[str, tuple[str, str]] | None = None
) -> dict[str, tuple[str, str]]:
    """Where a server's moves lead to, in the order of its log.

    :param lines: dhcpd's messages, with or without a prefix.
    :param before: the states before these lines, as this function returns them.
    :return: relationship, and its own and its partner's last state.
    """
    states = dict(before or {})
    for line in lines:
        move = _MOVE.search(line)
        if move is None:
            continue
        mine, partners = states.get(move["name"], ("unknown-state", "unknown-state"))
        if move["who"] == "I move":
            mine = move["state"]
        else:
            partners = move["state"]
        states[move["name"]] = (mine, partners)
    return states
