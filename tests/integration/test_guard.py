"""The guard in the acting call: a person stops the partner at its console at the same moment."""

from __future__ import annotations

from iscdhcp.rules.evidence import evidence_of


def evidence_of_all_well(stage, server, partner):
    facts = stage.ask(partner, "dhcpd.status")
    assert facts["relationships"]["foo"]["state"] == "normal"
    return {"foo": evidence_of(facts, "foo", observed=facts["time"], skew=0.0)}


def test_evidence_of_a_partner_that_has_just_been_stopped_does_not_help(pair):
    evidence = evidence_of_all_well(pair, "dhcp-a", "dhcp-b")
    pair.dhcp.kill("dhcp-b")
    answer = pair.ask("dhcp-a", "dhcpd.restart", evidence=evidence, run="r1")
    assert answer["result"] is False
    assert answer["refused"] is True
    assert "foo" in answer["comment"]
    assert pair.touched == ["dhcp-b"]


def test_a_person_alone_restarts_the_secondary_of_a_healthy_pair_and_is_announced(pair):
    old = pair.pid("dhcp-b")
    with pair.event_bus() as bus:
        job = pair.begin_ask("dhcp-b", "dhcpd.restart")
        event = bus.get_event(wait=20, tag="dhcp_failover/server/acting", full=True)
        assert event is not None, "nothing was announced"
    assert event["data"]["data"]["server"] == "dhcp-b"
    answer = pair.answer_of(job, "dhcp-b")
    assert answer["result"] is True, answer
    assert answer["old"]["pid"] == old
    assert answer["new"]["pid"] == pair.pid("dhcp-b") != old
    pair.dhcp.wait_normal()
    assert pair.restarts == ["dhcp-b"]
