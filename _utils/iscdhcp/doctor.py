"""
Why is this pair not normal? From the facts of both ends to the cause and the next safe step.

Pure functions from a :class:`iscdhcp.view.PairView` (with the servers' surveys) to findings, the
most likely cause first. Every state of the protocol has a finding; line numbers are those of ISC
dhcpd 4.4.3-P1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import handover
from . import noise
from .checks import size
from .checks import stamp
from .decisions import CLOCK_MAX_SKEW
from .decisions import STARTUP_SECONDS
from .decisions import recover_wait_until
from .states import FailoverState
from .view import PairView

#: Kinds of findings: it is the trouble, it heals by itself, it will be trouble, good to know.
CAUSE, WAIT, RISK, NOTE, HARMLESS = "cause", "wait", "risk", "note", "harmless"

#: Seconds after which what heals by itself in seconds has not.
TOO_LONG = 60.0
#: A full update of all leases: seconds for 60,000 addresses, and at least (measured).
UPDATE_SECONDS, UPDATE_LEAST = 12.0, 5.0
#: Lines about a connection that are older (seconds) than this say nothing of now.
LATELY = 120.0

_RECOVERING = ("recover", "recover-wait", "recover-done")
_CONFLICT = ("potential-conflict", "conflict-done")


@dataclass(frozen=True)
class Finding:
    """One finding: a stable ``code``, its kind, the cause in one sentence, the next safe step."""

    code: str
    kind: str
    text: str
    next: str | None = None
    server: str | None = None
    #: The likelier (graver) ones are greater.
    rank: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return it as a plain dict (``code``, ``kind``, ``text``, ``next``, ``server``)."""
        return {
            "code": self.code,
            "kind": self.kind,
            "text": self.text,
            "next": self.next,
            "server": self.server,
        }


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
    found += _link(view)
    found += _disagree(view)
    found += _clocks(view)
    found += _harmless(view)
    order = {CAUSE: 0, WAIT: 1, RISK: 2, NOTE: 3, HARMLESS: 4}
    healthy = view.normal and not any(one.kind == CAUSE for one in found)
    if not healthy:
        # What is expected to heal comes after what explains why it is there.
        order = {CAUSE: 0, WAIT: 0, RISK: 1, NOTE: 2, HARMLESS: 3}
    return sorted(found, key=lambda one: (order[one.kind], -one.rank))


# -- helpers -------------------------------------------------------------------------------------


def _told(view: PairView, server: str, *kinds: str) -> list[dict[str, Any]]:
    """Return what a server's log told of some kinds, of this relationship or of none, in order."""
    return [
        entry
        for entry in view.survey(server, "log").get("told") or ()
        if entry["kind"] in kinds and entry.get("relationship") in (None, view.name)
    ]


def _of_process(view: PairView, server: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those of ``entries`` that the running dhcpd has logged."""
    pid = view.part(server, "process").get("pid")
    return [entry for entry in entries if pid and entry.get("pid") in (None, pid)]


def _lately(view: PairView, server: str, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    now = _now(view, server)
    return [entry for entry in entries if now - float(entry["last"]) < LATELY]


def _now(view: PairView, server: str) -> float:
    return float((view.facts(server) or {}).get("time") or 0)


def _moves(view: PairView, server: str, kind: str = "my-move") -> list[dict[str, Any]]:
    return [
        move
        for move in view.survey(server, "log").get("moves") or ()
        if move["relationship"] == view.name and move["kind"] == kind
    ]


def _age(view: PairView, server: str) -> float:
    """For how many seconds a server has been in its state."""
    since = view.end(server).get("since")
    return max(0.0, _now(view, server) - float(since)) if since else 0.0


def _connected(view: PairView) -> bool | None:
    """Whether the kernel of either server has the failover connection."""
    seen = [view.end(server).get("connected") for server in view.servers]
    return True if True in seen else False if False in seen else None


def _alone(view: PairView, server: str) -> str:
    """Say what clients have while a server is down or mute."""
    partner = view.partner(server)
    if view.error(partner):
        return f"whether {partner} serves is not known"
    if view.end(partner).get("serves"):
        own = view.counts(partner).get("own")
        free = "" if own is None else f", with {own} free addresses of its own"
        return f"{partner} serves{free}"
    return "nobody serves clients with dynamic addresses"


# -- who answers, what runs ----------------------------------------------------------------------


def _silent(view: PairView, server: str) -> list[Finding]:
    why, partner = view.error(server), view.partner(server)
    if why and "is not available" in why:
        text = f"{server} does not have this version of the modules ({why})"
        return [Finding("not-synced", RISK, text, f"salt {server} saltutil.sync_all", server, 60)]
    connected = view.end(partner).get("connected")
    text = f"the minion on {server} does not answer ({why})"
    if connected:
        text += f", but dhcpd there lives: {partner} has an established failover connection to it"
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
    process = view.part(server, "process")
    if process.get("several"):
        pids = ", ".join(map(str, process["several"]))
        text = f"several dhcpd run on {server} (pids {pids}); both answer clients and one spoils it"
        step = f"end the stray one by its pid on {server}; the service's own is the one to keep"
        return [Finding("several", CAUSE, text, step, server, 96)]
    if process.get("stopped"):
        pid = process.get("pid")
        text = f"dhcpd on {server} (pid {pid}) is halted by a signal: it holds its sockets, mute"
        return [Finding("halted", CAUSE, text, f"kill -CONT {pid} on {server}", server, 97)]
    if process.get("running"):
        return []
    return _down(view, server)


def _down(view: PairView, server: str) -> list[Finding]:
    """Why dhcpd does not run."""
    alone = _alone(view, server)
    leases, configuration = view.part(server, "lease_file"), view.part(server, "configuration")
    service, space = view.part(server, "service"), view.survey(server, "space")
    start = f"salt {server} dhcpd.start"
    before = f"dhcpd is down on {server}"
    found = []
    if configuration.get("error"):
        text = f"{before} and its configuration is refused: {configuration['error']}; {alone}"
        step = f"mend that line, then {start}"
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
    if space and not space.get("error") and space["free"] < space["needed"]:
        text = f"{before} and only {size(space['free'])} are free in {space['folder']}; {alone}"
        step = f"make room for its lease file ({size(space['needed'])}), then {start}"
        found.append(Finding("disk-full", CAUSE, text, step, server, 98))
    why = _last_words(view, server)
    if why and not found:
        text = f"{before}: it said {why}; {alone}"
        found.append(Finding("start-failed", CAUSE, text, f"mend that, then {start}", server, 97))
    if service.get("active") and service.get("name"):
        text = (
            f"{before}, and {service.get('manager')} believes that {service['name']} is active: "
            f"its start would do nothing; {alone}"
        )
        step = f"{start} starts it all the same"
        found.append(Finding("gone-while-active", CAUSE, text, step, server, 96))
    elif not found:
        text = f"{before}; {alone}"
        found.append(Finding("down", CAUSE, text, start, server, 95))
    return found


def _last_words(view: PairView, server: str) -> str | None:
    """Return what dhcpd gave as the reason of its end, if it did after its last start."""
    entries = _told(view, server, "fatal", "conf-error", "already-running", "serving", "stopping")
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
    configuration = view.part(server, "configuration")
    error, partner = configuration.get("error"), view.partner(server)
    if not view.running(server):
        return []
    if error:
        text = f"the configuration on {server} is refused, its next start would fail: {error}"
        return [
            Finding("configuration", RISK, text, "mend that line before any restart", server, 80)
        ]
    if not view.end(server):
        text = (
            f"the configuration on {server} has no failover peer {view.name} any more, that of "
            f"{partner} has"
        )
        step = f"bring the failover peer back on {server}, or take it away on both"
        return [Finding("half-configured", CAUSE, text, step, server, 93)]
    return []


# -- the states ----------------------------------------------------------------------------------


def _state(view: PairView, server: str) -> list[Finding]:
    """Say what a server's state means: one for every state of the protocol."""
    state, seen = view.states(server)
    if not view.running(server) or not view.end(server):
        return []
    if state is None:
        why = view.end(server).get("why_unknown") or "neither OMAPI nor the log says"
        text = f"the state of {view.name} on {server} can't be proved: {why}"
        step = "make OMAPI answer, or let dhcpd's log be read (dhcpd:log_files)"
        return [Finding("unknown", CAUSE, text, step, server, 58)]
    found = {
        "unknown-state": _unknown_state,
        "startup": _startup,
        "normal": _normal,
        "communications-interrupted": _interrupted,
        "partner-down": _partner_down,
        "potential-conflict": _conflict,
        "recover": _recover,
        "paused": _paused,
        "shutdown": _shutdown,
        "recover-done": _recover_done,
        "resolution-interrupted": _resolution,
        "conflict-done": _conflict,
        "recover-wait": _recover_wait,
    }[FailoverState.parse(state).label](view, server)
    return found


def _unknown_state(view: PairView, server: str) -> list[Finding]:
    # failover.c:1658-1661, 2420-2422; set over OMAPI with a number that is no state
    text = (
        f"{server} is in unknown-state: a number that is no state was set over OMAPI; it is mute, "
        f"and no restart ends it; {_alone(view, server)}"
    )
    step = (
        f"set local-state of {view.name} to recover (6) over {server}'s OMAPI; MCLT has to pass "
        "before it serves"
    )
    return [Finding("unknown-state", CAUSE, text, step, server, 94)]


def _startup(view: PairView, server: str) -> list[Finding]:
    # failover.c:1926-1938
    started = float(view.part(server, "process").get("started") or 0)
    left = STARTUP_SECONDS - (_now(view, server) - started)
    text = (
        f"{server} has just started and waits for its partner's word, {max(0.0, left):.0f} s more "
        f"at most; {_alone(view, server)}"
    )
    kind, step = WAIT, "wait"
    if left < -5:
        text = f"{server} is in startup for longer than the {STARTUP_SECONDS:.0f} s that it may"
        kind = CAUSE
        step = f"salt {server} dhcpd.resume, then look again"
    return [Finding("startup", kind, text, step, server, 66)]


def _normal(view: PairView, server: str) -> list[Finding]:
    end = view.end(server)
    unacked, bound = end.get("unacked") or 0, end.get("unacked_bound") or 0
    if unacked > bound:
        text = (
            f"{unacked} updates of {server} are unacknowledged, all that may be: its partner is "
            "slow to answer, or does not"
        )
        step = f"look again in a few seconds; if it stays, see the log on {view.partner(server)}"
        return [Finding("unacked", RISK, text, step, server, 50)]
    return []


def _interrupted(view: PairView, server: str) -> list[Finding]:
    # failover.c:1673-1676, mdb.c:1945-1971
    partner, counts = view.partner(server), view.counts(server)
    since = view.end(server).get("since")
    free = f" ({counts['own']} left)" if counts else ""
    when = f" since {stamp(float(since))}" if since else ""
    text = (
        f"{server} has lost {partner}{when} and serves alone, new clients from its own half of "
        f"the free addresses{free}"
    )
    step = f"bring {partner} back; {server} must not be touched until both are normal"
    return [Finding("communications-interrupted", CAUSE, text, step, server, 40)]


def _partner_down(view: PairView, server: str) -> list[Finding]:
    # failover.c:1663-1666, 6341-6447
    partner, end = view.partner(server), view.end(server)
    theirs, _ = view.states(partner)
    mclt, since = end.get("mclt"), end.get("since")
    how = _how_partner_down(view, server)
    if view.running(partner) and theirs in ("normal", "communications-interrupted", "partner-down"):
        text = (
            f"{server} is in partner-down ({how}) while dhcpd on {partner} serves too ({theirs}): "
            "both may give out the same addresses"
        )
        step = (
            "connect them as soon as can be (network, firewall, ports): they compare their leases "
            f"then; if that lasts, stop dhcpd on {partner} until it is mended"
        )
        return [Finding("split", CAUSE, text, step, server, 95)]
    until = f" from {stamp(float(since) + float(mclt))} on" if since and mclt else " after MCLT"
    text = f"{server} takes {partner} for dead ({how}) and may use all addresses{until}"
    if theirs in _RECOVERING:
        step = f"wait until {partner} has recovered; do not touch {server} meanwhile"
        return [Finding("partner-down", WAIT, text, step, server, 30)]
    step = f"salt {partner} dhcpd.start once its host is well; it recovers from {server} by itself"
    return [Finding("partner-down", CAUSE, text, step, server, 45)]


def _how_partner_down(view: PairView, server: str) -> str:
    moves = [move for move in _moves(view, server) if move["new"] == "partner-down"]
    delay = view.end(server).get("auto_partner_down") or 0
    if not moves:
        return "by hand, by a hand-over or by auto-partner-down: its log does not say"
    last = moves[-1]
    theirs = _moves(view, server, "peer-move")
    asked = [m for m in theirs if m["new"] in ("shutdown", "recover")]
    if asked and abs(float(asked[-1]["time"]) - float(last["time"])) < 2.0:
        return f"since {stamp(float(last['time']))}, as its partner asked by {asked[-1]['new']}"
    if delay and last["old"] == "communications-interrupted":
        return f"since {stamp(float(last['time']))}, by auto-partner-down {delay} or by hand"
    return f"since {stamp(float(last['time']))}, set by hand over OMAPI"


def _conflict(view: PairView, server: str) -> list[Finding]:
    # failover.c:1678-1688, 5833
    state, age = view.states(server)[0], _age(view, server)
    if age < TOO_LONG:
        text = (
            f"{server} is in {state}: both servers compare the leases that they gave out apart, "
            "mute meanwhile; it ends by itself in seconds"
        )
        return [Finding(str(state), WAIT, text, "wait a minute; restart nothing", server, 78)]
    text = f"{server} is in {state} for {age:.0f} s, which takes seconds when both are connected"
    step = "see that both dhcpd run and are connected; restart nothing before that"
    return [Finding(str(state), CAUSE, text, step, server, 88)]


def _recover(view: PairView, server: str) -> list[Finding]:
    # failover.c:5851-5876, 1758-1811
    partner = view.partner(server)
    theirs, _ = view.states(partner)
    alone = _alone(view, server)
    if handover.stuck(dict(view.end(server)), dict(view.end(partner))):
        text = (
            f"{server} waits in recover for ever: the window of {partner}, the survivor, is full "
            f"of {view.end(partner).get('unacked')} updates that nobody will acknowledge, so it "
            f"sends no other; {alone}"
        )
        step = f"salt {partner} dhcpd.release_window; {server} is normal a second later"
        return [Finding("full-window", CAUSE, text, step, server, 97)]
    if not view.error(partner) and not view.running(partner):
        text = (
            f"{server} is in recover and fetches its leases from {partner}, which is down: it "
            f"never serves without it; {alone}"
        )
        step = f"salt {partner} dhcpd.start"
        return [Finding("recover-alone", CAUSE, text, step, server, 98)]
    if _connected(view) is False:
        text = (
            f"{server} is in recover and mute until {partner} sends every lease, and they are not "
            f"connected; {alone}"
        )
        step = "mend the connection (see the other findings); restart nothing"
        return [Finding("recover-unconnected", CAUSE, text, step, server, 60)]
    addresses = view.counts(server).get("addresses") or 0
    patience = max(UPDATE_LEAST, 4 * UPDATE_SECONDS * addresses / 60_000)
    begun = max(
        float(view.end(server).get("since") or 0),
        float(view.part(server, "process").get("started") or 0),
    )
    age = _now(view, server) - begun
    why = ""
    if not any(move["new"] == "normal" for move in _moves(view, server)):
        why = " (its lease file knows no earlier state: it is new, or was lost)"
    if age < patience + TOO_LONG:
        text = (
            f"{server} is fetching every lease from {partner}{why}, "
            f"{patience:.0f} s at most for {addresses} addresses, then MCLT may have to pass; "
            f"{alone}"
        )
        step = f"wait; {partner} must stay up"
        return [Finding("recover", WAIT, text, step, server, 76)]
    text = (
        f"{server} is in recover for {age:.0f} s and does not get on: {partner} is in {theirs} and "
        f"does not complete the update{why}; {alone}"
    )
    step = f"see the log of both; {partner} must stay up, salt {partner} dhcpd.release_window helps"
    return [Finding("recover", CAUSE, text, step + " if its window is full", server, 89)]


def _recover_wait(view: PairView, server: str) -> list[Finding]:
    # failover.c:1700-1703, 5851-5876
    partner, until = view.partner(server), recover_wait_until(view.end(server))
    when = f"until {stamp(until)}" if until else "until MCLT has passed"
    left = max(0.0, until - _now(view, server)) if until else None
    more = "" if left is None else f" ({left:.0f} s more)"
    text = f"{server} has every lease and waits out MCLT, {when}{more}; {_alone(view, server)}"
    if not view.error(partner) and not view.running(partner):
        text += f"; {partner}, which it depends on, is down"
        return [Finding("recover-wait", CAUSE, text, f"salt {partner} dhcpd.start", server, 98)]
    step = f"wait; do not touch {partner} before both are normal"
    return [Finding("recover-wait", WAIT, text, step, server, 77)]


def _recover_done(view: PairView, server: str) -> list[Finding]:
    # failover.c:1705-1708, 2389-2411
    partner = view.partner(server)
    if not view.error(partner) and not view.running(partner):
        text = (
            f"{server} has every lease and waits in recover-done for the word of {partner}, which "
            f"is down: it never serves without it; {_alone(view, server)}"
        )
        step = f"salt {partner} dhcpd.start"
        return [Finding("recover-done", CAUSE, text, step, server, 98)]
    if _connected(view) is False:
        text = f"{server} waits in recover-done for {partner}'s word, and they are not connected"
        step = "mend the connection (see the other findings); restart nothing"
        return [Finding("recover-done", CAUSE, text, step, server, 60)]
    text = f"{server} has every lease and waits for {partner}'s word; it ends by itself in seconds"
    return [Finding("recover-done", WAIT, text, f"wait; {partner} must stay up", server, 76)]


def _paused(view: PairView, server: str) -> list[Finding]:
    # failover.c:1695-1698, 2413-2418
    ours = view.name in (view.part_list(server, "paused_by_us"))
    how = (
        "a drain or a hand-over of ours was cut off and left it so"
        if ours
        else "set by hand over OMAPI"
    )
    facts = view.facts(server) or {}
    if facts.get("acting"):
        text = f"{server} is paused by a drain that is under way"
        return [Finding("paused", WAIT, text, "wait for its end", server, 96)]
    text = f"{server} is paused ({how}): mute, and so over restarts; {_alone(view, server)}"
    return [Finding("paused", CAUSE, text, f"salt {server} dhcpd.resume", server, 96)]


def _shutdown(view: PairView, server: str) -> list[Finding]:
    # failover.c:1690-1693, 2115-2144, 2227, 5833
    facts = view.facts(server) or {}
    if facts.get("acting"):
        text = f"{server} is being shut down by a hand-over that is under way"
        return [Finding("shutdown", WAIT, text, "wait for its end", server, 96)]
    impossible = _of_process(view, server, _told(view, server, "impossible-move"))
    how = "set over OMAPI"
    if impossible:
        how = f"it shut itself down: “{impossible[-1]['text']}”"
    elif view.name in view.part_list(server, "paused_by_us"):
        how = "a hand-over of ours was cut off and left it so"
    text = (
        f"{server} runs in state shutdown ({how}): mute, and so over restarts; "
        f"{_alone(view, server)}"
    )
    step = f"salt {server} dhcpd.resume (it recovers from {view.partner(server)})"
    return [Finding("shutdown", CAUSE, text, step, server, 96)]


def _resolution(view: PairView, server: str) -> list[Finding]:
    # failover.c:1577-1579, 1678-1683
    text = (
        f"{server} lost {view.partner(server)} while they compared their leases, and is mute until "
        f"they are connected again; {_alone(view, server)}"
    )
    step = "bring the partner or the network back; restart nothing"
    return [Finding("resolution-interrupted", CAUSE, text, step, server, 87)]


# -- the connection ------------------------------------------------------------------------------

_TIME = re.compile(r"time (?:offset|mismatch) too")


def _link(view: PairView) -> list[Finding]:
    """Why two running servers are not connected."""
    first, second = view.servers
    if not (view.running(first) and view.running(second)) or _connected(view) is not False:
        return []
    if not (view.end(first) and view.end(second)):
        return []
    if any(view.part(one, "process").get("stopped") for one in view.servers):
        return []
    found = _misconfigured(view)
    if view.clocks_refused:
        text = (
            f"the clocks of {first} and {second} are {abs(view.skew or 0):.0f} s apart and dhcpd "
            f"refuses to connect above {CLOCK_MAX_SKEW:.0f} s, each 5 s anew"
        )
        step = "set the clocks (chronyc makestep), see that NTP runs on both; dhcpd does the rest"
        found.append(Finding("clock-skew", CAUSE, text, step, None, 94))
    for server in view.servers:
        found += _refusals(view, server)
    for server in view.servers:
        found += _listener(view, server)
    if found:
        return found
    port = view.end(first).get("port")
    dialling = [
        server
        for server in view.servers
        if (view.survey(server, "sockets").get("relationships") or {})
        .get(view.name, {})
        .get("dialling")
    ]
    silence = (
        f"{' and '.join(dialling)} gets no answer to its connection attempts" if dialling
        else "connections are refused on the way"
    )
    text = (
        f"dhcpd runs on {first} and {second} and they have no failover connection: {silence}, so "
        f"a firewall or the network between them blocks tcp port {port}"
    )
    step = (
        f"see the firewalls of both hosts for tcp port {port} (nft list ruleset), then the network "
        "between; connect to that port with nothing else, that disturbs dhcpd"
    )
    return [Finding("link-blocked", CAUSE, text, step, None, 90)]


def _misconfigured(view: PairView) -> list[Finding]:
    """Find what in the two files can't ever connect."""
    first, second = view.servers
    mine, theirs = view.end(first), view.end(second)
    found = []
    if mine.get("role") == theirs.get("role"):
        text = f"{first} and {second} both say {mine.get('role')} in failover peer {view.name}"
        step = "make one of them the primary, the other the secondary, and restart that one"
        found.append(Finding("same-role", CAUSE, text, step, None, 95))
    for one, other in ((first, second), (second, first)):
        a, b = view.end(one), view.end(other)
        if a.get("peer_port") != b.get("port"):
            text = (
                f"{one} dials {other} on port {a.get('peer_port')}, and {other} listens on port "
                f"{b.get('port')} (peer port and port of failover peer {view.name})"
            )
            step = f"set peer port {b.get('port')} on {one}"
            step += f", or port {a.get('peer_port')} on {other}{_AT_START}"
            found.append(Finding("port-mismatch", CAUSE, text, step, one, 94))
        address, own = a.get("peer_address"), b.get("address")
        if _is_address(address) and _is_address(own) and address != own:
            text = (
                f"{one} takes {address} for the address of {other}, which has {own} in failover "
                f"peer {view.name}: each refuses the other's connections"
            )
            step = f"set peer address {own} on {one}, or address {address} on {other}"
            found.append(Finding("address-mismatch", CAUSE, text, step + _AT_START, one, 94))
    # Each end tries on its own: one wrong port does no harm while the other one's dialling works.
    return found


_AT_START = "; it counts from dhcpd's next start there"


def _is_address(text: Any) -> bool:
    return isinstance(text, str) and bool(re.fullmatch(r"[\d.]+", text))


def _refusals(view: PairView, server: str) -> list[Finding]:
    """Why a server's log says that a connection was refused, if it still is."""
    entries = _lately(view, server, _of_process(view, server, _told(view, server, "refused")))
    named = [
        entry
        for entry in view.survey(server, "log").get("told") or ()
        if entry["kind"] == "refused" and "unknown failover relationship" in str(entry["why"])
    ]
    found, partner = [], view.partner(server)
    for entry in _lately(view, server, _of_process(view, server, named)):
        text = (
            f"{partner} calls the relationship {entry.get('relationship')}, {server} knows none of "
            "that name"
        )
        step = "give it the same name on both" + _AT_START
        found.append(Finding("name-mismatch", CAUSE, text, step, server, 94))
    for entry in entries:
        why = str(entry.get("why"))
        if _TIME.search(why):
            if not view.clocks_refused:
                text = (
                    f"{server} refused the connection because of the clocks ({why}), at "
                    f"{stamp(float(entry['last']))}; they are {abs(view.skew or 0):.0f} s apart now"
                )
                step = "if the clocks were set just now: wait 5 s, dhcpd tries again by itself"
                found.append(Finding("clock-skew", CAUSE, text, step, server, 86))
        elif "unknown failover relationship" not in why:
            same = view.end(server).get("role") == view.end(partner).get("role")
            if why == "already connected" and (same or int(entry["count"]) < 3):
                continue
            text = f"{server} says that the connection is refused: {why} ({entry['count']} times)"
            step = f"compare failover peer {view.name} of both dhcpd.conf"
            found.append(Finding("refused", CAUSE, text, step, server, 85))
    for entry in _lately(
        view, server, _of_process(view, server, _told(view, server, "stray-connection"))
    ):
        text = (
            f"{server} gets failover connections from an address that is no peer of it "
            f"({entry.get('why')}): peer address there, or the way that {partner} goes out by, is "
            "wrong"
        )
        step = f"compare peer address on {server} with the address that {partner} dials from"
        found.append(Finding("stray-connection", CAUSE, text, step, server, 83))
    return found


def _listener(view: PairView, server: str) -> list[Finding]:
    """Whether a server listens for its partner at all (failover.c:122-136 says nothing if not)."""
    sockets = view.survey(server, "sockets").get("relationships") or {}
    if view.name not in sockets:
        return []
    listens, end = sockets[view.name].get("listens"), view.end(server)
    if listens == "own":
        return []
    port, address = end.get("port"), end.get("address")
    who = "another program has it" if listens == "other" else "its address may not be this host's"
    text = f"dhcpd on {server} does not listen on {address} port {port}: {who}"
    if view.touched_since_start(server):
        text += "; or dhcpd.conf was changed since its start, and it still listens where it did"
    step = f"free the port or mend the address on {server}; dhcpd tries again every 90 s"
    return [Finding("not-listening", CAUSE, text, step, server, 91)]


def _disagree(view: PairView) -> list[Finding]:
    """Find ends that contradict each other although they are connected."""
    first, second = view.servers
    mine, theirs = view.states(first), view.states(second)
    if None in mine or None in theirs or _connected(view) is False:
        return []
    one, other = (("normal", "normal"), "communications-interrupted")
    for a, b, server in ((mine, theirs, second), (theirs, mine, first)):
        if a == one and b[0] == other and _age(view, server) > 10:
            text = (
                f"{view.partner(server)} believes both normal while {server} takes it for lost, "
                "and the connection stands: a broken connection object in dhcpd"
            )
            step = (
                f"restart dhcpd on {server}, the one that knows it is alone: salt {server} "
                "dhcpd.restart force=relationship,partner"
            )
            return [Finding("half-open", CAUSE, text, step, server, 80)]
    return []


# -- what works and will not for long ------------------------------------------------------------


def _clocks(view: PairView) -> list[Finding]:
    skew = abs(view.skew or 0.0)
    if skew <= CLOCK_MAX_SKEW / 2 or _connected(view) is False:
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


def _exhaustion(view: PairView, server: str) -> list[Finding]:
    clients, counts = view.survey(server, "log").get("clients") or {}, view.counts(server)
    partner, state = view.partner(server), view.states(server)[0]
    turned, none = clients.get("peer-holds-all", 0), clients.get("no-free-leases", 0)
    if not (turned or none) or not view.running(server):
        return []
    total, own = counts.get("addresses"), counts.get("own")
    if none and not (counts.get("free") or counts.get("backup")):
        text = (
            f"no address of {view.name} is free ({total} in all): {none} times lately {server} had "
            "none to give"
        )
        step = "widen the range on both servers, or shorten the lease time"
        return [Finding("pool-exhausted", CAUSE, text, step, server, 72)]
    if turned and state in ("communications-interrupted", "partner-down"):
        text = (
            f"{server} turned clients away {turned} times lately (peer holds all free leases): its "
            f"own half is used up ({own} left of {total} in all), {partner} has the other"
        )
        step = (
            f"bring {partner} back at once; only if it is verified down for long, set {server} to "
            "partner-down (4) over OMAPI, which frees the other half after MCLT"
        )
        return [Finding("peer-holds-all", CAUSE, text, step, server, 93)]
    if turned:
        text = (
            f"{server} turned clients away {turned} times lately (peer holds all free leases): "
            f"its share is used up ({own} left) until the next rebalance"
        )
        step = f"salt-run dhcp_failover.wait_normal {view.name}; if it is often so, widen the range"
        return [Finding("peer-holds-all", RISK, text, step, server, 64)]
    return []


def _disk(view: PairView, server: str) -> list[Finding]:
    if not view.running(server):
        return []
    space = view.survey(server, "space")
    unwritten = view.survey(server, "log").get("unwritten")
    full = bool(space) and not space.get("error") and space["free"] < space["needed"]
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
    problem = view.part(server, "lease_file").get("problem")
    damaged = view.counts(server).get("damaged")
    if not problem and not damaged:
        return []
    text = f"{server}: {problem or 'entries of its lease file are damaged'}: a start drops leases"
    step = (
        f"salt {server} dhcpd.check_leases names them; do not restart dhcpd by hand: stop it by "
        "dhcpd.stop force=lease-file, then dhcpd.repair_leases, then dhcpd.start"
    )
    return [Finding("lease-file-torn", RISK, text, step, server, 81)]


def _rejections(view: PairView, server: str) -> list[Finding]:
    entries = _lately(view, server, _told(view, server, "rejected-update"))
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
    balance = view.end(server).get("balance") or {}
    if balance.get("balanced") is not False or not view.normal:
        return []
    pools = ", ".join(sorted(balance.get("imbalanced") or ())) or "a pool"
    text = f"{pools} of {view.name} is imbalanced as {server} says"
    step = "dhcpd rebalances by itself (min-balance, max-balance: an hour at most); nothing is lost"
    return [Finding("imbalanced", NOTE, text, step, server, 35)]


def _omapi(view: PairView, server: str) -> list[Finding]:
    omapi = view.part(server, "omapi")
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
    if view.survey(server, "sockets").get("omapi") == "other":
        text = f"OMAPI of {server} can't be used: another program has port {omapi.get('port')}"
        step = f"free the port on {server}; dhcpd tries again every 5 s"
    return [Finding("omapi", RISK, text, step, server, 55)]


def _small(view: PairView, server: str) -> list[Finding]:
    """Find what is good to know and no trouble by itself."""
    found = []
    service = view.part(server, "service")
    if view.running(server) and service.get("name") and service.get("active") is False:
        text = (
            f"dhcpd on {server} was started by hand: {service.get('manager')} believes that "
            f"{service['name']} is stopped"
        )
        step = "its next restart by this project brings it back under the service manager"
        found.append(Finding("service", NOTE, text, step, server, 30))
    if view.part(server, "process").get("gentle_shutdown"):
        text = f"dhcpd on {server} is built with gentle shutdown: a SIGTERM costs MCLT"
        found.append(Finding("gentle", NOTE, text, "use method=handover or drain", server, 20))
    delay = view.end(server).get("auto_partner_down")
    if delay:
        text = (
            f"auto-partner-down is {delay} s on {server}: a network failure that lasts longer "
            "makes both serve the same addresses"
        )
        step = "set it to 0, or above the longest restart"
        found.append(Finding("auto-partner-down", NOTE, text, step, server, 25))
    pending = view.part(server, "pending_restart")
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
    log = view.survey(server, "log")
    if log.get("error"):
        text = f"the log of {server} can't be read, so it was not heard: {log['error']}"
        found.append(Finding("log", NOTE, text, "name it in dhcpd:log_files", server, 28))
    elif _told(view, server, "lost"):
        text = f"lines of dhcpd are missing in the log of {server} (a rate limit dropped them)"
        step = "set RateLimitIntervalSec=0 (journald) or imuxsock's rate limit off"
        found.append(Finding("log-lost", NOTE, text, step, server, 27))
    return found


def _harmless(view: PairView) -> list[Finding]:
    """Explain the lines that frighten people and mean nothing."""
    found = []
    counts: dict[str, list[str]] = {}
    for server in view.servers:
        for code, times in (view.survey(server, "log").get("harmless") or {}).items():
            counts.setdefault(code, []).append(f"{server} {times} times")
    for code, seen in sorted(counts.items()):
        text = f"{noise.meaning(code)} ({', '.join(seen)})"
        found.append(Finding(code, HARMLESS, text, None, None, 1))
    return found


_OF_A_SERVER: tuple[Callable[[PairView, str], list[Finding]], ...] = (
    _process,
    _configuration,
    _state,
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
    first = next((one for one in findings if one.kind in (CAUSE, WAIT)), None)
    if first is not None:
        return first.text + "."
    risk = next((one for one in findings if one.kind == RISK), None)
    if view.normal:
        text = f"{view.pair} is normal at both ends."
        return f"{text} But {risk.text}." if risk else text
    seen = "; ".join(
        f"{server}: {'/'.join(map(str, view.states(server)))}" for server in view.servers
    )
    return f"{view.pair} is not normal, and why is not known ({seen})."


def answer(
    views: Iterable[PairView], findings: Mapping[str, list[Finding]], problems: Iterable[str] = ()
) -> dict[str, Any]:
    """
    Return ``comment``, the gravest cause of all pairs in a sentence, and ``next``, its next step.

    findings
        By pair id, as :func:`diagnose` returns them.
    problems
        Half-defined relationships, as the discovery says them.
    """
    views = list(views)
    ill = [view for view in views if not view.normal or _first(findings[view.pair.id])]
    if ill:
        ill.sort(key=lambda view: -max((f.rank for f in findings[view.pair.id][:1]), default=0))
        first = _first(findings[ill[0].pair.id])
        comment = sentence(ill[0], findings[ill[0].pair.id])
        if len(views) > 1:
            comment = f"{ill[0].pair}: {comment}"
        return {"comment": comment, "next": first.next if first else None}
    told = list(problems)
    if told:
        return {"comment": f"Not a pair: {told[0]}.", "next": _MEND}
    texts = [sentence(view, findings[view.pair.id]) for view in views]
    return {"comment": " ".join(texts), "next": None}


_MEND = (
    "mend failover peer in dhcpd.conf of both servers (name, role, address, peer address), restart "
    "the one that was wrong, then salt-run dhcp_failover.pairs refresh=True"
)


def _first(found: list[Finding]) -> Finding | None:
    return next((one for one in found if one.kind in (CAUSE, WAIT)), None)


def half_defined(problems: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what is no pair and why as findings, or nothing."""
    found = [Finding("half-defined", CAUSE, text, _MEND).as_dict() for text in problems]
    return {"not a pair": found} if found else {}
