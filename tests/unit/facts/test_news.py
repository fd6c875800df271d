"""What the beacon tells: each change once, nothing twice."""

from __future__ import annotations

import json

import pytest
from iscdhcp.facts import news as rules
from iscdhcp.facts.news import news
from iscdhcp.shapes import LeaseFacts
from shaped import shaped

NOW = 1_000_000.0


def end(state="normal", partner="normal", since=NOW - 5, **more):
    known = {"role": "primary", "mclt": 60, "state": state, "partner_state": partner}
    known |= {"since": since, "source": "omapi", **more}
    return shaped(rules.SeenEnd, **known)


def seen(process="p1", error=None, newer=(), time=NOW, **ends):
    return {
        "time": time,
        "process": shaped(
            rules.SeenProcess, running=bool(process), identity=process, pid=7, stopped=False
        ),
        "relationships": ends or {"foo": end()},
        "newer": list(newer),
        "error": error,
        "trail": None,
    }


def counts(free, backup=50, time=NOW, addresses=100):
    pool = {"network": "10.0.0.0/24", "ranges": [["10.0.0.1", "10.0.0.100"]]}
    pool |= {"addresses": addresses, "free": free, "backup": backup}
    return shaped(LeaseFacts, counted=time, relationships={"foo": [pool]})


def told(*looks, **given):
    """The tags of each look in turn, what was told being kept as JSON between them."""
    memory, tags = None, []
    for one in looks:
        one, extra = one if isinstance(one, tuple) else (one, {})
        events, memory = news(memory, one, **{**given, **extra})
        memory = json.loads(json.dumps(memory))
        tags.append([event["tag"] for event in events])
    return tags


def test_a_normal_server_is_no_news():
    assert told(seen(), seen(), seen()) == [[], [], []]


def test_what_is_not_normal_at_the_first_look_is_told():
    events, _ = news(None, seen(foo=end("communications-interrupted")))
    (event,) = events
    assert event["tag"] == "foo/state"
    assert event["state"] == "communications-interrupted"
    assert event["serves"] is True


def test_each_change_of_a_state_is_told_once():
    alone = seen(foo=end("communications-interrupted"))
    assert told(seen(), alone, alone, seen(), seen()) == [[], ["foo/state"], [], ["foo/state"], []]


def test_a_change_of_the_partner_alone_is_told():
    assert told(seen(), seen(foo=end("normal", "paused"))) == [[], ["foo/state"]]


def test_one_look_without_an_answer_is_no_change_and_two_are_told_once():
    silent = seen(foo=end(None, None, why_unknown="time-out"))
    assert told(seen(), silent, seen()) == [[], [], []]
    expected = [[], [], ["foo/unknown"], [], ["foo/unknown"]]
    assert told(seen(), silent, silent, silent, seen()) == expected


def test_a_server_that_ended_is_told_and_its_relationships_are_not_unknown():
    down = seen(process=None, foo=end(None, None, why_unknown="dhcpd is not running"))
    assert told(seen(), down, down, seen("p2")) == [[], ["process"], [], ["process"]]


def test_a_restart_between_two_looks_is_told_once():
    assert told(seen("p1"), seen("p2"), seen("p2")) == [[], ["process"], []]


def test_a_host_without_failover_says_nothing():
    nothing = {**seen(process=None), "relationships": {}}
    assert told(nothing, nothing) == [[], []]


@pytest.mark.parametrize("state, limit", [("recover-wait", 120.0), ("recover", 600.0)])
def test_a_state_that_lasts_too_long_is_stuck_once_and_over_once(state, limit):
    new = seen(foo=end(state, since=NOW - limit + 1))
    old = seen(foo=end(state, since=NOW - limit - 1))
    tags = told(seen(), new, old, old, seen())
    assert tags == [[], ["foo/state"], ["foo/stuck"], [], ["foo/state", "foo/stuck"]]


def test_a_sticky_state_is_told_unless_a_call_is_at_it():
    paused = seen(foo=end("paused", "communications-interrupted"))
    assert told(seen(), paused, acting=True) == [[], ["foo/state"]]
    assert told(seen(), paused, paused) == [[], ["foo/state", "foo/sticky"], []]


def test_a_stuck_state_that_can_not_be_read_for_a_moment_is_not_over():
    paused = seen(foo=end("paused", "communications-interrupted"))
    silent = seen(foo=end(None, None, why_unknown="time-out"))
    assert told(paused, silent, paused)[1:] == [[], []]


def test_a_pending_restart_is_told_once_for_each_mark():
    first = {"pending": {"reason": "new times", "since": 1.0}}
    second = {"pending": {"reason": "new times", "since": 2.0}}
    tags = told(seen(), (seen(), first), (seen(), first), (seen(), second), seen())
    assert tags == [[], ["pending_restart"], [], ["pending_restart"], ["pending_restart"]]


def test_files_that_are_newer_than_dhcpd_are_a_pending_restart():
    events, _ = news(None, seen(newer=["/etc/dhcp/dhcpd.conf"]))
    (event,) = events
    assert (event["tag"], event["cause"], event["active"]) == ("pending_restart", "files", True)


def test_low_leases_are_told_at_5_percent_and_over_at_10():
    def look(free, **more):
        return seen(), {"counts": counts(free, **more)}

    low = ["foo/free_leases_low/10%2E0%2E0%2E1"]
    assert told(look(6), look(4), look(6), look(9), look(10), look(6)) == [[], low, [], [], low, []]


def test_a_secondary_counts_its_own_half():
    one = seen(foo=end(role="secondary"))
    assert told((one, {"counts": counts(0, backup=50)})) == [[]]
    assert len(told((one, {"counts": counts(50, backup=0)}))[0]) == 1


def test_old_counts_neither_begin_nor_end_anything():
    old = NOW - rules.COUNTS_LIFE - 1
    assert told((seen(), {"counts": counts(0, time=old)})) == [[]]
    assert told((seen(), {"counts": counts(0)}), (seen(), {"counts": counts(9, time=old)}))[1] == []
    assert told((seen(), {"counts": counts(0)}), seen())[1] == []


def test_a_configuration_that_can_not_be_read_for_a_moment_changes_nothing():
    paused = seen(foo=end("paused", "normal"))
    broken = {**seen(error="dhcpd.conf:3: ..."), "relationships": {}}
    assert told(paused, broken, paused)[1:] == [[], []]


def test_a_name_with_a_slash_stays_one_word_of_the_tag():
    tags = told(seen(**{"a/b c": end()}), seen(**{"a/b c": end("paused")}))
    assert tags[1][0] == "a%2Fb%20c/state"
