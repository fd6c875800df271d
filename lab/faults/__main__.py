"""
Each fault at each step of a restart, a rollout, a reboot and a fleet's restart, from outside.

``make faults`` runs them all (``SHARD=2/8``, ``KIND=restart``, ``ONLY=words``); each case is added
to ``build/faults.json`` with the commit that it was made at. Judged are, by what a watch of the lab
sees: how long no client had an answer (20 new clients a second), that no lease of a client was
lost, how often each dhcpd was started; and then, where it has not ended well, the same command once
more: it has to end well.

Exit code 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.faults import clocks
from lab.faults import strikes
from lab.faults.case import one_case
from lab.faults.disks import VOLUMES
from lab.faults.disks import own_disk_for_the_master
from lab.faults.kept import FIGURES
from lab.faults.kept import Kept
from lab.faults.kept import commit
from lab.faults.kept import read
from lab.faults.leases import LEASE_TIME
from lab.faults.persons import site_state
from lab.faults.scene import FIRST
from lab.faults.scene import KINDS
from lab.faults.scene import OTHERS
from lab.faults.scene import SECOND
from lab.hosts import Host
from lab.lab import Lab
from lab.salt import Salt

MCLT = 20


def main() -> int:
    """Run the cases of a shard; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--shard", default="1/1", help="which part of how many: 2/8")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--only", default="", help="words that a case's name has to have")
    parser.add_argument("--missing", action="store_true", help="only what was never made")
    parser.add_argument("--list", action="store_true", help="print the cases, make none")
    given = parser.parse_args()
    part, parts = map(int, given.shard.split("/"))
    there = read(FIGURES)["cases"] if given.missing else {}
    chosen = [
        one
        for one in strikes.cases(given.kind or KINDS)[part - 1 :: parts]
        if given.only.lower() in ", ".join(one).lower()
        and "error" in there.get("{}, {}: {}".format(*one), {"error": ""})
    ]
    # Clocks that can be stepped are no ordinary ones: these come last.
    chosen.sort(key=lambda one: strikes.FAULTS[one[2]].prepare is clocks.prepare)
    if given.list:
        print(*map(", ".join, chosen), sep="\n")
        return 0
    kept = Kept(FIGURES, commit())
    of_fleets = [one for one in chosen if one[0] == "fleet"]
    of_a_pair = [one for one in chosen if one[0] != "fleet"]
    for cases, hosts in ((of_a_pair, [FIRST, SECOND]), (of_fleets, [FIRST, SECOND, *OTHERS])):
        if cases:
            make(cases, hosts, kept)
    return kept.told()


def make(cases: list[tuple[str, str, str]], hosts: list[str], kept: Kept) -> None:
    """Make some cases in one lab; a second pair is there where there are hosts for it."""
    with Lab(hosts, VOLUMES) as lab:
        relationships = [Relationship("foo", SECOND, FIRST, mclt=MCLT, addresses=20000)]
        if hosts[2:]:
            relationships.append(
                Relationship("bar", hosts[2], hosts[3], mclt=MCLT, addresses=20000)
            )
        dhcp = Dhcp(lab.hosts, relationships, lease_time=LEASE_TIME)
        dhcp.install(60.0)
        starts_at_boot(lab[FIRST])
        with Salt(lab) as salt:
            own_disk_for_the_master(salt)
            site_state(salt)
            salt.sync_all()
            salt.salt_run("dhcp_failover.pairs", "refresh=True")
            for number, case in enumerate(cases, 1):
                begun = time.monotonic()
                try:
                    found = one_case(lab, salt, dhcp, *case, number)
                except Exception as error:  # a case that the lab could not make is no verdict
                    traceback.print_exc()
                    found = {"error": f"{type(error).__name__}: {error}"}
                    begin_anew(lab, salt, dhcp)
                found["seconds"] = round(time.monotonic() - begun, 1)
                kept.add(*case, found)


def starts_at_boot(host: Host) -> None:
    """Have a host start dhcpd at its boot; on the other it is up to the run."""
    # A link by hand: the unit is generated, systemctl refuses to enable it for a target.
    wants = "/etc/systemd/system/basic.target.wants"
    link = f"mkdir -p {wants} && ln -s /run/systemd/generator.late/{UNIT} {wants}/{UNIT}"
    host.run(["sh", "-c", link])


def begin_anew(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Make everything as it was before the first case."""
    for name, host in lab.hosts.items():
        host.kill()
        host.start()
        salt.start_minion(name)
    dhcp.install(120.0)
    salt.salt_run("dhcp_failover.pairs", "refresh=True")


if __name__ == "__main__":
    sys.exit(main())
