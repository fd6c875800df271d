"""
A graceful stop that fails on its way leaves no server silent without a word.

OMAPI is a fake: that a partner does not take over can't be had on demand from a real one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from iscdhcp.act import drain
from iscdhcp.act import handover
from iscdhcp.act import stop_start
from iscdhcp.errors import ActError
from iscdhcp.errors import LeaseFileError
from iscdhcp.facts.server import Settings
from iscdhcp.host.local import LOCAL
from iscdhcp.host.local import LocalHost
from iscdhcp.leases import check
from iscdhcp.leases import end
from iscdhcp.leases import read
from iscdhcp.leases.unacknowledged import unacknowledged
from iscdhcp.states import FailoverState


class FakeOmapi:
    """One relationship whose server takes every state."""

    def __init__(self, takeover):
        self.state, self.takeover, self.set = "normal", takeover, []

    def failover_state(self, name):
        partner = self.takeover if self.state in ("paused", "shutdown") else "normal"
        return {"state": self.state, "partner_state": partner, "unacked": 0}

    def set_local_state(self, name, state):
        self.set.append(FailoverState.parse(state).label)
        self.state = self.set[-1]
        return self.failover_state(name)


class FakeHost(LocalHost):
    """This host with another dhcpd: its OMAPI, and how it ends, are a fake."""

    def __init__(self, client=None):
        self.client = client

    def omapi(self, *_):
        return contextlib.nullcontext(self.client)


@pytest.fixture
def fake():
    def build(takeover):
        SERVER.host = FakeHost(FakeOmapi(takeover))
        return SERVER.host.client

    return build


def configured(mclt=None):
    """A configuration with the relationship foo."""
    foo = SimpleNamespace(name="foo", mclt=mclt)
    return SimpleNamespace(relationships=(foo,), omapi=SimpleNamespace(port=7911, key=None))


SERVER = SimpleNamespace(
    process=SimpleNamespace(pid=7), configuration=configured(), settings=Settings()
)


def test_a_partner_that_does_not_take_over_has_the_drained_server_back(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(drain, "DRAIN_SECONDS", 0.05)
    client, note = fake(takeover="normal"), drain.Note(tmp_path / "paused.json")
    with pytest.raises(ActError, match="did not take over.*it is normal again"):
        drain.pause(SERVER, note)
    assert client.set == ["paused", "normal"]
    assert note.read() == []


def test_a_server_that_does_not_end_after_its_hand_over_is_taken_back(fake, tmp_path, monkeypatch):
    SERVER.lease_file = str(tmp_path / "dhcpd.leases")
    Path(SERVER.lease_file).touch()
    client, note = fake(takeover="partner-down"), drain.Note(tmp_path / "paused.json")
    handover.hand_over(SERVER, note)
    assert note.read() == ["foo"] and note.settled

    def never_quiet(*looks):
        raise ActError("its lease file was never whole")

    monkeypatch.setattr(stop_start, "stop", never_quiet)
    with pytest.raises(ActError, match="never whole.*coming back to normal"):
        handover.end(SERVER, note)
    assert client.set == ["shutdown", "recover"]
    assert note.read() == []


def gone():
    raise ActError("the failover connection of foo has just gone")


@pytest.mark.parametrize("act", [drain.pause, handover.hand_over])
def test_nothing_is_muted_where_the_last_look_calls_it_off(fake, tmp_path, act):
    SERVER.lease_file = str(tmp_path / "dhcpd.leases")
    client, note = fake(takeover="partner-down"), drain.Note(tmp_path / "paused.json")
    with pytest.raises(ActError, match="has just gone"):
        act(SERVER, note, gone)
    assert client.set == []
    assert note.read() == []


def test_the_kernel_is_looked_at_last_once_the_lease_file_is_whole(tmp_path, monkeypatch):
    looks, ends = [], iter([False, True])
    process = SimpleNamespace(pid=7, lost_handle=None)
    host = FakeHost()
    server = SimpleNamespace(process=process, lease_file="x", pid_file="p", host=host)

    def check_end(path):
        looks.append("file")
        return SimpleNamespace(whole=next(ends))

    def signal_terminate(process, look, deadline):
        while not look():
            pass
        looks.append("signal")
        raise ActError("enough of it")

    monkeypatch.setattr(stop_start, "check_end", check_end)
    host.signal_terminate = signal_terminate
    with pytest.raises(ActError, match="enough"):
        stop_start.stop(server, lambda: looks.append("omapi"), lambda: looks.append("kernel"))
    assert looks == ["omapi", "file", "file", "kernel", "signal"]


STATE = """failover peer "foo" state {
  my state %s at 1 2026/11/23 13:23:40;
  partner state %s at 1 2026/11/23 13:23:41;
  mclt 60;
}
"""


@pytest.fixture
def server_down(tmp_path):
    """A server whose dhcpd has ended, by the last state in its lease file."""
    path = tmp_path / "dhcpd.leases"

    def build(mine, partner="partner-down"):
        path.write_text(STATE % ("normal", "normal") + STATE % (mine, partner))
        return SimpleNamespace(
            lease_file=str(path), configuration=configured(), settings=Settings(), host=LOCAL
        )

    return build


def test_a_server_that_was_handed_over_comes_back_without_waiting_for_mclt(server_down):
    server = server_down("shutdown")
    before = open(server.lease_file).read()
    assert handover.recover_on_disk(server) == ["foo"]
    after = open(server.lease_file).read()
    assert after.startswith(before)
    saved = read.failover_states(server.lease_file)["foo"]
    assert saved["my"][0] == "recover" and saved["partner"][0] == "partner-down"
    assert time.time() - 62 <= saved["my"][1] <= time.time() - 60
    assert saved["mclt"] == 60
    assert check.check(server.lease_file)["whole"]


@pytest.mark.parametrize("state", ["normal", "paused", "recover-wait"])
def test_no_other_state_is_changed_on_disk(server_down, state):
    server = server_down(state)
    before = open(server.lease_file).read()
    assert handover.recover_on_disk(server) == []
    assert open(server.lease_file).read() == before


def test_a_server_whose_partner_did_not_take_over_still_has_to_wait_for_mclt(server_down):
    server = server_down("shutdown", partner="communications-interrupted")
    before = open(server.lease_file).read()
    with pytest.raises(ActError, match="no partner-down"):
        handover.recover_on_disk(server)
    assert open(server.lease_file).read() == before


def test_nothing_is_appended_to_a_torn_lease_file(server_down):
    server = server_down("shutdown")
    with open(server.lease_file, "a") as file:
        file.write("lease 10.0.0.1 {\n  starts 1 20")
    before = open(server.lease_file).read()
    with pytest.raises(LeaseFileError, match="torn"):
        handover.recover_on_disk(server)
    assert open(server.lease_file).read() == before


LEASE = """lease 10.0.0.%d {
  starts 1 2026/11/23 13:00:00;
  ends %s;
  tstp %s;
%s  binding state active;
  hardware ethernet 02:00:00:00:00:01;
}
"""


def dated(epoch):
    return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(epoch))


def test_a_lease_that_the_partner_may_not_know_is_waited_for_until_it_ends(server_down):
    server = server_down("shutdown")
    sent, soon = dated(time.time() - 50), dated(time.time() + 40)
    known = f"  atsfp {sent};\n"
    with open(server.lease_file, "a") as file:
        file.write(LEASE % (1, dated(time.time() + 9000), sent, known))  # acknowledged
        file.write(LEASE % (2, dated(time.time() + 9000), sent, ""))
        file.write(LEASE % (2, dated(time.time() + 9000), sent, known))  # its later entry is
        file.write(LEASE % (3, soon, sent, ""))
    assert list(unacknowledged(server.lease_file)) == ["10.0.0.3"]
    assert handover.recover_on_disk(server) == ["foo"]
    since = read.failover_states(server.lease_file)["foo"]["my"][1]
    assert since + 60 == pytest.approx(time.time() + 40, abs=2)


def test_a_server_ends_only_once_its_partner_knows_its_leases(server_down):
    server = server_down("normal")
    server.process = SimpleNamespace(pid=7)
    path, sent = Path(server.lease_file), dated(time.time() - 1)
    with path.open("a") as file:
        file.write(LEASE % (1, dated(time.time() + 600), sent, ""))

    def acknowledge():
        with path.open("a") as file:
            file.write(LEASE % (1, dated(time.time() + 600), sent, f"  atsfp {sent};\n"))

    server.host = FakeHost(FakeOmapi("partner-down"))
    timer = threading.Timer(0.3, acknowledge)
    timer.start()
    handed = handover.hand_over(server, drain.Note(path.with_name("paused.json")))
    timer.join()
    assert 0.2 < handed["settled"] < 5.0


def test_a_lease_that_is_never_acknowledged_does_not_hold_a_hand_over_for_ever(
    server_down, monkeypatch
):
    monkeypatch.setattr(handover, "SETTLE_SECONDS", 0.1)
    server = server_down("normal")
    with open(server.lease_file, "a") as file:
        file.write(LEASE % (1, dated(time.time() + 600), dated(time.time()), ""))
    server.host = FakeHost(FakeOmapi("partner-down"))
    note = drain.Note(Path(server.lease_file).with_name("paused.json"))
    assert handover.hand_over(server, note)["settled"] < 5.0
    assert note.settled


def test_a_full_disk_leaves_the_lease_file_as_it_was(server_down, monkeypatch):
    server = server_down("shutdown")
    before = open(server.lease_file).read()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(end.os, "fsync", full)
    with pytest.raises(LeaseFileError, match="No space left"):
        handover.recover_on_disk(server)
    assert open(server.lease_file).read() == before
