"""
One run as one HTML page, from its journal: what the servers went through, step by step.

The page needs nothing but itself: no script, no font, no other file. It fits a phone, and follows
the reader's choice of dark or light.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path

from .. import words
from ..errors import IscDhcpError
from ..files import replaced
from ..run import history
from ..run.journal import Entry
from ..words import date
from . import fleet_report
from .report_style import PAGE
from .timeline import Answered
from .timeline import Lived
from .timeline import Span
from .timeline import chip
from .timeline import draw
from .timeline import esc
from .timeline import seconds_of

GENERATOR = "dhcp_failover report"
#: Seconds around dhcpd's own line about a state in which an answer to a question is no news: the
#: clocks of two hosts are not known that well, and an answer takes its time.
NEAR = 1.5
#: More lines than that are folded away.
FEW_LINES = 80

#: Names of steps as the terminal has them too.
STEPS = {
    "lock": "lock",
    "preflight": "preflight",
    "restart": "restart of",
    "stop": "stop of",
    "maintenance": "maintenance of",
    "start": "start of",
    "wait_normal": "pair normal after",
    "check": "configurations checked",
    "configure": "configuration of",
    "prove": "proof of",
    "agree": "configurations agree",
    "partner_down": "partner-down at",
    "bring_back": "return of",
    "probation": "probation of",
    "unlock": "unlock",
}
#: What a page is called, by the kind of the run.
TITLES = {"rollout": "Rollout on", "reboot": "Maintenance of"}
VERDICTS = {
    "done": "good",
    "running": "open",
    "paused": "open",
    "aborted": "mind",
    "interrupted": "mind",
    "killed": "mind",
    "unfinished": "mind",
    "failed": "bad",
}

# -- what happened, from the journal -------------------------------------------------------------


def spans_of(entries: list[Entry], server: str, relationship: str, end: float) -> list[Span]:
    """
    Return a server's states in one relationship as spans of time.

    entries
        A journal's, of one process.
    end
        When the last one ends, epoch seconds.

    Each has ``state`` (dhcpd's name of it, ``down`` or ``no answer``), ``start`` and
    ``end`` (epoch seconds, the master's clock). dhcpd's own log says best when a state began; what
    was seen in between fills what it does not tell.
    """
    told = [point for point in _told(entries, server, relationship) if point[0] <= end]
    points = sorted(told, key=lambda point: point[0])
    exact = [at for at, _ in points]
    for at, state in _seen(entries, server, relationship):
        if all(abs(at - one) > NEAR for one in exact) or not points:
            points.append((at, state))
    first_seen = next(_seen(entries, server, relationship), None)
    if first_seen is not None:
        points.append(first_seen)
    found: list[Span] = []
    for at, state in sorted(points, key=lambda point: point[0]):
        if found and found[-1]["state"] == state:
            continue
        if found:
            found[-1]["end"] = at
        found.append({"state": state, "start": at, "end": end})
    return [span for span in found if span["end"] > span["start"]]


def _told(entries: list[Entry], server: str, relationship: str) -> Iterator[tuple[float, str]]:
    """What acts and dhcpd's log say, to the millisecond."""
    began = entries[0]["at"] if entries else 0.0
    logs = [e for e in entries if e["what"] == "log" and e.get("server") == server]
    acts = [e for e in entries if e["what"] == "acted" and e.get("server") == server]
    offset = float((logs or acts or [{}])[-1].get("offset") or 0)
    for act in acts:
        ended = (act.get("old") or {}).get("ended")
        if ended:
            yield float(ended) - offset, "down"
            started = (act.get("new") or {}).get("started")
            if started and float(started) > float(ended):
                yield float(started) - offset, "startup"
    for log in logs[-1:]:
        for event in log.get("events") or ():
            at = float(event["time"]) - offset
            if event["kind"] == "my-move" and event.get("relationship") == relationship:
                if at >= began:
                    yield at, str(event["text"]).rpartition(" to ")[2]


def _seen(entries: list[Entry], server: str, relationship: str) -> Iterator[tuple[float, str]]:
    for entry in entries:
        if entry["what"] != "seen" or entry.get("server") != server:
            continue
        end = entry.get("relationships", {}).get(relationship) or {}
        if entry.get("error"):
            yield entry["at"], "no answer"
        elif not entry.get("running"):
            yield entry["at"], "down"
        else:
            yield entry["at"], str(end.get("state") or "unknown")


def answers_of(
    entries: list[Entry], servers: list[str], relationship: str
) -> dict[str, list[Answered]]:
    """
    Return what each server answered when its partner asked it as a client does.

    entries
        A journal's, of one process.
    """
    found: dict[str, list[Answered]] = {server: [] for server in servers}
    known = set()
    for entry in entries:
        by = str(entry.get("server"))
        if entry["what"] != "seen" or by not in servers:
            continue
        asked = (entry.get("relationships", {}).get(relationship) or {}).get("asked") or {}
        at = asked.get("asked")
        if at is None or asked.get("offered") is None or (by, at) in known:
            continue
        known.add((by, at))
        # The asking server's clock against the master's.
        offset = float(entry.get("clock") or entry["at"]) - entry["at"]
        for server in servers:
            if server != by:
                found[server].append(
                    {
                        "at": float(at) - offset,
                        "by": by,
                        "offered": bool(asked["offered"]),
                        "seconds": asked.get("seconds"),
                    }
                )
    return found


def lives_of(
    entries: list[Entry], servers: list[str], relationship: str, end: float
) -> dict[str, list[Lived]]:
    """
    Return when each server gave its partner signs of life, and when it gave none although asked.

    entries, end
        A journal's, of one process, and when its last span ends.
    """
    found: dict[str, list[Lived]] = {server: [] for server in servers}
    for entry in entries:
        partner = str(entry.get("partner"))
        if entry["what"] != "alive" or partner not in found:
            continue
        if entry.get("relationship") != relationship:
            continue
        spans = found[partner]
        at = float(entry.get("since") or entry.get("until") or entry["at"])
        if spans and spans[-1]["end"] > at:
            spans[-1]["end"] = at
        if entry["state"] in ("answers", "silent"):
            answers = entry["state"] == "answers"
            spans.append(
                {"start": at, "end": end, "by": str(entry.get("server")), "answers": answers}
            )
    return found


def steps_of(entries: list[Entry]) -> list[Span]:
    """Return the steps: ``name``, ``start``, ``end``, ``result``, ``comment``."""
    found: list[Span] = []
    for entry in entries:
        if entry["what"] == "step":
            name = STEPS.get(str(entry.get("name")), str(entry.get("name")))
            name += f" {entry['server']}" if entry.get("server") else ""
            # What a wait is called where there is no room for more.
            short = "wait" if entry.get("name") == "wait_normal" else name.partition(" ")[0]
            found.append(
                {"name": name, "short": short, "start": entry["at"], "end": None, "result": None}
            )
        elif entry["what"] == "result":
            if not found or found[-1]["end"] is not None:
                found.append({"name": str(entry.get("name")), "start": entry["at"]})
            found[-1].update(
                end=entry["at"],
                result=entry.get("result"),
                comment=entry.get("comment"),
                warnings=entry.get("warnings") or [],
            )
    last = entries[-1]["at"] if entries else 0.0
    for one in found:
        if one["end"] is None:
            one.update(end=last, comment="It has no end in the journal.")
    return found


def pauses_of(entries: list[Entry]) -> list[Span]:
    """Return the times in which the run was paused: ``start``, ``end``, ``who``."""
    found: list[Span] = []
    for entry in entries:
        if entry["what"] == "paused":
            who = history.by_whom(entry)
            found.append({"start": entry["at"], "end": entries[-1]["at"], "who": who})
        elif entry["what"] in ("resumed", "aborted", "ended") and found:
            found[-1]["end"] = min(found[-1]["end"], entry["at"])
    return found


def downtimes(entries: list[Entry]) -> dict[str, float]:
    """Return for how many seconds each restarted server was down, as itself it said."""
    found: dict[str, float] = {}
    for entry in entries:
        old, new = entry.get("old") or {}, entry.get("new") or {}
        if entry["what"] == "acted" and old.get("ended") and new.get("serves_since"):
            seconds = max(0.0, float(new["serves_since"]) - float(old["ended"]))
            found[entry["server"]] = found.get(entry["server"], 0.0) + seconds
    return found


def down_together(spans: Mapping[str, list[Span]]) -> float:
    """Return for how many seconds all servers were down at once."""
    moments = sorted({moment for one in spans.values() for s in one for moment in _ends(s)})
    total = 0.0
    for start, end in itertools.pairwise(moments):
        middle = (start + end) / 2
        states = [
            next((s["state"] for s in one if s["start"] <= middle < s["end"]), "unknown")
            for one in spans.values()
        ]
        if states and all(state == "down" for state in states):
            total += end - start
    return total


def _ends(span: Span) -> tuple[float, float]:
    return span["start"], span["end"]


# -- the page ------------------------------------------------------------------------------------


def write(target: Path, entries: list[Entry], is_live: bool = False) -> None:
    """
    Write a run's page.

    target
        The file; one that is there is replaced if it is such a page.
    entries, is_live
        As for :func:`page`.

    Raises :class:`IscDhcpError` if it can't be written.
    """
    target = Path(target)
    try:
        if target.exists() and GENERATOR.encode() not in target.read_bytes()[:400]:
            raise IscDhcpError(f"{target} is something else: give another file.")
        text = page(entries, is_live)
        with replaced(target) as file:
            file.write(text)
    except OSError as err:
        raise IscDhcpError(f"{target} can't be written: {err.strerror}") from err


def page(entries: list[Entry], is_live: bool = False) -> str:
    """
    Return a run as one HTML page.

    entries
        Its journal (:func:`iscdhcp.run.journal.read`).
    is_live
        Whether it goes on (:func:`iscdhcp.run.journal.is_alive`).

    Raises :class:`IscDhcpError` if the journal has no beginning.
    """
    short = history.summary(entries, is_live)
    if short["run"] is None:
        raise IscDhcpError("This journal has no beginning: there is nothing to tell.")
    tried = _attempts(entries)
    about = next(e for e in entries if e["what"] == "begun")
    if about.get("fleet"):
        title, body = fleet_report.body(entries, is_live)
        return PAGE.format(title=esc(title), generator=GENERATOR, body=body)
    roles = {about["primary"]: "primary", about["secondary"]: "secondary"}
    title = f"{TITLES.get(short['kind'], 'Restart of')} {short['name']}"
    if short["deed"]:
        title = f"{short['deed']} ({short['name']})"
    parts = [
        f"<h1>{esc(title)}</h1>",
        f'<p class="dim">{esc(" and ".join(roles))} &middot; {date(short["begun"])}</p>',
        f'<p class="verdict {VERDICTS.get(short["outcome"], "mind")}">'
        f"<b>{esc(_word(short['outcome']))}</b> {esc(_sentence(short, entries, about))}</p>",
        _tiles(short, entries, tried, about),
    ]
    many = len(tried) > 1
    for number, one in enumerate(tried, 1):
        head = "The servers' states over time"
        if many:
            who = next((e.get("who") for e in one if e["what"] == "begun"), "")
            at = words.clock(one[0]["at"])
            head = f"Attempt {number} of {len(tried)}, {at} UTC by {who}"
        parts.append(f"<h2>{esc(head)}</h2>")
        parts.append(timeline(one, roles, str(about["name"])))
    parts.append(f"<h2>Steps</h2>{_steps_table(tried)}")
    clients = _clients(entries)
    if clients:
        parts.append(f"<h2>Clients</h2><ul>{''.join(f'<li>{esc(c)}</li>' for c in clients)}</ul>")
    pools = _pools(entries, str(about["name"]))
    if pools:
        parts.append(f"<h2>Pools, as last seen</h2>{pools}")
    parts.append(_changes_table(tried, roles, str(about["name"])))
    parts.append(_story(entries, short["begun"]))
    parts.append(
        f'<p class="dim">Run {esc(short["run"])}, begun by {esc(about.get("who"))}. All times '
        "are UTC, by the master's clock. States are those of dhcpd's own log where it tells them, "
        "else those seen when the run asked.</p>"
    )
    return PAGE.format(title=esc(title), generator=GENERATOR, body="\n".join(parts))


def _attempts(entries: list[Entry]) -> list[list[Entry]]:
    """Return each attempt, with what dhcpd logged: only one that ended well has asked for it."""
    logs, found = _last_logs(entries), []
    for one in history.attempts(entries):
        # What was measured is added when the run has ended.
        own = [entry for entry in one[1:] if entry["what"] not in ("log", "clients")]
        found.append(one[:1] + logs + own if own else one[:1])
    return found


def _word(outcome: str) -> str:
    return {"killed": "Its process died."}.get(outcome, outcome.capitalize() + ".")


def _sentence(short: Entry, entries: list[Entry], about: Entry) -> str:
    if short["outcome"] != "done":
        comment = str(short["comment"])
        return comment.removeprefix(_word(short["outcome"])).strip()
    if short["kind"] is None:
        return str(short["comment"])
    downs = downtimes(entries)
    each = ", ".join(f"{server} for {seconds_of(down)}" for server, down in downs.items())
    through = short["task"] if short["kind"] == "reboot" else "each restarted"
    text = f"{', then '.join(about['servers'])}: {through}, and normal again at both ends"
    if each:
        text += f". Down: {each}"
        both = _both_down(entries, about)
        text += "; both at once: never." if not both else f"; BOTH AT ONCE for {seconds_of(both)}."
    return text if text.endswith(".") else text + "."


def _both_down(entries: list[Entry], about: Entry) -> float:
    total = 0.0
    for one in _attempts(entries):
        servers = (str(about["primary"]), str(about["secondary"]))
        end = one[-1]["at"]
        total += down_together({s: spans_of(one, s, str(about["name"]), end) for s in servers})
    return total


def _tiles(short: Entry, entries: list[Entry], tried: list[list[Entry]], about: Entry) -> str:
    worked = sum(one[-1]["at"] - one[0]["at"] for one in tried)
    tiles = [("took", seconds_of(worked))]
    if short["kind"] is not None:
        tiles.append(("method", str(short["method"])))
    done = "maintained" if short["kind"] == "reboot" else "restarted"
    if short["kind"] is not None:
        tiles.append((done, f"{len(short['restarted'])} of {len(about['servers'])}"))
    downs = downtimes(entries)
    if downs:
        tiles.append(("longest down", seconds_of(max(downs.values()))))
    paused = sum(p["end"] - p["start"] for one in tried for p in pauses_of(one))
    if paused:
        tiles.append(("paused", seconds_of(paused)))
    if len(tried) > 1:
        tiles.append(("attempts", str(len(tried))))
    served = sum(e["clients"]["acks"] for e in _last_logs(entries) if e.get("clients"))
    if served:
        tiles.append(("leases given meanwhile", f"{served:,}"))
    body = "".join(
        f"<div><b>{esc(value)}</b><span>{esc(name)}</span></div>" for name, value in tiles
    )
    return f'<div class="tiles">{body}</div>'


def _last_logs(entries: list[Entry]) -> list[Entry]:
    return list({e.get("server"): e for e in entries if e["what"] == "log"}.values())


def _clients(entries: list[Entry]) -> list[str]:
    found = [str(line) for e in entries if e["what"] == "clients" for line in e.get("lines") or ()]
    found += [str(e["text"]) for e in entries if e["what"] == "alive" and e["state"] != "answers"]
    for log in _last_logs(entries):
        clients = log.get("clients")
        if clients:
            text = f"{log['server']} gave or renewed {clients['acks']:,} leases during the run"
            if clients.get("unserved"):
                text += f" and had no address for {clients['unserved']:,} requests"
            found.append(f"{text} (its own log).")
    return found


def _pools(entries: list[Entry], relationship: str) -> str:
    last: dict[str, Entry] = {}
    for entry in entries:
        if entry["what"] == "seen":
            end = entry.get("relationships", {}).get(relationship) or {}
            if end.get("pools"):
                last[str(entry["server"])] = end["pools"]
    rows = "".join(
        f"<tr><td>{esc(network)}</td><td>{esc(server)}</td>"
        + "".join(
            f"<td class=n>{esc(pool.get(key, ''))}</td>" for key in ("total", "free", "backup")
        )
        + "</tr>"
        for server, pools in sorted(last.items())
        for network, pool in sorted(pools.items())
    )
    if not rows:
        return ""
    head = "<tr><th>Pool</th><th>Seen by</th><th class=n>Addresses</th><th class=n>Free</th>"
    return f'<div class="scroll"><table>{head}<th class=n>Backup</th></tr>{rows}</table></div>'


def _steps_table(tried: list[list[Entry]]) -> str:
    rows = []
    for number, one in enumerate(tried, 1):
        if len(tried) > 1:
            rows.append(f'<tr><td colspan=3 class="dim">Attempt {number}</td></tr>')
        for step in steps_of(one):
            mind = "; ".join(step.get("warnings") or ())
            comment = f"{step.get('comment') or ''}{f' Note: {mind}.' if mind else ''}"
            good = step["result"] is not False and step["result"] is not None
            mark = "" if good else "<b class=failed>failed</b> "
            rows.append(
                f"<tr><td>{mark}{esc(step['name'])}</td>"
                f"<td class=n>{seconds_of(step['end'] - step['start'])}</td>"
                f"<td class=c>{esc(comment)}</td></tr>"
            )
    return (
        '<table class="steps"><tr><th>Step</th><th class=n>Time</th><th>What it said</th></tr>'
        + "".join(rows)
        + "</table>"
    )


def _changes_table(tried: list[list[Entry]], roles: Mapping[str, str], relationship: str) -> str:
    rows = []
    for one in tried:
        begun, end = one[0]["at"], one[-1]["at"]
        for server in roles:
            for span in spans_of(one, server, relationship, end):
                rows.append(
                    f"<tr><td>{esc(server)}</td><td class=n>{words.moment(span['start'])}</td>"
                    f"<td class=n>{span['start'] - begun:+.2f} s</td>"
                    f"<td class=n>{seconds_of(span['end'] - span['start'])}</td>"
                    f"<td>{chip(span['state'])}</td></tr>"
                )
    return (
        "<details><summary>Every change of state</summary>"
        '<div class="scroll"><table><tr><th>Server</th><th class=n>At (UTC)</th><th class=n></th>'
        f"<th class=n>For</th><th>State</th></tr>{''.join(rows)}</table></div></details>"
    )


def _story(entries: list[Entry], begun: float) -> str:
    """All that was said, by the run and by dhcpd, in the order of time."""
    lines = [
        (entry["at"], "run", text)
        for entry in entries
        for text in [history.line(entry)]
        if text and entry["what"] not in ("step", "log", "clients")
    ]
    for log in _last_logs(entries):
        offset = float(log.get("offset") or 0)
        for event in log.get("events") or ():
            at = float(event["time"]) - offset
            if at >= begun - 1:
                lines.append((at, str(log["server"]), str(event["text"])))
    rows = "".join(
        f"<tr class={'run' if who == 'run' else 'dhcpd'}><td class=n>{words.moment(at)}</td>"
        f"<td>{esc(who)}</td><td class=c>{esc(text)}</td></tr>"
        for at, who, text in sorted(lines, key=lambda one: one[0])
    )
    state = " open" if len(lines) <= FEW_LINES else ""
    return (
        f"<details{state}><summary>What the run and dhcpd said ({len(lines)} lines)</summary>"
        f'<table class="story">{rows}</table></details>'
    )


# -- the timeline --------------------------------------------------------------------------------


def timeline(entries: list[Entry], roles: Mapping[str, str], relationship: str) -> str:
    """
    Return the servers' states and the run's steps as one inline SVG with its legend.

    entries
        A journal's, of one process.
    roles
        ``primary`` or ``secondary``, by server.

    """
    first, last = entries[0]["at"], entries[-1]["at"]
    spans = {server: spans_of(entries, server, relationship, last) for server in roles}
    answers = answers_of(entries, list(roles), relationship)
    lives = lives_of(entries, list(roles), relationship, last)
    steps, pauses = steps_of(entries), pauses_of(entries)
    return draw(first, last, spans, roles, steps, pauses, answers=answers, lives=lives)
