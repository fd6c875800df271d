"""The text that monitoring reads: checked by Prometheus's own parsers."""

from __future__ import annotations

import os
import stat

import pytest
from iscdhcp import openmetrics as openmetrics_file
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import metrics
from iscdhcp.shapes import LeaseFacts
from iscdhcp.shapes import ServerFacts
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from shaped import shaped

NOW = 1_800_000_000.5
POOL = {"network": "10.0.0.0/24", "ranges": [["10.0.0.1", "10.0.0.99"]], "addresses": 200}


def facts(**changed):
    foo = {
        "role": "secondary",
        "state": "communications-interrupted",
        "partner_state": "normal",
        "since": NOW - 60,
        "serves": True,
        "connected": False,
        "mclt": 1800,
        "unacked": 3,
    }
    known = {
        "time": NOW,
        "process": {"running": True, "started": NOW - 100.25, "pid": 7},
        "configuration": {"error": None},
        "omapi": {"configured": True, "answers": True},
        "pending_restart": {"pending": True, "reason": "new times"},
        "lease_file": {"exists": True, "bytes": 4711, "whole": False},
        "relationships": {"foo": foo},
        **changed,
    }
    return shaped(ServerFacts, **known)


def counts(*pools):
    return shaped(LeaseFacts, counted=NOW - 5, relationships={"foo": list(pools)})


def samples(text, parse=openmetrics):
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in parse(text)
        for one in family.samples
    }


FOO = (("relationship", "foo"), ("role", "secondary"))


@pytest.mark.parametrize(
    "pending, value", [(None, 0), ({"pending": True}, 1), ({"pending": "unknown"}, None)]
)
def test_files_that_were_only_touched_raise_no_alert_about_a_restart(pending, value):
    found = samples(metrics.render(facts(pending_restart=pending)))
    assert found.get(("dhcpd_restart_pending", ())) == value


@pytest.mark.parametrize("parse", [openmetrics, prometheus])
def test_both_of_prometheus_parsers_read_all_of_it(parse):
    pool = {**POOL, "free": 20, "backup": 80, "active": 100}
    found = samples(metrics.render(facts(), counts(pool)), parse)
    assert found["dhcpd_up", ()] == 1
    assert found["dhcpd_start_time_seconds", ()] == NOW - 100.25
    assert found["dhcpd_restart_pending", ()] == 1
    assert found["dhcpd_lease_file_bytes", ()] == 4711
    assert found["dhcpd_lease_file_whole", ()] == 0
    assert found["dhcpd_failover_state", FOO] == 3
    assert found["dhcpd_failover_partner_state", FOO] == 2
    assert found["dhcpd_failover_seconds_in_state", FOO] == 60
    assert found["dhcpd_failover_mclt_seconds", FOO] == 1800
    assert found["dhcpd_failover_unacked_updates", FOO] == 3
    where = (("network", "10.0.0.0/24"), ("pool", "10.0.0.1"), ("relationship", "foo"))
    assert found["dhcpd_pool_own_free", where] == 80
    by_state = {
        dict(labels)["state"]: value
        for (name, labels), value in found.items()
        if name == "dhcpd_leases"
    }
    rest = dict.fromkeys(("expired", "released", "abandoned", "reset"), 0)
    assert by_state == {"free": 20, "backup": 80, "active": 100, **rest}


def test_what_is_unknown_has_no_sample():
    end = {"role": "primary", "state": None, "partner_state": None}
    found = samples(metrics.render(facts(relationships={"foo": end}, lease_file={})))
    names = {name for name, _ in found}
    assert "dhcpd_failover_state" not in names
    assert "dhcpd_lease_file_bytes" not in names
    assert "dhcpd_leases" not in names
    assert found["dhcpd_failover_state_known", (("relationship", "foo"), ("role", "primary"))] == 0


def test_a_server_that_is_down_says_so():
    text = metrics.render(facts(process={"running": False}, relationships={}))
    assert samples(text)["dhcpd_up", ()] == 0


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nb", "h\u00e9", "\udce9", "a{b}", "\u2028"])
def test_any_name_of_a_relationship_is_a_good_label(name):
    text = metrics.render(facts(relationships={name: facts()["relationships"]["foo"]}))
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    for parse in (openmetrics, prometheus):
        # The parser of the old format splits there; the format itself does not.
        if parse is openmetrics or name != "\u2028":
            parsed = samples(text.encode().decode(), parse)
            assert ("dhcpd_failover_state", (("relationship", shown), FOO[1])) in parsed


def test_two_pools_of_one_network_are_two_series():
    second = {**POOL, "ranges": [["10.0.0.130", "10.0.0.150"]], "free": 2}
    found = samples(metrics.render(facts(), counts({**POOL, "free": 1}, second)))
    free = [
        value
        for (name, labels), value in found.items()
        if name == "dhcpd_leases" and ("state", "free") in labels
    ]
    assert sorted(free) == [1, 2]


def test_a_file_is_replaced_whole_and_readable_by_the_collector(tmp_path):
    path = tmp_path / "dhcpd.prom"
    assert openmetrics_file.write(path, "one\n") is True
    before = path.stat().st_ino
    assert openmetrics_file.write(path, "two\n") is False
    assert path.read_text() == "two\n"
    assert path.stat().st_ino != before
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["dhcpd.prom"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(IscDhcpError, match="textfile"):
        openmetrics_file.write(tmp_path / "nowhere" / "dhcpd.prom", "x")
