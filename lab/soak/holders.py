"""
Clients that hold leases and renew them, as RFC 2131 says, for as long as they are told to.

Where :mod:`lab.clients` has ever new clients, these come once and stay. At half of its lease a
client asks the server that it has it from (unicast, from its own address), from seven eighths on
any server (through the relay agent, section 4.4.5). It asks again every ``AGAIN`` seconds: the
RFC's pause of a minute is for leases of hours. A lease that nobody has renewed by its end is lost,
as is one that a server refuses; the client begins again.

A process of its own in the relay agent's namespace, which takes the packets for every client's
address. On standard input ``tell`` has it print its state as a line of JSON, ``end`` has it renew
no more, wait for the answers that are due, and print the same.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import itertools
import json
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from ipaddress import IPv4Network
from typing import Any

from lab.clients import ACK
from lab.clients import DELAYS
from lab.clients import DISCOVER
from lab.clients import JITTER
from lab.clients import NAK
from lab.clients import NONE
from lab.clients import OFFER
from lab.clients import REQUEST
from lab.clients import REQUESTED
from lab.clients import SERVER
from lab.clients import lease_time
from lab.clients import packet
from lab.clients import read
from lab.dhcp import Dhcp
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.network import client_network
from lab.network import ip

#: Seconds after which a client asks again to keep its address, ``JITTER`` more or less.
AGAIN = 6.0
#: Seconds that the last answers have: where nobody serves they never come.
PATIENCE = 30.0
#: Of so much of a lease it is renewed at its server, and at any server (T1 and T2).
T1, T2 = 0.5, 0.875
#: Their relay agent's address: loads, other clients and the watch have those before it.
_PLACE = 4
_RELAY_PORT, _CLIENT_PORT = 67, 68
#: Before the clients' own hardware addresses; :mod:`lab.clients` has another.
_FIRST_BYTE = 0x0A


class Holders:
    """So many clients, from ``start`` on.

    :param dhcp: the servers; the clients are those of the first relationship.
    :param count: how many.
    """

    def __init__(self, dhcp: Dhcp, count: int) -> None:
        self._network = dhcp.hosts[dhcp.relationships[0].primary].network
        self._count = count
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Holders:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def start(self) -> None:
        """Begin; returns at once."""
        relay, clients = self._network.relay, client_network(0)
        ip("-n", relay, "address", "add", f"{clients[_PLACE]}/16", "dev", "eth0")
        # What a server sends to a client's own address comes here.
        ip("-n", relay, "route", "add", "local", str(clients), "dev", "lo")
        argv = ["ip", "netns", "exec", relay, sys.executable, "-m", "lab.soak.holders"]
        argv += [str(clients[_PLACE]), str(self._network.servers), str(self._count)]
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT}/_utils"},
            start_new_session=True,
        )

    def tell(self, word: str = "tell") -> dict[str, Any]:
        """Return what has become of them so far, as :meth:`Crowd.told`.

        :raises LabError: when their process has ended.
        """
        assert self._process is not None and self._process.stdin and self._process.stdout
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{word}\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise LabError(f"the clients that hold leases ended: {self._process.wait(10.0)}")
        told: dict[str, Any] = json.loads(line)
        return told

    def end(self) -> dict[str, Any]:
        """Let nobody renew any more; once all answers have come, or never will, return the same."""
        return self.tell("end")


# The clients


@dataclass
class _Client:
    """One client: without an address, with one, or on its way to keep it."""

    number: int
    hardware: bytes
    began: float
    #: ``discover``, ``request``, ``bound``, ``renew``, ``rebind``.
    phase: str = "discover"
    tries: int = 0
    #: Counts what was planned, so that only the last plan is followed.
    plans: int = 0
    offer: bytes = b""
    #: The last packet's transaction, and when it was sent: a lease counts from its REQUEST on.
    #: Each packet has its own, so that it is known which one an answer is for.
    xid: int = 0
    sent: float = 0.0
    address: bytes = b""
    server: bytes = b""
    #: When the lease begins and ends.
    since: float = 0.0
    ends: float = 0.0


class Crowd:
    """All of them, driven by the packets that come and by the time.

    :param send: puts a packet on the way: the data; and a client's and a server's address where
        the one sends it to the other itself, else none.
    :param relay: giaddr.
    :param now: when it begins, on the clock of all the other times.
    """

    def __init__(
        self, send: Callable[[bytes, bytes, bytes], None], relay: bytes, count: int, now: float
    ) -> None:
        self._send = send
        self._relay = relay
        self._due: list[tuple[float, int, int]] = []
        self._ended = False
        self._xids = itertools.count(_FIRST_BYTE << 24)
        self._owners: dict[bytes, _Client] = {}
        self.clients: dict[int, _Client] = {}
        self.counts = dict.fromkeys(
            ("acquired", "renewed", "rebound", "expired", "refused", "duplicates"), 0
        )
        #: When, who, which address and why: leases that were lost and addresses given twice.
        self.losses: list[tuple[float, str, str, str]] = []
        for number in range(1, count + 1):
            client = _Client(number, struct.pack("!BBI", _FIRST_BYTE, 0, number), now)
            self.clients[number] = client
            self._plan(client, now + number * 0.02)

    @property
    def is_quiet(self) -> bool:
        """Whether no client waits for an answer."""
        return all(one.phase == "bound" for one in self.clients.values())

    def end(self) -> None:
        """Nobody renews from now on; who is at it goes on."""
        self._ended = True

    def next_due(self) -> float | None:
        """When something is to be done, if no packet comes."""
        return self._due[0][0] if self._due else None

    def work(self, now: float) -> None:
        """Send what is due."""
        while self._due and self._due[0][0] <= now:
            _, number, plan = heapq.heappop(self._due)
            client = self.clients[number]
            if client.plans == plan:
                self._go_on(client, now)

    def take(self, data: bytes, now: float) -> None:
        """A server's packet has come."""
        answer = read(data)
        if answer is None:
            return
        kind, xid, hardware, address, server = answer
        client = self.clients.get(int.from_bytes(hardware[2:], "big"))
        if client is None or (client.hardware, client.xid) != (hardware, xid):
            return
        if client.phase == "bound":
            return
        if kind == OFFER and client.phase == "discover":
            client.offer = bytes((SERVER, 4)) + server + bytes((REQUESTED, 4)) + address
            client.phase, client.tries = "request", 0
            self._go_on(client, now)
        elif kind == ACK and client.phase != "discover":
            self._bind(client, address, server, lease_time(data), now)
        elif kind == NAK and client.phase == "request":
            self._begin(client, now)
        elif kind == NAK and client.phase in ("renew", "rebind"):
            self._lose(client, "refused", now)

    def told(self, now: float, clock: float) -> dict[str, Any]:
        """Return counts, losses, and what each one holds: its address and when the lease ends.

        :param clock: epoch seconds at ``now``.
        """
        holding = [one for one in self.clients.values() if one.address and one.ends > now]
        return {
            "clients": len(self.clients),
            **self.counts,
            "losses": [(at - now + clock, *what) for at, *what in self.losses],
            #: The lease that ends first, seconds from now.
            "least_s": round(min((one.ends - now for one in holding), default=0.0), 1),
            "leases": {
                one.hardware.hex(":"): [str(IPv4Address(one.address)), one.ends - now + clock]
                for one in holding
            },
        }

    def _go_on(self, client: _Client, now: float) -> None:
        """Do what a client does next, by its phase and the time."""
        if client.phase in ("bound", "renew", "rebind"):
            if client.phase == "bound" and self._ended:
                return
            if now >= client.ends:
                self._lose(client, "expired", now)
                return
            length = client.ends - client.since
            client.phase = "rebind" if now >= client.since + T2 * length else "renew"
        elif client.phase == "request" and client.tries >= len(DELAYS):
            self._begin(client, now)
            return
        self._transmit(client, now)

    def _begin(self, client: _Client, now: float) -> None:
        client.phase, client.tries, client.began = "discover", 0, now
        self._transmit(client, now)

    def _lose(self, client: _Client, why: str, now: float) -> None:
        self._note(client, why, now)
        client.address = b""
        self._begin(client, now)

    def _note(self, client: _Client, why: str, now: float) -> None:
        self.counts[why] += 1
        what = (client.hardware.hex(":"), str(IPv4Address(client.address)), why)
        self.losses.append((now, *what))

    def _bind(
        self, client: _Client, address: bytes, server: bytes, seconds: int, now: float
    ) -> None:
        how = {"renew": "renewed", "rebind": "rebound"}.get(client.phase, "acquired")
        self.counts[how] += 1
        client.address, client.server, client.phase = address, server, "bound"
        client.since, client.ends = client.sent, client.sent + seconds
        other = self._owners.get(address, client)
        if other is not client and other.address == address and other.ends > now:
            self._note(client, "duplicates", now)
        self._owners[address] = client
        self._plan(client, client.since + T1 * seconds)

    def _transmit(self, client: _Client, now: float) -> None:
        client.sent, client.xid = now, next(self._xids)
        seconds = int(now - client.began)
        kind = DISCOVER if client.phase == "discover" else REQUEST
        to_server = client.server if client.phase == "renew" else b""
        self._send(
            packet(
                kind,
                client.xid,
                client.hardware,
                NONE if to_server else self._relay,
                0 if client.address else seconds,
                client.offer if client.phase == "request" else b"",
                client.address or NONE,
            ),
            client.address if to_server else b"",
            to_server,
        )
        pause = DELAYS[min(client.tries, len(DELAYS) - 1)]
        client.tries += 1
        if client.address:
            # At the lease's end at the latest.
            at = min(now + AGAIN + random.uniform(-JITTER, JITTER), client.ends)
        else:
            at = now + pause + random.uniform(-JITTER, JITTER)
        self._plan(client, at)

    def _plan(self, client: _Client, at: float) -> None:
        client.plans += 1
        heapq.heappush(self._due, (at, client.number, client.plans))


# The process


def main() -> int:
    """Run the clients until standard input is closed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("relay", type=IPv4Address)
    parser.add_argument("servers", type=IPv4Network)
    parser.add_argument("count", type=int)
    options = parser.parse_args()
    broadcast = str(options.servers.broadcast_address)
    with _link(str(options.relay), _RELAY_PORT) as relay, _link("", _CLIENT_PORT) as own:

        def send(data: bytes, client: bytes, server: bytes) -> None:
            with contextlib.suppress(OSError):  # it is lost, as packets are
                if not server:
                    relay.sendto(data, (broadcast, _RELAY_PORT))
                    return
                source = struct.pack("=I4s4s", 0, client, NONE)
                ancillary = [(socket.IPPROTO_IP, _IP_PKTINFO, source)]
                own.sendmsg([data], ancillary, 0, (str(IPv4Address(server)), _RELAY_PORT))

        crowd = Crowd(send, options.relay.packed, options.count, time.monotonic())
        words = b""
        give_up: float | None = None
        while True:
            crowd.work(time.monotonic())
            due = crowd.next_due()
            until = min(due if due is not None else 1e12, time.monotonic() + 0.2)
            pause = max(0.0, until - time.monotonic())
            ready, _, _ = select.select([relay, own, 0], [], [], pause)
            for link in (relay, own):
                _receive(link, crowd)
            if 0 in ready:
                read_now = os.read(0, 4096)
                if not read_now:
                    return 0
                *whole, words = (words + read_now).split(b"\n")
                for word in whole:
                    if word == b"end":
                        crowd.end()
                        give_up = time.monotonic() + PATIENCE
                    else:
                        _tell(crowd)
            if give_up is not None and (crowd.is_quiet or time.monotonic() > give_up):
                _tell(crowd)
                give_up = None


#: ``socket`` has no name for it before Python 3.14.
_IP_PKTINFO = 8


def _link(address: str, port: int) -> socket.socket:
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    link.bind((address, port))
    link.setblocking(False)
    return link


def _receive(link: socket.socket, crowd: Crowd) -> None:
    while True:
        try:
            data = link.recv(4096)
        except BlockingIOError:
            return
        crowd.take(data, time.monotonic())


def _tell(crowd: Crowd) -> None:
    print(json.dumps(crowd.told(time.monotonic(), time.time())), flush=True)


if __name__ == "__main__":
    sys.exit(main())
