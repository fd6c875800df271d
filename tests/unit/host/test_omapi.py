"""What a caller gets from an OMAPI server that answers well, badly, or not at all.

The server here is a fake on the loopback, because a dhcpd that falls silent, stops in the middle of
an answer, or sends junk cannot be had on demand. What a real dhcpd says to every kind of key and
request is in ``tests/functional/test_omapi_real_dhcpd.py``.
"""

import base64
import builtins
import contextlib
import logging
import socket
import struct
import threading
import time

import pypureomapi
import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp import errors
from iscdhcp.host.omapi import ALGORITHMS
from iscdhcp.host.omapi import WRITABLE
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.host.omapi import OmapiKey
from iscdhcp.host.omapi import _packed
from iscdhcp.states import FailoverState

HELLO = struct.pack("!2L", 100, 24)
NAME = "night-owl-7f3c"
SECRET = base64.b64encode(b"sixteen bytes it").decode()
KEY = OmapiKey(NAME, "hmac-sha256", SECRET)
TIMEOUT = 0.3
OBJECT = {
    b"name": b"foo",
    b"partner-address": b"\0" * 8,
    b"max-outstanding-updates": 10,
    b"mclt": 3600,
    b"partner-state": 3,
    b"local-state": 2,
    b"partner-stos": 1700000001,
    b"local-stos": 1700000002,
    b"hierarchy": 1,
    b"max-response-delay": 30,
    b"cur-unacked-updates": 4,
}


class FakeServer:
    """Runs ``script(connection)`` in a thread for each connection, and leaves closing to it."""

    def __init__(self, script):
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(self._listener.accept()[0])
                threading.Thread(
                    target=self._talk, args=(self.connections[-1],), daemon=True
                ).start()

    def _talk(self, connection):
        with contextlib.suppress(OSError, EOFError):
            self._script(connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in (self._listener, *self.connections):
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
            server.close()


def request_of(connection):
    """Read one request."""
    buffer = pypureomapi.InBuffer()
    for message in buffer.parse_message():
        if message is not None:
            return message
        data = connection.recv(4096)
        if not data:
            raise EOFError
        buffer.feed(data)


def greet(connection):
    connection.recv(len(HELLO))
    connection.sendall(HELLO)


def update(request, values=None, handle=9, key=None, authid=5):
    """The bytes of an answer that brings an object."""
    obj = [
        (name, value if isinstance(value, bytes) else struct.pack("!L", value))
        for name, value in (values or {}).items()
    ]
    return signed(
        pypureomapi.OmapiMessage(opcode=3, handle=handle, tid=77, rid=request.tid, obj=obj),
        key,
        authid,
    )


def status(request, code, words=None, key=None, authid=5):
    """The bytes of a STATUS."""
    message = [(b"result", struct.pack("!L", code))]
    if words:
        message.append((b"message", words))
    return signed(
        pypureomapi.OmapiMessage(opcode=5, tid=77, rid=request.tid, message=message), key, authid
    )


def signed(message, key, authid):
    if key is not None:
        message.authid = authid
        message.signature = b"\0" * len(key.sign(b""))
        message.signature = key.sign(message.as_string(forsigning=True))
    return message.as_string()


def answering(*answers, key=None):
    """A script: greet, let the key in, then one answer (made from the request) after another."""

    def script(connection):
        greet(connection)
        if key is not None:
            connection.sendall(update(request_of(connection), handle=5))
        for answer in answers:
            connection.sendall(answer(request_of(connection)))

    return script


def ask(script, key=None, timeout=TIMEOUT):
    with FakeServer(script) as server:
        with OmapiClient("127.0.0.1", server.port, key, timeout) as client:
            return client.failover_state("foo")


def fails(script, error, key=None, timeout=TIMEOUT):
    """Ask, and return the error's text once it is the expected one and came in time."""
    begun = time.monotonic()
    with pytest.raises(errors.IscDhcpError) as caught:
        ask(script, key, timeout)
    assert time.monotonic() - begun < 2 * timeout + 0.2  # entering and asking, each in its time
    assert type(caught.value) is error
    return str(caught.value)


# A good server


@pytest.mark.parametrize("key", [None, KEY])
def test_the_state_of_a_relationship_comes_as_plain_values(key):
    assert ask(answering(lambda r: update(r, OBJECT, key=key), key=key), key) == {
        "relationship": "foo",
        "state": "normal",
        "state_number": 2,
        "partner_state": "communications-interrupted",
        "partner_state_number": 3,
        "since": 1700000002,
        "partner_since": 1700000001,
        "mclt": 3600,
        "unacked": 4,
        "max_unacked": 10,
        "max_response_delay": 30,
        "role": "secondary",
    }


def test_what_was_set_is_read_again():
    requests = []

    def kept(answer):
        return lambda request: requests.append(request) or answer(request)

    script = answering(
        kept(lambda r: update(r, OBJECT)),
        kept(lambda r: status(r, 0)),
        kept(lambda r: update(r, OBJECT | {b"local-state": 7})),
    )
    with FakeServer(script) as server, OmapiClient("127.0.0.1", server.port, None) as client:
        assert client.set_local_state("foo", FailoverState.PAUSED)["state"] == "paused"
    assert [r.opcode for r in requests] == [1, 3, 1]
    assert requests[1].handle == 9
    assert requests[1].obj == [(b"local-state", b"\0\0\0\x07")]


@pytest.mark.parametrize("state", sorted(set(FailoverState) - WRITABLE))
def test_a_state_that_would_hurt_dhcpd_is_never_sent(state):
    with pytest.raises(errors.OmapiError, match="never set over OMAPI"):
        OmapiClient("192.0.2.1", 1, None).set_local_state("foo", state)


def test_only_five_states_can_be_set():
    assert {int(state) for state in WRITABLE} == {2, 4, 6, 7, 8}


def test_no_connection_is_left_open():
    server_side = []
    with FakeServer(answering(lambda r: update(r, OBJECT))) as server:
        client = OmapiClient("127.0.0.1", server.port, None)
        client.failover_state("foo")
        client.close()
        client.close()
        server_side = server.connections
        assert server_side[0].recv(1) == b""


@pytest.mark.parametrize("key", [None, KEY])
def test_after_an_error_the_next_request_connects_anew(key):
    answer = answering(lambda r: update(r, OBJECT, key=key), key=key)

    def script(connection):
        answer(connection)
        connection.close()

    with FakeServer(script) as server, OmapiClient("127.0.0.1", server.port, key) as client:
        assert client.failover_state("foo")["state"] == "normal"
        with pytest.raises(errors.OmapiClosed):
            client.failover_state("foo")
        assert client.failover_state("foo")["state"] == "normal"


def test_each_request_has_the_whole_time_for_itself():
    script = answering(lambda r: update(r, OBJECT))
    with FakeServer(script) as server:
        with OmapiClient("127.0.0.1", server.port, None, TIMEOUT) as client:
            time.sleep(TIMEOUT)
            assert client.failover_state("foo")["state"] == "normal"


def test_after_an_answer_that_says_no_the_connection_is_still_good():
    script = answering(lambda r: status(r, 23), lambda r: update(r, OBJECT))
    with FakeServer(script) as server, OmapiClient("127.0.0.1", server.port, None) as client:
        with pytest.raises(errors.OmapiNotFound, match="no failover relationship bar"):
            client.failover_state("bar")
        assert client.failover_state("foo")["state"] == "normal"
        assert len(server.connections) == 1


# No server, or a silent one


def test_a_port_where_nothing_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(errors.OmapiRefused, match=f"{port} .Connection refused.*omapi-port"):
        OmapiClient("127.0.0.1", port, None).failover_state("foo")


@pytest.mark.parametrize(("host", "port"), [("::1", 7911), ("x" * 70, 7911), ("127.0.0.1", 70000)])
def test_an_address_that_cannot_be_a_server(host, port):
    with pytest.raises(errors.OmapiRefused):
        OmapiClient(host, port, None).failover_state("foo")


def test_a_silent_server():
    assert "did not answer within 0.3 s" in fails(lambda connection: None, errors.OmapiTimeout)


def test_a_server_that_greets_and_falls_silent():
    assert "did not answer within 0.3 s" in fails(greet, errors.OmapiTimeout)


def test_a_server_that_accepts_no_more_connections():
    # A full backlog: the kernel drops what comes then, as it does for a stopped dhcpd.
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        begun = time.monotonic()
        with pytest.raises(errors.OmapiTimeout):
            OmapiClient(*listener.getsockname(), None, TIMEOUT).failover_state("foo")
        assert time.monotonic() - begun < TIMEOUT + 0.2


def test_a_server_that_trickles_its_answer_does_not_stretch_the_deadline():
    def script(connection):
        greet(connection)
        for byte in update(request_of(connection), OBJECT):
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    assert "only part of an answer" in fails(script, errors.OmapiClosed)


def test_a_server_that_trickles_its_greeting_does_not_stretch_the_deadline():
    def script(connection):
        for byte in HELLO:
            time.sleep(0.1)
            connection.sendall(bytes([byte]))

    fails(script, errors.OmapiClosed)


def test_setting_a_state_tells_when_it_may_have_happened():
    with FakeServer(answering(lambda r: update(r, OBJECT))) as server:
        with OmapiClient("127.0.0.1", server.port, None, TIMEOUT) as client:
            with pytest.raises(errors.OmapiTimeout, match="set to paused is unknown"):
                client.set_local_state("foo", FailoverState.PAUSED)


# Broken answers


def test_a_server_that_closes_at_once():
    fails(lambda connection: connection.close(), errors.OmapiClosed)


def test_a_server_that_closes_instead_of_answering():
    def script(connection):
        greet(connection)
        request_of(connection)
        connection.close()

    assert "without an answer" in fails(script, errors.OmapiClosed)


@pytest.mark.parametrize(("algorithm", "said"), [("hmac-sha256", True), ("hmac-md5", False)])
def test_a_server_that_closes_for_a_signature_other_than_md5(algorithm, said):
    """As dhcpd 4.4.1 does: it agrees on the key, then closes (Ubuntu 22.04, Debian 11)."""

    def script(connection):
        greet(connection)
        connection.sendall(update(request_of(connection)))
        request_of(connection)
        connection.close()

    message = fails(script, errors.OmapiClosed, OmapiKey(NAME, algorithm, SECRET))
    assert "without an answer" in message
    assert ("4.4.1" in message and "hmac-md5" in message) is said


def test_a_connection_that_is_reset():
    def script(connection):
        greet(connection)
        linger_none = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_none)
        connection.close()

    fails(script, errors.OmapiClosed)


@pytest.mark.parametrize("closing", [True, False])
def test_half_an_answer(closing):
    def script(connection):
        greet(connection)
        answer = update(request_of(connection), OBJECT)
        connection.sendall(answer[: len(answer) // 2])
        if closing:
            connection.close()

    fails(script, errors.OmapiClosed)


@pytest.mark.parametrize(
    "head",
    [
        struct.pack("!6LHcL", 0, 0, 3, 1, 1, 1, 1, b"a", 0xFFFFFFFF),
        struct.pack("!6L2H", 0, 0xFFFFFFFF, 3, 1, 1, 1, 0, 0),
    ],
    ids=["value", "signature"],
)
def test_a_length_of_4_gib_is_neither_awaited_nor_reserved(head):
    def script(connection):
        greet(connection)
        request_of(connection)
        connection.sendall(head)

    begun = time.monotonic()
    fails(script, errors.OmapiClosed, timeout=5)
    assert time.monotonic() - begun < 2


def test_an_answer_without_end_is_cut_off():
    def script(connection):
        greet(connection)
        request_of(connection)
        connection.sendall(struct.pack("!6L", 0, 0, 3, 1, 1, 1))
        while True:
            connection.sendall(struct.pack("!HcL", 1, b"a", 1000) + b"x" * 1000)

    fails(script, errors.OmapiClosed, timeout=5)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2p1\r\n", struct.pack("!2L", 101, 24)])
def test_a_server_of_another_protocol(greeting):
    text = fails(lambda connection: connection.sendall(greeting), errors.OmapiClosed)
    assert "does not speak OMAPI" in text


def test_an_answer_to_another_request():
    def other(request):
        request.tid ^= 1
        return update(request, OBJECT)

    assert "not made" in fails(answering(other), errors.OmapiClosed)


@pytest.mark.parametrize(
    "values",
    [
        {},
        OBJECT | {b"name": b"bar"},
        OBJECT | {b"local-state": b"\0\2"},
        OBJECT | {b"local-state": 12},
        {k: v for k, v in OBJECT.items() if k != b"cur-unacked-updates"},
    ],
    ids=["empty", "another", "short", "no-such-state", "without-unacked"],
)
def test_an_object_that_makes_no_sense(values):
    fails(answering(lambda r: update(r, values)), errors.OmapiClosed)


@given(junk=st.binary(max_size=400))
@example(junk=b"")
@example(junk=b"\xff" * 400)
@settings(max_examples=60, deadline=None, database=None)
def test_junk_after_the_greeting_is_an_error_in_time(junk):
    def script(connection):
        greet(connection)
        connection.sendall(junk)
        connection.close()

    fails(script, errors.OmapiClosed)


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
@settings(max_examples=100, deadline=None, database=None)
def test_an_answer_with_a_byte_changed_is_never_taken_for_signed(place, change):
    def script(connection):
        greet(connection)
        connection.sendall(update(request_of(connection), handle=5))
        answer = bytearray(update(request_of(connection), OBJECT, key=KEY))
        answer[place % len(answer)] ^= change
        connection.sendall(answer)
        connection.close()

    with pytest.raises((errors.OmapiWrongSecret, errors.OmapiClosed)):
        ask(script, KEY)


# Keys


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_signs_and_checks(algorithm):
    key = OmapiKey(NAME, algorithm, SECRET)
    seen = []

    def answer(request):
        request_signature = request.signature
        seen.append(key.sign(request.as_string(forsigning=True)) == request_signature)
        return update(request, OBJECT, key=key)

    assert ask(answering(answer, key=key), key)["state"] == "normal"
    assert seen == [True]


def test_hmac_md5_is_that_of_pypureomapi():
    theirs = pypureomapi.OmapiHMACMD5Authenticator(NAME.encode(), SECRET.encode())
    assert OmapiKey(NAME, "hmac-md5", SECRET).sign(b"message") == theirs.sign(b"message")


def test_the_key_is_asked_for_as_dhcpd_spells_it():
    requests = []

    def script(connection):
        greet(connection)
        requests.append(request_of(connection))
        connection.close()

    fails(script, errors.OmapiClosed, OmapiKey(NAME, "HMAC-SHA1", SECRET))
    assert requests[0].message == [(b"type", b"authenticator")]
    assert dict(requests[0].obj) == {
        b"name": NAME.encode(),
        b"algorithm": b"hmac-sha1.SIG-ALG.REG.INT.",
    }


@pytest.mark.parametrize(
    "spelling", ["hmac-sha256", "HMAC-SHA256", "hmac-sha256.SIG-ALG.REG.INT.", " Hmac-Sha256. "]
)
def test_an_algorithm_is_known_in_every_spelling(spelling):
    assert OmapiKey("k", spelling, SECRET).algorithm == "hmac-sha256"


@pytest.mark.parametrize("secret", [SECRET, SECRET.rstrip("="), f" {SECRET[:9]}\n{SECRET[9:]} "])
def test_a_secret_is_read_as_loosely_as_dhcpd_reads_it(secret):
    one, other = OmapiKey("k", "hmac-md5", secret), OmapiKey("k", "hmac-md5", SECRET)
    assert one.sign(b"message") == other.sign(b"message")


@pytest.mark.parametrize(
    ("name", "algorithm", "secret"),
    [
        ("", "hmac-md5", SECRET),
        (NAME, "hmac-sha3", SECRET),
        (NAME, SECRET, "hmac-md5"),
        (NAME, "hmac-md5", "s3cr-t!!"),
        (NAME, "hmac-md5", "c2Vj-cmV0"),
        (NAME, "hmac-md5", "abcde"),
        (NAME, "hmac-md5", "sécret"),
        (NAME, "hmac-md5", ""),
    ],
)
def test_a_bad_key_is_refused_without_being_quoted(name, algorithm, secret):
    with pytest.raises(errors.OmapiError) as caught:
        OmapiKey(name, algorithm, secret)
    for private in filter(None, (NAME, SECRET, secret if secret != "hmac-md5" else None)):
        assert private not in str(caught.value)


def test_an_algorithm_that_the_host_forbids_is_said(monkeypatch):
    def forbidden(*_):
        raise ValueError("[digital envelope routines] unsupported")

    monkeypatch.setattr("hmac.digest", forbidden)
    with pytest.raises(errors.OmapiError, match="does not allow hmac-md5"):
        OmapiKey(NAME, "hmac-md5", SECRET).sign(b"")


def test_a_key_is_masked_wherever_it_is_printed():
    for text in (repr(KEY), str(KEY), f"{KEY}", repr([KEY])):
        assert NAME not in text
        assert SECRET not in text
        assert "hmac-sha256" in text


def test_nothing_of_a_key_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    ask(answering(lambda r: update(r, OBJECT, key=KEY), key=KEY), KEY)
    assert NAME not in caplog.text


# What a server says no to: each in a class of its own, and never with the key in it


NOT_TRUSTED = {
    "unknown key": (23, errors.OmapiUnknownKey, "knows no key of this name"),
    "another omapi-key": (0x6000B, errors.OmapiUnknownKey, "its omapi-key names another"),
    "anything else": (0x1B, errors.OmapiRejected, "result 0x1b"),
}


@pytest.mark.parametrize(("code", "error", "text"), NOT_TRUSTED.values(), ids=NOT_TRUSTED)
def test_a_key_that_is_not_let_in(code, error, text):
    said = f"no key {NAME} {SECRET}".encode()
    message = fails(answering(lambda r: status(r, code, said)), error, KEY)
    assert text in message
    assert NAME not in message
    assert SECRET not in message


@pytest.mark.parametrize("code", [23, 0x6000B, 0x1B])
def test_after_a_no_to_the_key_nothing_is_asked_without_it(code):
    def script(connection):
        answering(lambda r: status(r, code), lambda r: update(r, OBJECT))(connection)

    with FakeServer(script) as server:
        client = OmapiClient("127.0.0.1", server.port, KEY, TIMEOUT)
        for _ in range(2):
            with pytest.raises((errors.OmapiUnknownKey, errors.OmapiRejected)):
                client.failover_state("foo")
        assert len(server.connections) == 2


def test_an_unsigned_answer_is_never_accepted():
    script = answering(lambda r: update(r, OBJECT), key=KEY)
    assert "does not carry" in fails(script, errors.OmapiWrongSecret, KEY)


def test_an_answer_that_names_the_key_but_has_no_signature_is_never_accepted():
    # dhcpd itself accepts such requests (omapip/protocol.c); the client must not be as generous.
    def bare(request):
        message = pypureomapi.OmapiMessage(authid=5, opcode=3, handle=9, rid=request.tid)
        return message.as_string()

    fails(answering(bare, key=KEY), errors.OmapiWrongSecret, KEY)


def test_an_answer_signed_with_another_secret_is_never_accepted():
    other = OmapiKey(NAME, "hmac-sha256", base64.b64encode(b"another").decode())
    script = answering(lambda r: update(r, OBJECT, key=other), key=KEY)
    fails(script, errors.OmapiWrongSecret, KEY)


def test_an_answer_signed_under_another_number_is_never_accepted():
    script = answering(lambda r: update(r, OBJECT, key=KEY, authid=6), key=KEY)
    fails(script, errors.OmapiWrongSecret, KEY)


def test_a_signature_that_nobody_asked_for_is_not_accepted_unread():
    fails(answering(lambda r: update(r, OBJECT, key=KEY)), errors.OmapiClosed)


def test_a_key_without_a_number_is_not_taken_for_agreed():
    script = answering(lambda r: update(r, handle=0), lambda r: update(r, OBJECT))
    fails(script, errors.OmapiClosed, KEY)


def test_an_unsigned_no_is_not_believed_either():
    script = answering(lambda r: status(r, 23), key=KEY)
    fails(script, errors.OmapiWrongSecret, KEY)


def test_a_server_that_does_not_like_the_signature():
    script = answering(lambda r: status(r, 0x6000B), key=KEY)
    assert "another secret" in fails(script, errors.OmapiWrongSecret, KEY)


def test_a_server_that_wants_a_key():
    script = answering(lambda r: status(r, 0x60009, b"No authenticator on message"))
    assert "signed requests only" in fails(script, errors.OmapiKeyRequired)


def test_any_other_status_keeps_its_code_and_words():
    words = b"object lookup\nfailed for " + NAME.encode()
    script = answering(lambda r: status(r, 0x60003, words, key=KEY), key=KEY)
    with pytest.raises(errors.OmapiRejected) as caught:
        ask(script, KEY)
    assert caught.value.code == 0x60003
    assert caught.value.server_message == "object lookup?failed for ***"
    assert str(caught.value).endswith("result 0x60003 (object lookup?failed for ***)")


def test_a_state_that_the_server_does_not_take():
    script = answering(lambda r: update(r, OBJECT), lambda r: status(r, 0x60003, b"can't update"))
    with FakeServer(script) as server, OmapiClient("127.0.0.1", server.port, None) as client:
        with pytest.raises(errors.OmapiRejected, match="refused to set foo to paused"):
            client.set_local_state("foo", FailoverState.PAUSED)


@pytest.mark.parametrize("name", ["", "x" * 70000])
def test_a_relationship_that_cannot_be(name):
    with FakeServer(greet) as server, OmapiClient("127.0.0.1", server.port, None) as client:
        with pytest.raises(errors.OmapiNotFound):
            client.failover_state(name)


def test_without_pypureomapi_the_module_works_up_to_the_first_request(monkeypatch):
    real_import = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "pypureomapi":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    client = OmapiClient("127.0.0.1", 1, OmapiKey("k", "hmac-md5", SECRET))
    with pytest.raises(errors.OmapiLibraryMissing, match="salt-pip install pypureomapi"):
        client.failover_state("foo")


# The other errors of the library


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ({}, "no closing brace"),
        ({"line": 3}, "line 3: no closing brace"),
        ({"file": "/etc/dhcp/dhcpd.conf"}, "/etc/dhcp/dhcpd.conf: no closing brace"),
        ({"file": "dhcpd.conf", "line": 3, "column": 9}, "dhcpd.conf:3: no closing brace"),
    ],
)
def test_an_error_in_a_configuration_names_its_place(place, text):
    assert str(errors.ConfError("no closing brace", **place)) == text


def test_a_message_is_packed_as_the_library_packs_it():
    message = pypureomapi.OmapiMessage(5, 1, 2, 3, 4, [(b"type", b"x")], [(b"a", b""), (b"", b"b")])
    for signature in (b"", bytes(32)):
        message.signature = signature
        assert _packed(message) == message.as_string(forsigning=True)
