"""A restart from its guard to its answer, over a modelled dhcpd: no second of it is waited for."""

from __future__ import annotations

import pytest
from iscdhcp.act import proving
from iscdhcp.act import restarting
from iscdhcp.act import starting
from iscdhcp.errors import OmapiRefused
from iscdhcp.facts import asking
from iscdhcp.rules.evidence import EVIDENCE_MAX_AGE
from iscdhcp.rules.evidence import evidence_of
from pair_facts import healthy


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


def restart_by_run(here, observed=None, method="signal", *codes):
    theirs, _ = healthy()
    seen = here.host.clock.time() if observed is None else observed
    evidence = {"foo": evidence_of(theirs, "foo", seen, 0.0)}
    codes = ("free-leases-unseen", *codes)  # nothing is counted here
    return restarting.restart(here, codes, evidence, "run 1", method, None, None, None)


def silent(*_):
    return None


@pytest.mark.parametrize("method", ["signal", "drain", "handover"])
def test_a_partner_that_has_answered_before_and_is_silent_now_calls_it_off(here, host, method):
    asking.ask_all(here.server(), here.notes.folder, None)
    host.partner_offers = silent
    answer = restart_by_run(here, None, method)
    assert answer["refused"] and {one["code"] for one in answer["reasons"]} == {"probe-silent"}
    assert "dhcp-a offers nothing to the question of dhcp-b" in answer["comment"]
    assert host.done == []
    assert restart_by_run(here, None, "signal", "probe")["result"]


def test_a_partner_that_dies_between_answer_and_signal_is_asked_once_more(here, host):
    def slow_file(one, look, deadline):
        host.clock.sleep(2.0)  # the lease file's end is not whole for so long
        host.partner_offers = silent
        look()
        raise AssertionError("it was not called off")

    host.signal_terminate = slow_file
    answer = restart_by_run(here)
    assert {one["code"] for one in answer["reasons"]} == {"probe-silent"}


def test_who_says_that_the_partner_may_be_bad_has_not_said_that_the_look_may_be_old(here, host):
    looked = here.host.clock.time()

    def slow_file(one, look, deadline):
        host.clock.sleep(EVIDENCE_MAX_AGE + 1)
        look()
        raise AssertionError("it was not called off")

    host.signal_terminate = slow_file
    answer = restart_by_run(here, looked, "signal", "partner")
    assert {one["code"] for one in answer["reasons"]} == {"partner-old"}
    assert "force=partner-unseen" in answer["comment"]


def test_where_the_partner_can_not_be_asked_a_run_goes_on_with_a_warning(here, host):
    host.partner_offers = silent
    answer = restart_by_run(here)
    assert answer["result"], answer
    assert any("is not proved by an answer" in one for one in answer["warnings"])


def test_where_it_can_not_be_asked_the_masters_look_must_be_recent(here, host):
    host.partner_offers = silent
    asking.ask_all(here.server(), here.notes.folder, None)
    own = host.omapi

    def only_here(address, *words):
        if address != "127.0.0.1":
            raise OmapiRefused("nobody listens")
        return own(address, *words)

    host.omapi = only_here
    observed = host.clock.time() - proving.UNPROVED_MAX_AGE - 1
    answer = restart_by_run(here, observed)
    assert {one["code"] for one in answer["reasons"]} == {"partner-old"}
    assert host.done == []


def test_a_person_needs_a_word_where_the_partner_can_not_be_asked(here, host):
    host.partner_offers = silent
    answer = restart(here)
    assert {one["code"] for one in answer["reasons"]} == {"probe-unproved"}
    assert host.done == []
    refusal = restart(here, "probe")
    assert not refusal["result"] and "force=probe-unseen" in refusal["comment"]
    assert host.done == []
    assert restart(here, "probe-unseen")["result"]


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
        "dhcpd did not serve within 60 s (no process appeared): exiting. "
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


def asked_for_life(host):
    return [inform for _, inform in host.asked].count(True)


def test_a_run_that_leaves_a_server_down_knows_before_whether_its_partner_gives_signs_of_life(
    here, host
):
    """Whoever dies right after the stop gives none, and silence counts only after one."""
    theirs, _ = healthy()
    evidence = {"foo": evidence_of(theirs, "foo", here.host.clock.time(), 0.0)}
    force = ("free-leases-unseen",)
    assert restarting.stop(here, force, evidence, "run 1", "signal", None)["result"]
    assert host.asked[0][1] is True and asked_for_life(host) == 1
    assert asking.kept_life(here.notes.folder)["foo"]["answered"] is True


def test_a_restart_and_a_person_s_stop_ask_for_no_sign_of_life(here, host):
    assert restart_by_run(here)["result"]
    restarting.stop(here, ("free-leases-unseen",), None, None, "signal", None)
    assert asked_for_life(host) == 0
