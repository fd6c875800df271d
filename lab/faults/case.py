"""One case: a healthy pair, a command, a fault in it, the same command again; and the judgement."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from lab.dhcp import Dhcp
from lab.errors import LabError
from lab.faults import leases
from lab.faults import strikes
from lab.faults.scene import FIRST
from lab.faults.scene import MOMENTS
from lab.faults.scene import Pair
from lab.faults.scene import Scene
from lab.faults.scene import wait_for
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Report
from lab.watcher import Watcher

#: New clients a second.
RATE = 20
#: Seconds in which a command has to end by itself once its fault is undone.
PATIENCE = 240.0
#: What a server writes once it answers clients: how often that was, as its journal has it.
_STARTED = "Server starting service."


def one_case(
    lab: Lab,
    salt: Salt,
    dhcp: Dhcp,
    pair: Pair,
    case: tuple[str, str, str],
    number: int,
) -> dict[str, Any]:
    """Make one case and judge it."""
    kind, moment, name = case
    fault = strikes.FAULTS[name]
    worker = pair.first if MOMENTS[moment][1] == FIRST else pair.second
    partner = pair.other_than(worker)
    fault.prepare(lab, salt, dhcp)
    wait_until(dhcp.is_normal, "the pair is normal", 120.0, every=0.2)
    before = leases.taken(dhcp)
    if kind == "rollout":
        offer(salt, dhcp, leases.LEASE_TIME + number)
    scene = Scene(lab, salt, dhcp, pair, kind)
    begun = time.time()
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
            if code != 0 or fault.seconds:
                scene.settle()
            again, said_again = go_on(scene, code)
            seen = watcher.stop()
        finally:
            scene.cure()
            scene.close()
    scene.learn_keys()
    if scene.keys:
        dhcp.write_configuration()
    starts = {host: _starts(dhcp, seen, host, begun) for host in dhcp.hosts}
    lost = before - leases.held(dhcp)
    allowed = fault.alone if moment in strikes.AWAY else strikes.ALWAYS
    wrong = _of_the_command(came, code, again)
    if seen.longest_unserved_s > allowed:
        wrong.append(f"nobody had an answer for {seen.longest_unserved_s:.1f} s")
    for host in dhcp.hosts:
        # What the fault has ended comes back by one start more.
        role = {worker: "worker", partner: "partner"}.get(host, "")
        own = _told_starts(host, said + said_again)
        most = max(1, own) + (fault.kills == role != "") + (fault.by_others if role else 0)
        if starts[host] > most:
            wrong.append(f"dhcpd on {host} was started {starts[host]} times")
    if lost:
        wrong.append(f"{len(lost)} of {len(before)} leases were lost")
    if wrong:
        tell(dhcp, f"{kind}, {moment}, {name}", wrong, said, said_again, seen, begun)
    return {
        "longest_unserved_s": round(seen.longest_unserved_s, 2),
        "allowed_s": allowed,
        "exit_code": code,
        "again": again,
        "restarts": starts,
        "leases": len(before),
        "wrong": wrong,
        "said": said.strip().splitlines()[-3:],
        "seen": str(seen).splitlines()[-60:],
    }


def _of_the_command(came: bool, code: int | None, again: int) -> list[str]:
    wrong = []
    if not came:
        wrong.append("the command ended before the moment came")
    if code is None:
        wrong.append(f"the command did not end within {PATIENCE:.0f} s")
    if again != 0:
        wrong.append(f"the same command again: exit code {again}")
    return wrong


def _starts(dhcp: Dhcp, seen: Report, host: str, since: float) -> int:
    """
    Return how often dhcpd was started, the larger of two counts.

    A journal may be gone with its host's power, and a watch does not see who died at once.
    """
    argv = ["journalctl", "--quiet", "-o", "cat", "-t", "dhcpd", f"--since=@{since:.3f}"]
    told = dhcp.hosts[host].run(argv, check=False).stdout.splitlines().count(_STARTED)
    return max(told, Counter(one.host for one in seen.restarts)[host])


def _told_starts(host: str, said: str) -> int:
    """Return how often the commands say that they have started dhcpd on a host."""
    lines = [line for line in said.splitlines() if " UTC " in line]
    told = sum(f"dhcpd on {host} restarted" in one or f"{host} started" in one for one in lines)
    # One that was taken back was started with the old files, and maybe with the new ones before.
    back = "the old one was brought back" in said and f"'{host}'" in said
    # Where the call died in between, who stood by for it has started it with the old ones.
    stood_by = f"{host} runs with its old configuration: the call" in said
    return told + 2 * (back or f"{host} has its old configuration back" in said) + stood_by


def go_on(scene: Scene, code: int | None) -> tuple[int, str]:
    """Give the same command again where it has not ended well, three times at most."""
    scene.learn_keys()
    if code == 0 and scene.dhcp.is_normal():
        return 0, ""
    said = ""
    for _ in range(3):
        done = scene.salt.salt_run(*scene.arguments(again=True), timeout=PATIENCE)
        said += f"exit code {done.returncode}\n{done.stdout}{done.stderr}\n"
        if done.returncode == 0:
            scene.learn_keys()
            break
    return done.returncode, said


def offer(salt: Salt, dhcp: Dhcp, lease_time: int) -> None:
    """Put a new configuration into the master's file tree."""
    new = Dhcp(
        dhcp.hosts,
        dhcp.relationships,
        omapi=dhcp.omapi,
        lease_time=lease_time,
        first_network=dhcp.first_network,
    )
    folder = salt.file_root / "faults"
    folder.mkdir(exist_ok=True)
    for host in dhcp.hosts:
        for path, text in new.configuration(host).items():
            (folder / f"{host}.{path.rpartition('/')[2]}").write_text(text)


def tell(
    dhcp: Dhcp, name: str, wrong: list[str], said: str, again: str, seen: Report, since: float
) -> None:
    """Print all that can tell why a case did not hold."""
    told = [f"\n=== {name}: {'; '.join(wrong)}", said[-8000:], "--- again", again[-8000:]]
    told.append(f"--- {seen}")
    for host in dhcp.hosts.values():
        argv = ["journalctl", "-o", "short-precise", "--no-hostname", f"--since=@{since:.3f}"]
        try:
            text = host.run(argv, check=False).stdout
        except LabError as error:
            text = str(error)
        # What each client is given is left out.
        lines = [one for one in text.splitlines() if ": DHCP" not in one]
        told += [f"--- {host.name}", *lines[-150:]]
    print(*told, "===", sep="\n", flush=True)
