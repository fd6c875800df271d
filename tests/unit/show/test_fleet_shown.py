"""What a person sees of a fleet run: its plan, its table, its page."""

from __future__ import annotations

import io

from iscdhcp.fleet import pace
from iscdhcp.fleet import record as records
from iscdhcp.show import fleet as shows
from iscdhcp.show import fleet_display
from iscdhcp.show import report
from iscdhcp.show import tables

T = 1_795_753_880.0


def record(*states, **more):
    units = [
        records.UnitRecord(f"p{n}", [f"p{n}"], [f"b{n}", f"a{n}"], [], seconds=10, state=state)
        for n, state in enumerate(states)
    ]
    return records.Record("f1", "restart", None, "s", "salt-run again", "ann", T, units, **more)


def journal(*units, ended=None):
    names = [f"p{n}" for n in range(4)]
    entries = [
        {
            "at": T,
            "what": "begun",
            "run": "f1",
            "pair": "fleet",
            "name": "fleet",
            "fleet": "restart",
            "units": names,
            "who": "ann",
            "method": "restart",
        }
    ]
    for at, name, state, comment in units:
        entries.append(
            {"at": T + at, "what": "unit", "name": name, "state": state, "comment": comment}
            | {"servers": [f"{name}-b", f"{name}-a"], "seconds": 2.0, "runs": ["r"]}
        )
    if ended:
        entries.append({"at": T + 60, "what": "ended", "outcome": ended, "comment": "So it was."})
    return entries


WORK = [
    (1, "p0", "running", None),
    (2, "p1", "running", None),
    (9, "p0", "done", "p0: b, a restarted."),
    (12, "p1", "failed", "Not safe: <b> is down."),
]


def test_the_page_has_failures_first_and_escapes_what_was_said():
    page = report.page(journal(*WORK, ended="failed"))
    assert "Fleet restart: 4 units" in page and "Failed</b> So it was." in page
    assert page.index("p1</td>") < page.index("p2</td>") < page.index("p0</td>")
    assert "Not safe: &lt;b&gt; is down." in page and "<script" not in page


def test_the_page_of_a_killed_run_says_what_was_under_way():
    page = report.page(journal((1, "p0", "running", None)))
    assert "Its process was gone: the same command goes on with it." in page


def test_the_table_has_failures_first_and_fits():
    data = {
        "fleet": "f1",
        "outcome": "failed",
        "comment": "1 of 3 units done, 1 failed.",
        "units": shows.rows(record("done", "failed", "waiting"), T),
        "left_out": [{"text": "x is held: ann: disk"}],
    }
    lines = tables.render(data, width=60).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["p1", "p2", "p0"]
    assert (
        lines[0].startswith("failed: 1 of 3")
        and lines[4].strip() == "left out: x is held: ann: disk"
    )
    assert all(len(line) <= 60 for line in lines[1:])


def test_a_plan_of_many_is_ten_lines_and_says_how_long():
    many = record(*["waiting"] * 40)
    text = shows.outline(many, pace.Pace(at_once=4, canary=1), {"until": "No later than five."})
    lines = text.splitlines()
    assert len(lines) <= 11 and lines[-1] == "No later than five."
    assert "80 servers of 40 pairs in 40 units, 4 at once, some 108 s in all" in lines[0]
    assert lines[1] == "  canary: p0: b0, then a0" and "  and 32 more units" in lines


def test_in_a_file_each_event_is_a_line():
    class Run:
        paused, latest, active = None, {}, {}
        tick = None

        class journal:
            listeners: list = []

    run, out = Run(), io.StringIO()
    run.record = record("running")
    display = fleet_display.FleetDisplay(out, run)
    for entry in journal(*WORK):
        run.journal.listeners[0](entry)
    display.close()
    assert out.getvalue().splitlines() == [
        "04:31:21 UTC p0: begun (p0-b and p0-a)",
        "04:31:22 UTC p1: begun (p1-b and p1-a)",
        "04:31:29 UTC p0: done after 2.0 s",
        "04:31:32 UTC p1: FAILED after 2.0 s: Not safe: <b> is down.",
    ]
