"""Preflight: every check, its verdict, and what a site's policy makes of it."""

from __future__ import annotations

import pytest
from iscdhcp import words
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import preflight as pair_preflight
from iscdhcp.rules import may_stop
from iscdhcp.rules import verdict
from iscdhcp.rules.evidence import evidence_of
from pair_facts import NOW
from pair_views import A
from pair_views import B
from pair_views import Views
from pair_views import knowledge


@pytest.fixture
def views():
    return Views()


def preflight(views, policy=None, servers=(A, B)):
    view = views.view
    guard = {}
    for server in servers:
        if view.error(server):
            guard[server] = verdict.Verdict(
                "wait", (verdict.Reason.of("minion-silent", server=server, why="no answer"),)
            )
            continue
        partner = view.facts(view.partner(server))
        evidence = {}
        if partner is not None:
            skew = views.offsets[view.partner(server)] - views.offsets[server]
            evidence["foo"] = evidence_of(partner, "foo", NOW, skew)
        guard[server] = may_stop.ok_to_stop(views.of(server), evidence, now=NOW)
    return pair_preflight.preflight(view, guard, policy)


def not_passed(found):
    return {(one.code, one.verdict) for one in found if one.verdict != "pass"}


def test_a_healthy_pair_passes_every_check_in_order(views):
    found = preflight(views)
    assert [one.code for one in found] == list(pair_preflight.CODES)
    assert {one.verdict for one in found} == {"pass"}
    assert pair_preflight.outcome(found) == "pass"
    texts = {one.code: one.text for one in found}
    assert "dhcp-a 90 of 200, dhcp-b 90 of 200" in texts["pools"]
    assert "within 0.1 s" in texts["clock"]
    assert texts["probe"] == ("asked for an address: dhcp-b after 0.7 ms, dhcp-a after 0.7 ms")


def test_a_server_without_omapi_is_not_said_to_answer_by_it(views):
    for server in (A, B):
        views.of(server)["omapi"].update(configured=False, answers=None, authenticated=None)
    texts = {one.code: (one.verdict, one.text) for one in preflight(views)}
    assert texts["omapi"] == (
        "pass",
        "dhcp-a and dhcp-b have no OMAPI: dhcpd's log proves their states",
    )
    assert texts["firewall"] == ("pass", "dhcp-a and dhcp-b have no OMAPI to be closed")
    views.of(B)["omapi"].update(configured=True, answers=True, authenticated=True)
    texts = {one.code: one.text for one in preflight(views)}
    assert texts["omapi"] == "dhcp-a has no OMAPI: dhcpd's log proves its states"


SPOILT = [
    (lambda v: v.down(B), ("process", "block")),
    (lambda v: v.a["process"].update(stopped=True), ("process", "block")),
    (lambda v: v.end(A).update(state="communications-interrupted"), ("states", "block")),
    (lambda v: v.end(A)["asked"].update(offered=False), ("probe", "block")),
    (lambda v: v.end(A)["asked"].update(offered=False, before=None), ("probe", "warn")),
    (lambda v: v.end(A)["asked"].update(offered=None, off=True), ("probe", "warn")),
    (lambda v: v.end(A).update(connected=False), ("connection", "block")),
    (lambda v: v.end(A).update(unacked=10, unacked_bound=9), ("unacked", "warn")),
    (lambda v: v.pool(A).update(free=0, new_per_second=1.0), ("pools", "block")),
    (lambda v: v.pool(A).update(free=0), ("pools", "warn")),
    (lambda v: v.pool(A).update(free=3), ("pools", "warn")),
    (lambda v: v.a["leases"].update(error="x", relationships={}), ("pools", "block")),
    (lambda v: v.end(A).update(auto_partner_down=3), ("method", "block")),
    (lambda v: v.a["process"].update(gentle_shutdown=True), ("method", "block")),
    (lambda v: v.end(A)["balance"].update(balanced=False), ("pools", "warn")),
    (lambda v: v.offsets.update({B: 70.0}), ("clock", "block")),
    (lambda v: v.offsets.update({B: -45.0}), ("clock", "warn")),
    (lambda v: v.a["omapi"].update(error="it refused the key"), ("omapi", "warn")),
    (lambda v: v.a["omapi"].update(authenticated=False), ("omapi", "warn")),
    (lambda v: v.a["survey"]["firewall"].update(closed=False), ("firewall", "warn")),
    (lambda v: v.a["survey"]["firewall"].update(closed=None, why="no nft"), ("firewall", "warn")),
    (lambda v: v.a["configuration"].update(error="x:3: bad"), ("configuration", "block")),
    (lambda v: v.a["lease_file"].update(problem="it is torn"), ("lease-file", "block")),
    (lambda v: v.a["leases"].update(damaged=2), ("lease-file", "block")),
    (lambda v: v.a["survey"]["space"].update(free=10), ("space", "block")),
    (lambda v: v.a["survey"]["space"].update(inodes=0), ("space", "block")),
    (lambda v: v.a["survey"]["space"].update(read_only=True), ("space", "block")),
    (lambda v: v.a["survey"]["space"].update(error="x"), ("space", "warn")),
    (lambda v: v.a["service"].update(active=False), ("service", "warn")),
    (lambda v: v.locks.update({A: "the run of foo"}), ("holder", "block")),
    (lambda v: v.holds.update({A: {"who": "ann", "why": "power"}}), ("holder", "block")),
    (lambda v: v.a.update(foreign_claim={"who": "x", "until": NOW}), ("holder", "block")),
    (lambda v: v.a.update(busy="state.apply is running"), ("holder", "block")),
    (lambda v: v.a.update(pending_restart={"reason": "new"}), ("pending", "warn")),
    (lambda v: v.a["configuration"].update(touched_since_start=True), ("pending", "warn")),
    (
        lambda v: v.a["survey"].update(upgrades={"package": None, "needrestart": True}),
        ("upgrades", "warn"),
    ),
    (
        lambda v: v.a["survey"]["configuration"].update(findings=[finding("warning", "no mclt")]),
        ("lint", "warn"),
    ),
    (
        lambda v: v.a["survey"]["configuration"].update(digests={"foo": "d2"}),
        ("parity", "warn"),
    ),
    (lambda v: v.errors.update({A: "no answer within 30 s"}), ("answers", "block")),
]


@pytest.mark.parametrize("spoil, expected", SPOILT)
def test_what_stands_against_it_is_named_with_what_to_do(views, spoil, expected):
    spoil(views)
    found = preflight(views)
    assert expected in not_passed(found)
    for one in found:
        assert one.verdict == "pass" or one.fix or one.text.startswith("not known of"), one
        assert "{" not in one.told


def test_every_check_is_spoilt_here():
    assert {code for _, (code, _) in SPOILT} == set(pair_preflight.CODES)


def finding(severity, what):
    return {"severity": severity, "file": "/x", "line": 4, "what": what, "fix": "fix it"}


def test_findings_in_the_configuration_are_told_with_file_and_line(views):
    views.a["survey"]["configuration"]["findings"] = [
        finding("error", "bad range"),
        finding("note", "all is well"),
    ]
    assert not_passed(preflight(views)) == {("lint", "block")}
    assert "dhcp-a: /x:4: bad range" in [one.text for one in preflight(views)]


def test_what_was_not_looked_at_is_not_told_to_pass(views):
    views.a["survey"]["configuration"] = None
    assert {one.code for one in preflight(views)} == set(pair_preflight.CODES) - {"lint", "parity"}


def test_a_server_that_is_not_restarted_need_not_have_the_addresses_for_it(views):
    views.pool(A).update(free=3)
    assert ("pools", "warn") in not_passed(preflight(views))
    # dhcp-b serves alone while dhcp-a is down, not the other way round.
    assert not_passed(preflight(views, servers=(A,))) == set()


def test_policy_raises_and_lowers(views):
    views.a["survey"]["firewall"]["closed"] = False
    views.a["survey"]["space"]["free"] = 10
    assert not_passed(preflight(views)) == {("firewall", "warn"), ("space", "block")}
    lowered = preflight(views, {"firewall": "block", "space": "warn"})
    assert not_passed(lowered) == {("firewall", "block"), ("space", "warn")}
    assert not_passed(preflight(views, {"firewall": "pass", "space": "pass"})) == set()


def test_policy_does_not_lower_what_the_guard_refuses(views):
    views.a["lease_file"]["problem"] = "it is torn"
    assert ("lease-file", "block") in not_passed(preflight(views, {"lease-file": "pass"}))


@pytest.mark.parametrize(
    "policy, word", [("x", "write"), ({"nosuch": "warn"}, "nosuch"), ({"clock": "no"}, "clock")]
)
def test_a_policy_that_means_nothing_is_refused_in_a_sentence(policy, word):
    with pytest.raises(IscDhcpError, match=word):
        pair_preflight.parse_policy(policy)
    assert pair_preflight.parse_policy(None) == {}
    assert pair_preflight.parse_policy({"clock": "warn"}) == {"clock": "warn"}


def test_sizes_are_read_by_people():
    assert [words.size(n) for n in (10, 2_000, 3_500_000, 4e12)] == [
        "10 bytes",
        "2.0 kB",
        "3.5 MB",
        "4000.0 GB",
    ]


def test_an_old_lease_file_of_a_server_that_is_down_blocks(views):
    views.down(B)
    views.a["survey"]["knowledge"] = knowledge()
    views.b["survey"]["knowledge"] = knowledge(newest=NOW - 3600)
    (check,) = [one for one in preflight(views) if one.trouble == "lease-file-old"]
    assert (check.code, check.verdict, check.server) == ("lease-file", "block", B)
    assert "bring_back server=dhcp-b" in check.fix


def test_leases_that_a_running_server_lacks_are_a_warning(views):
    views.a["survey"]["knowledge"] = knowledge()
    views.b["survey"]["knowledge"] = knowledge(active=60)
    assert not_passed(preflight(views)) == {("lease-file", "warn")}


def test_equal_knowledge_and_other_ranges_are_nothing(views):
    views.a["survey"]["knowledge"] = knowledge()
    views.b["survey"]["knowledge"] = knowledge()
    assert not_passed(preflight(views)) == set()
    views.b["survey"]["knowledge"] = knowledge(active=60, ranges="other")
    assert not_passed(preflight(views)) == set()


def test_upgrades_that_restart_dhcpd_are_a_row_and_no_word_of_each_run(views):
    views.b["survey"]["upgrades"] = {"package": True, "needrestart": None}
    found = preflight(views)
    assert not_passed(found) == {("upgrades", "warn")}
    assert "upgrades" in pair_preflight.STANDING
    assert pair_preflight.outcome(preflight(views, {"upgrades": "block"})) == "block"


def test_a_restart_that_would_forget_leases_of_clients_is_refused(views):
    """The ranges on disk were changed by hand, or by a highstate: no rollout has looked."""
    views.b["survey"]["forgotten"] = {"leases": 112, "named": ["10.0.0.10"], "unknown": None}
    (check,) = [one for one in preflight(views) if one.trouble == "leases-forgotten"]
    assert (check.verdict, check.server, check.guard) == ("block", B, False)
    assert "112 leases" in check.text and "10.0.0.10 and 111 more" in check.text
