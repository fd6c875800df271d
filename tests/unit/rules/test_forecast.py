"""Whether a partner that will serve alone has leases and patience enough."""

from __future__ import annotations

import pytest
from iscdhcp.rules import forecast
from iscdhcp.rules import may_stop
from iscdhcp.rules import stuck
from iscdhcp.rules.evidence import evidence_of
from iscdhcp.shapes import EndFacts
from iscdhcp.shapes import LeaseFacts
from pair_facts import NOW
from pair_facts import healthy
from pair_facts import leases
from shaped import shaped


def judge(a, b, method="signal", force=()):
    evidence = {"foo": evidence_of(b, "foo", NOW, 0.0)}
    a["omapi"]["answers"] = True
    return may_stop.ok_to_stop(a, evidence, force, NOW, method)


def blocking(verdict):
    return {reason.code for reason in verdict.blockers}


def test_a_secondary_alone_gives_its_backup_leases_only():
    a, b = healthy()
    b["leases"] = leases(free=100, backup=3, rate=2.0)
    verdict = judge(a, b)
    assert blocking(verdict) == {"free-leases"}
    assert "dhcp-b has 0 free leases of its own in 10.0.0.0/24" in verdict.sentence
    assert "new clients are expected" in verdict.sentence


def test_a_primary_alone_gives_its_free_leases_only():
    a, b = healthy()
    a["leases"] = leases(free=3, backup=100, rate=2.0)
    evidence = {"foo": evidence_of(a, "foo", NOW, 0.0)}
    assert blocking(may_stop.ok_to_stop(b, evidence, (), NOW)) == {"free-leases"}


def test_free_leases_enough_for_the_clients_expected_block_nothing():
    a, b = healthy()
    a["leases"] = b["leases"] = leases(rate=2.0)
    assert judge(a, b).reasons == ()


def test_the_busier_end_tells_how_many_clients_are_new():
    a, b = healthy()
    a["leases"], b["leases"] = leases(rate=20.0), leases(rate=0.0)
    assert blocking(judge(a, b)) == {"free-leases"}


def test_a_partner_without_free_leases_but_without_new_clients_is_only_named():
    a, b = healthy()
    b["leases"] = leases(free=1, backup=0)
    verdict = judge(a, b)
    assert verdict.ok
    assert [reason.code for reason in verdict.warnings] == ["free-leases"]
    assert "no new client is expected" in verdict.sentence


def test_a_pool_that_is_used_up_at_both_ends_is_only_named():
    a, b = healthy()
    a["leases"] = b["leases"] = leases(free=0, backup=0, rate=5.0)
    verdict = judge(a, b)
    assert verdict.ok
    assert "used up at both ends" in verdict.sentence


def test_leases_that_were_counted_a_while_ago_count_less():
    a, b = healthy()
    b["leases"] = {**leases(backup=60, rate=1.0), "counted": NOW - 55}
    assert blocking(judge(a, b)) == {"free-leases"}


@pytest.mark.parametrize("end", ["own", "other"])
def test_what_could_not_be_counted_is_not_taken_for_enough(end):
    a, b = healthy()
    (a if end == "own" else b)["leases"] = shaped(LeaseFacts, counted=NOW, error="no such file")
    verdict = judge(a, b)
    assert blocking(verdict) == {"free-leases-unknown"}
    assert "could not be counted" in verdict.sentence
    assert "force=free-leases-unseen" in judge(a, b, force={"free-leases"}).sentence
    assert judge(a, b, force={"free-leases-unseen"}).ok


def test_in_partner_down_the_other_half_counts_once_mclt_has_passed():
    own = {"role": "secondary", "age": 0.0, "pools": []}
    pool = {
        "network": "n",
        "ranges": [["10.0.0.1", "10.0.0.99"]],
        "own_free": 20,
        "free": 80,
        "new_per_second": 1.0,
    }
    theirs = {**own, "pools": [pool]}
    assert forecast.shortages(own, theirs, seconds=60.0)
    assert not forecast.shortages(own, theirs, seconds=60.0, whole_after=10.0)
    assert forecast.shortages(own, theirs, seconds=100.0, whole_after=10.0)
    assert forecast.shortages(own, theirs, seconds=60.0, whole_after=30.0)


def test_a_partner_that_would_go_to_partner_down_by_itself_blocks():
    a, b = healthy()
    b["relationships"]["foo"]["auto_partner_down"] = 5
    verdict = judge(a, b)
    assert blocking(verdict) == {"auto-partner-down"}
    assert "after 5 s (auto-partner-down of foo)" in verdict.sentence
    assert judge(a, b, force={"auto-partner-down"}).ok
    assert judge(a, b, method="handover").ok
    b["relationships"]["foo"]["auto_partner_down"] = 600
    assert judge(a, b).ok


def test_a_slow_start_makes_the_partner_alone_for_longer():
    a, _ = healthy()
    quick = forecast.seconds_alone(a, "signal")
    a["last_start"] = {"seconds": 40.0, "time": NOW}
    assert forecast.seconds_alone(a, "signal") == pytest.approx(quick + 78.0)


def test_the_documented_shutdown_is_refused_until_its_cost_is_accepted():
    a, b = healthy()
    verdict = judge(a, b, method="control")
    assert "mclt" in blocking(verdict)
    assert "answers nobody for 3600 s" in verdict.sentence and "force=mclt" in verdict.sentence
    assert judge(a, b, method="control", force={"mclt"}).ok


def test_a_survivor_whose_full_window_keeps_its_partner_in_recover_is_called_stuck():
    states = {"state": "partner-down", "partner_state": "recover"}
    end = shaped(EndFacts, **states, unacked=10, unacked_bound=9)
    assert "dhcpd.release_window" in stuck.of_end(end)
    assert stuck.of_end({**end, "unacked": 9}) is None
    assert stuck.of_end({**end, "partner_state": "normal"}) is None


@pytest.mark.parametrize("state", ["paused", "shutdown", "unknown-state"])
def test_a_state_that_does_not_end_by_itself_is_called_stuck(state):
    end = shaped(EndFacts, state=state, partner_state="normal")
    assert "dhcpd.resume" in stuck.of_end(end)
