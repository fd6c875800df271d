"""What a server's own look tells at once, and facts from before an act that it does not believe."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest
from iscdhcp.act import lease_file
from iscdhcp.act import starting
from iscdhcp.facts import gather
from iscdhcp.facts import lease_counts
from iscdhcp.host import process


def test_a_halted_dhcpd_is_not_waited_for(here, host, monkeypatch):
    def ask(*args):
        raise AssertionError("it was asked, which takes until the time-out")

    monkeypatch.setattr(host, "omapi", ask)
    host.running = replace(host.running, state="T")
    facts = here.facts(False)
    assert facts["process"]["stopped"]
    assert facts["omapi"]["error"] == "dhcpd (pid 100) is halted by a signal"


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def speaker(pid):
    """A server whose dhcpd has that pid, with this host's real sockets."""
    where = SimpleNamespace(apart=False)
    return SimpleNamespace(
        process=SimpleNamespace(pid=pid, where=where),
        host=SimpleNamespace(sockets=process.sockets),
    )


def test_another_program_on_the_port_of_omapi_is_seen(listener):
    # This very process listens; its parent does not.
    assert gather._is_anothers(speaker(os.getppid()), listener) is True
    assert gather._is_anothers(speaker(os.getpid()), listener) is False


def test_a_port_on_which_nobody_is_seen_is_nobody_else_s(listener):
    assert gather._is_anothers(speaker(os.getpid()), 1) is False
    apart = speaker(os.getppid())
    apart.process.where.apart = True
    assert gather._is_anothers(apart, listener) is False


def test_a_log_without_a_line_says_which_files_were_read(here, host, monkeypatch):
    monkeypatch.setattr(gather, "omapi_facts", lambda server: (here_omapi(), {}))
    error = here.facts(False)["log"]["error"]
    assert error == f"no line of this process (pid 100) was found; read: {here.folder / 'log'}"


def here_omapi():
    return {**gather.unknown.server()["omapi"], "error": "it does not answer"}


def kept(here):
    facts = {"counted": here.host.clock.time(), "file": str(here.folder / "dhcpd.leases")}
    facts.update(relationships={}, damaged=1, error=None)
    lease_counts.keep(here.notes.folder, facts)
    assert lease_counts.kept(here.notes.folder) == facts


def test_counts_from_before_a_start_are_forgotten(here, host):
    kept(here)
    host.running = None
    answer = starting.start(here, ("start", "address", "lease-file"), 20.0, None)
    assert answer["result"], answer
    assert lease_counts.kept(here.notes.folder) is None


def test_counts_from_before_a_repair_are_forgotten_and_a_test_changes_nothing(here, host):
    (here.folder / "dhcpd.leases").write_text(
        'failover peer "foo" state {\n  my state normal at 4 2026/11/26 12:00:00;\n'
        "  partner state normal at 4 2026/11/26 12:00:00;\n}\nlease 192.0.2.7 {\n  starts 4 20"
    )
    kept(here)
    host.running = None
    assert lease_file.repair(here, None, test=True)["cut"]
    assert lease_counts.kept(here.notes.folder)
    assert lease_file.repair(here, None, test=False)["changed"]
    assert lease_counts.kept(here.notes.folder) is None
