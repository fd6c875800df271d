"""
A pair restarted by other people's means, and what becomes of its clients.

``make bench-peers`` writes ``build/bench/peers.json``: the same pair, load and limits for each peer
(``bench/peers/commands.py``) in each scenario (``bench/peers/scenarios.py``). On a healthy pair
``ROUNDS`` times, in turn; each of the others once. ``--peer``, ``--scenario``: some of them; what
the file has of the same commit besides stays in it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import traceback
from typing import Any

from bench import figures
from bench.peers.commands import PEERS_BY_NAME
from bench.peers.judge import RATE
from bench.peers.judge import judge
from bench.peers.scenarios import SCENARIOS
from bench.peers.stage import ADDRESSES
from bench.peers.stage import FIRST
from bench.peers.stage import MCLT
from bench.peers.stage import SECOND
from bench.peers.stage import Stage
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.salt import Salt


def main() -> int:
    """Run what was asked for; return 1 where a case could not be made."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of a healthy pair")
    parser.add_argument("--peer", choices=PEERS_BY_NAME, action="append")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append")
    given = parser.parse_args()
    kept = Kept()
    errors = 0
    with Lab([FIRST, SECOND]) as lab, Salt(lab) as salt:
        stage = Stage(lab, salt)
        stage.set_up()
        for scenario, peer in cases(
            given.scenario or list(SCENARIOS), given.peer or list(PEERS_BY_NAME), given.rounds
        ):
            begun = time.monotonic()
            try:
                found = judge(stage, PEERS_BY_NAME[peer], SCENARIOS[scenario])
            except Exception:  # that is no verdict on the peer
                traceback.print_exc()
                errors += 1
                continue
            found["case_s"] = round(time.monotonic() - begun, 1)
            kept.add(scenario, peer, found)
    return 1 if errors else 0


def cases(scenarios: list[str], peers: list[str], rounds: int) -> list[tuple[str, str]]:
    """Return all cases, scenario and peer; of a healthy pair the peers in turn."""
    return [
        (scenario, peer)
        for scenario in scenarios
        for _ in range(rounds if scenario == "healthy" else 1)
        for peer in peers
        if scenario == "healthy" or peer != "floor"
    ]


class Kept:
    """``build/bench/peers.json``: the cases of this commit."""

    def __init__(self) -> None:
        self._data: dict[str, Any] = {"cases": {}, "conditions": conditions()}
        path = figures.FOLDER / "peers.json"
        if path.exists():
            there = json.loads(path.read_text("utf-8"))
            if there["conditions"]["commit"] == self._data["conditions"]["commit"]:
                self._data["cases"] = there["cases"]
        self._fresh: set[tuple[str, str]] = set()

    def add(self, scenario: str, peer: str, found: dict[str, Any]) -> None:
        """Add a case and write the file."""
        runs = self._data["cases"].setdefault(scenario, {}).setdefault(peer, [])
        if (scenario, peer) not in self._fresh:
            runs.clear()
            self._fresh.add((scenario, peer))
        runs.append(found)
        figures.write("peers", self._data)
        shown = {key: value for key, value in found.items() if key not in ("said", "seen")}
        print(scenario, peer, json.dumps(shown), flush=True)


def conditions() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "commit": said("git", "-C", str(CHECKOUT), "rev-parse", "--short", "HEAD"),
        "clients_per_second": RATE,
        "mclt_s": MCLT,
        "addresses": ADDRESSES,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "ansible": said("dpkg-query", "-W", "-f", "${Version}", "ansible-core"),
        "salt": said(sys.executable, "-c", "import salt.version as v; print(v.__version__)"),
        "clients": "a new one each time, which asks again after 4, 8, 16, 32 s (RFC 2131); lost: "
        "messages without an answer when they were first sent; late: served after more than 4 s",
        "hosts": "two systemd-nspawn hosts on this machine, Debian's init script of "
        "isc-dhcp-server, which waits 2 s in its start",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def said(*argv: str) -> str:
    """Return what a command prints."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
