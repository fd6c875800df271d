"""What monitoring learns of a fleet run; read by Prometheus's own parsers."""

from __future__ import annotations

import pytest
from iscdhcp.fleet import metrics
from iscdhcp.fleet import pace
from iscdhcp.fleet.record import Record
from iscdhcp.fleet.record import UnitRecord
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

NOW = 1_800_000_000.0


def record(states, outcome="done", left_out=(), ended=NOW + 60):
    units = [
        UnitRecord(name=f"p{n}", pairs=[f"p{n}"], servers=[f"a{n}"], jobs=[], state=state)
        for n, state in enumerate(states)
    ]
    return Record(
        id="r1",
        kind="restart",
        task=None,
        signature="s",
        again="again",
        who="ann",
        begun=NOW,
        units=units,
        outcome=outcome,
        ended=ended,
        left_out=[{"name": name, "code": code, "text": "."} for name, code in left_out],
    )


def samples(text, parse=openmetrics):
    return {
        (
            one.name,
            *(value for key, value in sorted(one.labels.items()) if key != "kind"),
        ): one.value
        for family in parse(text)
        for one in family.samples
    }


@pytest.mark.parametrize("parse", [openmetrics, prometheus])
def test_units_and_their_ends_are_told(parse):
    found = samples(
        metrics.render(record([pace.DONE, pace.DONE, pace.FAILED], "failed"), False), parse
    )
    assert found["dhcp_failover_fleet_good",] == 0 and found["dhcp_failover_fleet_running",] == 0
    assert found["dhcp_failover_fleet_units", "done"] == 2
    assert found["dhcp_failover_fleet_units", "failed"] == 1
    assert found["dhcp_failover_fleet_ended_time_seconds",] == NOW + 60


def test_who_was_passed_over_makes_it_no_good_one():
    good = record([pace.DONE], left_out=[("p9", "excluded")])
    assert samples(metrics.render(good, False))["dhcp_failover_fleet_good",] == 1
    bad = record([pace.DONE], left_out=[("b3", "no_pair")])
    found = samples(metrics.render(bad, False))
    assert found["dhcp_failover_fleet_good",] == 0
    assert found["dhcp_failover_fleet_left_out", "no_pair"] == 1


def test_one_under_way_is_neither_good_nor_bad_and_a_killed_one_has_no_end():
    running = samples(metrics.render(record([pace.RUNNING], "running", ended=None), True))
    assert running["dhcp_failover_fleet_running",] == 1
    assert ("dhcp_failover_fleet_good",) not in running
    killed = samples(metrics.render(record([pace.RUNNING], "running", ended=None), False))
    assert killed["dhcp_failover_fleet_good",] == 0
    assert ("dhcp_failover_fleet_ended_time_seconds",) not in killed


def test_before_the_first_run_nothing_is_claimed():
    assert samples(metrics.render(None, False)) == {("dhcp_failover_fleet_running",): 0}
