"""What dhcpd's log proves."""

from __future__ import annotations

import time

import pytest
from iscdhcp import log
from iscdhcp.errors import LogError

# ISC KB AA-01043, on the server that was restarted ...
RESTARTED = """\
Wrote 72468 leases to leases file.
failover peer foo: I move from normal to startup
failover peer foo: peer moves from normal to communications-interrupted
failover peer foo: I move from startup to normal
balancing pool 28593100 172.16.132.0/24  total 11  free 7  backup 4  lts 1  max-own (+/-)1
balanced pool 28593100 172.16.132.0/24  total 11  free 7  backup 4  lts 1  max-misbal 2
failover peer foo: peer moves from communications-interrupted to normal
"""
# ... and on the one that waited for it.
WAITING = """\
peer foo: disconnected
failover peer foo: I move from normal to communications-interrupted
failover peer foo: peer moves from normal to normal
failover peer foo: I move from communications-interrupted to normal
balancing pool 285ff100 172.16.132.0/24  total 11  free 7  backup 4  lts -1  max-own (+/-)1
balanced pool 285ff100 172.16.132.0/24  total 11  free 7  backup 4  lts -1  max-misbal 2
"""


def events(text, pid=7):
    found = []
    for moment, line in enumerate(text.splitlines()):
        parsed = log.parse_message(line)
        if parsed:
            kind, fields = parsed
            peer = fields.pop("peer", None)
            found.append(log.Event(float(moment), pid, kind, peer, fields, line))
    return found


@pytest.mark.parametrize("text", [RESTARTED, WAITING])
def test_the_articles_lines_prove_normal_and_balanced_at_either_server(text):
    seen = log.view(events(text), "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("normal", "normal", True)
    assert seen.pools["172.16.132.0/24"]["balanced"] is True
    assert seen.pools["172.16.132.0/24"]["backup"] == 4


@pytest.mark.parametrize("text", [RESTARTED, WAITING])
def test_no_shorter_part_of_the_article_proves_a_complete_restart(text):
    lines = text.splitlines(keepends=True)
    for number in range(len(lines) - 1):
        seen = log.view(events("".join(lines[:number])), "foo")
        pools = [pool["balanced"] for pool in seen.pools.values()]
        assert (seen.state, seen.partner_state) != ("normal", "normal") or not all(pools or [0])


def test_a_disconnect_takes_the_connection_back():
    seen = log.view(events(RESTARTED + "peer foo: disconnected\n"), "foo")
    assert seen.connected is False


def test_another_relationship_proves_nothing():
    assert log.view(events(RESTARTED), "bar").state is None


def test_a_log_without_moves_proves_nothing():
    assert log.view(events("Server starting service.\n"), "foo").state is None


@pytest.mark.parametrize(
    "line",
    [
        "Failover CONNECT from foo: time offset too large",
        "Failover CONNECT to foo rejected: Connection rejected, time mismatch too great.",
        "Failover CONNECT from foo: unknown failover relationship name",
    ],
)
def test_a_refusal_that_no_further_attempt_mends_is_kept_until_normal(line):
    assert log.view(events(line), "foo").refused
    assert log.view(events(line + "\n" + RESTARTED), "foo").refused is None


def test_imbalance_is_seen():
    line = "IMBALANCED pool 5583 10.0.0.0/24  total 100  free 90  backup 10  lts 40  max-misbal 8"
    text = "failover peer foo: I move from startup to normal\n" + line
    assert log.view(events(text), "foo").pools["10.0.0.0/24"]["balanced"] is False


STAMPS = {
    "traditional": lambda moment: time.strftime("%b %e %H:%M:%S", time.localtime(moment)),
    "rfc3339": lambda moment: time.strftime("%Y-%m-%dT%H:%M:%S.250000+00:00", time.gmtime(moment)),
    "utc": lambda moment: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
}


@pytest.mark.parametrize("stamp", STAMPS)
def test_syslog_files_are_read_in_both_formats_and_over_a_rotation(tmp_path, stamp):
    now = time.time()
    lines = [
        f"{STAMPS[stamp](now - 60 + number)} server dhcpd[7]: {text}"
        for number, text in enumerate(RESTARTED.splitlines())
    ]
    lines.insert(3, f"{STAMPS[stamp](now)} server dhcpd[8]: peer foo: disconnected")
    lines.insert(3, f"{STAMPS[stamp](now)} server named[7]: peer foo: disconnected")
    file = tmp_path / "syslog"
    (tmp_path / "syslog.1").write_text("\n".join(lines[:4]) + "\n")
    file.write_text("\n".join(lines[4:]) + "\n")
    source, found = log.read([str(file)], pid=7, since=now - 120)
    assert source == str(file)
    seen = log.view(found, "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("normal", "normal", True)
    assert abs(found[0].time - (now - 60)) < 2
    assert log.read([str(file)], pid=7, since=now + 10)[1] == []


def test_a_syslog_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LogError, match="nosuch"):
        log.read([str(tmp_path / "nosuch")])
