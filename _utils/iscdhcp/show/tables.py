"""
Status, preflight, plan, diagnosis and a run's steps as tables for people at a terminal.

Each takes what the runner returns and a ``paint(text, colour)`` function; what it returns is text.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from ..words import span
from . import fleet as fleets

Paint = Callable[[str, str], str]

_VERDICTS = {"pass": "GREEN", "warn": "YELLOW", "block": "RED"}
_KINDS = {
    "cause": "RED",
    "wait": "YELLOW",
    "risk": "YELLOW",
    "note": "CYAN",
    "harmless": "DARK_GRAY",
}


def plain(text: str, _colour: str) -> str:
    """Paint nothing."""
    return text


def render(data: Any, paint: Paint = plain, width: int = 100) -> str | None:
    """
    Return what a function of the runner returned as text, or ``None`` if it is none of ours.

    width
        Characters of a line; sentences are broken there.
    """
    if isinstance(data, list):
        runs = [one for one in data if isinstance(one, Mapping) and "outcome" in one]
        return history(runs, paint, width) if runs else None
    if not isinstance(data, Mapping):
        return None
    if "fleet" in data and "units" in data:
        return fleets.render(data, paint, width)
    if "checks" in data:
        return preflight(data, paint, width)
    if "phases" in data:
        return plan(data, paint, width)
    if "findings" in data:
        return doctor(data, paint, width)
    if isinstance(data.get("steps"), Mapping):
        return run(data, paint, width)
    pairs = [one for one in data.values() if isinstance(one, Mapping)]
    if pairs and all(_is_status(one) for one in pairs):
        return status(data, paint, width)
    if pairs and all("equal" in one for one in pairs):
        return drift(data, paint, width)
    return None


def _is_status(row: Mapping[str, Any]) -> bool:
    return bool(row) and all(isinstance(one, Mapping) and "role" in one for one in row.values())


def status(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """
    Return the states of pairs as a table, and below it what is behind them.

    On a narrow terminal the table does without some columns, and says so; where that does not do,
    each server has lines of its own.
    """
    heads = ("PAIR", "SERVER", "ROLE", "STATE", "PARTNER", SINCE, "MCLT", "FREE", "BACKUP", "CLOCK")
    rows: list[tuple[str, ...]] = []
    colours: list[str] = []
    below: list[str] = []
    for pair, servers in data.items():
        if not isinstance(servers, Mapping):
            continue
        for server, end in servers.items():
            good = (end.get("state"), end.get("partner_state")) == ("normal", "normal")
            colours.append("GREEN" if good else "YELLOW" if end.get("serves") else "RED")
            counted = end.get("pools") or ()
            rows.append(
                (
                    pair.split(":")[0] if _unique(data, pair) else pair,
                    server,
                    str(end.get("role") or ""),
                    str(end.get("state") or "unknown"),
                    str(end.get("partner_state") or "unknown"),
                    _short(end.get("since")),
                    span(float(end["mclt"])) if end.get("mclt") else "-",
                    str(sum(pool["free"] for pool in counted)) if counted else "-",
                    str(sum(pool["backup"] for pool in counted)) if counted else "-",
                    f"{end['clock']:+.1f} s" if end.get("clock") is not None else "-",
                )
            )
            below += _below(server, end, paint, width)
    fitting = _fitting(heads, rows, width) or _fitting(heads, _shortened(rows), width, _MORE_SPARE)
    if fitting is None:
        lines = [
            line
            for row, colour in zip(rows, colours, strict=True)
            for line in _upright(dict(zip(heads, row, strict=True)), colour, paint, width)
        ]
    else:
        fewer, kept, left_out = fitting
        lines = _table(fewer, kept, colours, paint)
        if left_out:
            text = f"(left out, too narrow: {', '.join(left_out)}; --out=json has all)"
            lines += _wrapped(text, width, paint, "")
        lines += _explained(kept, rows, width, paint)
    return "\n".join([*lines, *([""] if below else []), *below])


#: All times of the table are UTC.
SINCE = "SINCE (UTC)"
#: Columns that a status can best do without, in that order; and for very long names.
_SPARE = ("MCLT", "ROLE", "CLOCK")
_MORE_SPARE = (*_SPARE, "BACKUP", "FREE")
#: Short words for long states, where there is no room for these.
_SHORT = {
    "communications-interrupted": "comm-int",
    "potential-conflict": "conflict",
    "resolution-interrupted": "conflict-int",
    "conflict-done": "conflict-done",
    "partner-down": "partner-down",
    "recover-wait": "recover-wait",
    "recover-done": "recover-done",
}
#: The longest name of a server that is not cut in its middle then.
_LONGEST_NAME = 26


def _shortened(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the rows with short words for states, and servers without what all of them end by."""
    names = [row[1] for row in rows]
    labels = [name.split(".")[1:] for name in names]
    common: list[str] = []
    for parts in zip(*(one[::-1] for one in labels), strict=False):
        if len(set(parts)) > 1:
            break
        common.insert(0, parts[0])
    ending = "." + ".".join(common) if common else ""
    found = []
    for row in rows:
        server = _middle(row[1].removesuffix(ending), _LONGEST_NAME)
        states = [_SHORT.get(state, state) for state in row[3:5]]
        found.append((_middle(row[0], 12), server, row[2], *states, *row[5:]))
    # Two names that look the same then are worse than a broken table.
    if len({row[:2] for row in found}) < len({tuple(row[:2]) for row in rows}):
        return [tuple(row) for row in rows]
    return found


def _middle(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[: most // 2 - 1]}..{text[len(text) - (most - most // 2 - 1) :]}"


def _explained(
    shown: Sequence[Sequence[str]], rows: Sequence[Sequence[str]], width: int, paint: Paint
) -> list[str]:
    """Say what the short words of the table mean, where it has some."""
    cells = {cell for row in shown for cell in row}
    long = {state for row in rows for state in row[3:5]}
    told = [
        f"{short} = {state}"
        for state, short in _SHORT.items()
        if state in long and short in cells and state != short
    ]
    return _wrapped(f"({', '.join(told)})", width, paint, "") if told else []


def _fitting(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    spare: Sequence[str] = _SPARE,
) -> tuple[Sequence[str], Sequence[Sequence[str]], list[str]] | None:
    """Return the table without what does not fit, and the columns that are left out."""
    for number in range(-1, len(spare) + 1):
        left_out = list(spare[: max(0, number)])
        keep = [place for place, head in enumerate(heads) if head not in left_out]
        fewer = [heads[place] for place in keep]
        kept = [[row[place] for place in keep] for row in rows]
        if number >= 0:
            since = fewer.index(SINCE)
            for row in kept:
                # Month, day, hour and minute.
                row[since] = row[since][5:16] or row[since]
        if all(len(line) <= width for line in _table(fewer, kept, [""] * len(kept), plain)):
            return fewer, kept, left_out
    return None


def _upright(row: Mapping[str, str], colour: str, paint: Paint, width: int) -> list[str]:
    """Return a server's row of the status table as a block of lines."""
    first = f"{row['PAIR']} {row['SERVER']} {row['STATE']}"
    more = (
        f"{row['ROLE']}; partner {row['PARTNER']}; since {row[SINCE]} UTC; MCLT {row['MCLT']}; "
        f"free {row['FREE']}, backup {row['BACKUP']}; clock {row['CLOCK']}"
    )
    return [
        *_wrapped(first, width, paint, colour),
        *_wrapped(more.lstrip("; "), width, paint, "", indent=2),
    ]


def _unique(data: Mapping[str, Any], pair: str) -> bool:
    name = pair.split(":")[0]
    return sum(str(one).split(":")[0] == name for one in data) == 1


def _short(since: Any) -> str:
    return str(since).removesuffix(" UTC") if since else "-"


def _below(server: str, end: Mapping[str, Any], paint: Paint, width: int) -> list[str]:
    lines: list[str] = []
    if end.get("recover_wait_until"):
        lines.append(f"recover-wait until {end['recover_wait_until']}")
    if end.get("stuck"):
        lines.append(f"stuck: {end['stuck']}")
    if end.get("why"):
        lines.append(str(end["why"]))
    if end.get("partner_silent"):
        lines.append(f"asked as clients ask: {end['partner_silent']}")
    if end.get("pending_restart"):
        lines.append(f"pending restart: {end['pending_restart']}")
    if end.get("lock"):
        lines.append(f"locked by {end['lock']}")
    hold = end.get("hold")
    if hold:
        lines.append(f"held by {hold.get('who')}: {hold.get('why')}")
    if end.get("claim"):
        lines.append(f"claimed by {end['claim']}")
    for pool in end.get("pools") or ():
        if len(end["pools"]) > 1:
            lines.append(
                f"{pool['network']}: {pool['free']} free, {pool['backup']} backup of "
                f"{pool['addresses']}"
            )
    if end.get("better"):
        lines.append(f"better: {end['better']}")
    colour = "RED" if end.get("stuck") else "YELLOW"
    return [
        line
        for text in lines
        for line in _wrapped(f"{server}: {text}", width, paint, colour, indent=2)
    ]


def history(data: Sequence[Mapping[str, Any]], paint: Paint, width: int) -> str:
    """Return runs as a table, and below each what came of it where it did not go well."""
    colours = {"done": "GREEN", "running": "CYAN", "paused": "CYAN"}
    heads = ("BEGUN (UTC)", "PAIR", "OUTCOME", "TOOK", "WHAT", "RESTARTED", "BY", "RUN")
    pairs = {str(one.get("pair")): None for one in data}
    names = {pair: pair.split(":")[0] if _unique(pairs, pair) else pair for pair in pairs}
    rows, painted = [], []
    for one in data:
        rows.append(
            (
                _short(one.get("begun"))[:16],
                names[str(one.get("pair"))],
                str(one.get("outcome")),
                span(float(one.get("seconds") or 0)),
                str(one.get("what") or "-"),
                ", ".join(map(str, one.get("restarted") or ())) or "none",
                str(one.get("who") or "-"),
                str(one.get("run")),
            )
        )
        painted.append(colours.get(str(one.get("outcome")), "RED"))
    below = [
        line
        for one in data
        if one.get("outcome") != "done" and one.get("comment")
        for line in _wrapped(f"{one.get('run')}: {one['comment']}", width, paint, "", indent=2)
    ]
    keep = list(range(len(heads)))
    for spare in ("BY", "WHAT", "RESTARTED"):
        lines = _chosen(heads, rows, keep, painted, plain)
        if max(map(len, lines)) <= width:
            break
        keep.remove(heads.index(spare))
    lines = _chosen(heads, rows, keep, painted, paint)
    return "\n".join([*lines, *([""] if below else []), *below])


def _chosen(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    keep: Sequence[int],
    colours: Iterable[str],
    paint: Paint,
) -> list[str]:
    """Return the table with some of its columns."""
    fewer = [[row[place] for place in keep] for row in rows]
    return _table([heads[place] for place in keep], fewer, colours, paint)


def drift(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """Return which pairs' configurations mean the same, and below that how the others differ."""
    rows, colours = [], []
    below: list[str] = []
    for pair, one in data.items():
        if not isinstance(one, Mapping):
            continue
        problems, lines = one.get("problems") or (), one.get("diff") or ()
        asked = "diff" in one
        verdict = "equal" if one["equal"] else "differ" if asked else "unknown"
        rows.append((pair, verdict, str(len(lines)), str(len(problems))))
        colours.append("GREEN" if one["equal"] else "RED" if asked else "YELLOW")
        if one["equal"]:
            continue
        below += ["", *_wrapped(f"{pair}: {one.get('comment')}", width, paint, "")]
        for problem in problems:
            below += _wrapped(str(problem), width, paint, "RED", indent=2)
        for line in map(str, lines):
            # A line of a file is not broken: it is to be found there.
            colour = {"-": "RED", "+": "GREEN"}.get(line[:1], "")
            below.append("  " + (paint(line, colour) if colour else line))
    heads = ("PAIR", "CONFIGURATIONS", "LINES", "PROBLEMS")
    return "\n".join([*_table(heads, rows, colours, paint), *below])


def preflight(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """Return the checks, one on each line, with what to do below those that did not pass."""
    lines = [str(data.get("comment") or ""), ""]
    wide = max(len(check["code"]) for check in data["checks"])
    for check in data["checks"]:
        colour = _VERDICTS[check["verdict"]]
        head = f"{check['verdict']:5}  {check['code']:{wide}}  "
        lines += _hanging(head, check["text"], width, paint, colour)
        if check["verdict"] != "pass" and check.get("fix"):
            lines += _wrapped(f"-> {check['fix']}", width, paint, "", indent=len(head))
    return "\n".join(lines)


def plan(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """Return the phases of a plan with their seconds, and the methods beside each other."""
    lines = [
        f"A restart of {data['pair']} by {data['method']}: {', then '.join(data['order'])}; "
        f"{span(data['seconds'])} in all",
        "",
    ]
    for phase in data["phases"]:
        lines += _hanging(f"{span(phase['seconds']):>10}  ", phase["text"], width, paint, "")
    lines += ["", *_wrapped(f"Clients: {data['clients']}.", width, paint, ""), ""]
    rows, colours = [], []
    for name, one in data["methods"].items():
        chosen = "*" if name == data["method"] else " "
        rows.append(
            (
                f"{chosen} {name}",
                span(one["seconds"]),
                span(one["mute"]),
                "yes" if one["possible"] else f"no: {one['why']}",
            )
        )
        colours.append("" if one["possible"] else "DARK_GRAY")
    lines += _table(("  METHOD", "IN ALL", "EACH MUTE FOR", "POSSIBLE"), rows, colours, paint)
    lines.append("")
    wide = max(map(len, data["methods"])) + 4
    for name, one in data["methods"].items():
        if name != data["method"]:
            lines += _hanging(f"{f'  {name}':{wide}}", one["clients"], width, paint, "")
    for text in data.get("blockers") or ():
        lines += ["", *_wrapped(f"It would be refused: {text}", width, paint, "RED")]
    if data.get("healable") and data.get("blockers"):
        text = f"With heal=True it would begin by starting {data['healable']}, which is down."
        lines += ["", *_wrapped(text, width, paint, "")]
    return "\n".join(lines)


def run(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """Return what came of a run, and its steps in the order in which they were taken."""
    colour = "GREEN" if data.get("result") else "RED"
    lines = [*_wrapped(str(data.get("comment") or ""), width, paint, colour), ""]
    wide = max(map(len, data["steps"]), default=0)
    for name, text in data["steps"].items():
        lines += _hanging(f"{name:{wide}}  ", str(text), width, paint, "")
    return "\n".join(lines)


def doctor(data: Mapping[str, Any], paint: Paint, width: int) -> str:
    """Return the diagnosis: the answer, then the findings with the next step of each."""
    comment = str(data.get("comment") or "")
    said = [
        (one["text"], one["kind"])
        for found in data["findings"].values()
        for one in found
        if comment == f"{one['text']}." and data.get("next") == one.get("next")
    ]
    lines = _wrapped(comment, width, paint, _KINDS[said[0][1]] if said else "")
    if data.get("next"):
        lines += _wrapped(f"Next: {data['next']}", width, paint, "LIGHT_GREEN")
    for pair, found in data["findings"].items():
        if lines[-1]:
            lines.append("")
        # What the answer says is not said again.
        shown = [one for one in found if (one["text"], one["kind"]) not in said]
        if shown:
            lines.append(f"{pair}, also:" if len(shown) < len(found) else f"{pair}:")
        elif not found:
            lines.append(f"{pair}: nothing found")
        for one in shown:
            head = f"{one['kind']:8}  "
            lines += _hanging(head, one["text"], width, paint, _KINDS[one["kind"]])
            if one.get("next"):
                lines += _wrapped(f"-> {one['next']}", width, paint, "", indent=len(head))
    return "\n".join(lines).rstrip()


# -- text ----------------------------------------------------------------------------------------


def _table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], colours: Iterable[str], paint: Paint
) -> list[str]:
    wide = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:{size}}" for cell, size in zip(cells, wide, strict=True)).rstrip()

    return [
        paint(line(heads), "CYAN"),
        *(paint(line(row), colour) for row, colour in zip(rows, colours, strict=True)),
    ]


def _broken(text: str, width: int) -> list[str]:
    """Break at blanks; a command in it may be longer than a line and is left whole."""
    lines, now = [], ""
    for word in text.split():
        if now and len(now) + 1 + len(word) > width:
            lines.append(now)
            now = word
        else:
            now = f"{now} {word}" if now else word
    return [*lines, now] if now else lines


def _wrapped(text: str, width: int, paint: Paint, colour: str, indent: int = 0) -> list[str]:
    blank = " " * indent
    return [
        blank + (paint(line, colour) if colour else line)
        for line in _broken(text, max(30, width - indent))
    ]


def _hanging(head: str, text: str, width: int, paint: Paint, colour: str) -> list[str]:
    first, *more = _broken(text, max(30, width - len(head))) or [""]
    painted = paint(head, colour) if colour else head
    return [painted + first, *(" " * len(head) + line for line in more)]
