"""A run's page: what it draws is what the journal says."""

from __future__ import annotations

import re

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.show import report
from iscdhcp.show import timeline

NOW = 1_700_000_000.0
SERVERS = ("dhcp-a", "dhcp-b")


def begun(at=NOW, **more):
    return {
        "at": at,
        "what": "begun",
        "run": "r1",
        "pair": "foo:dhcp-a:dhcp-b",
        "name": "foo",
        "primary": "dhcp-a",
        "secondary": "dhcp-b",
        "servers": ["dhcp-b", "dhcp-a"],
        "group": list(SERVERS),
        "method": "signal",
        "who": "ann <ann@example.org>",
        "pid": 1,
        **more,
    }


def seen(at, server, state="normal", running=True):
    ends = {"foo": {"state": state, "partner_state": "normal"}}
    return {
        "at": NOW + at,
        "what": "seen",
        "server": server,
        "running": running,
        "pid": 7,
        "relationships": ends if running else {},
    }


def acted(at, server, ended, started, serves, offset=0.0):
    return {
        "at": NOW + at,
        "what": "acted",
        "server": server,
        "result": True,
        "old": {"ended": NOW + ended + offset},
        "new": {"started": NOW + started + offset, "serves_since": NOW + serves + offset},
        "offset": offset,
    }


def logged(at, server, *moves, offset=0.0, acks=0):
    events = [
        {
            "time": NOW + when + offset,
            "kind": "my-move",
            "relationship": "foo",
            "text": f"failover peer foo: I move from {old} to {new}",
        }
        for when, old, new in moves
    ]
    return {
        "at": NOW + at,
        "what": "log",
        "server": server,
        "events": events,
        "clients": {"acks": acks, "unserved": 0},
        "offset": offset,
    }


def step(at, name, seconds, server=None, **result):
    first = {"at": NOW + at, "what": "step", "name": name, "server": server}
    last = {"at": NOW + at + seconds, "what": "result", "name": name, "server": server}
    return [first, {**last, "result": True, "comment": "fine", "seconds": seconds, **result}]


GOOD = [
    begun(),
    seen(0.1, "dhcp-a"),
    seen(0.1, "dhcp-b"),
    *step(0.2, "restart", 2.8, "dhcp-b"),
    acted(3.0, "dhcp-b", 1.0, 1.2, 1.5, offset=30.0),
    seen(3.5, "dhcp-a"),
    logged(
        9.0,
        "dhcp-a",
        (1.05, "normal", "communications-interrupted"),
        (1.8, "communications-interrupted", "normal"),
        acks=1200,
    ),
    logged(9.0, "dhcp-b", (1.6, "startup", "normal"), offset=30.0, acks=34),
    {"at": NOW + 10, "what": "ended", "outcome": "done", "comment": "both"},
]


def shape(spans):
    return [(s["state"], round(s["start"] - NOW, 2), round(s["end"] - NOW, 2)) for s in spans]


def test_short_states_come_from_dhcpds_log_on_the_masters_clock():
    end = NOW + 10
    assert shape(report.spans_of(GOOD, "dhcp-a", "foo", end)) == [
        ("normal", 0.1, 1.05),
        ("communications-interrupted", 1.05, 1.8),
        ("normal", 1.8, 10.0),
    ]
    assert shape(report.spans_of(GOOD, "dhcp-b", "foo", end)) == [
        ("normal", 0.1, 1.0),
        ("down", 1.0, 1.2),
        ("startup", 1.2, 1.6),
        ("normal", 1.6, 10.0),
    ]


def test_without_a_log_what_was_seen_is_drawn():
    entries = [begun(), seen(0.1, "dhcp-b"), seen(4, "dhcp-b", running=False), seen(8, "dhcp-b")]
    entries.append({"at": NOW + 9, "what": "seen", "server": "dhcp-b", "error": "no answer"})
    assert shape(report.spans_of(entries, "dhcp-b", "foo", NOW + 10)) == [
        ("normal", 0.1, 4.0),
        ("down", 4.0, 8.0),
        ("normal", 8.0, 9.0),
        ("no answer", 9.0, 10.0),
    ]


def test_a_time_in_which_both_were_down_is_not_glossed_over():
    spans = {
        "dhcp-a": [{"state": "down", "start": 1.0, "end": 3.0}],
        "dhcp-b": [{"state": "down", "start": 2.5, "end": 9.0}],
    }
    assert report.down_together(spans) == pytest.approx(0.5)
    entries = [*GOOD[:-1], acted(3.1, "dhcp-a", 1.0, 1.2, 1.5), GOOD[-1]]
    assert "BOTH AT ONCE" in report.page(entries)
    assert "both at once: never" in report.page(GOOD)


def test_the_page_needs_nothing_else_and_quotes_what_it_shows():
    page = report.page(GOOD)
    assert "ann &lt;ann@example.org&gt;" in page and "<ann@" not in page
    assert "<script" not in page and "http" not in page and "@import" not in page
    assert 'name="viewport"' in page and "prefers-color-scheme: dark" in page
    assert "1,234" in page
    assert "dhcp-b for 0.50 s" in page


def test_each_box_of_the_drawing_lies_inside_it():
    drawing = re.search(r"<svg width.*?</svg></div><p", report.page(GOOD), re.DOTALL)[0]
    boxes = re.findall(r'<rect x="([\d.]+)%" y="\d+" width="([\d.]+)%"', drawing)
    assert len(boxes) >= 8
    assert all(float(x) >= 0 and float(x) + float(w) <= 100.1 for x, w in boxes)


def test_a_wait_is_named_where_its_whole_name_has_no_room():
    entries = [begun()]
    for at, name, server in ((0.0, "restart", "dhcp-b"), (4.0, "wait_normal", "dhcp-b")):
        entries += [
            seen(at + 0.1, "dhcp-a"),
            {"at": NOW + at, "what": "step", "name": name, "server": server},
            {"at": NOW + at + 3.5, "what": "result", "name": name, "result": True, "comment": ""},
        ]
    entries += [{"at": NOW + 40, "what": "ended", "outcome": "done", "comment": ""}]
    page = report.page(entries)
    assert ">wait</text>" in page and ">restart</text>" in page
    # By its tooltip and in the list of steps it has the name that the terminal gives it.
    assert "<title>pair normal after dhcp-b, 3.50 s</title>" in page
    assert "<td>pair normal after dhcp-b</td>" in page


def test_a_narrow_screen_scrolls_the_drawing_and_keeps_its_labels():
    page = report.page(GOOD)
    assert '<div class="scroll"><svg width="100%"' in page
    assert re.search(r"@media \(max-width: 40rem\) \{[^@]*svg\.time \{ min-width: 52rem; \}", page)


def test_each_attempt_of_a_run_that_was_continued_has_its_own_drawing():
    killed = [begun(), seen(0.1, "dhcp-a"), seen(0.1, "dhcp-b"), seen(5, "dhcp-a", "startup")]
    again = [
        begun(NOW + 3600, continued=True),
        seen(3600.1, "dhcp-a"),
        seen(3600.1, "dhcp-b"),
        {"at": NOW + 3605, "what": "aborted", "who": "bob", "why": "tea"},
        {"at": NOW + 3605, "what": "ended", "outcome": "aborted", "comment": "Aborted by bob."},
    ]
    page = report.page(killed + again)
    assert page.count("<svg width") == 2
    assert "Attempt 1 of 2" in page and "Attempt 2 of 2" in page
    assert "Aborted." in page


def test_a_run_that_goes_on_and_one_that_died_have_their_page():
    entries = [*GOOD[:5], {"at": NOW + 3, "what": "step", "name": "wait_normal"}]
    assert "Running." in report.page(entries, is_live=True)
    assert "Its process died." in report.page(entries)
    assert "It has no end in the journal." in report.page(entries)


def test_a_journal_without_a_beginning_is_refused():
    with pytest.raises(IscDhcpError, match="has no beginning"):
        report.page([seen(1, "dhcp-a")])


def test_only_a_report_is_replaced(tmp_path):
    file = tmp_path / "foo.html"
    report.write(file, GOOD)
    report.write(file, GOOD)
    assert "Restart of foo" in file.read_text("utf-8")
    file.write_text("mine", "utf-8")
    with pytest.raises(IscDhcpError, match="is something else"):
        report.write(file, GOOD)
    assert file.read_text("utf-8") == "mine"
    with pytest.raises(IscDhcpError, match="can't be written: No such file or directory"):
        report.write(tmp_path / "nowhere" / "foo.html", GOOD)
    assert [path.name for path in tmp_path.iterdir()] == ["foo.html"]


def test_what_each_server_answered_its_partner_stands_along_the_timeline():
    def with_question(at, asked, offered, seconds):
        entry = seen(at, "dhcp-b")
        # dhcp-b's clock is half a minute ahead.
        entry["clock"] = NOW + at + 30.0
        question = {"asked": NOW + asked + 30.0, "offered": offered, "seconds": seconds}
        entry["relationships"]["foo"]["asked"] = question
        return entry

    entries = [*GOOD]
    entries[3:3] = [
        with_question(0.15, 0.14, True, 0.0007),
        with_question(0.18, 0.14, True, 0.0007),  # the same one, seen again
        with_question(4.0, 3.9, False, None),
    ]
    found = report.answers_of(entries, ["dhcp-a", "dhcp-b"], "foo")
    assert found["dhcp-b"] == []
    assert [(round(one["at"] - NOW, 2), one["offered"]) for one in found["dhcp-a"]] == [
        (0.14, True),
        (3.9, False),
    ]
    page = report.page(entries)
    assert "dhcp-a offered dhcp-b an address after 0.7 ms" in page
    assert "dhcp-a did not answer the question of dhcp-b" in page
    assert "did not answer it</span>" in page, "the legend"


def alive(at, state, since=None, **more):
    known = {"server": "dhcp-b", "partner": "dhcp-a", "relationship": "foo", "state": state}
    moment = {} if since is None else {"since": NOW + since}
    return {"at": NOW + at, "what": "alive", "text": f"dhcp-a {state}.", **known, **moment, **more}


def test_when_a_server_gave_its_partner_signs_of_life_is_drawn_under_its_states():
    entries = [
        begun(),
        seen(0.1, "dhcp-a"),
        alive(5, "answers", 5),
        alive(17, "silent", 15),
        alive(30, "answers", 29),
        alive(60, "end", until=NOW + 58, longest=19.0),
        {"at": NOW + 60, "what": "ended", "outcome": "failed", "comment": "no"},
    ]
    found = report.lives_of(entries, list(SERVERS), "foo", NOW + 60)
    spans = [(one["start"] - NOW, one["end"] - NOW, one["answers"]) for one in found["dhcp-a"]]
    assert spans == [(5, 15, True), (15, 29, False), (29, 58, True)]
    assert found["dhcp-b"] == []
    page = report.page(entries)
    assert "dhcp-a did not answer the DHCPINFORM of dhcp-b, 14.00 s" in page
    assert "gave its partner signs of life" in page and "gave it none" in page
    assert "<li>dhcp-a silent.</li>" in page and "<li>dhcp-a end.</li>" in page


def test_signs_of_life_of_a_killed_run_end_with_its_last_line():
    entries = [begun(), alive(5, "answers", 5), seen(20, "dhcp-b")]
    (span,) = report.lives_of(entries, list(SERVERS), "foo", NOW + 20)["dhcp-a"]
    assert span["end"] == NOW + 20


def test_no_line_of_answers_is_drawn_where_the_server_was_down():
    life = {"start": NOW + 5, "end": NOW + 30, "by": "dhcp-b", "answers": True}
    states = [
        {"state": "normal", "start": NOW, "end": NOW + 20},
        {"state": "down", "start": NOW + 20, "end": NOW + 21},
        {"state": "normal", "start": NOW + 21, "end": NOW + 30},
    ]
    drawn = timeline.draw(
        NOW, NOW + 30, {"dhcp-a": states}, {"dhcp-a": "primary"}, [], [], lives={"dhcp-a": [life]}
    )
    assert "answered the DHCPINFORM of dhcp-b, 15.00 s" in drawn
    assert "answered the DHCPINFORM of dhcp-b, 9.00 s" in drawn
    assert drawn.count("answered the DHCPINFORM") == 2
