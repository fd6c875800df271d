"""
What each failover state of a server means for the diagnosis: one finding for every state.

Line numbers are those of server/failover.c in ISC dhcpd 4.4.3-P1.
"""

from __future__ import annotations

from .. import measured
from ..pair.view import PairView
from ..rules import stuck
from ..rules.is_complete import STARTUP_SECONDS
from ..rules.wording import recover_wait_until
from ..states import FailoverState
from ..troubles.catalogue import what_to_do
from ..words import stamp
from .finding import CAUSE
from .finding import RISK
from .finding import WAIT
from .finding import Finding
from .finding import age_of
from .finding import clock_of
from .finding import events_of
from .finding import linked
from .finding import moves_of
from .finding import of_process
from .finding import without

#: Seconds after which what heals by itself in seconds has not.
TOO_LONG = 60.0
#: Seconds that a full update of all leases is given at least.
UPDATE_LEAST = 5.0

_RECOVERING = ("recover", "recover-wait", "recover-done")


def state(view: PairView, server: str) -> list[Finding]:
    """Say what a server's state means: one for every state of the protocol."""
    state, seen = view.states(server)
    if not view.running(server) or not view.knows(server):
        return []
    if state is None:
        why = view.end(server)["why_unknown"] or "neither OMAPI nor the log says"
        return [Finding.of("unknown", CAUSE, 58, server, pair=view.name, why=why)]
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


def _is_down(view: PairView, server: str) -> bool:
    """Whether dhcpd there is known not to run; a silent minion proves nothing."""
    return not view.error(server) and not view.running(server)


def _unknown_state(view: PairView, server: str) -> list[Finding]:
    # failover.c:1658-1661, 2420-2422; set over OMAPI with a number that is no state
    text = (
        f"{server} is in unknown-state: a number that is no state was set over OMAPI; it answers "
        f"nobody, and no restart ends it; {without(view, server)}"
    )
    step = what_to_do("unknown-state", server=server, pair=view.name)
    return [Finding("unknown-state", CAUSE, text, step, server, 94)]


def _startup(view: PairView, server: str) -> list[Finding]:
    # failover.c:1926-1938
    started = float(view.seen(server)["process"]["started"] or 0)
    left = STARTUP_SECONDS - (clock_of(view, server) - started)
    text = (
        f"{server} has just started and waits for its partner's word, {max(0.0, left):.0f} s more "
        f"at most; {without(view, server)}"
    )
    kind, step = WAIT, what_to_do("startup")
    if left < -5:
        text = f"{server} is in startup for longer than the {STARTUP_SECONDS:.0f} s that it may"
        kind = CAUSE
        step = f"salt {server} dhcpd.resume, then look again"
    return [Finding("startup", kind, text, step, server, 66)]


def _normal(view: PairView, server: str) -> list[Finding]:
    end = view.end(server)
    unacked, bound = end.get("unacked") or 0, end.get("unacked_bound") or 0
    if unacked > bound:
        return [Finding.of("unacked", RISK, 50, server, unacked=unacked, pair=view.name)]
    return []


def _interrupted(view: PairView, server: str) -> list[Finding]:
    # failover.c:1673-1676, mdb.c:1945-1971
    partner, counts = view.partner(server), view.counts(server)
    since = view.end(server)["since"]
    free = f" ({counts['own']} left)" if counts else ""
    when = f" since {stamp(float(since))}" if since else ""
    if view.running(partner) and view.states(partner)[0] == "communications-interrupted":
        if server > partner:
            return []  # told of both at once
        text = (
            f"{server} and {partner} have lost each other{when}; each serves alone, new clients "
            "from its own half of the free addresses"
        )
        step = "see that they reach each other; touch neither: they are normal by themselves then"
        return [Finding("communications-interrupted", CAUSE, text, step, server, 40)]
    text = (
        f"{server} has lost {partner}{when} and serves alone, new clients from its own half of "
        f"the free addresses{free}"
    )
    step = what_to_do("communications-interrupted", server=server, partner=partner)
    return [Finding("communications-interrupted", CAUSE, text, step, server, 40)]


def _partner_down(view: PairView, server: str) -> list[Finding]:
    # failover.c:1663-1666, 6341-6447
    partner, end = view.partner(server), view.end(server)
    theirs, _ = view.states(partner)
    mclt, since = end.get("mclt"), end.get("since")
    how = _how_partner_down(view, server)
    if view.running(partner) and theirs in ("normal", "communications-interrupted", "partner-down"):
        return [Finding.of("split", CAUSE, 95, server, partner=partner, how=how, state=theirs)]
    until = f" from {stamp(float(since) + float(mclt))} on" if since and mclt else " after MCLT"
    text = f"{server} takes {partner} for dead ({how}) and may use all addresses{until}"
    if theirs in _RECOVERING:
        step = f"wait until {partner} has recovered; do not touch {server} meanwhile"
        return [Finding("partner-down", WAIT, text, step, server, 30)]
    step = what_to_do("partner-down", server=server, partner=partner)
    return [Finding("partner-down", CAUSE, text, step, server, 45)]


def _how_partner_down(view: PairView, server: str) -> str:
    moves = [move for move in moves_of(view, server) if move["new"] == "partner-down"]
    delay = view.end(server)["auto_partner_down"] or 0
    if not moves:
        return "by hand, by a hand-over or by auto-partner-down: its log does not say"
    last = moves[-1]
    theirs = moves_of(view, server, "peer-move")
    asked = [m for m in theirs if m["new"] in ("shutdown", "recover")]
    if asked and abs(float(asked[-1]["time"]) - float(last["time"])) < 2.0:
        return f"since {stamp(float(last['time']))}, as its partner asked by {asked[-1]['new']}"
    if delay and last["old"] == "communications-interrupted":
        return f"since {stamp(float(last['time']))}, by auto-partner-down {delay} or by hand"
    return f"since {stamp(float(last['time']))}, set by hand over OMAPI"


def _conflict(view: PairView, server: str) -> list[Finding]:
    # failover.c:1678-1688, 5833
    state, age = view.states(server)[0], age_of(view, server)
    if age < TOO_LONG:
        text = (
            f"{server} is in {state}: both servers compare the leases that they gave out apart, "
            "answering nobody meanwhile; it ends by itself in seconds"
        )
        return [Finding(str(state), WAIT, text, what_to_do(str(state)), server, 78)]
    text = f"{server} is in {state} for {age:.0f} s, which takes seconds when both are connected"
    step = "see that both dhcpd run and are connected; restart nothing before that"
    return [Finding(str(state), CAUSE, text, step, server, 88)]


def _recover(view: PairView, server: str) -> list[Finding]:
    # failover.c:5851-5876, 1758-1811
    partner = view.partner(server)
    theirs, _ = view.states(partner)
    alone = without(view, server)
    if stuck.of_pair(view.end(server), view.end(partner)):
        text = (
            f"{server} waits in recover forever: the window of {partner}, the survivor, is full "
            f"of {view.end(partner)['unacked']} updates that nobody will acknowledge, so it "
            f"sends no other; {alone}"
        )
        step = what_to_do("full-window", server=server, partner=partner)
        return [Finding("full-window", CAUSE, text, step, server, 97)]
    if _is_down(view, partner):
        text = (
            f"{server} is in recover and fetches its leases from {partner}, which is down: it "
            f"never serves without it; {alone}"
        )
        step = what_to_do("recover-alone", partner=partner)
        return [Finding("recover-alone", CAUSE, text, step, server, 98)]
    if linked(view) is False:
        text = (
            f"{server} is in recover and answers nobody until {partner} sends every lease, and "
            f"they are not connected; {alone}"
        )
        step = what_to_do("recover-unconnected")
        return [Finding("recover-unconnected", CAUSE, text, step, server, 60)]
    counts = view.counts(server)
    addresses = counts["addresses"] if counts else 0
    patience = max(UPDATE_LEAST, 4 * measured.update_seconds(addresses))
    begun = max(
        float(view.end(server)["since"] or 0),
        float(view.seen(server)["process"]["started"] or 0),
    )
    age = clock_of(view, server) - begun
    why = ""
    if not any(move["new"] == "normal" for move in moves_of(view, server)):
        why = " (its lease file knows no earlier state: it is new, or was lost)"
    if age < patience + TOO_LONG:
        text = (
            f"{server} is fetching every lease from {partner}{why}, "
            f"{patience:.0f} s at most for {addresses} addresses, then MCLT may have to pass; "
            f"{alone}"
        )
        step = what_to_do("recover", partner=partner)
        return [Finding("recover", WAIT, text, step, server, 76)]
    text = (
        f"{server} has been in recover for {age:.0f} s without progress: {partner} is in {theirs} "
        f"and does not complete the update{why}; {alone}"
    )
    step = f"see the log of both; {partner} must stay up, salt {partner} dhcpd.release_window helps"
    return [Finding("recover", CAUSE, text, step + " if its window is full", server, 89)]


def _recover_wait(view: PairView, server: str) -> list[Finding]:
    # failover.c:1700-1703, 5851-5876
    partner, until = view.partner(server), recover_wait_until(view.end(server))
    when = f"until {stamp(until)}" if until else "until MCLT has passed"
    left = max(0.0, until - clock_of(view, server)) if until else None
    more = "" if left is None else f" ({left:.0f} s more)"
    text = f"{server} has every lease and waits out MCLT, {when}{more}; {without(view, server)}"
    if _is_down(view, partner):
        text += f"; {partner}, which it depends on, is down"
        step = what_to_do("recover-alone", partner=partner)
        return [Finding("recover-wait", CAUSE, text, step, server, 98)]
    step = what_to_do("recover-wait", partner=partner)
    return [Finding("recover-wait", WAIT, text, step, server, 77)]


def _recover_done(view: PairView, server: str) -> list[Finding]:
    # failover.c:1705-1708, 2389-2411
    partner = view.partner(server)
    if _is_down(view, partner):
        text = (
            f"{server} has every lease and waits in recover-done for the word of {partner}, which "
            f"is down: it never serves without it; {without(view, server)}"
        )
        step = what_to_do("recover-alone", partner=partner)
        return [Finding("recover-done", CAUSE, text, step, server, 98)]
    if linked(view) is False:
        text = f"{server} waits in recover-done for {partner}'s word, and they are not connected"
        step = what_to_do("recover-unconnected")
        return [Finding("recover-done", CAUSE, text, step, server, 60)]
    text = f"{server} has every lease and waits for {partner}'s word; it ends by itself in seconds"
    step = what_to_do("recover-done", partner=partner)
    return [Finding("recover-done", WAIT, text, step, server, 76)]


def _paused(view: PairView, server: str) -> list[Finding]:
    # failover.c:1695-1698, 2413-2418
    ours = view.name in view.seen(server)["paused_by_us"]
    how = (
        "a drain or a hand-over of ours was cut off and left it so"
        if ours
        else "set by hand over OMAPI"
    )
    if view.seen(server)["acting"]:
        text = f"{server} is paused by a drain that is under way"
        return [Finding("paused", WAIT, text, "wait for its end", server, 96)]
    text = (
        f"{server} is paused ({how}): it answers no clients, and a restart will not change that; "
        f"{without(view, server)}"
    )
    return [Finding("paused", CAUSE, text, what_to_do("paused", server=server), server, 96)]


def _shutdown(view: PairView, server: str) -> list[Finding]:
    # failover.c:1690-1693, 2115-2144, 2227, 5833
    if view.seen(server)["acting"]:
        text = f"{server} is being shut down by a hand-over that is under way"
        return [Finding("shutdown", WAIT, text, "wait for its end", server, 96)]
    impossible = of_process(view, server, events_of(view, server, "impossible-move"))
    how = "set over OMAPI"
    if impossible:
        how = f"it shut itself down: “{impossible[-1]['text']}”"
    elif view.name in view.seen(server)["paused_by_us"]:
        how = "a hand-over of ours was cut off and left it so"
    text = (
        f"{server} runs in state shutdown ({how}): it answers nobody, and a restart will not "
        f"change that; {without(view, server)}"
    )
    step = what_to_do("shutdown", server=server, partner=view.partner(server))
    return [Finding("shutdown", CAUSE, text, step, server, 96)]


def _resolution(view: PairView, server: str) -> list[Finding]:
    # failover.c:1577-1579, 1678-1683
    text = (
        f"{server} lost {view.partner(server)} while they compared their leases, and answers "
        f"nobody until they are connected again; {without(view, server)}"
    )
    step = what_to_do("resolution-interrupted", partner=view.partner(server))
    return [Finding("resolution-interrupted", CAUSE, text, step, server, 87)]
