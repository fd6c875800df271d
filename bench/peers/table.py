"""
The table in README.md and ``docs/peers.md``, from ``build/bench/peers.json``: ``make peers-table``.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

from bench import figures
from bench.peers.commands import PEERS_BY_NAME
from bench.peers.scenarios import SCENARIOS
from bench.peers.stage import FIRST
from bench.peers.stage import SECOND
from lab.errors import LabError
from lab.isolation import CHECKOUT

README = CHECKOUT / "README.md"
PAGE = CHECKOUT / "docs" / "peers.md"
BEGIN, END = "<!-- peers: make peers-table -->", "<!-- /peers -->"
NAMES = [name for name in PEERS_BY_NAME if name != "floor"]
FAULTS = [name for name in SCENARIOS if name != "healthy"]

Cases = dict[str, dict[str, list[dict[str, Any]]]]


def readme_table(cases: Cases) -> str:
    """Return the short table: a healthy pair by medians, and how long nobody served in each."""
    head = ["", "time", "over the floor", "lost, late, twice"]
    head += [SCENARIOS[name].short for name in SCENARIOS]
    rows = [head, ["---"] * len(head)]
    for name in NAMES:
        runs = cases["healthy"][name]
        over = median(runs, "wall_s") - median(cases["healthy"]["floor"], "wall_s")
        waits = PEERS_BY_NAME[name].waits_s
        row = [PEERS_BY_NAME[name].title, f"{median(runs, 'wall_s'):.1f} s"]
        row += [f"{over:.1f} s" + (f" ({waits:g} s chosen)" if waits else "")]
        row += [", ".join(f"{median(runs, key):g}" for key in ("lost", "late", "duplicates"))]
        row += [f"{median(runs, 'longest_unserved_s'):.1f} s"]
        row += [fault_cell(cases, scenario, name) for scenario in FAULTS]
        rows.append(row)
    return lines(rows)


def fault_cell(cases: Cases, scenario: str, peer: str) -> str:
    """Return how long nobody served, and what was done to the pair."""
    runs = cases.get(scenario, {}).get(peer)
    if not runs:
        return "not run"
    return f"{runs[-1]['longest_unserved_s']:.1f} s, {outcome(runs[-1])}"


def outcome(case: dict[str, Any]) -> str:
    """Return what a peer did, and whether it takes a pair that is not whole for a success."""
    if not case["restarted"]:
        return "not begun"
    if is_normal(case):
        return "whole again"
    words = "one restarted" if len(case["restarted"]) == 1 else "both restarted"
    return words if case["exit_code"] else f"{words}, exit code 0"


def is_normal(case: dict[str, Any]) -> bool:
    """Whether the pair was normal at both ends afterwards."""
    return all(tuple(both) == ("normal", "normal") for both in case["after"].values())


def page_tables(cases: Cases) -> str:
    """Return everything that was measured, a table for each scenario."""
    text = ""
    for scenario in SCENARIOS:
        head = ["", "time", "exit code", "restarted", "clients", "lost", "late", "never", "twice"]
        head += ["nobody serves", f"{FIRST} afterwards", f"{SECOND} afterwards"]
        rows = [head, ["---"] * len(head)]
        for peer in PEERS_BY_NAME:
            for case in cases.get(scenario, {}).get(peer, []):
                rows.append(page_row(peer, case))
        text += f"\n## {SCENARIOS[scenario].title}\n\n{lines(rows)}\n"
    return text


def page_row(peer: str, case: dict[str, Any]) -> list[str]:
    """Return one case."""
    code = "killed" if case["exit_code"] is None else str(case["exit_code"])
    row = [PEERS_BY_NAME[peer].title, f"{case['wall_s']:.1f} s", code]
    row += [", ".join(case["restarted"]) or "-"]
    row += [str(case[key]) for key in ("clients", "lost", "late", "never", "duplicates")]
    row += [f"{case['longest_unserved_s']:.2f} s"]
    for name in (FIRST, SECOND):
        state = case["after"][name][0]
        row.append(state + (", new file" if name in case["new_file_on"] else ""))
    return row


def median(runs: list[dict[str, Any]], key: str) -> float:
    """Return a figure's median."""
    return statistics.median(one[key] for one in runs)


def lines(rows: list[list[str]]) -> str:
    """Return rows as a table of Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def put(text: str, new: str, name: str) -> str:
    """Return a document with what is between its markers replaced.

    :raises LabError: when the markers are not there.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise LabError(f"{name} has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def main() -> int:
    """Write both tables."""
    path = figures.FOLDER / "peers.json"
    if not path.exists():
        raise LabError("nothing was run: make bench-peers")
    data = json.loads(path.read_text("utf-8"))
    cases, conditions = data["cases"], data["conditions"]
    floor = median(cases["healthy"]["floor"], "wall_s")
    rounds = len(cases["healthy"]["ours"])
    note = (
        f"Healthy: medians of {rounds} rounds; the servers' floor is {floor:.1f} s. The others: "
        f"once each. {conditions['clients_per_second']} new clients a second; ansible-core "
        f"{conditions['ansible']}, Salt {conditions['salt']}; {conditions['cores']} cores, "
        f"{conditions['when'][:10]}."
    )
    for file, new in (
        (README, f"{readme_table(cases)}\n\n{note}"),
        (PAGE, f"{note}\n{page_tables(cases)}".rstrip()),
    ):
        text = put(file.read_text("utf-8"), new, file.name)
        file.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as err:
        sys.exit(str(err))
