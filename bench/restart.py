"""
What the orchestration costs over the servers' own time.

Run it with ``make bench-restart``; it writes ``build/bench/restart.json``. In one lab, alternately:

* ``orch_s``: wall time of ``salt-run state.orch orch.dhcp_failover_restart`` as a user types it;
* ``floor_s``: a bare program that stops and starts the same servers with the same service manager
  and gates them by the same conditions (both ends normal over OMAPI, no full window of updates, a
  ``balanced pool`` line since the start, lease file whole, three looks in a row), with nothing else
  in between: no Salt, no guard, no record;
* ``unasked_s``: the orchestration where servers do not ask each other as clients do (``dhcpd:probe:
  False`` in the pillar);
* ``bare_s``: a ``salt-run`` that does nothing (``test.arg``), for comparison.

``overhead_s`` is the difference of each round's first two, ``ratio`` their quotient;
``probe_costs_s`` is what the questions cost, ``orch_s`` less ``unasked_s``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from typing import Any

from iscdhcp.host.omapi import OmapiClient
from iscdhcp.leases import end

from bench import figures
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=7, help="rounds after one that warms up")
    rounds = parser.parse_args().rounds
    taken: list[dict[str, float]] = []
    with Lab(["dhcp-a", "dhcp-b"]) as lab:
        dhcp = Dhcp(lab.hosts, pair())
        dhcp.install()
        with Salt(lab) as salt:
            salt.sync_all()
            for number in range(rounds + 1):
                one = {
                    "orch_s": timed(lambda: orchestrate(salt)),
                    "floor_s": timed(lambda: floor(dhcp)),
                    "bare_s": timed(lambda: salt.salt_run("test.arg")),
                }
                dhcp.wait_normal()
                ask(salt, False)
                one["unasked_s"] = timed(lambda: orchestrate(salt))
                ask(salt, True)
                dhcp.wait_normal()
                one["probe_costs_s"] = one["orch_s"] - one["unasked_s"]
                one["overhead_s"] = one["orch_s"] - one["floor_s"]
                one["ratio"] = one["orch_s"] / one["floor_s"]
                print(
                    ("warm-up" if not number else f"round {number}")
                    + "".join(f"  {name} {value:.2f}" for name, value in one.items()),
                    flush=True,
                )
                if number:
                    taken.append(one)
    result: dict[str, Any] = {
        name: figures.spread([one[name] for one in taken], 3) for name in taken[0]
    }
    result["conditions"] = conditions(rounds)
    figures.write("restart", result)
    print(json.dumps(result, indent=1))
    return 0


def timed(act: Any) -> float:
    """Return how many seconds ``act`` takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def orchestrate(salt: Salt) -> None:
    """Restart the pair as a user does."""
    done = salt.salt_run("state.orch", "orch.dhcp_failover_restart")
    if done.returncode:
        raise SystemExit(f"the orchestration failed\n{done.stdout}\n{done.stderr}")


def ask(salt: Salt, on: bool) -> None:
    """Have servers ask each other as clients do, or not."""
    pillar = salt.config_dir / "pillar"
    (pillar / "top.sls").write_text("base:\n  '*':\n    - asking\n")
    (pillar / "asking.sls").write_text("{}\n" if on else "dhcpd:\n  probe: False\n")
    done = salt.salt("*", "saltutil.refresh_pillar", "wait=True")
    if done.returncode:
        raise SystemExit(f"the pillar was not refreshed\n{done.stdout}\n{done.stderr}")


def floor(dhcp: Dhcp) -> None:
    """Restart the pair with nothing but what has to be: secondary first, gated in between."""
    relationship = dhcp.relationships[0]
    for name in (relationship.secondary, relationship.primary):
        began = time.time()
        old = dhcp.processes(name)[0]
        # systemd counts the starts, and refuses the sixth in 10 s.
        dhcp.hosts[name].run(["systemctl", "reset-failed", UNIT])
        dhcp.kill(name)
        dhcp.hosts[name].run(["systemctl", "restart", "--no-block", UNIT])
        gate(dhcp, name, began, old.pid)


def gate(dhcp: Dhcp, name: str, began: float, old_pid: int) -> None:
    """Wait for the same conditions as the orchestration, three times in a row."""
    good = 0

    def whole() -> bool:
        nonlocal good
        good = good + 1 if looks_whole(dhcp, name, began, old_pid) else 0
        return good >= 3

    wait_until(whole, f"{name} is whole again", timeout=60.0, every=0.01)


def looks_whole(dhcp: Dhcp, name: str, began: float, old_pid: int) -> bool:
    """Whether the pair is whole after the restart of ``name``, by one look at each condition."""
    pids = [process.pid for process in dhcp.processes(name)]
    if len(pids) != 1 or pids[0] == old_pid:
        return False
    for host in dhcp.hosts:
        omapi = dhcp.omapi[host]
        assert omapi is not None
        try:
            with OmapiClient(dhcp.hosts[host].address, omapi.port, omapi.key()) as client:
                seen = client.failover_state(dhcp.relationships[0].name)
        except Exception:  # not up yet, or another reason to look again
            return False
        if (seen["state"], seen["partner_state"]) != ("normal", "normal"):
            return False
        if seen["unacked"] >= seen["max_unacked"]:
            return False
        said = dhcp.hosts[host].run(
            ["journalctl", "-q", "-t", "dhcpd", f"--since=@{began:.3f}", "--grep=balanced pool"],
            check=False,
        )
        if "balanced pool" not in said.stdout:
            return False
    root = f"/proc/{dhcp.hosts[name].leader}/root"
    return end.check_end(root + LEASES).whole


def conditions(rounds: int) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "rounds": rounds,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pair": "two systemd-nspawn hosts on this machine, 4096 addresses, no load",
        "service_manager": "systemd, Debian's init script of isc-dhcp-server",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
