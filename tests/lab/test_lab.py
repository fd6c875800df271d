"""The lab keeps its promises: a pair that is normal, a watch that sees, a load that counts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from lab.clients import Clients
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.load import Load
from lab.waiting import wait_until
from lab.watcher import Watcher
from lab.watcher import sightings_of

needs_isolation = pytest.mark.skipif(not is_isolated(), reason="boots hosts: run `make test`")


@pytest.fixture(scope="module")
def lab():
    with Lab(["lab-a", "lab-b"]) as up:
        yield up


@pytest.fixture(scope="module")
def installed(lab):
    dhcp = Dhcp(lab.hosts, pair("lab-a", "lab-b"))
    dhcp.install()
    return dhcp


@pytest.fixture
def dhcp(installed):
    """A pair that is normal at both ends."""
    if not installed.is_normal():
        installed.reset()
    return installed


@needs_isolation
def test_a_pair_comes_up_normal_at_both_ends(dhcp):
    for host in dhcp.hosts:
        assert dhcp.failover_states(host) == {"foo": ("normal", "normal")}
        assert len(dhcp.processes(host)) == 1


@needs_isolation
def test_clients_are_served_and_none_gets_the_address_of_another(dhcp):
    load = Load(dhcp)
    load.start(rate=50, seconds=3)
    result = load.result()
    assert result.checked and result.duplicates == 0
    assert result.sent > 200 and result.lost == 0


@needs_isolation
@pytest.mark.parametrize("by_journal", [False, True], ids=["omapi", "journal"])
def test_the_restart_of_one_server_under_load_is_seen_and_serves_all_the_time(dhcp, by_journal):
    load = Load(dhcp)
    watcher = Watcher(dhcp, by_journal=by_journal)
    watcher.start()
    load.start(rate=50)
    dhcp.kill("lab-a")
    wait_until(
        lambda: dhcp.failover_states("lab-b") == {"foo": ("communications-interrupted", "normal")},
        "the partner notices",
        timeout=5.0,
    )
    dhcp.start("lab-a")
    dhcp.wait_normal()
    report, result = watcher.stop(), load.stop()

    assert report.always_served, str(report)
    assert [restart.host for restart in report.restarts] == ["lab-a"]
    assert [each.state for each in report.timeline("lab-b")][-2:] == [
        "communications-interrupted",
        "normal",
    ]
    assert any(not each.alive for each in report.timeline("lab-a"))
    assert result.duplicates == 0 and result.lost < 10


@needs_isolation
def test_both_servers_down_together_are_seen(dhcp):
    with Watcher(dhcp) as watcher:
        for host in dhcp.hosts:
            dhcp.kill(host)
        dhcp.reset()
        report = watcher.stop()
    assert not report.always_served
    assert report.down_together and report.unserved


@needs_isolation
def test_an_outage_inside_an_announced_window_is_left_out(dhcp):
    with Watcher(dhcp) as watcher:
        with watcher.window():
            for host in dhcp.hosts:
                dhcp.kill(host)
            dhcp.reset()
        assert watcher.stop().always_served


@needs_isolation
def test_a_stopped_process_counts_as_not_serving(dhcp):
    (process,) = dhcp.processes("lab-a")
    with Watcher(dhcp) as watcher:
        os.kill(process.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: watcher.seen("lab-a")[-1].serving is False, "it is seen", 5.0)
        finally:
            os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: watcher.seen("lab-a")[-1].serving, "it is seen again", 5.0)
        report = watcher.stop()
    assert report.always_served and not report.restarts


@needs_isolation
def test_clients_that_send_again_are_served_late_while_a_server_hangs(dhcp):
    (process,) = dhcp.processes("lab-a")
    clients = Clients(dhcp)
    clients.start(rate=20)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() - begun > 6.0, "it hangs for 6 s", timeout=7.0)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    served = clients.stop()
    assert served.clients >= 100 and served.duplicates == 0
    assert served.late > 0 and served.never == 0, str(served)
    assert served.late < served.clients / 2, "the partner serves its own half at once"


@needs_isolation
def test_a_host_keeps_its_disk_over_a_power_cut(lab):
    host = lab["lab-a"]
    host.write("/etc/kept", "yes\n")
    host.kill()
    assert not host.running
    host.start()
    assert host.read("/etc/kept") == "yes\n"
    assert not host.processes("dhcpd")  # it starts nothing by itself


@needs_isolation
def test_a_host_that_reboots_by_itself_comes_back_with_its_disk(lab):
    host = lab["lab-a"]
    host.write("/etc/kept", "yes\n")
    leader = host.leader
    host.run(["systemctl", "reboot"], check=False)

    def is_back():
        try:
            return host.leader != leader and host.running
        except LabError:
            return False

    wait_until(is_back, "it is back", 30.0)
    assert host.read("/etc/kept") == "yes\n"


@needs_isolation
def test_a_host_cannot_change_the_checkout_or_the_machine(lab):
    host = lab["lab-b"]
    assert host.run(["touch", str(CHECKOUT / "touched")], check=False).returncode
    host.write("/etc/touched", "by a host\n")
    assert not os.path.exists("/etc/touched")


def test_a_lab_outside_its_namespaces_says_how_to_run_it(monkeypatch):
    monkeypatch.delenv("DHCP_FAILOVER_LAB", raising=False)
    with pytest.raises(LabError, match="lab/isolated"):
        Lab(["lab-a"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces")
class TestIsolated:
    """The command ``lab/isolated``."""

    command = str(CHECKOUT / "lab" / "isolated")

    def test_the_exit_code_is_the_commands(self):
        assert subprocess.run([self.command, "sh", "-c", "exit 7"], check=False).returncode == 7

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
    def test_nothing_outlives_it_however_it_ends(self, number):
        # The pipe's end is reached only when every process that holds it has ended.
        script = "sleep 1000 & setsid sleep 1000 & echo started; sleep 1000"
        with subprocess.Popen(
            # Under nohup all of them would be deaf to SIGHUP, and bash can't change that.
            ["env", "--default-signal", self.command, "sh", "-c", script],
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            assert process.stdout.readline() == b"started\n"
            process.send_signal(number)
            assert process.communicate(timeout=60)[0] == b""

    def test_it_works_without_standard_input(self):
        run = f"import os; os.close(0); os.execv({self.command!r}, ['isolated', 'cat'])"
        assert subprocess.run([sys.executable, "-c", run], check=False).returncode == 0


def test_a_server_that_reads_its_files_does_not_serve_yet():
    records = [
        {"time": 1.0, "pid": 7, "stopped": False},
        {"time": 1.0, "states": {"foo": ["normal", "normal"]}},
        {"time": 2.0, "pid": None, "stopped": False},
        {"time": 3.0, "pid": 8, "stopped": False},
        {"time": 4.0, "states": {"foo": ["startup", "normal"]}},
        {"time": 5.0, "states": {"foo": ["normal", "normal"]}},
    ]
    seen = list(sightings_of("a", ["foo"], records))
    assert [(each.time, each.alive, each.serving) for each in seen] == [
        (1.0, True, True),
        (2.0, False, False),
        (3.0, True, False),
        (4.0, True, False),
        (5.0, True, True),
    ]
