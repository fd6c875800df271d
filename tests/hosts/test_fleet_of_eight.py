"""
Eight pairs by one command, each server a host with its own Salt minion: the longer proofs.

``make fleet-test`` runs them; ``make test`` has shorter ones on a hub.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.waiting import wait_until
from lab.watcher import Watcher

pytestmark = pytest.mark.slow

PAIRS = [f"p{number}" for number in range(1, 9)]
#: The one that fails, and where.
FAILING, ITS_SECONDARY = "p3", "b3"
FAILOVER_PORT = 647
#: Nobody connects to it any more; what is connected stays so.
BLOCK = "".join(
    f"table ip block_{hook} {{\nchain c {{ type filter hook {hook} priority 0; "
    f"tcp flags & (syn | ack) == syn tcp dport {FAILOVER_PORT} reject with tcp reset; }}\n}}\n"
    for hook in ("input", "output")
)
SOURCE = {
    path: f"salt://fleet/{{{{ minion }}}}.{path.rpartition('/')[2]}"
    for path in (CONFIGURATION, COMMON)
}


@pytest.fixture(scope="module")
def relationships():
    return [Relationship(name, f"a{name[1]}", f"b{name[1]}") for name in PAIRS]


@pytest.fixture(scope="module")
def lab(relationships):
    if not is_isolated():
        raise pytest.UsageError("run `make fleet-test`, or `lab/isolated .venv/bin/pytest`")
    with Lab(sorted(server for one in relationships for server in one.servers)) as up:
        yield up


@pytest.fixture
def fleet(lab, salt, relationships):
    dhcp = Dhcp(lab.hosts, relationships)
    dhcp.install(180.0)
    salt.salt_run("dhcp_failover.pairs", "refresh=True")
    return dhcp


def run(salt, function, *words):
    """Call a function of the runner; return its exit code and its answer."""
    done = salt.salt_run("--out=json", f"dhcp_failover.{function}", *words)
    print(done.stdout, done.stderr)
    return done.returncode, json.loads(done.stdout)


def states(answer):
    return {unit["unit"].partition(":")[0]: unit["state"] for unit in answer["units"]}


def times_restarted(seen):
    return Counter(one.host for one in seen.restarts)


def all_servers(relationships):
    return {server for one in relationships for server in one.servers}


@contextmanager
def never_normal(salt, fleet):
    """A secondary that nobody can connect to once it is started again."""
    host = fleet.hosts[ITS_SECONDARY]
    host.run(["nft", "-f", "-"], stdin=BLOCK)
    yield
    host.run(["nft", "flush", "ruleset"])
    fleet.wait_normal(60.0)


@contextmanager
def refused(salt, fleet):
    """A secondary that another run has claimed."""
    claimed = salt.salt(ITS_SECONDARY, "dhcpd.claim", "another", "somebody", "seconds=900")
    assert claimed.returncode == 0, claimed.stdout
    yield
    salt.salt(ITS_SECONDARY, "dhcpd.release_claim", "another")


@pytest.mark.parametrize(
    "trouble, at_once, touched",
    [(never_normal, 1, {ITS_SECONDARY}), (refused, 2, set())],
    ids=["never-normal", "refused"],
)
def test_where_one_pair_of_eight_fails_nothing_new_is_begun_and_the_rest_is_whole(
    salt, fleet, relationships, trouble, at_once, touched
):
    words = (f"at_once={at_once}", "timeout=20", "max_failures=1")
    with trouble(salt, fleet):
        with Watcher(fleet) as watcher:
            code, answer = run(salt, "fleet_restart", *words)
            first = watcher.stop()
        assert (code, answer["outcome"]) == (1, "failed")
        seen = states(answer)
        assert [name for name, state in seen.items() if state == "failed"] == [FAILING]
        done = {name for name, state in seen.items() if state == "done"}
        waiting = {name for name, state in seen.items() if state == "not begun"}
        assert {"p1", "p2"} <= done and {"p7", "p8"} <= waiting, seen
        assert done | waiting | {FAILING} == set(PAIRS), "nothing is left in the middle"
        assert first.always_served, str(first)
        halves = {server for one in relationships if one.name in done for server in one.servers}
        once = times_restarted(first)
        assert once == dict.fromkeys(halves | touched, 1), "each once; a3 was not touched"

        code, report = run(salt, "report", "fleet")
        page = Path(report["file"]).read_text("utf-8")
        assert 0 < page.index(f"{FAILING}:") < page.index("p1:"), "failures first"

    # The cause is gone, and the same command goes on.
    with Watcher(fleet) as watcher:
        code, answer = run(salt, "fleet_restart", *words)
        second = watcher.stop()
    assert (code, answer["outcome"]) == (0, "done"), answer["comment"]
    assert set(states(answer).values()) == {"done"}
    assert second.always_served, str(second)
    both = once + times_restarted(second)
    assert both == dict.fromkeys(all_servers(relationships), 1), "each server once, in both runs"


def test_a_pair_that_can_not_be_read_is_not_passed_over_in_silence(lab, salt, fleet):
    kept = lab[ITS_SECONDARY].read(CONFIGURATION)
    lab[ITS_SECONDARY].write(CONFIGURATION, kept + "subnet nonsense;\n")
    try:
        code, answer = run(salt, "fleet_restart", "pairs=p2,p*", "exclude=p4,p5,p6,p7,p8")
        assert (code, answer["outcome"]) == (1, "done"), answer
        assert set(states(answer)) == {"p1", "p2"}
        assert {"a3", "b3"} <= {one["name"] for one in answer["left_out"]}
        assert "Left out, as in no pair: a3 and b3" in answer["comment"]
        code, answer = run(salt, "fleet_restart", "pairs=p1,p3")
        assert code == 1 and "p3 is in no pair" in answer["comment"]
        code, answer = run(salt, "fleet_restart", "exclude=a3,b3,p4,p5,p6,p7,p8")
        assert (code, answer["outcome"]) == (0, "done"), answer
    finally:
        lab[ITS_SECONDARY].write(CONFIGURATION, kept)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_at_any_moment_and_run_again_restarts_nothing_twice(
    salt, fleet, relationships, seed
):
    chance = random.Random(seed)
    with Watcher(fleet) as watcher:
        for _ in range(3):
            before, more = pids(fleet), chance.randrange(1, 5)
            process = salt.begin("dhcp_failover.fleet_restart", "at_once=4")
            wait_until(
                partial(enough, process, fleet, before, more),
                f"{more} more servers are being restarted",
                120.0,
            )
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        code, answer = run(salt, "fleet_restart", "at_once=4")
        seen = watcher.stop()
    assert (code, answer["outcome"]) == (0, "done"), answer["comment"]
    assert seen.always_served, str(seen)
    assert times_restarted(seen) == dict.fromkeys(all_servers(relationships), 1)


def enough(process, fleet, before, more):
    """Whether so many servers are not what they were, or all is done."""
    now = pids(fleet)
    return sum(now[one] != before[one] for one in now) >= more or process.poll() is not None


def pids(fleet):
    return {host: [one.pid for one in fleet.processes(host)] for host in fleet.hosts}


def test_eight_pairs_get_their_new_configuration_the_canary_first(lab, salt, fleet, relationships):
    new = Dhcp(lab.hosts, relationships, omapi=fleet.omapi, lease_time=fleet.lease_time + 60)
    folder = salt.file_root / "fleet"
    folder.mkdir()
    for host in lab.hosts:
        for path, text in new.configuration(host).items():
            (folder / f"{host}.{path.rpartition('/')[2]}").write_text(text)
    source = f"source={json.dumps(SOURCE)}"
    with Watcher(fleet) as watcher:
        code, answer = run(salt, "fleet_rollout", source, "at_once=4", "probation=3")
        seen = watcher.stop()
    assert (code, answer["outcome"]) == (0, "done"), answer["comment"]
    assert seen.always_served, str(seen)
    assert times_restarted(seen) == dict.fromkeys(all_servers(relationships), 1)
    for host in lab.hosts:
        assert lab[host].read(COMMON) == new.configuration(host)[COMMON]

    with Watcher(fleet) as watcher:
        code, answer = run(salt, "fleet_rollout", "previous=True", "at_once=4", "probation=3")
        seen = watcher.stop()
    assert (code, answer["outcome"]) == (0, "done"), answer["comment"]
    assert seen.always_served, str(seen)
    for host in lab.hosts:
        assert lab[host].read(COMMON) == fleet.configuration(host)[COMMON]


def boots(lab):
    path = "/proc/sys/kernel/random/boot_id"
    return {name: host.read(path) for name, host in lab.hosts.items()}


def test_hosts_of_eight_pairs_reboot_two_pairs_at_a_time(lab, salt, fleet, relationships):
    before = boots(lab)
    with Watcher(fleet) as watcher:
        code, answer = run(salt, "fleet_reboot", "at_once=2", "timeout=300")
        seen = watcher.stop()
    assert (code, answer["outcome"]) == (0, "done"), answer["comment"]
    assert seen.always_served, str(seen)
    after = boots(lab)
    assert all(after[one] != before[one] for one in lab.hosts)
    assert fleet.is_normal()
