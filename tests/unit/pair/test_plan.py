"""What a restart would do and how long it takes, and the tables that show it."""

from __future__ import annotations

import pytest
from iscdhcp.doctor import diagnose
from iscdhcp.pair import plan
from iscdhcp.pair import preflight
from iscdhcp.shapes import Alive
from iscdhcp.shapes import Pending
from iscdhcp.show import status
from iscdhcp.show import tables
from iscdhcp.words import span
from pair_facts import NOW
from pair_views import A
from pair_views import B
from pair_views import Views
from shaped import shaped


@pytest.fixture
def views():
    return Views()


def planned(views, method="signal", **more):
    return plan.plan(views.view, (B, A), method, **more)


def test_the_phases_are_in_order_and_add_up(views):
    found = planned(views)
    assert [phase["server"] for phase in found["phases"]] == [None, B, B, B, A, A, A]
    assert found["seconds"] == pytest.approx(sum(p["seconds"] for p in found["phases"]), abs=0.1)
    assert "client" in found["clients"]
    assert f"{B}, then {A}" in plan.sentence(found)


def test_the_methods_stand_side_by_side(views):
    found = planned(views)["methods"]
    assert list(found) == ["signal", "drain", "handover", "control"]
    assert found["signal"]["seconds"] < found["handover"]["seconds"] < found["control"]["seconds"]
    # Two servers, each mute for MCLT after its start.
    assert found["control"]["seconds"] > 2 * 3600
    assert [one["possible"] for one in found.values()] == [True, True, True, True]
    older = planned(views, available=("signal", "drain"))["methods"]
    assert [one["possible"] for one in older.values()] == [True, True, False, False]


def test_without_omapi_only_signal_is_possible(views):
    views.b["omapi"].update(answers=False, error="nobody listens")
    found = planned(views)["methods"]
    assert [name for name, one in found.items() if one["possible"]] == ["signal"]
    assert "dhcp-b does not answer: nobody listens" in found["drain"]["why"]


def test_seconds_follow_lease_file_last_start_and_mclt(views):
    quick = planned(views)["seconds"]
    views.a["lease_file"]["bytes"] = 270_000_000
    assert planned(views)["seconds"] == pytest.approx(quick + 14.1, abs=0.2)
    views.a["last_start"] = {"seconds": 60.0}
    assert planned(views)["seconds"] == pytest.approx(quick + 60.0, abs=0.3)
    views.pool(B)["addresses"] = 600_000
    assert planned(views, "handover")["seconds"] > quick + 80
    views.a["process"]["gentle_shutdown"] = True
    assert planned(views)["seconds"] > 3600


def test_spans_are_read_by_people():
    assert [span(s) for s in (0.2, 40.4, 600, 3600, 3900)] == [
        "0.2 s",
        "40 s",
        "10 min",
        "1 h 0 min",
        "1 h 5 min",
    ]


# -- status --------------------------------------------------------------------------------------


def test_status_has_what_people_and_programs_look_for(views):
    views.offsets[B] = 12.3
    views.locks[A] = "the run of foo"
    views.holds[B] = {"who": "ann", "why": "power"}
    views.b["pending_restart"] = shaped(Pending, pending=True, reason="new lease times")
    rows = status.rows(views.view)
    assert list(rows) == [A, B]
    assert (rows[A]["role"], rows[A]["state"], rows[A]["mclt"]) == ("primary", "normal", 3600)
    assert (rows[A]["clock"], rows[B]["clock"]) == (-12.3, 12.3)
    assert rows[A]["pools"][0]["free"] == 90
    assert rows[A]["lock"] and rows[B]["hold"]["who"] == "ann"
    assert rows[B]["pending_restart"] == "new lease times"
    text = tables.render({"foo:dhcp-a:dhcp-b": rows})
    for word in ("PAIR", "normal", "1 h 0 min", "+12.3 s", "held by ann: power", "new lease times"):
        assert word in text, text


def test_status_says_what_is_stuck_and_until_when(views):
    views.states(("recover", "partner-down"), ("partner-down", "recover"), since=NOW - 100)
    views.end(B).update(unacked=10, unacked_bound=9)
    assert "release_window" in status.rows(views.view)[A]["stuck"]
    views.states(("paused", "normal"), ("normal", "paused"))
    assert "dhcpd.resume" in status.rows(views.view)[A]["stuck"]
    views.states(("recover-wait", "partner-down"), ("partner-down", "recover-wait"))
    row = status.rows(views.view)[A]
    assert row["recover_wait_until"].endswith("UTC") and "stuck" not in row
    views.errors[B] = "no answer"
    assert status.rows(views.view)[B]["why"] == "no answer"
    assert status.rows(views.view)[B]["state"] == "unknown"


# -- tables --------------------------------------------------------------------------------------


def preflight_data(views):
    found = preflight.preflight(views.view, {})
    return {"comment": "x", "checks": [one.as_dict() for one in found]}


def test_tables_fit_the_terminal_and_keep_every_word(views):
    views.down(B)
    findings = diagnose.diagnose(views.view)
    data = {
        "comment": diagnose.sentence(views.view, findings),
        "next": findings[0].next,
        "findings": {"foo:dhcp-a:dhcp-b": [one.as_dict() for one in findings]},
    }
    for shown in (data, preflight_data(views), {"pair": "foo", **planned(views)}):
        text = tables.render(shown, width=80)
        assert max(map(len, text.splitlines())) <= 80 or "phases" in shown
    text = " ".join(tables.render(data, width=80).split())
    for one in findings:
        assert text.count(" ".join(one.text.split())) == 1, text
        assert one.next in text


def test_a_status_is_not_broken_by_a_narrow_terminal(views):
    rows = status.rows(views.down(B).view)
    wide = tables.render({"foo:dhcp-a:dhcp-b": rows}, width=120).splitlines()
    assert wide[0].startswith("PAIR") and len(wide) == 3
    less = tables.render({"foo:dhcp-a:dhcp-b": rows}, width=100).splitlines()
    assert less[0].startswith("PAIR") and max(map(len, less)) <= 100
    assert less[-1] == "(left out, too narrow: MCLT; --out=json has all)"
    short = tables.render({"foo:dhcp-a:dhcp-b": rows}, width=60)
    assert max(map(len, short.splitlines())) <= 60 and short.startswith("PAIR")
    narrow = tables.render({"foo:dhcp-a:dhcp-b": rows}, width=40)
    assert max(map(len, narrow.splitlines())) <= 40
    assert narrow.splitlines()[0] == "foo dhcp-a communications-interrupted"
    words = narrow.replace(";", "").replace(",", "").split()
    assert set(" ".join(wide[1:]).replace(":", "").split()) <= set(
        " ".join(words).replace(":", "").split()
    ), narrow


def lived(at, answered, before):
    known = {"address": "x", "asked": at, "answered": answered, "before": before}
    return shaped(Alive, **known, silent=None if answered else at)


def test_a_status_has_the_last_answers_of_the_partner_with_their_age(views):
    views.end(A)["alive"] = lived(NOW - 4, True, NOW - 4)
    row = status.rows(views.view)[A]
    assert row["partner_answered"] == (
        "dhcp-b offered an address 0.0 s ago, gave a sign of life 4.0 s ago"
    )
    assert "partner_silent" not in row
    text = tables.render({"foo": status.rows(views.view)}, width=100)
    assert "sign of life" not in text


def test_a_silence_of_a_moment_ago_stands_below_the_table(views):
    end = views.end(A)
    end["alive"] = lived(NOW - 4, False, NOW - 9)
    text = tables.render({"foo": status.rows(views.view)}, width=100)
    assert "asked as clients ask: dhcp-b gave no sign of life 4.0 s ago" in text
    for old in (lived(NOW - 4, False, None), lived(NOW - 4000, False, NOW - 5000)):
        end["alive"] = old
        assert "partner_silent" not in status.rows(views.view)[A]


def test_a_silence_from_before_the_partner_was_started_is_over(views):
    views.end(A)["alive"] = lived(NOW - 4, False, NOW - 9)
    views.view.answers[B]["facts"]["process"]["started"] = NOW - 3
    assert "partner_silent" not in status.rows(views.view)[A]


@pytest.mark.parametrize(
    "a, b",
    [
        ("dhcp-a.campus-north.example.edu", "dhcp-b.campus-north.example.edu"),
        ("production-dhcp-server-number-0001", "production-dhcp-server-number-0002"),
        ("a" * 60, "b" * 60),
    ],
)
def test_a_status_stays_a_table_at_80_columns_with_long_minion_ids(views, a, b):
    views.states(("communications-interrupted", "potential-conflict"), ("normal", "unknown"))
    first, second = status.rows(views.view).values()
    text = tables.render({f"foo:{a}:{b}": {a: first, b: second}}, width=80)
    lines = text.splitlines()
    assert lines[0].startswith("PAIR") and "SINCE (UTC)" in lines[0]
    assert lines[1].startswith("foo") and lines[2].startswith("foo")
    assert max(map(len, lines)) <= 80, text
    # What was shortened is told, and the two are still told apart.
    assert "comm-int = communications-interrupted" in " ".join(text.split())
    assert "conflict = potential-conflict" in " ".join(text.split())
    assert lines[1].split()[1] != lines[2].split()[1]


def test_names_that_would_look_the_same_are_not_shortened(views):
    first, second = status.rows(views.view).values()
    a, b = (f"dhcp-{'x' * 40}{letter}{'y' * 40}" for letter in "ab")
    text = tables.render({f"foo:{a}:{b}": {a: first, b: second}}, width=80)
    assert a in text and b in text


def a_run(**more):
    return {
        "run": "20261126-230000-foo",
        "pair": "foo:dhcp-a:dhcp-b",
        "begun": "2026-11-26 23:00:00 UTC",
        "seconds": 12.0,
        "who": "root",
        "method": "drain",
        "outcome": "done",
        "restarted": ["dhcp-b", "dhcp-a"],
        "attempts": 1,
        "comment": "Both restarted.",
        **more,
    }


def test_history_is_a_table_that_says_what_came_of_a_run_that_failed():
    runs = [
        a_run(what="maintenance"),
        a_run(
            run="x", what="Stop of dhcp-b", outcome="failed", restarted=[], comment="It said no."
        ),
    ]
    for width in (80, 140):
        text = tables.render(runs, width=width)
        lines = text.splitlines()
        assert lines[0].startswith("BEGUN (UTC)") and max(map(len, lines)) <= width
        assert "2026-11-26 23:00" in lines[1] and "done" in lines[1]
        assert "x: It said no." in text and "Both restarted." not in text
    lines = tables.render(runs, width=140).splitlines()
    assert "dhcp-b, dhcp-a" in lines[1]
    assert "maintenance" in lines[1] and "Stop of dhcp-b" in lines[2]


def test_drift_is_a_table_with_the_lines_below_it():
    data = {
        "foo:a:b": {"equal": True, "comment": "x", "problems": [], "diff": []},
        "bar:c:d": {
            "equal": False,
            "comment": "c and d differ; fix one of them, then restart it.",
            "problems": ["the ports do not fit"],
            "diff": ["- c: option x 1; (/etc/dhcp/dhcpd.conf:3)", "+ d: option x 2; (...:3)"],
        },
        "baz:e:f": {"equal": False, "comment": "e can't be compared: no answer"},
    }
    lines = tables.render(data, width=80).splitlines()
    assert [line.split()[:2] for line in lines[:4]] == [
        ["PAIR", "CONFIGURATIONS"],
        ["foo:a:b", "equal"],
        ["bar:c:d", "differ"],
        ["baz:e:f", "unknown"],
    ]
    assert "  the ports do not fit" in lines
    assert "  - c: option x 1; (/etc/dhcp/dhcpd.conf:3)" in lines
    assert any("can't be compared" in line for line in lines)


def test_the_steps_of_a_run_are_in_their_order(views):
    steps = {"lock": "locked.", "preflight": "Safe.", "restart of dhcp-b": "Refused."}
    data = {"result": False, "comment": "foo: nothing done.", "steps": steps}
    text = tables.render(data, lambda text, colour: f"<{colour}>{text}" if colour else text)
    assert text.splitlines() == [
        "<RED>foo: nothing done.",
        "",
        "lock               locked.",
        "preflight          Safe.",
        "restart of dhcp-b  Refused.",
    ]


def test_colours_say_how_grave_it_is(views):
    def paint(text, colour):
        return f"<{colour}>{text}" if colour else text

    views.a["survey"]["space"]["free"] = 10
    text = tables.render(preflight_data(views), paint)
    assert "<RED>block  space" in text and "<GREEN>pass   answers" in text
    rows = status.rows(views.down(B).view)
    text = tables.render({"foo:dhcp-a:dhcp-b": rows}, paint, 120)
    assert "<YELLOW>foo   dhcp-a" in text and "<RED>foo   dhcp-b" in text


@pytest.mark.parametrize("data", ["text", None, [], {}, {"result": False, "comment": "x"}])
def test_what_is_no_table_is_left_to_salt(data):
    assert tables.render(data) is None


def test_a_server_that_is_down_is_named_and_started_first_where_that_is_wanted(views):
    views.down(B)
    found = planned(views, blockers=["dhcp-b is down"], healable=B)
    assert found["healable"] == B
    assert not any("is started;" in one["text"] for one in found["phases"])
    shown = tables.render({"pair": "foo", **found}, width=100)
    assert f"With heal=True it would begin by starting {B}" in shown
    healed = planned(views, healable=B, heal=True)
    assert [one["server"] for one in healed["phases"]][1:3] == [B, B]
    assert "which is down, is started" in healed["phases"][1]["text"]
    assert healed["seconds"] > found["seconds"] + 2
    assert sum(one["seconds"] for one in healed["phases"]) == pytest.approx(
        healed["seconds"], abs=0.5
    )


def test_a_server_that_was_taken_for_dead_waits_for_mclt_first(views):
    views.down(B)
    views.end(A).update(state="partner-down")
    healed = planned(views, healable=B, heal=True)
    assert healed["seconds"] > 3600
    assert "MCLT" in healed["phases"][2]["text"]
