"""What a soak judges by: clients that hold leases, tables that differ, memory that grows."""

from __future__ import annotations

import struct

import pytest

from lab.clients import ACK
from lab.clients import DISCOVER
from lab.clients import NAK
from lab.clients import OFFER
from lab.clients import REQUEST
from lab.faults import strikes
from lab.soak import memory
from lab.soak import tables
from lab.soak.__main__ import judge
from lab.soak.__main__ import may_be_unserved
from lab.soak.acts import LASTING
from lab.soak.acts import Round
from lab.soak.holders import Crowd
from lab.soak.memory import Sample
from lab.watcher import Report
from lab.watcher import Restart
from lab.watcher import Sighting

RELAY, SERVER, OTHER = bytes((10, 100, 0, 4)), bytes((10, 90, 0, 11)), bytes((10, 90, 0, 12))
ADDRESS = bytes((10, 100, 1, 1))
CLOCK = 1_000_000.0


class Wire:
    """What the clients send, to whom, and a server's answers to it."""

    def __init__(self, count=1):
        self.sent = []
        self.crowd = Crowd(lambda *packet: self.sent.append(packet), RELAY, count, 0.0)
        self.run_until(1.0)

    def run_until(self, now):
        while self.crowd.next_due() is not None and self.crowd.next_due() <= now:
            self.crowd.work(self.crowd.next_due())

    def answer(self, kind, now, seconds=100, server=SERVER, address=ADDRESS, which=-1):
        asked = bytearray(self.sent[which][0])
        asked[0] = 2
        asked[16:20] = address
        options = bytes((53, 1, kind, 54, 4)) + server + struct.pack("!BBI", 51, 4, seconds)
        self.crowd.take(bytes(asked[:240]) + options + b"\xff", now)

    def bound(self, seconds=100):
        self.answer(OFFER, 1.0)
        self.answer(ACK, 1.1, seconds)
        return self

    def told(self, now):
        return self.crowd.told(now, CLOCK)

    def kinds(self):
        return [data[242] for data, *_ in self.sent]


def test_a_client_renews_at_half_of_its_lease_at_the_server_that_it_has_it_from():
    wire = Wire().bound()
    assert wire.kinds() == [DISCOVER, REQUEST]
    wire.run_until(50.0)
    assert len(wire.sent) == 2
    wire.run_until(52.0)
    data, client, server = wire.sent[-1]
    assert (client, server) == (ADDRESS, SERVER)
    assert data[12:16] == ADDRESS and data[24:28] == bytes(4), "ciaddr, and no giaddr"
    wire.answer(ACK, 52.0)
    told = wire.told(52.0)
    assert (told["renewed"], told["rebound"], told["expired"]) == (1, 0, 0)
    assert told["least_s"] == pytest.approx(99, abs=1.1)


def test_a_client_whose_server_is_silent_asks_any_and_keeps_its_address():
    wire = Wire().bound()
    wire.run_until(96.0)
    assert len(wire.sent) > 5
    data, client, server = wire.sent[-1]
    assert (client, server) == (b"", b"")
    assert data[12:16] == ADDRESS and data[24:28] == RELAY
    wire.answer(ACK, 96.0, server=OTHER)
    told = wire.told(96.0)
    assert (told["rebound"], told["expired"], len(told["leases"])) == (1, 0, 1)


def test_a_lease_that_nobody_renews_is_lost_at_its_end():
    wire = Wire().bound()
    wire.run_until(120.0)
    told = wire.told(120.0)
    assert told["expired"] == 1 and told["leases"] == {}
    assert told["losses"][0][2:] == ("10.100.1.1", "expired")
    assert wire.kinds()[-1] == DISCOVER


def test_a_lease_that_a_server_refuses_is_lost():
    wire = Wire().bound()
    wire.run_until(60.0)
    wire.answer(NAK, 60.0)
    assert wire.told(60.0)["refused"] == 1
    assert wire.told(60.0)["leases"] == {}


def test_an_answer_to_an_earlier_packet_does_not_make_a_lease_longer():
    wire = Wire().bound()
    wire.run_until(65.0)
    wire.answer(ACK, 65.0, which=2)
    assert wire.told(65.0)["renewed"] == 0


def test_an_address_that_two_clients_are_given_is_told():
    wire = Wire(count=2)
    for which, again in ((0, 2), (1, 3)):
        wire.answer(OFFER, 1.0, which=which)
        wire.answer(ACK, 1.1, which=again)
    told = wire.told(2.0)
    assert told["duplicates"] == 1
    held = {who: tuple(what) for who, what in told["leases"].items()}
    assert len(tables.held_twice(held)) == 1


def test_at_the_end_nobody_renews_any_more():
    wire = Wire().bound()
    wire.crowd.end()
    wire.run_until(90.0)
    assert len(wire.sent) == 2
    assert wire.crowd.is_quiet


# -- tables ----------------------------------------------------------------------------------------


def lease(address, state="active", hardware="0a:00:00:00:00:01", ends="12:00:00"):
    return (
        f"\nlease {address} {{\n  starts 5 1970/01/02 10:00:00;\n  ends 5 1970/01/02 {ends};\n"
        f"  binding state {state};\n  next binding state free;\n  hardware ethernet {hardware};\n}}"
    )


NOON = 86400.0 + 12 * 3600
NOW = NOON - 100


def test_of_two_entries_of_an_address_the_newer_counts():
    found = tables.read("x" + lease("10.100.1.1", "free") + lease("10.100.1.1"))
    assert found == {"10.100.1.1": tables.Lease("active", "0a:00:00:00:00:01", NOON)}


@pytest.mark.parametrize(
    "other",
    [
        lease("10.100.1.1", "free"),
        lease("10.100.1.1", hardware="0a:00:00:00:00:02"),
        "",
    ],
    ids=["another state", "another client", "not at all"],
)
def test_tables_that_differ_about_a_client_are_told(other):
    ours, theirs = tables.read("x" + lease("10.100.1.1")), tables.read("x" + other)
    assert len(tables.between_servers(ours, theirs, NOW)) == 1
    assert len(tables.between_servers(theirs, ours, NOW)) == 1
    assert tables.between_servers(ours, ours, NOW) == []
    held = {"0a:00:00:00:00:01": ("10.100.1.1", NOON)}
    assert len(tables.with_clients(theirs, held)) == 1
    assert tables.with_clients(ours, held) == []


def test_a_lease_that_ends_sooner_than_its_client_believes_is_told():
    table = tables.read("x" + lease("10.100.1.1"))
    assert tables.with_clients(table, {"0a:00:00:00:00:01": ("10.100.1.1", NOON + 60)})


def test_a_lease_that_is_nearly_over_may_be_over_in_one_file():
    ours = tables.read("x" + lease("10.100.1.1"))
    theirs = tables.read("x" + lease("10.100.1.1", "expired"))
    assert tables.between_servers(ours, theirs, NOON - 5) == []


# -- memory ----------------------------------------------------------------------------------------


def test_memory_that_stays_is_flat_and_memory_that_grows_is_not():
    steady = [Sample("1", 100_000 + 500 * (number % 3)) for number in range(30)]
    assert memory.judge(steady)["flat"] is True
    leaking = [Sample("1", 100_000 + 3000 * number) for number in range(30)]
    assert memory.judge(leaking)["flat"] is False


def test_memory_that_warms_up_and_stays_is_flat():
    warm = [Sample("1", 50_000 + 5000 * min(number, 8)) for number in range(30)]
    assert memory.thirds([float(one.kb) for one in warm])["flat"] is True


def test_a_daemon_that_grows_and_is_restarted_again_and_again_is_not_flat():
    saw = [Sample(str(number // 6), 100_000 + 3000 * (number % 6)) for number in range(36)]
    found = memory.judge(saw)
    assert found["growth_percent"] <= memory.GROWTH
    assert found["flat"] is False


def test_too_few_samples_say_nothing():
    assert memory.judge([Sample("1", 1000)] * 8)["flat"] is None


def test_commands_of_different_kinds_are_compared_with_their_own_kind():
    assert memory.by_kind([("a", 100), ("b", 10), ("a", 100), ("b", 20)])[::2] == [1.0, 1.0]


# -- rounds ----------------------------------------------------------------------------------------


def sighting(time, host, serving):
    return Sighting(time, host, "foo", 1, "normal", "normal", True, serving)


def report(sightings=(), hosts=(), unserved=0.0, monkeypatch=None):
    restarts = tuple(Restart(host, 1.0, 1, 2) for host in hosts)
    monkeypatch.setattr(Report, "longest_unserved_s", property(lambda self: unserved))
    return Report(0.0, 99.0, tuple(sightings), (), (), restarts, 50.0, 0.1)


KILLED = Round("restart by the runner", "the worker's dhcpd is killed", 3.0, "dhcp-a", "dhcp-a")


def test_a_seeds_round_is_the_same_each_time_and_faults_of_all_kinds_come():
    rounds = [Round.drawn(7, number) for number in range(1, 300)]
    assert rounds == [Round.drawn(7, number) for number in range(1, 300)]
    assert {one.fault for one in rounds} == {None, *(set(strikes.FAULTS) - LASTING)}


def test_nobody_may_be_unserved_unless_the_fault_ended_the_only_one_that_served(monkeypatch):
    away = [sighting(0.0, "dhcp-b", True), sighting(49.0, "dhcp-b", False)]
    seen = report(away, monkeypatch=monkeypatch)
    assert may_be_unserved(KILLED, 50.0, seen) == strikes.ALONE
    assert may_be_unserved(KILLED, 30.0, seen) == strikes.ALWAYS
    assert may_be_unserved(KILLED, None, seen) == strikes.ALWAYS
    cut = Round("rollout", "the link between the partners is cut for 8 s", 3.0, "dhcp-a", "dhcp-a")
    assert may_be_unserved(cut, 50.0, seen) == strikes.ALWAYS


def test_a_server_that_was_started_too_often_is_told(monkeypatch):
    both = report(hosts=["dhcp-a", "dhcp-b"], monkeypatch=monkeypatch)
    assert judge(KILLED, None, both, 2.0) == []
    twice = report(hosts=["dhcp-a", "dhcp-a", "dhcp-b"], monkeypatch=monkeypatch)
    assert judge(KILLED, 1.0, twice, 2.0) == []
    assert judge(KILLED, None, twice, 2.0) != []
    one = Round("reboot of one host", None, 0.0, "dhcp-a", "dhcp-a")
    assert judge(one, None, both, 2.0) != []


def test_a_time_without_a_server_is_told(monkeypatch):
    seen = report(unserved=3.0, monkeypatch=monkeypatch)
    assert judge(KILLED, None, seen, 2.0) != []
    assert judge(KILLED, None, seen, 30.0) == []
