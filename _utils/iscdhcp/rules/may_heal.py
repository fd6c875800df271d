"""
Whether a run may begin by starting the one server that is down, as its partners serve.

A pair of which one server is down is one failure away from nobody, and no restart is begun with it.
To start that server is what anybody would do first; this says where it is safe. What a start itself
looks at (lease file, addresses, who else runs) it looks at again on the server.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping

from ..shapes import ServerFacts
from . import lease_age
from .is_dead import MUTE
from .may_stop import CLOCK_MAX_SKEW
from .may_stop import clocks_apart
from .may_stop import lease_file_problem
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .verdict import overridden


def only_one_down(seen: Mapping[str, ServerFacts | None]) -> str | None:
    """
    Return the only server of a group on which dhcpd does not run, or ``None``.

    One that is being stopped or started at this moment is none.
    """
    down = [
        server
        for server, facts in seen.items()
        if facts is not None and not facts["process"]["running"]
    ]
    if len(down) != 1:
        return None
    facts = seen[down[0]]
    return None if facts is None or facts["acting"] else down[0]


def may_be_started(
    facts: ServerFacts,
    partners: Mapping[str, ServerFacts | None],
    skews: Mapping[str, float],
    force: Collection[str] = (),
) -> Verdict:
    """
    Decide whether a server that is down may be started, and waited for until it is normal.

    facts
        Of the server.
    partners
        Facts of each relationship's partner, by relationship; ``None`` for one that gave no answer.
    skews
        Seconds by which a partner's clock is before this server's, by relationship.
    force
        The words that a person has said.
    """
    me = name_of(facts)
    found: list[Reason] = []
    signs = facts["process"]["signs"]
    if signs:
        found.append(Reason.of("unseen", server=me, signs="; ".join(signs)))
    if facts["configuration"]["error"]:
        error = facts["configuration"]["error"]
        found.append(Reason.of("configuration", server=me, error=error))
    leases = facts["lease_file"]
    if leases["mendable"]:
        found.append(Reason.of("lease-file-cut", server=me, problem=leases["problem"]))
    elif leases["problem"]:
        found.append(lease_file_problem(me, leases))
    if facts["start_problem"]:
        found.append(Reason.of("start", server=me, why=facts["start_problem"]))
    names = sorted(set(facts["relationships"]) | set(partners))
    if not names:
        found.append(Reason.of("no-relationship", server=me))
    for name in names:
        theirs = partners.get(name)
        found += _partner(me, name, theirs, skews.get(name))
        if theirs is not None:
            old = lease_age.of_facts(facts, theirs, name)
            found += [old] if old else []
    reasons = overridden(found, frozenset(force))
    return Verdict("no" if any(one.blocks for one in reasons) else "yes", reasons)


def _partner(me: str, name: str, theirs: ServerFacts | None, skew: float | None) -> list[Reason]:
    """
    What stands against it at the other end: it has the newer leases, so it has to serve.

    One that answers nobody before this server is back has not: it waits for ours.
    """
    if theirs is None:
        why = f"the partner of {me} in {name} did not answer"
        return [Reason.of("partner-unknown", name, why=why)]
    who, end = name_of(theirs), theirs["relationships"].get(name)
    if not theirs["process"]["running"] or theirs["process"]["stopped"]:
        why = "it does not run" if not theirs["process"]["running"] else "it is halted"
        return [Reason.of("partner-not-serving", name, partner=who, why=why)]
    if theirs["acting"]:
        return [Reason.of("partner-acting", name, partner=who)]
    waits = end is not None and end["serves"] is False and end["state"] in MUTE
    if end is None or not (end["serves"] is True or waits):
        why = (end["why_unknown"] if end else None) or "its state does not let it, or is unknown"
        return [Reason.of("partner-not-serving", name, partner=who, why=why)]
    if skew is not None and abs(skew) > CLOCK_MAX_SKEW:
        return [clocks_apart(me, who, skew, name)]
    return []
