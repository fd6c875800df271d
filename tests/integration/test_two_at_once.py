"""Several runs, and people beside them: one at a time, and the others are told whose turn it is."""

from __future__ import annotations


def test_while_a_run_works_all_others_are_refused_at_once_and_told_of_it(pair):
    pair.block_new_failover_connections("dhcp-a")
    first = pair.begin_orchestration()
    first.until_it_says("Waiting: ")

    second = pair.orchestrate()
    assert second.returncode != 0, str(second)
    dry = pair.orchestrate("test=True")
    assert dry.returncode == 1, str(dry)
    for other in (second, dry):
        refusal = other.step("The pair is locked")
        assert refusal["result"] is False
        assert "is locked by the run of foo" in refusal["comment"]
        assert f"pid {first.pid}" in refusal["comment"]
    for server in ("dhcp-a", "dhcp-b"):
        person = pair.ask(server, "dhcpd.restart")
        assert person["result"] is False
        assert f"{server} is claimed by" in person["comment"], person
    assert first.returncode is None, "the others were to be refused while the first one waits"
    assert pair.touched == ["dhcp-b"]

    pair.unblock("dhcp-a")
    assert first.wait().returncode == 0, str(first)
    assert pair.locked == {}
    for server in ("dhcp-a", "dhcp-b"):
        assert pair.ask(server, "dhcpd.status", brief=True)["claim"] is None
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_of_two_runs_that_begin_at_the_same_moment_one_wins(pair):
    both = [pair.begin_orchestration(), pair.begin_orchestration()]
    ended = sorted((run.wait() for run in both), key=lambda run: run.returncode)
    assert ended[0].returncode == 0, str(ended[0])
    assert ended[1].returncode != 0, str(ended[1])
    assert "is locked by the run of foo" in ended[1].step("The pair is locked")["comment"]
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_pairs_that_share_a_hub_take_turns(hub):
    hub.block_new_failover_connections("dhcp-a")
    first = hub.begin_orchestration(pair="foo")
    first.until_it_says("Waiting: ")
    second = hub.orchestrate(pair="bar")
    assert first.returncode is None, "the second was to be refused while the first one waits"
    assert second.returncode != 0, str(second)
    assert "is locked by the run of foo" in second.step("The pair is locked")["comment"]
    assert hub.touched == ["dhcp-b"]
    hub.unblock("dhcp-a")
    assert first.wait().returncode == 0, str(first)
    later = hub.orchestrate(pair="bar")
    assert later.returncode == 0, str(later)
    assert hub.restarts == ["dhcp-b", "dhcp-a", "dhcp-b", "dhcp-c"]


def test_a_hold_refuses_every_run_until_it_is_released(pair):
    assert pair.salt_run("dhcp_failover.hold", "foo").returncode != 0, "it has to say why"
    assert pair.salt_run("dhcp_failover.hold", "foo", "why=power works").returncode == 0
    run = pair.orchestrate()
    assert run.returncode != 0, str(run)
    assert "held by" in run.step("The pair is locked")["comment"]
    assert "power works" in run.step("The pair is locked")["comment"]
    shown = pair.salt_run("dhcp_failover.status", "foo").answer["foo:dhcp-a:dhcp-b"]
    assert shown["dhcp-a"]["hold"]["why"] == shown["dhcp-b"]["hold"]["why"] == "power works"
    assert pair.salt_run("dhcp_failover.release", "foo").returncode == 0
    assert pair.touched == []
    free = pair.orchestrate("test=True")
    assert free.returncode == 0, str(free)
    assert pair.touched == []


def test_a_claim_refuses_persons_and_runs_and_names_who_has_it(pair):
    assert pair.ask("dhcp-a", "dhcpd.claim", run="anns", who="ann")["result"] is True
    person = pair.ask("dhcp-a", "dhcpd.restart")
    assert person["result"] is False
    assert "claimed by ann" in person["comment"]
    run = pair.orchestrate()
    assert run.returncode != 0, str(run)
    assert "claimed by ann" in run.step("Both servers are fit for it")["comment"]
    assert pair.touched == []
    assert pair.ask("dhcp-a", "dhcpd.claim", run="bobs", who="bob")["result"] is False
    assert pair.ask("dhcp-a", "dhcpd.release_claim", run="bobs")["result"] is False
    assert pair.ask("dhcp-a", "dhcpd.release_claim")["result"] is True
    assert pair.ask("dhcp-b", "dhcpd.ok_to_stop")["result"] is True
