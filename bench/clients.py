"""
What each way of restarting a pair costs its clients.

Run it with ``make bench-clients`` (``RUNS=5`` for more runs); it writes
``build/bench/clients.json``. For each method, with ping-check off and on, a fresh pair is put under
load and both servers are restarted by ``salt-run dhcp_failover.restart method=...``. ``none``
restarts nothing: what it loses is the bench's own (with ping-check the OFFERs of the last second).
``both_at_once`` is the peer: both stopped and started together, as an unguarded highstate does.
perfdhcp never sends again, so a lost packet here is a client that has to ask once more.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.load import Load
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Watcher

RATE = 200
MCLT = 60
METHODS = ("none", "signal", "drain", "handover", "both_at_once")
#: A hand-over takes minutes with its waits: once is enough unless more is asked for.
ONCE = {"handover", "both_at_once"}


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS") or 3))
    runs = parser.parse_args().runs
    result: dict[str, Any] = {"methods": {}, "methods_ping_check": {}}
    with Lab(["dhcp-a", "dhcp-b"]) as lab, Salt(lab) as salt:
        salt.sync_all()
        for key, ping_check in (("methods", False), ("methods_ping_check", True)):
            for method in METHODS:
                times = 1 if method in ONCE and runs <= 3 else runs
                taken = [one_run(lab, salt, method, ping_check) for _ in range(times)]
                result[key][method] = summary(taken)
                print(key, method, json.dumps(result[key][method]), flush=True)
    result["conditions"] = {
        "rate": RATE,
        "mclt_s": MCLT,
        "addresses": 30000,
        "cores": os.cpu_count(),
        "clients": "perfdhcp as a relay, each client once, no retransmission, lost after 4 s",
        "hosts": "two systemd-nspawn hosts on this machine, Debian's init script",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    folder = CHECKOUT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clients.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def one_run(lab: Lab, salt: Salt, method: str, ping_check: bool) -> dict[str, float]:
    """Restart a fresh pair under load once; return what the clients saw."""
    pair = [Relationship("foo", "dhcp-a", "dhcp-b", mclt=MCLT, addresses=30000)]
    dhcp = Dhcp(lab.hosts, pair, lease_time=600, ping_check=ping_check)
    dhcp.install()
    load = Load(dhcp)
    with Watcher(dhcp) as watcher:
        load.start(RATE, tail=6.0 if ping_check else 1.0)
        pause(2.0)
        begun = time.monotonic()
        if method == "none":
            pause(4.0)
        elif method == "both_at_once":
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda name: careless(dhcp, name), lab.hosts))
            dhcp.wait_normal(120.0)
        else:
            done = salt.salt_run("dhcp_failover.restart", f"method={method}", "fresh=True")
            if done.returncode:
                raise SystemExit(f"{method} failed\n{done.stdout}\n{done.stderr}")
        seconds = time.monotonic() - begun
        pause(2.0)
        clients = load.stop()
        seen = watcher.stop()
    return {
        "sent": clients.discovers.sent,
        "lost_offers": clients.discovers.lost,
        "lost_acks": clients.requests.lost,
        "duplicates": clients.requests.duplicates,
        "seconds": round(seconds, 2),
        "unserved_seconds": round(sum(gap.seconds for gap in seen.unserved), 3),
    }


def careless(dhcp: Dhcp, name: str) -> None:
    """Restart one server as an unguarded highstate does."""
    dhcp.hosts[name].run(["systemctl", "restart", UNIT])


def pause(seconds: float) -> None:
    """Let the load run."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the pause is over", seconds + 5)


def summary(taken: list[dict[str, float]]) -> dict[str, Any]:
    """Return each figure's median, and all runs."""
    medians = {name: statistics.median([one[name] for one in taken]) for name in taken[0]}
    return {**medians, "runs": taken}


if __name__ == "__main__":
    sys.exit(main())
