"""What dhcpd's log proves."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iscdhcp.errors import LogError
from iscdhcp.log import evidence
from iscdhcp.log import forms
from iscdhcp.log import messages
from iscdhcp.log import sources

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
        parsed = messages.parse_message(line)
        if parsed:
            kind, fields = parsed
            peer = fields.pop("peer", None)
            found.append(messages.Event(float(moment), pid, kind, peer, fields, line))
    return found


@pytest.mark.parametrize("text", [RESTARTED, WAITING])
def test_the_articles_lines_prove_normal_and_balanced_at_either_server(text):
    seen = evidence.view(events(text), "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("normal", "normal", True)
    assert seen.pools["172.16.132.0/24"]["balanced"] is True
    assert seen.pools["172.16.132.0/24"]["backup"] == 4


@pytest.mark.parametrize("text", [RESTARTED, WAITING])
def test_no_shorter_part_of_the_article_proves_a_complete_restart(text):
    lines = text.splitlines(keepends=True)
    for number in range(len(lines) - 1):
        seen = evidence.view(events("".join(lines[:number])), "foo")
        pools = [pool["balanced"] for pool in seen.pools.values()]
        assert (seen.state, seen.partner_state) != ("normal", "normal") or not all(pools or [0])


def test_a_disconnect_takes_the_connection_back():
    seen = evidence.view(events(RESTARTED + "peer foo: disconnected\n"), "foo")
    assert seen.connected is False


def test_another_relationship_proves_nothing():
    assert evidence.view(events(RESTARTED), "bar").state is None


def test_a_log_without_moves_proves_nothing():
    assert evidence.view(events("Server starting service.\n"), "foo").state is None


@pytest.mark.parametrize(
    "line",
    [
        "Failover CONNECT from foo: time offset too large",
        "Failover CONNECT to foo rejected: Connection rejected, time mismatch too great.",
        "Failover CONNECT from foo: unknown failover relationship name",
    ],
)
def test_a_refusal_that_no_further_attempt_mends_is_kept_until_normal(line):
    assert evidence.view(events(line), "foo").refused
    assert evidence.view(events(line + "\n" + RESTARTED), "foo").refused is None


def test_imbalance_is_seen():
    line = "IMBALANCED pool 5583 10.0.0.0/24  total 100  free 90  backup 10  lts 40  max-misbal 8"
    text = "failover peer foo: I move from startup to normal\n" + line
    assert evidence.view(events(text), "foo").pools["10.0.0.0/24"]["balanced"] is False


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
    source, found = evidence.read([str(file)], pid=7, since=now - 120)
    assert source == str(file)
    seen = evidence.view(found, "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("normal", "normal", True)
    assert abs(found[0].time - (now - 60)) < 2
    assert evidence.read([str(file)], pid=7, since=now + 10)[1] == []


def test_a_syslog_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LogError, match="nosuch"):
        evidence.read([str(tmp_path / "nosuch")])


# -- what is proved, and what no longer is -------------------------------------------------------

BOTH_NORMAL = """\
failover peer foo: I move from startup to normal
failover peer foo: peer moves from communications-interrupted to normal
failover peer foo: Both servers normal
"""


def test_lines_that_were_dropped_take_the_proof_away():
    text = BOTH_NORMAL + "Suppressed 8827 messages from isc-dhcp-server.service\n"
    seen = evidence.view(events(text), "foo")
    assert (seen.state, seen.partner_state, seen.connected, seen.lost) == (None, None, None, 1)
    again = evidence.view(events(text + BOTH_NORMAL), "foo")
    assert (again.state, again.partner_state, again.connected) == ("normal", "normal", True)


@pytest.mark.parametrize(
    "line",
    [
        "imjournal: 5000 messages lost due to rate-limiting (20000 allowed within 600 seconds)",
        "imuxsock[pid 7]: begin to drop messages due to rate-limiting",
        "imuxsock lost 123 messages from pid 7 due to rate-limiting",
    ],
)
def test_what_rsyslog_drops_takes_the_proof_away(line):
    assert evidence.view(events(BOTH_NORMAL + line), "foo").state is None


def test_a_new_process_has_no_partner_yet():
    text = BOTH_NORMAL + "failover peer foo: I move from normal to startup\n"
    seen = evidence.view(events(text), "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("startup", None, False)


def test_an_older_process_proves_nothing_of_a_newer_one():
    older = events(BOTH_NORMAL, pid=7)
    newer = events("failover peer foo: peer moves from normal to recover\n", pid=8)
    seen = evidence.view(older + newer, "foo")
    assert (seen.state, seen.partner_state) == (None, "recover")


def test_both_normal_alone_proves_both_ends():
    seen = evidence.view(events("failover peer foo: Both servers normal"), "foo")
    assert (seen.state, seen.partner_state, seen.connected) == ("normal", "normal", True)


def test_a_balanced_pool_does_not_hide_an_imbalanced_one_of_the_same_network():
    pool = "{} pool {} floor 1  total 100  free 90  backup 10  lts {}  max-misbal 8\n"
    text = BOTH_NORMAL + pool.format("IMBALANCED", "5583", 40) + pool.format("balanced", "55a0", 1)
    pools = evidence.view(events(text), "foo").pools
    assert {name: pool["balanced"] for name, pool in pools.items()} == {
        "floor 1 (pool 5583)": False,
        "floor 1 (pool 55a0)": True,
    }


def test_pools_of_another_relationship_are_left_out_where_networks_are_known():
    pool = "{} pool {} {}  total 100  free 90  backup 10  lts 40  max-misbal 8\n"
    text = (
        BOTH_NORMAL
        + pool.format("balanced", "1", "10.0.0.0/24")
        + pool.format("IMBALANCED", "2", "10.1.0.0/24")
    )
    assert list(evidence.view(events(text), "foo", ["10.0.0.0/24"]).pools) == ["10.0.0.0/24"]


def test_pools_count_only_since_the_last_move():
    pool = "balanced pool 55 10.0.0.0/24  total 9  free 5  backup 4  lts 0  max-misbal 1\n"
    text = BOTH_NORMAL + pool + "failover peer foo: I move from normal to normal\n"
    assert evidence.view(events(text), "foo").pools == {}


def test_an_update_is_in_progress_until_it_is_completed():
    text = "Sent update request all message to foo\n"
    assert evidence.view(events(text), "foo").updating
    done = "failover peer foo: peer update completed.\n"
    assert not evidence.view(events(text + done), "foo").updating
    assert not evidence.view(events(text + "peer foo: disconnected\n"), "foo").updating


def test_rejected_updates_are_counted_by_reason_since_the_last_move():
    line = "bind update on 10.0.0.{} from foo rejected: {}\n"
    unknown = "unknown IP address"
    text = line.format(1, unknown) + BOTH_NORMAL + line.format(1, unknown) * 2
    text += line.format(2, "10.0.0.2: invalid state transition: active to backup")
    assert evidence.view(events(text), "foo").rejections == {
        unknown: 2,
        "invalid state transition: active to backup": 1,
    }


def test_another_name_at_the_partner_is_shown_until_the_connection_stands():
    line = "Failover CONNECT from bar: unknown failover relationship name\n"
    assert "bar" in (evidence.view(events(line), "foo").refused or "")
    assert evidence.view(events(BOTH_NORMAL + line), "foo").refused is None


def test_a_start_is_seen():
    text = "failover peer foo: I move from normal to startup\nServer starting service.\n"
    assert evidence.view(events(text), "foo").started
    assert not evidence.view(events(BOTH_NORMAL), "foo").started
    other = events("Server starting service.\n", pid=8)
    assert not evidence.view(events(BOTH_NORMAL) + other, "foo").started


# -- lines ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("timeout waiting for failover peer foo", "timeout"),
        ("Update request all from foo: nothing pending", "peer-wants-update"),
        ("Sent update done message to foo", "peer-update-done"),
        ("Failed to send update request all message to foo: not connected", "update-failed"),
        ("Failover CONNECTACK from foo: already connected", "refused"),
        ("failover: listener: no matching state", "stray-connection"),
        ("failover: link startup timeout", "no-answer"),
        ("Unable to record current failover state for foo", "not-recorded"),
        ("Peer foo: Invalid state transition normal to paused.", "impossible-move"),
        ("failover peer foo: Invalid state: 99", "impossible-move"),
        (
            "peer foo: Got POOLREQ, answering negatively!  Peer may be out of leases or database "
            "inconsistent.",
            "no-leases-to-give",
        ),
        (
            "balancing pool 55 10.0.0.0/24  total 9  free 1  backup 8  lts -3  max-own (+/-)1  "
            "(requesting peer rebalance!)",
            "balancing",
        ),
        ("Server starting service.", "serving"),
        ("Wrote 5 leases to leases file.", "wrote-leases"),
        ("Can't start OMAPI protocol: address not available", "omapi-failed"),
        ("Received signal 15, initiating shutdown.", "stopping"),
        ("There's already a DHCP server running.", "already-running"),
        ("/etc/dhcp/dhcpd.conf line 3: semicolon expected.", "conf-error"),
        ("Configuration file errors encountered -- exiting", "fatal"),
        ("Impossible case at failover.c:1716.", "fatal"),
        ("exiting.", "exiting"),
        ("message repeated 2 times: [ peer foo: disconnected]", "disconnected"),
        ("DHCPACK on 10.0.0.1 to 02:00:00:00:00:01 via eth0", None),
        ("failover: disconnect: time offset too large", None),
        ("", None),
    ],
)
def test_a_line_of_dhcpd_is_understood(line, kind):
    parsed = messages.parse_message(line)
    assert (parsed and parsed[0]) == kind


@pytest.mark.parametrize(
    "line", ["/etc/dhcpd.conf line 12: unknown key omapi-7f3c", "OMAPI key omapi-7f3c: not found"]
)
def test_the_name_of_a_key_is_masked(line):
    (one,) = events_of(line)
    assert "7f3c" not in repr(one)


def events_of(line):
    return evidence._newest(iter([sources.Line(1.0, 7, line)]))


@given(st.text())
def test_no_line_makes_it_fail(text):
    messages.parse_message(text)
    sources._syslog_line(text, None, "dhcpd")
    sources._entry(text.encode("utf-8", "replace"))


# -- the journal ---------------------------------------------------------------------------------

JOURNALCTL = """#!/bin/sh
printf '%s\\n' "$*" >>"$0.calls"
{body}
"""


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Put a journalctl in the path whose body the test writes; give a function that does it."""

    def write(body, entries=()):
        data = tmp_path / "entries"
        data.write_text("".join(json.dumps(entry) + "\n" for entry in reversed(entries)))
        tool = tmp_path / "journalctl"
        tool.write_text(JOURNALCTL.format(body=body.replace("ENTRIES", f"cat {data}")))
        tool.chmod(0o755)
        return tmp_path / "journalctl.calls"

    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(evidence, "SYSLOG_FILES", ())
    return write


def entry(moment, message, **more):
    fields = {"__REALTIME_TIMESTAMP": str(int(moment * 1e6)), "_PID": "7", "MESSAGE": message}
    return {**fields, **more}


def test_the_journal_is_read_in_order_with_what_journald_dropped(journal):
    dropped = entry(12, "Suppressed 5 messages from x.service", _PID="1", OBJECT_PID="7")
    calls = journal(
        "ENTRIES",
        [
            entry(10, list(b"failover peer f\xfc: I move from startup to normal")),
            entry(11, "DHCPACK on 10.0.0.1"),
            dropped,
            entry(13, None),
            entry(14.5, "peer foo: disconnected"),
        ],
    )
    source, found = evidence.read(pid=7, since=5.0)
    assert source == "journal"
    assert [(one.time, one.pid, one.kind) for one in found] == [
        (10.0, 7, "my-move"),
        (12.0, 7, "lost"),
        (14.5, 7, "disconnected"),
    ]
    assert "_PID=7 + MESSAGE_ID=" in calls.read_text()
    assert [one.kind for one in evidence.read_journal(until=11.0)] == ["my-move"]


def test_reading_stops_once_the_states_are_proved(journal):
    lines = [entry(number, line) for number, line in enumerate(RESTARTED.splitlines())]
    journal("ENTRIES; sleep 60", [*lines, entry(9, "peer bar: disconnected")])
    begun = time.monotonic()
    _, found = evidence.read(pid=7, relationships=["foo"])
    assert time.monotonic() - begun < 10
    assert [one.kind for one in found] == [
        "my-move",
        "balancing",
        "pool",
        "peer-move",
        "disconnected",
    ]
    seen = evidence.view(found, "foo")
    assert (seen.state, seen.partner_state, len(seen.pools)) == ("normal", "normal", 1)


def test_a_journal_that_does_not_answer_is_an_error_in_time(journal):
    journal("exec sleep 60")
    begun = time.monotonic()
    with pytest.raises(LogError, match="within"):
        evidence.read(pid=7, timeout=0.3)
    assert time.monotonic() - begun < 10


def test_a_journalctl_that_cannot_search_is_asked_for_everything(journal):
    refusal = "Compiled without pattern matching support"
    body = f'case "$*" in *--grep*) echo {refusal} >&2; exit 1;; esac; ENTRIES'
    journal(body, [entry(1, "peer foo: disconnected"), entry(2, "DHCPACK on 10.0.0.1")])
    assert [one.kind for one in evidence.read(pid=7)[1]] == ["disconnected"]


def test_an_unusable_journal_leads_to_the_syslog_file(journal, tmp_path, monkeypatch):
    file = tmp_path / "syslog"
    stamp = STAMPS["rfc3339"](time.time())
    file.write_text(f"{stamp} server dhcpd[7]: peer foo: disconnected\n")
    for body in ("echo no journal files >&2; exit 1", "exit 1"):  # the latter: nothing was found
        journal(body)
        monkeypatch.setattr(evidence, "SYSLOG_FILES", (str(tmp_path / "nosuch"), str(file)))
        source, found = evidence.read(pid=7)
        assert (source, [one.kind for one in found]) == (str(file), ["disconnected"])
        monkeypatch.setattr(evidence, "SYSLOG_FILES", ())
    with pytest.raises(LogError, match="no journal files"):
        journal("echo no journal files >&2; exit 1")
        evidence.read(pid=7)


def test_the_last_words_of_a_failed_start_hold_no_secret(journal):
    journal(
        "ENTRIES",
        [
            entry(1, "Internet Systems Consortium DHCP Server 4.4.3-P1"),
            entry(2, "/etc/dhcp/dhcpd.conf line 7: unknown key omapi-7f3c"),
            entry(3, '  secret "c2VjcmV0";'),
            entry(4, "  ^"),
            entry(5, "Configuration file errors encountered -- exiting"),
            entry(6, "exiting."),
        ],
    )
    (line,) = evidence.last_lines(0.0)
    assert line == "/etc/dhcp/dhcpd.conf line 7: unknown key <masked>"


# -- syslog files --------------------------------------------------------------------------------


def syslog(path: Path, since: float, count: int) -> None:
    lines = [
        f"{STAMPS['traditional'](since + number / 1000)} server dhcpd[7]: DHCPACK on 10.0.0.1 to x"
        for number in range(count)
    ]
    lines[2] = f"{STAMPS['traditional'](since)} server dhcpd[7]: peer foo: disconnected"
    lines[-1] += "\n"
    path.write_text("\n".join(lines))


def test_a_large_file_is_read_from_its_end_and_no_further_than_needed(tmp_path, monkeypatch):
    now = time.time()
    path = tmp_path / "syslog"
    syslog(path, now - 100, 100_000)
    syslog(tmp_path / "syslog.1", now - 900, 10)
    read_blocks = []
    original = sources._is_older
    monkeypatch.setattr(
        sources, "_is_older", lambda *args: read_blocks.append(1) or original(*args)
    )
    assert evidence.read([str(path)], since=now - 10)[1] == []
    assert len(read_blocks) == 1
    assert len(evidence.read([str(path)], since=now - 1000)[1]) == 2


def test_a_line_over_the_edge_of_a_block_is_whole(tmp_path, monkeypatch):
    path = tmp_path / "syslog"
    path.write_text(
        "".join(
            f"{STAMPS['rfc3339'](1795000000 + number)} s dhcpd[7]: peer foo{number}: disconnected\n"
            for number in range(50)
        )
    )
    for size in (37, 64, 1000):
        monkeypatch.setattr(sources, "_BLOCK", size)
        found = evidence.read([str(path)])[1]
        assert [one.relationship for one in found] == [f"foo{number}" for number in range(50)]


def test_an_abandoned_syslog_file_does_not_hide_the_one_in_use(tmp_path):
    now = time.time()
    line = "{} server dhcpd[7]: failover peer foo: I move from startup to {}\n"
    old, new = tmp_path / "syslog", tmp_path / "messages"
    old.write_text(line.format(STAMPS["utc"](now - 9000), "normal"))
    new.write_text(line.format(STAMPS["utc"](now - 5), "recover"))
    source, found = evidence.read([str(old), str(new)], since=now - 60)
    assert source == str(new) and evidence.view(found, "foo").state == "recover"


def test_a_year_is_the_one_that_is_not_ahead():
    now = time.time()
    assert abs(forms.stamp(STAMPS["traditional"](now) + " ")[0] - now) < 2
    ahead = forms.stamp(STAMPS["traditional"](now + 40 * 86400) + " ")[0]
    assert ahead < now
    assert forms.stamp("Xyz 99 99:99:99 ") is None
