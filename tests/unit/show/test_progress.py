"""What a person at the terminal sees of a run: changes, what it waits for, and until when."""

from __future__ import annotations

import io

from iscdhcp.show.progress import Board
from iscdhcp.show.progress import Display

NOW = 1_000_000_000.0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def seen(state, at=NOW, **more):
    ends = {"foo": {"state": state, "partner_state": "normal"}}
    return {
        "at": at,
        "what": "seen",
        "server": "dhcp-b",
        "running": True,
        "pid": 7,
        "relationships": ends,
        **more,
    }


WAITING = {
    "at": NOW,
    "what": "waiting",
    "server": "dhcp-b",
    "text": "foo is not normal.",
    "until": NOW + 3600,
    "deadline": NOW + 3661,
}


def test_states_are_shown_when_they_change_and_not_before():
    stream = io.StringIO()
    display = Display(stream, lambda: NOW)
    for state in ("normal", "normal", "recover-wait", "recover-wait"):
        display.show(seen(state))
    display.show(seen("x", running=False))
    assert stream.getvalue().splitlines() == [
        "01:46:40 UTC   dhcp-b: foo recover-wait (partner normal), pid 7",
        "01:46:40 UTC   dhcp-b: dhcpd is down",
    ]


def test_the_countdown_is_drawn_over_on_a_terminal():
    stream, now = Terminal(), [NOW]
    display = Display(stream, lambda: now[0])
    display.show(seen("recover-wait"))
    display.show(WAITING)
    now[0] += 61
    display.tick()
    assert display.countdown() == (
        "waiting for dhcp-b 1:01 | foo recover-wait/normal | recover-wait until 02:46:40 UTC, "
        "in 58:59 | gives up at 02:47:41 UTC, in 1:00:00"
    )
    assert stream.getvalue().count("\n") == 0
    display.show({"at": now[0], "what": "said", "text": "dhcp-b is normal."})
    display.show({"at": now[0], "what": "result"})
    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\r\x1b[K01:47:41 UTC dhcp-b is normal.\n" in stream.getvalue()


def test_in_a_file_the_countdown_is_a_line_each_minute():
    stream, now = io.StringIO(), [NOW]
    display = Display(stream, lambda: now[0])
    display.show(WAITING)
    for _ in range(1250):
        now[0] += 0.1
        display.tick()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("01:47:40 UTC Still: waiting for dhcp-b 1:00")
    assert "\x1b" not in stream.getvalue()


def test_a_pause_shows_by_whom_and_for_how_long():
    display = Display(io.StringIO(), lambda: NOW + 75)
    display.show({"at": NOW, "what": "paused", "who": "bob", "why": "tea"})
    assert display.countdown() == "paused by bob: tea, for 1:15"
    display.show({"at": NOW, "what": "resumed"})
    assert display.countdown() == ""


def test_a_terminal_that_is_gone_stops_no_run():
    stream = Terminal()
    display = Display(stream, lambda: NOW)
    stream.close()
    display.show(WAITING)
    display.show({"at": NOW, "what": "said", "text": "on"})


def test_a_long_sentence_is_broken_at_blanks_on_a_terminal_and_in_a_file_is_one_line(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    said = {"at": NOW, "what": "said", "text": "Waiting: " + "foo is not normal. " * 5}
    for stream in (terminal := Terminal(), file := io.StringIO()):
        Display(stream, lambda: NOW).show(said)
    lines = terminal.getvalue().splitlines()
    assert lines[0] == "01:46:40 UTC Waiting: foo is not normal. foo is not normal."
    assert all(line.startswith(" " * 9) and len(line) < 60 for line in lines[1:])
    assert len(file.getvalue().splitlines()) == 1


def states(state):
    row = {"role": "primary", "state": state, "partner_state": "normal", "serves": True}
    return {"foo:a:b": {"a": row, "b": row}}


def test_a_status_that_is_followed_is_shown_when_it_changes():
    stream, now = io.StringIO(), [NOW]
    board = Board(stream, lambda: now[0])
    for state in ("normal", "normal", "startup"):
        board.show(states(state))
        now[0] += 5
    board.close()
    told = stream.getvalue()
    assert told.count("PAIR") == 2 and told.count("startup") == 2
    assert "01:46:40 UTC" in told and "01:46:50 UTC" in told and "01:46:45" not in told


def test_on_a_terminal_the_status_takes_the_place_of_the_one_before():
    stream = Terminal()
    board = Board(stream, lambda: NOW)
    board.show(states("normal"))
    first = stream.getvalue()
    assert "\x1b" not in first and "Ctrl-C" in first
    board.show(states("startup"))
    # Up over all that was written, and away with it.
    assert stream.getvalue()[len(first) :].startswith(f"\x1b[{first.count(chr(10))}F\x1b[J")
    board.close()
    assert stream.getvalue().endswith("\x1b[J")
