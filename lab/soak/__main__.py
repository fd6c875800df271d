"""
A pair under load that is restarted, reconfigured and rebooted over and over, with random faults.

``make soak`` (``SECONDS=1800``, ``SEED=7``) writes ``build/soak.json``. All the while some clients
hold leases and renew them, and others come new. A round is one act; a fault may strike at a random
moment of it. Then the same command again makes the pair whole, and it has to end well. The seed
makes the rounds: ``SEED=7 FIRST=12`` begins with the twelfth of that seed.

Judged is each round: how long no new client had an answer, how often each dhcpd was started, that
no client lost its lease. At the end: that both lease files say the same of every client's address
and what the client itself says, that no address is held by two, and that memory is flat, in the
sense of :mod:`lab.soak.memory`. Exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
import traceback
from collections import Counter
from contextlib import suppress
from typing import Any

from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.errors import LabError
from lab.faults import strikes
from lab.faults.case import go_on
from lab.faults.case import offer
from lab.faults.kept import commit
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.salt import Salt
from lab.soak import memory
from lab.soak import tables
from lab.soak.acts import FIRST
from lab.soak.acts import PAIR
from lab.soak.acts import SECOND
from lab.soak.acts import Act
from lab.soak.acts import Round
from lab.soak.holders import Holders
from lab.waiting import wait_until
from lab.watcher import Report
from lab.watcher import Watcher

FIGURES = CHECKOUT / "build" / "soak.json"
#: Clients that hold leases all the time, and new ones a second.
HOLDERS, RATE = 100, 20
MCLT = 20
#: The lease time of the one configuration and of the other; rollouts go from one to the other.
LEASE_TIMES = (180, 240)
#: Seconds in which a command has to end by itself.
PATIENCE = 240.0
#: A server that dies while its partner's host reboots: the boot, and what dhcpd waits afterwards.
ALONE_IN_A_REBOOT = 60.0
#: So many seconds around a fault in which a partner that does not serve leaves nobody.
CLOSE = 2.0
#: Seconds in which the last changes of leases have to reach the other server.
AGREE = 60.0
MINION = "minion on "


def main() -> int:
    """Make rounds until the time is over; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--first", type=int, default=1, help="the number of the first round")
    given = parser.parse_args()
    print(f"SEED={given.seed} FIRST={given.first} SECONDS={given.seconds:g}", flush=True)
    with Lab([FIRST, SECOND]) as lab:
        # One of the hosts starts dhcpd at its boot, on the other it is up to the command.
        wants = "/etc/systemd/system/basic.target.wants"
        link = f"mkdir -p {wants} && ln -s /run/systemd/generator.late/{UNIT} {wants}/{UNIT}"
        lab[FIRST].run(["sh", "-c", link])
        relationship = Relationship("foo", SECOND, FIRST, mclt=MCLT, addresses=20000)
        dhcp = Dhcp(lab.hosts, [relationship], lease_time=LEASE_TIMES[0])
        dhcp.install(60.0)
        with Salt(lab) as salt:
            salt.sync_all()
            salt.salt_run("dhcp_failover.pairs", "refresh=True")
            with Holders(dhcp, HOLDERS) as holders:
                soak = Soak(lab, salt, dhcp, holders, given.seed)
                soak.run(given.first, given.seconds)
                return soak.end()


class Soak:
    """
    The rounds, and what they have come to.

    lab, salt, dhcp, holders
        Up, with the pair normal.
    seed
        What the rounds are drawn from.
    """

    def __init__(self, lab: Lab, salt: Salt, dhcp: Dhcp, holders: Holders, seed: int) -> None:
        self.lab, self.salt, self.dhcp, self.holders = lab, salt, dhcp, holders
        self.seed = seed
        self.begun = time.monotonic()
        self.offered = 0
        self.rounds: list[dict[str, Any]] = []
        self.violations: list[dict[str, Any]] = []
        self.memory: dict[str, list[memory.Sample]] = {}
        self.peaks: list[tuple[str, int]] = []

    def run(self, first: int, seconds: float) -> None:
        """Make rounds until the time is over, or the pair can't be made whole."""
        self.begun = time.monotonic()
        wait_until(lambda: self.least() > MCLT, "all clients hold leases of full length", 90.0, 1.0)
        number = first
        while time.monotonic() - self.begun < seconds:
            wanted = Round.drawn(self.seed, number)
            begun = time.monotonic()
            try:
                made = self.one_round(wanted)
            except Exception as error:  # the soak's end is to be judged all the same
                traceback.print_exc()
                made = {"wrong": [f"{type(error).__name__}: {error}"]}
            made |= {"number": number, "seconds": round(time.monotonic() - begun, 1)}
            self.add(wanted, made)
            if not self.is_whole():
                self.violate("the pair was not whole after the last round; ended early", number)
                return
            number += 1

    def one_round(self, wanted: Round) -> dict[str, Any]:
        """Make one round and judge it."""
        if wanted.act == "rollout":
            self.offered = 1 - self.offered
            offer(self.salt, self.dhcp, LEASE_TIMES[self.offered])
        losses = len(self.holders.tell()["losses"])
        struck: float | None = None
        act = Act(self.lab, self.salt, self.dhcp, wanted)
        with Watcher(self.dhcp, exchanges=RATE) as watcher:
            try:
                act.begin()
                struck = strike(act)
                code, said = act.ended(PATIENCE)
                peak = act.peak.stop()
                act.cure()
                act.settle()
                again, _ = go_on(act, code)
                rescued = again != 0 and rescue(act)
                old = [host for host in wanted.hosts if not act.is_new(host)]
                seen = watcher.stop()
            finally:
                act.cure()
                act.close()
        lost = self.holders.tell()["losses"][losses:]
        allowed = may_be_unserved(wanted, struck, seen)
        wrong = judge(wanted, struck, seen, allowed, was_through(wanted, code, said))
        if code is None:
            wrong.append(f"the command did not end within {PATIENCE:.0f} s")
        if again != 0:
            how = "dhcpd.start and the command once more did" if rescued else "nothing did"
            wrong.append(f"the same command again did not make it whole (exit {again}); {how}")
        wrong += [f"dhcpd on {host} is still the old one" for host in old if again == 0]
        # A short lease can't outlive a time that nobody could serve.
        if lost and (allowed == strikes.ALWAYS or any(why != "expired" for *_, why in lost)):
            wrong.append(f"{len(lost)} leases were lost: {lost[:3]}")
        self.peaks.append((wanted.act, peak))
        return {
            "struck": struck is not None,
            "longest_unserved_s": round(seen.longest_unserved_s, 2),
            "allowed_s": allowed,
            "exit_code": code,
            "again": again,
            "starts": dict(Counter(one.host for one in seen.restarts)),
            "expired": len(lost),
            "memory_mb": self.sample() | {"runner": round(peak / 1024, 1)},
            "wrong": wrong,
            "said": said.strip().splitlines()[-40:] if wrong else [],
            "seen": str(seen).splitlines()[-80:] if wrong else [],
        }

    def sample(self) -> dict[str, float]:
        """Take the memory of the daemons; return it in MB."""
        now = {"master": memory.of_master(self.salt)}
        now |= {f"{MINION}{host}": memory.of_minion(self.lab, host) for host in self.lab.hosts}
        for name, one in now.items():
            self.memory.setdefault(name, []).append(one)
        return {name: round(one.kb / 1024, 1) for name, one in now.items()}

    def least(self) -> float:
        """Return the seconds that every client's lease lasts; 0 where one has none."""
        told = self.holders.tell()
        return float(told["least_s"]) if len(told["leases"]) == HOLDERS else 0.0

    def is_whole(self) -> bool:
        """Whether both servers are normal, soon."""
        with suppress(LabError):
            return wait_until(self.dhcp.is_normal, "the pair is normal", 120.0, every=0.2)
        return False

    # -- what it comes to --------------------------------------------------------------------------

    def add(self, wanted: Round, made: dict[str, Any]) -> None:
        """Keep a round, and say what it was."""
        number = made["number"]
        self.rounds.append({"round": str(wanted), **made})
        for one in made["wrong"]:
            self.violate(one, number, str(wanted))
        self.write({})
        verdict = "; ".join(made["wrong"]) or "held"
        missed = ", no fault: too late" if wanted.fault and not made.get("struck") else ""
        figures = ", ".join(f"{name} {mb}" for name, mb in made.get("memory_mb", {}).items())
        unserved = made.get("longest_unserved_s", "-")
        print(
            f"{number}. {wanted}{missed}: {verdict} (unserved {unserved} s, "
            f"{made['seconds']} s; MB: {figures})",
            flush=True,
        )

    def violate(self, what: str, number: int | None = None, wanted: str = "") -> None:
        """Note that something did not hold."""
        command = f"make soak SEED={self.seed}" + (f" FIRST={number}" if number else "")
        self.violations.append({"what": what, "round": wanted, "command": command})

    def end(self) -> int:
        """Compare the leases, judge the memory, say what it came to; return the exit code."""
        leases = self.compare()
        flat = {name: memory.judge(each) for name, each in self.memory.items()}
        peaks = memory.thirds(memory.by_kind(self.peaks))
        flat["runner, by kind"] = peaks
        for name, each in flat.items():
            if each["flat"] is False:
                self.violate(f"the memory of {name} is not flat: {each}")
        starts: Counter[str] = Counter()
        for one in self.rounds:
            starts.update(one.get("starts", {}))
        told = {
            "leases": leases,
            "memory": flat,
            "longest_unserved_s": max(
                (one.get("longest_unserved_s", 0.0) for one in self.rounds), default=0.0
            ),
            "starts": dict(starts),
            "faults": sum(one.get("struck", False) for one in self.rounds),
        }
        self.write(told)
        print(json.dumps(told, indent=1))
        for one in self.violations:
            print(f"VIOLATION {one['what']} ({one['round']}; {one['command']})")
        print(
            f"{len(self.rounds)} rounds, {told['faults']} with a fault, "
            f"{len(self.violations)} violations; {FIGURES} has all."
        )
        return 1 if self.violations else 0

    def compare(self) -> dict[str, Any]:
        """Return what both lease files and the clients say of the leases, when it is quiet."""
        with suppress(LabError):  # who has no lease is found below
            wait_until(lambda: self.least() > 3 * MCLT, "long leases", max(LEASE_TIMES), 1.0)
        told = self.holders.end()
        held = {hardware: (address, ends) for hardware, (address, ends) in told["leases"].items()}
        found: dict[str, list[str]] = {}
        active = 0

        def agree() -> bool:
            nonlocal active
            first, second = (tables.of(host) for host in self.dhcp.hosts.values())
            now = time.time()
            active = sum(one.is_active(now) for one in first.values())
            found["between the servers"] = tables.between_servers(first, second, now)
            for host, table in zip(self.dhcp.hosts, (first, second), strict=True):
                found[f"between {host} and the clients"] = tables.with_clients(table, held)
            return not any(found.values())

        with suppress(LabError):
            wait_until(agree, "the lease files say the same", AGREE, every=1.0)
        found["held by two"] = tables.held_twice(held)
        if len(held) < HOLDERS:
            found["without a lease"] = [f"{HOLDERS - len(held)} of {HOLDERS} clients"]
        for where, wrong in found.items():
            if wrong:
                self.violate(f"leases, {where}: {len(wrong)} differ: {wrong[:5]}")
        counts = {name: one for name, one in told.items() if name not in ("leases", "losses")}
        return {
            "held": len(held),
            "active": active,
            "differences": found,
            "clients": counts,
            "losses": told["losses"],
        }

    def write(self, more: dict[str, Any]) -> None:
        """Write ``build/soak.json`` as far as it has come."""
        data = {
            "commit": commit(),
            "seed": self.seed,
            "seconds": round(time.monotonic() - self.begun),
            "conditions": {
                "cores": os.cpu_count(),
                "load_average": os.getloadavg(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "holders": HOLDERS,
                "new_clients_per_second": RATE,
                "lease_times_s": LEASE_TIMES,
                "mclt_s": MCLT,
                "growth_percent": memory.GROWTH,
                "creep_percent_a_round": memory.CREEP,
            },
            **more,
            "violations": self.violations,
            "rounds": self.rounds,
        }
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def strike(act: Act) -> float | None:
    """Have a round's fault strike when its time comes, and undo it; return when (epoch seconds)."""
    due = time.monotonic() + act.wanted.after
    wait_until(lambda: act.over or time.monotonic() > due, "its time", act.wanted.after + 5, 0.01)
    at = time.time()
    if not act.strike():
        return None
    lasts = strikes.FAULTS[str(act.wanted.fault)].seconds
    until = time.monotonic() + lasts
    wait_until(lambda: time.monotonic() > until, "it lasts", lasts + 5)
    act.cure()
    return at


def rescue(act: Act) -> bool:
    """Do by hand what a run says that can't go on: start what is down; return whether it helped."""
    for host in act.lab.hosts:
        if not act.dhcp.processes(host):
            print(act.salt.salt(host, "dhcpd.start").stdout, flush=True)
    return go_on(act, None)[0] == 0


def victim(wanted: Round) -> str | None:
    """Return the server that a fault ends, halts or restarts itself, if it does."""
    fault = strikes.FAULTS.get(wanted.fault or "")
    if fault is None or not (fault.kills or fault.halts or fault.alone > strikes.ALWAYS):
        return None
    of_worker = "worker" in (fault.kills, fault.halts)
    return wanted.worker if of_worker else PAIR.other_than(wanted.worker)


def may_be_unserved(wanted: Round, struck: float | None, seen: Report) -> float:
    """Return how long nobody may have an answer: long where a fault ends the only one serving."""
    ended = victim(wanted)
    if ended is None or struck is None:
        return strikes.ALWAYS
    if served_around(seen, PAIR.other_than(ended), struck):
        return strikes.ALWAYS
    return ALONE_IN_A_REBOOT if wanted.act.startswith("reboot") else strikes.ALONE


def served_around(seen: Report, host: str, at: float) -> bool:
    """Whether a server served from a moment before a time to a moment after it."""
    good = True
    for one in seen.timeline(host):
        if one.time > at + CLOSE:
            break
        # What it looked like lasts until the next sighting.
        good = one.serving and (good or one.time <= at - CLOSE)
    return good


def was_through(wanted: Round, code: int | None, said: str) -> bool:
    """Whether a restart was killed after its last word: the same command begins another one."""
    normal = said.count("normal at both ends after")
    return wanted.act.startswith("restart") and code != 0 and normal >= len(wanted.hosts)


def judge(
    wanted: Round, struck: float | None, seen: Report, allowed: float, through: bool = False
) -> list[str]:
    """Return what did not hold, of what was seen from outside."""
    wrong = []
    if seen.longest_unserved_s > allowed:
        wrong.append(f"nobody had an answer for {seen.longest_unserved_s:.1f} s")
    starts = Counter(one.host for one in seen.restarts)
    for host in (FIRST, SECOND):
        # What the fault has ended comes back by one start more; so does a person's own restart.
        most = int(host in wanted.hosts) * (1 + through)
        ended = victim(wanted) if struck is not None else None
        most += host == ended
        # A reboot that is not begun because its partner has just ended is begun once more.
        most += wanted.act.startswith("reboot") and ended not in (None, host)
        most += struck is not None and (wanted.fault or "").startswith("somebody")
        if starts[host] > most:
            wrong.append(f"dhcpd on {host} was started {starts[host]} times, {most} accounted for")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
