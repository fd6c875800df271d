"""``dhcpd.restarted`` and ``dhcpd.failover_normal`` in a server's own states."""

from __future__ import annotations


def test_restarted_marks_the_restart_as_pending_and_restarts_nothing(pair):
    dry = pair.state("dhcp-b", "dhcpd.restarted", "new lease times", test=True)
    assert dry["result"] is None
    before = pair.ask("dhcp-b", "dhcpd.status", brief=True)["pending_restart"]
    # Another test may have touched the files of a dhcpd that was not started by us.
    assert before is None or before["pending"] == "unknown"
    marked = pair.state("dhcp-b", "dhcpd.restarted", "new lease times")
    assert marked["result"] is True
    assert marked["changes"]["pending_restart"]["new"] == "new lease times"
    pending = pair.ask("dhcp-b", "dhcpd.status", brief=True)["pending_restart"]
    assert pending["reason"] == "new lease times"
    again = pair.state("dhcp-b", "dhcpd.restarted", "new lease times")
    assert (again["result"], again["changes"]) == (True, {})
    assert pair.touched == []

    shown = pair.salt_run("dhcp_failover.status").answer["foo:dhcp-a:dhcp-b"]
    assert shown["dhcp-b"]["pending_restart"] == "new lease times"
    run = pair.orchestrate()
    assert run.returncode == 0, str(run)
    assert pair.ask("dhcp-b", "dhcpd.status", brief=True)["pending_restart"] is None
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_restarted_now_restarts_once_and_guarded(pair):
    dry = pair.state("dhcp-b", "dhcpd.restarted", "x", now=True, test=True)
    assert dry["result"] is None, dry
    assert pair.touched == []
    done = pair.state("dhcp-b", "dhcpd.restarted", "x", now=True)
    assert done["result"] is True, done
    assert done["changes"]["dhcpd"]["old"]["pid"] == pair.before["dhcp-b"].inner_pid
    assert done["changes"]["dhcpd"]["new"]["pid"] == pair.pid("dhcp-b")
    pair.dhcp.wait_normal()

    pair.dhcp.kill("dhcp-a")
    restarted = pair.processes()["dhcp-b"]
    for test in (True, False):
        refused = pair.state("dhcp-b", "dhcpd.restarted", "x", now=True, test=test)
        assert refused["result"] is False, refused
        assert "communications-interrupted" in refused["comment"]
    assert pair.processes()["dhcp-b"] == restarted
    assert pair.restarts == ["dhcp-b"]


def test_failover_normal_is_true_only_while_both_ends_are_normal(pair):
    for name in ("foo", "all of them"):
        for test in (True, False):
            good = pair.state("dhcp-a", "dhcpd.failover_normal", name, test=test)
            assert (good["result"], good["changes"]) == (True, {}), good
    unknown = pair.state("dhcp-a", "dhcpd.failover_normal", "x", relationship="nosuch")
    assert unknown["result"] is False
    assert "known: foo" in unknown["comment"]

    pair.dhcp.kill("dhcp-b")
    for test in (True, False):
        bad = pair.state("dhcp-a", "dhcpd.failover_normal", "foo", test=test)
        assert bad["result"] is False, bad
        assert "communications-interrupted" in bad["comment"]
    assert pair.touched == ["dhcp-b"]
