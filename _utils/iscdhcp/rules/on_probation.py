"""Whether a server that runs with new files is still good, look by look, until it is trusted."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping

from ..shapes import EndFacts
from ..shapes import ServerFacts
from .verdict import Reason
from .verdict import Verdict
from .verdict import name_of
from .wording import states_at

NORMAL = ("normal", "normal")


def still_good(
    server: ServerFacts,
    partners: Mapping[str, ServerFacts | None],
    identity: str | None,
    asked: Iterable[Reason] = (),
) -> Verdict:
    """
    Decide whether a server on probation is as good as when it began.

    server
        Its facts, just seen.
    partners
        Facts of each relationship's partner, by relationship; ``None`` for one that gave no answer.
    identity
        The process with which the probation began.
    asked
        What somebody who asked the server as a client does has against it.

    Returns ``yes`` where the same process runs and every relationship is normal at both ends;
    ``wait`` where that can't be seen now; ``no`` where it was seen not to be so.
    """
    me, process = name_of(server), server["process"]
    bad: list[Reason] = list(asked)
    unseen: list[Reason] = []
    if not process["running"]:
        bad.append(Reason.of("down", server=me))
    elif process["identity"] != identity:
        bad.append(Reason.of("probation-process", server=me, pid=process["pid"]))
    elif process["stopped"]:
        bad.append(Reason.of("halted", server=me, pid=process["pid"]))
    if bad:
        return Verdict("no", tuple(bad))
    for name, mine in sorted(server["relationships"].items()):
        _look_at(me, name, mine, bad, unseen)
        if name not in partners:
            continue  # no minion is known there: what this server says of it is all there is
        theirs = partners[name]
        if theirs is None:
            why = f"the partner of {me} in {name} did not answer"
            unseen.append(Reason.of("partner-unknown", name, why=why))
            continue
        who = name_of(theirs)
        if not theirs["process"]["running"]:
            bad.append(Reason.of("down", name, more=", the partner", server=who))
        elif theirs["relationships"].get(name) is None:
            why = "there is no such relationship"
            bad.append(Reason.of("unknown", name, server=who, why=why))
        elif not bad:
            _look_at(who, name, theirs["relationships"][name], bad, unseen)
    if bad:
        return Verdict("no", tuple(bad))
    return Verdict("wait" if unseen else "yes", tuple(unseen))


def _look_at(who: str, name: str, end: EndFacts, bad: list[Reason], unseen: list[Reason]) -> None:
    """Judge one end: what is bad, and what can't be seen."""
    if end["refused"]:
        bad.append(Reason.of("refused", name, server=who, why=end["refused"]))
    elif end["state"] is None or end["partner_state"] is None:
        why = end["why_unknown"] or "it did not say"
        unseen.append(Reason.of("unknown", name, server=who, why=why))
    elif (end["state"], end["partner_state"]) != NORMAL:
        bad.append(Reason.of("relationship", name, states=states_at(who, end)))
