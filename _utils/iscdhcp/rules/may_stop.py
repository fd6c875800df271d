"""
What the facts of a pair mean: may this server be stopped?

Pure functions from plain facts (:mod:`iscdhcp.facts.gather`) to a :class:`Verdict` with its
reasons. The guard on the server and the run on the master call the same ones, so that they can't
disagree about what "normal" is. Whether a restart is complete: :mod:`iscdhcp.rules.is_complete`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from collections.abc import Mapping

from ..shapes import Claim
from ..shapes import EndFacts
from ..shapes import Evidence
from ..shapes import LeaseFileFacts
from ..shapes import ServerFacts
from ..words import clock
from . import forecast
from . import proof
from .evidence import EVIDENCE_MAX_AGE
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .verdict import overridden
from .wording import states_at

#: dhcpd refuses a connection between clocks further apart (server/failover.c:579).
CLOCK_MAX_SKEW = 60.0


def ok_to_stop(
    facts: ServerFacts,
    evidence: Mapping[str, Evidence] | None = None,
    force: Iterable[str] = (),
    now: float | None = None,
    method: str = "signal",
    act: str = "restart",
) -> Verdict:
    """
    Decide whether dhcpd on this server may be stopped for a restart.

    facts
        This server's facts (:func:`iscdhcp.facts.gather.gather`).
    evidence
        What the master saw of the other end, by relationship
        (:func:`iscdhcp.rules.evidence.evidence_of`). Without it (``None``: a person at the console,
        ``salt '*'``) only this end and the connection are judged, and only a server that is
        secondary in all its relationships may be stopped: two guards that look at the same moment
        both pass, whatever they wait.
    force
        Words of :data:`iscdhcp.troubles.force.FORCEABLE`: their troubles are told and do not block.
    now
        This server's clock, epoch seconds.
    method
        How it is to be stopped: all but ``signal`` need OMAPI.
    act
        What a person wanted (``restart``, ``stop``, ``shutdown``, ``roll_back``), for the sentence
        that names the runner's command.

    Returns a :class:`Verdict`, ``yes`` or ``no``.
    """
    now = time.time() if now is None else now
    found: list[Reason] = []
    found += _own_server(facts)
    omapi = facts["omapi"]
    running = facts["process"]["running"]
    if running and method != "signal" and not omapi["answers"]:
        why = omapi["error"] or omapi["hint"] or "it is not configured"
        found.append(Reason.of("method", method=method, server=name_of(facts), why=why))
    if method == "control":
        found.append(_cost_of_control(facts))
    relationships = facts["relationships"]
    if evidence is None:
        found += _not_secondary(facts, act)
    if not relationships and not facts["configuration"]["error"]:
        found.append(Reason.of("no-relationship", server=name_of(facts)))
    # Where no dhcpd runs, all else that its relationships say follows from that.
    told = sorted(relationships.items()) if running else []
    for name, relationship in told:
        found += _own_end(facts, name, relationship)
        if evidence is not None:
            found += _other_end(facts, name, evidence.get(name), now)
            found += _while_alone(facts, name, evidence.get(name), method)
        asked = relationship["asked"]
        if asked is not None and proof.is_recent(asked, facts["time"] or now):
            partner = (evidence or {}).get(name)
            who = (partner and partner["minion"]) or relationship["peer_address"] or "the partner"
            found += proof.of_answer(asked, name, name_of(facts), who, evidence is not None)
    if facts["foreign_claim"]:
        who = _claimant(facts["foreign_claim"])
        found.append(Reason.of("claim", server=name_of(facts), who=who))
    if facts["busy"]:
        found.append(Reason.of("busy", server=name_of(facts), what=facts["busy"]))
    reasons = overridden(found, frozenset(force))
    return Verdict("no" if any(r.blocks for r in reasons) else "yes", reasons)


def _claimant(claim: Claim) -> str:
    return f"{claim['who'] or 'another run'} until {clock(claim['until'])} UTC"


def _not_secondary(facts: ServerFacts, act: str) -> list[Reason]:
    """Whether a person may not stop this server, because its partners may be stopped as well."""
    relationships = facts["relationships"]
    if not facts["process"]["running"]:
        return []  # _own_server has said it
    roles = {name: role_of(one) for name, one in sorted(relationships.items())}
    if all(role == "secondary" for role in roles.values()):
        if relationships or not facts["configuration"]["error"]:
            return []  # without any it has a reason of its own
        what = "in an unknown role (its configuration can't be read)"
    else:
        what = ", ".join(
            f"{role} in {name}" if role else f"in an unknown role in {name}"
            for name, role in roles.items()
            if role != "secondary"
        )
    command = _runner_command(facts["minion"] or "ID", act)
    return [Reason.of("primary", server=name_of(facts), role=what, command=command)]


def role_of(relationship: EndFacts) -> str | None:
    """
    Return a server's role in a relationship, ``None`` where it is unknown.

    The file's, unless the process that runs says another one over OMAPI.
    """
    role, running = relationship["role"], relationship["running_role"]
    return None if not role or running not in (None, role) else role


def _runner_command(server: str, act: str) -> str:
    """Return what does it from the master, where the partner is asked and claimed."""
    if act == "roll_back":
        return (
            "put the old files back (dhcpd.staged names the backups), then salt-run "
            f"dhcp_failover.restart server={server}"
        )
    return f"salt-run dhcp_failover.{act} server={server}"


def _own_server(facts: ServerFacts) -> list[Reason]:
    """What stands against stopping this server, whatever its relationships say."""
    me = name_of(facts)
    found = []
    process = facts["process"]
    signs = "; ".join(process["signs"])
    if not process["running"]:
        found.append(
            Reason.of("unseen", server=me, signs=signs) if signs else Reason.of("down", server=me)
        )
    elif signs:
        found.append(Reason.of("unseen-beside", server=me, pid=process["pid"], signs=signs))
    if process["several"]:
        pids = ", ".join(map(str, process["several"]))
        found.append(Reason.of("several", server=me, pids=pids))
    for other in process["beside"]:
        found.append(Reason.of("another-dhcpd", server=me, other=other))
    for other in process["others"]:
        found.append(Reason.of("port", server=me, other=other))
    if process["stopped"]:
        found.append(Reason.of("halted", server=me, pid=process["pid"]))
    if process["gentle_shutdown"]:
        found.append(Reason.of("gentle", server=me))
    error = facts["configuration"]["error"]
    if error:
        found.append(Reason.of("configuration", server=me, error=error))
    leases = facts["lease_file"]
    if leases["problem"]:
        found.append(lease_file_problem(me, leases))
    if leases["folder_problem"]:
        found.append(Reason.of("lease-folder", server=me, problem=leases["folder_problem"]))
    if facts["start_problem"]:
        found.append(Reason.of("start", server=me, why=facts["start_problem"]))
    omapi = facts["omapi"]
    if omapi["configured"] and omapi["error"] and process["running"]:
        found.append(Reason.of("omapi", server=me, error=omapi["error"]))
    return found


def lease_file_problem(server: str, leases: LeaseFileFacts) -> Reason:
    """Return the reason about a lease file that a start would not read as a whole."""
    code = "lease-file-missing" if leases["exists"] is False else "lease-file-torn"
    code = "lease-file-replaced" if leases["replaced"] else code
    return Reason.of(code, server=server, problem=leases["problem"], file=leases["file"])


def _own_end(facts: ServerFacts, name: str, relationship: EndFacts) -> list[Reason]:
    """What this server itself says of one relationship."""
    me = name_of(facts)
    state, partner = relationship["state"], relationship["partner_state"]
    found = []
    if state is None or partner is None:
        why = relationship["why_unknown"] or "neither OMAPI nor the log says"
        found.append(Reason.of("unknown", name, server=me, why=why))
    elif (state, partner) != ("normal", "normal"):
        found.append(Reason.of("relationship", name, states=states_at(me, relationship)))
    if relationship["source"] in ("log", "lease-file") and relationship["connected"] is None:
        found.append(Reason.of("connection-unknown", name, server=me))
    if relationship["connected"] is False:
        address, port = relationship["peer_address"], relationship["peer_port"]
        found.append(Reason.of("connection", name, server=me, address=address, port=port))
    return found


def _other_end(
    facts: ServerFacts, name: str, evidence: Evidence | None, now: float
) -> list[Reason]:
    """What the master saw of the partner of one relationship."""
    me = name_of(facts)
    if not evidence:
        why = f"nothing is known of the partner of {me} in {name}: no minion of it answered"
        return [Reason.of("partner-unknown", name, why=why)]
    who = evidence["minion"] or "the partner"
    found = []
    found += too_old(name, evidence, now)
    state, partner = evidence["state"], evidence["partner_state"]
    if state is None or partner is None:
        why = evidence["why_unknown"] or "it did not say"
        why = f"the state of {name} on {who} can't be proved: {why}"
        found.append(Reason.of("partner-unknown", name, why=why))
    elif (state, partner) != ("normal", "normal"):
        found.append(Reason.of("partner", name, states=states_at(who, evidence)))
    if evidence["serves"] is False:
        why = evidence["why"] or "it says so"
        found.append(Reason.of("partner-not-serving", name, partner=who, why=why))
    elif evidence["serves"] is None and not found:
        # Not known to serve is no proof of service.
        why = f"whether {who} serves in {name} is unknown"
        if evidence["why"]:
            why = f"{why}: {evidence['why']}"
        found.append(Reason.of("partner-unknown", name, why=why))
    if evidence["acting"]:
        found.append(Reason.of("partner-acting", name, partner=who))
    skew = evidence["skew"]
    if skew is not None and abs(skew) > CLOCK_MAX_SKEW:
        found.append(clocks_apart(me, who, skew, name))
    return found


def too_old(name: str, evidence: Evidence, now: float, limit: float | None = None) -> list[Reason]:
    """
    Return why what the master saw of the partner in ``name`` does not count any more, if so.

    limit
        Seconds that it may be old; default: :data:`EVIDENCE_MAX_AGE`.
    """
    limit = EVIDENCE_MAX_AGE if limit is None else limit
    age = now - (evidence["observed"] or 0.0)
    if abs(age) <= limit:
        return []
    who = evidence["minion"] or "the partner"
    return [Reason.of("partner-old", name, partner=who, age=age, limit=limit)]


def clocks_apart(server: str, partner: str, skew: float, relationship: str) -> Reason:
    """Return the reason about clocks between which dhcpd does not connect, or soon will not."""
    return Reason.of(
        "clock-skew",
        relationship,
        abs(skew) > CLOCK_MAX_SKEW,
        server=server,
        partner=partner,
        seconds=abs(skew),
        limit=CLOCK_MAX_SKEW,
    )


def _cost_of_control(facts: ServerFacts) -> Reason:
    mclt = max(map(forecast.mclt_of, facts["relationships"].values()), default=3600.0)
    return Reason.of("mclt", server=name_of(facts), mclt=mclt)


def _while_alone(
    facts: ServerFacts, name: str, evidence: Evidence | None, method: str
) -> list[Reason]:
    """What stands against leaving the partner of one relationship alone for the time forecast."""
    if not evidence:
        return []  # _other_end has said it
    who = evidence["minion"] or "the partner"
    seconds = forecast.seconds_alone(facts, method)
    found = []
    limit = float(evidence["auto_partner_down"] or 0)
    if limit and limit <= seconds and method != "handover":
        more = (
            f", and would be alone for about {seconds:.0f} s: both would then wait for each other "
            "in potential-conflict; raise it, or take method handover"
        )
        found.append(Reason.of("auto-partner-down", name, more=more, partner=who, limit=limit))
    mine, theirs = forecast.of_relationship(facts, name), evidence["leases"]
    if mine is None or theirs is None:
        unknown = name_of(facts) if mine is None else who
        return [*found, Reason.of("free-leases-unknown", name, server=unknown)]
    mclt = forecast.mclt_of(facts["relationships"][name])
    whole_after = mclt if method == "handover" else math.inf
    for short in forecast.shortages(mine, theirs, seconds, whole_after):
        found.append(_shortage(who, name, short, seconds))
    return found


def _shortage(who: str, name: str, short: forecast.Shortage, seconds: float) -> Reason:
    more, blocks = "; no new client is expected", False
    if not short["have"] and not short["elsewhere"]:
        # A restart changes nothing for the clients of a pool that is used up anyway.
        more = ", the pool is used up at both ends"
    elif short["need"] > short["have"]:
        blocks = True
        more = (
            f", and about {short['need']} new clients are expected ({short['rate']:.2g} a second): "
            "wait for the pools to be balanced, or add addresses"
        )
    return Reason.of(
        "free-leases",
        name,
        blocks,
        more,
        partner=who,
        have=short["have"],
        network=short["network"],
        seconds=seconds,
    )
