"""The demo's report as a page for people: text for the terminal, HTML with one inline picture."""

from __future__ import annotations

import html
import time
from typing import Any

#: Colours by what the state means for clients; the name stands beside, colour is never alone.
COLOURS = {
    "normal": "#2e7d32",
    "communications-interrupted": "#c77700",
    "partner-down": "#c77700",
    "down": "#b71c1c",
}
OTHER = "#5e6a75"
#: Seconds: shorter spans are drawn this wide and listed in the table with their true length.
NARROW = 0.15


def text(report: dict[str, Any]) -> str:
    """Return the report (see :func:`lab.demo.build_report`) as plain text."""
    lines = ["", report["title"], "=" * len(report["title"]), "", report["sentence"], ""]
    lines.append("What the clients saw")
    lines += [f"  {line}" for line in client_lines(report["clients"])]
    lines += ["", "Phases"]
    for phase in report["phases"]:
        mark = "ok" if phase["result"] else "FAILED"
        lines.append(f"  {phase['seconds']:7.2f} s  {mark:6}  {phase['name']}")
    for server, spans in report["servers"].items():
        lines += ["", f"{server} ({report['roles'][server]})"]
        lines += [
            f"  {_at(report, span['start'])}  {span['state']:<28} {_length(span)}" for span in spans
        ]
    return "\n".join(lines) + "\n"


def client_lines(clients: dict[str, Any]) -> list[str]:
    """Return what the clients saw as sentences."""
    return [
        f"{clients['sent']} exchanges begun, {clients['rate']} a second, by perfdhcp as a relay",
        f"{clients['lost']} lost ({clients['lost_offers']} without an OFFER, "
        f"{clients['lost_acks']} without an ACK; perfdhcp sends nothing twice, a real client does)",
        f"{clients['duplicates']} addresses given twice",
        clients["conditions"],
    ]


def _at(report: dict[str, Any], moment: float) -> str:
    return f"{moment - report['begun']:+8.2f} s"


def _length(span: dict[str, Any]) -> str:
    return f"{span['end'] - span['start']:.2f} s"


def page(report: dict[str, Any]) -> str:
    """Return the report as one self-contained HTML page."""
    rows = "".join(
        f"<tr><td>{html.escape(phase['name'])}</td><td class=n>{phase['seconds']:.2f} s</td>"
        f"<td>{'done' if phase['result'] else '<b>failed</b>'}</td>"
        f"<td>{html.escape(phase['comment'])}</td></tr>"
        for phase in report["phases"]
    )
    details = "".join(
        f"<tr><td>{html.escape(server)}</td><td class=n>{_at(report, span['start'])}</td>"
        f"<td class=n>{_length(span)}</td><td>{html.escape(span['state'])}</td></tr>"
        for server, spans in report["servers"].items()
        for span in spans
    )
    clients = "".join(f"<li>{html.escape(line)}</li>" for line in client_lines(report["clients"]))
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(report["begun"]))
    verdict = "good" if report["result"] else "bad"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(report["title"])}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1c2227; background: #fff; }}
h1 {{ font-size: 1.6rem; margin-bottom: .2rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.verdict {{ padding: .7rem 1rem; border-left: 6px solid; }}
.good {{ border-color: #2e7d32; background: #edf6ee; }}
.bad {{ border-color: #b71c1c; background: #fbeceb; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
td, th {{ text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #dde2e6;
  vertical-align: top; }}
.n {{ text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }}
svg {{ width: 100%; height: auto; }} text {{ font: 13px system-ui, sans-serif; fill: #1c2227; }}
small {{ color: #5e6a75; }}
</style></head><body>
<h1>{html.escape(report["title"])}</h1><small>{when}</small>
<p class="verdict {verdict}">{html.escape(report["sentence"])}</p>
<h2>The servers' states over time</h2>
{timeline(report)}
<h2>What the clients saw</h2><ul>{clients}</ul>
<h2>Phases of the run</h2>
<table><tr><th>Step</th><th class=n>Time</th><th></th><th>What it said</th></tr>{rows}</table>
<h2>Every change of state</h2>
<table><tr><th>Server</th><th class=n>At</th><th class=n>For</th><th>State</th></tr>
{details}</table>
<p><small>Seconds count from the start of the orchestration. Sampled from outside, over OMAPI and in
the process table, at {report["sample_rate"]} samples a second for each server.</small></p>
</body></html>
"""


def timeline(report: dict[str, Any]) -> str:
    """Return both servers' states as one inline SVG; very short spans are widened to be seen."""
    spans = [span for one in report["servers"].values() for span in one]
    if not spans:
        return "<p>Nothing was sampled.</p>"
    first = max(min(span["start"] for span in spans), report["begun"] - 3)
    last = min(max(span["end"] for span in spans), report["begun"] + report["seconds"] + 3)
    left, width, bar, gap = 120.0, 760.0, 34.0, 34.0
    scale = width / max(0.001, last - first)

    def x(moment: float) -> float:
        return left + (min(max(moment, first), last) - first) * scale

    parts, top = [], 26.0
    for server, states in report["servers"].items():
        parts.append(f'<text x="0" y="{top + 15}">{html.escape(server)}</text>')
        role = html.escape(report["roles"][server])
        parts.append(f'<text x="0" y="{top + 31}" fill-opacity=".6">{role}</text>')
        # Wide spans first, so that what was widened stays on top.
        for span in sorted(states, key=lambda one: one["start"] - one["end"]):
            if span["end"] < first or span["start"] > last:
                continue
            start = x(span["start"])
            wide = max(x(span["end"]) - start, NARROW * scale, 3.0)
            colour = COLOURS.get(span["state"], OTHER)
            label = f"{span['state']}, {_length(span)}"
            parts.append(
                f'<rect x="{start:.1f}" y="{top}" width="{wide:.1f}" height="{bar}" '
                f'fill="{colour}"><title>{html.escape(label)}</title></rect>'
            )
            if wide > 9 * len(span["state"]):
                parts.append(
                    f'<text x="{start + 8:.1f}" y="{top + 22}" style="fill:#fff">'
                    f"{html.escape(span['state'])}</text>"
                )
        top += bar + gap
    axis = top - 12
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 60, 120, 600) if (last - first) / s <= 12)
    tick = -int((report["begun"] - first) / step) * step
    while report["begun"] + tick <= last:
        at = x(report["begun"] + tick)
        parts.append(
            f'<line x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="{axis}" stroke="#00000022"/>'
            f'<text x="{at:.1f}" y="{axis + 16}" text-anchor="middle">{tick:g} s</text>'
        )
        tick += step
    legend, at = [], left
    seen = list(dict.fromkeys(span["state"] for span in spans))
    for state in seen:
        legend.append(
            f'<rect x="{at}" y="{axis + 34}" width="14" height="14" '
            f'fill="{COLOURS.get(state, OTHER)}"/>'
            f'<text x="{at + 20}" y="{axis + 46}">{html.escape(state)}</text>'
        )
        at += 40 + 7.5 * len(state)
    height = axis + 60
    return (
        f'<svg viewBox="0 0 {left + width + 20:.0f} {height:.0f}" role="img" '
        f'aria-label="Timeline of both servers\' failover states">{"".join(parts + legend)}</svg>'
    )
