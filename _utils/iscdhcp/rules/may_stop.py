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
from ..shapes import ServerFacts
from ..words import clock
from . import forecast
from .evidence import EVIDENCE_MAX_AGE
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .wording import not_normal

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
        Codes of :data:`FORCEABLE` that are reported and do not block.
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
    overridden = frozenset(force)
    found: list[Reason] = []
    found += _own_server(facts)
    omapi = facts["omapi"]
    if method != "signal" and not omapi["answers"]:
        why = omapi["error"] or omapi["hint"] or "it is not configured"
        text = f"method {method} needs OMAPI, and that of {name_of(facts)} does not answer: {why}"
        found.append(Reason("method", text))
    if method == "control":
        found.append(_cost_of_control(facts))
    relationships = facts["relationships"]
    if evidence is None:
        found += _not_secondary(facts, act)
    if not relationships and not facts["configuration"]["error"]:
        found.append(
            Reason(
                "no-relationship",
                f"{name_of(facts)} has no failover relationship: nobody serves while it is down",
            )
        )
    for name, relationship in sorted(relationships.items()):
        found += _own_end(facts, name, relationship)
        if evidence is not None:
            found += _other_end(facts, name, evidence.get(name), now)
            found += _while_alone(facts, name, evidence.get(name), method)
    if facts["foreign_claim"]:
        text = f"{name_of(facts)} is claimed by {_claimant(facts['foreign_claim'])}"
        found.append(Reason("claim", text))
    if facts["busy"]:
        found.append(Reason("busy", f"{name_of(facts)} is busy: {facts['busy']}"))
    reasons = tuple(
        Reason(r.code, f"{r.text} (overridden by force)", False, r.relationship)
        if r.blocks and r.code in overridden
        else r
        for r in found
    )
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
    text = (
        f"{name_of(facts)} is {what}, and from here nobody can see whether its partner is being "
        f"stopped at the same moment. On the master: "
        f"{_runner_command(facts['minion'] or 'ID', act)} (force=primary if the master, "
        "or the partner's host, is gone)"
    )
    return [Reason("primary", text)]


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
    if not process["running"]:
        signs = "; ".join(process["signs"])
        text = f"dhcpd is not running on {me}: start it with dhcpd.start"
        if signs:
            text = f"no dhcpd is seen on {me}, and yet {signs}: look there who that is"
        found.append(Reason("not-running", text))
    if process["several"]:
        found.append(
            Reason(
                "several",
                f"{me} runs several dhcpd processes (pids {process['several']}): stop the "
                "extra ones first: it is unclear which one serves",
            )
        )
    if process["running"] and process["signs"]:
        text = f"{me} may run another dhcpd beside pid {process['pid']}: "
        found.append(Reason("several", text + "; ".join(process["signs"])))
    for other in process["others"]:
        text = f"{me}: {other}, beside dhcpd: if it answers DHCP too, clients hear both"
        found.append(Reason("port", text, blocks=False))
    if process["stopped"]:
        found.append(
            Reason("stopped", f"dhcpd on {me} is stopped by a signal (state T): send it SIGCONT")
        )
    if process["gentle_shutdown"]:
        found.append(
            Reason(
                "gentle",
                f"dhcpd on {me} is built with gentle shutdown: a SIGTERM costs "
                "MCLT without service on this server after its start",
            )
        )
    configuration = facts["configuration"]
    if configuration["error"]:
        found.append(
            Reason(
                "configuration",
                f"the configuration on {me} is refused, dhcpd would not come back: "
                f"{configuration['error']}",
            )
        )
    leases = facts["lease_file"]
    if leases["problem"]:
        found.append(Reason("lease-file", f"{me}: {leases['problem']}"))
    if leases["folder_problem"]:
        found.append(Reason("lease-folder", f"{me}: {leases['folder_problem']}"))
    if facts["start_problem"]:
        text = f"dhcpd on {me} may not come back as it ran: {facts['start_problem']}"
        found.append(Reason("start", text))
    omapi = facts["omapi"]
    if omapi["configured"] and omapi["error"] and process["running"]:
        text = f"{me} is judged by its log alone, OMAPI does not answer: {omapi['error']}"
        found.append(Reason("omapi", text, blocks=False))
    return found


def _own_end(facts: ServerFacts, name: str, relationship: EndFacts) -> list[Reason]:
    """What this server itself says of one relationship."""
    me = name_of(facts)
    state, partner = relationship["state"], relationship["partner_state"]
    if state is None or partner is None:
        why = relationship["why_unknown"] or "neither OMAPI nor the log says"
        return [
            Reason("relationship", f"{me}: the state of {name} can't be proved: {why}", True, name)
        ]
    found = []
    if (state, partner) != ("normal", "normal"):
        found.append(Reason("relationship", not_normal(me, name, relationship), True, name))
    if relationship["source"] == "log" and relationship["connected"] is None:
        text = (
            f"{me}: only the log says that {name} is normal, and whether the partner is connected "
            "can't be read from the kernel: name addresses, not host names, in dhcpd.conf"
        )
        found.append(Reason("connection", text, True, name))
    if relationship["connected"] is False:
        found.append(
            Reason(
                "connection",
                f"{me} has no failover connection to the partner of {name} "
                f"({relationship['peer_address']} port {relationship['peer_port']})",
                True,
                name,
            )
        )
    return found


def _other_end(
    facts: ServerFacts, name: str, evidence: Evidence | None, now: float
) -> list[Reason]:
    """What the master saw of the partner of one relationship."""
    me = name_of(facts)
    if not evidence:
        return [
            Reason(
                "partner",
                f"nothing is known of the partner of {me} in {name}: no minion of it answered",
                True,
                name,
            )
        ]
    who = evidence["minion"] or "the partner"
    found = []
    age = now - (evidence["observed"] or 0.0)
    if age > EVIDENCE_MAX_AGE or age < -EVIDENCE_MAX_AGE:
        found.append(
            Reason(
                "partner",
                f"what the master saw of {who} is {age:.0f} s old (at most {EVIDENCE_MAX_AGE:.0f})",
                True,
                name,
            )
        )
    state, partner = evidence["state"], evidence["partner_state"]
    if state is None or partner is None:
        why = evidence["why_unknown"] or "it did not say"
        found.append(
            Reason("partner", f"the state of {name} on {who} can't be proved: {why}", True, name)
        )
    elif (state, partner) != ("normal", "normal"):
        found.append(Reason("partner", not_normal(who, name, evidence), True, name))
    if evidence["serves"] is not True:
        # An unknown state is no proof of service.
        why = evidence["why"] or "whether it does is unknown"
        found.append(Reason("partner", f"dhcpd on {who} does not serve: {why}", True, name))
    if evidence["acting"]:
        found.append(Reason("partner", being_acted_on(who), True, name))
    skew = evidence["skew"]
    if skew is not None and abs(skew) > CLOCK_MAX_SKEW:
        found.append(
            Reason(
                "clock",
                f"the clocks of {me} and {who} are {abs(skew):.0f} s apart: dhcpd refuses to "
                f"connect above {CLOCK_MAX_SKEW:.0f} s (time offset too large); set them first",
                True,
                name,
            )
        )
    return found


def being_acted_on(server: str) -> str:
    """Return the sentence about a server on which an act runs."""
    return f"dhcpd on {server} is being stopped or started right now"


def _cost_of_control(facts: ServerFacts) -> Reason:
    mclt = max(map(forecast.mclt_of, facts["relationships"].values()), default=3600.0)
    text = (
        f"method control, dhcpd's documented shutdown, costs MCLT: {name_of(facts)} goes silent at "
        "once, its partner does not know for 17 s, and after its start it answers nobody for "
        f"{mclt:.0f} s (methods drain and handover do not; force=mclt if that is what you want)"
    )
    return Reason("mclt", text)


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
        text = (
            f"{who} goes to partner-down by itself after {limit:.0f} s (auto-partner-down of "
            f"{name}), and would be alone for about {seconds:.0f} s: both would then wait for each "
            "other in potential-conflict; raise it, or take method handover"
        )
        found.append(Reason("auto-partner-down", text, True, name))
    mine, theirs = forecast.of_relationship(facts, name), evidence["leases"]
    if mine is None or theirs is None:
        unknown = name_of(facts) if mine is None else who
        text = f"how many free leases of {name} {unknown} has could not be counted"
        return [*found, Reason("free-leases", text, True, name)]
    mclt = forecast.mclt_of(facts["relationships"][name])
    whole_after = mclt if method == "handover" else math.inf
    for short in forecast.shortages(mine, theirs, seconds, whole_after):
        found.append(_shortage(who, name, short, seconds))
    return found


def _shortage(who: str, name: str, short: forecast.Shortage, seconds: float) -> Reason:
    text = (
        f"{who} has {short['have']} free leases of its own in {short['network']} ({name}) for the "
        f"{seconds:.0f} s that it would be alone"
    )
    if not short["have"] and not short["elsewhere"]:
        # A restart changes nothing for the clients of a pool that is used up anyway.
        return Reason("free-leases", f"{text}, the pool is used up at both ends", False, name)
    if short["need"] > short["have"]:
        text += (
            f", and about {short['need']} new clients are expected ({short['rate']:.2g} a second): "
            "wait for the pools to be balanced, or add addresses"
        )
        return Reason("free-leases", text, True, name)
    return Reason("free-leases", f"{text}; no new client is expected", False, name)
