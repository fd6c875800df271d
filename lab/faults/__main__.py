"""
Each fault at each step of a restart, a rollout, a reboot and a fleet's restart, from outside.

``make faults`` runs them all (``SHARD=2/8``, ``KIND=restart``, ``ONLY=words``); each case is added
to ``build/faults.json`` with the commit that it was made at. Judged are, by what a watch of the lab
sees: how long no client had an answer (20 new clients a second), that no lease of a client was
lost, how often each dhcpd was started; and then, where it has not ended well, the same command once
more: it has to end well.

Exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from lab.faults import strikes
from lab.faults.kept import FIGURES
from lab.faults.kept import Kept
from lab.faults.kept import commit
from lab.faults.kept import holds
from lab.faults.kept import read
from lab.faults.place import Place
from lab.faults.scene import KINDS
from lab.faults.scene import PAIRS


def main() -> int:
    """Run the cases of a shard; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--shard", default="1/1", help="which part of how many: 2/8")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", default="", help="words that a case's name has to have")
    parser.add_argument("--missing", action="store_true", help="only what has not held yet")
    parser.add_argument("--pairs", type=int, default=2, help="at how many cases are made at once")
    parser.add_argument("--list", action="store_true", help="print the cases, make none")
    given = parser.parse_args()
    part, parts = map(int, given.shard.split("/"))
    there: dict[str, dict[str, Any]] = read(FIGURES)["cases"] if given.missing else {}
    chosen = [
        one
        for one in strikes.cases(given.kind or KINDS)[part - 1 :: parts]
        if given.only.lower() in ", ".join(one).lower()
        and not holds(there.get("{}, {}: {}".format(*one), {"error": ""}))
    ]
    if given.list:
        print(*map(", ".join, chosen), sep="\n")
        return 0
    kept = Kept(FIGURES, commit())
    of_fleets = [one for one in chosen if one[0] == "fleet"]
    of_a_pair = [one for one in chosen if one[0] != "fleet"]
    if of_a_pair:
        with Place(PAIRS[: given.pairs], together=False) as place:
            place.make(of_a_pair, kept)
    if of_fleets:
        with Place(PAIRS[:2], together=True) as place:
            place.make(of_fleets, kept)
    return kept.told()


if __name__ == "__main__":
    sys.exit(main())
