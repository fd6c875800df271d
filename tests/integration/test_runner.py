"""``salt-run dhcp_failover.*``: the pair and the fleet, as the person at the master sees them."""

from __future__ import annotations

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION


def test_restart_does_what_the_orchestration_does(pair):
    run = pair.salt_run("dhcp_failover.restart")
    assert run.returncode == 0, str(run)
    assert run.answer["result"] is True
    assert list(run.answer["steps"]) == [
        "lock",
        "preflight",
        "restart of dhcp-b",
        "pair normal after dhcp-b",
        "restart of dhcp-a",
        "pair normal after dhcp-a",
    ]
    assert "Restarting dhcpd on dhcp-b" in run.stderr
    assert pair.locked == {}
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_restart_of_one_server_leaves_the_other_alone(pair):
    run = pair.salt_run("dhcp_failover.restart", "server=dhcp-a")
    assert run.returncode == 0, str(run)
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-a"]


def test_restart_of_a_broken_pair_fails_with_the_reason(pair):
    pair.dhcp.kill("dhcp-a")
    run = pair.salt_run("dhcp_failover.restart", "foo")
    assert run.returncode == 1, str(run)
    assert "dhcpd is not running on dhcp-a" in run.told
    assert "Traceback" not in run.told
    assert pair.touched == ["dhcp-a"]


def test_pairs_are_discovered_and_half_defined_ones_are_named(hub):
    run = hub.salt_run("dhcp_failover.pairs")
    assert run.returncode == 0, str(run)
    assert run.answer["pairs"] == {
        "foo:dhcp-a:dhcp-b": {
            "name": "foo",
            "primary": "dhcp-a",
            "secondary": "dhcp-b",
            "mclt": 15,
        },
        "bar:dhcp-b:dhcp-c": {
            "name": "bar",
            "primary": "dhcp-c",
            "secondary": "dhcp-b",
            "mclt": 15,
        },
    }
    assert run.answer["problems"] == run.answer["silent"] == []

    host = hub.lab["dhcp-c"]
    good = {path: host.read(path) for path in (CONFIGURATION, COMMON)}
    for path, text in good.items():
        host.write(path, text.replace('peer "bar"', 'peer "barr"'))
    changed = hub.salt_run("dhcp_failover.pairs", "refresh=True")
    for path, text in good.items():
        host.write(path, text)
    assert list(changed.answer["pairs"]) == ["foo:dhcp-a:dhcp-b"]
    problems = changed.answer["problems"]
    assert any("barr on dhcp-c" in problem for problem in problems), problems
    assert any("bar on dhcp-b" in problem for problem in problems), problems
    assert hub.touched == []


def test_a_hub_is_one_group_and_one_unit_whose_secondary_goes_first(hub):
    graph = hub.salt_run("dhcp_failover.topology", "form=json")
    assert graph.returncode == 0, str(graph)
    assert graph.answer["groups"] == [["dhcp-a", "dhcp-b", "dhcp-c"]]
    assert graph.answer["half_defined"] == graph.answer["doubtful"] == []
    run = hub.salt_run("dhcp_failover.fleet_plan", "pending=False", "per=id", "canary=1")
    assert run.returncode == 0, str(run)
    (unit,) = run.answer["units"]
    assert unit["rounds"] == [["dhcp-b"], ["dhcp-a", "dhcp-c"]]
    assert unit["sites"] == ["dhcp-a", "dhcp-b", "dhcp-c"]
    assert run.answer["left_out"] == run.answer["without_site"] == []
    assert hub.touched == []


def test_only_servers_whose_restart_is_pending_are_planned_where_that_is_wanted(pair):
    assert pair.ask("dhcp-b", "dhcpd.mark_pending", "new lease times")["reason"]
    try:
        pending = {
            server
            for server in pair.dhcp.hosts
            if pair.ask(server, "dhcpd.status", brief=True)["pending_restart"]
        }
        run = pair.salt_run("dhcp_failover.fleet_plan", "pending=True")
        assert run.returncode == 0, str(run)
        rounds = [one for unit in run.answer["units"] for one in unit["rounds"]]
        planned = {server for one in rounds for server in one}
        assert planned == pending and "dhcp-b" in pending, str(run)
    finally:
        assert pair.ask("dhcp-b", "dhcpd.restart")["result"] is True
    pair.dhcp.wait_normal()
    assert pair.restarts == ["dhcp-b"]


def test_status_and_wait_normal_tell_a_whole_pair_from_a_broken_one(pair):
    run = pair.salt_run("dhcp_failover.status")
    assert run.returncode == 0, str(run)
    shown = run.answer["foo:dhcp-a:dhcp-b"]
    for server, role in (("dhcp-a", "primary"), ("dhcp-b", "secondary")):
        end = shown[server]
        assert (end["role"], end["state"], end["partner_state"]) == (role, "normal", "normal")
        assert (end["serves"], end["source"], end["pid"]) == (True, "omapi", pair.pid(server))
    run = pair.salt_run("dhcp_failover.wait_normal")
    assert run.returncode == 0, str(run)
    assert run.answer["result"] is True

    pair.dhcp.kill("dhcp-b")
    run = pair.salt_run("dhcp_failover.status", "foo")
    assert run.returncode == 1, str(run)
    shown = run.answer["foo:dhcp-a:dhcp-b"]
    assert shown["dhcp-a"]["state"] == "communications-interrupted"
    assert shown["dhcp-b"]["pid"] is None
    assert shown["dhcp-b"]["serves"] is not True
    run = pair.salt_run("dhcp_failover.wait_normal", "foo", "timeout=5")
    assert run.returncode == 1, str(run)
    assert "dhcpd is not running on dhcp-b" in run.told
    assert pair.touched == ["dhcp-b"]


def test_wait_normal_gives_up_at_its_timeout_with_the_state(pair):
    pair.block_new_failover_connections("dhcp-a")
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    run = pair.salt_run("dhcp_failover.wait_normal", "foo", "timeout=2")
    assert run.returncode == 1, str(run)
    assert "foo is not normal" in run.told
    pair.unblock("dhcp-a")
    run = pair.salt_run("dhcp_failover.wait_normal", "foo")
    assert run.returncode == 0, str(run)
    assert pair.restarts == ["dhcp-b"]


def test_a_name_that_means_nothing_lists_the_pairs(pair):
    for function in ("restart", "hold"):
        more = ["why=x"] if function == "hold" else []
        run = pair.salt_run(f"dhcp_failover.{function}", "nosuch", *more)
        assert run.returncode == 1, str(run)
        assert "foo:dhcp-a:dhcp-b" in run.told
        assert "Traceback" not in run.told
    assert pair.touched == []
