"""A rollout's first server is watched before the other is touched; it loses no client's lease."""

from __future__ import annotations

import re
import signal
from dataclasses import replace

import pytest
from rollout_stage import left_over
from rollout_stage import new_files
from rollout_stage import roll_out
from rollout_stage import texts

from lab import processes
from lab.dhcp import COMMON
from lab.dhcp import Dhcp
from lab.dhcp import pair as foo
from lab.load import Load
from lab.network import client_network
from lab.waiting import wait_until

CLIENTS = client_network(0)


def longer(text):
    return text.replace("max-lease-time 120;", "max-lease-time 240;")


def test_a_server_that_ends_after_it_was_normal_gets_its_old_configuration_back(pair, file_root):
    before = texts(pair)
    host = pair.lab["dhcp-b"]
    with new_files(pair, file_root, longer) as source:
        run = roll_out(pair, begin=True, source=source, probation=60)
        run.until_it_says("dhcp-b is on probation")
        processes.signal_all([one.pid for one in host.processes("dhcpd")], signal.SIGKILL)
        run.wait(90.0)
    assert run.returncode != 0
    failed = run.step("The pair is normal with the first server's configuration")
    for words in (
        "dhcp-b did not stand its probation",
        "dhcp-b has its old configuration back and is normal with it again",
        "dhcp-a was not touched",
    ):
        assert words in failed["comment"], str(run)
    assert texts(pair) == before
    assert left_over(pair) == []
    assert pair.touched == ["dhcp-b"]
    assert pair.locked == {}
    assert pair.dhcp.is_normal()


@pytest.mark.slow
def test_a_finished_rollout_is_taken_back_by_one_word_and_by_the_same_again(pair, file_root):
    before = texts(pair)
    with new_files(pair, file_root, longer) as source:
        done = roll_out(pair, source=source, probation=3)
        assert done.returncode == 0, str(done)
    proved = done.step("The pair is normal with the first server's configuration")["comment"]
    assert "dhcp-b has stood its probation of 3.0 s" in proved, str(done)
    dry = roll_out(pair, "test=True", previous=True)
    shown = dry.step("The new configuration is checked on both servers")
    assert "-max-lease-time 240;" in shown["changes"]["dhcp-a"][COMMON], str(dry)
    back = roll_out(pair, previous=True)
    assert back.returncode == 0, str(back)
    assert texts(pair) == before
    assert left_over(pair) == []
    assert pair.restarts == ["dhcp-b", "dhcp-a", "dhcp-b", "dhcp-a"]


def active(stage, server):
    """How many clients have an address, by a server's lease file."""
    return sum(pool["active"] for pool in stage.ask(server, "dhcpd.lease_counts")["pools"])


def test_leases_that_the_new_ranges_do_not_hold_are_named_before_anything_is_touched(
    install, file_root
):
    kept = (str(CLIENTS[256]), str(CLIENTS[256 + 99]))
    removed = (str(CLIENTS[512]), str(CLIENTS[512 + 3999]))

    def ranges(*them):
        # A client's first lease lasts MCLT: it has to outlast the test.
        return [replace(foo()[0], ranges=them, mclt=600)]

    stage = install(ranges(kept, removed), lease_time=600)
    new = Dhcp(stage.lab.hosts, ranges(kept), omapi=stage.dhcp.omapi, lease_time=600)
    load = Load(stage.dhcp)
    load.start(100)
    wait_until(
        lambda: all(active(stage, one) > 150 for one in stage.dhcp.hosts),
        "50 clients or more have addresses that go",
        60.0,
    )
    load.stop()
    with new_files(stage, file_root, new=new) as source:
        run = roll_out(stage, source=source)
        told = run.step("The new configuration is checked on both servers")
        assert run.returncode != 0 and told["result"] is False, str(run)
        assert "force=leases" in told["comment"], str(run)
        found = re.findall(
            r"(dhcp-.): no range of the new configuration holds (\d+) leases that clients have: "
            r"([\d.]+), ",
            told["comment"],
        )
        assert [one for one, *_ in found] == ["dhcp-a", "dhcp-b"], str(run)
        assert all(int(number) > 50 for _, number, _ in found), str(run)
        staying = {str(CLIENTS[256 + number]) for number in range(100)}
        assert all(address not in staying for *_, address in found), str(run)
        assert stage.touched == []
        assert left_over(stage) == []
