"""``docs/faults.md`` from ``build/faults.json``: ``make docs-faults``."""

from __future__ import annotations

import json
import sys
from typing import Any

from lab.faults import strikes
from lab.faults.__main__ import FIGURES
from lab.faults.__main__ import KINDS
from lab.faults.scene import MOMENTS
from lab.isolation import CHECKOUT

PAGE = CHECKOUT / "docs" / "faults.md"
HEAD = """# Faults at every step

What was done to runs of a real pair to break them, and what clients saw. Each fault strikes at each
step of a restart and of a rollout, while {rate} new clients a second ask for an address (`make
faults`, in parts by `SHARD=1/8`; it writes `build/faults.json`). Judged from outside, by the lab's
watch:

- the longest time in which no client had an answer, in seconds (in the cells below): {always:g} at
  most, on a busy machine; {alone:g} where the partner dies while the other is down or starting, for
  which dhcpd itself waits 15 s at its start (the cells with `*`);
- no lease of a client is lost: what both lease files have as active before is so afterwards;
- no dhcpd is started more often than the run and the fault account for;
- then the same command again (with `heal=True`) has to end with both servers normal.

*Worker* is the server that the run is at, *partner* the other. `-` is not possible at that step; an
empty cell was not made.

{made} of {all} cases made: {held} held, {violations} did not{errors}. Commit {commit}, {cores}
cores.
"""


def page(data: dict[str, Any]) -> str:
    """Return the page."""
    made = [one for one in data["cases"].values() if "error" not in one]
    errors = f", {data['errors']} could not be made" if data.get("errors") else ""
    text = HEAD.format(
        rate=data["conditions"]["clients_per_second"],
        always=strikes.ALWAYS,
        alone=strikes.ALONE,
        made=len(made),
        all=len(strikes.cases(KINDS, MOMENTS)),
        held=data["held"],
        violations=data["violations"],
        errors=errors,
        commit=data["commit"],
        cores=data["conditions"]["cores"],
    )
    for kind in KINDS:
        text += f"\n## {kind.capitalize()}\n\n| fault | {' | '.join(MOMENTS)} |\n"
        text += "|---" * (len(MOMENTS) + 1) + "|\n"
        for name in strikes.FAULTS:
            cells = [cell(data, kind, moment, name) for moment in MOMENTS]
            text += f"| {name} | {' | '.join(cells)} |\n"
    bad = {key: one for key, one in data["cases"].items() if one.get("wrong")}
    if bad:
        text += "\n## What did not hold\n\n"
        text += "".join(f"- {key}: {'; '.join(one['wrong'])}\n" for key, one in bad.items())
    return text


def cell(data: dict[str, Any], kind: str, moment: str, name: str) -> str:
    """Return what a case came to."""
    at = strikes.FAULTS[name].at
    if at is not None and moment not in at:
        return "-"
    found = data["cases"].get(f"{kind}, {moment}: {name}")
    if found is None:
        return ""
    if "error" in found:
        return "error"
    if found["wrong"]:
        return "**no**"
    star = "*" if found["allowed_s"] > strikes.ALWAYS else ""
    return f"{found['longest_unserved_s']:.1f}{star}"


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(FIGURES.read_text("utf-8"))), encoding="utf-8")
    print(f"{PAGE} written", file=sys.stderr)
