"""Orders to a run that has a server down for its maintenance: none of them leaves it down."""

from __future__ import annotations

import pytest
from steered import begin_maintenance
from steered import end_maintenance
from steered import entries_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("order", ["pause", "abort"])
def test_an_order_in_a_maintenance_waits_until_its_server_serves_again(pair, order):
    run = begin_maintenance(pair, method="signal")
    run.until_it_says("Waiting for dhcp-b: running")
    given = pair.salt_run(f"dhcp_failover.{order}", "foo", "why=tea")
    assert given.returncode == 0, str(given)
    run.until_it_says(f"To {order} as ")
    run.until_it_says("once dhcpd on dhcp-b serves again")
    assert not any(one["what"] in ("paused", "aborted") for one in entries_of(pair))
    end_maintenance(pair)
    if order == "pause":
        run.until_it_says("Paused by ")
        assert len(pair.dhcp.processes("dhcp-b")) == 1
        assert pair.salt_run("dhcp_failover.resume", "foo").returncode == 0
    run.wait()
    assert (run.returncode == 0) == (order == "pause"), str(run)
    assert len(pair.dhcp.processes("dhcp-b")) == 1
    (row,) = pair.salt_run("dhcp_failover.history").answer[:1]
    assert row["outcome"] == ("done" if order == "pause" else "aborted"), row
    assert row["restarted"] == ["dhcp-b"], row
    pair.dhcp.wait_normal()
