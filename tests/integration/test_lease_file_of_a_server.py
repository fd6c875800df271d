"""The lease file of a server of the pair: counted, found torn, repaired."""

from __future__ import annotations

import re

from lab.dhcp import LEASES
from lab.load import Load
from lab.waiting import wait_until

#: Of an address that has no entry before it.
TORN = "lease 10.99.1.77 {\n  starts 1 2026/11/23 07:22:56;\n  binding sta"


def test_the_counts_of_both_servers_are_those_of_the_clients(pair):
    load = Load(pair.dhcp)
    load.start(50, seconds=2)
    given = load.result().requests.sent

    def counted():
        found = [pair.ask(name, "dhcpd.lease_counts") for name in ("dhcp-a", "dhcp-b")]
        assert all(one["pools"][0]["relationship"] == "foo" for one in found)
        return all(one["pools"][0]["active"] == given for one in found)

    wait_until(counted, f"{given} leases are active at both ends", timeout=20.0, every=0.5)


def test_the_partner_s_entries_come_as_plain_facts(pair):
    load = Load(pair.dhcp)
    load.start(20, seconds=1)
    load.result()
    address = re.findall(r"lease (\S+) {", pair.lab["dhcp-a"].read(LEASES))[-1]
    found = pair.ask("dhcp-b", "dhcpd.lease_entries", f"{address},10.100.1.254")
    assert found["10.100.1.254"] is None or found["10.100.1.254"]["state"] in ("free", "backup")
    assert found[address]["text"].startswith(f"lease {address} {{")


def test_a_torn_lease_file_is_refused_at_the_start_and_repaired(pair):
    assert pair.ask("dhcp-b", "dhcpd.check_leases")["result"] is True
    assert pair.ask("dhcp-b", "dhcpd.stop")["result"] is True
    host = pair.lab["dhcp-b"]
    whole = host.read(LEASES)
    host.run(["tee", "-a", LEASES], stdin=TORN)

    refused = pair.ask("dhcp-b", "dhcpd.start")
    assert refused["result"] is False and "torn" in refused["comment"]
    assert pair.dhcp.processes("dhcp-b") == []
    found = pair.ask("dhcp-b", "dhcpd.check_leases")
    assert found["result"] is False and found["problems"][0]["offset"] == len(whole)

    assert pair.state("dhcp-b", "dhcpd.leases_intact", "whole", test=True)["result"] is False
    repaired = pair.state("dhcp-b", "dhcpd.leases_intact", "whole", repair=True)
    assert repaired["result"] is True and len(repaired["changes"]["cut"]) == 1
    assert host.read(LEASES).startswith(whole)
    assert pair.ask("dhcp-b", "dhcpd.start")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", timeout=30.0)


def test_a_dhcpd_that_died_while_it_wrote_an_entry_is_started_and_its_pair_restarted(pair):
    pair.dhcp.kill("dhcp-b")
    host = pair.lab["dhcp-b"]
    whole = host.read(LEASES)
    last = re.findall(r"^lease \S+ {\n.*?^}\n", whole, re.S | re.M)[-1]
    host.run(["tee", "-a", LEASES], stdin=last[: len(last) // 2])

    done = pair.salt_run("dhcp_failover.restart", "heal=True")
    assert done.returncode == 0, str(done)
    assert "of which nobody has heard: that was cut off" in done.stderr
    *_, kept = host.run(["sh", "-c", f"ls -tr {LEASES}.damaged-*"]).stdout.split()
    assert host.read(kept) == whole + last[: len(last) // 2]
    assert pair.ask("dhcp-b", "dhcpd.check_leases")["result"] is True


def test_a_lease_file_that_was_replaced_under_dhcpd_is_not_started_from(pair):
    load = Load(pair.dhcp)
    load.start(20, seconds=1)
    load.result()
    # As somebody who takes a lease out of it.
    pair.lab["dhcp-b"].run(["sed", "-i", "$d", LEASES])
    refused = pair.orchestrate()
    assert refused.returncode != 0
    assert "dhcpd writes a lease file that is not at" in str(refused), str(refused)
    assert pair.touched == []

    edited = pair.lab["dhcp-b"].read(LEASES)
    run = pair.orchestrate(force="lease-file")
    assert run.returncode == 0, str(run)
    assert "had no name any more" in str(run)
    (aside,) = pair.lab["dhcp-b"].run(["sh", "-c", f"ls {LEASES}.instead-*"]).stdout.split()
    assert pair.lab["dhcp-b"].read(aside) == edited
    first, second = (
        set(
            re.findall(r"lease (\S+) {(?:(?!\n}).)*?state active", pair.lab[one].read(LEASES), re.S)
        )
        for one in ("dhcp-a", "dhcp-b")
    )
    assert first and first == second


def test_a_lease_that_was_torn_is_brought_back_from_the_partner(pair):
    load = Load(pair.dhcp)
    load.start(20, seconds=1)
    load.result()
    wait_until(pair.dhcp.is_normal, "the pair is normal", timeout=20.0)
    assert pair.ask("dhcp-b", "dhcpd.stop")["result"] is True
    host = pair.lab["dhcp-b"]
    text = host.read(LEASES)
    address = re.findall(r"lease (\S+) {(?:(?!\n}).)*?binding state active", text, re.S)[-1]
    # All that this server had of it is gone but the beginning of its last entry.
    rest = re.sub(rf"lease {re.escape(address)} {{.*?\n}}\n", "", text, flags=re.S)
    host.run(["tee", LEASES], stdin=rest + f"lease {address} {{\n  starts 1 2026/11/2")
    host.run(["rm", "-f", f"{LEASES}~"])

    repaired = pair.salt_run("dhcp_failover.repair_leases", "server=dhcp-b")
    assert repaired.returncode == 0, str(repaired)
    assert "1 leases brought back from dhcp-a" in repaired.answer["comment"]
    found = pair.ask("dhcp-b", "dhcpd.lease_entries", address)[address]
    assert found["state"] == "active"
    assert pair.ask("dhcp-b", "dhcpd.start")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", timeout=30.0)
    for server in ("dhcp-a", "dhcp-b"):
        assert pair.ask(server, "dhcpd.lease_entries", address)[address]["state"] == "active"


def test_a_running_server_keeps_its_lease_file_to_itself(pair):
    refused = pair.ask("dhcp-b", "dhcpd.repair_leases")
    assert refused["result"] is False and "stop it first" in refused["comment"]
