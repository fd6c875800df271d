"""The networks of a lab: servers on one bridge, clients behind a relay agent.

Servers, Salt's master and the tests share 10.90.0.0/24 (a second lab in the same namespaces
10.90.1.0/24). Each failover relationship serves a client network of its own, 10.100.0.0/16,
10.101.0.0/16 and so on; a namespace with an address in each of them is their relay agent.
"""

from __future__ import annotations

import socket
import subprocess
from ipaddress import IPv4Address
from ipaddress import IPv4Network

from lab.errors import LabError
from lab.isolation import require_isolation

_ALL_SERVERS = IPv4Network("10.90.0.0/16")
_ALL_CLIENTS = IPv4Network("10.96.0.0/11")
_FIRST_CLIENTS = IPv4Address("10.100.0.0")
_MOST_CLIENT_NETWORKS = 24


def ip(*arguments: str) -> str:
    """Run ``ip`` and return what it prints.

    :raises LabError: when it fails, with its message.
    """
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def client_network(number: int) -> IPv4Network:
    """The client network of a lab's relationship number 0, 1, ...

    :raises LabError: when there are not so many.
    """
    if not 0 <= number < _MOST_CLIENT_NETWORKS:
        raise LabError(f"a lab has {_MOST_CLIENT_NETWORKS} client networks, none is {number}")
    return IPv4Network((int(_FIRST_CLIENTS) + (number << 16), 16))


def relay_address(number: int) -> IPv4Address:
    """The relay agent's address in a client network: its packets' giaddr."""
    return client_network(number)[1]


class Network:
    """The bridge in the lab's own namespace and the relay agent; servers join one by one.

    :ivar servers: the servers' network.
    :ivar address: where the lab's own namespace is reached by its hosts (Salt's master).
    :ivar relay: the relay agent's network namespace, for ``ip netns exec``.
    """

    def __init__(self) -> None:
        require_isolation()
        taken = {name for _, name in socket.if_nameindex()}
        number = next(n for n in range(256) if f"lab{n}" not in taken)
        self._bridge = f"lab{number}"
        self.servers = list(_ALL_SERVERS.subnets(new_prefix=24))[number]
        self.address = self.servers[1]
        self.relay = f"relay{number}"
        self._next = 11
        self._members: list[str] = []
        self._started = False

    def start(self) -> None:
        """Make the bridge and the relay agent's namespace."""
        bridge = [self._bridge, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0"]
        ip("link", "add", *bridge)
        self._started = True
        ip("address", "add", f"{self.address}/{self.servers.prefixlen}", "dev", self._bridge)
        ip("link", "set", self._bridge, "up")
        self._plug_in(self.relay, self.servers[2])
        for number in range(_MOST_CLIENT_NETWORKS):
            address = f"{relay_address(number)}/{client_network(number).prefixlen}"
            ip("-n", self.relay, "address", "add", address, "dev", "eth0")

    def join(self, name: str) -> IPv4Address:
        """Make a server's network namespace, with ``eth0`` on the bridge.

        :param name: the namespace's name for ``ip netns``.
        :return: the address of its ``eth0``.
        :raises LabError: when the name is in use.
        """
        address = self.servers[self._next]
        self._next += 1
        self._plug_in(name, address)
        # No default route: a look-up of a name fails at once instead of timing out.
        ip("-n", name, "route", "add", str(_ALL_CLIENTS), "via", str(self.servers[2]))
        return address

    def plug(self, name: str, connected: bool) -> None:
        """Plug a member's cable in, or pull it out: addresses and routes stay.

        :param name: the member's.
        """
        ip("link", "set", _plug(name), "up" if connected else "down")

    def stop(self) -> None:
        """Remove every namespace and the bridge."""
        if not self._started:
            return
        for name in self._members:
            ip("link", "delete", _plug(name))  # a deleted namespace takes its time to go
            ip("netns", "delete", name)
        self._members.clear()
        ip("link", "delete", self._bridge)
        self._started = False

    def _plug_in(self, name: str, address: IPv4Address) -> None:
        ip("netns", "add", name)
        self._members.append(name)
        ip("link", "add", "eth0", "netns", name, "type", "veth", "peer", "name", _plug(name))
        ip("link", "set", _plug(name), "master", self._bridge, "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "address", "add", f"{address}/{self.servers.prefixlen}", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")


def _plug(name: str) -> str:
    """The bridge's end of a member's cable; the kernel takes 15 characters."""
    return f"to-{name}"[:15]
