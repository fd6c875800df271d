"""
A rollout over a pair, step by step.

The minions are a fake: answers that are lost can't be had on demand from real minions. The
integration tests roll out to real ones.
"""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run.events import Announced
from iscdhcp.run.rollout import Rollout
from iscdhcp.run.rollout import RolloutRequest
from iscdhcp.show import report
from peer_reports import both


class Servers(FakeMinions):
    """Two servers with files: what is staged, applied and taken back is noted."""

    def __init__(self):
        super().__init__()
        new = {"files": {"/x": "+new"}, "why": "it says something else"}
        self.new = {server: dict(new) for server in self.servers}
        self.stage = dict.fromkeys(self.servers)
        self.said = []
        self.on_roll_back = self.old_again
        self.equal = True
        self.reports = both()

    def ask(self, minions, function, kwarg=None, patience=6.0):
        self.said += [(function, minion) for minion in minions]
        found = {}
        for minion in minions:
            if minion in self.silent:
                found[minion] = {"error": "no answer within 6 s"}
                continue
            answer = getattr(self, function.replace("dhcpd.", "do_"))(minion, **(kwarg or {}))
            found[minion] = answer if "error" in answer else {"ret": answer}
        return found

    def act(self, minion, function, patience, **arguments):
        answer = self.ask([minion], function, arguments)[minion]
        return answer["ret"] if "ret" in answer else {"lost": answer["error"]}

    def do_stage(self, minion, run, test, **origins):
        answer = self.new[minion]
        if isinstance(answer, str):
            return {"result": False, "comment": answer}
        self.origins = origins
        if not test:
            self.stage[minion] = {"run": run, "state": "staged", "applied_at": None}
        reports = {"peers": both()[minion], "new_peers": self.reports[minion], "forgotten": None}
        return {"result": True, "comment": "", "findings": [], **reports, **answer}

    def do_staged(self, minion):
        return self.stage[minion] or {}

    def do_unstage(self, minion, run):
        return {"result": True}

    def do_apply_staged(self, minion, run):
        self.stage[minion]["state"] = "applied"
        return {"result": True, "comment": "replaced"}

    def do_normal_form(self, minion, **more):
        digest = "same" if self.equal else minion
        form = {"digest": digest, "relationships": {}}
        return form if more["digest_only"] else {**form, "nodes": [[minion, "f", 1]], "ordered": []}

    def old_again(self, minion):
        self.spoil(minion, "normal")
        return self.new_process(minion)

    def do_roll_back(self, minion, run, evidence, force, timeout, identity):
        self.evidence = evidence
        self.stage[minion]["state"] = "rolled-back"
        return self.on_roll_back(minion)

    def restart(self, minion, patience, **arguments):
        if arguments.get("staged"):
            self.stage[minion].update(state="applied", applied_at=self.clock.time())
        return super().restart(minion, patience, **arguments)

    def spoil(self, minion, state):
        self.servers[minion]["relationships"]["foo"]["state"] = state


@pytest.fixture
def minions():
    return Servers()


@pytest.fixture
def run(minions, tmp_path):
    def build(origins=None, **request):
        wanted = RolloutRequest(**{"timeout": 0.2, **request})
        built = new_run(Rollout, minions, tmp_path, wanted)
        built.origins = {"sls": "dhcp.config"} if origins is None else origins
        return built

    return build


def go(run, test=False):
    """Take all steps as the orchestration does; return them."""
    acts = [run.lock, run.preflight, run.stage]
    for position in range(2):
        acts.append(lambda test, position=position: run.configure(position, test))
        acts.append(lambda test, position=position: run.prove(position, test))
    acts.append(run.agree)
    steps = []
    for act in acts:
        steps.append(act(test=test))
        if steps[-1].result is False:
            break
    run.unlock(test)
    return steps


def test_secondary_then_primary_each_checked_before_the_first_is_touched(minions, run):
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert minions.acts == ["dhcp-b", "dhcp-a"]
    assert [one for one in minions.said if one[0] == "dhcpd.stage"] == [
        ("dhcpd.stage", "dhcp-b"),
        ("dhcpd.stage", "dhcp-a"),
    ]
    assert minions.arguments["staged"]
    assert minions.claims == {}


def test_the_second_time_nothing_is_done(minions, run):
    minions.new = dict.fromkeys(minions.servers, {"files": {}, "why": None})
    steps = go(run())
    assert [step.result for step in steps] == [True] * 8
    assert not any(step.changes for step in steps[1:])
    assert minions.acts == []


def test_files_in_which_nothing_matters_are_replaced_without_a_restart(minions, run):
    minions.new = dict.fromkeys(minions.servers, {"files": {"/x": "+# new"}, "why": None})
    assert [step.result for step in go(run())] == [True] * 8
    assert minions.acts == []
    assert {one["state"] for one in minions.stage.values()} == {"applied"}


def test_a_pending_restart_is_done_although_no_file_changes(minions, run):
    minions.new["dhcp-b"] = {"files": {}, "why": "a restart is pending"}
    minions.new["dhcp-a"] = {"files": {}, "why": None}
    assert [step.result for step in go(run())] == [True] * 8
    assert minions.acts == ["dhcp-b"]
    assert "staged" not in minions.arguments


def test_a_bad_file_of_the_primary_stops_before_the_secondary_is_touched(minions, run):
    minions.new["dhcp-a"] = "dhcp-a: /etc/dhcp/dhcpd.conf:7: expected a semicolon"
    steps = go(run())
    assert steps[-1].result is False
    assert "dhcpd.conf:7" in steps[-1].comment and "Nothing was touched" in steps[-1].comment
    assert minions.acts == []
    assert "continues" not in go(run())[0].comment


def test_what_could_never_be_normal_is_refused_unless_it_is_forced(minions, run):
    minions.reports = both(peer_port=648)
    steps = go(run())
    assert len(steps) == 3 and "port 648" in steps[-1].comment
    assert minions.acts == []
    assert [step.result for step in go(run(force=frozenset({"mismatch"})))] == [True] * 8


def test_contents_are_refused_before_anything_is_asked(minions, run):
    steps = go(run(origins={"source": 'key "geheim" { }'}))
    assert [step.result for step in steps] == [False]
    assert "geheim" not in steps[0].comment
    assert minions.said == []


def never_normal(minions):
    def restart(minion):
        minions.spoil(minion, "startup")
        return minions.new_process(minion)

    minions.on_restart = restart


def test_a_server_that_never_gets_normal_is_taken_back_and_the_primary_is_not_touched(minions, run):
    never_normal(minions)
    steps = go(run())
    assert [step.result for step in steps] == [True] * 4 + [False]
    for words in (
        "startup",
        "dhcp-b has its old configuration back and is normal with it again",
        "dhcp-a was not touched",
    ):
        assert words in steps[-1].comment
    assert minions.acts == ["dhcp-b"]
    assert minions.evidence["foo"]["minion"] == "dhcp-a"
    assert minions.evidence["foo"]["serves"] is True


def test_after_it_was_taken_back_the_next_rollout_begins_anew(minions, run):
    never_normal(minions)
    go(run())
    minions.on_restart = minions.new_process
    steps = go(run())
    assert "continues" not in steps[0].comment
    assert [step.result for step in steps] == [True] * 8
    assert minions.acts == ["dhcp-b", "dhcp-b", "dhcp-a"]


def test_a_start_that_failed_was_taken_back_on_the_server_itself(minions, run):
    def restart(minion):
        minions.new_process(minion)
        minions.stage[minion]["state"] = "rolled-back"
        return {"result": False, "comment": "dhcpd did not start: port taken."}

    minions.on_restart = restart
    steps = go(run())
    assert "port taken" in steps[-1].comment
    assert "dhcp-b has its old configuration back and is normal" in steps[-1].comment
    assert ("dhcpd.roll_back", "dhcp-b") not in minions.said


def test_a_dhcpd_that_its_service_manager_starts_again_and_again_is_taken_back(minions, run):
    never_normal(minions)
    orders = []

    def back(minion):
        orders.append(1)
        if len(orders) < 3:
            reasons = [{"code": "other-process", "text": "x", "blocks": True}]
            return {"result": False, "comment": "Nothing done.", "reasons": reasons}
        return minions.old_again(minion)

    minions.on_roll_back = back
    steps = go(run())
    assert "dhcp-b has its old configuration back and is normal" in steps[-1].comment
    assert len(orders) == 3


def test_what_can_not_be_taken_back_says_where_to_look(minions, run):
    never_normal(minions)
    minions.on_roll_back = lambda minion: {"result": False, "comment": "the backup is gone."}
    steps = go(run())
    assert "the backup is gone" in steps[-1].comment
    assert "Look at dhcp-b now" in steps[-1].comment
    assert "dhcp-a was not touched" in steps[-1].comment


def test_a_relationship_that_is_gone_is_not_taken_for_normal(minions, run):
    def restart(minion):
        minions.servers[minion]["relationships"] = {}
        return minions.new_process(minion)

    def back(minion):
        minions.servers[minion]["relationships"] = Servers().servers[minion]["relationships"]
        return minions.new_process(minion)

    minions.on_restart, minions.on_roll_back = restart, back
    steps = go(run())
    assert "dhcp-b does not know foo any more" in steps[-1].comment
    assert "old configuration back" in steps[-1].comment
    assert minions.acts == ["dhcp-b"]


def test_an_interrupted_rollout_goes_on_with_what_is_left(minions, run):
    first = run()
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    first.locks.release()  # as the kernel does when the process is killed
    minions.spoil("dhcp-b", "communications-interrupted")
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    looks = iter(range(100))
    minions.on_status = lambda minions: next(looks) > 3 and minions.spoil("dhcp-b", "normal")
    steps = go(run(timeout=5))
    assert "continues" in steps[0].comment
    assert [step.result for step in steps] == [True] * 8, steps
    assert minions.acts == ["dhcp-b", "dhcp-a"]


def test_a_killed_rollout_that_is_not_normal_is_taken_back_by_the_next_one(minions, run):
    first = run()
    never_normal(minions)
    for step in (first.lock, first.preflight, first.stage):
        assert step().result
    assert first.configure(0).result
    first.locks.release()
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    minions.do_stage = lambda minion, run, test, **origins: {
        **Servers.do_stage(minions, minion, run, True, **origins)
    }
    steps = go(run())
    assert "old configuration back" in steps[-1].comment
    assert minions.acts == ["dhcp-b"]


def test_servers_that_still_differ_fail_the_last_step(minions, run):
    minions.equal = False
    steps = go(run())
    assert [step.result for step in steps] == [True] * 7 + [False]
    assert "differ" in steps[-1].comment
    assert go(run(force=frozenset({"drift"})))[-1].result is True


def test_a_dry_run_shows_both_diffs_and_the_plan_and_touches_nothing(minions, run, tmp_path):
    steps = go(run(), test=True)
    assert [step.result for step in steps] == [None] * 8
    assert steps[2].changes == {"dhcp-a": {"/x": "+new"}, "dhcp-b": {"/x": "+new"}}
    assert "dhcp-b gets /x and is restarted" in steps[2].comment
    assert minions.acts == [] and minions.claims == {}
    assert set(minions.stage.values()) == {None}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_files_that_were_never_put_in_place_are_not_taken_back(minions, run):
    """A restart that only a pending change wanted, and that does not get normal."""
    minions.new["dhcp-b"] = {"files": {}, "why": "a restart is pending"}

    def not_normal(minion):
        minions.spoil(minion, "communications-interrupted")
        return minions.new_process(minion)

    minions.on_restart = not_normal
    steps = go(run())
    assert steps[-1].result is False and "Not normal" in steps[-1].comment
    assert "dhcpd.roll_back" not in [function for function, _ in minions.said]


# -- answers that are lost ----------------------------------------------------------------------


def lose_the_restart(minions, server="dhcp-b", **stage):
    """Its dhcpd is another one afterwards, its answer never comes, and its files are as given."""
    restart = minions.restart

    def lost(minion, patience, **arguments):
        answer = restart(minion, patience, **arguments)
        if minion != server or minions.acts.count(server) > 1:
            return answer
        minions.stage[minion].update(stage)
        return {"lost": "no answer within 60 s"}

    minions.restart = lost


def test_a_lost_answer_of_a_server_that_has_its_new_files_goes_on(minions, run):
    lose_the_restart(minions)
    assert [step.result for step in go(run())] == [True] * 8


def test_a_server_that_took_its_old_files_back_unheard_is_no_proof_for_its_partner(minions, run):
    lose_the_restart(minions, state="rolled-back")
    step = go(run())[-1]
    assert step.result is False and minions.acts == ["dhcp-b"]
    assert "dhcpd on dhcp-b did not start with its new files" in step.comment
    assert "dhcp-b has its old configuration back and is normal with it again" in step.comment
    assert "dhcp-a was not touched" in step.comment


def test_one_that_was_started_before_its_new_files_came_has_its_old_ones(minions, run):
    lose_the_restart(minions, state="staged", applied_at=None)
    first = run()
    step = go(first)[-1]
    assert step.result is False and minions.acts == ["dhcp-b"]
    assert "dhcp-b runs with its old configuration" in step.comment
    assert "Restarted so far" not in step.comment
    assert go(run())[-1].result is True
    assert minions.acts == ["dhcp-b", "dhcp-b", "dhcp-a"]


def test_one_whose_call_died_between_two_files_gets_the_old_ones_back(minions, run):
    lose_the_restart(minions, applied_at=None)
    step = go(run())[-1]
    assert step.result is False and minions.acts == ["dhcp-b"]
    assert ("dhcpd.roll_back", "dhcp-b") in minions.said
    assert "dhcp-b has its old configuration back" in step.comment


def test_one_that_does_not_say_what_it_has_is_no_proof_either(minions, run):
    lose_the_restart(minions)
    minions.do_staged = lambda minion: {"error": "no answer within 20 s"}
    step = go(run())[-1]
    assert step.result is False and minions.acts == ["dhcp-b"]
    assert "Whether dhcp-b runs with its new files is not known" in step.comment


def test_a_roll_back_whose_call_died_is_ordered_again(minions, run):
    minions.on_restart = lambda minion: {"result": False, "comment": "dhcpd did not start."}
    orders = []

    def dies_first(minion):
        orders.append(minion)
        if len(orders) > 1:
            return minions.old_again(minion)
        minions.stage[minion]["state"] = "applied"
        minions.new_process(minion)
        return {"error": "no answer within 60 s"}

    minions.on_roll_back = dies_first
    step = go(run())[-1]
    assert orders == ["dhcp-b"] * 2
    assert "dhcp-b has its old configuration back and is normal with it again" in step.comment


def test_who_had_the_new_files_before_is_named_where_its_partner_does_not_get_them(minions, run):
    minions.new["dhcp-b"] = {"files": {}, "why": None}
    minions.restart = lambda *_, **__: {"result": False, "comment": "not now", "refused": True}
    step = go(run())[-1]
    assert step.result is False
    assert "dhcp-b had the new configuration already" in step.comment


# -- what is told of it ---------------------------------------------------------------------------


def told_of(run):
    """Go; return the last step, the run in short, the event of its end, and the report."""
    heard = []
    Announced(run, lambda what, fields: heard.append((what, dict(fields))))
    last = go(run)[-1]
    entries = journal.read(run.journal.path)
    (end,) = [fields for what, fields in heard if what == "ended"]
    return last, history.summary(entries), end, report.page(entries)


def bad_file(minions):
    minions.new["dhcp-a"] = "dhcp-a: /etc/dhcp/dhcpd.conf:7: expected a semicolon"


def misfitting(minions):
    minions.reports = both(peer_port=648)


def drifting(minions):
    minions.equal = False


def taken_back(minions):
    def restart(minion):
        minions.spoil(minion, "communications-interrupted")
        return minions.new_process(minion)

    minions.on_restart = restart


@pytest.mark.parametrize("how", [bad_file, misfitting, drifting, taken_back])
def test_why_a_rollout_failed_is_the_end_of_the_run_and_on_the_bus(minions, run, how):
    how(minions)
    last, short, end, page = told_of(run())
    assert last.result is False
    assert (short["outcome"], short["comment"]) == ("failed", last.comment)
    assert end["result"] is False and end["text"] == last.comment
    assert end["cause"] and end["cause"] in (last.why, last.comment)
    assert "<b class=failed>failed</b>" in page and "Rollout on foo" in page


def nothing_to_do(minions):
    minions.new = dict.fromkeys(minions.servers, {"files": {}, "why": None})


def only_comments(minions):
    minions.new = dict.fromkeys(minions.servers, {"files": {"/x": "+# new"}, "why": None})


def one_is_pending(minions):
    minions.new["dhcp-b"] = {"files": {}, "why": "a restart is pending"}
    minions.new["dhcp-a"] = {"files": {}, "why": None}


@pytest.mark.parametrize("how", [nothing_to_do, only_comments, one_is_pending])
def test_a_rollout_that_needs_fewer_restarts_is_a_run_that_is_done(minions, run, how):
    how(minions)
    last, short, end, _ = told_of(run())
    assert last.result is True
    assert short["outcome"] == "done", short
    assert end["result"] is True and end["cause"] is None, end
