"""
Many pairs by one command, under load: wall time beside one pair's and the minions' own work.

Run it with ``make bench-fleet`` (``PAIRS=8 SPOKES=4``); it writes ``build/bench/fleet.json``:

* ``one_pair_s``: wall time of ``salt-run dhcp_failover.restart`` of one pair, the median of three;
* ``all_s``: that of ``salt-run dhcp_failover.fleet_restart`` of all of them, a hub among them;
* ``cpu_floor_s``: what the minions' own processes used of the CPU meanwhile, by the CPUs there are:
  no order of the work is faster on this machine;
* ``ratio``: ``all_s`` by the larger of the two;
* ``runner_mb``: the most memory of the one process that restarts them all.

It fails if a relationship was ever without a server that serves, or a server restarted twice.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from typing import Any

from bench import figures
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import BIN
from lab.lab import Lab
from lab.load import Load
from lab.salt import MINION_UNIT
from lab.salt import Salt
from lab.watcher import Watcher

#: DHCP exchanges a second on the first pair; more would use up its addresses in minutes.
RATE = 20
TICKS = os.sysconf("SC_CLK_TCK")


def relationships(pairs: int, spokes: int) -> list[Relationship]:
    """Return pairs of their own, and a hub with so many spokes."""
    made = [Relationship(f"p{n}", f"a{n}", f"b{n}", addresses=8192) for n in range(1, pairs + 1)]
    made += [Relationship(f"h{n}", f"s{n}", "hub", addresses=8192) for n in range(1, spokes + 1)]
    return made


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--spokes", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=4)
    given = parser.parse_args()
    wanted = relationships(given.pairs, given.spokes)
    hosts = sorted({server for one in wanted for server in one.servers})
    with Lab(hosts) as lab:
        dhcp = Dhcp(lab.hosts, wanted)
        dhcp.install(180.0)
        print(f"{len(hosts)} hosts, {len(wanted)} relationships are normal.", flush=True)
        with Salt(lab) as salt:
            salt.sync_all()
            salt.salt_run("dhcp_failover.pairs", "refresh=True")
            one = [timed(salt, "dhcp_failover.restart", "p1") for _ in range(3)]
            dhcp.wait_normal()
            load = Load(dhcp)
            with Watcher(dhcp) as watcher:
                load.start(RATE)
                before = {host: cpu_seconds(lab, host) for host in hosts}
                seconds, code, answer, memory = fleet(salt, given.at_once)
                used = sum(cpu_seconds(lab, host) - before[host] for host in hosts)
                clients = load.stop()
                seen = watcher.stop()
    cpus = len(os.sched_getaffinity(0))
    restarts = Counter(restart.host for restart in seen.restarts)
    one_pair, floor = statistics.median(one), used / cpus
    result: dict[str, Any] = {
        "pairs": given.pairs,
        "spokes": given.spokes,
        "at_once": given.at_once,
        "one_pair_s": round(one_pair, 2),
        "cpu_floor_s": round(floor, 2),
        "all_s": round(seconds, 2),
        "ratio": round(seconds / max(one_pair, floor), 2),
        "one_after_the_other_s": round(one_pair * len(wanted), 2),
        "runner_mb": round(memory / 1024, 1),
        "exit_code": code,
        "always_served": seen.always_served,
        "restarted_once": sorted(restarts) == hosts and set(restarts.values()) == {1},
        "exchanges": {"sent": clients.sent, "lost": clients.lost, "twice": clients.duplicates},
        "conditions": {
            "cpus": cpus,
            "machine": platform.machine(),
            "python": platform.python_version(),
            "load": f"{RATE} exchanges a second on the first pair",
            "command": f"dhcp_failover.fleet_restart at_once={given.at_once}",
        },
    }
    figures.write("fleet", result)
    print(json.dumps(result, indent=1))
    good = code == 0 and result["always_served"] and result["restarted_once"]
    if not good:
        print(json.dumps(answer, indent=1), file=sys.stderr)
    return 0 if good else 1


def timed(salt: Salt, *command: str) -> float:
    """Return how many seconds a command takes that has to succeed."""
    begun = time.perf_counter()
    done = salt.salt_run(*command)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return time.perf_counter() - begun


def fleet(salt: Salt, at_once: int) -> tuple[float, int, Any, int]:
    """Restart all; return seconds, exit code, answer and the process's greatest memory (KiB)."""
    argv = ["salt-run", "--out=json", "dhcp_failover.fleet_restart", f"at_once={at_once}"]
    begun = time.perf_counter()
    with subprocess.Popen(
        [BIN / argv[0], *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **salt.environment},
    ) as process:
        out, _ = process.communicate(timeout=900)
    seconds = time.perf_counter() - begun
    try:
        answer = json.loads(out)
    except ValueError:
        answer = out
    return seconds, process.returncode, answer, greatest_memory()


def greatest_memory() -> int:
    """Return the greatest memory of a child of this process so far, KiB."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def cpu_seconds(lab: Lab, host: str) -> float:
    """Return the CPU time of a host's minion and of all that it has run so far."""
    main_pid = lab[host].run(["systemctl", "show", "-P", "MainPID", MINION_UNIT]).stdout.strip()
    found = 0.0
    for process in [int(main_pid), *_inside(lab, host, int(main_pid))]:
        text = lab[host].run(["cat", f"/proc/{process}/stat"], check=False).stdout
        fields = text.rpartition(")")[2].split()
        if len(fields) > 14:
            # utime, stime and those of children that have ended
            found += sum(map(int, fields[11:15])) / TICKS
    return found


def _inside(lab: Lab, host: str, parent: int) -> list[int]:
    """Return the children of a process, by the host's own numbers, and theirs."""
    argv = ["cat", f"/proc/{parent}/task/{parent}/children"]
    said = lab[host].run(argv, check=False).stdout
    children = [int(one) for one in said.split()]
    return [*children, *(below for one in children for below in _inside(lab, host, one))]


if __name__ == "__main__":
    sys.exit(main())
