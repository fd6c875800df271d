"""``docs/faults.md`` from ``build/faults.json``: ``make docs-faults``."""

from __future__ import annotations

import sys
from typing import Any

from lab.faults import strikes
from lab.faults.case import RATE
from lab.faults.kept import FIGURES
from lab.faults.kept import counts
from lab.faults.kept import read
from lab.faults.scene import KINDS
from lab.faults.scene import MOMENTS
from lab.isolation import CHECKOUT

PAGE = CHECKOUT / "docs" / "faults.md"
HEAD = """# Faults at every step

What was done to runs of a real pair to break them, and what clients saw. Each fault strikes at each
step of a restart and of a rollout, some at those of a reboot of both hosts and of a pair in a fleet
of two, while {rate} new clients a second ask each pair for an address (`make faults`, in parts by
`SHARD=1/16`; it adds to `build/faults.json`, each case with its command). Judged from outside, by
the lab's watch:

- the longest time in which no client had an answer, in seconds (in the cells below): {always:g} at
  most, on a busy machine; {alone:g} where the partner dies or is unreachable while the other is
  down or starting, for which dhcpd itself waits 15 s at its start (the cells with `*`);
- no lease of a client is lost: what the lease files have as active before is so afterwards in both;
- no dhcpd is started more often than the run, the fault and other persons account for;
- where the command has not ended well, the same command again (with `heal=True`, three times at
  most) has to end with both servers normal.

*Worker* is the server that the run is at, *partner* the other. `-` is not possible at that step; an
empty cell was not made.

{made} of {all} cases made, on {cores} cores: {held} held, {violations} did not{errors}. A case
stays until it is made anew; they were made at these commits: {commits}.

Clocks are those of dhcpd and of the minion (libfaketime); disks are file systems for the leases,
for the minion's cache and for the master's cache. Another master is a run with a cache, locks and
an identity of its own on the same event bus.

What did not hold when it was first made was mended, and made again. The product's own faults:

- a dhcpd that was killed in the middle of a write was started by no command;
- a maintenance whose master died while the second server was down could not be gone on with;
- `fleet_restart heal=True` after `fleet_restart` restarted every pair a second time;
- a lease file that was removed under a running dhcpd was not noticed before its restart;
- a preflight took an entry that was just being written for damage;
- a `systemctl restart` that crossed ours left two dhcpd on one lease file.
"""


def page(data: dict[str, Any]) -> str:
    """Return the page."""
    known = {f"{kind}, {moment}: {name}" for kind, moment, name in strikes.cases()}
    found = {key: one for key, one in data["cases"].items() if key in known}
    came = counts(found)
    commits = ", ".join(f"{commit} ({number})" for commit, number in came["commits"].items())
    text = HEAD.format(
        rate=RATE,
        always=strikes.ALWAYS,
        alone=strikes.ALONE,
        made=len(found) - came["errors"],
        all=len(known),
        held=came["held"],
        violations=came["violations"],
        errors=f", {came['errors']} could not be made" if came["errors"] else "",
        commits=commits or "none",
        cores=data.get("conditions", {}).get("cores", "?"),
    )
    for kind in KINDS:
        text += f"\n## {kind.capitalize()}\n\n| fault | {' | '.join(MOMENTS)} |\n"
        text += "|---" * (len(MOMENTS) + 1) + "|\n"
        for name in strikes.FAULTS:
            if strikes.moments(kind, name):
                cells = [cell(found, kind, moment, name) for moment in MOMENTS]
                text += f"| {name} | {' | '.join(cells)} |\n"
    bad = {key: one for key, one in found.items() if one.get("wrong")}
    if bad:
        text += "\n## What did not hold\n\n"
        text += "".join(f"- {key}: {'; '.join(one['wrong'])}\n" for key, one in bad.items())
    return text


def cell(cases: dict[str, dict[str, Any]], kind: str, moment: str, name: str) -> str:
    """Return what a case came to."""
    if moment not in strikes.moments(kind, name):
        return "-"
    found = cases.get(f"{kind}, {moment}: {name}")
    if found is None:
        return ""
    if "error" in found:
        return "error"
    if found["wrong"]:
        return "**no**"
    star = "*" if found["allowed_s"] > strikes.ALWAYS else ""
    return f"{found['longest_unserved_s']:.1f}{star}"


if __name__ == "__main__":
    PAGE.write_text(page(read(FIGURES)), encoding="utf-8")
    print(f"{PAGE} written", file=sys.stderr)
