"""A fleet run as one HTML page, from its journal: a row for each unit, failures first."""

from __future__ import annotations

import html
from typing import Any

from ..fleet import pace
from ..run import history
from ..run.journal import Entry
from ..words import clock
from ..words import count
from ..words import date
from ..words import span
from .fleet import STATES

#: Colours of the page's style by the state of a unit; of the verdict by the run's outcome.
_COLOURS = {
    pace.FAILED: "down",
    pace.STOPPED: "alone",
    pace.RUNNING: "mute",
    pace.WAITING: "unknown",
    pace.DONE: "good",
}
_VERDICTS = {"done": "good", "running": "open", "paused": "open", "failed": "bad"}
#: No bar is narrower, percent: the shortest unit is seen too.
_NARROWEST = 0.8

Row = dict[str, Any]


def rows(entries: list[Entry], is_live: bool) -> list[Row]:
    """
    Return the units of a fleet run, failures first, then as they were begun.

    entries
        Its journal; all attempts.
    is_live
        Whether its process is there.

    Each has ``name``, ``state``, ``comment``, ``runs`` and ``spans`` (begin and end of each try,
    epoch seconds).
    """
    found: dict[str, Row] = {}
    for entry in entries:
        if entry["what"] == "begun":
            for name in entry.get("units") or ():
                found.setdefault(name, _row(name))
        if entry["what"] != "unit":
            continue
        row = found.setdefault(entry["name"], _row(entry["name"]))
        row["state"] = entry["state"]
        if entry["state"] == pace.RUNNING:
            row["spans"].append((entry["at"], None))
            row["servers"] = entry.get("servers") or []
        else:
            row["comment"], row["runs"] = entry.get("comment") or "", entry.get("runs") or []
            if row["spans"]:
                row["spans"][-1] = (row["spans"][-1][0], entry["at"])
    last = entries[-1]["at"] if entries else 0.0
    for row in found.values():
        row["spans"] = [(begin, end or last) for begin, end in row["spans"]]
        if row["state"] == pace.RUNNING and not is_live:
            row["state"] = pace.STOPPED
            row["comment"] = "Its process was gone: the same command goes on with it."
    order = list(STATES)
    return sorted(
        found.values(),
        key=lambda row: (
            order.index(row["state"]),
            row["spans"][0][0] if row["spans"] else last,
        ),
    )


def _row(name: str) -> Row:
    return {
        "name": name,
        "state": pace.WAITING,
        "comment": "",
        "runs": [],
        "servers": [],
        "spans": [],
    }


def body(entries: list[Entry], is_live: bool) -> tuple[str, str]:
    """Return title and body of the page."""
    short = history.summary(entries, is_live)
    about = next(entry for entry in entries if entry["what"] == "begun")
    found = rows(entries, is_live)
    begun = entries[0]["at"]
    ended = entries[-1]["at"]
    title = f"Fleet {about.get('fleet')}: {count(len(found), 'unit')}"
    done = sum(row["state"] == pace.DONE for row in found)
    outcome = str(short["outcome"])
    tiles = {
        "units done": f"{done} of {len(found)}",
        "failed": sum(row["state"] == pace.FAILED for row in found),
        "servers done": len(short["restarted"]),
        "took": span(ended - begun),
        "attempts": short["attempts"],
    }
    parts = [
        f"<h1>{_(title)}</h1>",
        f'<p class="dim">{date(begun)} to {clock(ended)} UTC, by {_(short["who"])}</p>',
        f'<p class="verdict {_VERDICTS.get(outcome, "mind")}"><b>{_(outcome.capitalize())}</b> '
        f"{_(short['comment'])}</p>",
        '<div class="tiles">'
        + "".join(
            f"<div><b>{_(said)}</b><span>{_(key)}</span></div>" for key, said in tiles.items()
        )
        + "</div>",
        "<h2>The units over time</h2>",
        _timeline(found, begun, ended),
        "<h2>What became of each</h2>",
        _table(found),
    ]
    paused = [entry for entry in entries if entry["what"] in ("paused", "resumed", "aborted")]
    if paused:
        lines = "".join(
            f"<li>{clock(one['at'])} UTC: {_(one['what'])} by {_(history.by_whom(one))}</li>"
            for one in paused
        )
        parts.append(f"<h2>Orders</h2><ul>{lines}</ul>")
    parts.append(
        f'<p class="dim">Fleet run {_(short["run"])}. All times are UTC, by the master\'s clock. '
        "Each run has a report of its own: salt-run dhcp_failover.report RUN.</p>"
    )
    return title, "\n".join(parts)


def _(text: Any) -> str:
    return html.escape(str(text))


def _timeline(found: list[Row], begun: float, ended: float) -> str:
    """Return a bar for each try of each unit, on one scale."""
    whole = max(ended - begun, 0.001)
    lines = []
    for row in found:
        bars = []
        for begin, end in row["spans"]:
            left = 100 * (begin - begun) / whole
            width = max(_NARROWEST, 100 * (end - begin) / whole)
            colour = _COLOURS[row["state"] if (begin, end) == row["spans"][-1] else pace.STOPPED]
            bars.append(
                f'<i class="chip {colour}" style="position:absolute;margin:0;height:100%;'
                f'left:{min(left, 100 - _NARROWEST):.2f}%;width:{min(width, 100 - left):.2f}%" '
                f'title="{span(end - begin)}"></i>'
            )
        took = span(sum(end - begin for begin, end in row["spans"])) if row["spans"] else "-"
        lines.append(
            f"<tr><td>{_(row['name'])}</td>"
            '<td style="width:60%"><div style="position:relative;height:1.1em;'
            f'background:var(--card)">{"".join(bars)}</div></td>'
            f'<td class="n">{took}</td></tr>'
        )
    legend = "".join(
        f'<span><i class="chip {_COLOURS[state]}"></i>{_(name)}</span>'
        for state, name in STATES.items()
        if any(row["state"] == state for row in found)
    )
    axis = (
        f'<tr><td></td><td class="dim" style="display:flex;justify-content:space-between">'
        f"<span>{clock(begun)} UTC</span><span>{clock(ended)} UTC</span></td><td></td></tr>"
    )
    return f'<div class="legend">{legend}</div><table>{"".join(lines)}{axis}</table>'


def _table(found: list[Row]) -> str:
    lines = []
    for row in found:
        failed = ' class="failed"' if row["state"] == pace.FAILED else ""
        whole = ' style="white-space:nowrap"'
        runs = " ".join(row["runs"]) or "-"
        servers = f'<br><span class="dim">{_(", ".join(row["servers"]))}</span>'
        lines.append(
            f"<tr><td>{_(row['name'])}{servers if row['servers'] else ''}</td>"
            f"<td{failed}{whole}>{_(STATES[row['state']])}</td>"
            f"<td>{_(row['comment'])}</td><td{whole}>{_(runs)}</td></tr>"
        )
    head = "<tr><th>Unit</th><th>State</th><th>What it said</th><th>Runs</th></tr>"
    return f'<div class="scroll"><table class="steps">{head}{"".join(lines)}</table></div>'
