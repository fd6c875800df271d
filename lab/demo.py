"""
The main job, shown: a real pair is restarted under load and a page tells what happened.

Run it with ``make demo``. It writes ``build/demo.json`` and ``build/demo.html``, prints the page as
text, and ends with the exit code of the run (or 1 if a client's address was given twice, or the
two servers were ever down together).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from lab import page
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.load import Load
from lab.load import Result
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Report
from lab.watcher import Watcher

RATE = 100
COMMAND = ("state.orch", "orch.dhcp_failover_restart")
#: Seconds of load before and after the run, to be seen on the page.
BEFORE, AFTER = 3.0, 3.0


def main() -> int:
    """Run the demo; return the exit code."""
    with Lab(["dhcp-a", "dhcp-b"]) as lab:
        say("Two hosts are up, each with its own systemd and journal.")
        # MCLT is the length of a first lease: none ends while it is looked for given twice.
        dhcp = Dhcp(lab.hosts, [replace(one, mclt=300) for one in pair()], lease_time=600)
        dhcp.install()
        say("Both dhcpd are normal. Starting Salt: a master, a minion on each host.")
        with Salt(lab) as salt:
            salt.sync_all()
            say(f"$ salt-run {' '.join(COMMAND)}     ({RATE} DHCP exchanges a second meanwhile)")
            load = Load(dhcp)
            with Watcher(dhcp) as watcher:
                load.start(RATE)
                lull(BEFORE)
                begun = time.time()
                code, steps = orchestrate(salt)
                seconds = time.time() - begun
                lull(AFTER)
                clients = load.stop()
                seen = watcher.stop()
    report = build_report(code, begun, seconds, steps, clients, seen)
    build = CHECKOUT / "build"
    build.mkdir(exist_ok=True)
    (build / "demo.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (build / "demo.html").write_text(page.page(report), encoding="utf-8")
    print(page.text(report))
    print("The same as a page: build/demo.html; as data: build/demo.json.")
    return 0 if report["result"] else code or 1


def say(sentence: str) -> None:
    """Tell the person who watches."""
    print(f"--- {sentence}", flush=True)


def lull(seconds: float) -> None:
    """Let the load run for some seconds that are no wait for anything."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the lull is over", seconds + 5)


def orchestrate(salt: Salt) -> tuple[int, list[dict[str, Any]]]:
    """Run the orchestration, its progress shown; return exit code and steps in order."""
    argv = [
        str(BIN / "salt-run"),
        "-c",
        str(salt.config_dir),
        *COMMAND,
        "--out=json",
    ]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900)
    for line in done.stderr.splitlines():
        # Salt's own noise about objects that it did not close.
        if line.strip() and "unclosed" not in line:
            print(f"    {line}", flush=True)
    try:
        (states,) = json.loads(done.stdout)["data"].values()
        steps = sorted(states.values(), key=lambda step: step["__run_num__"])
    except (ValueError, KeyError, TypeError, AttributeError):
        print(done.stdout, file=sys.stderr)
        steps = []
    return done.returncode, steps


def build_report(
    code: int,
    begun: float,
    seconds: float,
    steps: list[dict[str, Any]],
    clients: Result,
    seen: Report,
) -> dict[str, Any]:
    """
    Return everything that the page shows, as plain data.

    ``result``, ``seconds``, ``clients`` (``sent``: exchanges begun, ``lost``: those not completed,
    ``duplicates``), ``phases``, ``servers`` (spans of state by server), ``restarts``.
    """
    restarts = {host: len(seen.restarts_of(host)) for host in ("dhcp-a", "dhcp-b")}
    servers = {host: spans(seen, host) for host in restarts}
    whole = all(states[-1]["state"] == "normal" for states in servers.values() if states)
    good = (
        code == 0
        and seen.always_served
        and set(restarts.values()) == {1}
        and whole
        and clients.requests.duplicates == 0
    )
    return {
        "title": "A failover pair restarted under load",
        "result": good,
        "exit_code": code,
        "begun": begun,
        "seconds": round(seconds, 2),
        "sentence": sentence(good, code, seconds, restarts, clients, seen),
        "clients": {
            "rate": RATE,
            "sent": clients.discovers.sent,
            "lost": clients.lost,
            "lost_offers": clients.discovers.lost,
            "lost_acks": clients.requests.lost,
            # An OFFER is no lease: while the states change both servers may offer to one client.
            "duplicates": clients.requests.duplicates,
            "conditions": "ping-check is off in this demo: with it (dhcpd's default) every OFFER "
            "waits a second, and more exchanges are in flight when a server stops",
        },
        "phases": [
            {
                "name": step["__id__"],
                "seconds": round(float(step["duration"]) / 1000, 3),
                "result": bool(step["result"]),
                "comment": step["comment"],
            }
            for step in steps
        ],
        "servers": servers,
        "roles": {"dhcp-a": "primary", "dhcp-b": "secondary"},
        "restarts": restarts,
        "always_served": seen.always_served,
        "down_together": [str(gap) for gap in seen.down_together],
        "sample_rate": round(seen.rate),
    }


def spans(seen: Report, host: str) -> list[dict[str, Any]]:
    """Return the host's states as spans of time, neighbours that look the same joined."""
    found: list[dict[str, Any]] = []
    for sighting in seen.timeline(host):
        state = "down" if not sighting.alive else sighting.state or "silent"
        if found and found[-1]["state"] == state:
            continue
        if found:
            found[-1]["end"] = sighting.time
        found.append({"state": state, "start": sighting.time, "end": seen.ended})
    return found


def sentence(
    good: bool,
    code: int,
    seconds: float,
    restarts: dict[str, int],
    clients: Result,
    seen: Report,
) -> str:
    """Return the verdict as one sentence."""
    if good:
        return (
            f"Both servers were restarted, each once, in {seconds:.1f} s; at every moment at least "
            f"one served. Exchanges lost: {clients.lost} of {clients.discovers.sent}. No address "
            "was given twice."
        )
    troubles = [f"exit code {code}"] if code else []
    troubles += [f"{host} was restarted {n} times" for host, n in restarts.items() if n != 1]
    troubles += [str(gap) for gap in (*seen.unserved, *seen.down_together)]
    if clients.requests.duplicates:
        troubles.append(f"{clients.requests.duplicates} addresses were given twice")
    return "It did not go well: " + "; ".join(troubles or ["not normal at the end"]) + "."


if __name__ == "__main__":
    sys.exit(main())
