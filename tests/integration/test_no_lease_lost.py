"""Rule 2: what the lease files held before a run, the pair holds after it."""

from __future__ import annotations

import time

import pytest
from iscdhcp.leases import read

from lab.dhcp import Relationship
from lab.load import Load
from lab.waiting import wait_until

LEASES = "/var/lib/dhcp/dhcpd.leases"
#: New clients a second.
RATE = 40


@pytest.fixture
def stage(install):
    """The first lease of a client lasts MCLT: none must end by itself in this test."""
    foo = Relationship("foo", "dhcp-a", "dhcp-b", mclt=600, addresses=30000)
    return install([foo], ping_check=False)


def active(stage, server, folder):
    """The active leases in a server's file: address -> who has it, and until when."""
    path = folder / f"{server}-{time.monotonic_ns()}"
    path.write_text(stage.lab[server].read(LEASES))
    last = {entry.name: entry for entry in read.entries(str(path)) if entry.kind == "lease"}
    found = {}
    for address, entry in last.items():
        if entry.fields["state"] == "active":
            found[address] = (entry.fields["hardware"], entry.fields["ends"])
    return found


def test_every_lease_outlives_a_restart_by_any_method_under_load(stage, tmp_path):
    load = Load(stage.dhcp)
    load.start(RATE)
    before = {}
    try:
        for method in ("signal", "drain", "handover"):
            known = len(before)
            wait_until(
                lambda known=known: len(active(stage, "dhcp-b", tmp_path)) > known + RATE,
                "clients come",
                timeout=30.0,
            )
            for server in ("dhcp-a", "dhcp-b"):
                before.update(active(stage, server, tmp_path))
            run = stage.orchestrate(method=method, fresh=True, timeout=180)
            assert run.returncode == 0, str(run)
    finally:
        clients = load.stop()
    assert clients.duplicates == 0
    assert len(before) > 3 * RATE

    def lost():
        found = []
        for server in ("dhcp-a", "dhcp-b"):
            after = active(stage, server, tmp_path)
            for address, (client, ends) in before.items():
                if after.get(address, (None, 0))[0] != client or after[address][1] < ends:
                    found.append((server, address, client, after.get(address)))
        return found

    def told():
        found = lost()
        where = {server: [one for one in found if one[0] == server] for server, *_ in found}
        return f"no lease of {len(before)} is lost: " + "; ".join(
            f"{len(ones)} at {server}, such as {ones[:3]}" for server, ones in where.items()
        )

    # The last updates between the two are on their way for a moment.
    wait_until(lambda: not lost(), told, timeout=15.0)
