"""
A person stops, restarts or shuts down all servers by one command: is there ever nobody left?

Run it with ``make races`` (``ROUNDS=100``: more rounds of each act; ``BUSY=4``: as many loops that
keep the processors busy beside it); it writes ``build/races.json``. Both servers of a pair are
normal, then ``salt '*' dhcpd.stop`` (``restart``, ``shutdown``) reaches both at the same moment.
The lab's watcher judges from outside; what was stopped is started again between the rounds. The
exit code is 1 if in any round both servers were down, or none of them served.

By act: ``rounds``; ``both_down`` (in so many of them), ``both_down_s`` (the longest time); and what
the servers answered, in all rounds together: ``done``, ``refused``, ``failed`` (it tried, and says
so), ``silent``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.salt import Salt
from lab.watcher import Report
from lab.watcher import Watcher

ACTS = ("stop", "restart", "shutdown")
ROUNDS = 30
RESULT = CHECKOUT / "build" / "races.json"


def main() -> int:
    """Run the rounds; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS") or ROUNDS))
    parser.add_argument("--busy", type=int, default=int(os.environ.get("BUSY") or 0))
    parser.add_argument("--acts", nargs="+", default=list(ACTS), choices=ACTS)
    options = parser.parse_args()
    begun = time.monotonic()
    result: dict[str, Any] = {}
    with Lab(["dhcp-a", "dhcp-b"]) as lab, Salt(lab) as salt:
        salt.sync_all()
        dhcp = Dhcp(lab.hosts, pair())
        dhcp.install()
        with busy_loops(options.busy):
            for act in options.acts:
                result[act] = rounds(salt, dhcp, act, options.rounds)
                print(act, json.dumps(result[act]), flush=True)
    result["conditions"] = conditions(options.busy, time.monotonic() - begun)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 1 if any(result[act]["both_down"] for act in options.acts) else 0


def rounds(salt: Salt, dhcp: Dhcp, act: str, count: int) -> dict[str, Any]:
    """Have all servers do ``act`` again and again; return what became of it."""
    answered: Counter[str] = Counter(done=0, refused=0, failed=0, silent=0)
    both_down, longest = 0, 0.0
    for number in range(1, count + 1):
        both_normal(salt, dhcp)
        with Watcher(dhcp) as watcher:
            said = salt.salt("--out=json", "--static", "*", f"dhcpd.{act}", timeout=180.0)
            report = watcher.stop()
        outcome = answers(dhcp, said.stdout)
        answered.update(outcome.values())
        gap = longest_gap(report)
        longest = max(longest, gap)
        both_down += gap > 0
        verdict = f"  NOBODY FOR {gap:.3f} s" if gap else ""
        print(f"{act} {number} of {count}: {outcome}{verdict}", flush=True)
        if gap:
            print(report, flush=True)
    return {
        "rounds": count,
        "both_down": both_down,
        "both_down_s": round(longest, 3),
        **answered,
    }


def longest_gap(report: Report) -> float:
    """Return the longest time in which no server served, or none had a process, in seconds."""
    gaps = [*report.unserved, *report.down_together]
    # One that begins and ends between two samples is one all the same.
    return max((max(gap.seconds, 0.001) for gap in gaps), default=0.0)


def answers(dhcp: Dhcp, text: str) -> dict[str, str]:
    """Return what each server made of the order."""
    try:
        said = json.loads(text)
    except ValueError:
        said = {}
    found = {}
    for name in dhcp.hosts:
        answer = said.get(name)
        if isinstance(answer, dict) and "result" in answer:
            kind = "done" if answer["result"] else "refused" if answer.get("refused") else "failed"
        else:
            # An exception's text is a refusal too: nothing was begun.
            kind = "refused" if answer else "silent"
        found[name] = kind
    return found


def both_normal(salt: Salt, dhcp: Dhcp) -> None:
    """Start what is stopped, and wait until the pair is normal; a last way is to begin again."""
    for name in dhcp.hosts:
        if not dhcp.processes(name):
            salt.salt("--out=json", name, "dhcpd.start")
    try:
        dhcp.wait_normal(60.0)
    except LabError as err:
        print(f"Both are installed again: {err}", flush=True)
        dhcp.install()


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep as many processors busy for the length of a block."""
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def conditions(busy: int, seconds: float) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "busy_loops": busy,
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pair": "two systemd-nspawn hosts on this machine, OMAPI on, no clients",
        "watcher": "50 samples a second of each server, from outside",
        "took_s": round(seconds),
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
