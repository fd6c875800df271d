"""
What each way of restarting a pair costs its clients.

Run it with ``make bench-clients`` (``RUNS=5``: more runs of each); it writes
``build/bench/clients.json``. For each method, with ping-check off and on, a fresh pair is put under
load and both servers are restarted by ``salt-run dhcp_failover.restart method=...``. ``none``
restarts nothing: what it loses is the bench's own; ``signal_unasked`` is by signal, without the
questions to the partners: what those cost. ``both_at_once`` is the peer: both stopped and
started together, as an unguarded highstate does.

Two loads at the same time. perfdhcp never sends again, so a lost packet of it is a client that has
to ask once more. Beside it are clients that send again as RFC 2131 says (:mod:`lab.clients`):
``late`` were served after more than 4 s, ``never`` not at all.

perfdhcp counts what is under way as lost when it is interrupted; with ping-check that is a whole
second of OFFERs. So it is given a time, and waits for the last answers after it; a run whose
restart outlasts the load counts for nothing and is made again with more time.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from iscdhcp.rules.methods import METHODS

from bench import figures
from bench.restart import ask
from lab.clients import Clients
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.lab import Lab
from lab.load import Load
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Watcher

RATE = 200
#: New clients per second that send again, beside perfdhcp's.
PATIENT_RATE = 50
MCLT = 60
#: By signal, with ``dhcpd:probe: False``: nobody asks a partner for an address.
UNASKED = "signal_unasked"
#: Every method that a restart knows, and what they are compared with.
METHODS = ("none", *METHODS, UNASKED, "both_at_once")
#: Minutes with its waits, or the same each time: once, unless more is asked for.
ONCE = {"none", "control", "both_at_once"}
#: What a method wants besides its name, to be obeyed.
ARGUMENTS: dict[str, tuple[str, ...]] = {"control": ("force=mclt,free-leases",)}
#: Seconds of load before a restart, and after both are normal again.
BEFORE, AFTER = 2.0, 1.0
#: Seconds for the last answers, after perfdhcp has sent its last packet.
TAIL = 5.0
#: Seconds in which nothing is restarted.
NOTHING = 4.0
#: How long a restart takes, so that the load goes on until it is over: seconds; at first a guess.
EXPECTED = {
    "none": NOTHING + 1.0,
    "signal": 7.0,
    UNASKED: 7.0,
    "drain": 9.0,
    "handover": 15.0,
    "control": 175.0,
    "both_at_once": 25.0,
}


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS") or 3))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    options = parser.parse_args()
    runs = options.runs
    begun = time.monotonic()
    result: dict[str, Any] = {"methods": {}, "methods_ping_check": {}}
    with Lab(["dhcp-a", "dhcp-b"]) as lab, Salt(lab) as salt:
        salt.sync_all()
        for key, ping_check in (("methods", False), ("methods_ping_check", True)):
            for method in options.methods:
                ask(salt, method != UNASKED)
                times = 1 if method in ONCE and runs <= 3 else runs
                taken = [one_whole_run(lab, salt, method, ping_check) for _ in range(times)]
                result[key][method] = summary(taken)
                print(key, method, json.dumps(result[key][method]), flush=True)
    result["conditions"] = {
        "rate": RATE,
        "mclt_s": MCLT,
        "addresses": 30000,
        "cores": os.cpu_count(),
        "clients": "perfdhcp as a relay, each client once, no retransmission; lost: no answer "
        f"within 4 s; the load ends by itself, and {TAIL:g} s are left for the last answers, so "
        "that OFFERs that wait for a ping at its end do not count as lost",
        "duplicates": "non unique addresses of perfdhcp; under a load that lasts longer than MCLT "
        "(control) leases of its clients, which never renew, end and are given again",
        "clients_that_send_again": f"{PATIENT_RATE} new ones per second at the same time, after "
        "4, 8, 16, 32 s, each +-1 s (RFC 2131 section 4.1)",
        "took_s": round(time.monotonic() - begun),
        "hosts": "two systemd-nspawn hosts on this machine, Debian's init script",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    figures.write("clients", result)
    return 0


def one_whole_run(lab: Lab, salt: Salt, method: str, ping_check: bool) -> dict[str, float]:
    """Restart a fresh pair under a load that lasts until it is over."""
    while True:
        period = math.ceil(BEFORE + EXPECTED.get(method, 30.0) + AFTER)
        taken = one_run(lab, salt, method, ping_check, period)
        EXPECTED[method] = taken["seconds"] * 1.3 + 1.0
        if BEFORE + taken["seconds"] + AFTER <= period:
            return taken
        print(f"{method} took {taken['seconds']} s: once more, under a longer load", flush=True)
        EXPECTED[method] += 5.0


def one_run(lab: Lab, salt: Salt, method: str, ping_check: bool, period: int) -> dict[str, float]:
    """Restart a fresh pair under load once; return what the clients saw."""
    pair = [Relationship("foo", "dhcp-a", "dhcp-b", mclt=MCLT, addresses=30000)]
    dhcp = Dhcp(lab.hosts, pair, lease_time=600, ping_check=ping_check)
    dhcp.install()
    load, patient = Load(dhcp), Clients(dhcp)
    with Watcher(dhcp) as watcher:
        load.start(RATE, seconds=period, tail=TAIL)
        patient.start(PATIENT_RATE)
        pause(BEFORE)
        begun = time.monotonic()
        if method == "none":
            pause(NOTHING)
        elif method == "both_at_once":
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda name: careless(dhcp, name), lab.hosts))
            dhcp.wait_normal(120.0)
        else:
            word = "signal" if method == UNASKED else method
            arguments = [f"method={word}", "fresh=True", *ARGUMENTS.get(method, ())]
            done = salt.salt_run("dhcp_failover.restart", *arguments)
            if done.returncode:
                raise SystemExit(f"{method} failed\n{done.stdout}\n{done.stderr}")
        seconds = time.monotonic() - begun
        pause(AFTER)
        served = patient.stop()
        clients = load.result()
        seen = watcher.stop()
    return {
        "sent": clients.discovers.sent,
        "lost_offers": clients.discovers.lost,
        "lost_acks": clients.requests.lost,
        "duplicates": clients.requests.duplicates + served.duplicates,
        "seconds": round(seconds, 2),
        "unserved_seconds": round(sum(gap.seconds for gap in seen.unserved), 3),
        "clients_that_send_again": served.clients,
        "late": served.late,
        "never": served.never,
        "slowest_s": served.slowest_s,
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
