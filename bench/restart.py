"""
What the orchestration costs over the servers' own time.

Run it with ``make bench-restart``; it writes ``build/bench/restart.json``. In one lab, alternately:

* ``orch_s``: wall time of ``salt-run state.orch orch.dhcp_failover_restart`` as a user types it;
* ``floor_s``: a bare program that stops and starts the same servers with the same service manager
  and gates them by the same conditions (both ends normal over OMAPI, no full window of updates, a
  ``balanced pool`` line since the start, lease file whole, three looks in a row), with nothing else
  in between: no Salt, no guard, no record;
* ``salt_floor_s``: an orchestration of as many steps that do nothing, each requires the one before;
* ``batch_s``: ``salt --batch-size 1 '*' service.restart`` of the same service, which looks at
  nothing in between (Debian's init script sleeps 2 s in each restart, which we need not);
* ``unasked_s``: the orchestration where servers do not ask each other as clients do (``dhcpd:probe:
  False`` in the pillar);
* ``asking_s``: as many questions to both minions as the orchestration asks, with a function that
  does nothing (``test.ping``): what publishing, a fork and the way back cost;
* ``bare_s``: a ``salt-run`` that does nothing (``test.arg``), for comparison.

``ours_s`` is what is left of ``orch_s`` without both floors, ``ours_asked_s`` that without
``asking_s``, ``to_batch`` the quotient of
``orch_s`` and ``batch_s``. ``overhead_s`` is ``orch_s`` less ``floor_s``, ``ratio`` their quotient;
``probe_costs_s`` is what the questions cost, ``orch_s`` less ``unasked_s``. ping-check is off.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from typing import Any

import salt.config as salt_config
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.leases import end
from iscdhcp_salt.minions import SaltMinions

from bench import figures
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

#: Questions of the orchestration where nothing has to be waited for, its two restarts included.
QUESTIONS = 6
#: Steps of the orchestration, and the name of one of as many that do nothing.
STEPS = 7
EMPTY = "empty_steps"


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
            write_empty(salt)
            minions = SaltMinions(salt_config.client_config(str(salt.config_dir / "master")))
            for number in range(rounds + 1):
                one = {
                    "orch_s": timed(lambda: orchestrate(salt)),
                    "floor_s": timed(lambda: floor(dhcp)),
                    "bare_s": timed(lambda: salt.salt_run("test.arg")),
                    "salt_floor_s": timed(lambda: orchestrate(salt, EMPTY)),
                    "asking_s": timed(lambda: ask_nothing(minions)),
                }
                dhcp.wait_normal()
                allow_starts(dhcp)
                one["batch_s"] = timed(lambda: batch(salt))
                dhcp.wait_normal()
                allow_starts(dhcp)
                ask(salt, False)
                one["unasked_s"] = timed(lambda: orchestrate(salt))
                ask(salt, True)
                dhcp.wait_normal()
                one["probe_costs_s"] = one["orch_s"] - one["unasked_s"]
                one["overhead_s"] = one["orch_s"] - one["floor_s"]
                one["ratio"] = one["orch_s"] / one["floor_s"]
                one["ours_s"] = one["overhead_s"] - one["salt_floor_s"]
                one["ours_asked_s"] = one["ours_s"] - one["asking_s"]
                one["to_batch"] = one["orch_s"] / one["batch_s"]
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


def ask_nothing(minions: SaltMinions) -> None:
    """Ask both minions for nothing, one question after the other."""
    for _ in range(QUESTIONS):
        answers = minions.ask(["dhcp-a", "dhcp-b"], "test.ping")
        assert all(one.get("ret") is True for one in answers.values()), answers


def write_empty(salt: Salt) -> None:
    """Put an orchestration of steps that do nothing into the master's tree."""
    steps, before = [], ""
    for name in (f"step {number}" for number in range(STEPS)):
        require = f"    - require:\n      - test: {before}\n" if before else ""
        steps.append(f"{name}:\n  test.nop:\n    - name: {name}\n{require}")
        before = name
    (salt.file_root / f"{EMPTY}.sls").write_text("\n".join(steps))


def batch(salt: Salt) -> None:
    """Restart both servers one after the other, as Salt itself can."""
    done = salt.salt("*", "service.restart", UNIT, "--batch-size=1")
    if done.returncode:
        raise SystemExit(f"the batch failed\n{done.stdout}\n{done.stderr}")


def allow_starts(dhcp: Dhcp) -> None:
    """Have systemd forget its count of starts: it refuses the sixth in 10 s."""
    for host in dhcp.hosts.values():
        host.run(["systemctl", "reset-failed", UNIT])


def orchestrate(salt: Salt, name: str = "orch.dhcp_failover_restart") -> None:
    """Restart the pair as a user does, or do something else."""
    done = salt.salt_run("state.orch", name)
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
