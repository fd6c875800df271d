"""
How often a stop tears the lease file, by method, against a plain SIGTERM in the same run.

Run it with ``make bench-torn`` (``RUNS=100``: stops by each method); it writes
``build/bench/torn.json``. Each stop is of a server that is busy writing: a pair that begins with an
empty file at one end (``full update``: the other sends all it has) or with the pool's free
addresses all still to share (``balancing``), and clients all the while. The moment is random,
within the first three seconds. A method that refuses while the pair is not normal is asked
again until it acts: its moment is then one soon after the full update.

``torn`` is what our own check says of the file just after the end, before any start. Then dhcpd
reads the file, alone in a network namespace, and rewrites it: ``lost`` are the addresses that were
in use before by the last entry that was whole, and are not the same in dhcpd's own file after.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

from iscdhcp.leases import read
from iscdhcp.leases.syntax import Entry

from bench import figures
from bench.stopper import METHODS
from lab.dhcp import CONFIGURATION
from lab.dhcp import LEASES
from lab.dhcp import PID_FILE
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.hosts import Host
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.load import Load
from lab.processes import signal_all
from lab.waiting import wait_until

KINDS = ("full update", "balancing")
ADDRESSES = 30000
SEEDED = 4000
RATE = 100
#: A client's first lease is as long: it must not end before it is compared.
MCLT = 60
#: Seconds from the start of the writing in which a stop falls.
WITHIN = 3.0
#: Seconds for a method that refuses to find a moment.
PATIENCE = 60.0
_counting = threading.Lock()

HEADER = "authoring-byte-order little-endian;\n\n"
STATE = """failover peer "foo" state {{
  my state {mine} at {when};
  partner state {theirs} at {when};
{mclt}}}
"""
LEASE = """lease {address} {{
  starts {begun};
  ends {ends};
  tstp {ends};
  tsfp {ends};
  atsfp {ends};
  cltt {begun};
  binding state active;
  next binding state expired;
  hardware ethernet 02:ff:00:00:{high:02x}:{low:02x};
  uid "\\001\\002\\377\\000\\000seed-{number}";
  client-hostname "seed-{number}";
}}
"""
#: dhcpd alone, on a copy of a file: it reads it, rewrites it and is gone with its namespaces.
ALONE = """
ip link set lo up
ip link add eth0 type veth peer name other
ip address add {address}/24 dev eth0
ip link set eth0 up
ip link set other up
dhcpd -4 -q -cf {configuration} -lf {file} -pf /run/alone.pid eth0
"""


@dataclass
class Tally:
    """What became of the stops by one method."""

    stops: int = 0
    torn: int = 0
    refused: int = 0
    gave_up: int = 0
    active: int = 0
    lost: int = 0
    torn_by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    stops_by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    problems: list[str] = field(default_factory=list)
    examples_lost: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    why_refused: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The figures as they are written."""
        return {
            "stops": self.stops,
            "torn": self.torn,
            "leases_compared": self.active,
            "leases_lost": self.lost,
            "leases_before_equal_after": self.lost == 0,
            "stops_by_kind": self.stops_by_kind,
            "torn_by_kind": self.torn_by_kind,
            "asked_again": self.refused,
            "why_asked_again": self.why_refused,
            "gave_up": self.gave_up,
            "median_seconds": round(statistics.median(self.seconds), 3) if self.seconds else None,
            "problems": self.problems[:20],
            "examples_lost": self.examples_lost[:20],
        }


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS") or 100))
    parser.add_argument("--pairs", type=int, default=4, help="side by side")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    begun = time.monotonic()
    tallies = measure(options.runs, options.pairs, options.methods, options.seed)
    result: dict[str, Any] = {
        "methods": {method: tally.as_dict() for method, tally in tallies.items()},
        "conditions": {
            "moments": f"random, in the first {WITHIN:g} s of a full update or of balancing, half "
            "of the stops each; both servers, the one that sends and the one that gets, in turn",
            "addresses": ADDRESSES,
            "active_at_the_beginning": SEEDED,
            "clients_per_second": RATE,
            "mclt_s": MCLT,
            "pairs_side_by_side": options.pairs,
            "seed": options.seed,
            "hosts": "systemd-nspawn on this machine, disks in memory; dhcpd without a service",
            "kill": "SIGTERM, whatever is being written: the peer of the others",
            "cores": os.cpu_count(),
            "took_s": round(time.monotonic() - begun),
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }
    figures.write("torn", result)
    print(json.dumps(result, indent=1))
    clean = all(not tallies[one].torn and not tallies[one].lost for one in tallies if one != "kill")
    return 0 if clean and all(not one.gave_up for one in tallies.values()) else 1


def measure(
    runs: int,
    pairs: int,
    methods: list[str],
    seed: int,
    addresses: int = ADDRESSES,
    within: float = WITHIN,
) -> dict[str, Tally]:
    """
    Stop a busy server ``runs`` times by each method; return what became of it.

    addresses
        In the pool: more of them are written for longer.
    within
        Seconds from the start of the writing in which a stop falls.
    """
    # Every pair takes the next one, so that the methods alternate on all of them.
    turns: queue.SimpleQueue[tuple[int, str, int]] = queue.SimpleQueue()
    for turn in range(runs):
        for method in methods:
            turns.put((turns.qsize(), method, turn))
    tallies = {method: Tally() for method in methods}
    with ExitStack() as stack, ThreadPoolExecutor(pairs) as pool:
        # One after the other: each takes the next free network.
        all_pairs = [
            stack.enter_context(busy_pair(number, addresses, within)) for number in range(pairs)
        ]

        def work(busy: BusyPair) -> None:
            while True:
                try:
                    number, method, turn = turns.get_nowait()
                except queue.Empty:
                    return
                chance = random.Random(f"{seed} {number}")
                # Each method meets each kind, on each of the servers, at each end of it.
                kind, victim, other = KINDS[turn % 2], turn // 2 % 2, turn // 4 % 2
                busy.one_stop(method, kind, victim, other, chance, tallies[method])
                done = ", ".join(f"{name} {one.torn}/{one.stops}" for name, one in tallies.items())
                print(f"torn of stops: {done}", file=sys.stderr, flush=True)

        list(pool.map(work, all_pairs))
    return tallies


@contextmanager
def busy_pair(number: int, addresses: int, within: float) -> Iterator[BusyPair]:
    """A pair in a lab of its own."""
    names = f"torn{number}-a", f"torn{number}-b"
    with Lab(names) as lab:
        relationship = Relationship("foo", *names, mclt=MCLT, addresses=addresses)
        dhcp = Dhcp(lab.hosts, [relationship], lease_time=3600)
        dhcp.write_configuration()
        busy = BusyPair(dhcp, within)
        try:
            yield busy
        finally:
            busy.close()


class BusyPair:
    """A pair whose servers are stopped while they write."""

    def __init__(self, dhcp: Dhcp, within: float = WITHIN) -> None:
        self.dhcp = dhcp
        self.within = within
        self.hosts: list[Host] = list(dhcp.hosts.values())
        self.load = Load(dhcp)
        self._stoppers = [stopper(host) for host in self.hosts]

    def close(self) -> None:
        """End what was started; the lab ends the rest."""
        for one in self._stoppers:
            one.stdin.close()
            one.wait(60)

    def one_stop(
        self,
        method: str,
        kind: str,
        victim: int,
        recovers: int,
        chance: random.Random,
        tally: Tally,
    ) -> None:
        """Start over, stop one server at a random moment, and see what is left of its leases."""
        self.begin(kind, recovers)
        self.load.start(RATE, tail=0.2)
        try:
            begun = time.monotonic()
            pause_until(begun + chance.uniform(0.0, self.within))
            while True:
                done = self.stop(victim, method)
                if done["stopped"]:
                    break
                why = done["refused"][:120]
                give_up = time.monotonic() - begun > PATIENCE
                with _counting:
                    tally.refused += 1
                    tally.why_refused[why] = tally.why_refused.get(why, 0) + 1
                    tally.gave_up += give_up
                if give_up:
                    return
                pause_until(time.monotonic() + chance.uniform(0.0, 0.2))
        finally:
            self.load.stop()
        before = in_use(self.path(victim, LEASES))
        after = self.read_by_dhcpd(victim)
        gone = []
        if kind == "balancing" or victim != recovers:
            gone = [one for one in map(seed_address, range(SEEDED)) if one not in before]
        # One that ended meanwhile is expired for dhcpd.
        before = {a: now for a, now in before.items() if (now[1] or 0) > time.time() + 1}
        lost = [f"{one}: not in the file any more" for one in gone]
        lost += [
            f"{a}: {now} -> {after.get(a)}" for a, now in before.items() if after.get(a) != now
        ]
        with _counting:
            tally.stops += 1
            tally.stops_by_kind[kind] += 1
            tally.seconds.append(done["seconds"])
            if done["torn"]:
                tally.torn += 1
                tally.torn_by_kind[kind] += 1
                tally.problems.append(f"{kind}: {done['problem']}")
            tally.active += len(before)
            tally.lost += len(lost)
            tally.examples_lost += lost[:3]

    def begin(self, kind: str, recovers: int) -> None:
        """Both servers down, their files as the kind of writing needs them, both started."""
        for host in self.hosts:
            signal_all((process.pid for process in host.processes("dhcpd")), signal.SIGKILL)
        for number in range(len(self.hosts)):
            wait_until(lambda n=number: not self.hosts[n].processes("dhcpd"), "dhcpd ends", 10.0)
            for name in (f"{LEASES}~", PID_FILE):
                self.path(number, name).unlink(missing_ok=True)
            text = seeded(kind, number == recovers, mclt=number == 1)
            self.path(number, LEASES).write_text(text, encoding="ascii")
        for number in (1 - recovers, recovers):
            start = ["dhcpd", "-4", "-q", "-cf", CONFIGURATION, "-lf", LEASES, "-pf", PID_FILE]
            self.hosts[number].run([*start, "eth0"])

    def stop(self, number: int, method: str) -> dict[str, Any]:
        """Have the host's own process stop it."""
        one = self._stoppers[number]
        one.stdin.write(json.dumps({"method": method}) + "\n")
        one.stdin.flush()
        return json.loads(one.stdout.readline())

    def read_by_dhcpd(self, number: int) -> dict[str, Any]:
        """What dhcpd itself knows after it has read the file, by the one that it writes then."""
        host = self.hosts[number]
        host.run(["sh", "-ec", f"rm -rf /run/alone; mkdir /run/alone; cp {LEASES} /run/alone/"])
        script = ALONE.format(
            address=host.address, configuration=CONFIGURATION, file="/run/alone/dhcpd.leases"
        )
        host.run(["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", script])
        return in_use(self.path(number, "/run/alone/dhcpd.leases"))

    def path(self, number: int, name: str) -> Path:
        """A host's file as the lab sees it."""
        return Path(f"/proc/{self.hosts[number].leader}/root{name}")


def stopper(host: Host) -> subprocess.Popen[str]:
    """Start the process that stops dhcpd on this host."""
    return host.popen(
        [sys.executable, "-m", "bench.stopper"],
        {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT}/_utils"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def seeded(kind: str, recovers: bool, mclt: bool) -> str:
    """
    A lease file with leases in use.

    For a full update the one that ``recovers`` has none and says that it was down for long, so that
    it need not wait for MCLT. For balancing neither has a failover state: all is still to share.
    """
    now = int(time.time())
    old, begun, ends = (
        time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(now + seconds))
        for seconds in (-3600, -60, 7200)
    )
    text = [HEADER]
    if kind == "full update":
        states = ("recover", "partner-down") if recovers else ("partner-down", "recover")
        last = f"  mclt {MCLT};\n" if mclt else ""
        text.append(STATE.format(mine=states[0], theirs=states[1], when=old, mclt=last))
        if recovers:
            return "".join(text)
    for number in range(SEEDED):
        text.append(
            LEASE.format(
                address=seed_address(number), begun=begun, ends=ends, number=number,
                high=number >> 8, low=number & 255,
            )
        )  # fmt: skip
    return "".join(text)


def seed_address(number: int) -> str:
    """The address of a lease that is in use from the beginning."""
    return f"10.100.{1 + number // 256}.{number % 256}"


def in_use(path: Path) -> dict[str, Any]:
    """Every address that is neither free nor backup: state, end and client, by its last entry."""
    found: dict[str, bytes] = {}
    for one in read.entries(str(path)):
        if isinstance(one, Entry) and one.kind == "lease":
            found[one.name] = one.text
    known = {}
    for address, text in found.items():
        if b"binding state free;" in text or b"binding state backup;" in text:
            continue
        fields = Entry("lease", address, 0, 0, 0, text).fields
        known[address] = [fields["state"], fields.get("ends"), fields.get("hardware")]
    return known


def pause_until(moment: float) -> None:
    """Let the servers work."""
    wait_until(lambda: time.monotonic() >= moment, "the pause is over", WITHIN + 5, every=0.005)


if __name__ == "__main__":
    sys.exit(main())
