"""
Taking a partner for dead by hand: may it be, and what is at stake.

In ``partner-down`` a server uses its partner's addresses too, once MCLT has passed. That is right
for a partner that is really dead, and a catastrophe for one that lives and can't be reached: both
hand out the same addresses. dhcpd checks nothing (server/failover.c:3099-3104), so this does: the
partner's minion, its address and its OMAPI port are asked, and silence alone proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from ..states import FailoverState
from ..words import clock
from .evidence import EVIDENCE_MAX_AGE
from .verdict import Facts
from .verdict import Reason
from .verdict import Verdict

#: The only state in which the act is allowed.
WANTED = "communications-interrupted"


# -- decision ------------------------------------------------------------------------------------


def judge(
    survivor: Facts,
    relationship: str,
    partner: Mapping[str, Any],
    probe: Mapping[str, Any],
    confirm: str | None = None,
    now: float | None = None,
) -> Verdict:
    """
    Decide whether the survivor may take its partner for dead.

    survivor
        Facts of the server that is to be in partner-down.
    relationship
        Which of its relationships.
    partner
        What the master knows of the other end: ``minion``, ``answered``, ``running`` (None:
        unknown; that no process is seen proves nothing), ``signs`` (what speaks for one that is
        not seen), ``pid``, ``error``, ``observed`` (epoch seconds on the survivor's clock).
    probe
        What the survivor found at the partner's address
        (:func:`iscdhcp.facts.partner_probe.probe_address`).
    confirm
        The partner's minion id, from a person who has made sure that it is dead.
    now
        The survivor's clock, epoch seconds; with it the age of what the master knows is judged.

    Returns a :class:`Verdict`, ``yes`` or ``no``. ``confirm`` overrides silence, and nothing that
    shows life.
    """
    who = str(partner.get("minion") or "the partner")
    found = _survivor(survivor, relationship, who)
    proved_down = bool(partner.get("answered")) and partner.get("running") is False
    if partner.get("running"):
        found.append(
            Reason("alive", f"dhcpd runs on {who} (pid {partner.get('pid')}), its minion says so")
        )
    if partner.get("signs"):
        told = "; ".join(partner["signs"])
        text = f"no dhcpd is seen on {who}, and yet {told}: one may serve there unseen"
        found.append(Reason("alive", text))
    found += _address(survivor, who, probe, proved_down)
    if now is not None:
        age = now - float(partner.get("observed") or 0)
        if abs(age) > EVIDENCE_MAX_AGE:
            found.append(Reason("evidence", f"what the master knows of {who} is {age:.0f} s old"))
    if confirm and confirm != who:
        found.append(Reason("confirm", f"confirm={confirm} is not {who}, the server in question"))
    if proved_down:
        found.append(
            Reason(
                "startable",
                f"dhcpd can be started on {who} (salt {who} dhcpd.start): as long as nobody is in "
                "partner-down that costs no MCLT",
                blocks=False,
            )
        )
    elif not partner.get("running") and not partner.get("signs"):
        found.append(_silence(who, partner, confirm == who))
    return Verdict("no" if any(reason.blocks for reason in found) else "yes", tuple(found))


def _survivor(survivor: Facts, name: str, who: str) -> list[Reason]:
    """What the survivor itself has against it."""
    me = str(survivor.get("minion") or "this server")
    if not (survivor.get("process") or {}).get("running"):
        return [Reason("not-running", f"dhcpd is not running on {me}: start it with dhcpd.start")]
    omapi = survivor.get("omapi") or {}
    if not omapi.get("answers"):
        why = omapi.get("error") or omapi.get("hint") or "it is not configured"
        text = f"partner-down is set over OMAPI, and that of {me} can't be used: {why}"
        return [Reason("omapi", text)]
    end = (survivor.get("relationships") or {}).get(name)
    if end is None:
        return [Reason("relationship", f"{me} has no relationship {name}")]
    found = []
    state = end.get("state")
    if state is None:
        why = end.get("why_unknown") or "it did not say"
        found.append(Reason("state", f"the state of {name} on {me} is unknown: {why}"))
    elif state != WANTED:
        meaning = FailoverState.parse(str(state)).meaning
        found.append(Reason("state", f"{name} on {me} is in {state}, not in {WANTED}: {meaning}"))
    if end.get("connected"):
        found.append(
            Reason("connected", f"{me} has its failover connection to {who}: dhcpd lives there")
        )
    return found


def _address(survivor: Facts, who: str, probe: Mapping[str, Any], down: bool) -> list[Reason]:
    """What was found at the partner's address; ``down``: its minion proved that dhcpd is."""
    me, address = survivor.get("minion") or "this server", probe.get("address")
    found = []
    if probe.get("omapi") == "open":
        text = f"port {probe.get('omapi_port')} of {address} (OMAPI of {who}) takes connections"
        found.append(Reason("answers", f"{text} from {me}: dhcpd lives there"))
    elif not down and (probe.get("ping") or probe.get("omapi") == "refused"):
        how = "a ping" if probe.get("ping") else f"on port {probe.get('omapi_port')}"
        found.append(
            Reason(
                "answers",
                f"{address} ({who}) answers {how} from {me}, so dhcpd may serve there: power it "
                "off, or bring its minion back, which can prove that dhcpd is not running",
            )
        )
    if probe.get("error"):
        text = f"{me} could not look for {who}: {probe['error']}"
        found.append(Reason("probe", text, blocks=False))
    return found


def _silence(who: str, partner: Mapping[str, Any], confirmed: bool) -> Reason:
    why = partner.get("error") or "no answer"
    if confirmed:
        return Reason("silence", f"that {who} is dead was confirmed, not proved ({why})", False)
    return Reason(
        "silence",
        f"only silence is known of {who} ({why}), and a server that can't be reached may serve all "
        "the same: then both hand out the same addresses. Make sure at its console, hypervisor or "
        f"power switch that it is off and stays off, and say so with confirm={who}",
    )


def stake(survivor: Facts, relationship: str, partner: str, counts: Mapping[str, Any]) -> str:
    """
    Say what partner-down would bring and from when, as sentences.

    survivor, relationship, partner
        As in :func:`judge`; the partner's minion id.
    counts
        From :func:`addresses`.
    """
    me = survivor.get("minion") or "this server"
    end = (survivor.get("relationships") or {}).get(relationship) or {}
    mclt = end.get("mclt")
    now = float(survivor.get("time") or time.time())
    since, verb = now, "would use"
    if end.get("state") == "partner-down":
        since, verb = float(end.get("since") or now), "uses"
    when = "once MCLT has passed"
    if mclt:
        when = f"from {clock(since + float(mclt))} UTC on at the earliest (MCLT, {mclt} s)"
    if counts.get("error"):
        return f"{me} {verb} the free addresses of {partner} {when}; how many: {counts['error']}."
    return (
        f"{me} {verb} the {counts['partners']} free addresses of {partner} {when}, and has "
        f"{counts['own']} of its own until then; {counts['active']} of {counts['addresses']} "
        "are leased."
    )


def addresses(pools: Iterable[Mapping[str, Any]], relationship: str, role: str) -> dict[str, int]:
    """
    Return ``own`` and ``partners`` free addresses of a relationship, ``active`` and ``addresses``.

    pools
        Counts of each pool, as ``dhcpd.lease_counts`` has them.
    role
        The survivor's: the primary's free addresses are ``free``, the secondary's ``backup``.
    """
    mine = [pool for pool in pools if pool.get("relationship") == relationship]
    total = {
        key: sum(int(pool.get(key) or 0) for pool in mine)
        for key in ("free", "backup", "active", "addresses")
    }
    own, partners = ("free", "backup") if role == "primary" else ("backup", "free")
    return {
        "own": total[own],
        "partners": total[partners],
        "active": total["active"],
        "addresses": total["addresses"],
    }
