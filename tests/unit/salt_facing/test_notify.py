"""The reaction that tells people: what it says, and to whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SLS = Path(__file__).resolve().parents[3] / "reactor" / "dhcp_failover_notify.sls"
WEBHOOK = {"url": "https://chat.example.com/hooks/xyz"}
FAILED = {
    "pair": "foo:dhcp-a:dhcp-b",
    "who": "root on salt_master",
    "result": False,
    "restarted": ["dhcp-b"],
    "text": "Not normal after 60 s: ... Restarted so far: dhcp-b.",
    "cause": "Not normal after 60 s: dhcp-b is in recover.",
    "next": "wait; to go on: salt-run dhcp_failover.restart foo",
}


def react(event, notify):
    """The reactions to an event, as Salt's renderer py makes them."""
    there = {"data": event, "opts": {"dhcp_failover": {"notify": notify}}}
    source = SLS.read_text("utf-8").partition("\n")[2]
    exec(compile(source, str(SLS), "exec"), there)
    return there["run"]()


def words(reaction):
    """A reaction's arguments."""
    ((function, (given,)),) = reaction.items()
    named = {key: value for one in given["args"] for key, value in one.items()}
    return {"function": function, **named}


def posted(event):
    (reaction,) = react(event, WEBHOOK).values()
    told = words(reaction)
    assert (told["function"], told["url"]) == ("runner.http.query", WEBHOOK["url"])
    return json.loads(told["data"])["text"].splitlines()


def test_a_failed_run_is_told_with_what_happened_the_cause_and_the_next_step():
    assert posted(FAILED) == [
        "foo:dhcp-a:dhcp-b: a run of root on salt_master has FAILED; done before: dhcp-b",
        "Cause: Not normal after 60 s: dhcp-b is in recover.",
        "Next: wait; to go on: salt-run dhcp_failover.restart foo",
    ]


def test_a_complete_run_is_one_line():
    done = {**FAILED, "result": True, "text": "both restarted.", "cause": None, "next": None}
    assert posted(done) == ["both restarted."]


def test_a_fleet_run_tells_how_many_units_are_done():
    told = posted({**FAILED, "pair": "fleet", "restarted": None, "done": 3})
    assert told[0].endswith("has FAILED; done before: 3")


@pytest.mark.parametrize(
    "news, bad",
    [
        ({"state": "normal"}, False),
        ({"state": "communications-interrupted"}, True),
        ({"running": False}, True),
        ({"running": True}, False),
        ({"active": True}, True),
        ({"active": False}, False),
    ],
    ids=str,
)
def test_news_of_a_server_lead_to_the_doctor_where_they_are_bad(news, bad):
    told = posted({"id": "dhcp-a", "text": "news", **news})
    assert told == ["dhcp-a: news", *(["Next: salt-run dhcp_failover.doctor dhcp-a"] * bad)]


def test_slack_gets_cause_and_next_step_beside_the_message_and_no_call_to_everybody():
    (reaction,) = react({**FAILED, "cause": "<!channel> & more"}, {"slack": True}).values()
    told = words(reaction)
    assert (told["function"], told["fun"]) == ("runner.salt.cmd", "slack.call_hook")
    assert told["message"].endswith("done before: dhcp-b") and told["color"] == "danger"
    assert told["attachment"].splitlines()[0] == "Cause: &lt;!channel&gt; &amp; more"


def test_both_are_told_where_both_are_wanted_and_nobody_where_none_is():
    assert len(react(FAILED, {**WEBHOOK, "slack": True})) == 2
    assert react(FAILED, {}) == {}


@pytest.mark.parametrize("event", [{}, {"text": None}, {"text": ["a"]}, {"data": {"text": 1}}])
def test_an_event_without_a_sentence_is_told_to_nobody(event):
    assert react(event, WEBHOOK) == {}


def test_what_a_hostile_event_says_is_shortened_and_one_line():
    (line,) = posted({"id": "x" * 5000, "text": "a\nb\x1b[31m" + "y" * 5000})
    assert len(line) < 2100 and "a b [31m" in line
