"""dhcpd -6 in the same service: a v4 act leaves it running or brings it back, and says so."""

from __future__ import annotations

import pytest
from iscdhcp.act import restarting
from iscdhcp.act import starting
from iscdhcp.host.process import Process

SIX = ("/usr/sbin/dhcpd", "-6", "-q", "-cf", "/etc/dhcp/dhcpd6.conf", "eth0")


def six(pid, unit=None):
    return Process(pid, f"boot-{pid}", 1.0, SIX, "S", False, unit=unit)


@pytest.fixture
def service(here, host, monkeypatch):
    """A service that starts both; what a test changes of it comes after."""

    class Functions:
        stops = []
        starts_six = True

        def start(self, name):
            host.ordered = host.clock.time()
            host.done.append("start")
            host.beside = [six(500 + len(host.done))] if self.starts_six else []

        def stop(self, name):
            self.stops.append(name)
            host.beside = []

    made = Functions()
    made.stops = []
    functions = {**host.functions(), "service.start": made.start, "service.stop": made.stop}
    monkeypatch.setattr(host, "functions", lambda: functions)
    here.folder.joinpath("dhcpd.leases").write_text("authoring-byte-order little-endian;\n")
    return made


def test_a_stop_leaves_it_running(here, host, service):
    host.beside = [six(500)]
    answer = restarting.stop(here, {"free-leases"}, None, None, "signal", None)
    assert answer["result"] is True
    assert "dhcpd -6 of dhcpd runs on (pid 500)" in answer["comment"]
    assert service.stops == [] and [one.pid for one in host.beside] == [500]


def test_where_none_runs_the_manager_is_told_as_ever(here, host, service):
    answer = restarting.stop(here, {"free-leases"}, None, None, "signal", None)
    assert answer["result"] is True and "-6" not in answer["comment"]
    assert service.stops == ["dhcpd"]


def test_one_of_another_service_is_none_of_ours(here, host, service):
    host.beside = [six(500, "dhcpd6.service")]
    answer = restarting.stop(here, {"free-leases"}, None, None, "signal", None)
    assert "-6" not in answer["comment"] and service.stops == ["dhcpd"]


def test_a_restart_says_that_it_was_restarted_too(here, host, service):
    host.beside = [six(500)]
    answer = restarting.restart(here, {"free-leases"}, None, None, "signal", 10.0, None, None)
    assert answer["result"] is True, answer
    (told,) = [one for one in answer["warnings"] if "-6" in one]
    assert "was restarted with it" in told


def test_a_start_brings_back_what_the_service_has_not(here, host, service):
    service.starts_six = False
    host.running, host.beside = None, [six(500)]
    launched = []
    host.launch = lambda argv, variables: launched.append(argv)
    answer = starting.start(here, (), 10.0, None)
    assert answer["result"] is True
    assert launched == [list(SIX)]
    assert any("started by its own command line" in one for one in answer["warnings"])


def test_a_failed_start_does_not_leave_it_down(here, host, service):
    service.starts_six = False
    host.born_after = None
    host.beside = [six(500)]
    launched = []
    host.launch = lambda argv, variables: launched.append(argv)
    answer = restarting.restart(here, {"free-leases"}, None, None, "signal", 5.0, None, None)
    assert answer["result"] is False
    assert launched == [list(SIX)]
