"""
Pairs on other systems: each one's own package of dhcpd, its unit, paths and users, and a minion.

``make platforms-test`` runs it; the roots are made in ``build/roots`` (lab/roots.py), where a root
can't be had its tests fail and say why. What was seen goes to ``build/platforms.json``.
"""

from __future__ import annotations

import json
import signal
import time

import pytest

from lab import roots
from lab.dhcp import COMMON
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Omapi
from lab.dhcp import Relationship
from lab.isolation import CHECKOUT
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.load import Load
from lab.salt import Salt
from lab.waiting import wait_until
from lab.watcher import Watcher

pytestmark = pytest.mark.slow

FIGURES = CHECKOUT / "build" / "platforms.json"
#: New clients per second.
RATE = 50
#: What a system's package does: the unit's file, who dhcpd runs as, whose the lease file is.
PACKAGES = {
    "debian-13": ("/run/systemd/generator.late", "root", "root:root 644"),
    "ubuntu-22.04": ("/lib/systemd/system", "dhcpd", "dhcpd:dhcpd 644"),
    "ubuntu-24.04": ("/usr/lib/systemd/system", "dhcpd", "dhcpd:dhcpd 644"),
}
#: With a key of another algorithm this dhcpd (4.4.1) closes each connection; its omshell crashes.
ALGORITHMS = {"ubuntu-22.04": "hmac-md5"}


class Pair:
    """Two servers of one system, with their master."""

    def __init__(self, system, lab, salt, dhcp):
        self.system, self.lab, self.salt, self.dhcp = system, lab, salt, dhcp

    def run(self, *arguments):
        """What a runner answers, and its exit code."""
        done = self.salt.salt_run("--out=json", *arguments)
        print(done.stdout, done.stderr)
        return json.loads(done.stdout), done.returncode

    def status(self, server):
        """``dhcpd.status`` of a server, by its own minion."""
        done = self.salt.salt(server, "--out=json", "--static", "dhcpd.status", "--timeout=30")
        assert done.returncode == 0, done
        return json.loads(done.stdout)[server]

    def seen(self, server):
        """The unit's file, who dhcpd runs as, whose the lease file is."""
        host = self.lab[server]
        (process,) = self.dhcp.processes(server)
        show = ["systemctl", "show", "--property=FragmentPath", "--value", UNIT]
        unit = host.run(show).stdout.strip().rpartition("/")[0]
        user = host.run(["ps", "-o", "user=", "-p", str(process.inner_pid)]).stdout.strip()
        return unit, user, host.run(["stat", "-c", "%U:%G %a", LEASES]).stdout.strip()

    def is_active(self, server):
        """Whether systemd has it that dhcpd runs."""
        return not self.lab[server].run(["systemctl", "is-active", UNIT], check=False).returncode

    def under_load(self, orchestration, **pillar):
        """An orchestration while clients come: its end, the clients' luck, what the watch saw."""
        load = Load(self.dhcp)
        with Watcher(self.dhcp) as watcher:
            load.start(RATE)
            began = time.monotonic()
            wait_until(lambda: time.monotonic() > began + 3.0, "clients come", 10.0)
            given = f"pillar={json.dumps(pillar)}"
            done = self.salt.salt_run("--out=json", "state.orch", orchestration, given)
            print(done.stdout, done.stderr)
            clients = load.stop()
            seen = watcher.stop()
        print(clients, seen)
        return done, clients, seen

    def note(self, act, clients, seen):
        """Write down what was seen."""
        figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
        mine = figures.setdefault(self.system.name, {})
        mine.update(self.versions())
        mine[act] = {"clients": str(clients), "always_served": seen.always_served}
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")

    def versions(self):
        """What is installed on them."""
        query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "isc-dhcp-server", "systemd"]
        packages = self.lab["dhcp-a"].run(query).stdout.splitlines()
        salt = self.salt.salt_call("dhcp-a", "--version").stdout.strip()
        python = self.lab["dhcp-a"].run(["python3", "--version"]).stdout.strip()
        return {"system": self.system.title, "versions": [*packages, salt, python]}


@pytest.fixture(scope="module", params=[*roots.SYSTEMS])
def pair(request):
    if not is_isolated():
        raise pytest.UsageError("run `make platforms-test`, or `lab/isolated .venv/bin/pytest`")
    system = roots.SYSTEMS[request.param]
    system.require()
    with Lab(["dhcp-a", "dhcp-b"], system=system) as lab, Salt(lab) as salt:
        salt.sync_all()
        relationship = Relationship("foo", "dhcp-a", "dhcp-b", mclt=60, addresses=20000)
        key = Omapi(algorithm=ALGORITHMS.get(system.name, "hmac-sha256"))
        dhcp = Dhcp(lab.hosts, [relationship], omapi=key, lease_time=600)
        dhcp.install()
        yield Pair(system, lab, salt, dhcp)


def test_status_says_what_the_package_does(pair):
    for server in pair.lab.hosts:
        status = pair.status(server)
        print(json.dumps(status, indent=1))
        assert pair.seen(server) == PACKAGES[pair.system.name]


def test_preflight_finds_nothing(pair):
    answer, code = pair.run("dhcp_failover.preflight")
    assert code == 0, answer


def test_both_restart_under_load_and_somebody_serves_all_the_time(pair):
    before = {name: pair.dhcp.processes(name) for name in pair.lab.hosts}
    done, clients, seen = pair.under_load("orch.dhcp_failover_restart", timeout=300)
    assert done.returncode == 0, done
    assert seen.always_served, str(seen)
    assert [one.host for one in seen.restarts] == ["dhcp-b", "dhcp-a"]
    assert clients.duplicates == 0, str(clients)
    assert clients.lost <= 0.05 * clients.sent, str(clients)
    assert pair.dhcp.is_normal()
    for name in pair.lab.hosts:
        assert pair.dhcp.processes(name) != before[name]
        assert pair.seen(name) == PACKAGES[pair.system.name]
        # A script sleeps for 2 s after it has started dhcpd.
        wait_until(lambda name=name: pair.is_active(name), f"{UNIT} of {name} is active", 10.0)
    pair.note("restart", clients, seen)


def test_a_rollout_under_load_changes_both_and_keeps_the_files_owners(pair):
    about = ["stat", "-c", "%U:%G %a", COMMON]
    owners = {name: host.run(about).stdout for name, host in pair.lab.hosts.items()}
    folder = pair.salt.file_root / "rollout"
    folder.mkdir()
    for name in pair.lab.hosts:
        text = pair.dhcp.configuration(name)[COMMON]
        new = text.replace("max-lease-time 600;", "max-lease-time 900;")
        (folder / f"{name}.conf").write_text(new)
    source = {COMMON: "salt://rollout/{{ minion }}.conf"}
    done, clients, seen = pair.under_load(
        "orch.dhcp_failover_rollout", timeout=300, source=source, probation=10
    )
    assert done.returncode == 0, done
    assert seen.always_served, str(seen)
    assert clients.duplicates == 0, str(clients)
    assert clients.lost <= 0.05 * clients.sent, str(clients)
    assert pair.dhcp.is_normal()
    for name, host in pair.lab.hosts.items():
        assert "max-lease-time 900;" in host.read(COMMON)
        assert host.run(about).stdout == owners[name]
        assert pair.seen(name) == PACKAGES[pair.system.name]
    pair.note("rollout", clients, seen)


def test_a_server_whose_lease_file_is_torn_is_repaired_and_started(pair):
    host = pair.lab["dhcp-b"]
    pair.dhcp.kill("dhcp-b", signal.SIGKILL)
    about = ["stat", "-c", "%U:%G %a", LEASES]
    owner = host.run(about).stdout
    host.run(["sh", "-c", f"printf 'lease 10.99.1.1 {{\n  starts 4 2026/11' >>{LEASES}"])
    refused, code = pair.run("dhcp_failover.start", "server=dhcp-b")
    assert code != 0, refused
    repaired = pair.salt.salt("dhcp-b", "dhcpd.repair_leases", "--timeout=30")
    assert repaired.returncode == 0, repaired
    assert host.run(about).stdout == owner
    answer, code = pair.run("dhcp_failover.start", "server=dhcp-b")
    assert code == 0, answer
    pair.dhcp.wait_normal(60.0)
    assert pair.seen("dhcp-b") == PACKAGES[pair.system.name]
    wait_until(lambda: pair.is_active("dhcp-b"), f"{UNIT} is active", 10.0)
