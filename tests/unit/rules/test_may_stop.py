"""What the facts of a pair mean."""

from __future__ import annotations

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.rules import may_stop
from iscdhcp.rules.evidence import evidence_of
from iscdhcp.rules.verdict import parse_force
from iscdhcp.shapes import EndFacts
from iscdhcp.shapes import ProcessFacts
from pair_facts import NOW
from pair_facts import healthy
from shaped import shaped


def evidence(partner, skew=0.0, observed=NOW):
    return {"foo": evidence_of(partner, "foo", observed, skew)}


def codes(verdict):
    return {reason.code for reason in verdict.blockers}


def test_a_healthy_server_with_a_healthy_partner_may_be_stopped():
    a, b = healthy()
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert verdict.ok
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    "state, partner",
    [
        ("communications-interrupted", "normal"),
        ("normal", "communications-interrupted"),
        ("recover-wait", "partner-down"),
        ("startup", "normal"),
        ("paused", "communications-interrupted"),
    ],
)
@pytest.mark.parametrize("end", ["own", "other"])
def test_a_server_is_not_stopped_while_either_end_is_not_normal(end, state, partner):
    a, b = healthy()
    spoilt = (a if end == "own" else b)["relationships"]["foo"]
    spoilt.update(state=state, partner_state=partner)
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert not verdict.ok
    assert state in verdict.sentence and "foo" in verdict.sentence


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda a, b: a["process"].update(running=False), "down"),
        (lambda a, b: a["process"].update(several=[1, 2]), "several"),
        (lambda a, b: a["process"].update(stopped=True), "halted"),
        (lambda a, b: a["process"].update(gentle_shutdown=True), "gentle"),
        (lambda a, b: a["configuration"].update(error="x:3: bad"), "configuration"),
        (lambda a, b: a["lease_file"].update(problem="it is torn"), "lease-file-torn"),
        (lambda a, b: a["relationships"]["foo"].update(connected=False), "connection"),
        (lambda a, b: a["relationships"]["foo"].update(state=None), "unknown"),
        (lambda a, b: a.update(relationships={}), "no-relationship"),
        (lambda a, b: a.update(foreign_claim={"who": "ann", "until": NOW + 9}), "claim"),
        (lambda a, b: a.update(busy="state.apply is running as PID 5"), "busy"),
        (lambda a, b: a["process"].update(signs=["the unit has a main process"]), "unseen-beside"),
        (lambda a, b: a["lease_file"].update(folder_problem="it is full"), "lease-folder"),
        (
            lambda a, b: a["lease_file"].update(problem="it is gone", replaced=True),
            "lease-file-replaced",
        ),
        (lambda a, b: a.update(start_problem="its unit is masked"), "start"),
        (lambda a, b: b["relationships"]["foo"].update(serves=None), "partner-unknown"),
        (lambda a, b: b["relationships"]["foo"].update(serves=False), "partner-not-serving"),
        (lambda a, b: b["process"].update(running=False, signs=["a lock"]), "partner-unknown"),
        (lambda a, b: b["process"].update(running=False), "partner-not-serving"),
        (lambda a, b: b["process"].update(stopped=True), "partner-not-serving"),
        (lambda a, b: b["relationships"]["foo"].update(state=None), "partner-unknown"),
        (lambda a, b: b["relationships"].clear(), "partner-unknown"),
    ],
)
def test_each_trouble_blocks_and_is_named(spoil, code):
    a, b = healthy()
    spoil(a, b)
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert code in codes(verdict)
    assert verdict.sentence.endswith(".")


def test_another_holder_of_the_dhcp_port_is_a_warning():
    a, b = healthy()
    a["process"]["others"] = ["UDP port 67 is held by dnsmasq, pid 5"]
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert verdict.ok and "dnsmasq" in verdict.sentence


def test_an_unknown_state_never_counts_as_serving():
    _, b = healthy()
    b["relationships"]["foo"] = shaped(EndFacts, why_unknown="no log")
    seen = evidence_of(b, "foo", NOW, 0.0)
    assert seen["serves"] is None and "no log" in seen["why"]


def test_evidence_that_is_old_or_from_the_future_counts_for_nothing():
    a, b = healthy()
    for observed in (NOW - 11, NOW + 11):
        verdict = may_stop.ok_to_stop(a, evidence(b, observed=observed), now=NOW)
        assert codes(verdict) == {"partner-old"}


def test_missing_evidence_of_one_of_several_partners_blocks():
    a, b = healthy()
    a["relationships"]["bar"] = dict(a["relationships"]["foo"])
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert [reason.relationship for reason in verdict.blockers] == ["bar"]


def test_clocks_too_far_apart_block_before_dhcpd_would_refuse_to_connect():
    a, b = healthy()
    assert may_stop.ok_to_stop(a, evidence(b, skew=59), now=NOW).ok
    assert codes(may_stop.ok_to_stop(a, evidence(b, skew=-61), now=NOW)) == {"clock-skew"}


def test_force_overrides_only_what_it_names():
    a, b = healthy()
    a["lease_file"]["problem"] = "it is torn"
    a["relationships"]["foo"]["connected"] = False
    verdict = may_stop.ok_to_stop(a, evidence(b), parse_force("lease-file"), NOW)
    assert codes(verdict) == {"connection"}
    assert "overridden" in verdict.warnings[0].text
    both = parse_force(["lease-file", "connection"])
    assert may_stop.ok_to_stop(a, evidence(b), both, NOW).ok


@pytest.mark.parametrize("words", ["everything", "relationship,nonsense", True])
def test_force_has_to_name_what_it_overrides(words):
    with pytest.raises(IscDhcpError, match="relationship"):
        parse_force(words)


@pytest.mark.parametrize("answers, ok", [(True, True), (False, False)])
def test_a_graceful_method_needs_an_omapi_that_answers(answers, ok):
    a, b = healthy()
    a["omapi"].update(configured=answers, answers=answers, hint="set omapi-port")
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW, method="drain")
    assert verdict.ok is ok
    assert ok or "set omapi-port" in verdict.sentence


def hub(**roles):
    """A server with a relationship of each role."""
    a, _ = healthy()
    end = a["relationships"].pop("foo")
    for name, role in roles.items():
        a["relationships"][name] = {**end, "role": role}
    return a


@pytest.mark.parametrize(
    "roles, ok",
    [
        ({"foo": "secondary"}, True),
        ({"foo": "secondary", "bar": "secondary"}, True),
        ({"foo": "primary"}, False),
        ({"foo": "secondary", "bar": "primary"}, False),
        ({"foo": "secondary", "bar": None}, False),
    ],
)
def test_a_person_stops_only_what_is_secondary_everywhere(roles, ok):
    verdict = may_stop.ok_to_stop(hub(**roles), now=NOW)
    assert codes(verdict) == (set() if ok else {"primary"})


@pytest.mark.parametrize("act", ["restart", "stop", "shutdown"])
def test_who_is_refused_as_a_person_reads_what_to_run_on_the_master(act):
    verdict = may_stop.ok_to_stop(healthy()[0], now=NOW, act=act)
    assert f"salt-run dhcp_failover.{act} server=dhcp-a" in verdict.sentence
    assert "dhcp-a is primary in foo" in verdict.sentence
    back = may_stop.ok_to_stop(healthy()[0], now=NOW, act="roll_back")
    assert "salt-run dhcp_failover.restart server=dhcp-a" in back.sentence


def test_a_role_that_the_running_process_contradicts_is_unknown():
    b = hub(foo="secondary")
    b["relationships"]["foo"]["running_role"] = "secondary"
    assert may_stop.ok_to_stop(b, now=NOW).ok
    b["relationships"]["foo"]["running_role"] = "primary"
    verdict = may_stop.ok_to_stop(b, now=NOW)
    assert codes(verdict) == {"primary"}
    assert "in an unknown role in foo" in verdict.sentence


def test_a_person_whose_master_is_gone_says_so():
    a, _ = healthy()
    assert may_stop.ok_to_stop(a, None, parse_force("primary"), NOW).ok


def test_where_the_configuration_can_not_be_read_the_role_is_unknown():
    a, _ = healthy()
    a["relationships"] = {}
    a["configuration"]["error"] = "x:3: bad"
    force = parse_force("configuration")
    assert codes(may_stop.ok_to_stop(a, None, force, NOW)) == {"primary"}


def test_no_relationship_and_no_process_keep_their_own_reasons():
    a, _ = healthy()
    assert codes(may_stop.ok_to_stop({**a, "relationships": {}}, now=NOW)) == {"no-relationship"}
    a["process"] = shaped(ProcessFacts)
    assert codes(may_stop.ok_to_stop(a, now=NOW)) == {"down"}


def test_a_partner_on_which_an_act_runs_is_no_partner_to_rely_on():
    a, b = healthy()
    b["acting"] = True
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW)
    assert codes(verdict) == {"partner-acting"}
    assert "dhcp-b is being stopped or started" in verdict.sentence


@pytest.mark.parametrize("method", ["signal", "drain"])
def test_a_server_that_is_down_is_told_in_one_sentence(method):
    a, b = healthy()
    a["process"] = shaped(ProcessFacts)
    a["omapi"].update(configured=True, answers=False, error="dhcpd is not running")
    nothing = {"state": None, "partner_state": None, "serves": None, "connected": None}
    a["relationships"]["foo"].update(nothing, why_unknown="dhcpd is not running")
    b["relationships"]["foo"].update(state="communications-interrupted", partner_state="normal")
    verdict = may_stop.ok_to_stop(a, evidence(b), now=NOW, method=method)
    assert not verdict.ok
    assert verdict.sentence == "dhcpd is not running on dhcp-a."
