"""The demo's report as a page for people: text for the terminal, HTML with one inline picture."""

from __future__ import annotations

import html
import time
from typing import Any

from iscdhcp.show.report_style import PAGE
from iscdhcp.show.timeline import draw


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
    """Return the report as one self-contained HTML page, drawn as a run's own report is."""
    rows = "".join(
        f"<tr><td>{html.escape(phase['name'])}</td><td class=n>{phase['seconds']:.2f} s</td>"
        f"<td class=c>{'' if phase['result'] else '<b class=failed>failed</b> '}"
        f"{html.escape(phase['comment'])}</td></tr>"
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
    body = f"""<h1>{html.escape(report["title"])}</h1><p class="dim">{when}</p>
<p class="verdict {verdict}">{html.escape(report["sentence"])}</p>
<h2>The servers' states over time</h2>
{timeline(report)}
<h2>What the clients saw</h2><ul>{clients}</ul>
<h2>Phases of the run</h2>
<table class="steps"><tr><th>Step</th><th class=n>Time</th><th>What it said</th></tr>{rows}</table>
<h2>Every change of state</h2>
<table><tr><th>Server</th><th class=n>At</th><th class=n>For</th><th>State</th></tr>
{details}</table>
<p class="dim">Seconds count from the start of the orchestration. Sampled from outside, over OMAPI
and in the process table, at {report["sample_rate"]} samples a second for each server.</p>"""
    return PAGE.format(title=html.escape(report["title"]), generator="demo", body=body)


def timeline(report: dict[str, Any]) -> str:
    """Return both servers' states as one inline SVG."""
    spans = [span for one in report["servers"].values() for span in one]
    if not spans:
        return "<p>Nothing was sampled.</p>"
    begun = report["begun"]
    first = max(min(span["start"] for span in spans), begun - 3)
    last = min(max(span["end"] for span in spans), begun + report["seconds"] + 3)
    return draw(first, last, report["servers"], report["roles"], [], [], zero=begun)
