"""A quick look: bounded, without the lease file, going on in the log where the last one was."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import replace

import pytest
from iscdhcp.conf import views
from iscdhcp.facts import gather
from iscdhcp.facts import lease_counts
from iscdhcp.facts import server
from iscdhcp.facts import watch
from iscdhcp.host import process as host_process
from iscdhcp.host.process import Process
from iscdhcp.shapes import LeaseFacts
from shaped import shaped

CONFIGURATION = """
failover peer "foo" {
  primary; address 192.0.2.1; peer address 192.0.2.2; mclt 60; split 128; max-response-delay 10;
}
subnet 192.0.2.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; range 192.0.2.10 192.0.2.99; }
}
"""
OMAPI = 'omapi-port {}; key k {{ algorithm hmac-sha256; secret "QUJD"; }}; omapi-key k;\n'


def stamp(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + "+00:00"


@pytest.fixture
def host(tmp_path, monkeypatch):
    """A host with a running dhcpd, its configuration and its syslog file."""

    class Host:
        conf = tmp_path / "dhcpd.conf"
        syslog = tmp_path / "syslog"
        argv = ("dhcpd", "-cf", str(conf))
        process = Process(4711, "boot-4711-1", time.time() - 100, argv, "S", False)

        def says(self, moment, text):
            with open(self.syslog, "a", encoding="utf-8") as file:
                file.write(f"{stamp(moment)} host dhcpd[4711]: failover peer foo: {text}\n")

        @property
        def settings(self):
            return server.Settings(config_file=str(self.conf), log_files=(str(self.syslog),))

        def look(self, trail=None, **more):
            # What is kept between looks goes through JSON.
            return watch.look(self.settings, json.loads(json.dumps(trail or {})), **more)

    one = Host()
    one.conf.write_text(CONFIGURATION)
    os.utime(one.conf, (time.time() - 1000,) * 2)
    one.syslog.write_text("")
    monkeypatch.setattr(host_process, "find", lambda names: [one.process] if one.process else [])
    watch._configurations.clear()
    watch._told.clear()
    return one


def states(seen):
    end = seen["relationships"]["foo"]
    return end["state"], end["partner_state"]


def test_without_omapi_the_log_tells_and_each_look_reads_on(host):
    start = time.time() - 90
    host.says(start, "I move from startup to normal")
    host.says(start, "peer moves from startup to normal")
    first = host.look()
    assert states(first) == ("normal", "normal")
    assert first["relationships"]["foo"]["source"] == "log"
    # What was read is not read again: the old lines may be rotated away.
    host.syslog.write_text("")
    second = host.look(first["trail"])
    assert states(second) == ("normal", "normal")
    host.says(time.time(), "I move from normal to communications-interrupted")
    third = host.look(second["trail"])
    assert states(third) == ("communications-interrupted", "normal")


def test_a_new_process_begins_anew(host):
    host.says(time.time() - 90, "I move from startup to normal")
    host.says(time.time() - 90, "peer moves from startup to normal")
    trail = host.look()["trail"]
    host.process = Process(4712, "boot-4712-2", time.time() - 1, host.process.argv, "S", False)
    seen = host.look(trail)
    assert states(seen) == (None, None)
    assert seen["relationships"]["foo"]["why_unknown"]


@pytest.mark.parametrize("accepts", [True, False])
def test_a_dhcpd_that_hangs_holds_nobody_up(host, accepts):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        if not accepts:
            # A full queue: not even the connection is made.
            for _ in range(4):
                filler = socket.socket()
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
                fillers.append(filler)
        host.conf.write_text(OMAPI.format(listener.getsockname()[1]) + CONFIGURATION)
        begun = time.monotonic()
        seen = host.look(patience=0.2)
        took = time.monotonic() - begun
        for filler in fillers:
            filler.close()
    assert states(seen) == (None, None)
    assert "within 0.2 s" in seen["relationships"]["foo"]["why_unknown"]
    assert 0.15 < took < 1.5


def test_a_stopped_process_is_not_even_asked(host):
    host.conf.write_text(OMAPI.format(1) + CONFIGURATION)
    host.process = Process(4711, "boot-4711-1", time.time() - 100, host.process.argv, "T", False)
    assert "stopped by a signal" in host.look()["relationships"]["foo"]["why_unknown"]


def test_the_configuration_is_read_again_only_when_it_changed(host, monkeypatch):
    reads = []
    read = views.read
    noted = lambda path, locate=None: reads.append(path) or read(path)  # noqa: E731
    monkeypatch.setattr(views, "read", noted)
    host.look()
    host.look()
    assert len(reads) == 1
    host.conf.write_text(CONFIGURATION.replace("foo", "bar"))
    assert list(host.look()["relationships"]) == ["bar"]
    assert len(reads) == 2


def test_a_configuration_newer_than_the_process_is_seen(host):
    assert host.look()["newer"] == []
    os.utime(host.conf)
    assert host.look()["newer"] == [str(host.conf)]


@pytest.mark.parametrize("later, told", [(0, False), (1, True)])
def test_a_file_written_in_the_moment_of_the_start_was_read_by_it(host, monkeypatch, later, told):
    started = host.process.started
    configuration = views.read(str(host.conf))
    stamp = [replace(one, mtime_ns=int(started * 1e9)) for one in configuration.files]
    # Times of a file are whole nanoseconds, the start's is not: taken from the file.
    exact = stamp[0].mtime_ns / 1e9
    host.process = replace(host.process, started=exact)
    files = tuple(replace(one, mtime_ns=one.mtime_ns + later * 10**9) for one in stamp)
    monkeypatch.setattr(
        views, "read", lambda path, locate=None: replace(configuration, files=files)
    )
    assert bool(host.look()["newer"]) is told
    facts = gather.configuration_facts(server.read_server(host.settings))
    assert facts["touched_since_start"] is told


def test_no_dhcpd_and_no_configuration_are_no_error_of_the_look(host):
    host.process = None
    host.conf.unlink()
    seen = host.look()
    assert seen["process"]["running"] is False
    assert seen["relationships"] == {}


def test_what_was_told_is_remembered_over_restarts_of_the_minion(host, tmp_path):
    host.says(time.time() - 90, "I move from startup to communications-interrupted")
    host.says(time.time() - 90, "peer moves from startup to normal")
    folder = tmp_path / "minion"

    def tell(remember):
        return [event["tag"] for event in watch.tell(folder, host.settings, remember=remember)]

    assert tell(False) == tell(False) == ["foo/state"]
    assert tell(True) == ["foo/state"]
    assert tell(True) == []
    watch._told.clear()
    assert tell(True) == []


def test_the_counts_of_a_scheduled_call_are_what_a_look_goes_by(host, tmp_path):
    pool = {"network": "192.0.2.0/24", "addresses": 90, "free": 1}
    pool["ranges"] = [["192.0.2.10", "192.0.2.99"]]
    facts = shaped(LeaseFacts, counted=time.time(), relationships={"foo": [pool]})
    lease_counts.keep(tmp_path, facts)
    tags = [event["tag"] for event in watch.tell(tmp_path, host.settings)]
    assert tags == ["foo/free_leases_low/192%2E0%2E2%2E10"]
    (tmp_path / lease_counts.KEPT).write_text("torn {")
    assert watch.tell(tmp_path, host.settings) == []
