"""What a caller gets from a real dhcpd, for every kind of key, request and mishap."""

import base64
import contextlib
import logging
import os
import re
import time

import pytest
from iscdhcp import errors
from iscdhcp.host.omapi import ALGORITHMS
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.host.omapi import OmapiKey
from iscdhcp.states import FailoverState
from omapi_lab import DHCPD
from omapi_lab import Lab

from lab.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(DHCPD is None, reason="ISC dhcpd is not installed"),
]

HOST, PORT = "127.0.0.1", 7911
NAME = "night-owl-7f3c"
SECRET = base64.b64encode(bytes(range(32))).decode()
OTHER_SECRET = base64.b64encode(bytes(32)).decode()


def declared(algorithm, omapi_key=NAME):
    """dhcpd.conf with two keys, one of them for OMAPI."""
    return f"""
        key "{NAME}" {{ algorithm {algorithm}; secret "{SECRET}"; }};
        key "spare-key" {{ algorithm {algorithm}; secret "{SECRET}"; }};
        omapi-key "{omapi_key}";
    """


KEY = OmapiKey(NAME, "hmac-sha256", SECRET)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A private network with this thread in it."""
    with Lab(tmp_path_factory.mktemp("lab")) as lab, lab.inside():
        yield lab


@pytest.fixture(scope="module")
def shared(lab):
    """A dhcpd that no test changes, on its own: in ``recover``, for it never had a partner."""
    server = lab.start("shared", PORT, declared("hmac-sha256"))
    yield server
    server.stop()


@pytest.fixture
def dhcpd(lab):
    """Starts servers for one test."""
    servers = []

    def start(name, port, *args, **kwargs):
        servers.append(lab.start(name, port, *args, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def ask(key=KEY, port=PORT, relationship="foo", timeout=2.0):
    with OmapiClient(HOST, port, key, timeout) as client:
        return client.failover_state(relationship)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_that_dhcpd_has_works(dhcpd, algorithm):
    dhcpd("own", 7921, declared(algorithm))
    state = ask(OmapiKey(NAME, algorithm, SECRET), 7921)
    assert state["state"] in ("startup", "recover")


def test_a_key_spelled_in_full_in_the_configuration(dhcpd):
    dhcpd("own", 7921, declared("HMAC-SHA256.SIG-ALG.REG.INT"))
    assert ask(OmapiKey(NAME, "HMAC-SHA256.SIG-ALG.REG.INT", SECRET), 7921)["role"] == "primary"


@pytest.mark.parametrize("secret", ["c2VjcmV0IG9uZQ", "c2VjcmV0IG9uZQ=="])
def test_a_secret_with_and_without_its_padding(dhcpd, secret):
    dhcpd("own", 7921, f'key k {{ algorithm hmac-md5; secret "{secret}"; }}; omapi-key k;')
    assert ask(OmapiKey("k", "hmac-md5", "c2VjcmV0IG9uZQ=="), 7921)["role"] == "primary"
    assert ask(OmapiKey("k", "hmac-md5", "c2VjcmV0IG9uZQ"), 7921)["role"] == "primary"


def test_the_values_are_those_of_the_configuration(shared):
    state = ask()
    assert abs(state.pop("since") - time.time()) < 60
    assert abs(state.pop("partner_since") - time.time()) < 60
    assert state.pop("state") in ("startup", "recover")
    assert state.pop("state_number") in (1, 6)
    assert state == {
        "relationship": "foo",
        "partner_state": "unknown-state",
        "partner_state_number": 0,
        "mclt": 20,
        "unacked": 0,
        "max_unacked": 7,
        "max_response_delay": 10,
        "role": "primary",
    }


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (OmapiKey(NAME, "hmac-sha256", OTHER_SECRET), errors.OmapiWrongSecret),
        (OmapiKey("another", "hmac-sha256", SECRET), errors.OmapiUnknownKey),
        (OmapiKey(NAME, "hmac-sha512", SECRET), errors.OmapiUnknownKey),
        (OmapiKey("spare-key", "hmac-sha256", SECRET), errors.OmapiUnknownKey),
        (None, errors.OmapiKeyRequired),
    ],
    ids=["wrong secret", "wrong name", "wrong algorithm", "not the omapi-key", "no key"],
)
def test_each_trouble_with_a_key_has_its_own_error(shared, key, error):
    with pytest.raises(errors.OmapiError) as caught:
        ask(key)
    assert type(caught.value) is error
    for private in (NAME, "spare-key", SECRET, OTHER_SECRET):
        assert private not in str(caught.value)


def test_a_key_that_is_declared_but_not_for_omapi_is_told_from_an_unknown_one(shared):
    with pytest.raises(errors.OmapiUnknownKey, match="omapi-key names another"):
        ask(OmapiKey("spare-key", "hmac-sha256", SECRET))


def test_the_case_of_a_keys_name_does_not_matter_to_dhcpd(shared):
    assert ask(OmapiKey(NAME.upper(), "hmac-sha256", SECRET))["relationship"] == "foo"


def test_a_relationship_that_the_server_does_not_have(shared):
    with pytest.raises(errors.OmapiNotFound, match="no failover relationship bar"):
        ask(relationship="bar")


def test_a_server_without_failover(dhcpd):
    dhcpd("own", 7921, declared("hmac-sha256"), relationship=None)
    with pytest.raises(errors.OmapiNotFound):
        ask(port=7921)


def test_a_server_that_asks_for_no_key(dhcpd):
    dhcpd("own", 7921)
    assert ask(None, 7921)["role"] == "primary"
    with pytest.raises(errors.OmapiUnknownKey):
        ask(KEY, 7921)


def test_a_port_where_no_dhcpd_listens(lab):
    with pytest.raises(errors.OmapiRefused):
        ask(port=7999)


def test_a_stopped_dhcpd_is_silent_no_longer_than_the_deadline_and_then_answers_again(dhcpd):
    server = dhcpd("own", 7921, declared("hmac-sha256"))
    with OmapiClient(HOST, 7921, KEY, timeout=0.5) as client:
        client.failover_state("foo")
        server.signal("STOP")
        for _ in range(5):  # the first on the open connection; the later ones fill the backlog
            begun = time.monotonic()
            with pytest.raises(errors.OmapiTimeout):
                client.failover_state("foo")
            assert 0.4 < time.monotonic() - begun < 0.7
        server.signal("CONT")

        def answers():
            # A SYN that meets the backlog while it is still full is repeated a second later.
            with contextlib.suppress(errors.OmapiTimeout):
                return client.failover_state("foo")

        assert wait_until(answers, "it answers again", 10.0)["relationship"] == "foo"


def test_a_dhcpd_that_ends_is_noticed_on_an_open_connection_and_its_successor_is_found(dhcpd):
    server = dhcpd("own", 7921, declared("hmac-sha256"))
    with OmapiClient(HOST, 7921, KEY) as client:
        client.failover_state("foo")
        server.stop()
        with pytest.raises(errors.OmapiClosed):
            client.failover_state("foo")
        with pytest.raises(errors.OmapiRefused):
            client.failover_state("foo")
        dhcpd("own", 7921, declared("hmac-sha256"))
        assert client.failover_state("foo")["relationship"] == "foo"


def test_a_dhcpd_with_no_place_for_another_client_closes_at_once(dhcpd):
    dhcpd("own", 7921, declared("hmac-sha256"))
    idle = []
    try:
        with pytest.raises(errors.OmapiClosed):  # listener.c:236 allows file descriptors up to 200
            for _ in range(250):
                idle.append(OmapiClient(HOST, 7921, KEY))
                idle[-1].failover_state("foo")
        assert len(idle) > 150
    finally:
        for client in idle:
            client.close()

    def answers_again():
        # It closes the others one by one.
        try:
            return ask(port=7921)["relationship"] == "foo"
        except errors.OmapiClosed:
            return False

    wait_until(answers_again, "dhcpd answers a client again", timeout=10.0)


def test_nothing_of_the_key_is_logged(shared, caplog):
    caplog.set_level(logging.DEBUG)
    ask()
    assert NAME not in caplog.text


def both(a, b):
    """Both servers' own states, once each knows the other's."""
    limit = time.monotonic() + 20
    while True:
        one, other = a.failover_state("foo"), b.failover_state("foo")
        agreed = one["partner_state"] == other["state"] and other["partner_state"] == one["state"]
        if agreed or time.monotonic() > limit:
            return one["state"], other["state"]
        time.sleep(0.02)


def until_both(a, b, state):
    """Wait until both servers are in a state."""
    limit = time.monotonic() + 20
    while both(a, b) != (state, state):
        assert time.monotonic() < limit, both(a, b)
        time.sleep(0.05)


@pytest.fixture
def pair(tmp_path):
    """A primary and a secondary of relationship foo, in a network of their own."""
    with Lab(tmp_path) as lab, lab.inside():
        primary = lab.start("primary", 7921, declared("hmac-sha256"))
        yield primary, lab.start("secondary", 7922, declared("hmac-sha256"), role="secondary")


def test_a_pair_is_paused_and_comes_back(pair):
    primary, _ = pair
    with OmapiClient(HOST, 7921, KEY) as a, OmapiClient(HOST, 7922, KEY) as b:
        until_both(a, b, "normal")
        assert a.failover_state("foo")["role"] == "primary"
        assert b.failover_state("foo")["role"] == "secondary"
        assert b.failover_state("foo")["mclt"] == 20  # learnt from the primary

        assert a.set_local_state("foo", FailoverState.PAUSED)["state"] == "paused"
        assert both(a, b) == ("paused", "communications-interrupted")
        assert a.set_local_state("foo", FailoverState.NORMAL)["state"] == "normal"
        until_both(a, b, "normal")

        with pytest.raises(errors.OmapiError, match="startup is never set"):
            a.set_local_state("foo", FailoverState.STARTUP)
        with pytest.raises(errors.OmapiNotFound):
            a.set_local_state("bar", FailoverState.PAUSED)
        assert both(a, b) == ("normal", "normal")
    # The names that dhcpd logs are the names that are told.
    for name in re.findall(r"I move from (\S+) to (\S+)", primary.log):
        assert FailoverState.parse(name[0]).label == name[0]
        assert FailoverState.parse(name[1]).label == name[1]


def test_everything_in_the_lab_ends_with_it(tmp_path):
    with Lab(tmp_path) as lab:
        server = lab.start("own", 7921)
        with open(f"/proc/{lab.process}/task/{lab.process}/children") as children:
            shell = children.read().split()[0]
        assert server.alive
        server.signal("STOP")
    assert not os.path.exists(f"/proc/{lab.process}")
    assert not os.path.exists(f"/proc/{shell}")
