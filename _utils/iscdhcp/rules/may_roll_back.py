"""Whether a server may get its old configuration back, and be restarted with it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace

from ..shapes import Evidence
from ..shapes import ServerFacts
from .may_stop import too_old
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .verdict import overridden


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
        blocks = not silent
        more = "" if blocks else f" ({me} neither)"
        old = too_old(name, seen, now)
        if old:
            found += [replace(one, text=one.text + more, blocks=blocks) for one in old]
        elif seen["serves"] is None:
            why = seen["why"] or f"the state of {name} there is unknown"
            why = f"whether {who} serves in {name} is unknown: {why}"
            found.append(Reason.of("partner-unknown", name, blocks, more, why=why, pair=name))
        elif not seen["serves"]:
            why = seen["why"] or "it says so"
            found.append(Reason.of("partner-not-serving", name, blocks, more, partner=who, why=why))
        elif seen["acting"]:
            found.append(Reason.of("partner-acting", name, blocks, more, partner=who))
    if not evidence:
        blocks = not silent
        why = f"nothing is known of the partners of {me}"
        found.append(Reason.of("partner-unknown", None, blocks, why=why, pair=me))
    reasons = overridden(found, frozenset(force))
    return Verdict("no" if any(one.blocks for one in reasons) else "yes", reasons)
