"""One peer in one scenario, judged from outside: by the lab's watch, and by clients that ask."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from bench.peers.commands import Peer
from bench.peers.scenarios import Scenario
from bench.peers.stage import Stage
from lab.clients import Clients
from lab.errors import LabError
from lab.waiting import wait_until
from lab.watcher import SERVING
from lab.watcher import Watcher

#: New clients per second.
RATE = 100
#: Seconds of load before the command, and after all is well again.
BEFORE, AFTER = 2.0, 1.0
#: Seconds in a row in which who runs serves, so that a case is over.
SETTLED = 5.0
#: Seconds after which it is over at any rate: a dhcpd that starts alone serves after 15.
AFTERMATH = 40.0


def judge(stage: Stage, peer: Peer, scenario: Scenario) -> dict[str, Any]:
    """Make the pair whole, make the scenario, give the peer's command; return what came of it."""
    stage.make_whole()
    offer = scenario.offer or ("comment" if peer.from_file else "")
    if offer:
        stage.offer(offer)
    clients = Clients(stage.dhcp)
    with Watcher(stage.dhcp) as watcher, contextlib.ExitStack() as cleanup:
        scenario.begin(stage)
        before = {name: stage.state(name) for name in stage.lab.hosts}
        pids = stage.pids()
        clients.start(RATE)
        cleanup.callback(end, clients)
        pause(BEFORE)
        begun = time.monotonic()
        done = (peer.rollout if scenario.offer else peer.restart)(stage)
        wall = time.monotonic() - begun
        wait_for_the_end(stage)
        after = {name: stage.state(name) for name in stage.lab.hosts}
        served = clients.stop()
        seen = watcher.stop()
    return {
        "wall_s": round(wall, 3),
        "exit_code": done.code,
        "restarted": restarted(pids, seen.sightings),
        "clients": served.clients,
        "lost": served.lost,
        "late": served.late,
        "never": served.never,
        "duplicates": served.duplicates,
        "longest_unserved_s": served.longest_unserved_s,
        "down_together_s": round(sum(gap.seconds for gap in seen.down_together), 3),
        "before": before,
        "after": after,
        "new_file_on": [name for name in stage.lab.hosts if offer and stage.has_new_file(name)],
        "said": done.output.strip().splitlines()[-150:],
        "seen": str(seen).splitlines(),
    }


def wait_for_the_end(stage: Stage) -> None:
    """Wait until nothing changes any more: who runs serves, for some seconds in a row."""
    since = time.monotonic()

    def settled() -> bool:
        nonlocal since
        states = [stage.state(name)[0] for name in stage.lab.hosts]
        if not SERVING.issuperset(one for one in states if one != "down"):
            since = time.monotonic()
        return stage.dhcp.is_normal() or time.monotonic() - since >= SETTLED

    with contextlib.suppress(LabError):
        wait_until(settled, "the end", AFTERMATH, every=0.1)
    pause(AFTER)


def end(clients: Clients) -> None:
    """End clients that an error has left behind."""
    with contextlib.suppress(LabError):
        clients.stop(patient=False)


def pause(seconds: float) -> None:
    """Let the load run."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, "the pause is over", seconds + 5)


def restarted(pids: dict[str, list[int]], sightings: Any) -> list[str]:
    """Return whose dhcpd ended, in that order."""
    found: dict[str, None] = {}
    for one in sightings:
        if one.host in pids and not one.alive:
            found.setdefault(one.host)
    return list(found)
