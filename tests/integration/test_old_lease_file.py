"""A lease file from a backup: seen by what both ends know, and everything is fetched first."""

from __future__ import annotations

from dataclasses import replace

from iscdhcp.leases import read

from lab.dhcp import LEASES
from lab.dhcp import pair as foo
from lab.isolation import RUN_DIR
from lab.load import Load
from lab.waiting import wait_until


def active(stage, server):
    """The addresses that clients have, by a server's lease file."""
    path = RUN_DIR / f"{server}.leases"
    path.write_text(stage.lab[server].read(LEASES))
    found = {entry.name: entry for entry in read.entries_of(str(path), b"lease")}
    return {name for name, entry in found.items() if entry.fields["state"] == "active"}


def test_a_server_with_a_backup_of_its_leases_gives_none_of_them_away(install):
    # Leases outlast the test; MCLT is waited for where it has to be.
    stage = install([replace(foo()[0], mclt=600)], lease_time=600)
    host = stage.lab["dhcp-b"]
    host.run(["cp", "-p", LEASES, f"{LEASES}.backup"])
    load = Load(stage.dhcp)
    load.start(50)
    wait_until(
        lambda: all(len(active(stage, one)) > 100 for one in stage.dhcp.hosts),
        "clients have leases",
        60.0,
    )
    load.stop()
    # Else its way back is to wait for MCLT: what it had not told its partner, it may have given.
    stage.wait_for_acknowledgements("foo")
    both = active(stage, "dhcp-a") & active(stage, "dhcp-b")
    assert len(both) > 100
    assert stage.salt_run("dhcp_failover.stop", "server=dhcp-b").returncode == 0
    host.run(["cp", "-p", f"{LEASES}.backup", LEASES])

    told = stage.salt_run("dhcp_failover.doctor", "foo")
    assert "the lease file of dhcp-b is older than what dhcp-a knows" in told.answer["comment"]
    refused = stage.salt_run("dhcp_failover.start", "server=dhcp-b")
    assert refused.returncode != 0 and "bring_back server=dhcp-b" in refused.told, str(refused)
    healed = stage.orchestrate(heal=True)
    assert healed.returncode != 0, str(healed)
    assert "lease file of dhcp-b is older" in healed.told, str(healed)
    assert stage.dhcp.processes("dhcp-b") == []

    back = stage.salt_run("dhcp_failover.bring_back", "server=dhcp-b")
    assert back.returncode == 0, str(back)
    assert "will fetch all leases at its start" in back.stderr, str(back)
    assert stage.dhcp.is_normal()
    for server in stage.dhcp.hosts:
        assert both <= active(stage, server), server
    # What our own stop has left unacknowledged is nothing: it need not wait for ten minutes.
    healthy = stage.salt_run("dhcp_failover.doctor", "foo")
    assert healthy.returncode == 0, str(healthy)
