"""
The protocol, explored by machine: real runs, acts and rules over modelled dhcpd servers.

``docs/safety.md`` says what is explored and what the model leaves out; ``make explore`` goes on for
an hour. What was found once is kept here as a case.
"""

from __future__ import annotations

import logging

import pytest
from mutants import MUTANTS
from scenarios import SCENARIOS
from search import explore
from search import play
from world import KILL
from world import LOSE
from world import POWER
from world import TWICE
from world import Decision

#: Schedules in ``make test``, and for each mutant: numbers, so that a slow machine finds the same.
SHARE, MOST = 750, 400
#: Seconds after which a machine counts as hung.
HUNG = 300.0


@pytest.fixture(autouse=True)
def quiet():
    """Failures that a schedule provokes are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_no_schedule_breaks_an_invariant():
    explored = explore(HUNG, most=SHARE)
    assert explored.schedules == SHARE
    assert not explored.found, "\n".join(map(str, explored.found))


@pytest.mark.parametrize("name", MUTANTS)
def test_a_cure_that_is_taken_out_is_missed_by_the_search(name):
    mutant, scenarios = MUTANTS[name]
    with mutant():
        explored = explore(HUNG, names=scenarios, stop_at_first=True, most=MOST)
    assert explored.found, f"not noticed in {explored.schedules} schedules"
    (found,) = explored.found[:1]
    assert len(found.schedule) <= 2, str(found)


def test_a_schedule_that_is_played_again_is_the_same():
    scenario = SCENARIOS["two masters"]
    first = play(scenario, {})
    schedule = {first.points[7].key: Decision(0.4)}
    once, again = play(scenario, schedule), play(scenario, schedule)
    assert (once.story, once.state) == (again.story, again.state)


#: Found by the search: the scenario, what happens where, and what used to go wrong.
CASES = [
    (
        "a partner that is halted in a drain",
        {"dhcp-b asks dhcp-a for an address": Decision(0.4)},
        "one that was halted between its facts and its first question ever was left alone for 5 s",
    ),
    (
        "a partner without power",
        {"dhcp-b asks dhcp-a for an address": Decision(0.4)},
        "the same without power: what was seen of it before the question was used again",
    ),
    (
        "one restart by drain",
        {"start of dhcpd on dhcp-a": Decision(200.0)},
        "a host that was suspended between stop and start left its dhcpd paused",
    ),
    (
        "one restart by drain",
        {"dhcp-b set to paused": Decision(fault=KILL)},
        "a call that died in its drain left the server paused, and 'the order never reached it'",
    ),
    (
        "one restart by hand-over",
        {"dhcp-b set to shutdown": Decision(fault=KILL)},
        "a call that died in its hand-over left the server in shutdown",
    ),
    (
        "one restart",
        {"ann orders restart of dhcp-b": Decision(fault=LOSE)},
        "an order that never came left an unfinished run, which refused other commands for 12 h",
    ),
    (
        "reboots by signal",
        {"ann orders stop of dhcp-b": Decision(fault=TWICE)},
        "an order that came twice was answered by its own refusal, and then it was obeyed",
    ),
    (
        "a partner without power",
        {"the last look at dhcp-b": Decision(14.0)},
        "a server was stopped by what the master had seen of its partner 14 s before",
    ),
    (
        "one restart",
        {"SIGTERM to dhcpd on dhcp-b": Decision(fault=KILL)},
        "who stands by saw a dhcpd that had its SIGTERM, took it for one that runs, and went",
    ),
    (
        "a slow end",
        {},
        "a dhcpd that ended when nobody waited for it any more stayed down",
    ),
    (
        "a slow end after a drain",
        {},
        "who stands by started a drained dhcpd, and left it paused",
    ),
    (
        "a partner that dies",
        {"the last look at dhcp-b": Decision(0.4)},
        "an act that its last look called off left an unfinished run",
    ),
    (
        "a maintenance whose partner loses its power",
        {"the last look at dhcp-b": Decision(14.0)},
        "a partner that died before it was first asked for a sign of life was not missed",
    ),
    (
        "a maintenance given again",
        {"ann orders start of dhcp-a": Decision(fault=KILL)},
        "a maintenance whose master died while the second server was down could not go on",
    ),
    (
        "a rollout with which nobody starts, given again",
        {"the answer of dhcp-b to restart": Decision(200.0)},
        "a server that had taken its old files back unheard was the proof for its partner's",
    ),
    (
        "a rollout with which nobody starts, given again",
        {"the old dhcpd.conf on dhcp-b is written": Decision(fault=POWER)},
        "a host that lost its power in a roll back counted as one with its new files",
    ),
    (
        "a rollout",
        {"a backup of dhcpd.conf on dhcp-b is to be written": Decision(fault=KILL)},
        "a call that died before its files were in place counted as restarted with them",
    ),
    (
        "a rollout taken back",
        {"bob orders status of dhcp-b": Decision(fault=KILL)},
        "a way back whose master was killed could not be gone on with: its partner had lost it",
    ),
]


@pytest.mark.parametrize("scenario, kept, why", CASES, ids=[why for _, _, why in CASES])
def test_what_was_found_once_does_not_come_back(scenario, kept, why):
    outcome = play(SCENARIOS[scenario], {}, kept)
    assert outcome.wrong == [], "\n".join(outcome.story)
