"""
The maintenance of a pair's hosts, step by step: what is done, undone, and gone on with.

The minions are a fake, as in the tests of the engine: hosts that stay away, answers that get lost.
"""

from __future__ import annotations

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.errors import IscDhcpError
from iscdhcp.files import read_json
from iscdhcp.run import history
from iscdhcp.run import journal
from iscdhcp.run import reboot
from iscdhcp.run.orders import Interrupted
from iscdhcp.run.reboot import PairReboot
from iscdhcp.run.reboot import RebootRequest
from iscdhcp.show import report

GOOD = {"pid": 5, "retcode": 0, "stdout": "", "stderr": ""}
BAD = {"pid": 5, "retcode": 3, "stdout": "reading", "stderr": "no space left"}


class Minions(FakeMinions):
    """Two hosts in memory that can be stopped, rebooted and given commands."""

    def __init__(self):
        super().__init__()
        self.boots = {"dhcp-a": 1, "dhcp-b": 1}
        self.returns = GOOD
        self.jobs = {}
        self.on_begin = lambda minion, function: None
        self.on_act = lambda minion, function: None
        for facts in self.servers.values():
            facts["omapi"]["answers"] = True

    def status(self, minions, brief=False, looks=1, ask=None, alive=None, log_since=None):
        for minion in minions:
            self.servers[minion]["boot"] = f"boot {self.boots[minion]}"
        return super().status(minions, brief, looks, ask, alive, log_since)

    def act(self, minion, function, patience, **arguments):
        self.acts.append(f"{function} {minion}")
        answer = self.on_act(minion, function)
        process, partner = self.servers[minion]["process"], self.other(minion)
        if answer is not None:
            return answer
        if function == "dhcpd.stop":
            process["running"] = False
            partner.update(state="partner-down", partner_state="recover", connected=False)
        if function == "dhcpd.start":
            self.start(minion)
        return {"result": True, "comment": f"{function} done", "new": dict(process)}

    def start(self, minion):
        self.new_process(minion)
        self.servers[minion]["process"]["running"] = True
        for facts in self.servers.values():
            facts["relationships"]["foo"].update(
                state="normal", partner_state="normal", connected=True
            )

    def other(self, minion):
        name = "dhcp-a" if minion == "dhcp-b" else "dhcp-b"
        return self.servers[name]["relationships"]["foo"]

    def new_job(self):
        return f"job {len(self.jobs) + 1}"

    def begin(self, minion, job, function, arguments, named):
        self.acts.append(f"{function} {minion}")
        self.jobs[job] = arguments
        refused = self.on_begin(minion, function)
        if function == "system.reboot" and refused is None:
            self.boots[minion] += 1
        return refused

    def outcome(self, minion, job):
        return {"gone": True} if self.returns is None else {"ret": self.returns}


@pytest.fixture
def minions():
    return Minions()


@pytest.fixture
def run(minions, tmp_path):
    def build(**request):
        wanted = RebootRequest(host_timeout=600.0, **request)
        return new_run(PairReboot, minions, tmp_path, wanted)

    return build


def go(run, until=None):
    """Take all steps as the orchestration does, or until one of a name; return them."""
    steps = {"lock": run.lock()}
    acts = {"preflight": run.preflight}
    for position, one in enumerate(run.servers):
        for act in (run.stop, run.maintain, run.serve):
            acts[f"{act.__name__} {one}"] = lambda act=act, position=position: act(position)
        acts[f"normal {one}"] = lambda one=one: run.wait_normal(one)
    for name, act in acts.items():
        if not list(steps.values())[-1].result or name == until:
            break
        steps[name] = act()
    run.unlock()
    return steps


def last(steps):
    return list(steps.values())[-1]


def reboots(minions):
    return [act.split()[1] for act in minions.acts if act.startswith("system.reboot")]


def test_each_host_is_rebooted_once_while_its_dhcpd_is_stopped(minions, run):
    steps = go(run())
    assert all(step.result for step in steps.values()), last(steps)
    assert minions.acts == [
        f"{what} {server}"
        for server in ("dhcp-b", "dhcp-a")
        for what in ("dhcpd.stop", "system.reboot", "dhcpd.start")
    ]
    assert minions.claims == {}


def test_a_dhcpd_that_its_host_starts_at_boot_is_not_started_again(minions, run):
    minions.on_begin = lambda minion, function: minions.start(minion)
    assert last(go(run())).result
    assert not any("dhcpd.start" in act for act in minions.acts)


@pytest.mark.parametrize(
    "request_, act",
    [({"command": "yum -y update"}, "cmd.run_all"), ({"sls": "firmware"}, "state.apply")],
)
def test_a_command_or_sls_takes_the_place_of_the_reboot(minions, run, request_, act):
    minions.returns = GOOD if "command" in request_ else {"x": {"result": True}}
    assert last(go(run(only="dhcp-a", **request_))).result
    assert minions.acts == ["dhcpd.stop dhcp-a", f"{act} dhcp-a", "dhcpd.start dhcp-a"]
    assert reboots(minions) == []


def test_a_reboot_follows_the_command_where_both_are_wanted(minions, run):
    assert last(go(run(only="dhcp-a", command="yum -y update", reboot=True))).result
    assert [act.split()[0] for act in minions.acts] == [
        "dhcpd.stop",
        "cmd.run_all",
        "system.reboot",
        "dhcpd.start",
    ]


def test_a_failing_command_is_shown_dhcpd_started_and_the_partner_untouched(minions, run):
    minions.returns = BAD
    step = last(go(run(command="dd")))
    assert step.result is False
    assert "exit code 3" in step.comment and "no space left" in step.comment
    assert "started again and the pair is normal" in step.comment
    assert "dhcp-a was not touched" in step.comment
    assert minions.acts == ["dhcpd.stop dhcp-b", "cmd.run_all dhcp-b", "dhcpd.start dhcp-b"]


def test_after_a_failure_the_same_command_begins_with_that_server_again(minions, run):
    minions.returns = BAD
    go(run(command="dd"))
    minions.returns, minions.acts = GOOD, []
    assert last(go(run(command="dd"))).result
    assert [act for act in minions.acts if "cmd" in act] == [
        "cmd.run_all dhcp-b",
        "cmd.run_all dhcp-a",
    ]


def test_a_command_whose_answer_is_lost_counts_as_failed(minions, run):
    minions.returns = None
    step = last(go(run(command="dd")))
    assert "its answer was lost" in step.comment
    assert "dhcpd.start dhcp-b" in minions.acts


def test_a_command_that_reboots_the_host_by_itself_is_done_once_it_is_back(minions, run):
    minions.returns = None

    def begin(minion, function):
        minions.boots[minion] += 1

    minions.on_begin = begin
    steps = go(run(command="yum -y update && reboot", only="dhcp-b"))
    assert last(steps).result
    assert "rebooted before it answered" in steps["maintain dhcp-b"].warnings[0]


def test_a_host_that_stays_away_is_told_with_who_serves_and_what_to_do(minions, run):
    minions.on_begin = lambda minion, function: minions.silent.add(minion)
    step = last(go(run()))
    assert step.result is False
    assert "dhcp-b has not come back" in step.comment
    assert "dhcp-a serves alone (foo partner-down/recover)" in step.comment
    assert "run the same command" in step.comment
    assert "dhcp-a" not in reboots(minions)


def test_the_same_command_goes_on_when_the_host_is_back_and_reboots_it_no_more(minions, run):
    minions.on_begin = lambda minion, function: minions.silent.add(minion)
    go(run())
    minions.silent.clear()
    minions.on_begin = lambda minion, function: None
    steps = go(run())
    assert last(steps).result, last(steps)
    assert "continues" in steps["lock"].comment
    assert reboots(minions) == ["dhcp-b", "dhcp-a"]


def test_a_host_that_does_not_reboot_serves_again_and_the_partner_is_untouched(minions, run):
    def begin(minion, function):
        minions.boots[minion] -= 1

    minions.on_begin = begin
    step = last(go(run()))
    assert "still in the same boot" in step.comment
    assert minions.acts[-1] == "dhcpd.start dhcp-b"


def test_a_master_that_died_after_the_stop_goes_on_with_the_reboot(minions, run):
    go(run(), until="maintain dhcp-b")
    assert minions.servers["dhcp-b"]["process"]["running"] is False
    steps = go(run())
    assert last(steps).result, last(steps)
    assert minions.acts.count("dhcpd.stop dhcp-b") == 1
    assert reboots(minions) == ["dhcp-b", "dhcp-a"]


class MasterDiesError(Exception):
    """The run's process is killed at this moment."""


@pytest.mark.parametrize("at", ["dhcpd.stop", "cmd.run_all", "system.reboot", "dhcpd.start"])
def test_a_master_that_died_while_the_second_was_down_goes_on_with_it(minions, run, at):
    def dies(minion, function):
        if (minion, function) == ("dhcp-a", at):
            if at == "dhcpd.stop":
                minions.servers[minion]["process"]["running"] = False
                minions.other(minion).update(
                    state="partner-down", partner_state="recover", connected=False
                )
            raise MasterDiesError

    minions.on_act = minions.on_begin = dies
    words = {"command": "true", "reboot": True}
    going = run(**words)
    with pytest.raises(MasterDiesError):
        go(going)
    going.unlock()
    minions.on_act = minions.on_begin = lambda minion, function: None
    steps = go(run(**words))
    assert last(steps).result, {name: step.comment for name, step in steps.items()}
    assert minions.acts.count("dhcpd.stop dhcp-a") == 1
    assert minions.acts.count("dhcpd.stop dhcp-b") == 1
    assert reboots(minions).count("dhcp-b") == 1


def test_another_command_does_not_forget_a_server_that_is_down(minions, run):
    go(run(again="salt-run state.orch orch.dhcp_failover_reboot"), until="maintain dhcp-b")
    refused = last(go(run(command="true")))
    assert refused.result is False
    assert "dhcp-b is in it (down)" in refused.comment
    assert "To go on with it: salt-run state.orch orch.dhcp_failover_reboot." in refused.comment


def test_another_command_begins_anew_only_where_that_is_said(minions, run):
    minions.on_begin = lambda minion, function: "not now" if minion == "dhcp-a" else None
    go(run())
    assert reboots(minions) == ["dhcp-b", "dhcp-a"]
    minions.on_begin, minions.acts = lambda minion, function: None, []
    refused = last(go(run(command="true")))
    assert "dhcp-b done" in refused.comment and "differs in its task" in refused.comment
    assert minions.acts == []
    assert last(go(run(command="true", fresh=True))).result
    assert [act for act in minions.acts if "cmd" in act] == [
        "cmd.run_all dhcp-b",
        "cmd.run_all dhcp-a",
    ]


def test_a_command_that_was_undone_on_its_first_server_may_be_another_one(minions, run):
    minions.on_begin = lambda minion, function: "not now"
    assert last(go(run(command="flase"))).result is False
    minions.on_begin = lambda minion, function: None
    assert last(go(run(command="false"))).result


def test_a_stop_whose_answer_is_lost_is_settled_by_the_process(minions, run):
    def lose(minion, function):
        if function == "dhcpd.stop":
            minions.servers[minion]["process"]["running"] = False
            minions.other(minion).update(state="partner-down", connected=False)
            return {"lost": "no answer"}
        return None

    minions.on_act = lose
    assert last(go(run())).result


def test_an_order_to_stop_that_never_arrived_leaves_everything_as_it_was(minions, run):
    minions.on_act = lambda minion, function: {"lost": "no answer"}
    step = last(go(run()))
    assert "never reached dhcp-b" in step.comment
    assert minions.acts == ["dhcpd.stop dhcp-b"]


def test_a_call_that_died_after_the_hand_over_is_taken_back(minions, run):
    def die(minion, function):
        if function == "dhcpd.stop":
            minions.servers[minion]["relationships"]["foo"]["state"] = "shutdown"
            return {"lost": "no answer"}
        return {"result": True, "comment": "Resumed: foo."}

    minions.on_act = die
    step = last(go(run()))
    assert step.result is False and "Resumed: foo" in step.comment
    assert minions.acts == ["dhcpd.stop dhcp-b", "dhcpd.resume dhcp-b"]


def test_an_interruption_while_a_server_is_down_says_so(minions, run):
    one = run()
    for act in (one.lock, one.preflight):
        assert act().result
    assert one.stop(0).result

    def press_ctrl_c():
        raise Interrupted("SIGINT")

    minions.returns, one.request.command = {"running": True}, "sleep 60"
    minions.outcome = lambda minion, job: {"running": True}
    one.check = press_ctrl_c
    with pytest.raises(Interrupted) as caught:
        one.maintain(0)
    assert "may be down" in str(caught.value) and "bring_back server=dhcp-b" in str(caught.value)
    assert "No server was left stopped" not in str(caught.value)


def test_a_pair_that_is_not_normal_is_not_touched(minions, run):
    minions.servers["dhcp-a"]["relationships"]["foo"]["state"] = "recover"
    assert last(go(run())).result is False
    assert minions.acts == []


def test_too_few_free_leases_for_a_long_absence_are_told_and_block_nothing(minions, run):
    for facts in minions.servers.values():
        for pool in facts["leases"]["relationships"]["foo"]:
            pool.update(free=50, backup=50, new_per_second=1.0)
    one = run(only="dhcp-b")
    one.request.host_timeout = 900.0
    assert one.lock().result
    step = one.preflight()
    assert step.result, step.comment
    assert any("45 free leases" in warning and "900 s" in warning for warning in step.warnings)


def test_a_dry_run_says_each_step_and_does_nothing(minions, run, tmp_path):
    dry = run(command="yum -y update", reboot=True)
    said = [dry.lock(test=True), dry.preflight(test=True)]
    for position in (0, 1):
        said += [act(position, test=True) for act in (dry.stop, dry.maintain, dry.serve)]
    assert [step.result for step in said] == [None] * 8
    assert "`yum -y update`, then reboot" in said[3].comment
    assert minions.acts == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "wrong",
    [{"command": "a", "sls": "b"}, {"method": "drain"}, {"reboot": False}],
    ids=str,
)
def test_a_request_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(IscDhcpError):
        RebootRequest(**wrong)


@pytest.mark.parametrize(
    "returned, words",
    [
        (GOOD, None),
        (BAD, "exit code 3"),
        ({"a": {"result": True}, "b": {"result": None}}, None),
        ({"a": {"result": True}, "b": {"result": False, "comment": "no", "__id__": "x"}}, "x: no"),
        (["Rendering SLS failed"], "Rendering SLS failed"),
        ("'state.apply' is not available.", "not available"),
        ({}, "{}"),
    ],
)
def test_what_counts_as_failed(returned, words):
    found = reboot.failed(returned)
    assert found is None if words is None else words in found


def test_the_job_is_on_the_disk_before_it_is_published(minions, run, tmp_path):
    """A master that dies in between looks for the job, and does not run the command twice."""
    noted = []

    def published(minion, function):
        (path,) = (tmp_path / "runs").iterdir()
        noted.append(read_json(path)["servers"][minion])

    minions.on_begin = published
    go(run(command="dd", reboot=False))
    assert [(entry["phase"], entry["job"]) for entry in noted] == [
        ("running", "job 1"),
        ("running", "job 2"),
    ]


def test_a_hand_over_that_was_taken_back_is_waited_for_and_its_survivor_released(minions, run):
    mine, theirs = (minions.servers[one]["relationships"]["foo"] for one in ("dhcp-b", "dhcp-a"))

    def not_taken_over(minion, function):
        if function != "dhcpd.stop":
            return None
        mine.update(state="recover", partner_state="partner-down")
        theirs.update(state="partner-down", partner_state="recover", unacked=10, unacked_bound=9)
        why = "the partner did not take over within 5 s; it is coming back to normal"
        return {"result": False, "comment": f"dhcpd on dhcp-b was not stopped: {why}"}

    def released(minion, drained=False, run=None):
        minions.released.append((minion, drained))
        for end in (mine, theirs):
            end.update(state="normal", partner_state="normal", unacked=0)

    minions.on_act, minions.release_window = not_taken_over, released
    step = last(go(run()))
    assert not step.result and "did not take over" in step.comment
    assert minions.released == [("dhcp-a", False)]
    assert "dhcp-b is normal again." in step.comment
    minions.on_act = lambda minion, function: None
    assert last(go(run())).result


def test_a_server_that_is_not_back_in_a_minute_is_told_with_what_waits_for_it(minions, run):
    end = minions.servers["dhcp-b"]["relationships"]["foo"]

    def not_taken_over(minion, function):
        end.update(state="recover-wait", partner_state="partner-down")
        return {"result": False, "comment": "dhcpd on dhcp-b was not stopped: x"}

    minions.on_act = not_taken_over
    begun = minions.clock.monotonic()
    step = last(go(run()))
    assert "dhcp-b is not normal yet (foo recover-wait/partner-down)" in step.comment
    assert "dhcp_failover.wait_normal foo:dhcp-a:dhcp-b" in step.comment
    assert minions.clock.monotonic() - begun < 90


# -- what is told, and when orders are heeded -----------------------------------------------------


def test_a_maintenance_that_fails_is_a_failed_step_and_the_end_of_the_run(minions, run):
    minions.returns = BAD
    one = run(command="yum -y update")
    steps = go(one)
    entries = journal.read(one.journal.path)
    (result,) = [e for e in entries if e["what"] == "result" and e["name"] == "maintenance"]
    assert result["result"] is False and result["server"] == "dhcp-b"
    assert "`yum -y update` failed on dhcp-b: exit code 3" in result["comment"]
    short = history.summary(entries)
    assert (short["outcome"], short["comment"]) == ("failed", last(steps).comment)
    assert short["restarted"] == []
    page = report.page(entries)
    assert "Maintenance of foo" in page and "<b class=failed>failed</b> maintenance of" in page


def test_what_a_maintenance_has_done_is_in_the_history(minions, run):
    one = run()
    assert last(go(one)).result
    entries = journal.read(one.journal.path)
    short = history.summary(entries)
    assert (short["outcome"], short["restarted"]) == ("done", ["dhcp-b", "dhcp-a"])
    names = [e["name"] for e in entries if e["what"] == "step"]
    each = ["stop", "maintenance", "start", "wait_normal"]
    assert names == ["lock", "preflight", *each, *each, "unlock"]
    page = report.page(entries)
    assert "dhcp-b, then dhcp-a: reboot, and normal again at both ends" in page
    assert "2 of 2</b><span>maintained" in page


def ordered_in_the_maintenance(minions, one, order):
    """Give an order while the command runs on dhcp-b; return what was seen when it was heeded."""
    seen, told = [], []

    def outcome(minion, job):
        if not told:
            told.append(one.orders.give(one.attempt, order, "bob on master", "tea"))
            minions.clock.after(30.0, lambda: told.append("over"))
        return {"ret": GOOD} if len(told) > 1 else {"running": True}

    def listen(entry):
        if entry["what"] in ("paused", "aborted"):
            seen.append(minions.servers["dhcp-b"]["process"]["running"])
        if entry["what"] == "paused":
            one.orders.give(one.attempt, "resume", "eve on master")

    minions.outcome = outcome
    one.journal.listeners.append(listen)
    return seen


def test_a_pause_in_a_maintenance_waits_until_its_server_serves_again(minions, run):
    one = run(command="yum -y update")
    up = ordered_in_the_maintenance(minions, one, "pause")
    assert last(go(one)).result
    assert up == [True]
    assert any("once dhcpd on dhcp-b serves again" in text for text in one.said), one.said


def test_an_abort_in_a_maintenance_leaves_no_server_down(minions, run):
    one = run(command="yum -y update")
    up = ordered_in_the_maintenance(minions, one, "abort")
    with pytest.raises(Interrupted):
        go(one)
    assert up == [True]
    assert minions.acts[-1] == "dhcpd.start dhcp-b"


def test_an_interruption_before_the_first_step_of_a_run_that_goes_on_says_who_is_down(minions, run):
    go(run(), until="maintain dhcp-b")
    again = run()
    assert again.lock().result

    def press_ctrl_c():
        raise Interrupted("SIGINT")

    again.check = press_ctrl_c
    with pytest.raises(Interrupted) as caught:
        again.preflight()
    assert "No server was left stopped" not in str(caught.value)
    assert "dhcpd on dhcp-b is down" in str(caught.value), str(caught.value)
    assert "bring_back server=dhcp-b" in str(caught.value)


# -- nobody serves --------------------------------------------------------------------------------


def dies(minions, minion):
    minions.servers[minion]["process"].update(running=False, absent=True)


def test_a_partner_that_stops_serving_meanwhile_brings_its_server_back_at_once(minions, run):
    minions.outcome = lambda minion, job: {"running": True}
    begun = minions.clock.time()

    def status(of):
        if of.clock.time() - begun > 60 and of.jobs:
            dies(of, "dhcp-a")

    minions.on_status = status
    steps = go(run(command="yum -y update"))
    comment = last(steps).comment
    assert "dhcpd is not running on dhcp-a in the maintenance of dhcp-b" in comment
    assert "(`yum -y update` may still run)" in comment
    assert minions.acts[-1] == "dhcpd.start dhcp-b"
    assert minions.clock.time() - begun < 90


def loses_power(minions, minion):
    minions.silent.add(minion)
    minions.lifeless.add(minion)


def lost_after(minions, seconds, how):
    """Have something happen to dhcp-a in the maintenance of dhcp-b."""
    begun = minions.clock.time()

    def status(of):
        if of.clock.time() - begun > seconds and of.jobs:
            how(of, "dhcp-a")

    minions.on_status = status


def test_a_partner_whose_host_is_gone_meanwhile_brings_its_server_back_at_once(minions, run):
    """Its minion says nothing; but it gave signs of life before."""
    minions.outcome = lambda minion, job: {"running": True}
    begun = minions.clock.time()
    lost_after(minions, 60, loses_power)
    started = []

    def starts(minion, function):
        if function == "dhcpd.start":
            started.append(minions.clock.time() - begun)

    minions.on_act = starts
    comment = last(go(run(command="yum -y update"))).comment
    assert "dhcp-a has given dhcp-b no sign of life since 08:01:0" in comment
    assert "in the maintenance of dhcp-b (`yum -y update` may still run)" in comment
    assert minions.acts == ["dhcpd.stop dhcp-b", "cmd.run_all dhcp-b", "dhcpd.start dhcp-b"]
    assert 60 < started[0] < 90


def test_a_partner_that_never_gave_a_sign_of_life_may_be_silent_all_the_while(minions, run):
    def ends(minion, job):
        over = minions.clock.time() > begun + 120
        return {"ret": GOOD} if over else {"running": True}

    minions.outcome, begun = ends, minions.clock.time()
    minions.lifeless = {"dhcp-a"}
    lost_after(minions, 60, lambda of, minion: of.silent.add(minion))
    one = run(command="yum -y update", reboot=False)
    for act in (one.lock, one.preflight):
        assert act().result
    assert one.stop(0).result
    assert one.maintain(0).result


def test_a_partner_that_is_seen_to_serve_needs_no_sign_of_life(minions, run):
    """The way from this host to it may be closed by the maintenance itself."""
    jobs = []

    def ends(minion, job):
        jobs.append(job)
        return {"ret": GOOD} if len(jobs) % 100 == 0 else {"running": True}

    minions.outcome = ends
    lost_after(minions, 60, lambda of, minion: of.lifeless.add(minion))
    steps = go(run(command="firewall", reboot=False))
    assert all(step.result for step in steps.values()), last(steps).comment


def test_a_host_is_not_rebooted_whose_partner_gives_no_sign_of_life(minions, run):
    one = run()
    for act in (one.lock, one.preflight):
        assert act().result
    assert one.stop(0).result
    one.minions.status(["dhcp-b"], brief=True)
    loses_power(minions, "dhcp-a")
    minions.on_act = lambda minion, function: minions.silent.clear()
    comment = one.maintain(0).comment
    assert "dhcp-b was not rebooted: dhcp-a has given dhcp-b no sign of life" in comment
    assert reboots(minions) == []


def test_a_host_is_not_rebooted_once_its_partner_has_stopped_serving(minions, run):
    minions.on_act = lambda minion, function: dies(minions, "dhcp-a")
    steps = go(run())
    assert "dhcp-b was not rebooted: dhcpd is not running on dhcp-a" in last(steps).comment
    assert reboots(minions) == []
    assert minions.acts == ["dhcpd.stop dhcp-b", "dhcpd.start dhcp-b"]


def test_a_partner_that_is_silent_for_a_while_changes_nothing(minions, run):
    begun = minions.clock.time()

    def outcome(minion, job):
        gone = minions.clock.time() - begun
        minions.silent = {"dhcp-a"} if 10 < gone < 60 else set()
        return {"running": True} if gone < 90 else {"ret": GOOD}

    minions.outcome = outcome
    assert go(run(command="yum -y update"))["maintain dhcp-b"].result


def test_a_server_that_can_not_serve_without_its_partner_says_whom_to_start_first(minions, run):
    def act(minion, function):
        if function == "dhcpd.stop":
            dies(minions, "dhcp-a")
        if function == "dhcpd.start":
            minions.new_process(minion)
            minions.servers[minion]["process"]["running"] = True
            minions.servers[minion]["relationships"]["foo"].update(state="recover", serves=False)
            return {"result": True, "comment": "started", "new": None}
        return None

    minions.on_act = act
    comment = last(go(run())).comment
    assert "dhcp-b does not serve foo before its partner is back" in comment
    assert "start dhcpd on dhcp-a first (salt dhcp-a dhcpd.start)" in comment


def test_a_server_that_was_through_and_has_died_since_is_started_by_the_same_command(minions, run):
    def while_the_second_is_down(minion, function):
        if (minion, function) == ("dhcp-a", "cmd.run_all"):
            dies(minions, "dhcp-b")

    minions.on_begin = while_the_second_is_down
    first = go(run(command="yum -y update"))
    assert last(first).result is False
    minions.on_begin = lambda minion, function: None
    # It was handed over, and has the older leases: it answers nobody before its partner is back.
    minions.servers["dhcp-a"]["relationships"]["foo"].update(
        state="recover", partner_state="unknown-state", serves=False, connected=False
    )
    minions.servers["dhcp-a"]["process"]["running"] = True
    again = go(run(command="yum -y update", heal=True))
    assert last(again).result is True, last(again).comment
    assert "dhcpd.start dhcp-b" in minions.acts


def test_a_server_that_dies_after_its_turn_is_started_by_the_same_command(minions, run):
    going = run()
    assert all(step.result for step in go(going, until="stop dhcp-a").values())
    minions.servers["dhcp-b"]["process"]["running"] = False
    minions.other("dhcp-b").update(
        state="communications-interrupted", partner_state="normal", connected=False
    )
    minions.acts.clear()
    again = run(heal=True)
    steps = go(again)
    assert all(step.result for step in steps.values()), steps
    assert minions.acts[0] == "dhcpd.start dhcp-b"
    assert minions.acts.count("system.reboot dhcp-b") == 0, "its turn was over"
    assert minions.acts.count("system.reboot dhcp-a") == 1
