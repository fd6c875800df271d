"""
Why is this pair not normal? From the facts of both ends to the cause and the next safe step.

Pure functions from a :class:`iscdhcp.pair.view.PairView` (with the servers' surveys) to findings,
the most likely cause first. Every state of the protocol has a finding; line numbers are those of
ISC dhcpd 4.4.3-P1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from ..log import harmless
from ..pair.view import PairView
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..words import size
from ..words import stamp
from . import link
from . import states
from .finding import CAUSE
from .finding import HARMLESS
from .finding import NOTE
from .finding import RISK
from .finding import WAIT
from .finding import Finding
from .finding import events_of
from .finding import linked
from .finding import recently
from .finding import without


def diagnose(view: PairView) -> list[Finding]:
    """
    Return what is wrong with a pair, the most likely cause first, and what is only noise, last.

    view
        The pair, with the ``survey`` of both servers (``dhcpd.inspect``) among their facts. Where
        a part of it is missing, what it would tell is not found.

    A healthy pair may have risks, notes and harmless lines.
    """
    found: list[Finding] = []
    for server in view.servers:
        if view.error(server):
            found += _silent(view, server)
            continue
        for look in _OF_A_SERVER:
            found += look(view, server)
    found += link.link(view)
    found += link.disagree(view)
    found += _clocks(view)
    found += _harmless(view)
    order = {CAUSE: 0, WAIT: 1, RISK: 2, NOTE: 3, HARMLESS: 4}
    healthy = view.normal and not any(one.kind == CAUSE for one in found)
    if not healthy:
        # What is expected to heal comes after what explains why it is there.
        order = {CAUSE: 0, WAIT: 0, RISK: 1, NOTE: 2, HARMLESS: 3}
    return sorted(found, key=lambda one: (order[one.kind], -one.rank))


# -- who answers, what runs ----------------------------------------------------------------------


def _silent(view: PairView, server: str) -> list[Finding]:
    why, partner = view.error(server), view.partner(server)
    if why and "is not available" in why:
        text = f"{server} does not have this version of the modules ({why})"
        return [Finding("not-synced", RISK, text, f"salt {server} saltutil.sync_all", server, 60)]
    connected = view.end(partner)["connected"]
    text = f"the minion on {server} does not answer ({why})"
    if connected:
        text += (
            f", but dhcpd is running there: {partner} has an established failover connection to it"
        )
        step = f"bring the minion back (systemctl restart salt-minion on {server})"
        return [Finding("minion-silent", RISK, text, step, server, 70)]
    step = (
        f"look whether the host {server} is up; touch nothing on {partner}: it may be the only "
        "one that serves"
    )
    if connected is False:
        text += f", and {partner} has no failover connection to it: the host or its network is down"
        return [Finding("host-down", CAUSE, text, step, server, 92)]
    return [Finding("minion-silent", CAUSE, text, step, server, 70)]


def _process(view: PairView, server: str) -> list[Finding]:
    process = view.seen(server)["process"]
    if process["several"]:
        pids = ", ".join(map(str, process["several"]))
        text = (
            f"several dhcpd processes run on {server} (pids {pids}), and all of them answer clients"
        )
        step = f"end the stray one by its pid on {server}; the service's own is the one to keep"
        return [Finding("several", CAUSE, text, step, server, 96)]
    if process.get("stopped"):
        pid = process.get("pid")
        text = (
            f"dhcpd on {server} (pid {pid}) is halted by a signal: it holds its sockets and "
            "answers nobody"
        )
        return [Finding("halted", CAUSE, text, f"kill -CONT {pid} on {server}", server, 97)]
    if process.get("running"):
        return []
    if process.get("signs"):
        told = "; ".join(process["signs"])
        text = f"no dhcpd is seen on {server}, and yet {told}: it may serve unseen"
        step = f"look on {server} who that is, and start no dhcpd there before"
        return [Finding("unseen", CAUSE, text, step, server, 97)]
    return _down(view, server)


def _down(view: PairView, server: str) -> list[Finding]:
    """Why dhcpd does not run."""
    alone = without(view, server)
    leases, configuration = view.seen(server)["lease_file"], view.seen(server)["configuration"]
    service, space = view.service(server), view.survey(server)["space"]
    start = f"salt {server} dhcpd.start"
    before = f"dhcpd is down on {server}"
    found = []
    if configuration.get("error"):
        text = f"{before} and its configuration is refused: {configuration['error']}; {alone}"
        step = f"fix that line, then {start}"
        found.append(Finding("configuration", CAUSE, text, step, server, 99))
    if leases.get("exists") is False:
        text = f"{before} and its lease file {leases.get('file')} is missing; {alone}"
        step = (
            f"bring it back from {leases.get('file')}~ or a backup before anything else, then "
            f"{start}: an empty file would make it forget every lease"
        )
        found.append(Finding("lease-file-missing", CAUSE, text, step, server, 98))
    elif leases.get("problem"):
        text = f"{before} and {leases['problem']}: a start would forget a lease; {alone}"
        step = f"salt {server} dhcpd.repair_leases, then {start}"
        found.append(Finding("lease-file-torn", CAUSE, text, step, server, 98))
    if not space.get("error") and space["free"] < space["needed"]:
        text = f"{before} and only {size(space['free'])} are free in {space['folder']}; {alone}"
        step = f"make room for its lease file ({size(space['needed'])}), then {start}"
        found.append(Finding("disk-full", CAUSE, text, step, server, 98))
    why = _last_words(view, server)
    if why and not found:
        text = f"{before}: it said {why}; {alone}"
        found.append(Finding("start-failed", CAUSE, text, f"fix that, then {start}", server, 97))
    if service.get("active") and service.get("name"):
        text = (
            f"{before}, and {service.get('manager')} believes that {service['name']} is active: "
            f"its start would do nothing; {alone}"
        )
        step = f"{start}, which starts it all the same"
        found.append(Finding("gone-while-active", CAUSE, text, step, server, 96))
    elif not found:
        text = f"{before}; {alone}"
        found.append(Finding("down", CAUSE, text, start, server, 95))
    return found


def _last_words(view: PairView, server: str) -> str | None:
    """Return what dhcpd gave as the reason of its end, if it did after its last start."""
    entries = events_of(view, server, "fatal", "conf-error", "already-running", "serving")
    served = max((float(e["last"]) for e in entries if e["kind"] == "serving"), default=0.0)
    fatal = [
        entry
        for entry in entries
        if entry["kind"] in ("fatal", "conf-error", "already-running")
        and float(entry["last"]) >= served
    ]
    if not fatal:
        return None
    told = [entry for entry in fatal if entry["kind"] != "fatal"] or fatal
    return f"“{str(told[-1]['text']).strip()}” at {stamp(float(told[-1]['last']))}"


def _configuration(view: PairView, server: str) -> list[Finding]:
    configuration = view.seen(server)["configuration"]
    error, partner = configuration.get("error"), view.partner(server)
    if not view.running(server):
        return []
    if error:
        text = f"the configuration on {server} is refused, its next start would fail: {error}"
        return [
            Finding("configuration", RISK, text, "fix that line before any restart", server, 80)
        ]
    if not view.knows(server):
        text = (
            f"the configuration on {server} has no failover peer {view.name} any more, that of "
            f"{partner} has"
        )
        step = f"bring the failover peer back on {server}, or take it away on both"
        return [Finding("half-configured", CAUSE, text, step, server, 93)]
    return []


# -- what works and will not for long ------------------------------------------------------------


def _clocks(view: PairView) -> list[Finding]:
    skew = abs(view.skew or 0.0)
    if skew <= CLOCK_MAX_SKEW / 2 or linked(view) is False:
        return []
    first, second = view.servers
    text = f"the clocks of {first} and {second} are {skew:.0f} s apart"
    if skew > CLOCK_MAX_SKEW:
        text += (
            f": dhcpd looks only when it connects, so the next restart or network failure leaves "
            f"them apart (at most {CLOCK_MAX_SKEW:.0f} s)"
        )
    step = "set the clocks before anything is restarted; see that NTP runs on both"
    rank = 84 if skew > CLOCK_MAX_SKEW else 40
    return [Finding("clock-skew", RISK, text, step, None, rank)]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _exhaustion(view: PairView, server: str) -> list[Finding]:
    clients, counts = view.log(server)["clients"], view.counts(server)
    partner, state = view.partner(server), view.states(server)[0]
    turned, none = clients.get("peer-holds-all", 0), clients.get("no-free-leases", 0)
    if not (turned or none) or not view.running(server):
        return []
    # dhcpd has said it; how many there are is not always counted.
    total = f" (of {counts['addresses']})" if counts else ""
    left = f" ({counts['own']} left of {counts['addresses']})" if counts else ""
    if none and not (counts and (counts["free"] or counts["backup"])):
        text = (
            f"{view.name} has no free addresses{total}; {server} turned clients away "
            f"{_times(none)} recently"
        )
        step = "widen the range on both servers, or shorten the lease time"
        return [Finding("pool-exhausted", CAUSE, text, step, server, 72)]
    away = f"{server} turned clients away {_times(turned)} recently (peer holds all free leases)"
    if turned and state in ("communications-interrupted", "partner-down"):
        text = f"{away}: its own half is used up{left}, {partner} has the other"
        step = (
            f"bring {partner} back at once; only if it is verified down for long, set {server} to "
            "partner-down (4) over OMAPI, which frees the other half after MCLT"
        )
        return [Finding("peer-holds-all", CAUSE, text, step, server, 93)]
    if turned:
        text = f"{away}: its share is used up{left} until the next rebalance"
        step = (
            f"salt-run dhcp_failover.wait_normal {view.name}; if this happens often, widen the "
            "range"
        )
        return [Finding("peer-holds-all", RISK, text, step, server, 64)]
    return []


def _disk(view: PairView, server: str) -> list[Finding]:
    if not view.running(server):
        return []
    space = view.survey(server)["space"]
    unwritten = view.log(server)["unwritten"]
    full = not space["error"] and space["free"] < space["needed"]
    read_only = bool(space.get("read_only"))
    if unwritten and (full or read_only):
        text = f"dhcpd on {server} can't write its lease file: “{unwritten['text']}”"
        step = f"make room in {space['folder']} on {server} at once, before dhcpd is restarted"
        return [Finding("disk-full", CAUSE, text, step, server, 90)]
    if full or read_only:
        room = "it is read-only" if read_only else f"{size(space['free'])} are free"
        text = (
            f"the disk of {server}'s lease file is full: {room} in {space['folder']}, a start "
            f"needs {size(space['needed'])}"
        )
        step = f"make room in {space['folder']} on {server} before dhcpd is restarted"
        return [Finding("disk-full", RISK, text, step, server, 82)]
    return []


def _lease_file(view: PairView, server: str) -> list[Finding]:
    if not view.running(server):
        return []
    problem = view.seen(server)["lease_file"]["problem"]
    leases = view.seen(server)["leases"]
    damaged = leases and leases["damaged"]
    if not problem and not damaged:
        return []
    text = f"{server}: {problem or 'entries of its lease file are damaged'}: a start drops leases"
    step = (
        f"salt {server} dhcpd.check_leases names them; do not restart dhcpd by hand: stop it by "
        "dhcpd.stop force=lease-file, then dhcpd.repair_leases, then dhcpd.start"
    )
    return [Finding("lease-file-torn", RISK, text, step, server, 81)]


def _rejections(view: PairView, server: str) -> list[Finding]:
    entries = recently(view, server, events_of(view, server, "rejected-update"))
    ranges = [
        entry
        for entry in entries
        if re.search(r"unknown IP address|Illegal IP|not mine", str(entry.get("why")))
    ]
    if not ranges:
        return []
    changing = any(view.touched_since_start(one) for one in view.servers)
    times = sum(int(entry["count"]) for entry in ranges)
    text = (
        f"{server} and {view.partner(server)} do not have the same ranges: {times} updates were "
        f"rejected ({ranges[-1].get('why')})"
    )
    if changing:
        text += "; expected while a new configuration is on one server only"
    step = "compare ranges and pools of both dhcpd.conf, then restart the one that was changed"
    return [Finding("ranges-differ", RISK, text, step, server, 66)]


def _imbalance(view: PairView, server: str) -> list[Finding]:
    balance = view.end(server)["balance"]
    if balance.get("balanced") is not False or not view.normal:
        return []
    pools = ", ".join(sorted(balance["imbalanced"])) or "a pool"
    text = f"{pools} of {view.name} is imbalanced as {server} says"
    step = "dhcpd rebalances by itself (min-balance, max-balance: an hour at most); nothing is lost"
    return [Finding("imbalanced", NOTE, text, step, server, 35)]


def _omapi(view: PairView, server: str) -> list[Finding]:
    omapi = view.seen(server)["omapi"]
    error = omapi.get("error")
    if not view.running(server) or not omapi.get("configured") or not error:
        return []
    text = f"OMAPI of {server} can't be used, its log is read instead: {error}"
    if view.touched_since_start(server):
        text += "; dhcpd.conf was changed since dhcpd's start, which still has the old key"
        step = "restart the pair (salt-run dhcp_failover.restart): dhcpd reads the key at its start"
    elif omapi.get("hint"):
        step = str(omapi["hint"])
    else:
        step = f"compare omapi-key on {server} with the key that it names, then restart the pair"
    if view.survey(server)["sockets"].get("omapi") == "other":
        text = f"OMAPI of {server} can't be used: another program has port {omapi.get('port')}"
        step = f"free the port on {server}; dhcpd tries again every 5 s"
    return [Finding("omapi", RISK, text, step, server, 55)]


def _small(view: PairView, server: str) -> list[Finding]:
    """Find what is good to know and no trouble by itself."""
    found = []
    service = view.service(server)
    if view.running(server) and service.get("name") and service.get("active") is False:
        text = (
            f"dhcpd on {server} was started by hand: {service.get('manager')} believes that "
            f"{service['name']} is stopped"
        )
        step = "its next restart by this project brings it back under the service manager"
        found.append(Finding("service", NOTE, text, step, server, 30))
    if view.seen(server)["process"]["gentle_shutdown"]:
        text = f"dhcpd on {server} is built with gentle shutdown: a SIGTERM costs MCLT"
        found.append(Finding("gentle", NOTE, text, "use method=handover or drain", server, 20))
    delay = view.end(server)["auto_partner_down"]
    if delay:
        text = (
            f"auto-partner-down is {delay} s on {server}: a network failure that lasts longer "
            "makes both serve the same addresses"
        )
        step = "set it to 0, or above the longest restart"
        found.append(Finding("auto-partner-down", NOTE, text, step, server, 25))
    pending = view.seen(server)["pending_restart"]
    if pending:
        text = f"a restart of {server} is pending: {pending.get('reason')}"
        step = f"salt-run dhcp_failover.restart {view.name}"
        found.append(Finding("pending", NOTE, text, step, server, 22))
    lock, hold = view.locks.get(server), view.holds.get(server)
    if lock:
        text = f"{server} is locked by {lock}: what is seen here may be its doing"
        found.append(Finding("run", WAIT, text, "wait for its end", server, 65))
    if hold:
        text = f"{server} is held by {hold.get('who')}: {hold.get('why')}"
        step = f"salt-run dhcp_failover.release server={server}, when they agree"
        found.append(Finding("hold", NOTE, text, step, server, 24))
    log = view.log(server)
    if log.get("error"):
        text = (
            f"the log of {server} can't be read, so this diagnosis does without it: {log['error']}"
        )
        found.append(Finding("log", NOTE, text, "name it in dhcpd:log_files", server, 28))
    elif events_of(view, server, "lost"):
        text = f"lines of dhcpd are missing in the log of {server} (a rate limit dropped them)"
        step = "set RateLimitIntervalSec=0 (journald) or imuxsock's rate limit off"
        found.append(Finding("log-lost", NOTE, text, step, server, 27))
    return found


def _harmless(view: PairView) -> list[Finding]:
    """Explain the lines that frighten people and mean nothing."""
    found = []
    counts: dict[str, list[str]] = {}
    for server in view.servers:
        for code, times in view.log(server)["harmless"].items():
            counts.setdefault(code, []).append(
                f"{server} {_times(times)}"
            )
    for code, seen in sorted(counts.items()):
        text = f"{harmless.meaning(code)} ({', '.join(seen)})"
        found.append(Finding(code, HARMLESS, text, None, None, 1))
    return found


_OF_A_SERVER: tuple[Callable[[PairView, str], list[Finding]], ...] = (
    _process,
    _configuration,
    states.state,
    _exhaustion,
    _disk,
    _lease_file,
    _rejections,
    _imbalance,
    _omapi,
    _small,
)


def sentence(view: PairView, findings: Iterable[Finding]) -> str:
    """Return the answer in one sentence: the most likely cause, or that all is well."""
    findings = list(findings)
    first = _first(findings)
    risk = next((one for one in findings if one.kind == RISK), None)
    if view.normal and first is None:
        text = f"{view.pair} is normal at both ends."
        return f"{text} But {risk.text}." if risk else text
    first = first or risk
    if first is not None:
        return first.text + "."
    seen = "; ".join(
        f"{server}: {'/'.join(map(str, view.states(server)))}" for server in view.servers
    )
    return f"{view.pair} is not normal, and why is not known ({seen})."


def answer(
    views: Iterable[PairView],
    findings: Mapping[str, list[Finding]],
    problems: Iterable[str] = (),
    silent: Iterable[str] = (),
) -> dict[str, Any]:
    """
    Return ``comment``, the gravest cause of all pairs in a sentence, and ``next``, its next step.

    findings
        By pair id, as :func:`diagnose` returns them.
    problems, silent
        As for :func:`half_defined`.
    """
    views, problems = list(views), list(problems)
    ill = [view for view in views if not view.normal or _first(findings[view.pair.id])]
    if ill:
        ill.sort(key=lambda view: -max((f.rank for f in findings[view.pair.id][:1]), default=0))
        found = findings[ill[0].pair.id]
        first = _first(found) or next((one for one in found if one.next), None)
        comment = sentence(ill[0], findings[ill[0].pair.id])
        if len(views) > 1:
            comment = f"{ill[0].pair}: {comment}"
        return {"comment": comment, "next": first.next if first else None}
    told = half_defined(problems, silent).get("not a pair")
    if told and problems:
        return {"comment": f"Not a pair: {told[-1]['text']}.", "next": told[0]["next"]}
    texts = [sentence(view, findings[view.pair.id]) for view in views]
    return {"comment": " ".join(texts), "next": None}


_MEND = (
    "fix failover peer in dhcpd.conf of both servers (name, role, address, peer address), restart "
    "the one that was wrong, then salt-run dhcp_failover.pairs refresh=True"
)


def _first(found: list[Finding]) -> Finding | None:
    return next((one for one in found if one.kind in (CAUSE, WAIT)), None)


def half_defined(
    problems: Iterable[str], silent: Iterable[str] = ()
) -> dict[str, list[dict[str, Any]]]:
    """
    Return what is no pair and why as findings, or nothing.

    problems, silent
        As the discovery has them: a minion that never answered may be the missing partner.
    """
    silent = list(silent)
    found = [
        Finding(
            "minion-silent",
            CAUSE,
            f"{minion} never answered, so whether it is a server of a pair is not known",
            f"bring the minion back: salt {minion} test.ping",
            minion,
        )
        for minion in silent
    ]
    step = f"if {' or '.join(silent)} is the partner: bring it back; else {_MEND}"
    found += [Finding("half-defined", CAUSE, text, step if silent else _MEND) for text in problems]
    return {"not a pair": [one.as_dict() for one in found]} if found else {}
