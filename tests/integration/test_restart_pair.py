"""The main job: both servers of a real pair restarted, one after the other."""

from __future__ import annotations

from lab.dhcp import Dhcp
from lab.dhcp import pair


def test_both_servers_are_restarted_one_after_the_other(lab, minions, master):
    dhcp = Dhcp(lab.hosts, pair())
    dhcp.install()
    before = {name: dhcp.processes(name)[0].pid for name in ("dhcp-a", "dhcp-b")}
    run = master.salt_run_cli(timeout=120)
    done = run.run("state.orch", "orch.dhcp_failover_restart")
    print(done.stdout, done.stderr)
    print(master.salt_cli().run("dhcpd.status", minion_tgt="dhcp-a").data)
    assert done.returncode == 0
    after = {name: dhcp.processes(name)[0].pid for name in ("dhcp-a", "dhcp-b")}
    assert all(before[name] != after[name] for name in before)
