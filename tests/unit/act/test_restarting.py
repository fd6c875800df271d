"""A restart from its guard to its answer, over a modelled dhcpd: no second of it is waited for."""

from __future__ import annotations

import pytest
from iscdhcp.act import restarting
from iscdhcp.act import starting


def restart(here, *codes, method="signal", identity=None, staged=None):
    return restarting.restart(here, codes, None, None, method, None, identity, staged)


def test_a_restart_says_what_it_has_done(here, host):
    answer = restart(here)
    assert answer["result"], answer
    assert host.done == ["SIGTERM", "start"]
    assert (answer["old"]["pid"], answer["new"]["pid"]) == (100, 101)
    assert answer["comment"].startswith("dhcpd on dhcp-b restarted (pid 100 -> 101, down 0.")
    assert here.told == [("dhcp_failover/server/acting", "restarted")]
    assert here.notes.last_start["seconds"] >= 0.5


def test_the_guard_refuses_and_nothing_is_touched(here, host):
    host.partner_state = "communications-interrupted"
    answer = restart(here)
    assert answer["refused"] and "relationship" in {one["code"] for one in answer["reasons"]}
    assert host.done == []


def test_a_connection_that_has_just_gone_calls_the_signal_off(here, host):
    looks = iter([True])
    host.failover_connected = lambda *_: next(looks, False)
    answer = restart(here)
    assert "the failover connection of foo has just gone" in answer["comment"]
    assert host.done == [] and host.running.pid == 100


def test_a_drained_server_speaks_again_after_its_start(here, host):
    answer = restart(here, method="drain")
    assert answer["result"], answer
    assert host.done == ["paused", "SIGTERM", "start", "normal"]
    assert answer["new"]["resumed"] == ["foo"]
    assert here.notes.paused.read() == []


def test_a_start_that_does_not_serve_says_so_after_its_time(here, host):
    host.born_after = None
    begun = host.clock.time()
    answer = restart(here)
    assert answer["result"] is False and answer["new"] is None
    assert answer["comment"] == (
        "dhcpd did not serve within 60 s (no process appeared): exiting.. "
        "dhcpd is not running on dhcp-b."
    )
    assert 60 <= host.clock.time() - begun < 62


def test_an_order_for_a_process_that_is_gone_does_nothing(here, host):
    answer = restart(here, identity="boot-99")
    assert answer["refused"] and answer["reasons"][0]["code"] == "other-process"
    assert host.done == []


def test_another_runs_claim_is_waited_for_a_moment_and_then_refuses(here, host):
    here.notes.claims.claim("run-1", "ann", 60)
    begun = host.clock.time()
    answer = starting.resume(here, "run-2")
    assert answer["refused"] and "claimed by ann" in answer["comment"]
    assert host.clock.time() - begun == pytest.approx(2.0, abs=0.1)


def test_new_files_with_which_it_does_not_start_are_taken_back(here, host):
    old = (here.folder / "dhcpd.conf").read_text()
    new = here.folder / "candidate"
    new.write_text(old + "default-lease-time 600;\n")
    main = str(here.folder / "dhcpd.conf")
    here.notes.stage.keep("run-1", main, {main: str(new)}, True)
    start = host._order

    def only_with_the_old_files():
        start()
        if (here.folder / "dhcpd.conf").read_text() != old:
            host.ordered = None

    host._order = only_with_the_old_files
    answer = restart(here, staged="run-1")
    assert answer["result"] is False and answer["rolled_back"] is True
    assert answer["new"]["pid"] == 101
    assert (here.folder / "dhcpd.conf").read_text() == old
    assert host.done == ["SIGTERM", "start", "start"]


@pytest.mark.parametrize("method", ["signal", "drain", "handover"])
def test_a_state_that_changes_right_after_the_guards_look_calls_it_off(here, host, method):
    seen, looks = host.failover_state, iter([True])

    def then_alone(name):
        state = seen(name)
        if not next(looks, False):
            state["state"] = "communications-interrupted"
        return state

    host.failover_state = then_alone
    answer = restart(here, method=method)
    assert answer["result"] is False
    assert host.done == [] and host.running.pid == 100
