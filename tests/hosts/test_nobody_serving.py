"""
What clients see when something dies at the worst moment of a restart.

``make nobody-serving`` runs it. In each case clients come all the while, and the longest time in
which none of them had an answer is measured. It goes to ``build/nobody-serving.json`` with what our
tool said of it; docs/safety.md has the table.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest

from lab import processes
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.salt import MINION_UNIT
from lab.waiting import wait_until
from lab.watcher import Watcher

pytestmark = pytest.mark.slow

FIGURES = CHECKOUT / "build" / "nobody-serving.json"
#: The client as which servers ask each other.
ASKER = "02:d4:cf:0b:0b:e5"
#: Milliseconds that the window may have on a busy machine; an older answer is asked for anew.
WINDOW_MS = 300.0
#: New clients per second.
RATE = 50
#: While one of two is restarted the other serves: what a busy machine takes for an answer.
SERVED = 1.5
#: Where the partner dies within the window that remains: dhcpd's own start, which waits 15 s for a
#: partner that does not come, and what surrounds it.
ALONE = 15.0 + 10.0


@pytest.fixture(scope="module")
def lab():
    if not is_isolated():
        raise pytest.UsageError("run `make nobody-serving`, or `lab/isolated .venv/bin/pytest`")
    with Lab(["dhcp-a", "dhcp-b"]) as up:
        yield up


class Scene:
    """A pair under clients, the commands of a person, and what comes of it."""

    def __init__(self, lab, salt, dhcp):
        self.lab, self.salt, self.dhcp = lab, salt, dhcp
        self._watch = Watcher(dhcp, exchanges=RATE)
        self._commands = []
        self.run = None

    def begin(self, program, *arguments):
        """Start a command at the master, in a process group of its own."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self.run = subprocess.Popen(
            [BIN / program, "-c", self.salt.config_dir, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            start_new_session=True,
        )
        self._commands.append(self.run)

    def restart(self):
        self.begin("salt-run", "dhcp_failover.restart", "fresh=True")

    def when(self, server, states):
        """Wait until the dhcpd that ``server`` has now is in one of ``states`` (None: ended)."""
        (now,) = self.dhcp.processes(server)

        def so_far():
            return processes.state(now.pid, now.started) in states

        # The moment lasts some milliseconds.
        wait_until(so_far, f"dhcpd on {server} is in {states}", 90.0, every=0.0005)

    def window_ms(self, ended, partner):
        """From the partner's last answer to the question until dhcpd had ended, milliseconds.

        :param ended: when it was seen to have ended, epoch seconds: the SIGTERM was before that.
        """
        journal = ["journalctl", "-q", "-o", "short-unix", "-t", "dhcpd", f"--grep={ASKER}"]
        lines = self.lab[partner].run(journal).stdout.splitlines()
        offers = [float(one.split()[0]) for one in lines if "DHCPOFFER" in one]
        return round(1000 * (ended - max(one for one in offers if one <= ended)), 1)

    def ended(self):
        """The command's exit code and what it said."""
        text = self.run.communicate(timeout=200)[0]
        return self.run.returncode, text

    def halt(self, server):
        (process,) = self.dhcp.processes(server)
        os.kill(process.pid, signal.SIGSTOP)

    def kill_minion(self, server):
        """The minion and all that it started: its whole control group."""
        kill = ["systemctl", "kill", "--kill-whom=all", "--signal=KILL", MINION_UNIT]
        self.lab[server].run(kill)

    def wait_served(self, server):
        """Until ``server`` serves, whatever its partner does."""

        def serves():
            return self.dhcp.failover_states(server).get("foo", ("", ""))[0] in (
                "normal",
                "communications-interrupted",
            )

        wait_until(serves, f"{server} serves", 90.0)

    def close(self, case, code, said, **more):
        """End the watch, write the figure down and return the longest silence."""
        # Clients have to be answered once more: silence that goes on is measured to its end.
        settled = time.monotonic() + 2.0
        wait_until(lambda: time.monotonic() > settled, "clients come for two seconds", 10.0)
        seen = self._watch.stop()
        print(seen)
        figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
        figures[case] = {
            "case": case,
            "longest_unserved_s": seen.longest_unserved_s,
            "exit_code": code,
            "said": said.strip().splitlines()[-12:],
            **more,
            "clients_per_second": RATE,
            "cores": os.cpu_count(),
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        return seen.longest_unserved_s

    def clean(self):
        for command in self._commands:
            if command.poll() is None:
                os.killpg(command.pid, signal.SIGKILL)
                command.wait()
        self._watch.__exit__()
        for host in self.lab.hosts.values():
            host.start()
            found = [one.pid for one in host.processes("dhcpd")]
            processes.signal_all(found, signal.SIGCONT)


@pytest.fixture
def scene(lab, salt):
    for host in lab.hosts.values():
        host.start()
    relationship = Relationship("foo", "dhcp-a", "dhcp-b", mclt=60, addresses=20000)
    dhcp = Dhcp(lab.hosts, [relationship], lease_time=600)
    dhcp.install()
    for name in lab.hosts:
        salt.start_minion(name)
        asked = salt.salt(name, "dhcpd.ask_partner", "--timeout=20")
        assert asked.returncode == 0 and "offered" in asked.stdout, asked
    stage = Scene(lab, salt, dhcp)
    stage._watch.start()
    try:
        yield stage
    finally:
        stage.clean()


def test_with_no_fault_at_all_clients_are_always_served(scene):
    scene.restart()
    scene.when("dhcp-b", (None, "Z"))
    gone = time.time()
    code, said = scene.ended()
    assert code == 0, said
    window = scene.window_ms(gone, "dhcp-a")
    assert scene.close("no fault", code, said, window_ms=window) < SERVED
    assert window < WINDOW_MS


def test_a_call_killed_with_its_minion_s_whole_control_group_leaves_clients_served(scene):
    scene.restart()
    scene.when("dhcp-b", (None, "Z"))
    scene.kill_minion("dhcp-b")
    scene.dhcp.wait_normal(90.0)
    scene.salt.start_minion("dhcp-b")
    code, said = scene.ended()
    # The run has found it there again, and says how.
    assert code == 0 and "answer was lost" in said, said
    assert scene.close("control group killed", code, said) < SERVED


def test_a_run_killed_on_the_master_leaves_clients_served(scene):
    scene.restart()
    scene.when("dhcp-b", (None, "Z"))
    os.killpg(scene.run.pid, signal.SIGKILL)
    scene.dhcp.wait_normal(90.0)
    code, said = scene.ended()
    assert code == -signal.SIGKILL
    assert scene.close("run killed on the master", code, said) < SERVED


@pytest.mark.parametrize(
    ("name", "strike"),
    [
        ("partner halted before", lambda scene: scene.halt("dhcp-a")),
        ("partner without power before", lambda scene: scene.lab["dhcp-a"].kill()),
    ],
    ids=["halted", "without power"],
)
def test_a_partner_that_is_gone_right_before_is_not_left_alone(scene, name, strike):
    before = scene.dhcp.processes("dhcp-b")
    strike(scene)
    scene.begin("salt", "dhcp-b", "dhcpd.restart")
    code, said = scene.ended()
    assert code != 0, said
    assert scene.dhcp.processes("dhcp-b") == before, said
    assert scene.close(name, code, said) < SERVED


def test_a_partner_halted_in_the_last_look_costs_one_start_at_most(scene):
    scene.restart()
    # Halted for its SIGTERM: the partner has answered already, or answers just now.
    scene.when("dhcp-b", ("t", "T", None, "Z"))
    scene.halt("dhcp-a")
    scene.wait_served("dhcp-b")
    code, said = scene.ended()
    assert code != 0, said
    assert scene.close("partner halted in the last look", code, said) < ALONE


def test_a_partner_without_power_in_the_last_look_costs_one_start_at_most(scene):
    scene.restart()
    scene.when("dhcp-b", ("t", "T", None, "Z"))
    scene.lab["dhcp-a"].kill()
    scene.wait_served("dhcp-b")
    code, said = scene.ended()
    assert code != 0, said
    assert scene.close("partner without power in the last look", code, said) < ALONE


def test_a_disk_that_is_full_leaves_clients_served(scene):
    host = scene.lab["dhcp-b"]
    folder = "/var/lib/dhcp"
    small = f"cp -a {folder} /run/kept && mount -t tmpfs -o size=16m none {folder} && "
    small += f"cp -a /run/kept/. {folder}/ && rm -rf /run/kept; "
    scene.dhcp.stop("dhcp-b")
    host.run(["sh", "-c", small])
    scene.dhcp.start("dhcp-b")
    scene.dhcp.wait_normal(90.0)
    try:
        host.run(["sh", "-c", f"cat /dev/zero > {folder}/filler; true"])
        scene.restart()
        code, said = scene.ended()
        host.run(["rm", f"{folder}/filler"])
        scene.wait_served("dhcp-a")
        silence = scene.close("full disk", code, said)
    finally:
        host.run(["rm", "-f", f"{folder}/filler"])
        scene.dhcp.stop("dhcp-b")
        host.run(["umount", "-l", folder])
    assert code != 0, said
    assert silence < SERVED
