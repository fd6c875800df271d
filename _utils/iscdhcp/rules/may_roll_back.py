"""Whether a server may get its old configuration back, and be restarted with it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from collections.abc import Mapping

from ..shapes import Evidence
from ..shapes import ServerFacts
from . import may_stop
from .evidence import EVIDENCE_MAX_AGE
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of


def ok_to_take_back(
    facts: ServerFacts,
    evidence: Mapping[str, Evidence] | None,
    force: Iterable[str] = (),
    now: float | None = None,
) -> Verdict:
    """
    Decide whether dhcpd may be stopped to bring its old configuration back.

    This server need not be normal: that is why it is done. Its partners have to serve meanwhile,
    unless it serves nobody itself.

    facts
        This server's facts.
    evidence
        What the master saw of its partners (:func:`iscdhcp.rules.evidence.evidence_of`), by the
        relationship as the old configuration has it.
    now
        This server's clock, epoch seconds.
    """
    now = time.time() if now is None else now
    me = name_of(facts)
    ends = facts["relationships"].values()
    silent = bool(ends) and all(end["serves"] is False for end in ends)
    found = []
    for name, seen in sorted((evidence or {}).items()):
        who = seen["minion"] or f"the partner in {name}"
        if abs(now - (seen["observed"] or 0.0)) > EVIDENCE_MAX_AGE:
            why = f"what the master saw of {who} is too old"
        elif not seen["serves"]:
            why = f"{who} does not serve {name}: {seen['why'] or 'its state is unknown'}"
        elif seen["acting"]:
            why = may_stop.being_acted_on(who)
        else:
            continue
        blocks = not silent and "partner" not in force
        found.append(Reason("partner", why if blocks else f"{why} ({me} neither)", blocks, name))
    if not evidence:
        blocks = not silent and "partner" not in force
        found.append(Reason("partner", f"nothing is known of the partners of {me}", blocks))
    return Verdict("no" if any(one.blocks for one in found) else "yes", tuple(found))
