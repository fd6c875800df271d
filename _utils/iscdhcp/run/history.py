"""What runs did, told from their journals: rows, lines, sentences."""

from __future__ import annotations

from ..words import date
from .journal import Entry


def attempts(entries: list[Entry]) -> list[list[Entry]]:
    """Return the entries of each process that worked on the run, in order."""
    found: list[list[Entry]] = []
    for entry in entries:
        if entry["what"] == "begun" or not found:
            found.append([])
        found[-1].append(entry)
    return found


def summary(entries: list[Entry], is_live: bool = False) -> Entry:
    """
    Return a run in short.

    is_live
        Whether its process is there (:func:`is_alive`): without it and without an end the process
        was killed.

    ``run``, ``pair``, ``begun`` and ``ended`` (epoch seconds), ``who``, ``kind`` (``restart``,
    ``rollout``, ``reboot``; ``None``: another act, ``deed`` in words), ``task`` (what is done
    besides, in words), ``what`` (all of that for a table), ``method``, ``outcome``
    (``running``, ``paused``, ``done``, ``failed``, ``aborted``, ``interrupted``, ``killed``,
    ``unfinished``), ``comment``, ``restarted`` (servers), ``attempts``.
    """
    tried = attempts(entries)
    first = next((e for e in entries if e["what"] == "begun"), {})
    last = tried[-1] if tried else []
    about = next((e for e in last if e["what"] == "begun"), first)
    end = next((e for e in reversed(last) if e["what"] == "ended"), None)
    acted = [e["server"] for e in entries if _is_act(e) and e.get("result")]
    if end is not None:
        outcome, comment = str(end.get("outcome")), str(end.get("comment") or "")
    elif is_live:
        held = next((e for e in reversed(last) if e["what"] in ("paused", "resumed")), None)
        outcome, comment = "running", _last_text(last)
        if held is not None and held["what"] == "paused":
            outcome, comment = "paused", f"Paused by {by_whom(held)}."
    else:
        outcome = "killed"
        comment = "Its process is gone without an end: the same command goes on where it was."
    return {
        "run": first.get("run"),
        "pair": first.get("pair"),
        "name": first.get("name"),
        "begun": first.get("at"),
        "ended": end["at"] if end else None,
        "last": entries[-1]["at"] if entries else None,
        "who": about.get("who"),
        "kind": first.get("kind", "restart"),
        "deed": first.get("deed"),
        "task": first.get("task"),
        "what": _what(first),
        "method": first.get("method"),
        "outcome": outcome,
        "comment": comment,
        "restarted": list(dict.fromkeys(acted)),
        "attempts": len(tried),
    }


def _what(begun: Entry) -> str:
    kind = begun.get("kind", "restart")
    return str(begun.get("deed") or {"reboot": "maintenance"}.get(kind, kind))


def _is_act(entry: Entry) -> bool:
    """Whether an entry tells of a restart, or of a server that serves again after maintenance."""
    started = entry["what"] == "result" and entry.get("name") == "start"
    return entry["what"] == "acted" or bool(started and entry.get("server"))


def row(entries: list[Entry], is_live: bool = False) -> Entry:
    """Return :func:`summary` as people read it: begun with its date, and how many ``seconds``."""
    short = summary(entries, is_live)
    last = short["ended"] or short["last"]
    told = ("who", "what", "method", "outcome", "restarted", "attempts", "comment")
    return {
        "run": short["run"],
        "pair": short["pair"],
        "begun": date(short["begun"]),
        "seconds": round(last - short["begun"], 1),
        **{key: short[key] for key in told},
    }


def _last_text(entries: list[Entry]) -> str:
    return next((str(e["text"]) for e in reversed(entries) if e["what"] == "said"), "")


def by_whom(entry: Entry) -> str:
    """Return who gave an order, and why if it was said."""
    why = f": {entry['why']}" if entry.get("why") else ""
    return f"{entry.get('who')}{why}"


def line(entry: Entry) -> str | None:
    """Return an entry as one line for people, without its time; ``None`` for what is said twice."""
    what = entry["what"]
    if what == "said":
        return str(entry.get("text"))
    if what == "seen":
        return sight(entry)
    if what == "alive":
        return None if entry.get("told") else str(entry.get("text"))
    if what == "begun":
        again = "continued" if entry.get("continued") else "begun"
        return (
            f"run {entry.get('run')} of {entry.get('pair')} {again} by {entry.get('who')} "
            f"(pid {entry.get('pid')}, method {entry.get('method')})"
        )
    if what == "step":
        return f"step {_step_name(entry)} begins"
    if what == "result":
        mind = "; ".join(entry.get("warnings") or ())
        return (
            f"step {_step_name(entry)} {'done' if entry.get('result') else 'FAILED'} "
            f"({entry.get('seconds', 0):.2f} s): {entry.get('comment')}"
            + (f" Note: {mind}." if mind else "")
        )
    if what == "decision":
        whys = "; ".join(reason["text"] for reason in entry.get("reasons") or ())
        text = f"{entry.get('server')} {entry.get('about')}: {entry.get('outcome')}"
        return f"{text} ({whys})" if whys else text
    if what == "log":
        served = (entry.get("clients") or {}).get("acks")
        more = "" if served is None else f", and {served} leases given or renewed"
        lines = len(entry.get("events") or ())
        return f"{entry.get('server')} logged {lines} lines of failover{more}"
    if what == "ended":
        return f"ended ({entry.get('outcome')}): {entry.get('comment')}"
    if what in ("aborted", "clients"):
        return f"{what} by {by_whom(entry)}" if what == "aborted" else "; ".join(entry["lines"])
    return None


def _step_name(entry: Entry) -> str:
    server = entry.get("server")
    return f"{entry.get('name')}{f' {server}' if server else ''}"


def sight(entry: Entry) -> str:
    """Return what a server looks like (an entry ``seen``) as people read it."""
    server = entry.get("server")
    if entry.get("error"):
        return f"{server}: {entry['error']}"
    if not entry.get("running"):
        return f"{server}: dhcpd is down"
    ends = [
        f"{name} {end.get('state') or 'unknown'} (partner {end.get('partner_state') or 'unknown'})"
        for name, end in sorted(entry.get("relationships", {}).items())
    ]
    stopped = ", stopped by a signal" if entry.get("stopped") else ""
    return f"{server}: {', '.join(ends) or 'no relationship'}, pid {entry.get('pid')}{stopped}"
