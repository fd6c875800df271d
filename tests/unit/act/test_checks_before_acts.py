"""What is looked at before dhcpd is started, put into another state, or taken for whole."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from iscdhcp.act import handover
from iscdhcp.act import partner_down
from iscdhcp.act import starting
from iscdhcp.errors import ActError
from iscdhcp.rules import forecast
from iscdhcp.rules import is_complete
from iscdhcp.rules import may_stop
from iscdhcp.rules.evidence import EVIDENCE_MAX_AGE
from iscdhcp.rules.evidence import evidence_of
from iscdhcp.shapes import Death
from iscdhcp.shapes import PartnerLook
from iscdhcp.shapes import Probe
from modelled_server import ModelledServer
from pair_facts import NOW
from pair_facts import healthy
from pair_facts import leases
from shaped import shaped

LEASE = "lease 10.0.0.10 {\n  starts epoch 1;\n  ends epoch 2;\n  binding state active;\n}\n"


# -- a start -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_text(LEASE + "lease 10.0.0.11 {\n  starts"), "torn"),
        (lambda path: Path(f"{path}~").write_text(LEASE), "is empty"),
        (lambda path: path.write_text(LEASE[:30] + LEASE + LEASE), "leases:1: "),
        (lambda path: path.write_text(LEASE + "\0" * 30 + "\n" + LEASE), "(1 stretch in all)"),
    ],
    ids=["missing", "torn", "empty", "damaged", "nul bytes"],
)
def test_no_dhcpd_is_started_that_would_forget_leases(here, host, tmp_path, spoil, said):
    host.running = None
    spoil(tmp_path / "dhcpd.leases")
    answer = starting.start(here, (), 5, None)
    assert not answer["result"] and said in answer["comment"]
    assert host.done == []
    assert starting.start(here, ("lease-file",), 5, None)["result"]


def test_one_that_died_while_it_wrote_an_entry_starts_without_it_and_says_so(here, host, tmp_path):
    path = tmp_path / "dhcpd.leases"
    host.running = None
    path.write_text(LEASE + "lease 10.0.0.10 {\n  starts")
    assert here.facts(brief=True)["lease_file"]["mendable"] is True
    answer = starting.start(here, (), 5, None)
    assert answer["result"], answer["comment"]
    assert "lease 10.0.0.10), of which nobody has heard: that was cut off" in answer["comment"]
    assert path.read_text() == LEASE
    (kept,) = tmp_path.glob("dhcpd.leases.damaged-*")
    assert kept.read_text() == LEASE + "lease 10.0.0.10 {\n  starts"


def test_the_pid_file_of_a_dhcpd_that_crashed_does_not_stand_in_the_way(here, host, tmp_path):
    host.running = None
    pid_file = tmp_path / "dhcpd.pid"
    myself = Path("/proc/self/comm").read_text().strip()
    for pid, binary, stays in (
        (999_999_999, "dhcpd", False),
        (os.getpid(), "dhcpd", False),
        (os.getpid(), myself, True),
    ):
        here.settings = lambda binary=binary: replace(
            ModelledServer.settings(here), pid_file=str(pid_file), binaries=(binary,)
        )
        pid_file.write_text(f"{pid}\n")
        host.running = None
        assert starting.start(here, (), 5, None)["result"]
        assert pid_file.exists() is stays


def test_a_new_server_with_an_empty_file_is_started(here, host):
    host.running = None
    assert starting.start(here, (), 5, None)["result"]


# -- partner-down, and the window of a survivor --------------------------------------------------


def take(here, meanwhile=lambda: None):
    """Take the partner for dead; ``meanwhile`` happens between the look and the act."""
    facts = here.facts(brief=True)
    facts["relationships"]["foo"].update(connected=False)
    facts["omapi"]["answers"] = True
    probe = shaped(Probe, address="192.0.2.1", ping=False, omapi="silent")
    partner = {"minion": "dhcp-a", "answered": True, "running": False}
    death = shaped(Death, partner={**partner, "observed": here.host.clock.time()})

    def look(name):
        meanwhile()
        return {**shaped(PartnerLook), "facts": facts, "probe": probe}

    return partner_down.take(here, "foo", death, None, look)


@pytest.fixture
def alone(host):
    """A server that has lost its partner."""
    host.is_connected = False
    host.state = "communications-interrupted"
    return host


@pytest.mark.parametrize(
    "change, said",
    [({"is_connected": True}, "has just connected"), ({"state": "normal"}, "in normal now")],
    ids=["connected", "normal"],
)
def test_a_partner_that_comes_back_between_look_and_act_is_not_taken_for_dead(
    here, alone, change, said
):
    answer = take(here, lambda: vars(alone).update(change))
    assert not answer["result"] and said in answer["comment"]
    assert alone.done == []


def test_a_dead_partner_is_taken_for_dead(here, alone):
    answer = take(here)
    assert answer["result"], answer
    assert alone.done == ["partner-down"]
    assert answer["usable_from"] == answer["since"] + 60


@pytest.mark.parametrize(
    "state, partner, unacked, released",
    [
        ("partner-down", "recover", 3, True),
        ("partner-down", "normal", 3, False),
        ("partner-down", "communications-interrupted", 3, False),
        ("partner-down", "recover", 0, False),
        ("communications-interrupted", "recover", 3, False),
        ("normal", "normal", 3, False),
    ],
)
def test_a_window_is_released_only_where_the_partner_does_not_serve(
    here, host, state, partner, unacked, released
):
    host.state, host.partner_state = state, partner
    seen = host.failover_state
    host.failover_state = lambda name: {**seen(name), "unacked": unacked}
    answer = partner_down.release(here, False, None)
    assert answer["result"]
    assert (host.done == ["partner-down"]) is released
    assert bool(answer["released"]) is released and bool(answer["untouched"]) is not released


def test_a_hand_over_whose_partner_does_not_take_over_is_undone(here, host):
    server = here.server()
    with pytest.raises(ActError, match="did not take over.*coming back"):
        handover.hand_over(server, here.notes.paused)
    assert host.done == ["shutdown", "recover"]
    assert here.notes.paused.read() == []


# -- boundaries of decisions ---------------------------------------------------------------------


def ok_to_stop(a, b, observed=NOW, **named):
    return may_stop.ok_to_stop(a, {"foo": evidence_of(b, "foo", observed, 0.0)}, now=NOW, **named)


@pytest.mark.parametrize("age, ok", [(EVIDENCE_MAX_AGE, True), (EVIDENCE_MAX_AGE + 0.1, False)])
def test_evidence_counts_up_to_its_age_and_no_longer(age, ok):
    a, b = healthy()
    assert ok_to_stop(a, b, observed=NOW - age).ok is ok
    assert ok_to_stop(a, b, observed=NOW + age).ok is ok


def test_a_partner_that_goes_to_partner_down_just_as_the_server_is_back_blocks():
    a, b = healthy()
    alone = forecast.seconds_alone(a, "signal")
    for delay, ok in ((alone, False), (alone + 0.1, True)):
        b["relationships"]["foo"]["auto_partner_down"] = delay
        assert ok_to_stop(a, b).ok is ok


def test_as_many_free_leases_as_new_clients_are_enough_and_one_less_is_not():
    pool = {"network": "n", "ranges": [["10.0.0.1", "10.0.0.9"]], "free": 99}
    mine = {"role": "primary", "age": 0.0, "pools": []}
    for own, short in ((10, False), (9, True), (0, True)):
        theirs = {**mine, "pools": [{**pool, "own_free": own, "new_per_second": 1.0}]}
        assert bool(forecast.shortages(mine, theirs, seconds=10.0)) is short


def test_normal_by_the_log_alone_is_not_believed_without_a_connection():
    a, b = healthy()
    a["relationships"]["foo"].update(source="log", connected=False)
    verdict = is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW)
    assert verdict.outcome == "wait"
    assert [one.code for one in verdict.blockers] == ["connection"]
    a["relationships"]["foo"].update(connected=True)
    assert is_complete.restart_complete(a, {"foo": b}, "dhcp-a-1", NOW).ok


def test_a_partner_whose_state_does_not_serve_is_no_partner_to_rely_on():
    a, b = healthy()
    b["relationships"]["foo"]["serves"] = False
    assert not ok_to_stop(a, b).ok
    a["leases"] = b["leases"] = leases()
    b["relationships"]["foo"]["serves"] = True
    assert ok_to_stop(a, b).ok
