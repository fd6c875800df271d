"""
Is the restart of a server complete, and until when may it take? Pure functions from facts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace

from .. import measured
from ..shapes import EndFacts
from ..shapes import ProcessFacts
from ..shapes import ServerFacts
from ..states import FailoverState
from .forecast import mclt_of
from .may_stop import lease_file_problem
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .wording import recover_wait_until
from .wording import states_at

#: Seconds that an IMBALANCED pool, or one without a line in the log, is waited for.
BALANCE_PATIENCE = 20.0
#: A server alone answers nobody in startup for this long (server/failover.c:1931).
STARTUP_SECONDS = 15.0
#: Both ends dial again this long after a disconnect (server/failover.c:361).
RECONNECT_SECONDS = 5.0

#: Who says it, all that it says, and what it says of the relationship in question.
_End = tuple[str, ServerFacts, EndFacts | None]


def restart_complete(
    server: ServerFacts,
    partners: Mapping[str, ServerFacts | None],
    expected: str | None = None,
    now: float | None = None,
) -> Verdict:
    """
    Decide whether the restart of a server is complete, so that its partner may be touched.

    server
        Facts of the restarted server.
    partners
        Facts of each relationship's partner, by relationship; ``None`` for one that gave no
        answer. A relationship that is missing has a partner that no minion is known of.
    expected
        Identity of the process that was started; another one means that somebody else
        restarted it meanwhile.
    now
        The server's clock, epoch seconds.

    Returns ``yes`` once every relationship is normal at both ends, no update is unacknowledged,
    the pools are balanced and the lease file is whole; ``wait`` while dhcpd works on it; ``no``
    where waiting will not help.
    """
    now = time.time() if now is None else now
    me = name_of(server)
    found: list[Reason] = []
    fatal: list[Reason] = []
    until: float | None = None

    process = server["process"]
    if not process["running"]:
        return Verdict("no", (Reason.of("down", server=me),))
    if expected and process["identity"] != expected:
        found.append(Reason.of("other-process", blocks=False, server=me, pid=process["pid"]))
    if process["stopped"]:
        found.append(Reason.of("halted", server=me, pid=process["pid"]))

    if process["several"]:
        # For a moment that is one that is becoming a daemon.
        found.append(_several(me, process))

    for name, mine in sorted(server["relationships"].items()):
        ends: list[_End] = [] if process["several"] else [(me, server, mine)]
        theirs = partners.get(name)
        if name not in partners:
            why = f"no minion of the partner of {me} in {name} is known: only {me} was looked at"
            found.append(Reason.of("partner-unknown", name, False, why=why))
        elif theirs is None:
            why = f"the partner of {me} in {name} did not answer"
            found.append(Reason.of("partner-unknown", name, why=why))
        else:
            who = name_of(theirs)
            if not theirs["process"]["running"]:
                # What else its end says is what follows from that.
                fatal.append(Reason.of("down", name, more=", the partner", server=who))
                continue
            if theirs["process"]["stopped"]:
                pid = theirs["process"]["pid"]
                found.append(Reason.of("halted", name, server=who, pid=pid))
                continue
            if theirs["process"]["several"]:
                # What is seen of its end is one of theirs, and nobody knows which counts.
                found.append(_several(who, theirs["process"], name))
                continue
            ends.append((who, theirs, theirs["relationships"].get(name)))
        waits, dead, ends_at = _relationship(name, ends, now)
        found += waits
        fatal += dead
        until = max(filter(None, (until, ends_at)), default=None)

    if server["lease_file"]["problem"]:
        # dhcpd appends without pause: one look may fall into a write, so it is a wait.
        found.append(lease_file_problem(me, server["lease_file"]))

    reasons = tuple(fatal + found)
    if fatal:
        return Verdict("no", reasons, until)
    return Verdict("wait" if any(r.blocks for r in found) else "yes", reasons, until)


def _several(who: str, process: ProcessFacts, relationship: str | None = None) -> Reason:
    pids = ", ".join(map(str, process["several"] or ()))
    return Reason.of("several", relationship, server=who, pids=pids)


def _relationship(
    name: str, ends: Iterable[_End], now: float
) -> tuple[list[Reason], list[Reason], float | None]:
    """Judge both ends of a relationship: what is waited for, what is hopeless, until when."""
    found: list[Reason] = []
    fatal: list[Reason] = []
    until: float | None = None
    for who, facts, end in ends:
        if end is None:
            why = "there is no such relationship"
            found.append(Reason.of("unknown", name, server=who, why=why))
            continue
        told = any(one.code == "relationship" for one in found)
        waits, dead, ends_at = _end_is_normal(who, name, end, told)
        found += waits
        fatal += dead
        until = max(filter(None, (until, ends_at)), default=None)
        if not waits and not dead:
            found += _balance(who, name, end, facts["time"] or now)
    return found, fatal, until


def _end_is_normal(
    who: str, name: str, end: EndFacts, told: bool = False
) -> tuple[list[Reason], list[Reason], float | None]:
    """
    Judge one end of a relationship: what is waited for, what is hopeless, until when.

    ``told``: that it is not normal has been said of the other end.
    """
    state, partner = end["state"], end["partner_state"]
    if state is None or partner is None:
        why = end["why_unknown"] or "it did not say"
        return [Reason.of("unknown", name, server=who, why=why)], [], None
    if end["refused"]:
        # dhcpd tries again every 5 s forever: nothing but a person ends this.
        return [], [Reason.of("refused", name, server=who, why=end["refused"])], None
    if FailoverState.parse(state).sticky:
        meaning = FailoverState.parse(state).meaning
        return [], [Reason.of("sticky", name, server=who, state=state, meaning=meaning)], None
    if (state, partner) != ("normal", "normal"):
        reason = Reason.of("relationship", name, states=states_at(who, end))
        if told:
            reason = replace(reason, text=states_at(who, end))
        return [reason], [], recover_wait_until(end)
    waits = []
    if end["source"] != "omapi" and end["connected"] is False:
        # A log that lost lines may still read normal.
        address, port = end["peer_address"], end["peer_port"]
        waits.append(Reason.of("connection", name, server=who, address=address, port=port))
    unacked, bound = end["unacked"] or 0, end["unacked_bound"] or 0
    if unacked > bound:
        waits.append(Reason.of("unacked", name, True, server=who, unacked=unacked))
    return waits, [], None


def _balance(who: str, name: str, end: EndFacts, now: float) -> list[Reason]:
    """Judge the pools of one end that is normal; ``now`` is that end's own clock."""
    balance = end["balance"]
    balanced = balance["balanced"]
    if balanced:
        return []
    if balanced is None and balance["unreadable"]:
        why = f"whether the pools of {name} are balanced can't be read: {balance['unreadable']}"
        return [Reason.of("balance-unknown", name, False, server=who, why=why)]
    patience_over = now - (end["normal_since"] or 0.0) > BALANCE_PATIENCE
    if balanced is None:
        why = f"the log has not mentioned the pools of {name} since it became normal"
        return [Reason.of("balance-unknown", name, not patience_over, server=who, why=why)]
    pools = ", ".join(sorted(balance["imbalanced"])) or "a pool"
    return [Reason.of("imbalanced", name, not patience_over, server=who, pools=pools)]


def normal_deadline(server: ServerFacts, lease_bytes: int = 0) -> float:
    """
    Return for how many seconds a restarted server may reasonably take to be normal again.

    It is computed from what dhcpd would have to wait for: its startup (15 s) and two reconnects,
    the partner's ``max-response-delay``, the full update of all leases, and, when a relationship
    is in recover, the rest of its MCLT.

    server
        The server's facts, now.
    lease_bytes
        Size of its lease file, in bytes.
    """
    update = measured.update_seconds(measured.addresses_in(lease_bytes))
    now = server["time"] or time.time()
    response, mclt_left = 0.0, 0.0
    for end in server["relationships"].values():
        response = max(response, float(end["max_response_delay"] or 20))
        if (end["state"] or "").startswith("recover"):
            mclt = mclt_of(end)
            since = end["since"] or now
            mclt_left = max(mclt_left, min(mclt, since + mclt - now))
    base = STARTUP_SECONDS + 2 * RECONNECT_SECONDS + BALANCE_PATIENCE
    return base + response + 4 * update + max(0.0, mclt_left)
