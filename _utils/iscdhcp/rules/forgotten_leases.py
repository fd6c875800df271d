"""Whether new configurations would make servers forget leases that clients have."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping

from ..shapes import Forgotten
from .verdict import Reason
from .verdict import Verdict
from .verdict import overridden

#: Addresses that a sentence names.
NAMED = 5


def keeps_leases(counted: Mapping[str, Forgotten | None], force: Collection[str] = ()) -> Verdict:
    """
    Decide whether servers keep their clients' leases with their new configurations.

    counted
        What each server has counted in its own lease file against its new ranges, by minion id;
        ``None`` where nothing would be restarted.
    force
        The words that a person has said: ``leases`` makes a warning of leases that are forgotten,
        ``leases-unseen`` of those that could not be counted.
    """
    found = []
    for server, seen in sorted(counted.items()):
        if seen is None:
            continue
        if seen["unknown"] is not None:
            found.append(Reason.of("leases-uncounted", server=server, why=seen["unknown"]))
        elif seen["leases"]:
            number = seen["leases"]
            leases = "1 lease" if number == 1 else f"{number} leases"
            found.append(
                Reason.of(
                    "leases-forgotten",
                    server=server,
                    leases=leases,
                    addresses=_listed(seen),
                )
            )
    reasons = overridden(found, force)
    return Verdict("no" if any(one.blocks for one in reasons) else "yes", reasons)


def _listed(seen: Forgotten) -> str:
    named = seen["named"][:NAMED]
    more = seen["leases"] - len(named)
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
