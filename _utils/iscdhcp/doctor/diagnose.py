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
from ..pair.cases import is_full
from ..pair.cases import lacking
from ..pair.cases import not_the_service
from ..pair.cases import old_file
from ..pair.cases import room
from ..pair.view import PairView
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..rules.may_stop import clocks_apart
from ..troubles.catalogue import says
from ..troubles.catalogue import what_to_do
from ..words import count
from . import link
from . import pools
from . import starts
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
    if view.lacks_modules(server):
        return [Finding.of("not-synced", RISK, 60, server, why=why)]
    connected = view.end(partner)["connected"]
    text = f"the minion on {server} does not answer ({why})"
    if connected:
        text += (
            f", but dhcpd is running there: {partner} has an established failover connection to it"
        )
        step = what_to_do("minion-silent", server=server)
        return [Finding("minion-silent", RISK, text, step, server, 70)]
    step = what_to_do("host-down", server=server, partner=partner)
    if connected is False:
        text += f", and {partner} has no failover connection to it: the host or its network is down"
        return [Finding("host-down", CAUSE, text, step, server, 92)]
    return [Finding("minion-silent", CAUSE, text, step, server, 70)]


def _process(view: PairView, server: str) -> list[Finding]:
    process = view.seen(server)["process"]
    if process["several"]:
        pids = ", ".join(map(str, process["several"]))
        return [Finding.of("several", CAUSE, 96, server, pids=pids)]
    if process["stopped"]:
        return [Finding.of("halted", CAUSE, 97, server, pid=process["pid"])]
    if process["running"]:
        return []
    if process["signs"]:
        signs = "; ".join(process["signs"])
        # Where dhcpd has tried and met another one at its port, that is who is seen.
        return starts.port_taken(view, server, signs) or [
            Finding.of("unseen", CAUSE, 97, server, signs=signs)
        ]
    return _down(view, server)


def _down(view: PairView, server: str) -> list[Finding]:
    """Why dhcpd does not run."""
    alone = without(view, server)
    leases, configuration = view.seen(server)["lease_file"], view.seen(server)["configuration"]
    service, space = view.service(server), view.survey(server)["space"]
    start = f"salt {server} dhcpd.start"
    before = says("down", server=server)
    found = []
    if configuration["error"]:
        text = f"{before} and its configuration is refused: {configuration['error']}; {alone}"
        step = f"fix that line, then {start}"
        found.append(Finding("configuration", CAUSE, text, step, server, 99))
    if leases["exists"] is False:
        text = f"{before} and its lease file {leases['file']} is missing; {alone}"
        step = what_to_do("lease-file-missing", server=server, file=leases["file"])
        found.append(Finding("lease-file-missing", CAUSE, text, step, server, 98))
    elif leases["problem"]:
        text = f"{before} and {leases['problem']}: a start would forget a lease; {alone}"
        step = f"salt {server} dhcpd.repair_leases, then {start}"
        found.append(Finding("lease-file-torn", CAUSE, text, step, server, 98))
    old = old_file(view, server)
    if old and not found:
        found.append(Finding(old.code, CAUSE, f"{old.text}; {alone}", old.do, server, 98))
    if is_full(space):
        case = {"folder": space["folder"], **room(space)}
        step = f"make room for its lease file, then {start}"
        more = f"; dhcpd is down, {alone}"
        found.append(Finding.of("disk-full", CAUSE, 98, server, more, step, case=case))
    found += starts.why_not_started(view, server, alone, known=bool(found))
    if service["active"] and service["name"]:
        who = {"manager": service["manager"], "service": service["name"]}
        found.append(Finding.of("gone-while-active", CAUSE, 96, server, f"; {alone}", case=who))
    elif not found:
        found.append(Finding.of("down", CAUSE, 95, server, f"; {alone}"))
    return found


def _configuration(view: PairView, server: str) -> list[Finding]:
    configuration = view.seen(server)["configuration"]
    error, partner = configuration.get("error"), view.partner(server)
    if not view.running(server):
        return []
    if error:
        return [Finding.of("configuration", RISK, 80, server, error=error)]
    if not view.knows(server):
        return [Finding.of("half-configured", CAUSE, 93, server, partner=partner, pair=view.name)]
    return []


# -- what works and will not for long ------------------------------------------------------------


def _clocks(view: PairView) -> list[Finding]:
    skew = abs(view.skew or 0.0)
    if skew <= CLOCK_MAX_SKEW / 2 or linked(view) is False:
        return []
    reason = clocks_apart(*view.servers, skew, view.name)
    step = f"{reason.do}, before anything is restarted"
    if skew <= CLOCK_MAX_SKEW:
        return [Finding(reason.code, RISK, reason.text, step, None, 40)]
    text = (
        f"{reason.text}, and looks only when it connects: the next restart or network failure "
        "leaves them apart"
    )
    return [Finding(reason.code, RISK, text, step, None, 84)]


def _disk(view: PairView, server: str) -> list[Finding]:
    if not view.running(server):
        return []
    space = view.survey(server)["space"]
    unwritten = view.log(server)["unwritten"]
    full, read_only = is_full(space), space["read_only"]
    folder = space["folder"]
    if not (full or read_only):
        started = view.seen(server)["process"]["started"] or 0.0
        if unwritten and unwritten["time"] >= started:
            case = {"folder": folder, "said": unwritten["text"]}
            return [Finding.of("lease-file-unwritable", CAUSE, 90, server, case=case)]
        return []
    kind, rank, more = RISK, 82, ""
    if unwritten:
        kind, rank = CAUSE, 90
        more = f"; dhcpd can't write its lease file already: “{unwritten['text']}”"
    if read_only:
        return [Finding.of("disk-read-only", kind, rank, server, more, folder=folder)]
    return [Finding.of("disk-full", kind, rank, server, more, folder=folder, case=room(space))]


def _lease_file(view: PairView, server: str) -> list[Finding]:
    if not view.running(server):
        return []
    file = view.seen(server)["lease_file"]
    problem = file["problem"]
    leases = view.seen(server)["leases"]
    damaged = leases and leases["damaged"]
    lacks = lacking(view, server)
    if lacks:
        return [Finding(lacks.code, CAUSE, lacks.text, lacks.do, server, 94)]
    if file["replaced"]:
        case = {"problem": problem, "file": file["file"]}
        return [Finding.of("lease-file-replaced", RISK, 93, server, case=case)]
    if problem:
        return [Finding.of("lease-file-torn", RISK, 81, server, problem=problem)]
    if damaged:
        stretches = count(damaged, "stretch")
        return [Finding.of("lease-file-damaged", RISK, 81, server, stretches=stretches)]
    return []


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
    more = "; expected while a new configuration is on one server only" if changing else ""
    case = {"partner": view.partner(server), "times": times, "why": ranges[-1].get("why")}
    return [Finding.of("ranges-differ", RISK, 66, server, more, case=case)]


def _imbalance(view: PairView, server: str) -> list[Finding]:
    balance = view.end(server)["balance"]
    if balance.get("balanced") is not False or not view.normal:
        return []
    networks = ", ".join(sorted(balance["imbalanced"])) or "a pool"
    return [Finding.of("imbalanced", NOTE, 35, server, pools=networks, pair=view.name)]


def _omapi(view: PairView, server: str) -> list[Finding]:
    omapi = view.seen(server)["omapi"]
    error = omapi.get("error")
    if not view.running(server) or not omapi.get("configured") or not error:
        return []
    if view.survey(server)["sockets"]["omapi"] == "other":
        return [Finding.of("omapi-port", RISK, 55, server, port=omapi["port"])]
    more, step = "", omapi["hint"]
    if view.touched_since_start(server):
        more = "; dhcpd.conf was changed since dhcpd's start, which still has the old key"
        step = "restart the pair (salt-run dhcp_failover.restart): dhcpd reads the key at its start"
    step = step or (
        f"compare omapi-key on {server} with the key that it names, then restart the pair"
    )
    return [Finding.of("omapi", RISK, 55, server, more, step, error=error)]


def _small(view: PairView, server: str) -> list[Finding]:
    """Find what is good to know and no trouble by itself."""
    found = []
    service = not_the_service(view, server)
    if service:
        found.append(Finding.of(service[0], NOTE, 30, server, case=service[1]))
    if view.seen(server)["process"]["gentle_shutdown"]:
        found.append(Finding.of("gentle", NOTE, 20, server))
    delay = view.end(server)["auto_partner_down"]
    if delay:
        more = ": a network failure that lasts longer makes both serve the same addresses"
        case = {"partner": server, "limit": delay, "pair": view.name}
        step = "set it to 0, or above the longest restart"
        found.append(Finding.of("auto-partner-down", NOTE, 25, server, more, step, case=case))
    pending = view.seen(server)["pending_restart"]
    if pending:
        case = {"reason": pending["reason"], "pair": view.name}
        found.append(Finding.of("pending", NOTE, 22, server, case=case))
    lock, hold = view.locks.get(server), view.holds.get(server)
    if lock:
        more = ": what is seen here may be its doing"
        found.append(Finding.of("run", WAIT, 65, server, more, who=lock))
    if hold:
        found.append(Finding.of("hold", NOTE, 24, server, who=hold.get("who"), why=hold.get("why")))
    log = view.log(server)
    if log["error"]:
        found.append(Finding.of("log", NOTE, 28, server, why=log["error"]))
    elif events_of(view, server, "lost"):
        found.append(Finding.of("log-lost", NOTE, 27, server))
    return found


def _harmless(view: PairView) -> list[Finding]:
    """Explain the lines that frighten people and mean nothing."""
    found = []
    counts: dict[str, list[str]] = {}
    for server in view.servers:
        for code, times in view.log(server)["harmless"].items():
            counts.setdefault(code, []).append(f"{server} {pools.times(times)}")
    for code, seen in sorted(counts.items()):
        text = f"{harmless.meaning(code)} ({', '.join(seen)})"
        found.append(Finding(code, HARMLESS, text, None, None, 1))
    return found


_OF_A_SERVER: tuple[Callable[[PairView, str], list[Finding]], ...] = (
    _process,
    _configuration,
    states.state,
    pools.exhaustion,
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


_FIX = what_to_do("half-defined")


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
    step = (
        f"if {' or '.join(silent)} is the partner: bring it back, or see what to type where it is "
        f"dead: salt-run dhcp_failover.status; else {_FIX}"
    )
    found += [Finding("half-defined", CAUSE, text, step if silent else _FIX) for text in problems]
    return {"not a pair": [one.as_dict() for one in found]} if found else {}
