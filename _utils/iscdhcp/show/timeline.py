"""
What servers went through as one inline SVG: their states, what was done, what they answered.

Places are in percent, so that it fills any width while its letters keep their size.
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any
from typing import TypedDict

Span = dict[str, Any]

#: The colour's name (a variable of the page's style) by what the state means for clients.
COLOURS = {
    "normal": "good",
    "communications-interrupted": "alone",
    "partner-down": "alone",
    "down": "down",
    "no answer": "unknown",
    "silent": "unknown",
    "unknown": "unknown",
}
_STEP_HEIGHT, _LABEL_HEIGHT, _BAR_HEIGHT, _GAP = 20, 22, 34, 10
#: Percent of a wide screen that is seen.
_LEAST = 0.8
#: Percent of a wide screen that a letter of a label takes; one that does not fit is left out.
_LETTER, _SMALL_LETTER = 0.78, 0.66
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)


class Answered(TypedDict):
    """A question that a server's partner has put as a client does, and what came of it."""

    at: float
    #: Who asked.
    by: str
    offered: bool
    #: How long the answer took.
    seconds: float | None


class Lived(TypedDict):
    """A time in which a server answered its partner's questions whether it lives, or did not."""

    start: float
    end: float
    #: Who asked.
    by: str
    answers: bool


def draw(
    first: float,
    last: float,
    spans: Mapping[str, list[Span]],
    roles: Mapping[str, str],
    steps: list[Span],
    pauses: list[Span],
    zero: float | None = None,
    answers: Mapping[str, list[Answered]] | None = None,
    lives: Mapping[str, list[Lived]] | None = None,
) -> str:
    """
    Draw a timeline.

    first, last
        What it shows, epoch seconds.
    spans, roles
        By server, from the top: ``state``, ``start`` and ``end`` of each; and what it is.
    steps
        What was done meanwhile: ``name``, ``start``, ``end``.
    pauses
        ``who``, ``start``, ``end``.
    zero
        From when the seconds are counted; default: ``first``.
    answers
        By server, what it answered when its partner asked it as a client does.
    lives
        By server, when it gave its partner signs of life.
    """
    if not any(spans.values()):
        return "<p>No server was seen.</p>"
    length = max(0.001, last - first)
    zero = first if zero is None else zero

    def x(moment: float) -> float:
        return 100.0 * (min(max(moment, first), last) - first) / length

    parts = []
    height = _STEP_HEIGHT + 6 + len(roles) * (_LABEL_HEIGHT + _BAR_HEIGHT + _GAP)
    parts += _ticks(length, height, zero - first)
    for number, step in enumerate(steps):
        parts.append(
            _box(
                x(step["start"]),
                x(step["end"]) - x(step["start"]),
                0,
                _STEP_HEIGHT,
                f"step {'odd' if number % 2 else 'even'}",
                f"{step['name']}, {seconds_of(step['end'] - step['start'])}",
                step["name"],
                step.get("short", ""),
            )
        )
    top = _STEP_HEIGHT + 6
    for server, states in spans.items():
        role = roles[server]
        parts.append(
            f'<text x="0" y="{top + 15}" class="name">{esc(server)}'
            f'<tspan class="dim"> {esc(role)}</tspan></text>'
        )
        top += _LABEL_HEIGHT
        # Wide ones first, so that a short one stays on top with its outline.
        for span in sorted(states, key=lambda one: one["start"] - one["end"]):
            if span["end"] < first or span["start"] > last:
                continue
            parts.append(
                _box(
                    x(span["start"]),
                    x(span["end"]) - x(span["start"]),
                    top,
                    _BAR_HEIGHT,
                    f"state {COLOURS.get(span['state'], 'mute')}",
                    f"{server}: {span['state']}, {seconds_of(span['end'] - span['start'])}",
                    span["state"],
                )
            )
        parts += [
            _box(
                x(one["start"]),
                # A single answer has no length.
                max(x(one["end"]) - x(one["start"]), _LEAST),
                top + _BAR_HEIGHT + 3,
                4,
                f"life {'good' if one['answers'] else 'silent'}",
                _life(server, one),
            )
            for one in _while_up((lives or {}).get(server, ()), states)
        ]
        asked = [one for one in (answers or {}).get(server, ()) if first <= one["at"] <= last]
        parts += [_mark(x(one["at"]), top + _BAR_HEIGHT, server, one) for one in asked]
        top += _BAR_HEIGHT + _GAP
    for pause in pauses:
        parts.append(
            _box(
                x(pause["start"]),
                x(pause["end"]) - x(pause["start"]),
                0,
                height,
                "pause",
                f"paused by {pause['who']}, {seconds_of(pause['end'] - pause['start'])}",
            )
        )
    seen = dict.fromkeys(span["state"] for states in spans.values() for span in states)
    chips = "".join(f"<span>{chip(state)}</span>" for state in seen)
    told = {one["offered"] for asked in (answers or {}).values() for one in asked}
    if True in told:
        chips += '<span><i class="chip answered"></i>answered its partner\'s question</span>'
    if False in told:
        chips += '<span><i class="chip silent"></i>did not answer it</span>'
    lived = {one["answers"] for spans in (lives or {}).values() for one in spans}
    if True in lived:
        chips += '<span><i class="chip life good"></i>gave its partner signs of life</span>'
    if False in lived:
        chips += '<span><i class="chip life silent"></i>gave it none</span>'
    if pauses:
        chips += '<span><i class="chip pause"></i>run paused</span>'
    return (
        f'<div class="scroll"><svg width="100%" height="{height + 22}" class="time" role="img" '
        f'aria-label="Timeline of the servers\' failover states">{"".join(parts)}</svg></div>'
        f'<p class="legend">{chips}</p>'
    )


def _ticks(length: float, height: float, zero: float) -> list[str]:
    step = next((one for one in _TICKS if length / one <= 6), length / 5)
    parts, at = [], -int(zero / step) * step
    while at + zero <= length * 1.0001:
        place = 100.0 * (at + zero) / length
        anchor = "start" if place < 3 else "end" if place > 96 else "middle"
        parts.append(
            f'<line x1="{place:.3f}%" x2="{place:.3f}%" y1="{_STEP_HEIGHT}" y2="{height}"/>'
            f'<text x="{place:.3f}%" y="{height + 15}" text-anchor="{anchor}" class="tick">'
            f"{_tick(at)}</text>"
        )
        at += step
    return parts


def _tick(at: float) -> str:
    if at >= 3600:
        return f"{at / 3600:g} h"
    return f"{at / 60:g} min" if at >= 120 else f"{round(at, 3):g} s"


def _box(
    start: float,
    wide: float,
    top: float,
    height: float,
    kind: str,
    title: str,
    label: str = "",
    short: str = "",
) -> str:
    """A rectangle with its tooltip and, where there is room, its label or a shorter one."""
    text = ""
    letter = _LETTER if kind.startswith("state") else _SMALL_LETTER
    label = next((one for one in (label, short) if wide >= letter * (len(one) + 1.5)), "")
    if label:
        text = (
            f'<svg x="{start:.3f}%" y="{top}" width="{wide:.3f}%" height="{height}">'
            f'<text x="6" y="{height / 2 + 4.5:g}" class="in">{esc(label)}</text></svg>'
        )
    return (
        f'<g class="{kind}"><title>{esc(title)}</title><rect x="{start:.3f}%" y="{top}" '
        f'width="{max(wide, 0.05):.3f}%" height="{height}"/>{text}</g>'
    )


def _mark(place: float, bottom: float, server: str, one: Answered) -> str:
    """A dot under a server's bar, a ring for silence: what a client would have seen."""
    said, kind = f"did not answer the question of {one['by']}", "silent"
    if one["offered"]:
        took = "" if one["seconds"] is None else f" after {1000 * one['seconds']:.1f} ms"
        said, kind = f"offered {one['by']} an address{took}", "good"
    title = esc(f"{server} {said}")
    dot = f'<circle cx="{place:.3f}%" cy="{bottom + 5}" r="3.5"/>'
    return f'<g class="answer {kind}"><title>{title}</title>{dot}</g>'


def _while_up(lives: Iterable[Lived], states: Iterable[Span]) -> list[Lived]:
    """Cut out of the times of answers those in which the server was down: nobody asked it then."""
    pieces = list(lives)
    for down in (one for one in states if one["state"] == "down"):
        cut: list[Lived] = []
        for one in pieces:
            if not one["answers"] or one["end"] <= down["start"] or down["end"] <= one["start"]:
                cut.append(one)
                continue
            if one["start"] < down["start"]:
                cut.append({**one, "end": down["start"]})
            if down["end"] < one["end"]:
                cut.append({**one, "start": down["end"]})
        pieces = cut
    return pieces


def _life(server: str, one: Lived) -> str:
    said = "answered" if one["answers"] else "did not answer"
    return f"{server} {said} the DHCPINFORM of {one['by']}, {seconds_of(one['end'] - one['start'])}"


def esc(text: Any) -> str:
    return html.escape(str(text))


def seconds_of(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min {rest:02d} s" if hours else f"{minutes} min {rest:02d} s"


def chip(state: str) -> str:
    return f'<i class="chip {COLOURS.get(state, "mute")}"></i>{esc(state)}'
