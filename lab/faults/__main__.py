"""
Each fault at each step of a restart and of a rollout, judged from outside.

``make faults`` runs them all (``SHARD=2/8``, ``KIND=restart``, ``ONLY=words``); each case is added
to ``build/faults.json``, which is begun anew for another commit. Judged are, by what a watch of the
lab sees: how long no client had an answer (20 new clients a second), that no lease of a client was
lost, how often each dhcpd was restarted; and then the same command once more: it has to end well.

Exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import calendar
import json
import os
import re
import subprocess
import sys
import time
import traceback
from collections import Counter
from typing import Any

from lab.dhcp import LEASES
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.faults import strikes
from lab.faults.scene import FIRST
from lab.faults.scene import MOMENTS
from lab.faults.scene import SECOND
from lab.faults.scene import Scene
from lab.faults.scene import wait_for
from lab.hosts import Host
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.load import Load
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Watcher

FIGURES = CHECKOUT / "build" / "faults.json"
RATE = 20
LEASE_TIME = 3600
MCLT = 20
#: Seconds in which a command has to end by itself once its fault is undone.
PATIENCE = 240.0
KINDS = ("restart", "rollout")


def main() -> int:
    """Run the cases of a shard; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--shard", default="1/1", help="which part of how many: 2/8")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", default="", help="words that a case's name has to have")
    given = parser.parse_args()
    part, parts = map(int, given.shard.split("/"))
    chosen = [
        one
        for one in strikes.cases(given.kind or KINDS, MOMENTS)
        if given.only.lower() in ", ".join(one).lower()
    ][part - 1 :: parts]
    kept = Kept()
    with Lab([FIRST, SECOND]) as lab:
        relationship = Relationship("foo", SECOND, FIRST, mclt=MCLT, addresses=20000)
        dhcp = Dhcp(lab.hosts, [relationship], lease_time=LEASE_TIME)
        dhcp.install(60.0)
        with Salt(lab) as salt:
            salt.sync_all()
            salt.salt_run("dhcp_failover.pairs", "refresh=True")
            for number, (kind, moment, name) in enumerate(chosen, 1):
                begun = time.monotonic()
                try:
                    found = one_case(lab, salt, dhcp, kind, moment, name, number)
                except Exception as error:  # a case that the lab could not make is no verdict
                    traceback.print_exc()
                    found = {"error": f"{type(error).__name__}: {error}"}
                    begin_anew(lab, salt, dhcp)
                found["seconds"] = round(time.monotonic() - begun, 1)
                kept.add(kind, moment, name, found)
    return kept.told()


def begin_anew(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Make everything as it was before the first case."""
    for name, host in lab.hosts.items():
        host.kill()
        host.start()
        salt.start_minion(name)
    dhcp.install(120.0)
    salt.salt_run("dhcp_failover.pairs", "refresh=True")


def one_case(
    lab: Lab, salt: Salt, dhcp: Dhcp, kind: str, moment: str, name: str, number: int
) -> dict[str, Any]:
    """Make one case and judge it."""
    fault = strikes.FAULTS[name]
    worker = MOMENTS[moment][1]
    partner = strikes.other_than(worker)
    wait_until(dhcp.is_normal, "the pair is normal", 120.0, every=0.2)
    leases = take_leases(dhcp)
    if kind == "rollout":
        offer(salt, dhcp, LEASE_TIME + number)
    scene = Scene(lab, salt, dhcp, kind)
    with Watcher(dhcp, exchanges=RATE) as watcher:
        try:
            scene.begin()
            came = wait_for(scene, moment)
            if came:
                fault.strike(scene, worker, partner)
                if fault.seconds:
                    until = time.monotonic() + fault.seconds
                    wait_until(lambda: time.monotonic() > until, "it lasts", fault.seconds + 5)
                    scene.cure()
            code, said = scene.ended(PATIENCE)
            scene.cure()
            scene.settle()
            again = go_on(scene, code)
            seen = watcher.stop()
        finally:
            scene.cure()
            scene.close()
    wrong = []
    if not came:
        wrong.append("the command ended before the moment came")
    allowed = fault.alone if moment in strikes.AWAY else strikes.ALWAYS
    if seen.longest_unserved_s > allowed:
        wrong.append(f"nobody had an answer for {seen.longest_unserved_s:.1f} s")
    if code is None:
        wrong.append(f"the command did not end within {PATIENCE:.0f} s")
    if again != 0:
        wrong.append(f"the same command again: exit code {again}")
    restarts = Counter(one.host for one in seen.restarts)
    for host, role in ((worker, "worker"), (partner, "partner")):
        # What the fault has ended comes back by one start more.
        most = 1 + (fault.kills == role) + _by_another(name)
        if restarts[host] > most:
            wrong.append(f"dhcpd on {host} was started {restarts[host]} times")
    lost = leases - held(dhcp)
    if lost:
        wrong.append(f"{len(lost)} of {len(leases)} leases were lost")
    return {
        "longest_unserved_s": round(seen.longest_unserved_s, 2),
        "allowed_s": allowed,
        "exit_code": code,
        "again": again,
        "restarts": dict(restarts),
        "wrong": wrong,
        "said": said.strip().splitlines()[-3:] if wrong else [],
        "seen": str(seen).splitlines()[-60:] if wrong else [],
    }


def _by_another(name: str) -> int:
    """How many restarts more another person's own command may make."""
    return 1 if name.startswith("somebody") else 0


def go_on(scene: Scene, code: int | None) -> int:
    """Give the same command again where it has not ended well, three times at most."""
    if code == 0 and scene.dhcp.is_normal():
        return 0
    again = 1
    for _ in range(3):
        done = scene.salt.salt_run(*scene.arguments(again=True), timeout=PATIENCE)
        again = done.returncode
        if again == 0:
            return 0
    print(done.stdout[-3000:], done.stderr[-2000:], flush=True)
    return again


def take_leases(dhcp: Dhcp) -> set[str]:
    """Have some clients come until they have leases of full length; return their addresses."""
    load = Load(dhcp)
    # The first lease is as long as MCLT, and given again as it is until a quarter of it is over
    # (dhcp-cache-threshold).
    load.start(50, seconds=10, clients=100)
    load.result()
    until = time.time() + LEASE_TIME / 2
    taken = set().union(*(active(host, until) for host in dhcp.hosts.values()))
    assert len(taken) > 20, f"clients have {len(taken)} long leases"
    return taken


def held(dhcp: Dhcp) -> set[str]:
    """Return the addresses that both servers have as active."""
    first, second = (active(host) for host in dhcp.hosts.values())
    return first & second


def active(host: Host, until: float = 0.0) -> set[str]:
    """Return the addresses that a lease file has as active until then (epoch seconds)."""
    found = {}
    for block in host.read(LEASES).split("\nlease ")[1:]:
        text = block.partition("\n}")[0]
        ends = _ENDS.search(text)
        long = ends and calendar.timegm(time.strptime(ends[1], "%Y/%m/%d %H:%M:%S")) >= until
        found[block.split(None, 1)[0]] = bool(long and "\n  binding state active;" in text)
    return {address for address, is_active in found.items() if is_active}


_ENDS = re.compile(r"^  ends \d (\d+/\d+/\d+ \d+:\d+:\d+);", re.M)


def offer(salt: Salt, dhcp: Dhcp, lease_time: int) -> None:
    """Put a new configuration into the master's file tree."""
    new = Dhcp(dhcp.hosts, dhcp.relationships, omapi=dhcp.omapi, lease_time=lease_time)
    folder = salt.file_root / "faults"
    folder.mkdir(exist_ok=True)
    for host in dhcp.hosts:
        for path, text in new.configuration(host).items():
            (folder / f"{host}.{path.rpartition('/')[2]}").write_text(text)


class Kept:
    """``build/faults.json``: the cases of this commit."""

    def __init__(self) -> None:
        argv = ["git", "-C", str(CHECKOUT), "rev-parse", "--short", "HEAD"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.commit = done.stdout.strip() or "unknown"
        self.data: dict[str, Any] = {"commit": self.commit, "cases": {}}
        if FIGURES.exists():
            there = json.loads(FIGURES.read_text("utf-8"))
            if there.get("commit") == self.commit:
                self.data = there
        self.fresh: list[str] = []

    def add(self, kind: str, moment: str, name: str, found: dict[str, Any]) -> None:
        """Add a case and write the file."""
        key = f"{kind}, {moment}: {name}"
        command = f'make faults ONLY="{kind}, {moment}, {name}"'
        self.data["cases"][key] = {**found, "command": command}
        self.fresh.append(key)
        cases = self.data["cases"].values()
        made = [one for one in cases if "error" not in one]
        self.data["held"] = sum(not one["wrong"] for one in made)
        self.data["violations"] = sum(bool(one["wrong"]) for one in made)
        self.data["errors"] = len(self.data["cases"]) - len(made)
        self.data["conditions"] = {"cores": os.cpu_count(), "clients_per_second": RATE}
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(self.data, indent=1) + "\n", encoding="utf-8")
        verdict = found.get("error") or "; ".join(found["wrong"]) or "held"
        unserved = found.get("longest_unserved_s", "-")
        print(f"{key}: {verdict} (unserved {unserved} s, {found['seconds']} s)", flush=True)

    def told(self) -> int:
        """Say what it came to; return the exit code."""
        cases = [self.data["cases"][key] for key in self.fresh]
        bad = [one for one in cases if one.get("wrong") or "error" in one]
        print(f"{len(cases) - len(bad)} of {len(cases)} cases held; {FIGURES} has all.")
        return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
