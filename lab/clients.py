"""Clients of a relationship that send again, as RFC 2131 says, and how long each had to wait.

Beside :mod:`lab.load` (perfdhcp, which sends nothing twice) this is what a user would notice. Each
client comes once: DISCOVER, OFFER, REQUEST, ACK. Without an answer it sends again after 4 s, then
8, 16 and 32, each plus or minus one at random (section 4.1), with the seconds since it began, which
is what load balancing goes by. A REQUEST that stays without an answer that long, or is refused,
starts over with a DISCOVER (section 3.1).

A process of its own in the relay agent's namespace, with an address of its own in each client
network: packets go to the servers' broadcast address, as from a relay with both as helpers.
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
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from dataclasses import dataclass
from ipaddress import IPv4Address

from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.network import client_network
from lab.network import ip

#: Seconds between transmissions (RFC 2131, section 4.1), each ``JITTER`` more or less.
DELAYS = (4.0, 8.0, 16.0, 32.0)
JITTER = 1.0
#: Seconds after which a client was served late: it had to send again.
LATE = 4.0
#: Seconds after which a client that has no address counts as never served: four retransmissions.
NEVER = sum(DELAYS) + 10.0

_PORT = 67
_COOKIE = b"\x63\x82\x53\x63"
_HEADER = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
REQUESTED, _LEASE_TIME, _MESSAGE, SERVER = 50, 51, 53, 54
#: No address.
NONE = bytes(4)

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Served:
    """What became of the clients.

    :ivar clients: how many there were.
    :ivar late: how many were served after more than 4 s: they had to send again.
    :ivar never: how many were not served at all, in more than a minute.
    :ivar duplicates: how many were given an address that another client has.
    :ivar sent_again: packets that were sent again.
    :ivar lost: how many DISCOVERs and REQUESTs had no answer when they were first sent.
    :ivar refused: NAKs that they got.
    :ivar median_ms: the median wait from the first DISCOVER to the ACK, milliseconds.
    :ivar slowest_s: the longest, seconds.
    :ivar longest_unserved_s: the longest time in which no client at all had an answer (OFFER or
        ACK), seconds, while new ones came. At best the time between two new clients.
    :ivar unserved_from: when that began, epoch seconds.
    """

    clients: int
    late: int
    never: int
    duplicates: int
    sent_again: int
    lost: int
    refused: int
    median_ms: float
    slowest_s: float
    longest_unserved_s: float
    unserved_from: float

    def __str__(self) -> str:
        return (
            f"{self.late} of {self.clients} clients served after more than {LATE:g} s, "
            f"{self.never} never, {self.duplicates} duplicates, slowest {self.slowest_s:g} s, "
            f"nobody had an answer for {self.longest_unserved_s:g} s at most"
        )


class Clients:
    """Clients that begin one after the other, until they are told to stop.

    :param dhcp: the servers.
    :param relationship: whose clients; the first relationship by default.
    :param place: which of the network's first addresses their relay agent has. Two crowds at the
        same time need two.
    """

    def __init__(
        self, dhcp: Dhcp, relationship: Relationship | str | None = None, place: int = 2
    ) -> None:
        chosen = dhcp.relationship(relationship)
        self._network = dhcp.hosts[chosen.primary].network
        number = dhcp.network_of(chosen)
        # perfdhcp has the first one.
        self._relay = client_network(number)[place]
        self._process: subprocess.Popen[str] | None = None

    def start(self, rate: float) -> None:
        """Begin; returns at once.

        :param rate: new clients per second.
        :raises LabError: when the last ones' result was not taken.
        """
        if self._process is not None:
            raise LabError("the last clients' result was not taken")
        with contextlib.suppress(LabError):  # it has it from the last time
            ip("-n", self._network.relay, "address", "add", f"{self._relay}/16", "dev", "eth0")
        argv = ["ip", "netns", "exec", self._network.relay, sys.executable, "-m", "lab.clients"]
        argv += [str(self._relay), str(self._network.servers.broadcast_address), f"{rate:g}"]
        self._process = subprocess.Popen(
            [*argv, str(next(_numbers) % 256)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT}/_utils"},
        )

    def stop(self, timeout: float = NEVER + 10.0, patient: bool = True) -> Served:
        """Let no more clients begin, wait until each is served or never will be.

        :param timeout: seconds.
        :param patient: False: wait for nobody; who has no address yet counts as never served.
        :raises LabError: when nothing was started, or it failed.
        """
        if self._process is None:
            raise LabError("no clients were started")
        process, self._process = self._process, None
        process.send_signal(signal.SIGINT if patient else signal.SIGTERM)
        try:
            text = process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            raise LabError(f"the clients did not end within {timeout:g} s") from None
        finally:
            process.kill()
        if process.returncode:
            raise LabError(f"the clients failed with exit code {process.returncode}\n{text}")
        return Served(**json.loads(text))


# The packets


def packet(
    kind: int,
    xid: int,
    hardware: bytes,
    relay: bytes,
    seconds: int,
    options: bytes = b"",
    held: bytes = NONE,
) -> bytes:
    """A client's packet as its relay agent sends it on, or as the client itself sends it.

    :param kind: DISCOVER or REQUEST.
    :param hardware: its Ethernet address.
    :param relay: giaddr; ``NONE`` where the client sends it to the server itself.
    :param seconds: since the client began.
    :param options: more of them, encoded.
    :param held: ciaddr, the address that a client has and asks to keep.
    """
    hops, seconds = int(relay != NONE), min(seconds, 0xFFFF)
    head = _HEADER.pack(
        1, 1, 6, hops, xid, seconds, 0, held, NONE, NONE, relay, hardware, b"", b""
    )  # fmt: skip
    return head + _COOKIE + bytes((_MESSAGE, 1, kind)) + options + b"\xff"


def read(data: bytes) -> tuple[int, int, bytes, bytes, bytes] | None:
    """A server's packet: kind, xid, hardware address, address offered, server's identifier.

    :return: None for anything else.
    """
    if len(data) < _HEADER.size + 4 or data[0] != 2:
        return None
    if data[_HEADER.size : _HEADER.size + 4] != _COOKIE:
        return None
    fields = _HEADER.unpack_from(data)
    found = _options(data)
    kind = found.get(_MESSAGE, b"\0")[:1]
    return kind[0] if kind else 0, fields[4], fields[11][:6], fields[8], found.get(SERVER, b"")


def lease_time(data: bytes) -> int:
    """The seconds for which a server's packet gives an address; 0 where it says none."""
    return int.from_bytes(_options(data).get(_LEASE_TIME, b""), "big")


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    position = _HEADER.size + 4
    while position + 1 < len(data) and data[position] != 255:
        if data[position] == 0:
            position += 1
            continue
        length = data[position + 1]
        found[data[position]] = data[position + 2 : position + 2 + length]
        position += 2 + length
    return found


# The clients


@dataclass
class _Client:
    """One client on its way."""

    xid: int
    hardware: bytes
    began: float
    waits_for: int = OFFER
    #: How often the present message was sent.
    tries: int = 0
    #: Counts all that were sent, so that a time-out of an earlier one is told from the last's.
    sent: int = 0
    options: bytes = b""
    seconds: int = 0


class Crowd:
    """All clients of one run, driven by the packets that come and by the time.

    :param send: puts a packet on the way.
    :param relay: giaddr.
    :param series: other clients than those of another series.
    :param now: when it begins, on the clock of all the other times.
    """

    def __init__(
        self, send: Callable[[bytes], None], relay: bytes, series: int, now: float = 0.0
    ) -> None:
        self._send = send
        self._relay = relay
        self._series = series
        self._waiting: dict[int, _Client] = {}
        self._due: list[tuple[float, int, int]] = []
        self._owners: dict[bytes, bytes] = {}
        self.clients = self.sent_again = self.lost = self.refused = self.duplicates = 0
        self.waits: list[float] = []
        self.never = 0
        self._answered = now
        self._ended = False
        #: The longest time without any answer, and when it began.
        self.unserved = (0.0, now)

    @property
    def waiting(self) -> int:
        """How many have no address yet."""
        return len(self._waiting)

    def begin(self, now: float) -> None:
        """A new client comes."""
        self.clients += 1
        number = self.clients
        hardware = struct.pack("!BBI", 6, self._series, number)
        client = _Client(self._series << 24 | number, hardware, now)
        self._waiting[client.xid] = client
        self._discover(client, now)

    def end(self, now: float) -> None:
        """No new client comes from now on: silence means nothing any more."""
        if not self._ended:
            self._count_silence(now)
            self._ended = True

    def _count_silence(self, now: float) -> None:
        """Any client has an answer, or it ends."""
        if not self._ended:
            self.unserved = max(self.unserved, (now - self._answered, self._answered))
            self._answered = now

    def next_due(self) -> float | None:
        """When something is to be done, if no packet comes."""
        return self._due[0][0] if self._due else None

    def work(self, now: float) -> None:
        """Send again what is due."""
        while self._due and self._due[0][0] <= now:
            _, xid, sent = heapq.heappop(self._due)
            client = self._waiting.get(xid)
            if client is None or client.sent != sent:
                continue  # it was answered meanwhile
            self.lost += client.tries == 1
            if now - client.began > NEVER:
                self.never += 1
                del self._waiting[xid]
            elif client.waits_for == ACK and client.tries >= len(DELAYS):
                self._discover(client, now)
            else:
                self.sent_again += 1
                self._transmit(client, now)

    def take(self, data: bytes, now: float) -> None:
        """A server's packet has come."""
        answer = read(data)
        if answer is None:
            return
        kind, xid, hardware, address, server = answer
        client = self._waiting.get(xid)
        if client is None or client.hardware != hardware:
            return
        if kind in (OFFER, ACK):
            self._count_silence(now)
        if kind == OFFER and client.waits_for == OFFER:
            client.waits_for, client.tries = ACK, 0
            client.options = bytes((SERVER, 4)) + server + bytes((REQUESTED, 4)) + address
            self._transmit(client, now)
        elif kind == ACK and client.waits_for == ACK:
            del self._waiting[xid]
            self.waits.append(now - client.began)
            self.duplicates += self._owners.setdefault(address, hardware) != hardware
        elif kind == NAK and client.waits_for == ACK:
            self.refused += 1
            self._discover(client, now)

    def result(self) -> Served:
        """What became of them so far; who still waits was never served."""
        waits = sorted(self.waits) or [0.0]
        return Served(
            clients=self.clients,
            late=sum(wait > LATE for wait in waits),
            never=self.never + len(self._waiting),
            duplicates=self.duplicates,
            sent_again=self.sent_again,
            lost=self.lost,
            refused=self.refused,
            median_ms=round(1000 * statistics.median(waits), 2),
            slowest_s=round(waits[-1], 2),
            longest_unserved_s=round(self.unserved[0], 3),
            unserved_from=self.unserved[1],
        )

    def _discover(self, client: _Client, now: float) -> None:
        client.waits_for, client.tries, client.options = OFFER, 0, b""
        self._transmit(client, now)

    def _transmit(self, client: _Client, now: float) -> None:
        if client.waits_for == OFFER:
            # A REQUEST has the same "secs" as the DISCOVER before it (RFC 2131, section 3.1).
            client.seconds = int(now - client.began)
        kind = DISCOVER if client.waits_for == OFFER else REQUEST
        self._send(
            packet(
                kind, client.xid, client.hardware, self._relay, client.seconds, client.options
            )
        )  # fmt: skip
        delay = DELAYS[min(client.tries, len(DELAYS) - 1)] + random.uniform(-JITTER, JITTER)
        client.tries += 1
        client.sent += 1
        heapq.heappush(self._due, (now + delay, client.xid, client.sent))


def main() -> int:
    """Run the clients until SIGINT, then until each is served; print the result as JSON.

    SIGTERM ends them at once.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("relay", type=IPv4Address)
    parser.add_argument("servers", help="broadcast address")
    parser.add_argument("rate", type=float, help="new clients per second")
    parser.add_argument("series", type=int, help="0 to 255")
    options = parser.parse_args()
    ended: list[int] = []
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda number, _: ended.append(number))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        link.bind((str(options.relay), _PORT))
        link.setblocking(False)

        def send(data: bytes) -> None:
            with contextlib.suppress(OSError):  # it is lost, as packets are
                link.sendto(data, (options.servers, _PORT))

        begun = time.monotonic()
        crowd = Crowd(send, options.relay.packed, options.series, begun)
        while not ended or (crowd.waiting and signal.SIGTERM not in ended):
            now = time.monotonic()
            if ended:
                crowd.end(now)
            while not ended and crowd.clients < (now - begun) * options.rate:
                crowd.begin(now)
            crowd.work(now)
            nexts = [now + 0.2, begun + (crowd.clients + 1) / options.rate if not ended else None]
            until = min(one for one in [*nexts, crowd.next_due()] if one is not None)
            select.select([link], [], [], max(0.0, until - time.monotonic()))
            while True:
                try:
                    data = link.recv(4096)
                except BlockingIOError:
                    break
                crowd.take(data, time.monotonic())
    crowd.end(time.monotonic())
    # From the monotonic clock to the one that people and journals have.
    length, start = crowd.unserved
    crowd.unserved = (length, start + time.time() - time.monotonic())
    print(json.dumps(asdict(crowd.result())), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
