"""
A master with a thousand minions, all of them DHCP servers: what our commands cost there.

Run it with ``make bench-crowd`` (``PAIRS=500``); it writes ``build/bench/crowd.json``. One real
pair says what its servers answer; that many simulated ones (``lab/crowd.py``: fakes that speak
Salt's own protocol, for a thousand real minions can't be had on one machine) answer the same under
names and addresses of their own. Each command is a process of its own and is measured by its wall
time, its CPU time and memory, and the CPU time of the master and all its workers:

* ``ping``, ``ping_again``: Salt's own price for as many answers, ``salt '*' test.ping``;
* ``pairs_first``: ``dhcp_failover.pairs``, nothing known yet; ``pairs``: once more;
* ``status``: ``dhcp_failover.status`` of all pairs;
* ``fleet_plan``: ``dhcp_failover.fleet_plan`` of all pairs;
* ``pairs_dead_first``, ``status_dead_first``, ``pairs_dead``, ``status_dead``: the same when keys
  of minions that are not there (5 %) have been accepted, the first time and later.

``status_by_ping`` is the master's CPU time for ``status`` by that for ``ping``. The simulated
minions' own CPU time (``crowd_cpu_s``) is given beside each: it is spent on the same machine, and
is in the wall time.

It fails if a command does, or does not name all pairs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from ipaddress import ip_address
from typing import Any

from bench import figures
from lab.crowd import Crowd
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.isolation import BIN
from lab.lab import Lab
from lab.salt import Salt

TICKS = os.sysconf("SC_CLK_TCK")
#: What the commands ask. The nonce is the same for both: their digests have to be comparable.
ASKED = {
    "dhcpd.peers": (),
    "dhcpd.inspect": ("nonce=bench",),
    "test.ping": (),
}
#: Addresses of the simulated servers: none of the lab.
FIRST_ADDRESS = int(ip_address("10.96.0.1"))


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--pairs", type=int, default=500)
    given = parser.parse_args()
    servers = ["dhcp-a", "dhcp-b"]
    with Lab(servers) as lab:
        dhcp = Dhcp(lab.hosts, pair())
        dhcp.install(60.0)
        with Salt(lab, master={"worker_threads": 5}) as salt:
            salt.sync_all()
            real = answers_of(salt, servers)
            addresses = {server: str(lab[server].address) for server in servers}
            for server in servers:
                salt.stop_minion(server)
                (salt.accepted_keys / server).unlink()
            result = measure(salt, simulated(real, addresses, given.pairs), given.pairs)
    figures.write("crowd", result)
    print(json.dumps(result, indent=1))
    return 0 if not result["wrong"] else 1


def answers_of(salt: Salt, servers: list[str]) -> dict[str, dict[str, Any]]:
    """Return what real servers answer to the functions that are asked."""
    said: dict[str, dict[str, Any]] = {server: {} for server in servers}
    for function, arguments in ASKED.items():
        argv = ["--out=json", "--static", "-L", ",".join(servers), function, *arguments]
        done = salt.salt(*argv)
        assert done.returncode == 0, done.stdout + done.stderr
        for server, answer in json.loads(done.stdout).items():
            if function == "dhcpd.inspect":
                # Nobody looks at anything here: the clock is read as it is answered.
                answer.update(waited=0.0, after=0.0)
            said[server][function] = answer
    return said


def simulated(
    real: dict[str, dict[str, Any]], addresses: dict[str, str], pairs: int
) -> dict[str, dict[str, Any]]:
    """Return what each simulated server answers: the real one's, under names of its own."""
    answers = {}
    for number in range(pairs):
        names = {"dhcp-a": f"a{number:04}", "dhcp-b": f"b{number:04}"}
        renamed = {
            **names,
            **{
                addresses[server]: str(ip_address(FIRST_ADDRESS + 2 * number + at))
                for at, server in enumerate(sorted(names))
            },
            '"foo"': f'"p{number:04}"',
        }
        for server, name in names.items():
            text = json.dumps(real[server])
            for old, new in renamed.items():
                text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w.])", new, text)
            answers[name] = json.loads(text)
    return answers


def measure(salt: Salt, answers: dict[str, dict[str, Any]], pairs: int) -> dict[str, Any]:
    """Run the commands; return the figures."""
    dead = [f"dead{number:03}" for number in range(len(answers) // 20)]
    commands = {
        "ping": ("salt", "--static", "--out=json", "*", "test.ping"),
        "pairs_first": ("salt-run", "--out=json", "dhcp_failover.pairs"),
        "pairs": ("salt-run", "--out=json", "dhcp_failover.pairs"),
        "status": ("salt-run", "--out=json", "dhcp_failover.status"),
        "fleet_plan": ("salt-run", "--out=json", "dhcp_failover.fleet_plan"),
        "ping_again": ("salt", "--static", "--out=json", "*", "test.ping"),
        "pairs_dead_first": ("salt-run", "--out=json", "dhcp_failover.pairs"),
        "status_dead_first": ("salt-run", "--out=json", "dhcp_failover.status"),
        "pairs_dead": ("salt-run", "--out=json", "dhcp_failover.pairs"),
        "status_dead": ("salt-run", "--out=json", "dhcp_failover.status"),
    }
    measured, wrong = {}, []
    with Crowd(salt, answers) as crowd:
        for name, argv in commands.items():
            if name == "pairs_dead_first":
                for one in dead:
                    crowd.accept(one)
            figure, code, out = timed(salt, crowd, argv)
            measured[name] = figure
            print(f"{name}: {figure}", flush=True)
            found = named(name, out)
            if found != (len(answers) if argv[0] == "salt" else pairs):
                wrong.append(f"{name}: exit code {code}, {found} named: {out[-500:]}")
            elif code and "dead" not in name:
                wrong.append(f"{name}: exit code {code}")
        for one in dead:
            (salt.accepted_keys / one).unlink()
    ping = min(measured["ping"]["master_cpu_s"], measured["ping_again"]["master_cpu_s"])
    return {
        "minions": len(answers),
        "pairs": pairs,
        "dead_keys": len(dead),
        "commands": measured,
        "status_by_ping": round(measured["status"]["master_cpu_s"] / ping, 2),
        "dead_keys_cost_s": {
            "first": round(measured["pairs_dead_first"]["wall_s"] - measured["pairs"]["wall_s"], 2),
            "later": round(measured["status_dead"]["wall_s"] - measured["status"]["wall_s"], 2),
        },
        "wrong": wrong,
        "conditions": {
            "cpus": len(os.sched_getaffinity(0)),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "minions": "simulated, in one process on the same machine",
        },
    }


def timed(salt: Salt, crowd: Crowd, argv: tuple[str, ...]) -> tuple[dict[str, float], int, str]:
    """Run one command; return what it cost, its exit code and what it wrote."""
    master, crowds = tree_seconds(salt.master_pid), tree_seconds(crowd.pid)
    begun = time.perf_counter()
    with subprocess.Popen(
        [BIN / argv[0], *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **salt.environment},
    ) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    figure = {
        "wall_s": round(time.perf_counter() - begun, 2),
        "cpu_s": round(used.ru_utime + used.ru_stime, 2),
        "memory_mb": round(used.ru_maxrss / 1024, 1),
        "master_cpu_s": round(tree_seconds(salt.master_pid) - master, 2),
        "crowd_cpu_s": round(tree_seconds(crowd.pid) - crowds, 2),
    }
    return figure, process.returncode, out


def named(command: str, out: str) -> int:
    """Return how many minions or pairs an answer names."""
    try:
        answer = json.loads(out)
    except ValueError:
        return -1
    if command.startswith("ping"):
        return sum(1 for said in answer.values() if said is True)
    if command.startswith("pairs"):
        return len(answer.get("pairs", answer))
    if command == "fleet_plan":
        return len(answer["units"])
    return len(set(answer) - {"retcode", "problems"})


def tree_seconds(pid: int) -> float:
    """Return the CPU time of a process and all below it, those that have ended too, seconds."""
    found, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/stat", encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
            with open(f"/proc/{one}/task/{one}/children", encoding="utf-8") as file:
                waiting += [int(child) for child in file.read().split()]
        except OSError:
            continue
        found += sum(map(int, fields[11:15])) / TICKS
    return found


if __name__ == "__main__":
    sys.exit(main())
