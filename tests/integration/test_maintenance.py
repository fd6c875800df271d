"""The reboot orchestration with a command in place of the reboot; `make reboot-test` reboots."""

from __future__ import annotations

import json


def test_a_server_is_left_to_its_partner_while_a_command_runs_on_its_host(pair):
    pillar = {"only": "dhcp-b", "command": "pgrep -x dhcpd >/run/dhcpd-then; true"}
    run = pair.salt_run(
        "state.orch", "orch.dhcp_failover_reboot", f"pillar={json.dumps(pillar)}", timeout=120
    )
    assert run.returncode == 0, str(run)
    assert pair.lab["dhcp-b"].read("/run/dhcpd-then") == ""
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b"]
    assert "partner-down" in {one.state for one in pair.seen.timeline("dhcp-a")}
