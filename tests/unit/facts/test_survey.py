"""The closer look at a server: its log folded, its disk, its sockets."""

from __future__ import annotations

import os
import socket
import time
from types import SimpleNamespace

import pytest
from iscdhcp.facts import survey
from iscdhcp.log.sources import Line


def fold(*texts):
    return survey.fold([Line(100.0 + at, 7, text) for at, text in enumerate(texts)])


def test_moves_are_kept_in_order():
    found = fold(
        "failover peer foo: I move from startup to normal",
        "failover peer foo: peer moves from normal to communications-interrupted",
        "DHCPDISCOVER from 02:00:00:00:00:01 via eth0",
    )
    assert [(m["kind"], m["old"], m["new"], m["time"]) for m in found["moves"]] == [
        ("my-move", "startup", "normal", 100.0),
        ("peer-move", "normal", "communications-interrupted", 101.0),
    ]
    assert found["told"] == [] and found["unwritten"] is None


def test_what_was_said_often_is_counted_with_its_first_and_last_time():
    line = "Failover CONNECT to foo rejected: Connection rejected, time mismatch too great."
    (entry,) = fold(line, line, line)["told"]
    assert (entry["kind"], entry["relationship"], entry["count"]) == ("refused", "foo", 3)
    assert (entry["first"], entry["last"], entry["text"]) == (100.0, 102.0, line)


def test_harmless_lines_are_counted_and_what_could_not_be_written_is_kept():
    found = fold(
        "Both servers have entered recover-done!",
        "write_lease: unable to write lease 10.0.0.1",
        "Unable to record current failover state for foo",
    )
    assert found["harmless"] == {"both-recover-done": 1}
    assert found["unwritten"]["text"].startswith("Unable to record")


def test_a_new_lease_file_that_could_not_be_made_is_kept_too():
    said = "Can't create new lease file: Permission denied"
    assert fold(said)["unwritten"]["text"] == said


def test_a_flood_of_moves_does_not_grow_the_answer():
    line = "failover peer foo: I move from normal to communications-interrupted"
    assert len(fold(*[line] * 200)["moves"]) == survey.MOVES


def test_room_for_the_lease_file_is_measured_beside_it(tmp_path):
    leases = tmp_path / "dhcpd.leases"
    leases.write_bytes(b"x" * 2_000_000)
    found = survey.space(str(leases))
    assert found["folder"] == str(tmp_path) and found["free"] > 0
    assert found["needed"] == 2_200_000 and found["read_only"] is False
    assert "No such file" in survey.space("/nonexistent/dhcpd.leases")["error"]


@pytest.fixture
def listening():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


def server(port, pid=None):
    relationship = SimpleNamespace(
        name="foo", address="127.0.0.1", port=port, peer_address="192.0.2.1", peer_port=647
    )
    return SimpleNamespace(
        configuration=SimpleNamespace(relationships=[relationship], omapi=None),
        process=pid and SimpleNamespace(pid=pid),
    )


def test_whose_socket_it_is_on_the_failover_port_is_seen(listening):
    def listens(**of):
        return survey.sockets(server(**of))["relationships"]["foo"]["listens"]

    assert listens(port=listening, pid=os.getpid()) == "own"
    assert listens(port=listening) == "other"
    assert listens(port=1, pid=os.getpid()) is None


def logged_by(tmp_path, text, running=False):
    """What is read of a syslog file in which dhcpd, with pid 7, has logged some lines just now."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 5))
    path = tmp_path / "syslog"
    path.write_text("".join(f"{stamp} host dhcpd[7]: {line}\n" for line in text.splitlines()))
    settings = SimpleNamespace(log_files=(str(path),), binaries=("/usr/sbin/dhcpd",))
    process = SimpleNamespace(argv=("/usr/sbin/dhcpd",)) if running else None
    server = SimpleNamespace(process=process, settings=settings, config_file="/etc/dhcp/dhcpd.conf")
    return survey.read_log(server, 600.0)


def test_clients_are_counted_by_the_network_that_had_nothing_for_them(tmp_path):
    said = "DHCPDISCOVER from 02:00:00:00:00:01 via eth0: network {}: no free leases\n"
    found = logged_by(tmp_path, said.format("10.0.1.0/24") * 3 + said.format("office"), True)
    assert found["clients"] == {"no-free-leases": 4}
    assert found["full_networks"] == {"10.0.1.0/24": 3, "office": 1}


def test_the_reason_of_a_failed_start_is_read_where_nothing_runs(tmp_path):
    said = (
        "Internet Systems Consortium DHCP Server 4.4.3-P1\n"
        "Config file: /etc/dhcp/dhcpd.conf\n"
        "Can't bind to dhcp address: Address already in use\n"
        "are not running HP JetAdmin software, which\n"
        "includes a bootp server.\n\nexiting."
    )
    found = logged_by(tmp_path, said)["failed_start"]
    assert (found["code"], found["text"]) == (
        "start-port",
        "Can't bind to dhcp address: Address already in use",
    )
    assert logged_by(tmp_path, said, running=True)["failed_start"] is None


@pytest.mark.parametrize("name, code", [("lo", "start-no-address"), ("nope0", "start-interface")])
def test_an_interface_without_an_address_is_told_from_one_that_is_not_there(tmp_path, name, code):
    said = f"No subnet declaration for {name} (no IPv4 addresses).\nexiting."
    assert logged_by(tmp_path, said)["failed_start"]["code"] == code
