"""
The maintenance of a pair's hosts, step by step: what is done, undone, and gone on with.

The minions are a fake, as in the tests of the engine: hosts that stay away, answers that get lost.
"""

from __future__ import annotations

from functools import partial

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.errors import IscDhcpError
from iscdhcp.files import read_json
from iscdhcp.run import reboot
from iscdhcp.run.orders import Interrupted
from iscdhcp.run.reboot import PairReboot
from iscdhcp.run.reboot import RebootRequest

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


def maintenance(minions, folder, **request):
    """A run of maintenance over the pair."""
    wanted = RebootRequest(host_timeout=600.0, **request)
    return new_run(PairReboot, minions, folder, wanted)


@pytest.fixture
def run(minions, tmp_path):
    return partial(maintenance, minions, tmp_path)


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
