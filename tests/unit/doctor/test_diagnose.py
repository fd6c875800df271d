"""Why a pair is not normal: every state of the protocol, and the known traps."""

from __future__ import annotations

import pytest
from iscdhcp.doctor import diagnose
from iscdhcp.log import harmless
from iscdhcp.states import FailoverState
from pair_facts import NOW
from pair_views import FOO
from pair_views import A
from pair_views import B
from pair_views import Views
from pair_views import knowledge
from pair_views import move
from pair_views import told

CI, PD = "communications-interrupted", "partner-down"


@pytest.fixture
def views():
    return Views()


def found(views):
    return diagnose.diagnose(views.view)


def first(views):
    return found(views)[0]


def codes(views):
    return [one.code for one in found(views)]


def test_a_healthy_pair_has_nothing(views):
    assert found(views) == []
    assert diagnose.sentence(views.view, []) == "foo (dhcp-a, dhcp-b) is normal at both ends."


@pytest.mark.parametrize("state", [state.label for state in FailoverState if state != 2])
@pytest.mark.parametrize("server", [A, B])
def test_every_state_has_a_cause_or_a_wait_with_a_next_step(views, server, state):
    other = {"recover": CI, "startup": CI, "paused": CI, PD: "recover-done"}.get(state, PD)
    ends = ((state, other), (other, state))
    views.states(*(ends if server == A else ends[::-1]))
    one = next(each for each in found(views) if each.code == state and each.server == server)
    assert one.kind in ("cause", "wait")
    assert one.next and server in one.text
    waits = FailoverState.parse(state).heals
    assert waits or one.kind == "cause"


def test_both_ends_contradicting_each_other_over_a_standing_link(views):
    views.states(("normal", "normal"), (CI, "normal"), since=NOW - 60)
    assert first(views).code == "half-open"
    assert B in first(views).next


@pytest.mark.parametrize(
    "a, b, code, step",
    [
        (("recover-wait", PD), (PD, "recover-wait"), "recover-wait", "do not touch dhcp-b"),
        (("potential-conflict", PD), ("conflict-done", CI), "potential-conflict", "wait a minute"),
        (("paused", CI), (CI, "paused"), "paused", "salt dhcp-a dhcpd.resume"),
        (("shutdown", PD), (PD, "shutdown"), "shutdown", "salt dhcp-a dhcpd.resume"),
        (("unknown-state", CI), (CI, "unknown-state"), "unknown-state", "recover (6)"),
        ((PD, CI), (CI, CI), "split", "connect them"),
    ],
)
def test_the_state_that_explains_it_comes_first(views, a, b, code, step):
    views.states(a, b)
    assert first(views).code == code
    assert step in first(views).next


def test_two_that_serve_without_each_other_are_told_once_and_neither_is_to_be_brought_back(views):
    views.states((CI, "normal"), (CI, "normal"), since=NOW - 60)
    (one,) = (each for each in found(views) if each.code == CI)
    assert "dhcp-a and dhcp-b have lost each other" in one.text
    assert "touch neither" in one.next and "bring" not in one.next


def test_recover_wait_says_until_when(views):
    views.states(("recover-wait", PD), (PD, "recover-wait"), since=NOW - 600)
    # MCLT of 3600 s, 600 s of which are over.
    assert "until 2027-01-15 08:50:00 UTC (3000 s more)" in first(views).text


def test_a_full_window_of_the_survivor_explains_recover_for_ever(views):
    views.states(("recover", PD), (PD, "recover"), since=NOW - 500)
    views.end(B).update(unacked=10, unacked_bound=9)
    assert first(views).code == "full-window"
    assert first(views).next.startswith("salt dhcp-b dhcpd.release_window")


@pytest.mark.parametrize("state", ["recover", "recover-wait", "recover-done"])
def test_a_recovering_server_depends_on_its_partner(views, state):
    views.down(B)
    views.end(A).update(state=state, partner_state=PD, serves=False)
    assert first(views).server == A
    assert first(views).next == "salt dhcp-b dhcpd.start"
    assert "nobody serves" in first(views).text or "is down" in first(views).text


def test_recover_that_has_just_begun_is_a_wait_and_later_a_cause(views):
    views.states(("recover", PD), (PD, "recover"), since=NOW - 3)
    views.a["process"]["started"] = NOW - 3
    assert (first(views).code, first(views).kind) == ("recover", "wait")
    views.a["process"]["started"] = NOW - 400
    views.end(A)["since"] = NOW - 400
    assert (first(views).code, first(views).kind) == ("recover", "cause")


def test_a_conflict_that_lasts_is_no_wait(views):
    views.states(("conflict-done", "potential-conflict"), ("potential-conflict", "conflict-done"))
    assert {one.kind for one in found(views)} == {"wait"}
    views.states(
        ("conflict-done", "potential-conflict"),
        ("potential-conflict", "conflict-done"),
        since=NOW - 300,
    )
    assert {one.kind for one in found(views)} == {"cause"}


@pytest.mark.parametrize(
    "spoil, code, step",
    [
        (lambda f: f["service"].update(active=True), "gone-while-active", "dhcpd.start"),
        (lambda f: f["service"].update(active=False), "down", "dhcpd.start"),
        (lambda f: f["lease_file"].update(problem="x is torn"), "lease-file-torn", "repair_leases"),
        (lambda f: f["lease_file"].update(exists=False, problem="x"), "lease-file-missing", "~"),
        (lambda f: f["configuration"].update(error="x:3: bad"), "configuration", "fix that line"),
        (lambda f: f["survey"]["space"].update(free=10), "disk-full", "make room"),
        (
            lambda f: f["survey"]["log"]["told"].append(
                told("fatal", "Not configured to listen on any interfaces!", None)
            ),
            "start-failed",
            "fix that",
        ),
    ],
)
def test_why_dhcpd_is_down(views, spoil, code, step):
    views.down(B)
    spoil(views.b)
    assert (first(views).code, first(views).server) == (code, B)
    assert step in first(views).next
    assert "dhcp-a serves" in first(views).text


@pytest.mark.parametrize(
    "code, name, step",
    [
        ("start-port", None, "ss -lunp"),
        ("start-address", None, "local-address"),
        ("start-name", "foo", "into failover peer foo on dhcp-b"),
        ("start-twice", None, "pid file"),
        ("start-interface", "nope0", "ip link"),
        ("start-no-address", "eth0", "give eth0 its address"),
        ("start-subnet", "eth0", "the subnet of eth0's address"),
        ("start-lease-file", None, "writable"),
        ("start-denied", "/etc/dhcp/x.conf", "read /etc/dhcp/x.conf"),
        ("start-file", "/etc/dhcp/x.conf", "put /etc/dhcp/x.conf in its place"),
        ("start-apparmor", "/srv/x.conf", "allow /srv/x.conf in /etc/apparmor.d/local"),
        ("start-user", "dhcpdx", "getent passwd"),
        ("start-ipv6", None, "INTERFACESv6"),
        ("start-other", None, "systemctl cat"),
        ("start-failed", None, "fix that"),
    ],
)
def test_each_reason_of_a_failed_start_has_its_own_next_step(views, code, name, step):
    views.down(B)
    views.b["service"].update(active=False, failed=True)
    views.b["survey"]["log"]["failed_start"] = {
        "code": code,
        "text": "as dhcpd said",
        "time": NOW - 5,
        "name": name,
        "file": None,
        "profile": None,
    }
    assert codes(views)[0] == code and codes(views).count("down") == 0
    assert step in first(views).next and "“as dhcpd said” at " in first(views).text
    assert " UTC" in first(views).text and "dhcp-a serves" in first(views).text


@pytest.mark.parametrize(
    "code", ["unit-masked", "unit-start-limit", "unit-before-start", "unit-refused"]
)
def test_a_unit_that_does_not_start_says_so_in_the_words_of_systemd(views, code):
    views.down(B)
    refuses = {"code": code, "text": "its words"}
    views.b["service"].update(active=False, failed=True, refuses=refuses)
    assert first(views).code == code
    assert "its words" in first(views).text and "isc-dhcp-server" in first(views).next


def test_who_has_the_port_is_told_where_a_start_failed_by_it(views):
    views.down(B)
    views.b["process"]["signs"] = ["python3 (pid 7) has port 67"]
    assert first(views).code == "unseen"
    views.b["survey"]["log"]["failed_start"] = {
        "code": "start-port",
        "text": "Can't bind to dhcp address: Address already in use",
        "time": NOW,
        "name": None,
        "file": None,
        "profile": None,
    }
    assert first(views).code == "start-port" and "python3 (pid 7)" in first(views).text
    assert "unseen" not in codes(views)


def test_a_dhcpd_that_runs_under_a_failed_service_is_told_from_one_that_was_started_by_hand(views):
    views.b["service"].update(active=False, failed=True)
    assert "service" in codes(views) and "service-half" not in codes(views)
    views.b["process"].update(unit="isc-dhcp-server.service")
    views.b["survey"]["log"]["failed_start"] = {
        "code": "start-ipv6",
        "text": "/etc/dhcp/dhcpd6.conf line 1: semicolon expected.",
        "time": NOW,
        "name": None,
        "file": None,
        "profile": None,
    }
    assert "service-half" in codes(views) and "service" not in codes(views)
    (told,) = [one for one in found(views) if one.code == "service-half"]
    assert "dhcpd6.conf line 1" in told.text and "INTERFACESv6" in told.next


def test_a_start_limit_comes_after_what_made_each_start_fail(views):
    views.down(B)
    refuses = {"code": "unit-start-limit", "text": "start request repeated too quickly"}
    views.b["service"].update(active=False, failed=True, refuses=refuses)
    views.b["survey"]["log"]["failed_start"] = {
        "code": "start-port",
        "text": "x",
        "time": NOW,
        "name": None,
        "file": None,
        "profile": None,
    }
    assert codes(views)[:2] == ["start-port", "unit-start-limit"]


def test_an_old_failure_to_start_does_not_explain_a_later_end(views):
    views.down(B)
    views.b["survey"]["log"]["told"] = [
        told("fatal", "x", None, last=NOW - 500),
        told("serving", None, None, last=NOW - 400),
    ]
    assert "start-failed" not in codes(views)


def test_a_halted_or_doubled_process(views):
    views.a["process"]["stopped"] = True
    assert first(views).code == "halted" and "kill -CONT 100" in first(views).next
    views.a["process"].update(stopped=False, several=[100, 200])
    assert first(views).code == "several" and "200" in first(views).text


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda v: v.offsets.update({B: 90.0}), "clock-skew"),
        (lambda v: v.end(B).update(port=648), "port-mismatch"),
        (lambda v: v.end(A).update(peer_address="192.0.2.9"), "address-mismatch"),
        (lambda v: v.end(B).update(role="primary"), "same-role"),
        (
            lambda v: v.b["survey"]["sockets"]["relationships"]["foo"].update(listens=None),
            "not-listening",
        ),
        (lambda v: v.a["survey"]["log"]["told"].append(told("refused", "invalid HBA")), "refused"),
        (
            lambda v: v.a["survey"]["log"]["told"].append(
                told("refused", "unknown failover relationship name", "bar")
            ),
            "name-mismatch",
        ),
        (
            lambda v: v.a["survey"]["log"]["told"].append(
                told("stray-connection", "listener: no matching state", None)
            ),
            "stray-connection",
        ),
        (lambda v: None, "link-blocked"),
    ],
)
def test_why_two_running_servers_are_not_connected(views, spoil, code):
    views.states((CI, "normal"), (CI, "normal")).unconnected()
    for server, address in ((A, "192.0.2.1"), (B, "192.0.2.2")):
        views.end(server)["address"] = address
    views.end(A)["peer_address"], views.end(B)["peer_address"] = "192.0.2.2", "192.0.2.1"
    for server in (A, B):
        views.end(server)["peer_port"] = 647
    spoil(views)
    assert first(views).code == code
    assert first(views).next


def by_name(views, server, own, peer):
    """A server's dhcpd.conf names both ends, and this is what the server takes the names for."""
    views.end(server).update(address=f"{server}.example", peer_address="partner.example")
    sockets = (views.a if server == A else views.b)["survey"]["sockets"]["relationships"]["foo"]
    sockets.update(own=own, peer=peer)


@pytest.mark.parametrize(
    "mine, theirs, code, server, words",
    [
        # Debian writes the host's own name beside 127.0.1.1: each server serves itself.
        (
            (["127.0.1.1"], ["192.0.2.2"]),
            (["192.0.2.2"], ["192.0.2.1"]),
            "address-loopback",
            A,
            "dhcp-a.example (that is 127.0.1.1) for the address of dhcp-a",
        ),
        (
            (["192.0.2.1"], ["127.0.1.1"]),
            (["192.0.2.2"], ["192.0.2.1"]),
            "address-loopback",
            A,
            "partner.example (that is 127.0.1.1) for the address of dhcp-b",
        ),
        (
            (["192.0.2.1"], ["192.0.2.2"]),
            (["192.0.2.2"], []),
            "address-unresolved",
            B,
            "can't resolve partner.example, the address of dhcp-a",
        ),
        # The name server still has an address of before.
        (
            (["192.0.2.1"], ["192.0.2.2"]),
            (["192.0.2.2"], ["192.0.2.9"]),
            "address-mismatch",
            B,
            "takes partner.example (that is 192.0.2.9) for the address of dhcp-a, which has "
            "dhcp-a.example (that is 192.0.2.1)",
        ),
        # dhcpd takes the first that it is told, and knows no others.
        (
            (["192.0.2.1"], ["192.0.2.9", "192.0.2.2"]),
            (["192.0.2.2"], ["192.0.2.1"]),
            "address-mismatch",
            A,
            "192.0.2.9",
        ),
        ((["192.0.2.1"], ["192.0.2.2"]), (["192.0.2.2"], ["192.0.2.1"]), "link-blocked", None, ""),
        ((["127.0.0.1"], ["127.0.0.2"]), (["127.0.0.2"], ["127.0.0.1"]), "link-blocked", None, ""),
    ],
)
def test_a_name_that_leads_elsewhere_is_told_and_no_firewall(
    views, mine, theirs, code, server, words
):
    views.states((CI, "normal"), (CI, "normal")).unconnected()
    by_name(views, A, *mine)
    by_name(views, B, *theirs)
    for one in (A, B):
        views.end(one)["peer_port"] = 647
    assert (first(views).code, first(views).server) == (code, server)
    assert words in first(views).text


def test_a_refusal_of_an_earlier_process_or_of_long_ago_explains_nothing(views):
    views.states((CI, "normal"), (CI, "normal")).unconnected()
    views.a["survey"]["log"]["told"] = [
        told("refused", "invalid HBA", pid=99),
        told("refused", "invalid HBA", last=NOW - 4000),
    ]
    assert "refused" not in codes(views)


def test_a_silent_minion_is_no_dead_dhcpd(views):
    views.errors[B] = "no answer within 30 s"
    assert (first(views).code, first(views).kind) == ("minion-silent", "risk")
    assert "dhcpd is running there" in first(views).text
    answer = diagnose.answer([views.view], {FOO.id: found(views)})
    assert "dhcpd is running there" in answer["comment"] and "salt-minion" in answer["next"]
    views.states((CI, "normal"), (CI, "normal")).unconnected()
    assert first(views).code == "host-down"
    assert "touch nothing on dhcp-a" in first(views).next
    views.errors[B] = "'dhcpd.inspect' is not available."
    views.without_modules.add(B)
    assert "saltutil.sync_all" in next(f for f in found(views) if f.code == "not-synced").next


def test_who_paused_it(views):
    views.states(("paused", CI), (CI, "paused"))
    assert "by hand" in first(views).text
    views.a["paused_by_us"] = ["foo"]
    assert "cut off" in first(views).text
    views.a["acting"] = True
    assert first(views).kind == "wait"


def test_why_it_shut_itself_down(views):
    views.states(("shutdown", PD), (PD, "shutdown"))
    views.a["survey"]["log"]["told"] = [told("impossible-move", "Invalid state transition")]
    assert "it shut itself down" in first(views).text


def test_how_it_came_to_partner_down(views):
    views.down(B)
    views.end(A).update(state=PD)
    said = views.a["survey"]["log"]["moves"]
    assert "does not say" in next(f for f in found(views) if f.code == PD).text
    said.append(move(NOW - 50, "my-move", CI, PD))
    assert "set by hand" in next(f for f in found(views) if f.code == PD).text
    views.end(A)["auto_partner_down"] = 30
    assert "auto-partner-down 30" in next(f for f in found(views) if f.code == PD).text
    said.append(move(NOW - 50, "peer-move", "normal", "shutdown"))
    assert "as its partner asked" in next(f for f in found(views) if f.code == PD).text


def test_clients_that_are_turned_away(views):
    views.down(B)
    views.a["survey"]["log"]["clients"] = {"peer-holds-all": 12}
    views.pool(A)["free"] = 0
    assert codes(views)[:2] == ["gone-while-active", "peer-holds-all"]
    views = Views()
    views.a["survey"]["log"]["clients"] = {"no-free-leases": 3}
    views.pool(A).update(free=0, backup=0)
    assert codes(views) == ["pool-exhausted"]


def two_networks(views, **second):
    """Give both servers a second network of the pair, beside one that has room."""
    for server in (A, B):
        pools = views.of(server)["leases"]["relationships"]["foo"]
        pools.append({**pools[0], "network": "10.0.1.0/24", **second})


def test_one_full_network_among_several_is_the_cause(views):
    two_networks(views, free=0, backup=0, active=200)
    views.a["survey"]["log"]["clients"] = {"no-free-leases": 59}
    views.a["survey"]["log"]["full_networks"] = {"10.0.1.0/24": 59}
    assert (first(views).code, first(views).kind) == ("pool-full", "cause")
    assert "10.0.1.0/24 has no free addresses (of 200)" in first(views).text
    assert "59 times" in first(views).text and "10.0.1.0/24" in first(views).next
    # Without the networks in its log the counts tell which one it is.
    views.a["survey"]["log"]["full_networks"] = {}
    assert first(views).code == "pool-full" and "10.0.1.0/24" in first(views).text


def test_a_network_without_failover_that_is_full_is_the_cause_too(views):
    views.a["survey"]["log"]["clients"] = {"no-free-leases": 4}
    views.a["survey"]["log"]["full_networks"] = {"172.16.0.0/24": 4}
    assert first(views).code == "pool-full" and "172.16.0.0/24" in first(views).text


def test_clients_that_no_pool_permits_are_not_a_lack_of_addresses(views):
    views.a["survey"]["log"]["clients"] = {"no-free-leases": 4}
    views.a["survey"]["log"]["full_networks"] = {"10.0.0.0/24": 4}
    assert (first(views).code, first(views).kind) == ("pool-closed", "risk")


def test_abandoned_addresses_are_named_as_such_and_once(views):
    two_networks(views, free=0, backup=0, active=100, abandoned=100)
    found_here = [one for one in found(views) if one.code == "pool-abandoned"]
    assert [one.kind for one in found_here] == ["note"]
    assert "100 of 200 addresses in 10.0.1.0/24 are abandoned" in found_here[0].text
    views.a["survey"]["log"]["clients"] = {"no-free-leases": 59}
    views.a["survey"]["log"]["full_networks"] = {"10.0.1.0/24": 59}
    assert "100 of them are abandoned" in first(views).text


@pytest.mark.parametrize("age", [5.0, 10**6])
def test_a_lease_file_that_cannot_be_written_though_there_is_room(views, age):
    said = {"time": NOW - age, "text": "Can't create new lease file: Permission denied"}
    views.a["survey"]["log"]["unwritten"] = said
    if age > 10**5:
        # An earlier process said it.
        assert codes(views) == []
    else:
        assert (first(views).code, first(views).kind) == ("lease-file-unwritable", "cause")
        assert "Permission denied" in first(views).text and "/var/lib/dhcp" in first(views).next


@pytest.mark.parametrize(
    "spoil, code",
    [
        (lambda v: v.offsets.update({B: 70.0}), "clock-skew"),
        (lambda v: v.a["survey"]["space"].update(free=10), "disk-full"),
        (lambda v: v.a["lease_file"].update(problem="x is torn"), "lease-file-torn"),
        (lambda v: v.a["configuration"].update(error="x:3: bad"), "configuration"),
        (lambda v: v.a["omapi"].update(error="it refused the key"), "omapi"),
        (lambda v: v.end(A).update(unacked=10, unacked_bound=9), "unacked"),
        (
            lambda v: v.a["survey"]["log"]["told"].append(
                told("rejected-update", "unknown IP address")
            ),
            "ranges-differ",
        ),
    ],
)
def test_what_works_and_will_not_for_long(views, spoil, code):
    spoil(views)
    assert [(one.code, one.kind) for one in found(views)] == [(code, "risk")]
    assert first(views).next
    assert f"is normal at both ends. But {first(views).text}" in diagnose.sentence(
        views.view, found(views)
    )


def test_a_configuration_without_the_relationship(views):
    views.b["relationships"] = {}
    assert (first(views).code, first(views).server) == ("half-configured", B)


def test_a_lock_and_a_hold_are_told(views):
    views.locks[A] = "the run of foo (ann, pid 1, since 10:00:00 UTC)"
    views.holds[B] = {"who": "bob", "why": "power"}
    assert set(codes(views)) == {"run", "hold"}


LINES = {
    "less-critical": "bind update on 192.0.2.9 from foo rejected: incoming update is less critical "
    "than outgoing update",
    "xid-mismatch": "bind update on 192.0.2.9 got ack from foo: xid mismatch.",
    "update-flying": "Received update request while old update still flying!  Silently discarding "
    "old request.",
    "both-recover-done": "Both servers have entered recover-done!",
    "no-load-balance-seconds": "WARNING: load balancing will be disabled for failover peer, foo, "
    "because its load balance max secs is 0",
    "other-server": "DHCPDISCOVER from 02:00:00:00:00:01 via eth0: load balance to peer foo",
    "same-state": "failover peer foo: I move from normal to normal",
    "pid-file": "Can't create PID file /run/dhcpd.pid: Permission denied.",
    "rewrite": "Wrote 12 leases to leases file.",
    "rebalance-asked": "balancing pool 55 192.0.2.0/24  total 10  free 1  backup 5  lts 2  "
    "max-own (+/-)1  (requesting peer rebalance!)",
}


@pytest.mark.parametrize("code, line", LINES.items())
def test_harmless_lines_are_explained_as_harmless(views, code, line):
    assert harmless.explain(line)[0] == code
    views.a["survey"]["log"]["harmless"] = harmless.count([line, line])
    assert [(one.code, one.kind) for one in found(views)] == [(code, "harmless")]
    assert "dhcp-a 2 times" in first(views).text


@pytest.mark.parametrize(
    "line",
    [
        "bind update on 192.0.2.9 from foo rejected: unknown IP address",
        "failover peer foo: I move from normal to communications-interrupted",
        "peer foo: disconnected",
        "Can't create PID file /run/dhcpd.pid: Read-only file system.",
        "DHCPDISCOVER from 02:00:00:00:00:01 via eth0: peer holds all free leases",
    ],
)
def test_lines_that_mean_something_are_not_called_harmless(line):
    assert harmless.explain(line) is None


def test_the_answer_for_many_pairs_is_the_gravest(views):
    ill = Views().down(B).view
    well = views.view
    findings = {FOO.id: diagnose.diagnose(ill)}
    assert "dhcp-b" in diagnose.answer([ill], findings)["next"]
    assert diagnose.answer([well], {FOO.id: []})["next"] is None
    assert "Not a pair: x" in diagnose.answer([], {}, ["x"])["comment"]
    assert diagnose.half_defined(["x"])["not a pair"][0]["text"] == "x"
    assert diagnose.half_defined([]) == {}
    told = diagnose.answer([], {}, ["x"], ["dhcp-b"])
    assert "Not a pair: x" in told["comment"] and "salt dhcp-b test.ping" in told["next"]


def test_an_old_lease_file_is_the_cause_before_dhcpd_that_is_down(views):
    views.down(B)
    views.a["survey"]["knowledge"] = knowledge()
    views.b["survey"]["knowledge"] = knowledge(newest=NOW - 3600)
    one = first(views)
    assert (one.code, one.server) == ("lease-file-old", B)
    assert "bring_back server=dhcp-b" in one.next and "dhcp-a serves" in one.text
    assert "down" not in codes(views)


def test_a_server_that_was_started_on_an_old_file_is_a_cause_although_all_say_normal(views):
    views.a["survey"]["knowledge"] = knowledge()
    views.b["survey"]["knowledge"] = knowledge(active=60)
    one = first(views)
    assert (one.code, one.kind, one.server) == ("leases-missing", "cause", B)
    assert "40 leases" in one.text and "fetch=True" in one.next
    # It fetches them now.
    views.states(("partner-down", "recover"), ("recover", "partner-down"))
    assert "leases-missing" not in codes(views)
