"""A run that waits long has its servers ask each other whether they live, and tells of silence."""

from __future__ import annotations

import os
import signal
import time

from steered import begin_maintenance
from steered import end_maintenance
from steered import entries_of

from lab import processes
from lab.waiting import wait_until

#: Seconds between two looks at a partner in a maintenance, and what each may take.
LOOKS = 5.0 + 3.0


def lives(pair):
    """What the run's journal has of signs of life: state by state, of dhcp-a's answers."""
    return [
        one
        for one in entries_of(pair)
        if one["what"] == "alive" and one["partner"] == "dhcp-a" and one["server"] == "dhcp-b"
    ]


def alive(pair):
    return pair.ask("dhcp-b", "dhcpd.status")["relationships"]["foo"]["alive"]


def serves_again(pair, server):
    return len(pair.dhcp.processes(server)) == 1


def test_a_partner_that_dies_in_a_maintenance_is_named_and_its_server_brought_back(pair):
    """As by a power cut: its dhcpd is halted, and its minion says nothing."""
    pair.nobody_can_serve = True
    run = begin_maintenance(pair, method="signal")
    run.until_it_says("Waiting for dhcp-b: running")
    wait_until(lambda: lives(pair), "dhcp-a has answered", 20.0)
    (process,) = pair.dhcp.processes("dhcp-a")
    os.kill(process.pid, signal.SIGSTOP)
    died = time.time()
    pair.silence("dhcp-a")
    try:
        run.until_it_says("dhcp-a has given dhcp-b no sign of life since", 60.0)
        silent = alive(pair)
        assert silent["answered"] is False and silent["before"] <= died <= silent["asked"]
        wait_until(lambda: serves_again(pair, "dhcp-b"), "dhcpd runs on dhcp-b", 30.0)
    finally:
        os.kill(process.pid, signal.SIGCONT)
        processes.signal_all(pair.minion_processes("dhcp-a"), signal.SIGCONT)
        end_maintenance(pair)
    run.wait(180.0)
    assert run.returncode != 0, str(run)
    assert "in the maintenance of dhcp-b" in run.told
    told = lives(pair)
    states = [one["state"] for one in told]
    assert states[:2] == ["answers", "silent"] and states[-1] == "end", told
    assert died - 0.5 <= told[1]["since"] <= died + LOOKS, (died, told)
    assert told[-1]["longest"] > 1.0
    page = pair.salt_run("dhcp_failover.report").answer["file"]
    with open(page, encoding="utf-8") as file:
        text = file.read()
    assert told[1]["text"] in text and "gave it none" in text
    pair.dhcp.wait_normal(60.0)


def test_a_partner_that_is_halted_for_a_while_is_named_and_so_is_its_return(pair):
    pair.nobody_can_serve = True
    run = begin_maintenance(pair, method="signal")
    run.until_it_says("Waiting for dhcp-b: running")
    wait_until(lambda: lives(pair), "dhcp-a has answered", 20.0)
    (process,) = pair.dhcp.processes("dhcp-a")
    os.kill(process.pid, signal.SIGSTOP)
    try:
        run.until_it_says("is halted by a signal", 40.0)
        run.until_it_says("dhcp-a has given dhcp-b no sign of life since", 40.0)
        wait_until(lambda: serves_again(pair, "dhcp-b"), "dhcpd runs on dhcp-b", 30.0)
        shown = pair.salt_run("dhcp_failover.status", "foo").answer["foo:dhcp-a:dhcp-b"]
        assert "gave no sign of life" in shown["dhcp-b"]["partner_silent"], shown
    finally:
        os.kill(process.pid, signal.SIGCONT)
        end_maintenance(pair)
    run.until_it_says("dhcp-a answers dhcp-b again, after", 60.0)
    run.wait(120.0)
    assert run.returncode != 0, str(run)
    assert [one["state"] for one in lives(pair)] == ["answers", "silent", "answers", "end"]
    assert alive(pair)["answered"] is True
    pair.dhcp.wait_normal(60.0)


def test_a_restart_that_takes_its_usual_time_has_no_such_question(pair):
    run = pair.orchestrate()
    assert run.returncode == 0, str(run)
    entries = entries_of(pair)
    took = entries[-1]["at"] - entries[0]["at"]
    asked = [one for one in entries if one["what"] == "alive"]
    assert not asked or took > 10.0, (took, asked)
    assert pair.touched == ["dhcp-a", "dhcp-b"]
