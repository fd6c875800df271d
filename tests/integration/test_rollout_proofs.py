"""
What a rollout must withstand: load, files that fail only at start, servers that never get normal.

Minutes long, so not part of ``make test``: ``make rollout-test``.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from iscdhcp.leases import read
from rollout_stage import COMMENT
from rollout_stage import FAR
from rollout_stage import left_over
from rollout_stage import new_files
from rollout_stage import port_taken
from rollout_stage import roll_out
from rollout_stage import texts

from lab.dhcp import COMMON
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import pair as foo
from lab.isolation import RUN_DIR
from lab.load import Load
from lab.network import client_network
from lab.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = client_network(0)
KEPT = (str(CLIENTS[256]), str(CLIENTS[256 + 3999]))
REMOVED = (str(CLIENTS[256 * 32]), str(CLIENTS[256 * 32 + 199]))
ADDED = (str(CLIENTS[256 * 64]), str(CLIENTS[256 * 64 + 1999]))
SECOND = "The pair is normal with the first server's configuration"


def leases(stage, server, state="active"):
    """The addresses that a server's lease file has in a state."""
    path = RUN_DIR / f"{server}.leases"
    path.write_text(stage.lab[server].read(LEASES))
    found = {entry.name: entry for entry in read.entries_of(str(path), b"lease")}
    return {name for name, entry in found.items() if entry.fields["state"] == state}


def within(address, ends):
    number = [tuple(map(int, one.split("."))) for one in (ends[0], address, ends[1])]
    return number[0] <= number[1] <= number[2]


def with_ranges(*ranges):
    # A client's first lease lasts MCLT: it has to outlast the test.
    return [replace(foo()[0], ranges=ranges, mclt=600)]


def check_old_again(stage, run, before, *words, step=SECOND):
    """The run failed at ``step``; the old configuration serves and the primary was not touched."""
    assert run.returncode != 0, str(run)
    failed = run.step(step)
    assert failed["result"] is False, str(run)
    for word in (
        "dhcp-b has its old configuration back and is normal with it again",
        "dhcp-a was not touched",
        *words,
    ):
        assert word in failed["comment"], str(run)
    assert texts(stage) == before
    assert left_over(stage) == []
    assert stage.touched == ["dhcp-b"]
    assert stage.locked == {}
    assert stage.dhcp.is_normal()


@pytest.mark.parametrize("method", ["signal", "drain", "handover"])
def test_a_range_added_and_one_removed_under_load_costs_no_lease_and_no_client(
    install, file_root, method
):
    stage = install(with_ranges(KEPT, REMOVED), lease_time=600)
    new = Dhcp(stage.lab.hosts, with_ranges(KEPT, ADDED), omapi=stage.dhcp.omapi, lease_time=600)
    load = Load(stage.dhcp)
    load.start(60)
    wait_until(lambda: len(leases(stage, "dhcp-a")) > 300, "clients have leases", 30.0)
    before = leases(stage, "dhcp-a") & leases(stage, "dhcp-b")
    with new_files(stage, file_root, new=new) as source:
        # Some of those who have an address of the removed range keep it for a while.
        run = roll_out(stage, source=source, method=method, force="leases")
        took = load.stop()
        assert run.returncode == 0, str(run)
        again = roll_out(stage, source=source, method=method)
    assert again.returncode == 0, str(again)
    print(run, took, sep="\n")
    assert took.checked
    assert took.duplicates == 0
    # perfdhcp does not ask again, as a client would.
    assert took.lost <= 0.05 * took.sent, str(took)
    kept = {address for address in before if within(address, KEPT)}
    assert len(kept) > 200
    for server in ("dhcp-a", "dhcp-b"):
        assert kept <= leases(stage, server), server
        assert f"range {ADDED[0]} {ADDED[1]};" in stage.lab[server].read(COMMON)
    wait_until(lambda: has_both_kinds(stage, ADDED), "the added range is shared by both", 60.0)
    assert new.is_normal()
    assert stage.restarts == ["dhcp-b", "dhcp-a"]


def has_both_kinds(stage, ends):
    counts = stage.ask("dhcp-a", "dhcpd.lease_counts")
    (pool,) = counts["pools"]
    return pool["free"] > 0 and pool["backup"] > 0


def test_an_include_that_can_not_be_read_at_the_start_is_taken_back(pair, file_root):
    before = texts(pair)
    host = pair.lab["dhcp-b"]
    hidden = "/etc/dhcp/hidden.conf"
    drop_in = f"/etc/systemd/system/{UNIT}.d/lab.conf"
    for name in pair.dhcp.hosts:
        pair.lab[name].write(hidden, "min-lease-time 60;\n")
    host.run(["mkdir", "-p", drop_in.rpartition("/")[0]])
    host.write(drop_in, f"[Service]\nExecStartPre=/bin/rm -f {hidden}\n")
    # A drop-in that is newer than the process would be refused before the stop.
    host.run(["touch", "-d", "2020-01-01", drop_in])
    host.run(["systemctl", "daemon-reload"])
    try:
        with new_files(pair, file_root, lambda text: f'include "{hidden}";\n{text}') as source:
            run = roll_out(pair, source=source)
    finally:
        host.run(["rm", drop_in])
        host.run(["systemctl", "daemon-reload"])
    check_old_again(pair, run, before, hidden, step="The first server has its new configuration")


def test_leases_of_a_range_that_came_back_are_not_forgotten(install, file_root):
    stage = install(with_ranges(KEPT, REMOVED), lease_time=600)
    before = texts(stage)
    load = Load(stage.dhcp)
    load.start(100)
    wait_until(
        lambda: any(within(one, REMOVED) for one in leases(stage, "dhcp-b")),
        "a client has an address that goes",
        60.0,
    )
    load.stop()
    held = leases(stage, "dhcp-b")
    new = Dhcp(stage.lab.hosts, with_ranges(KEPT), omapi=stage.dhcp.omapi, lease_time=600)
    with new_files(stage, file_root, lambda text: f"local-port {FAR};\n{text}", new) as source:
        with port_taken(stage.lab["dhcp-b"]):
            run = roll_out(stage, source=source, force="free-leases,leases")
    check_old_again(stage, run, before, step="The first server has its new configuration")
    assert held <= leases(stage, "dhcp-b")


RENAMED = ('failover peer "foo"', 'failover peer "oof"')
NEVER_NORMAL = {
    "renamed": lambda text: text.replace(*RENAMED),
    "ports": lambda text: text.replace("port 647", "port 648"),
    "both-primary": lambda text: text.replace("secondary;", "primary;\n  mclt 15;\n  split 128;"),
}


@pytest.mark.parametrize("what", NEVER_NORMAL)
def test_a_server_that_never_gets_normal_gets_its_old_configuration_back(pair, file_root, what):
    before = texts(pair)
    with new_files(pair, file_root, NEVER_NORMAL[what], only="dhcp-b") as source:
        refused = roll_out(pair, source=source)
        assert refused.returncode != 0
        assert "Nothing was touched" in refused.told
        assert pair.touched == []
        run = roll_out(pair, source=source, force="mismatch", timeout=12)
    print(run)
    check_old_again(pair, run, before)


def test_a_comment_restarts_nothing(pair, file_root):
    with new_files(pair, file_root, lambda text: COMMENT + text) as source:
        run = roll_out(pair, source=source)
        assert run.returncode == 0, str(run)
        again = roll_out(pair, source=source)
    assert again.returncode == 0, str(again)
    for server in pair.dhcp.hosts:
        assert pair.lab[server].read(COMMON).startswith(COMMENT)
    assert pair.touched == []


def test_the_second_server_alone_gets_its_old_configuration_back(pair, file_root):
    before = texts(pair)
    with new_files(pair, file_root, lambda text: f"local-port {FAR};\n{text}", only="dhcp-a") as of:
        with port_taken(pair.lab["dhcp-a"]):
            run = roll_out(pair, source=of)
    assert run.returncode != 0
    failed = run.step("The second server has its new configuration")
    assert "dhcp-a has its old configuration back and is normal" in failed["comment"], str(run)
    assert texts(pair)["dhcp-a", COMMON] == before["dhcp-a", COMMON]
    assert pair.dhcp.is_normal()


def test_a_rollout_that_was_killed_goes_on(pair, file_root):
    def longer(text):
        return text.replace("max-lease-time 120;", "max-lease-time 240;")

    with new_files(pair, file_root, longer) as source:
        pair.block_new_failover_connections("dhcp-a")
        killed = roll_out(pair, source=source, begin=True)
        killed.until_it_says("Waiting: ")
        killed.end()
        assert pair.touched == ["dhcp-b"]
        first = pair.processes()["dhcp-b"]
        pair.unblock("dhcp-a")
        again = roll_out(pair, source=source)
    assert again.returncode == 0, str(again)
    assert pair.processes()["dhcp-b"] == first
    for server in pair.dhcp.hosts:
        assert "max-lease-time 240;" in pair.lab[server].read(COMMON)
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_a_killed_rollout_that_can_never_be_normal_is_taken_back_by_the_next_one(pair, file_root):
    before = texts(pair)
    with new_files(pair, file_root, NEVER_NORMAL["both-primary"], only="dhcp-b") as source:
        killed = roll_out(pair, source=source, force="mismatch", begin=True)
        killed.until_it_says("Waiting: ")
        killed.end()
        run = roll_out(pair, source=source, force="mismatch", timeout=12)
    check_old_again(pair, run, before)


def test_files_of_a_relationship_that_a_hub_has_with_another_are_left_alone(hub, file_root):
    def longer(text):
        return text.replace("max-lease-time 120;", "max-lease-time 240;")

    with new_files(hub, file_root, longer) as source:
        run = roll_out(hub, pair="foo", source=source)
    assert run.returncode == 0, str(run)
    assert hub.touched == ["dhcp-a", "dhcp-b"]
    assert hub.dhcp.is_normal()
