"""
Hosts that reboot and hosts that die, each with its own Salt minion: the longer proofs.

``make reboot-test`` runs them; ``make test`` has shorter ones.
"""

from __future__ import annotations

import calendar
import json
import time

import pytest

from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.load import Load
from lab.waiting import wait_until
from lab.watcher import Watcher

pytestmark = pytest.mark.slow

MCLT = 20
LEASE_TIME = 1200
RATE = 50


@pytest.fixture(scope="module")
def lab():
    if not is_isolated():
        raise pytest.UsageError("run `make reboot-test`, or `lab/isolated .venv/bin/pytest`")
    with Lab(["dhcp-a", "dhcp-b"]) as up:
        # One of the hosts starts dhcpd at its boot; on the other it is up to the orchestration.
        # (A link by hand: the unit is generated, systemctl refuses to enable it for a target.)
        wants = "/etc/systemd/system/basic.target.wants"
        link = f"mkdir -p {wants} && ln -s /run/systemd/generator.late/{UNIT} {wants}/{UNIT}"
        up["dhcp-b"].run(["sh", "-c", link])
        yield up


@pytest.fixture
def pair(lab, salt):
    for host in lab.hosts.values():
        host.start()
    relationship = Relationship("foo", "dhcp-a", "dhcp-b", mclt=MCLT, addresses=20000)
    dhcp = Dhcp(lab.hosts, [relationship], lease_time=LEASE_TIME)
    dhcp.install()
    wait_until(lambda: all_answer(salt, lab), "both minions answer", 60.0, every=1.0)
    return dhcp


def all_answer(salt, lab):
    return all(salt.salt(name, "test.ping", "--timeout=3").returncode == 0 for name in lab.hosts)


def boots(lab):
    path = "/proc/sys/kernel/random/boot_id"
    return {name: host.read(path).strip() for name, host in lab.hosts.items()}


def leases(host, ends_after=0.0):
    """The addresses that are active until ``ends_after``, by the last entry of each in the file."""
    found, address, active, ends = {}, None, False, 0.0
    for line in host.read(LEASES).splitlines():
        words = line.strip(";").split()
        if line.startswith("lease "):
            address, active, ends = words[1], False, 0.0
        elif address and words[:2] == ["binding", "state"]:
            active = words[2] == "active"
        elif address and words[0] == "ends" and words[1] != "never":
            ends = calendar.timegm(time.strptime(" ".join(words[2:]), "%Y/%m/%d %H:%M:%S"))
        elif line.startswith("}") and address:
            found[address], address = active and ends >= ends_after, None
    return {address for address, counts in found.items() if counts}


def take_long_leases(lab, pair):
    """Have clients come until they have a lease of full length; return their addresses."""
    load = Load(pair)
    # The first lease is as long as MCLT; the partner has to acknowledge it first.
    load.start(RATE, seconds=10, clients=100)
    load.result()
    taken = leases(lab["dhcp-a"], time.time() + LEASE_TIME / 2)
    assert len(taken) > 50, "clients got long leases"
    return taken


def orchestrate(salt, *arguments, **pillar):
    # The computed deadlines are for servers, not for a busy machine that plays all of them.
    given = [f"pillar={json.dumps({'timeout': 300, **pillar})}"]
    name = "orch.dhcp_failover_reboot"
    done = salt.salt_run("--out=json", "state.orch", name, *given, *arguments)
    print(done.stdout, done.stderr)
    return done


def until(seconds):
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, "the pause is over", seconds + 5)


def test_both_hosts_reboot_under_load_and_somebody_serves_all_the_time(lab, salt, pair):
    first = boots(lab)
    load = Load(pair)
    with Watcher(pair) as watcher:
        before = take_long_leases(lab, pair)
        load.start(RATE)
        until(2.0)
        done = orchestrate(salt)
        until(2.0)
        clients = load.stop()
        seen = watcher.stop()
    print(clients, seen)
    assert done.returncode == 0
    assert pair.is_normal()
    assert seen.always_served, str(seen)
    assert {one.host for one in seen.restarts} == {"dhcp-a", "dhcp-b"}
    now = boots(lab)
    assert all(now[name] != first[name] for name in first)
    for name in lab.hosts:
        assert before <= leases(lab[name]), f"{name} has lost leases"
    assert clients.discovers.lost < clients.discovers.sent / 20, str(clients)
    assert clients.requests.lost < clients.requests.sent / 20, str(clients)
    assert clients.duplicates == 0


def test_a_command_that_fails_leaves_the_pair_normal_and_the_partner_untouched(lab, salt, pair):
    partner = pair.processes("dhcp-a")
    with Watcher(pair) as watcher:
        done = orchestrate(salt, command="echo no space left; exit 3")
        seen = watcher.stop()
    assert done.returncode != 0
    assert "exit code 3" in done.stdout and "no space left" in done.stdout
    assert pair.is_normal()
    assert seen.always_served, str(seen)
    assert pair.processes("dhcp-a") == partner


def test_a_host_that_stays_away_is_told_and_the_same_command_goes_on(lab, salt, pair):
    first = boots(lab)
    # It powers off instead, and stays away.
    shutdown = "/usr/local/sbin/shutdown"
    lab["dhcp-b"].write(shutdown, "#!/bin/sh\nexec systemctl poweroff\n", mode=0o755)
    with Watcher(pair) as watcher:
        done = orchestrate(salt, only="dhcp-b", host_timeout=8)
        assert done.returncode != 0
        assert "dhcp-b has not come back within 8 s" in done.stdout
        assert "dhcp-a serves alone (foo partner-down" in done.stdout
        assert "run the same command" in done.stdout
        lab["dhcp-b"].kill()
        lab["dhcp-b"].start()
        lab["dhcp-b"].run(["rm", shutdown])
        wait_until(lambda: all_answer(salt, lab), "dhcp-b is back", 60.0, every=1.0)
        done = orchestrate(salt, only="dhcp-b", host_timeout=60)
        seen = watcher.stop()
    assert done.returncode == 0
    assert "continues the unfinished run" in done.stdout
    assert pair.is_normal()
    assert seen.always_served, str(seen)
    assert boots(lab)["dhcp-b"] != first["dhcp-b"]
    assert boots(lab)["dhcp-a"] == first["dhcp-a"]


def test_a_dead_partner_is_taken_for_dead_by_hand_and_brought_back(lab, salt, pair):
    def down(*arguments):
        return run(salt, "dhcp_failover.partner_down", "dead=dhcp-a", *arguments)

    refused = down("confirm=dhcp-a")
    assert "dhcpd runs on dhcp-a" in refused["comment"]

    # Its minion is silent, its dhcpd serves: no confirmation overrides that.
    salt.stop_minion("dhcp-a")
    assert "communications-interrupted" in down("confirm=dhcp-a")["comment"]

    # dhcpd hangs, its host is up: the survivor is interrupted and the address answers.
    for process in pair.processes("dhcp-a"):
        lab["dhcp-a"].run(["kill", "-STOP", str(process.inner_pid)])
    wait_until(lambda: state(pair, "dhcp-b") == "communications-interrupted", "lost", 40.0)
    refused = down("confirm=dhcp-a")
    assert "OMAPI of dhcp-a" in refused["comment"] or "answers" in refused["comment"]

    lab["dhcp-a"].kill()
    refused = down()
    assert "confirm=dhcp-a" in refused["comment"]
    assert "MCLT" in refused["comment"] and "free addresses of dhcp-a" in refused["comment"]
    assert state(pair, "dhcp-b") == "communications-interrupted"

    taken = down("confirm=dhcp-a")
    assert taken["result"] is True, taken
    assert state(pair, "dhcp-b") == "partner-down"

    lab["dhcp-a"].start()
    wait_until(lambda: all_answer(salt, lab), "dhcp-a is back", 60.0, every=1.0)
    lab["dhcp-a"].run(["sh", "-c", f"rm {LEASES}*"])
    lost = run(salt, "dhcp_failover.bring_back", "server=dhcp-a")
    assert lost["result"] is False
    assert "force=lease-file" in lost["comment"], lost
    back = run(salt, "dhcp_failover.bring_back", "server=dhcp-a", "force=lease-file", "wait=False")
    assert back["result"] is True, back
    assert "MCLT holds dhcp-a in recover-wait until" in back["comment"], back
    back = run(salt, "dhcp_failover.bring_back", "server=dhcp-a")
    assert back["result"] is True, back
    assert pair.is_normal()


def run(salt, *arguments):
    done = salt.salt_run("--out=json", *arguments)
    print(done.stdout, done.stderr)
    answer = json.loads(done.stdout)
    assert bool(done.returncode) == (answer.get("retcode") == 1 or "data" in answer)
    return answer.get("data", answer)


def state(pair, server):
    return pair.failover_states(server).get("foo", (None, None))[0]
