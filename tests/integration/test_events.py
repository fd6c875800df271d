"""What happens is told, and what minions ask for is done only if they may ask."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from lab.waiting import wait_until

REQUEST = "dhcp_failover/request"
ENDED = "dhcp_failover/foo/ended"


class Heard:
    """The events of a bus since the beginning of the test, read when they are asked for."""

    def __init__(self, bus):
        self._bus = bus
        self._events = []

    def __call__(self, tag):
        """The data of all events of a tag, so far."""
        while event := self._bus.get_event(wait=0.05, full=True):
            self._events.append(event)
        return [event["data"] for event in self._events if event["tag"] == tag]

    def wait(self, tag, count=1, timeout=40.0):
        """Wait for events of a tag; the last one's data."""
        wait_until(lambda: len(self(tag)) >= count, lambda: f"{tag}: {self(tag)}", timeout)
        return self(tag)[-1]


@pytest.fixture
def heard(pair):
    with pair.event_bus() as bus:
        yield Heard(bus)


@contextmanager
def beacon(stage, server, interval):
    """The beacon runs on a server."""
    added = stage.ask(server, "beacons.add", "dhcp_failover", [{"interval": interval}])
    assert added["result"] is True, added
    try:
        yield
    finally:
        stage.ask(server, "beacons.delete", "dhcp_failover")


def master_log(stage):
    return Path(stage.master.config["log_file"]).read_text("utf-8", "replace")


def test_a_killed_partner_is_told_within_the_beacons_interval_and_once(pair, heard):
    interval = 2
    tag = "salt/beacon/dhcp-a/dhcp_failover/foo/state"
    told = Path(pair.minions["dhcp-a"].config["cachedir"]) / "dhcpd" / "told.json"
    with beacon(pair, "dhcp-a", interval):
        wait_until(told.exists, "the beacon has looked once", 15.0)
        pair.dhcp.kill("dhcp-b")
        killed = time.monotonic()
        event = heard.wait(tag, timeout=15.0)
        # A loaded machine may be late with everything; the beacon itself is not.
        assert time.monotonic() - killed < 2 * interval + 1
        assert (event["state"], event["old_state"]) == ("communications-interrupted", "normal")
        assert event["id"] == "dhcp-a" and event["serves"] is True
        pair.dhcp.start("dhcp-b")
        pair.dhcp.wait_normal()
        assert heard.wait(tag, count=2)["state"] == "normal"
    states = [event["state"] for event in heard(tag)]
    assert states == ["communications-interrupted", "normal"]


def test_a_request_of_an_allowed_minion_restarts_the_pair_and_is_answered_once(pair, heard):
    assert pair.salt_run("dhcp_failover.pairs").returncode == 0
    asked = {"pair": "foo", "why": "new lease times"}
    assert pair.ask("dhcp-c", "event.send", REQUEST, asked) is True
    end = heard.wait(ENDED)
    assert end["result"] is True, end
    assert end["restarted"] == ["dhcp-b", "dhcp-a"]
    (begun,) = heard("dhcp_failover/foo/begun")
    assert begun["who"].startswith("request of dhcp-c: new lease times"), begun
    steps = [event["step"] for event in heard("dhcp_failover/foo/step")]
    assert steps == ["lock", "preflight", *["restart", "wait_normal"] * 2]
    (answer,) = heard("dhcp_failover/foo/request")
    assert answer["started"] is True
    for _ in range(3):
        pair.ask("dhcp-c", "event.send", REQUEST, asked)
    assert "was restarted at" in heard.wait("dhcp_failover/foo/request", count=2)["text"]
    wait_until(
        lambda: sum("runner.dhcp_failover.request" in str(e) for e in heard_returns(heard)) >= 4,
        "all four requests were handled",
        20.0,
    )
    assert len(heard("dhcp_failover/foo/request")) == 2
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def heard_returns(heard):
    heard(ENDED)
    return [
        event["data"]
        for event in heard._events
        if event["tag"].startswith("salt/run/") and event["tag"].endswith("/ret")
    ]


def test_who_may_not_ask_and_what_may_not_be_said_is_refused_with_a_line_in_the_log(pair, heard):
    refused = {
        "dhcp-b may not ask for a restart": ("dhcp-b", {"pair": "foo"}),
        "No pair is known as nosuch": ("dhcp-c", {"pair": "nosuch"}),
    }
    for line, (sender, data) in refused.items():
        before = master_log(pair).count(line)
        pair.ask(sender, "event.send", REQUEST, data)
        wait_until(lambda n=before, w=line: master_log(pair).count(w) > n, f"log: {line}", 20.0)
    assert heard("dhcp_failover/foo/begun") == []
    assert pair.touched == []


def test_a_state_writes_the_metrics_that_prometheus_reads(pair):
    path = "/run/dhcpd.prom"
    first = pair.state("dhcp-a", "dhcpd.metrics_file", path)
    assert first["result"] is True and first["changes"], first
    assert pair.state("dhcp-a", "dhcpd.metrics_file", path)["changes"] == {}
    found = {
        (one.name, one.labels.get("state")): one.value
        for family in openmetrics(pair.lab["dhcp-a"].read(path))
        for one in family.samples
    }
    assert found["dhcpd_up", None] == 1
    assert found["dhcpd_failover_state", None] == found["dhcpd_failover_partner_state", None] == 2
    leases = sum(value for (name, _), value in found.items() if name == "dhcpd_leases")
    assert leases == found["dhcpd_pool_addresses", None] > 0
    assert found["dhcpd_lease_file_whole", None] == 1
    wrong = pair.state("dhcp-a", "dhcpd.metrics_file", "/nowhere/dhcpd.prom")
    assert wrong["result"] is False
    assert "textfile" in wrong["comment"]
    assert pair.touched == []
