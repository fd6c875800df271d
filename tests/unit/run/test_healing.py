"""A run that begins by starting the server that is down; nobody is started unasked."""

from __future__ import annotations

import os

import pytest
from fake_minions import FakeMinions
from fake_minions import go
from fake_minions import new_run
from iscdhcp.rules.verdict import Reason
from iscdhcp.run.base import Request
from iscdhcp.run.restart import PairRun
from iscdhcp.shapes import ProcessFacts
from iscdhcp_salt import terminal
from shaped import shaped


class OneDown(FakeMinions):
    """dhcp-b is down; a start brings it up, and it is normal some seconds later."""

    def __init__(self):
        super().__init__()
        self.starts, self.lost, self.refusal = [], False, None
        self.ran = dict(self.servers["dhcp-b"]["process"])
        self.servers["dhcp-b"]["process"] = shaped(ProcessFacts, running=False, absent=True)
        self.states(("communications-interrupted", "normal"), (None, None))

    def states(self, a, b):
        for server, (mine, partner) in (("dhcp-a", a), ("dhcp-b", b)):
            end = self.servers[server]["relationships"]["foo"]
            end.update(state=mine, partner_state=partner, connected=mine == "normal")
            end["serves"] = None if mine is None else mine != "recover"

    def act(self, minion, function, patience, **arguments):
        self.starts.append((minion, function, arguments))
        if self.refusal:
            return {"result": False, "comment": self.refusal, "refused": True}
        self.servers[minion]["process"] = {**self.ran, "identity": "dhcp-b-2", "pid": 200}
        self.states(("communications-interrupted", "normal"), ("startup", "unknown-state"))
        self.clock.after(3, lambda: self.states(("normal", "normal"), ("normal", "normal")))
        if self.lost:
            return {"lost": "no answer"}
        new = {"pid": 200, "identity": "dhcp-b-2"}
        return {"result": True, "comment": f"dhcpd on {minion} started (pid 200).", "new": new}


@pytest.fixture
def minions():
    return OneDown()


@pytest.fixture
def run(minions, tmp_path):
    return lambda **request: new_run(PairRun, minions, tmp_path, Request(**request))


def test_without_being_asked_for_it_refuses_as_ever(minions, run):
    steps = go(run())
    assert steps[-1].result is False
    assert "dhcpd is not running on dhcp-b" in steps[-1].comment
    assert "Nothing was touched" in steps[-1].comment
    assert "With heal=True it would begin by starting dhcp-b" in steps[-1].comment
    assert minions.starts == [] and minions.acts == []


def test_it_is_started_waited_for_and_then_the_run_goes_on(minions, run):
    going = run(heal=True)
    steps = go(going)
    assert [step.result for step in steps] == [True] * 6, steps
    ((server, function, arguments),) = minions.starts
    assert (server, function) == ("dhcp-b", "dhcpd.start")
    assert arguments["run"] == going.run and arguments["force"] == []
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    assert any("dhcp-b is down: starting it" in one for one in going.said)
    assert any("normal at both ends" in one for one in going.said)
    assert minions.claims == {}


def test_what_was_seen_before_it_was_started_decides_nothing_after(minions, run):
    minions.servers["dhcp-a"]["lease_file"].update(problem="torn", whole=False)
    steps = go(run(heal=True))
    assert steps[-1].result is False and minions.acts == []
    assert "dhcpd on dhcp-b started (pid 200)." in steps[-1].comment
    assert "Nothing else was touched" in steps[-1].comment


def test_an_answer_that_is_lost_is_settled_by_the_process(minions, run):
    minions.lost = True
    assert [step.result for step in go(run(heal=True))] == [True] * 6
    assert len(minions.starts) == 1


def test_a_start_that_is_refused_ends_the_run(minions, run):
    minions.refusal = "dhcpd on dhcp-b was not started: the lease file is torn."
    steps = go(run(heal=True))
    assert [step.result for step in steps] == [True, False]
    assert "the lease file is torn. Nothing else was touched" in steps[-1].comment
    assert minions.acts == []


def test_a_partner_that_knows_nothing_of_the_relationship_is_a_refusal_and_no_traceback(
    minions, run
):
    minions.servers["dhcp-a"]["relationships"].clear()
    steps = go(run(heal=True))
    assert steps[-1].result is False and "dhcp-a does not serve" in steps[-1].comment
    assert minions.starts == []


def test_where_both_are_down_nobody_is_started(minions, run):
    minions.servers["dhcp-a"]["process"].update(running=False, absent=True)
    assert go(run(heal=True))[-1].result is False
    assert minions.starts == []


def test_a_partner_that_does_not_serve_is_named_and_nobody_is_started(minions, run):
    minions.servers["dhcp-a"]["relationships"]["foo"]["serves"] = False
    steps = go(run(heal=True))
    assert "dhcp-b is down and was not started: dhcpd on dhcp-a does not serve" in (
        steps[-1].comment
    )
    assert minions.starts == []


def test_one_that_never_gets_normal_ends_the_run_before_its_partner_is_touched(minions, run):
    minions.clock.after = lambda seconds, call: None
    steps = go(run(heal=True, timeout=20))
    assert [step.result for step in steps] == [True, False]
    for words in ("dhcp-b started", "Not normal after", "Nothing else was touched"):
        assert words in steps[-1].comment
    assert "not touched." not in steps[-1].comment
    assert minions.acts == []


@pytest.mark.parametrize("said, done", [(True, True), (False, False)])
def test_a_person_at_the_terminal_is_asked(minions, run, said, done):
    asked = []
    going = run()
    going.ask_person = lambda question: asked.append(question) or said
    steps = go(going)
    assert asked == ["dhcpd on dhcp-b is down, dhcp-a serves. Start dhcp-b first?"]
    assert bool(minions.starts) is done
    assert steps[-1].result is done


def test_nobody_is_asked_where_all_is_well_or_a_start_would_be_refused(minions, run):
    def never(question):
        raise AssertionError(question)

    minions.servers["dhcp-b"]["lease_file"].update(problem="torn")
    going = run()
    going.ask_person = never
    assert go(going)[-1].result is False


def test_a_dry_run_says_who_would_be_started_and_starts_nobody(minions, run):
    step = run(heal=True).preflight(test=True)
    assert step.result is None
    assert "dhcp-b would be started and waited for" in step.comment
    minions.servers["dhcp-b"]["lease_file"].update(problem="torn")
    step = run(heal=True).preflight(test=True)
    assert step.result is False and "torn" in step.comment
    assert minions.starts == []


# -- the question at a terminal ------------------------------------------------------------------


@pytest.fixture
def typed(monkeypatch):
    """A terminal at which somebody types."""
    mine, theirs = os.openpty()
    stream = os.fdopen(theirs, "r")
    monkeypatch.setattr(terminal.sys, "stdin", stream)

    def type_(text):
        os.write(mine, text.encode())

    yield type_
    stream.close()
    os.close(mine)


@pytest.mark.parametrize(
    "text, is_yes", [("y\n", True), ("Yes\n", True), ("\n", False), ("n\n", False), ("ja\n", False)]
)
def test_only_a_yes_is_a_yes(typed, text, is_yes):
    typed(text)
    assert terminal.yes("Start it?", lambda: None) is is_yes


def test_silence_is_a_no(typed):
    assert terminal.yes("Start it?", lambda: None, patience=0.3) is False


def test_a_signal_ends_the_question(typed):
    def signalled():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        terminal.yes("Start it?", signalled)


def test_a_pipe_is_no_person(monkeypatch):
    read, write = os.pipe()
    with os.fdopen(read) as stream:
        monkeypatch.setattr(terminal.sys, "stdin", stream)
        assert terminal.somebody_is_there() is False
    os.close(write)


def test_a_reason_has_what_to_do():
    assert "heal=True" in Reason.of("down", server="dhcp-b").do
