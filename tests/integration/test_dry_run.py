"""``test=True``: what would be done and what would block, and nothing changes."""

from __future__ import annotations

from stage import STEPS


def test_each_step_says_what_it_would_do_and_nothing_is_touched(pair):
    run = pair.orchestrate("test=True")
    assert run.returncode == 0, str(run)
    assert [step["id"] for step in run.steps] == STEPS
    assert [step["result"] for step in run.steps] == [None] * len(STEPS), str(run)
    first, second = (run.step(f"The {nth} server is restarted") for nth in ("first", "second"))
    assert f"dhcpd on dhcp-b (pid {pair.pid('dhcp-b')}) would be stopped" in first["comment"]
    assert f"dhcpd on dhcp-a (pid {pair.pid('dhcp-a')}) would be stopped" in second["comment"]
    assert pair.touched == []
    for server in ("dhcp-a", "dhcp-b"):
        assert pair.ask(server, "dhcpd.status", brief=True)["claim"] is None
    assert not list(pair.folder.glob("runs/*"))


def test_what_would_block_is_told_with_exit_code_1(pair):
    pair.dhcp.kill("dhcp-a")
    run = pair.orchestrate("test=True")
    assert run.returncode == 1, str(run)
    told = run.step("Both servers are fit for it")
    assert told["result"] is False
    assert "dhcpd is not running on dhcp-a" in told["comment"]
    assert pair.touched == ["dhcp-a"]
