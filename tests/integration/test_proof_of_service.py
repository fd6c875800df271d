"""
The partner is asked as a client asks: what it reports of itself may be old.

A dhcpd that is halted reads normal at both ends, with its connection established, until
max-response-delay is over (10 s in the lab).
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

from iscdhcp.rules.evidence import evidence_of


def looks_well(stage, server):
    """What a master has seen of ``server`` at a moment when all was well."""
    facts = stage.ask(server, "dhcpd.status")
    assert facts["relationships"]["foo"]["state"] == "normal"
    return {"foo": evidence_of(facts, "foo", observed=facts["time"], skew=0.0)}


@contextmanager
def halted(stage, server):
    """dhcpd of a server stopped by a signal, for the length of the block."""
    (process,) = stage.dhcp.processes(server)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def codes(answer):
    return {one["code"] for one in answer.get("reasons", ())}


def test_a_partner_that_is_halted_right_after_the_look_is_not_left_alone(pair):
    asked = pair.ask("dhcp-a", "dhcpd.ask_partner")["foo"]
    assert asked["offered"] is True and asked["address"] == str(pair.lab["dhcp-b"].address)
    evidence, pid = looks_well(pair, "dhcp-b"), pair.pid("dhcp-a")
    with halted(pair, "dhcp-b"):
        states = pair.ask("dhcp-a", "dhcpd.failover_state")["foo"]
        assert (states["state"], states["partner_state"]) == ("normal", "normal")
        answer = pair.ask("dhcp-a", "dhcpd.restart", evidence=evidence, run="r1")
    assert answer["refused"] is True, answer
    assert codes(answer) & {"probe-silent", "relationship", "connection"}
    assert pair.pid("dhcp-a") == pid
    pair.dhcp.wait_normal()
    assert pair.touched == []


def test_a_person_s_restart_of_the_secondary_asks_the_primary_too(pair):
    assert pair.ask("dhcp-b", "dhcpd.ask_partner")["foo"]["offered"] is True
    with halted(pair, "dhcp-a"):
        answer = pair.ask("dhcp-b", "dhcpd.restart")
    assert answer["refused"] is True, answer
    assert "offers nothing to the question of dhcp-b" in answer["comment"] or codes(answer)
    pair.dhcp.wait_normal()
    assert pair.touched == []


def test_a_run_has_asked_both_servers_and_keeps_what_they_answered(pair):
    done = pair.orchestrate()
    assert done.returncode == 0, str(done)
    for server in ("dhcp-a", "dhcp-b"):
        asked = pair.ask(server, "dhcpd.status")["relationships"]["foo"]["asked"]
        assert asked["offered"] is True and asked["seconds"] < 1.0, asked
    checked = pair.salt_run("dhcp_failover.preflight", "foo")
    (row,) = [one for one in checked.answer["checks"] if one["code"] == "probe"]
    assert row["verdict"] == "pass" and "dhcp-b after" in row["text"]
