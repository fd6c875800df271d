"""A partner taken for dead by hand, and brought back; `make reboot-test` has really dead ones."""

from __future__ import annotations

import shutil
import signal
import time

import pytest

from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.load import Load
from lab.waiting import wait_until


def test_a_partner_that_lives_is_never_taken_for_dead(pair):
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", "confirm=dhcp-a")
    assert run.returncode != 0
    assert "dhcpd runs on dhcp-a" in run.told
    by_hand = pair.ask("dhcp-b", "dhcpd.partner_down", "foo")
    assert by_hand["result"] is False
    assert "salt-run dhcp_failover.partner_down" in by_hand["comment"]
    assert pair.dhcp.is_normal()


def test_a_partner_whose_dhcpd_is_proved_to_be_down_is_replaced_and_comes_back(pair):
    assert pair.salt_run("dhcp_failover.stop", "server=dhcp-a").returncode == 0
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a")
    assert run.returncode == 0, str(run)
    assert "free addresses of dhcp-a from" in run.answer["comment"]
    assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == "partner-down"
    run = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a")
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()


@pytest.mark.slow
def test_a_dead_hub_is_replaced_in_all_its_pairs_by_one_command_and_comes_back(hub):
    assert hub.ask("dhcp-b", "dhcpd.stop")["result"] is True
    run = hub.salt_run("dhcp_failover.partner_down", "dead=dhcp-b", timeout=90)
    assert run.returncode == 0, str(run)
    assert sorted(run.answer["pairs"]) == ["bar:dhcp-b:dhcp-c", "foo:dhcp-a:dhcp-b"]
    for spoke, name in (("dhcp-a", "foo"), ("dhcp-c", "bar")):
        assert hub.dhcp.failover_states(spoke)[name][0] == "partner-down"
    run = hub.salt_run("dhcp_failover.bring_back", "server=dhcp-b", timeout=90)
    assert run.returncode == 0, str(run)
    assert hub.dhcp.is_normal()


#: Nothing that a host is asked from an address comes to it any more: as if it had no power.
SILENT = (
    "table ip dead {{ chain input {{ type filter hook input priority 0; ip saddr {} drop; }}; }}"
)


def test_a_master_that_never_saw_the_pair_has_the_survivor_take_over(pair):
    dead, address = pair.lab["dhcp-a"], str(pair.lab["dhcp-a"].address)
    pair.silence("dhcp-a")
    pair.dhcp.kill("dhcp-a", signal.SIGKILL)
    in_state(pair, "dhcp-b", "communications-interrupted")
    shutil.rmtree(pair.folder, ignore_errors=True)

    seen = pair.salt_run("dhcp_failover.status")
    assert seen.returncode == 1, str(seen)
    rows = seen.answer[f"foo:{address}:dhcp-b"]
    assert rows["dhcp-b"]["state"] == "communications-interrupted"
    assert "one of them: dhcp-a" in rows[address]["why"]
    assert "salt-run dhcp_failover.partner_down foo survivor=dhcp-b" in rows[address]["why"]
    named = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a")
    assert "partner_down foo survivor=dhcp-b" in named.answer["comment"], str(named)

    told = ("dhcp_failover.partner_down", "foo", "survivor=dhcp-b")
    alive = pair.salt_run(*told, f"confirm={address}")
    assert alive.returncode == 1 and "answers a ping" in alive.answer["comment"], str(alive)
    dead.run(["nft", "-f", "-"], stdin=SILENT.format(pair.lab["dhcp-b"].address))
    silent = pair.salt_run(*told)
    assert silent.returncode == 1 and f"confirm={address}" in silent.answer["comment"], str(silent)
    assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == "communications-interrupted"

    done = pair.salt_run(*told, f"confirm={address}")
    assert done.returncode == 0, str(done)
    assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == "partner-down"
    pair.unblock("dhcp-a")
    pair.wake("dhcp-a")
    back = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a")
    assert back.returncode == 0, str(back)
    assert pair.dhcp.is_normal()


def served(pair):
    """How many of 50 clients get an address."""
    load = Load(pair.dhcp)
    load.start(10, seconds=5, clients=50)
    took = load.result()
    return took.requests.sent - took.requests.lost


def in_state(pair, server, state):
    wait_until(
        lambda: pair.dhcp.failover_states(server)["foo"][0] == state,
        f"{server} is in {state}",
        60.0,
    )


@pytest.mark.slow
def test_a_server_whose_partner_dies_while_it_recovers_serves_in_its_place(pair):
    pair.nobody_can_serve = True
    assert pair.salt_run("dhcp_failover.stop", "server=dhcp-b").returncode == 0
    assert pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-b").returncode == 0
    pair.lab["dhcp-b"].run(["sh", "-c", f"rm -f {LEASES}* && touch {LEASES}"])
    back = pair.salt_run(
        "dhcp_failover.bring_back", "server=dhcp-b", "force=lease-file", "wait=False"
    )
    assert back.returncode == 0, str(back)
    in_state(pair, "dhcp-b", "recover-wait")
    pair.dhcp.kill("dhcp-a")
    in_state(pair, "dhcp-b", "recover-done")
    assert served(pair) == 0, "it waits for the word of its dead partner for ever"

    dry = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", "test=True")
    assert "would be put into partner-down" in dry.answer["comment"], str(dry)
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", timeout=150)
    assert run.returncode == 0, str(run)
    assert pair.dhcp.failover_states("dhcp-b")["foo"][0] == "partner-down"
    assert served(pair) > 25
    run = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a", timeout=150)
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()


@pytest.mark.slow
def test_a_server_whose_partner_dies_while_they_compare_leases_serves_in_its_place(pair):
    pair.nobody_can_serve = True
    for server in ("dhcp-a", "dhcp-b"):
        pair.dhcp.stop(server)
    host = pair.lab["dhcp-b"]
    stamp = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime())
    # As dhcpd saves it when the connection breaks in the middle; seconds too short to be hit.
    block = (
        f'failover peer "foo" state {{\n  my state resolution-interrupted at {stamp};\n'
        f"  partner state potential-conflict at {stamp};\n}}\n"
    )
    host.write(LEASES, host.read(LEASES) + block)
    host.run(["systemctl", "start", UNIT])
    in_state(pair, "dhcp-b", "resolution-interrupted")
    assert served(pair) == 0
    run = pair.salt_run("dhcp_failover.partner_down", "dead=dhcp-a", timeout=150)
    assert run.returncode == 0, str(run)
    assert served(pair) > 25
    run = pair.salt_run("dhcp_failover.bring_back", "server=dhcp-a", timeout=150)
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()
