"""
Taking a partner for dead by hand: may it be, and what is at stake.

In ``partner-down`` a server uses its partner's addresses too, once MCLT has passed. That is right
for a partner that is really dead, and a catastrophe for one that lives and can't be reached: both
hand out the same addresses. dhcpd checks nothing (server/failover.c:3099-3104), so this does: the
partner's minion, its address and its OMAPI port are asked, and silence alone proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from typing import cast

from ..errors import IscDhcpError
from ..shapes import Death
from ..shapes import EndFacts
from ..shapes import LeaseFacts
from ..shapes import PartnerSeen
from ..shapes import Probe
from ..shapes import ServerFacts
from ..shapes import Stake
from ..states import FailoverState
from ..words import clock
from . import forecast
from .evidence import EVIDENCE_MAX_AGE
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of

#: The state from which dhcpd goes to partner-down when it is told to.
WANTED = "communications-interrupted"
#: Those in which a server whose partner died meanwhile answers nobody, for ever. Told to go to
#: partner-down over OMAPI it would still answer nobody, as it goes on believing what it knew of its
#: partner (dhcp_failover_set_service_state, server/failover.c:1723-1741): a new start is needed.
MUTE = frozenset({"resolution-interrupted", "recover", "recover-wait", "recover-done"})


# -- decision ------------------------------------------------------------------------------------


def judge(
    survivor: ServerFacts,
    relationship: str,
    partner: PartnerSeen,
    probe: Probe | None,
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
        What the master knows of the other end.
    probe
        What the survivor found at the partner's address
        (:func:`iscdhcp.facts.partner_probe.probe_address`); ``None``: it did not look.
    confirm
        The partner's minion id, from a person who has made sure that it is dead.
    now
        The survivor's clock, epoch seconds; with it the age of what the master knows is judged.

    Returns a :class:`Verdict`, ``yes`` or ``no``. ``confirm`` overrides silence, and nothing that
    shows life.
    """
    who = partner["minion"]
    found = _survivor(survivor, relationship, who, confirm == who)
    proved_down = partner["answered"] and partner["running"] is False
    if partner["running"]:
        why = f"dhcpd runs on {who} (pid {partner['pid']}), its minion says so"
        found.append(Reason.of("alive", relationship, why=why))
    if partner["signs"]:
        told = "; ".join(partner["signs"])
        found.append(Reason.of("unseen", relationship, server=who, signs=told))
    if probe is not None:
        found += _address(survivor, who, probe, proved_down)
    if now is not None:
        age = now - partner["observed"]
        if abs(age) > EVIDENCE_MAX_AGE:
            found.append(Reason.of("evidence", relationship, partner=who, age=age))
    if confirm and confirm != who:
        found.append(Reason.of("confirm", relationship, partner=who, confirm=confirm))
    if proved_down:
        found.append(Reason.of("startable", relationship, partner=who))
    elif not partner["running"] and not partner["signs"]:
        found.append(_silence(who, partner, confirm == who))
    return Verdict("no" if any(reason.blocks for reason in found) else "yes", tuple(found))


def given(evidence: Any) -> Death | None:
    """
    Return what the master sent of a partner that may be dead; what it lacks is unknown.

    Raises :class:`IscDhcpError` where it can't be that.
    """
    if evidence is None:
        return None
    partner = evidence.get("partner") if isinstance(evidence, Mapping) else None
    if not isinstance(partner, Mapping):
        raise IscDhcpError(
            "evidence is what salt-run dhcp_failover.partner_down passes: leave it out, or use that"
        )
    if not isinstance(partner.get("observed", 0.0), int | float):
        raise IscDhcpError(f"evidence: observed is no time: {partner['observed']!r}")
    nothing: PartnerSeen = {
        "minion": "the partner",
        "answered": False,
        "running": None,
        "signs": [],
        "pid": None,
        "error": None,
        "observed": 0.0,
    }
    return {
        "partner": cast(PartnerSeen, {**nothing, **partner}),
        "confirm": evidence.get("confirm"),
    }


def _survivor(survivor: ServerFacts, name: str, who: str, confirmed: bool) -> list[Reason]:
    """What the survivor itself has against it."""
    me = name_of(survivor)
    if not survivor["process"]["running"]:
        return [Reason.of("down", name, more=": start it with dhcpd.start", server=me)]
    omapi = survivor["omapi"]
    if not omapi["answers"]:
        why = omapi["error"] or omapi["hint"] or "it is not configured"
        return [Reason.of("survivor-omapi", name, server=me, why=why)]
    end = survivor["relationships"].get(name)
    if end is None:
        return [Reason.of("no-such-relationship", name, server=me)]
    found = []
    state = end["state"]
    if state is None:
        why = end["why_unknown"] or "it did not say"
        found.append(Reason.of("unknown", name, server=me, why=why))
    elif state in MUTE:
        found += _mute(survivor, name, state, who, confirmed)
    elif state != WANTED:
        meaning = FailoverState.parse(state).meaning
        found.append(
            Reason.of("state", name, server=me, state=state, wanted=WANTED, meaning=meaning)
        )
    if end["connected"]:
        found.append(Reason.of("connected", name, server=me, partner=who))
    return found


def _mute(survivor: ServerFacts, name: str, state: str, who: str, confirmed: bool) -> list[Reason]:
    """What is to be known of a survivor that answers nobody, and is started again for it."""
    me = name_of(survivor)
    found = [Reason.of("mute-start", name, server=me, state=state)]
    if state == "recover":
        found.append(Reason.of("leases-incomplete", name, not confirmed, server=me, partner=who))
    serving = [
        other
        for other, end in sorted(survivor["relationships"].items())
        if other != name and end["serves"] is not False
    ]
    if serving:
        others = ", ".join(serving)
        found.append(Reason.of("others-serve", name, server=me, state=state, others=others))
    return found


def _address(survivor: ServerFacts, who: str, probe: Probe, down: bool) -> list[Reason]:
    """What was found at the partner's address; ``down``: its minion proved that dhcpd is."""
    me, address = name_of(survivor), probe["address"]
    found = []
    if probe["dhcp"]:
        why = f"{address} ({who}) answers a client's question from {me}: dhcpd lives there"
        found.append(Reason.of("answers", partner=who, why=why))
    elif probe["omapi"] == "open":
        why = f"port {probe['omapi_port']} of {address} (OMAPI of {who}) takes connections"
        why += f" from {me}: dhcpd lives there"
        found.append(Reason.of("answers", partner=who, why=why))
    elif not down and (probe["ping"] or probe["omapi"] == "refused"):
        how = "a ping" if probe["ping"] else f"on port {probe['omapi_port']}"
        why = (
            f"{address} ({who}) answers {how} from {me}, so dhcpd may serve there: power it off, "
            "or bring its minion back, which can prove that dhcpd is not running"
        )
        found.append(Reason.of("answers", partner=who, why=why))
    if probe["error"]:
        found.append(Reason.of("probe", server=me, partner=who, why=probe["error"]))
    return found


def _silence(who: str, partner: PartnerSeen, confirmed: bool) -> Reason:
    why = partner["error"] or "no answer"
    if confirmed:
        return Reason.of("confirmed", partner=who, why=why)
    return Reason.of("silence", partner=who, why=why)


def stake(survivor: ServerFacts, relationship: str, partner: str, counts: Stake) -> str:
    """
    Say what partner-down would bring and from when, as sentences.

    survivor, relationship, partner
        As in :func:`judge`; the partner's minion id.
    counts
        From :func:`addresses`.
    """
    me = name_of(survivor)
    end: EndFacts | None = survivor["relationships"].get(relationship)
    mclt = end and end["mclt"]
    now = survivor["time"] or time.time()
    since, verb = now, "would use"
    if end and end["state"] == "partner-down":
        since, verb = end["since"] or now, "uses"
    when = "once MCLT has passed"
    if mclt:
        when = f"from {clock(since + mclt)} UTC on at the earliest (MCLT, {mclt} s)"
    if counts["error"]:
        return f"{me} {verb} the free addresses of {partner} {when}; how many: {counts['error']}."
    return (
        f"{me} {verb} the {counts['partners']} free addresses of {partner} {when}, and has "
        f"{counts['own']} of its own until then; {counts['active']} of {counts['addresses']} "
        "are leased."
    )


def addresses(counted: LeaseFacts | None, relationship: str, role: str | None) -> Stake:
    """
    Return what is at stake in a relationship.

    counted
        The survivor's leases.
    role
        The survivor's.
    """
    if counted is None or counted["error"]:
        why = counted["error"] if counted else "the leases were not counted"
        return {"own": 0, "partners": 0, "active": 0, "addresses": 0, "error": why}
    pools = counted["relationships"].get(relationship, [])
    own = sum(forecast.own_free(role, pool) for pool in pools)
    return {
        "own": own,
        "partners": sum(pool["free"] + pool["backup"] for pool in pools) - own,
        "active": sum(pool["active"] for pool in pools),
        "addresses": sum(pool["addresses"] for pool in pools),
        "error": None,
    }
