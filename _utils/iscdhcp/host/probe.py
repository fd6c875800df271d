"""
A client's question to the partner: whether it serves, as only an answer can prove.

What a server reports of its partner is old by up to ``max-response-delay``: a partner that is
halted, or has lost its power, reads ``normal`` all that time. So it is asked by DHCP itself, as a
relay would ask for a client: by UDP to its port 67, ``giaddr`` being this server's own address,
with the subnet in option 118 (RFC 3011) and in option 82.5 (RFC 3527). The answer goes to
``giaddr`` port 67, where this server's own dhcpd listens, and is read from a packet socket beside
it.

Measured (dhcpd 4.4.3-P1, Debian 12, pairs on one machine):

* An OFFER comes after 0.4 to 3 ms from a partner that serves. With ping-check on it comes after a
  second, unless the address was offered or pinged within the last minute (``ping-cltt-secs``): the
  first question warms the next ones. One that was asked 62 s later waited again.
* A partner that is halted answers nothing. One that is paused (local state 7) answers a DHCPINFORM,
  and offers nothing. One whose dhcpd has ended answers nothing.
* ``secs`` above ``load balance max seconds`` makes that partner answer which the hash does not name
  (server/failover.c, load_balance_mine).
* An offered address is held for two minutes, in memory; nothing is written to the lease file.
* This server's own dhcpd sees the packet on its way out and offers an address too (its packet
  socket gets what is sent): both servers log the question, and only the partner's answer counts.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import time
from dataclasses import dataclass

#: The client that all our questions come from: locally administered, the same everywhere, so that
#: a server keeps one address for it and no more.
CLIENT = bytes.fromhex("02d4cf0b0be5")
SERVER_PORT = 67
#: ``secs`` of a client that has waited: more than any ``load balance max seconds`` in use.
WAITED = 255
#: Seconds between two sendings of a question: a packet may get lost, the first often does (ARP).
AGAIN = 0.4

_DISCOVER, _OFFER, _ACK, _INFORM = 1, 2, 5, 8
_COOKIE = bytes((99, 130, 83, 99))
_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER = 26


@dataclass(frozen=True)
class Question:
    """
    What a partner is asked.

    partner, own
        Its address, and this server's own: where its answer goes. Names are resolved.
    network
        An address in the subnet from which an address is asked for.
    """

    partner: str
    own: str
    network: str


@dataclass(frozen=True)
class Heard:
    """An answer: after how many ``seconds``, and which ``address`` was offered (if one was)."""

    seconds: float
    address: str | None = None


def discover(question: Question, seconds: float) -> Heard | None:
    """
    Ask for an address; return what was offered within ``seconds``, or ``None``.

    Raises ``OSError`` where the question can't be put (no such address here, no packet sockets).
    """
    return _ask(question, _DISCOVER, _OFFER, seconds)


def inform(question: Question, seconds: float) -> Heard | None:
    """
    Ask for options only: a dhcpd that runs answers, in any state, if it is authoritative.

    Arguments, return and errors as of :func:`discover`.
    """
    return _ask(question, _INFORM, _ACK, seconds)


def _ask(question: Question, asks: int, expects: int, seconds: float) -> Heard | None:
    number = os.urandom(4)
    question = Question(
        socket.gethostbyname(question.partner),
        socket.gethostbyname(question.own),
        question.network,
    )
    packet = message(asks, number, question)
    with _listener(number) as ears, _sender(question.own) as mouth:
        begun = time.monotonic()
        deadline, due = begun + seconds, begun
        while True:
            now = time.monotonic()
            if now >= deadline:
                return None
            if now >= due:
                due = now + AGAIN
                try:
                    mouth.sendto(packet, (question.partner, SERVER_PORT))
                except ConnectionRefusedError:
                    pass  # an earlier packet found nobody there
                except OSError:
                    # No route, or the host next to us is gone: silence.
                    pass
            ears.settimeout(max(0.001, min(deadline, due) - time.monotonic()))
            try:
                data, address = ears.recvfrom(4096)
            except TimeoutError:
                continue
            if address[2] == socket.PACKET_OUTGOING:
                continue
            offered = answer_in(data, number, expects, question.partner)
            if offered is not None:
                return Heard(round(time.monotonic() - begun, 6), offered or None)


def message(kind: int, number: bytes, question: Question) -> bytes:
    """Return the question as it goes over the wire (RFC 2131, section 2)."""
    own = socket.inet_aton(question.own)
    network = socket.inet_aton(question.network)
    client = own if kind == _INFORM else bytes(4)
    head = struct.pack("!BBBB4sHH", 1, 1, 6, 1, number, WAITED, 0)
    addresses = client + bytes(8) + own
    options = bytes((53, 1, kind)) + bytes((118, 4)) + network + bytes((82, 6, 5, 4)) + network
    body = head + addresses + CLIENT + bytes(10) + bytes(192) + _COOKIE + options + b"\xff"
    return body.ljust(300, b"\0")


def answer_in(data: bytes, number: bytes, expects: int, partner: str) -> str | None:
    """
    Return the address in an IPv4 packet that answers our question; ``""``: it names none.

    ``None`` where it is no such answer, or another server's.
    """
    start = (data[0] & 15) * 4 if data else 0
    message = data[start + 8 :]
    if len(message) < 240 or data[9] != socket.IPPROTO_UDP:
        return None
    if message[0] != 2 or message[4:8] != number or message[236:240] != _COOKIE:
        return None
    options = _options(message[240:])
    if options.get(53) != bytes((expects,)):
        return None
    identifier = options.get(54, b"")
    ours = socket.inet_aton(partner)
    # server-identifier may be another address of the same host: then the packet's source tells.
    if ours not in (identifier, data[12:16]):
        return None
    address = message[16:20]
    return socket.inet_ntoa(address) if any(address) else ""


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if at + 1 >= len(data):
            break
        length = data[at + 1]
        found[data[at]] = data[at + 2 : at + 2 + length]
        at += 2 + length
    return found


def _sender(own: str) -> socket.socket:
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sender.bind((own, 0))
    except OSError:
        sender.close()
        raise
    return sender


def _listener(number: bytes) -> socket.socket:
    """Return a packet socket that hears only BOOTP replies with our transaction's number."""
    ears = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP))
    try:
        _filter(ears, number)
    except OSError:
        ears.close()
        raise
    return ears


def _filter(ears: socket.socket, number: bytes) -> None:
    """Let through UDP from anyone whose BOOTP message is a reply to ``number`` (classic BPF)."""
    wanted = int.from_bytes(number, "big")
    program = [
        (0x30, 0, 0, 9),  # ldb [9]: the protocol
        (0x15, 0, 6, socket.IPPROTO_UDP),
        (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf): the header's length
        (0x50, 0, 0, 8),  # ldb [x + 8]: BOOTP's op
        (0x15, 0, 3, 2),
        (0x40, 0, 0, 12),  # ld [x + 12]: its xid
        (0x15, 0, 1, wanted),
        (0x06, 0, 0, 0x40000),
        (0x06, 0, 0, 0),
    ]
    code = b"".join(struct.pack("=HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code)
    ears.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(buffer)),
    )
