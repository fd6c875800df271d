"""Asks a running dhcpd about its failover relationships over OMAPI, and sets their state.

OMAPI is dhcpd's own control protocol over TCP (``omapi-port``), IPv4 only, without encryption.
The messages are pypureomapi's; what is here is what a tool that restarts servers needs besides:

* one deadline for a whole operation, where a socket's time-out starts over with each byte;
* HMAC-SHA1 and the SHA-2 family, where pypureomapi has HMAC-MD5 alone;
* an error of its own for each thing that can be wrong, where pypureomapi says "not found";
* nothing logged: pypureomapi's connection writes the key's name to the debug log.

Sources: omapip/protocol.c, omapip/message.c, omapip/auth.c and server/failover.c of 4.4.3-P1.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from typing import TYPE_CHECKING
from typing import Any

from ..errors import IscDhcpError
from ..errors import OmapiClosed
from ..errors import OmapiError
from ..errors import OmapiKeyRequired
from ..errors import OmapiLibraryMissing
from ..errors import OmapiNotFound
from ..errors import OmapiRefused
from ..errors import OmapiRejected
from ..errors import OmapiTimeout
from ..errors import OmapiUnknownKey
from ..errors import OmapiWrongSecret
from ..shapes import OmapiState
from ..states import FailoverState

if TYPE_CHECKING:
    from pypureomapi import OmapiMessage

# isclib.c:347-361
ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")

# dhcpd takes any number for local-state and dies of most (failover.c:3104, then 1716).
WRITABLE = frozenset(
    {
        FailoverState.NORMAL,
        FailoverState.PARTNER_DOWN,
        FailoverState.RECOVER,
        FailoverState.PAUSED,
        FailoverState.SHUTDOWN,
    }
)

# includes/omapip/result.h; 23 is ISC_R_NOTFOUND
_SUCCESS, _NOT_FOUND, _NO_KEYS, _INVALID_KEY = 0, 23, 0x60009, 0x6000B

# Protocol version 100, headers of 24 bytes: what either side says first (omapip/protocol.c).
_STARTUP = struct.pack("!2L", 100, 24)

# authid, authlen, opcode, handle, tid, rid (omapip/protocol.c)
_HEADER = struct.Struct("!6L")

# A failover-state object takes 500 bytes; the lengths on the wire reach 4 GiB.
_MESSAGE_LIMIT = 65536


def _pypureomapi() -> Any:
    """The library, imported on first use so that everything else works without it."""
    try:
        import pypureomapi  # pylint: disable=import-outside-toplevel
    except ImportError:
        raise OmapiLibraryMissing(
            "OMAPI needs the Python library pypureomapi, which is not installed here: "
            "run `salt-pip install pypureomapi`, or `pip install pypureomapi` without salt-pip"
        ) from None
    return pypureomapi


@dataclass(frozen=True, repr=False)
class OmapiKey:
    """A key as dhcpd.conf declares it. Its name is as secret as its secret, so neither is shown.

    :param name: the key's name, not empty.
    :param algorithm: one of :data:`ALGORITHMS`, in any case, with or without the domain that
        dhcpd adds (``.SIG-ALG.REG.INT.``); kept in its short form.
    :param secret: base64 as in dhcpd.conf; like there the padding may be missing.
    :raises OmapiError: when one of them cannot be right. The text does not quote any.
    """

    name: str
    algorithm: str
    secret: str
    _bytes: bytes = field(default=b"", init=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise OmapiError("the OMAPI key has no name")
        algorithm = str(self.algorithm).strip().lower().rstrip(".")
        algorithm = algorithm.removesuffix(".sig-alg.reg.int")
        if algorithm not in ALGORITHMS:
            raise OmapiError(f"the OMAPI key's algorithm is none of {', '.join(ALGORITHMS)}")
        object.__setattr__(self, "algorithm", algorithm)
        object.__setattr__(self, "_bytes", self._secret_bytes())
        if not self._bytes:
            raise OmapiError("the OMAPI key's secret is empty")

    def __repr__(self) -> str:
        return f"OmapiKey(name=<masked>, algorithm={self.algorithm!r}, secret=<masked>)"

    def sign(self, message: bytes) -> bytes:
        """The signature of some bytes.

        :raises OmapiError: where this host's cryptography policy forbids the algorithm.
        """
        try:
            return hmac.digest(self._bytes, message, self.algorithm.removeprefix("hmac-"))
        except ValueError:
            raise OmapiError(f"this host does not allow {self.algorithm} (FIPS mode?)") from None

    def _secret_bytes(self) -> bytes:
        text = "".join(str(self.secret).split())
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except ValueError:
            raise OmapiError("the OMAPI key's secret is not base64") from None


class OmapiClient:
    """A connection to one dhcpd, to be used in a ``with`` block.

    It connects on entering, or with the first request, and again with the first request after an
    error that closed it. Close it soon: dhcpd has about 190 places for OMAPI clients and shares
    them with its failover partner. Not for several threads at once.

    :param host: IPv4 address of the server. A name works, but no deadline bounds its look-up.
    :param port: TCP port, dhcpd.conf's ``omapi-port``.
    :param key: the key that dhcpd.conf's ``omapi-key`` names, or None where there is none.
    :param timeout: seconds that entering, and each request after it, may take as a whole.

    Each method raises :class:`OmapiLibraryMissing` without pypureomapi; :class:`OmapiRefused`
    without a connection; :class:`OmapiTimeout` when not a byte of an answer came in time;
    :class:`OmapiClosed` when none came whole, or none that makes sense; :class:`OmapiUnknownKey`,
    :class:`OmapiWrongSecret`, :class:`OmapiKeyRequired` when the server or this side does not trust
    the other; :class:`OmapiRejected` for any other status.
    """

    def __init__(self, host: str, port: int, key: OmapiKey | None, timeout: float = 2.0) -> None:
        self.host = host
        self.port = port
        self.key = key
        self.timeout = timeout
        self._stream: _Stream | None = None
        self._signer: _Signer | None = None

    def __enter__(self) -> OmapiClient:
        with self._operation():
            return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._stream is not None:
            self._stream.close()
        self._stream = self._signer = None

    def failover_state(self, relationship: str) -> OmapiState:
        """What the server knows of one failover relationship.

        :param relationship: its name in dhcpd.conf (``failover peer "NAME"``).
        :return: ``relationship``, ``state``, ``partner_state`` (names, see
            :class:`FailoverState`), ``state_number``, ``partner_state_number``, ``since`` and
            ``partner_since`` (when each state began; epoch seconds by either server's clock),
            ``mclt`` (seconds; 0 on a secondary that never had a partner), ``unacked`` and
            ``max_unacked`` (updates sent and not yet acknowledged, and how many may be),
            ``max_response_delay`` (seconds), ``role`` (``primary`` or ``secondary``).
        :raises OmapiNotFound: when the server has no relationship of that name.
        """
        with self._operation():
            return _reading(relationship, self._open(relationship).obj)

    def set_local_state(self, relationship: str, state: FailoverState) -> OmapiState:
        """Set a server's own state in one relationship and read it again.

        dhcpd checks nothing (failover.c:3099-3104): whether the state is safe now is the caller's
        to decide, and only both servers' states, read again, tell what came of it.

        :param relationship: its name in dhcpd.conf.
        :param state: one of :data:`WRITABLE`: normal, partner-down, recover, paused, shutdown.
        :return: as from :meth:`failover_state`, read after the change.
        :raises OmapiNotFound: when the server has no relationship of that name.
        :raises OmapiError: when the state is not one to be set; nothing was sent then.
        """
        state = FailoverState.parse(state)
        if state not in WRITABLE:
            raise OmapiError(f"{state.label} is never set over OMAPI: dhcpd crashes or gets stuck")
        with self._operation():
            update = _pypureomapi().OmapiMessage.update(self._open(relationship).handle)
            update.update_object({b"local-state": struct.pack("!L", state)})
            try:
                status = self._ask(update)
                if _result(status)[0] != _SUCCESS:
                    raise self._refusal(status, f"set {relationship} to {state.label}")
                return _reading(relationship, self._open(relationship).obj)
            except (OmapiTimeout, OmapiClosed) as err:
                text = f"{err}; whether {relationship} was set to {state.label} is unknown"
                raise type(err)(text) from err

    def order_shutdown(self) -> None:
        """Tell dhcpd to shut itself down, by the state of its control object.

        It answers nothing from then on and needs 12-18 s to end (dhcpd.c:1628-1796); its partner is
        not told. In state normal that costs clients half of all answers meanwhile, and MCLT after
        the next start: hand over first (:mod:`iscdhcp.act.handover`).

        :raises OmapiError: when the order could not be given. That no answer came is no error.
        """
        library = _pypureomapi()
        with self._operation():
            answer = self._ask(library.OmapiMessage.open(b"control"))
            if answer.opcode != library.OMAPI_OP_UPDATE or not answer.handle:
                raise self._refusal(answer, "show its control object")
            update = library.OmapiMessage.update(answer.handle)
            update.update_object({b"state": struct.pack("!L", 2)})
            with contextlib.suppress(OmapiTimeout, OmapiClosed):
                status = self._ask(update)
                if _result(status)[0] != _SUCCESS:
                    raise self._refusal(status, "shut down")

    @contextlib.contextmanager
    def _operation(self) -> Iterator[None]:
        """One deadline for all inside, and no half-used connection left behind."""
        deadline = time.monotonic() + self.timeout
        connected = False
        try:
            if self._stream is None:
                library = _pypureomapi()
                self._stream = _Stream(self.host, self.port, self.timeout, deadline)
                self._stream.greet()
                if self.key is not None:
                    self._signer = self._authenticate(library, self.key)
            self._stream.deadline = deadline
            connected = True
            yield
        except BaseException as err:
            # A plain "no" to a request leaves the connection as good as it was; a "no" to the key
            # does not: the next request would go out unsigned.
            if not (connected and isinstance(err, (OmapiNotFound, OmapiRejected))):
                self.close()
            raise

    def _authenticate(self, library: Any, key: OmapiKey) -> _Signer:
        """Agree with the server on the key: it answers with a number for it (message.c)."""
        request = library.OmapiMessage.open(b"authenticator")
        wire_algorithm = f"{key.algorithm}.SIG-ALG.REG.INT."
        request.update_object({b"name": _encoded(key.name), b"algorithm": wire_algorithm.encode()})
        answer = self._ask(request)
        if answer.opcode == library.OMAPI_OP_UPDATE and answer.handle:
            return _Signer(key, answer.handle)
        code = _result(answer)[0]
        if code == _NOT_FOUND:
            raise OmapiUnknownKey(
                f"dhcpd at {self._where} knows no key of this name with algorithm {key.algorithm}: "
                "its running configuration is not the one that the key was read from"
            )
        if code == _INVALID_KEY:  # dhcpd.c:118-122
            raise OmapiUnknownKey(
                f"dhcpd at {self._where} has this key, but its omapi-key names another one"
            )
        raise self._refusal(answer, "use the key")

    def _open(self, relationship: str) -> OmapiMessage:
        """The relationship's object and its handle, in the answer that brings them."""
        library = _pypureomapi()
        name = _encoded(relationship)
        if not 0 < len(name) < 1024:  # dhcpd takes an empty one for none: "can't create new object"
            raise OmapiNotFound("no failover relationship has an empty or endless name")
        request = library.OmapiMessage.open(b"failover-state")
        request.update_object({b"name": name})
        try:
            answer = self._ask(request)
        except OmapiClosed as err:
            raise OmapiClosed(f"{err}{self._about_algorithm()}") from None
        if answer.opcode == library.OMAPI_OP_UPDATE and answer.handle:
            return answer
        if _result(answer)[0] == _NOT_FOUND:
            raise OmapiNotFound(
                f"dhcpd at {self._where} has no failover relationship {relationship}"
            )
        raise self._refusal(answer, f"show {relationship}")

    def _about_algorithm(self) -> str:
        """What to add where a server agreed on the key and hung up on the first use of it."""
        stream, key = self._stream, self.key
        if stream is None or not stream.hung_up or stream.answers > 1:
            return ""
        if key is None or key.algorithm == "hmac-md5":
            return ""
        # Measured: 4.4.1 of Debian 11 and Ubuntu 22.04.
        return f" (its key is of {key.algorithm}; dhcpd 4.4.1 takes hmac-md5 only)"

    def _ask(self, request: OmapiMessage) -> OmapiMessage:
        """Send a request and return its answer, proved to be the answer to it and to be genuine."""
        assert self._stream is not None
        signer = self._signer
        self._stream.send(bytes(4) + _packed(request) if signer is None else signer.signed(request))
        answer, body = self._stream.receive()
        if not answer.is_response(request):
            raise OmapiClosed(f"{self._where} answered a request that was not made")
        if signer is None:
            if answer.authid or answer.signature:
                raise OmapiClosed(f"{self._where} signed an answer to an unsigned request")
            return answer
        signature = signer.key.sign(body)
        if answer.authid == signer.authid and hmac.compare_digest(signature, answer.signature):
            return answer
        if answer.opcode == _pypureomapi().OMAPI_OP_STATUS and not answer.authid:
            # Of a key that it does not trust dhcpd makes no use: this status comes unsigned.
            code = _result(answer)[0]
            if code in (_INVALID_KEY, _NO_KEYS):
                raise self._refusal(answer, "answer")
        raise OmapiWrongSecret(f"the answer of {self._where} does not carry the key's signature")

    def _refusal(self, answer: OmapiMessage, wish: str) -> OmapiError:
        """The error that fits a status other than success."""
        code, words = _result(answer)
        if code == _INVALID_KEY:
            return OmapiWrongSecret(
                f"dhcpd at {self._where} does not accept the key's signature: "
                "it runs with another secret for this key"
            )
        if code == _NO_KEYS:
            return OmapiKeyRequired(
                f"dhcpd at {self._where} answers signed requests only: "
                "give the key that its omapi-key names"
            )
        if self.key is not None:
            words = words.replace(self.key.name, "***").replace(self.key.secret, "***")
        text = f"dhcpd at {self._where} refused to {wish}: result {code:#x}"
        return OmapiRejected(f"{text} ({words})" if words else text, code, words)

    @property
    def _where(self) -> str:
        return f"{self.host}:{self.port}"


class _Signer:
    """Signs messages with a key and the number that the server gave it."""

    def __init__(self, key: OmapiKey, authid: int) -> None:
        self.key = key
        self.authid = authid
        self._room = bytes(len(key.sign(b"")))

    def signed(self, request: OmapiMessage) -> bytes:
        """The request as it goes on the wire; the number before what is signed is not."""
        request.authid, request.signature = self.authid, self._room
        body = _packed(request)
        return struct.pack("!L", self.authid) + body + self.key.sign(body)


class _Stream:
    """Whole messages over one TCP connection, none awaited past ``deadline`` (monotonic)."""

    def __init__(self, host: str, port: int, timeout: float, deadline: float) -> None:
        self.deadline = deadline
        self._where = f"{host}:{port}"
        self._timeout = timeout
        self._buffer = b""  # from the current message's first byte on
        #: How many answers came, and whether the server closed instead of giving the next one.
        self.answers, self.hung_up = 0, False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(self._left())
            self._socket.connect((host, port))
        except TimeoutError:
            self.close()
            raise OmapiTimeout(f"no connection to {self._where} within {timeout:g} s") from None
        except (OSError, ValueError, OverflowError) as err:
            self.close()
            raise OmapiRefused(
                f"no OMAPI at {self._where} ({getattr(err, 'strerror', None) or err}): "
                "dhcpd is down there, or has no such omapi-port"
            ) from None

    def close(self) -> None:
        self._socket.close()

    def greet(self) -> None:
        """Exchange the first eight bytes, by which OMAPI servers are told from others."""
        self.send(_STARTUP)
        self._need(len(_STARTUP))
        if not self._buffer.startswith(_STARTUP):
            raise OmapiClosed(f"what answers at {self._where} does not speak OMAPI")
        self._buffer = self._buffer[len(_STARTUP) :]

    def send(self, data: bytes) -> None:
        """Send all of it."""
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(data)
        except TimeoutError:
            raise OmapiTimeout(f"{self._where} read nothing within {self._timeout:g} s") from None
        except OSError as err:
            raise self._broken(err) from None

    def receive(self) -> tuple[OmapiMessage, bytes]:
        """The next message (omapip/protocol.c), and those of its bytes that are signed."""
        self._need(_HEADER.size)
        authid, authlen, opcode, handle, tid, rid = _HEADER.unpack_from(self._buffer)
        message, end = self._dictionary(_HEADER.size)
        obj, end = self._dictionary(end)
        self._need(end + authlen)
        body, signature = self._buffer[4:end], self._buffer[end : end + authlen]
        self._buffer = self._buffer[end + authlen :]
        self.answers += 1
        library = _pypureomapi()
        answer = library.OmapiMessage(authid, opcode, handle, tid, rid, message, obj, signature)
        return answer, body

    def _dictionary(self, at: int) -> tuple[list[tuple[bytes, bytes]], int]:
        """The names and values from a place in the current message on, and the place behind."""
        entries: list[tuple[bytes, bytes]] = []
        while True:
            self._need(at + 2)
            begin = at + 2
            name_end = begin + int.from_bytes(self._buffer[at:begin], "big")
            if name_end == begin:
                return entries, begin
            value = name_end + 4
            self._need(value)
            at = value + int.from_bytes(self._buffer[name_end:value], "big")
            self._need(at)
            entries.append((self._buffer[begin:name_end], self._buffer[value:at]))

    def _need(self, size: int) -> None:
        """Have so many bytes of the current message."""
        if size > _MESSAGE_LIMIT:
            raise OmapiClosed(f"{self._where} sent something else than an OMAPI answer")
        while len(self._buffer) < size:
            self._buffer += self._more()

    def _more(self) -> bytes:
        begun = bool(self._buffer)
        try:
            self._socket.settimeout(self._left())
            data = self._socket.recv(_MESSAGE_LIMIT)
        except TimeoutError:
            if begun:
                text = f"{self._where} sent only part of an answer within {self._timeout:g} s"
                raise OmapiClosed(text) from None
            raise OmapiTimeout(
                f"dhcpd at {self._where} did not answer within {self._timeout:g} s"
            ) from None
        except OSError as err:
            raise self._broken(err) from None
        if not data:
            self.hung_up = not begun
            when = "in the middle of an answer" if begun else "without an answer"
            raise OmapiClosed(f"dhcpd at {self._where} closed the connection {when}")
        return data

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:  # to a socket 0 would mean "do not block"
            raise TimeoutError
        return left

    def _broken(self, err: OSError) -> OmapiClosed:
        return OmapiClosed(f"the connection to {self._where} broke: {err.strerror or err}")


def _packed(message: OmapiMessage) -> bytes:
    """
    What is signed of a message: all but the authenticator's number and the signature itself.

    As pypureomapi's ``as_string(forsigning=True)``, which takes a sixth of a whole query's time.
    """
    parts = [
        struct.pack(
            "!5L",
            len(message.signature),
            message.opcode,
            message.handle,
            message.tid,
            message.rid,
        )
    ]
    for entries in (message.message, message.obj):
        for name, value in entries:
            parts += (struct.pack("!H", len(name)), name, struct.pack("!L", len(value)), value)
        parts.append(bytes(2))
    return b"".join(parts)


def _encoded(text: str) -> bytes:
    # The counterpart of reading dhcpd.conf with surrogateescape: its strings are bytes.
    return text.encode("utf-8", "surrogateescape")


def _result(status: OmapiMessage) -> tuple[int, str]:
    """The result code of a STATUS and the server's words, made fit to print."""
    if status.opcode != _pypureomapi().OMAPI_OP_STATUS:
        raise OmapiClosed("the server's answer is of a kind that no request asks for")
    values = dict(status.message)
    code = values.get(b"result", b"")
    if len(code) != 4:
        raise OmapiClosed("the server's answer holds no result")
    words = values.get(b"message", b"")[:200].decode("ascii", "replace")
    return int.from_bytes(code, "big"), "".join(c if c.isprintable() else "?" for c in words)


def _reading(relationship: str, entries: list[tuple[bytes, bytes]]) -> OmapiState:
    """Plain values from a failover-state object (failover.c:3372-3591).

    :raises OmapiClosed: when it is another relationship's, or a value is missing or senseless.
    """
    values = dict(entries)

    def number(name: bytes) -> int:
        raw = values.get(name, b"")
        if len(raw) != 4:
            raise OmapiClosed(f"the server's answer lacks {name.decode()} of {relationship}")
        return int.from_bytes(raw, "big")

    if values.get(b"name") != _encoded(relationship):
        raise OmapiClosed(f"the server's answer is not about {relationship}")
    try:
        state = FailoverState.parse(number(b"local-state"))
        partner_state = FailoverState.parse(number(b"partner-state"))
    except OmapiError:
        raise
    except IscDhcpError as err:
        raise OmapiClosed(f"the server's answer about {relationship} is senseless: {err}") from None
    return {
        "relationship": relationship,
        "state": state.label,
        "state_number": int(state),
        "partner_state": partner_state.label,
        "partner_state_number": int(partner_state),
        "since": number(b"local-stos"),
        "partner_since": number(b"partner-stos"),
        "mclt": number(b"mclt"),
        "unacked": number(b"cur-unacked-updates"),
        "max_unacked": number(b"max-outstanding-updates"),
        "max_response_delay": number(b"max-response-delay"),
        "role": "secondary" if number(b"hierarchy") else "primary",
    }
