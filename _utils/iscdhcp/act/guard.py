"""
The guard of an act on dhcpd: what has to be seen of this server in the very call that acts.

Each look that says no is an answer that refuses (``refused``), and nothing has been touched.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping

from ..answers import Answer
from ..errors import CalledOff
from ..facts import gather
from ..facts.server import Server
from ..rules import may_roll_back
from ..rules import may_stop
from ..rules.verdict import Reason
from ..rules.verdict import Verdict
from ..rules.verdict import overridden
from ..shapes import Evidence
from . import claims
from .here import LOOK_SECONDS
from .here import Here
from .here import refused

#: Seconds that the release of a claim may be on its way from a run that has ended.
RELEASE_SECONDS = 2.0
#: What was not done where the guard refuses, and what a person's act is called on the event bus.
DONE = {
    "restart": "restarted",
    "stop": "stopped",
    "shutdown": "stopped",
    "roll_back": "rolled back",
}


def claimed_by_another(here: Here, run: str | None, codes: Collection[str] = ()) -> Answer | None:
    """Return the refusal where another run has claimed this server; ``codes`` are forced."""
    claim = here.notes.claims.current
    if claim and claim["run"] != run and "claim" not in codes:
        reason = claims.reason_of(here.id, claim)
        return refused(here, reason.text, [reason])
    return None


def await_release(here: Here, run: str | None) -> None:
    """
    Wait a moment for the end of another run's claim, before an act is begun.

    A run that has just ended has ordered the release of its claims, and not waited for it.
    """
    clock = here.host.clock
    deadline = clock.monotonic() + RELEASE_SECONDS
    while clock.monotonic() < deadline:
        claim = here.notes.claims.current
        if not claim or claim["run"] == run:
            return
        clock.sleep(LOOK_SECONDS)


def other_process(here: Here, identity: str | None) -> Answer | None:
    """Return the refusal where dhcpd is not the process that is meant; before the guard's look."""
    running = here.server().process if identity is not None else None
    if running is None or running.identity == identity:
        return None
    reason = Reason.of("other-process", server=here.id, pid=running.pid)
    return refused(here, f"Nothing done: {reason.text}.", [reason])


def verdict(
    here: Here,
    evidence: Mapping[str, Evidence] | None,
    force: Collection[str],
    run: str | None,
    method: str = "signal",
    act: str = "restart",
) -> Verdict:
    """
    Return whether dhcpd may be stopped now; ``run``'s own claim does not count.

    act
        What is wanted, for the sentence that says who may do it instead.
    """
    facts = here.facts(brief=False)
    claim = facts["claim"]
    if claim and claim["run"] != run:
        facts["foreign_claim"] = claim
    return may_stop.ok_to_stop(facts, evidence, force, here.host.clock.time(), method, act)


def guard(
    here: Here,
    evidence: Mapping[str, Evidence] | None,
    codes: Collection[str],
    run: str | None,
    act: str,
    method: str,
) -> tuple[Server, Answer | None]:
    """Return this server's readings, and the refusal if the guard has one."""
    me, done = here.id, DONE[act]
    if evidence is None:
        # Told before the look: nothing should come between it and the act.
        here.tell("dhcp_failover/server/acting", {"server": me, "what": done, "pid": os.getpid()})
    told = verdict(here, evidence, codes, run, method, act)
    server = here.server()
    if not told.ok or server.process is None:
        text = f"dhcpd on {me} was not {done}: {told.sentence or 'dhcpd is not running'}"
        return server, refused(here, text, told.reasons)
    return server, None


def not_taken_back(
    here: Here, evidence: Mapping[str, Evidence] | None, codes: Collection[str]
) -> Answer | None:
    """Return the refusal where a server that may not be normal had better not be rolled back."""
    told = may_roll_back.ok_to_take_back(
        here.facts(brief=True), evidence, codes, here.host.clock.time()
    )
    if told.ok:
        return None
    return refused(here, f"{here.id} was not rolled back: {told.sentence}", told.reasons)


def check_still_fresh(
    here: Here, evidence: Mapping[str, Evidence] | None, codes: Collection[str]
) -> None:
    """
    Raise :class:`CalledOff` where what the master saw of the partners has become too old.

    Between verdict and act a host may be suspended, and the lease file's end be waited for.
    """
    if evidence is None:
        return
    now = here.host.clock.time()
    for name, seen in sorted(evidence.items()):
        for reason in overridden(may_stop.too_old(name, seen, now), codes):
            if reason.blocks:
                raise CalledOff(reason.text, reason.code)


def last_looks(
    server: Server, codes: Collection[str]
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return the guard's last looks before the signal, by OMAPI and by the kernel's tables."""
    relationships = server.configuration.relationships if server.configuration else ()

    def by_omapi() -> None:
        _, states = gather.omapi_facts(server)
        for name, state in states.items():
            if (state["state"], state["partner_state"]) != ("normal", "normal"):
                raise CalledOff(
                    f"{name} is not normal any more: {state['state']} here, "
                    f"{state['partner_state']} at the partner"
                )

    def by_kernel() -> None:
        for one in relationships:
            if gather.connected(one, server.host) is False:
                raise CalledOff(f"the failover connection of {one.name} has just gone")

    def nothing() -> None:
        pass

    return (
        nothing if "relationship" in codes else by_omapi,
        nothing if {"relationship", "connection"} & set(codes) else by_kernel,
    )
