"""
Explores for a long time: ``python tests/model/explore.py [SECONDS]``, an hour by default.

Writes ``build/explore.json``: schedules, states, violations (with their stories), mutants found.
Exit code 1 if anything was found with the real code, or a mutant was not.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

from mutants import MUTANTS
from scenarios import SCENARIOS
from search import Explored
from search import explore

RESULT = Path(__file__).resolve().parents[2] / "build" / "explore.json"


def main(seconds: float) -> int:
    """Explore, say what comes of it, and write it down."""
    logging.disable(logging.CRITICAL)
    found: dict[str, dict[str, object]] = {}
    for name, (mutant, scenarios) in MUTANTS.items():
        with mutant():
            explored = explore(min(120.0, seconds / 4), names=scenarios, stop_at_first=True)
        told = str(explored.found[0]) if explored.found else None
        found[name] = {"schedules": explored.schedules, "story": told}
        print(f"without its cure ({name}): {told or 'NOT FOUND'}\n", flush=True)
    whole, begun, seed = Explored(), time.monotonic(), int(time.time())
    while time.monotonic() - begun < seconds:
        # Another order each time: at random beyond two decisions.
        part = explore(min(600.0, seconds), seed=seed)
        seed += 1
        whole.schedules += part.schedules
        whole.states |= part.states
        whole.found += part.found
        whole.window = max(whole.window, part.window)
        print(f"{whole.schedules} schedules, {len(whole.states)} ends, {len(whole.found)} found")
    for one in whole.found:
        print(one)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    result = {
        "seconds": round(time.monotonic() - begun),
        "scenarios": list(SCENARIOS),
        "schedules": whole.schedules,
        "different_ends": len(whole.states),
        "longest_unnoticed_death_s": round(whole.window, 2),
        "violations": [str(one) for one in whole.found],
        "mutants": found,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    missed = [name for name, one in found.items() if one["story"] is None]
    return 1 if whole.found or missed else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0))
