"""
Whether a partner's address shows any sign of life: a ping, its OMAPI port.

The failover port is never connected to: dhcpd takes any connection for its partner
(server/failover.c:523).
"""

from __future__ import annotations

import os
import socket
import struct
import time

from ..shapes import LeaseFacts
from ..shapes import Probe
from . import asking
from .server import Server

#: Seconds in which a living host answers a ping or a connection.
PROBE_SECONDS = 1.0
#: Seconds for an address: a second of ping-check, and some more.
DHCP_SECONDS = 1.3
#: Pings until silence counts: one may get lost, the first one often does (ARP).
PINGS = 3


def probe_partner(server: Server, relationship: str, leases: LeaseFacts | None = None) -> Probe:
    """
    Look from this server whether its partner answers: a ping, the OMAPI port, a client's question.

    The partner's OMAPI port is taken to be this server's own: the two share their configuration
    but for the relationship. ``leases`` are this server's, counted. Returns what
    :func:`probe_address` does.
    """
    configuration = server.configuration
    for one in configuration.relationships if configuration else ():
        if one.name == relationship and one.peer_address:
            omapi = configuration.omapi if configuration else None
            port = omapi.port if omapi else None
            if port in (one.port, one.peer_port):
                port = None
            found = probe_address(one.peer_address, port)
            asked = asking.ask(server, one, leases, None, DHCP_SECONDS)
            if asked["asked"] is not None:
                found["dhcp"] = bool(asked["offered"] or asked["alive"])
            return found
    return {
        "address": None,
        "ping": None,
        "omapi": None,
        "omapi_port": None,
        "dhcp": None,
        "error": "it has no peer address",
    }


def probe_address(address: str, omapi_port: int | None) -> Probe:
    """
    Ask an address for a sign of life.

    omapi_port
        ``None`` where there is none. It must not be a failover port.
    """
    found: Probe = {
        "address": address,
        "ping": None,
        "omapi": None,
        "omapi_port": omapi_port,
        "dhcp": None,
        "error": None,
    }
    try:
        numeric = socket.gethostbyname(address)
    except OSError as err:
        found["error"] = f"{address} can't be resolved ({err})"
        return found
    try:
        found["ping"] = ping(numeric)
    except OSError as err:
        found["error"] = f"it can't ping ({err})"
    if omapi_port is not None:
        found["omapi"] = _connect(numeric, omapi_port)
    return found


def _connect(address: str, port: int) -> str:
    try:
        socket.create_connection((address, port), timeout=PROBE_SECONDS).close()
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"
    return "open"


def ping(address: str, seconds: float = PROBE_SECONDS) -> bool:
    """
    Whether an IPv4 address answers one of a few ICMP echo requests (RFC 792).

    seconds
        How long in all. Minimal systems have no ``ping`` command, so this asks by itself; raises
        ``OSError`` where the system does not allow that.
    """
    mine = os.getpid() & 0xFFFF
    expected = b"\0", mine.to_bytes(2, "big")
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        for number in range(PINGS):
            until = min(deadline, time.monotonic() + seconds / PINGS)
            try:
                raw.sendto(_echo_request(mine, number), (address, 0))
            except OSError:
                # No route, or nobody at that address: silence.
                pass
            while (left := until - time.monotonic()) > 0:
                raw.settimeout(left)
                try:
                    packet, (source, _) = raw.recvfrom(2048)
                except OSError:
                    # Nothing in time; or the news that nobody is there.
                    continue
                reply = packet[(packet[0] & 0x0F) * 4 :]
                if source == address and (reply[:1], reply[4:6]) == expected:
                    return True
    return False


def _echo_request(identifier: int, number: int) -> bytes:
    data = b"dhcp failover: are you there?\0\0\0"
    header = struct.pack("!BBHHH", 8, 0, 0, identifier, number)
    words = struct.unpack(f"!{(len(header) + len(data)) // 2}H", header + data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBHHH", 8, 0, ~total & 0xFFFF, identifier, number) + data
