"""
A partner taken for dead and brought back, step by step, as the master does it.

The minions are a fake, as in the tests of the engine.
"""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.errors import IscDhcpError
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run.events import Announced
from iscdhcp.run.partner import PartnerRequest
from iscdhcp.run.partner import PartnerRun
from iscdhcp.shapes import Probe
from iscdhcp.shapes import Stake
from iscdhcp.shapes import Survey
from iscdhcp.show import report
from pair_facts import NOW
from pair_views import knowledge
from shaped import shaped


class Minions(FakeMinions):
    """dhcp-a is dead, dhcp-b has noticed."""

    def __init__(self):
        super().__init__()
        self.silent = {"dhcp-a"}
        self.end = self.servers["dhcp-b"]["relationships"]["foo"]
        self.end.update(state="communications-interrupted", connected=False)
        self.servers["dhcp-b"]["omapi"]["answers"] = True
        self.probe = shaped(Probe, address="addr-dhcp-a", ping=False, omapi="silent")
        self.lose = False

    def look_for_partner(self, minion, relationship, patience):
        self.acts.append("dhcpd.look_for_partner")
        stake = shaped(Stake, error="not counted")
        return {"facts": self.servers[minion], "probe": self.probe, "addresses": stake}

    def act(self, minion, function, patience, **arguments):
        self.acts.append(function)
        facts = self.servers[minion]
        if function == "dhcpd.partner_down":
            self.arguments = arguments
            self.end["state"] = "partner-down"
        if function == "dhcpd.start":
            facts["process"]["running"] = True
        if function == "dhcpd.resume":
            facts["relationships"]["foo"]["state"] = "normal"
        if self.lose:
            return {"lost": "no answer"}
        return {"result": True, "comment": "done", "new": facts["process"]}


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    def build(**request):
        built = new_run(PartnerRun, minions, tmp_path, PartnerRequest(**request))
        assert built.lock().result
        return built

    return build


def test_a_silent_partner_is_not_taken_for_dead_without_a_confirmation(minions, run):
    step = run(dead="dhcp-a").take_for_dead()
    assert step.result is False
    assert "Nothing was done" in step.comment and "at stake" in step.comment.lower()
    assert "dhcpd.partner_down" not in minions.acts


def test_the_survivor_is_told_with_what_the_master_knows(minions, run):
    step = run(dead="dhcp-a").take_for_dead("dhcp-a")
    assert step.result is True
    assert minions.arguments["relationship"] == "foo"
    assert minions.arguments["evidence"]["confirm"] == "dhcp-a"
    assert minions.arguments["evidence"]["partner"]["answered"] is False


def test_a_lost_answer_is_settled_by_the_survivors_state(minions, run):
    one = run(dead="dhcp-a")
    act = minions.act

    def lose_the_act(minion, function, patience, **arguments):
        minions.lose = function == "dhcpd.partner_down"
        return act(minion, function, patience, **arguments)

    minions.act = lose_the_act
    assert one.take_for_dead("dhcp-a").result is True


def test_a_partner_that_comes_alive_meanwhile_is_an_alarm(minions, run):
    one = run(dead="dhcp-a")
    act = minions.act

    def back(minion, function, patience, **arguments):
        if function == "dhcpd.partner_down":
            minions.silent.clear()
        return act(minion, function, patience, **arguments)

    minions.act = back
    step = one.take_for_dead("dhcp-a")
    assert step.result is False
    assert "dhcp-a runs dhcpd now" in step.comment


def test_a_dry_run_says_what_would_happen_and_does_nothing(minions, run):
    step = run(dead="dhcp-a").take_for_dead("dhcp-a", test=True)
    assert step.result is None
    assert minions.acts == ["dhcpd.look_for_partner"] and minions.claims == {}


def test_what_was_done_already_is_said_and_not_done_again(minions, run):
    minions.end["state"] = "partner-down"
    step = run(dead="dhcp-a").take_for_dead("dhcp-a")
    assert step.result is True and "already" in step.comment
    assert "dhcpd.partner_down" not in minions.acts


def told_of(run, act):
    """What a run's journal and the bus have of an act, once it is over."""
    heard = []
    Announced(run, lambda what, fields: heard.append((what, dict(fields))))
    # Its lock was had before somebody listened.
    run.journal.listeners[-1].__self__.begun = run.clock.time()
    step = act()
    run.unlock()
    entries = journal.read(run.journal.path)
    return step, history.summary(entries), heard[-1], report.page(entries)


def test_a_partner_that_was_taken_for_dead_is_a_run_that_is_done(minions, run):
    one = run(dead="dhcp-a")
    step, short, (what, event), page = told_of(one, lambda: one.take_for_dead("dhcp-a"))
    assert step.result is True
    assert (short["outcome"], short["comment"]) == ("done", step.comment)
    assert (what, event["result"], event["text"]) == ("ended", True, step.comment)
    assert event["cause"] is None and event["next"] is None
    assert "<h1>Partner-down for dhcp-a (foo)</h1>" in page
    assert "dhcp-b takes dhcp-a for dead" in page


def test_a_refused_partner_down_is_a_run_that_failed_and_why(minions, run):
    one = run(dead="dhcp-a")
    step, short, (what, event), page = told_of(one, one.take_for_dead)
    assert step.result is False
    assert (short["outcome"], short["comment"]) == ("failed", step.comment)
    assert (what, event["result"], event["cause"]) == ("ended", False, step.comment)


def test_a_server_that_was_brought_back_is_a_run_that_is_done(minions, run):
    returned(minions, state="normal", partner_state="normal")
    minions.end.update(state="normal", partner_state="normal", connected=True)
    one = run(only="dhcp-a")
    step, short, (_, event), page = told_of(one, one.bring_back)
    assert step.result is True, step
    assert (short["outcome"], short["comment"], event["result"]) == ("done", step.comment, True)
    assert "<h1>Return of dhcp-a (foo)</h1>" in page


def test_a_server_of_another_pair_is_refused(run):
    with pytest.raises(IscDhcpError, match="dhcp-z is not a server of foo"):
        run(dead="dhcp-z")


def returned(minions, **end):
    """dhcp-a is back, its dhcpd is down, dhcp-b serves in partner-down."""
    minions.silent.clear()
    minions.end["state"] = "partner-down"
    minions.servers["dhcp-a"]["process"]["running"] = False
    minions.servers["dhcp-a"]["relationships"]["foo"].update(end)


def test_a_returned_server_is_started_and_it_is_said_until_when_mclt_holds_it(minions, run):
    returned(minions, state="recover-wait", since=NOW, mclt=3600)
    step = run(only="dhcp-a").bring_back(wait=False)
    assert step.result is True
    assert "dhcpd.start" in minions.acts
    assert "until 09:00:00 UTC" in step.comment and "dhcp-b serves alone" in step.comment


def test_a_server_that_was_left_shut_down_is_resumed(minions, run):
    returned(minions, state="shutdown")
    assert run(only="dhcp-a").bring_back(wait=False).result is True
    assert minions.acts == ["dhcpd.start", "dhcpd.resume"]


def test_a_lost_lease_file_comes_with_the_ways_out(minions, run):
    returned(minions)
    minions.act = lambda *_, **__: {
        "result": False,
        "comment": "not started: the lease file /x is missing",
        "code": "lease-file-missing",
    }
    step = run(only="dhcp-a").bring_back()
    assert step.result is False
    assert "dhcpd.leases~" in step.comment and "force=lease-file" in step.comment


def test_a_server_is_not_started_while_nobody_has_the_newer_leases(minions, run):
    returned(minions)
    minions.servers["dhcp-b"]["process"]["running"] = False
    step = run(only="dhcp-a").bring_back()
    assert step.result is False and "bring dhcp-b back first" in step.comment
    assert minions.acts == []


def old(minions, newest=NOW - 3600, **more):
    """The lease file of dhcp-a, which is down, is an old copy."""
    returned(minions, state="normal", partner_state="normal")
    for server, known in (("dhcp-a", knowledge(newest=newest, **more)), ("dhcp-b", knowledge())):
        minions.servers[server]["survey"] = shaped(Survey, knowledge=known)
    told = minions.told = []
    act = minions.act
    minions.act = lambda *words, **named: told.append((words[1], named)) or act(*words, **named)


def test_a_server_with_an_old_lease_file_fetches_everything_before_it_starts(minions, run):
    old(minions)
    going = run(only="dhcp-a")
    step = going.bring_back(wait=False)
    assert step.result is True, step
    assert minions.acts == ["dhcpd.recover_leases", "dhcpd.start"]
    assert minions.told[0][1] == {"known": {"foo": NOW - 30}, "run": going.run}
    assert any("is older than what dhcp-b knows" in one for one in step.warnings)


def test_a_file_that_is_as_new_as_it_was_is_left_alone(minions, run):
    old(minions, newest=NOW - 30)
    assert run(only="dhcp-a").bring_back(wait=False).result is True
    assert minions.acts == ["dhcpd.start"]


def test_a_person_may_have_everything_fetched_or_nothing(minions, run):
    old(minions, newest=NOW - 30)
    run(only="dhcp-a").bring_back(wait=False, fetch=True)
    assert minions.acts == ["dhcpd.recover_leases", "dhcpd.start"]


def test_an_old_file_is_started_as_it_is_only_by_force(minions, run):
    old(minions)
    run(only="dhcp-a").bring_back({"lease-age"}, wait=False)
    assert minions.acts == ["dhcpd.start"]


def test_where_it_can_not_be_told_to_fetch_it_is_not_started(minions, run):
    old(minions)
    minions.act = lambda *_, **__: {"result": False, "comment": "the disk is full."}
    step = run(only="dhcp-a").bring_back()
    assert step.result is False
    assert "was not started: the disk is full" in step.comment


def test_one_that_runs_is_stopped_before_it_fetches(minions, run):
    old(minions)
    minions.servers["dhcp-a"]["process"]["running"] = True
    step = run(only="dhcp-a").bring_back(fetch=True)
    assert step.result is False and "stop it first" in step.comment
    assert minions.acts == []


def test_a_dry_run_says_that_it_would_fetch(minions, run):
    old(minions)
    step = run(only="dhcp-a").bring_back(test=True)
    assert "would fetch every lease" in step.comment
    assert minions.acts == []
