"""Requests by event: hostile ones are refused with a sentence that is safe to log."""

from __future__ import annotations

import pytest
from iscdhcp.facts.pending import joined
from iscdhcp.run.requests import Refused
from iscdhcp.run.requests import Rules
from iscdhcp.run.requests import not_marked
from iscdhcp.run.requests import not_now
from iscdhcp.run.requests import parse
from iscdhcp.run.requests import pending_server

HOSTILE = [
    pytest.param("{{ salt['cmd.run']('id') }}", id="jinja"),
    pytest.param("{% import os %}", id="jinja-statement"),
    pytest.param("foo\n- evil: yes", id="yaml"),
    pytest.param("!!python/object/apply:os.system [id]", id="yaml-tag"),
    pytest.param("&a [*a]", id="yaml-alias"),
    pytest.param("foo; rm -rf /", id="shell"),
    pytest.param("$(id)", id="shell-substitution"),
    pytest.param("`id`", id="shell-backticks"),
    pytest.param("x" * 1_000_000, id="1-MB"),
    pytest.param("../../etc/passwd\0", id="nul"),
    pytest.param("\u202eoof", id="right-to-left"),
    pytest.param("\x1b[2J", id="terminal"),
    pytest.param(b"foo", id="bytes"),
    pytest.param(["foo"], id="list"),
    pytest.param({"foo": 1}, id="dict"),
    pytest.param(True, id="boolean"),
    pytest.param(17, id="number"),
    pytest.param("", id="empty"),
    pytest.param("  ", id="blank"),
]


def event(sender="ctl", **data):
    return {"id": sender, "tag": "dhcp_failover/request", "data": data, "_stamp": "now"}


def test_a_plain_request_is_understood():
    request = parse(event(pair="foo:dhcp-a:dhcp-b", why="new lease times", __pub_jid="1"))
    assert (request.sender, request.pair) == ("ctl", "foo:dhcp-a:dhcp-b")
    assert request.why == "new lease times"


def test_a_request_that_names_no_pair_asks_nothing():
    # So that no event of whatever content can restart the only pair there is.
    for data in ({}, {"why": "x"}, {"pair": None}):
        with pytest.raises(Refused, match="no pair"):
            parse(event(**data))


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("field", ["pair", "why"])
def test_a_hostile_value_is_refused(field, value):
    with pytest.raises(Refused) as refusal:
        parse(event(**{"pair": "foo", field: value}))
    safe_to_log(str(refusal.value))


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_sender_is_refused(value):
    for check in (parse, pending_server):
        with pytest.raises(Refused) as refusal:
            check({**event(pair="foo"), "id": value, "active": True})
        safe_to_log(str(refusal.value))


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_data_and_unknown_fields_are_refused(value):
    if not isinstance(value, dict):
        with pytest.raises(Refused) as refusal:
            parse({"id": "ctl", "data": value})
        safe_to_log(str(refusal.value))
    if value.__hash__:
        with pytest.raises(Refused) as refusal:
            parse({"id": "ctl", "data": {"pair": "foo", value: 1}})
        safe_to_log(str(refusal.value))
    with pytest.raises(Refused):
        parse(value)


def safe_to_log(text):
    assert text.isprintable() and text.isascii() and len(text) < 400, text


@pytest.mark.parametrize("field", ["force", "method", "fresh", "order", "server", "timeout"])
def test_a_request_can_not_say_how(field):
    with pytest.raises(Refused, match=field):
        parse(event(pair="foo", **{field: "partner"}))


def test_a_night_s_restarts_are_those_that_somebody_marked_not_those_of_touched_files():
    touched = {"pending": "unknown", "reason": "dhcpd.conf was changed or touched", "changes": []}
    mark = {"reason": "new times", "since": 1.0}
    assert not_marked("dhcp-a", {"pending_restart": joined(mark, None)}) is None
    assert not_marked("dhcp-a", {"pending_restart": joined(mark, touched)}) is None
    assert "no restart is pending" in not_marked("dhcp-a", {"pending_restart": None})
    for found in (touched, {**touched, "pending": True}):
        why = not_marked("dhcp-a", {"pending_restart": joined(None, found)})
        assert why.endswith("dhcp-a, though dhcpd.conf was changed or touched")


def test_only_a_marked_restart_counts_as_pending():
    beacon = {"id": "dhcp-a", "active": True, "cause": "marked"}
    assert pending_server(beacon) == ("dhcp-a", True)
    assert pending_server({**beacon, "active": False}) == ("dhcp-a", False)
    assert pending_server({**beacon, "cause": "files"}) == ("dhcp-a", False)
    with pytest.raises(Refused):
        pending_server({"id": "dhcp-a", "active": "yes"})


def test_nobody_may_ask_by_default():
    for settings in (None, {}, {"allow": []}, {"allow": None}):
        with pytest.raises(Refused, match="ctl may not ask"):
            Rules.read(settings).check_sender("ctl")


def test_a_minion_may_ask_for_all_pairs_or_for_those_named():
    rules = Rules.read({"allow": ["ctl", {"dhcp-a": ["foo"]}], "interval": 60})
    assert rules.interval == 60.0
    rules.check_pair("ctl", ("bar:dhcp-b:dhcp-c", "bar"))
    rules.check_pair("dhcp-a", ("foo:dhcp-a:dhcp-b", "foo"))
    with pytest.raises(Refused, match="only of foo"):
        rules.check_pair("dhcp-a", ("bar:dhcp-b:dhcp-c", "bar"))
    with pytest.raises(Refused):
        rules.check_pair("dhcp-b", ("foo:dhcp-a:dhcp-b", "foo"))


def test_an_id_is_no_pattern():
    with pytest.raises(Refused):
        Rules.read({"allow": ["*", "dhcp-.*"]}).check_sender("dhcp-a")


@pytest.mark.parametrize(
    "settings",
    [
        "ctl",
        {"allow": "ctl"},
        {"allow": [17]},
        {"allow": [{"a": ["x"], "b": ["y"]}]},
        {"allow": [{"a": 3}]},
        {"allow": ["ctl"], "interval": "soon"},
        {"allow": ["ctl"], "interval": True},
        {"allow": ["ctl"], "intervall": 3},
    ],
)
def test_a_configuration_that_is_not_understood_allows_nobody(settings):
    with pytest.raises(Refused, match="dhcp_failover:requests"):
        Rules.read(settings)


def test_a_pair_that_runs_or_just_ran_is_left_alone():
    assert not_now("foo", 1000.0, 900.0) is None
    assert not_now("foo", 1000.0, 900.0, last=50.0) is None
    assert "next request counts" in not_now("foo", 1000.0, 900.0, last=500.0)
    assert "already by ann" in not_now("foo", 1000.0, 0.0, running="ann")
    assert not_now("foo", 1000.0, 0.0, held="dhcp-a is held by ann") == "dhcp-a is held by ann"
    # A clock that was set back must not lock requests out.
    assert not_now("foo", 1000.0, 900.0, last=5000.0) is None
