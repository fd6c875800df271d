"""A pair that is not fit for a restart: nothing is touched, and the person reads why."""

from __future__ import annotations

import pytest
from stage import STEPS

from lab.waiting import wait_until


def check_refused(run, *words, step="Both servers are fit for it"):
    """The run failed at ``step``, says ``words`` there, and no later step was run."""
    assert run.returncode != 0, str(run)
    failed = run.step(step)
    assert failed["result"] is False, str(run)
    for word in words:
        assert word in failed["comment"], str(run)
    for later in STEPS[STEPS.index(step) + 1 : -1]:
        assert run.step(later)["result"] is False, str(run)
        assert "requisite failed" in run.step(later)["comment"], str(run)


def cut_failover_connection(stage, server):
    """Both dhcpd run and serve, and have lost each other."""
    stage.block_new_failover_connections(server)
    stage.lab[server].run(["ss", "-K", "sport", "=", ":647"])
    stage.lab[server].run(["ss", "-K", "dport", "=", ":647"])
    interrupted = {"foo": ("communications-interrupted", "normal")}
    wait_until(
        lambda: all(stage.dhcp.failover_states(name) == interrupted for name in stage.dhcp.hosts),
        lambda: f"interrupted: {[stage.dhcp.failover_states(n) for n in stage.dhcp.hosts]}",
        15.0,
    )


def test_a_pair_in_communications_interrupted_is_left_alone(pair):
    cut_failover_connection(pair, "dhcp-a")
    check_refused(pair.orchestrate(), "communications-interrupted", "Nothing was touched")
    dry = pair.orchestrate("test=True")
    check_refused(dry, "communications-interrupted", "Nothing was touched")
    assert dry.step("The first server is restarted")["result"] is False
    assert pair.touched == []
    assert pair.locked == {}


def test_a_pair_whose_partner_is_down_is_left_alone(pair):
    pair.dhcp.kill("dhcp-b")
    check_refused(pair.orchestrate(), "dhcpd is not running on dhcp-b", "Nothing was touched")
    assert pair.touched == ["dhcp-b"]
    assert pair.processes()["dhcp-b"] == ()
    assert pair.locked == {}


def test_a_configuration_that_dhcpd_refuses_is_never_started(pair):
    host = pair.lab["dhcp-a"]
    good = host.read("/etc/dhcp/dhcpd.conf")
    host.write("/etc/dhcp/dhcpd.conf", good + "no-such-statement 5;\n")
    check_refused(pair.orchestrate(), "dhcp-a", "dhcpd.conf", "Nothing was touched")
    host.write("/etc/dhcp/dhcpd.conf", good)
    assert pair.touched == []


def test_several_pairs_and_no_name_lists_them(hub):
    run = hub.orchestrate()
    assert run.returncode != 0
    comment = run.step("The pair is locked")["comment"]
    assert "foo:dhcp-a:dhcp-b" in comment
    assert "bar:dhcp-b:dhcp-c" in comment
    assert all(step["result"] is False for step in run.steps), str(run)
    assert hub.touched == []


@pytest.mark.parametrize("known", [True, False], ids=["known", "never-seen"])
def test_a_silent_minion_is_named(pair, known):
    if known:
        assert pair.salt_run("dhcp_failover.pairs").returncode == 0
    pair.silence("dhcp-b")
    run = pair.orchestrate()
    step = "Both servers are fit for it" if known else "The pair is locked"
    check_refused(run, "dhcp-b", step=step)
    assert pair.touched == []
    assert pair.locked == {}

    pair.wake("dhcp-b")
    wait_until(
        lambda: pair.ask("dhcp-b", "dhcpd.status", brief=True)["claim"] is None,
        "the claim that the minion has slept through is released",
        timeout=20.0,
    )
    dry = pair.orchestrate("test=True")
    assert dry.returncode == 0, f"it is fixed by the minion's return\n{dry}"
    assert pair.touched == []


def test_a_silent_minion_that_has_nothing_to_do_with_the_pair_costs_nothing(pair):
    assert pair.salt_run("dhcp_failover.pairs").returncode == 0
    pair.silence("dhcp-c")
    run = pair.orchestrate("test=True")
    assert run.returncode == 0, str(run)
    assert pair.touched == []
