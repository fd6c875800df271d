"""A fleet run over pairs in memory: threads, failures, orders, a kill, going on."""

from __future__ import annotations

import errno
import threading
import time

import pytest
from fake_minions import FakeMinions
from fake_minions import discovery
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import pace
from iscdhcp.fleet import plan as plans
from iscdhcp.fleet import record as records
from iscdhcp.fleet.work import FleetRun
from iscdhcp.pair.discovery import Pair
from iscdhcp.pair.locks import Held
from iscdhcp.rules.verdict import Reason
from iscdhcp.rules.verdict import Verdict
from iscdhcp.run import journal
from iscdhcp.run import restart
from iscdhcp.run.base import Request
from iscdhcp.run.orders import Interrupted
from iscdhcp.run.orders import Orders
from iscdhcp.run.orders import order_run


class Trust:
    def __init__(self, verdict="yes"):
        self.verdict = verdict

    def look(self, over):
        reasons = (Reason.of("down", server="dhcp-a"),) if self.verdict == "no" else ()
        return Verdict(self.verdict, reasons)

    def close(self):
        pass


class Fleet:
    """Pairs named p0, p1 ... each with the two servers of :class:`FakeMinions`."""

    def __init__(self, folder, number=4, **pace_words):
        self.folder, self.number = folder, number
        self.minions = {f"p{one}": FakeMinions() for one in range(number)}
        self.pace = pace.Pace(**pace_words)
        self.trust, self.made = Trust(), []
        self.at_once, self.most = 0, 0
        self._count = threading.Lock()
        self.record = self.new_record()

    def new_record(self):
        units = [
            records.UnitRecord(
                name=name,
                pairs=[name],
                servers=["dhcp-b", "dhcp-a"],
                jobs=[records.Job(name, order=["dhcp-b", "dhcp-a"])],
            )
            for name in self.minions
        ]
        return records.Record(
            id="f1", kind="restart", task=None, signature="s", again="salt-run again", who="ann",
            begun=time.time(), units=units, canary=self.pace.canary, probation=0.0,
        )  # fmt: skip

    def folder_of(self, name):
        # The fake servers of all pairs have the same names: each pair has locks of its own.
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def make(self, job):
        name = job.pair
        minions = self.minions[name]
        found = discovery()
        run = restart.PairRun(
            found.pairs[0], found, minions, self.folder_of(name), "ann",
            Request(order=",".join(job.order)), clock=minions.clock,
        )  # fmt: skip
        run.orders.directory = self.folder / "orders"
        self.made.append(name)
        return run

    def run(self):
        return FleetRun(
            self.record, self.folder, self.pace, self.make, lambda servers: self.trust, "ann"
        )

    def go(self, continued=False):
        fleet = self.run()
        fleet.begin(continued)
        return fleet.go()


@pytest.fixture
def fleet(tmp_path):
    return lambda **words: Fleet(tmp_path, **words)


def states(record):
    return [unit.state for unit in record.units]


def test_all_units_are_done_and_each_server_is_restarted_once(fleet):
    there = fleet(at_once=3)
    done = there.go()
    assert (done.outcome, states(done)) == ("done", ["done"] * 4), done.comment
    assert [one.acts for one in there.minions.values()] == [["dhcp-b", "dhcp-a"]] * 4
    assert done.finished and records.unfinished(there.folder, "s", time.time()) is None


def test_one_that_fails_is_named_and_nothing_new_is_begun(fleet):
    there = fleet(at_once=1)
    there.minions["p1"].silent = {"dhcp-a"}
    done = there.go()
    assert states(done) == ["done", "failed", "waiting", "waiting"]
    assert done.outcome == "failed" and "p1" in done.comment and "Not begun: p2" in done.comment
    assert done.comment.endswith("To go on: salt-run again")


def test_with_more_failures_allowed_the_rest_is_done(fleet):
    there = fleet(at_once=2, max_failures=2)
    there.minions["p1"].silent = {"dhcp-a"}
    done = there.go()
    assert states(done) == ["done", "failed", "done", "done"] and done.outcome == "failed"


def test_the_same_command_tries_what_failed_and_restarts_nothing_twice(fleet):
    there = fleet(at_once=1)
    there.minions["p1"].silent = {"dhcp-a"}
    there.go()
    there.minions["p1"].silent = set()
    there.record = records.unfinished(there.folder, "s", time.time())
    records.take_up(there.record, there.folder / "runs")
    done = there.go(continued=True)
    assert states(done) == ["done"] * 4
    assert [one.acts for one in there.minions.values()] == [["dhcp-b", "dhcp-a"]] * 4


def test_a_process_killed_after_a_units_end_does_not_restart_it_again(fleet):
    there = fleet(number=1)
    done = there.go()
    # It was killed before it could note that the unit was through.
    (unit,) = done.units
    unit.state, unit.jobs[0].state, done.finished, done.outcome = (
        "running",
        "running",
        None,
        "running",
    )
    unit.jobs[0].pair = "foo:dhcp-a:dhcp-b"
    records.save(there.folder, done)
    again = records.unfinished(there.folder, "s", time.time())
    records.take_up(again, there.folder / "p0" / "runs")
    assert states(again) == ["done"]
    # Without its run's record it is not known to be through.
    again.units[0].jobs[0].state = "running"
    again.units[0].jobs[0].run = "another"
    records.take_up(again, there.folder / "p0" / "runs")
    assert again.units[0].jobs[0].state == "waiting"


def test_the_runs_id_is_on_disk_before_its_first_act(fleet):
    there, seen = fleet(number=1), []
    minions = there.minions["p0"]
    normal = minions.new_process

    def look_and_restart(minion):
        (kept,) = records.all_of(there.folder)
        seen.append((kept.units[0].jobs[0].state, bool(kept.units[0].jobs[0].run)))
        return normal(minion)

    minions.on_restart = look_and_restart
    there.go()
    assert seen == [("running", True)] * 2


def test_the_rest_is_not_begun_where_the_canary_does_not_stay_good(fleet):
    there = fleet(at_once=4, canary=1)
    there.record.probation = 0.1
    there.trust = Trust("no")
    done = there.go()
    assert states(done) == ["done", "waiting", "waiting", "waiting"]
    assert done.outcome == "failed" and "canary did not stay good" in done.comment


def test_a_canary_that_stays_good_lets_the_rest_go_on(fleet):
    there = fleet(at_once=4, canary=1)
    there.record.probation = 0.1
    assert there.go().outcome == "done"
    assert there.record.trusted and there.made[0] == "p0"


def ordered(there, order, once):
    """Give an order from another thread once ``once()`` is true; return its answer's holder."""
    answers = []

    def give():
        deadline = time.monotonic() + 30
        while not once() and time.monotonic() < deadline:
            time.sleep(0.01)
        answers.append(order_run(there.folder, order, "bob", "lunch", None))

    thread = threading.Thread(target=give)
    thread.start()
    return thread, answers


def paused(there):
    alive = journal.alive(there.folder / "journal")
    return any(e["what"] == "paused" for path, _ in alive for e in journal.read(path))


def test_after_the_canary_it_waits_for_a_person(fleet):
    there = fleet(at_once=4, canary=1, ask=True)
    thread, answers = ordered(there, "resume", lambda: paused(there))
    done = there.go()
    thread.join()
    assert answers[0]["result"] and done.outcome == "done" and done.gone_on


def test_an_abort_ends_it_and_the_same_command_goes_on(fleet):
    there = fleet(at_once=1, canary=1, ask=True)
    thread, answers = ordered(there, "abort", lambda: paused(there))
    done = there.go()
    thread.join()
    assert answers[0]["result"] and done.outcome == "aborted"
    assert "Aborted by bob: lunch" in done.comment
    assert states(done) == ["done", "waiting", "waiting", "waiting"]
    records.take_up(done, there.folder / "runs")
    there.record, there.pace = done, pace.Pace(at_once=4, canary=1)
    assert there.go(continued=True).outcome == "done"
    # Three at once: which of them is made first is nobody's business.
    assert (there.made[0], sorted(there.made)) == ("p0", ["p0", "p1", "p2", "p3"])


def test_a_signal_ends_it_at_a_moment_that_leaves_nothing_half_done(fleet):
    there = fleet(at_once=1)
    fleet_run = there.run()
    fleet_run.begin(False)

    def check():
        if there.record.units[0].state == "done":
            raise Interrupted("SIGTERM")

    fleet_run.check = check
    done = fleet_run.go()
    assert done.outcome == "interrupted" and done.comment.startswith("Interrupted (SIGTERM).")
    assert "running" not in states(done) and done.units[3].state == "waiting"


def test_the_same_command_twice_is_refused_while_one_is_under_way(fleet):
    there = fleet()
    first = there.run()
    first.begin(False)
    with pytest.raises(Held, match="ann"):
        there.run().begin(False)
    first.go()


def test_an_error_of_ours_in_one_unit_leaves_the_others_alone(fleet):
    there = fleet(at_once=1, max_failures=9)
    make = there.make
    there.make = lambda job: 1 / 0 if job.pair.startswith("p1") else make(job)
    done = there.go()
    assert states(done) == ["done", "failed", "done", "done"]
    assert "ZeroDivisionError" in done.units[1].comment


def test_a_full_disk_on_the_master_begins_nothing_new_and_says_what_to_do(fleet, monkeypatch):
    there = fleet(at_once=1)
    save = records.save

    def full(directory, record):
        # A fake: a disk that is full from the first unit's end on.
        if record.units[0].state != "waiting" and there.minions["p0"].acts:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(directory, record)

    monkeypatch.setattr(records, "save", full)
    done = there.go()
    assert there.made == ["p0"] and there.minions["p0"].acts == ["dhcp-b", "dhcp-a"]
    assert done.outcome == "failed" and "No space left on device" in done.comment
    assert "make room there, and give the same command again" in done.comment
    assert not there.run()._mine.owner("s"), "its lock was kept"


def test_a_plan_that_is_old_once_it_is_locked_touches_nothing(fleet):
    there = fleet()
    one = there.run()

    def somebody_was_here():
        raise IscDhcpError("Another process has gone on with this.")

    with pytest.raises(IscDhcpError):
        one.begin(False, somebody_was_here)
    assert records.all_of(there.folder) == [] and there.made == []
    assert there.go().outcome == "done", "its lock was kept"


def test_an_abort_that_was_tidied_away_before_a_run_could_hear_it_is_given_again(fleet):
    there = fleet(number=1)
    one, orders = there.run(), Orders(there.folder / "orders")

    class Run:
        attempt = "young"

    Run.orders = orders
    one.active[0] = Run
    one._forward("abort", {"who": "bob", "why": ""})
    orders.prune([])
    one._forward("abort", {"who": "bob", "why": ""})
    assert orders.get("young")["order"] == "abort"
    # Whom a person has let go on is not held again.
    orders.give("young", "pause", "bob")
    one._forwarded.add("pause young")
    orders.give("young", "resume", "ann")
    one._forward("pause", {"who": "bob", "why": ""})
    assert orders.get("young")["order"] == "resume"


# -- plans -----------------------------------------------------------------------------------------


def test_a_hub_goes_server_by_server_and_a_pair_as_a_pair():
    pairs = [Pair("foo", "hub", "s1"), Pair("bar", "hub", "s2"), Pair("solo", "a", "b")]
    made = plans.plan(plans.plan_units(pairs, {"hub", "s1", "s2", "a", "b"}))
    by_name = {unit.name: unit for unit in records.units_of(made, "restart")}
    solo = by_name["solo:a:b"]
    assert [(job.pair, job.server, job.order) for job in solo.jobs] == [
        ("solo:a:b", None, ["b", "a"])
    ]
    hub = next(unit for unit in by_name.values() if "hub" in unit.servers)
    assert [job.server for job in hub.jobs] == ["s1", "s2", "hub"]


def test_a_rollout_takes_a_hub_pair_by_pair():
    pairs = [Pair("foo", "hub", "s1"), Pair("bar", "hub", "s2")]
    made = plans.plan(plans.plan_units(pairs, {"hub", "s1", "s2"}))
    (unit,) = records.units_of(made, "rollout")
    assert [(job.pair, job.order) for job in unit.jobs] == [
        ("foo:hub:s1", ["s1", "hub"]),
        ("bar:hub:s2", ["s2", "hub"]),
    ]


def test_a_plan_that_would_be_another_one_now_is_told(tmp_path):
    record = Fleet(tmp_path, number=2).record
    record.units[0].pairs, record.units[1].pairs = ["foo:dhcp-a:dhcp-b"], ["p1"]
    found = discovery()
    told = records.differences(record, {"dhcp-a", "dhcp-b", "new"}, found, False)
    assert told == ["new is not in it", "p1 is no pair now"]
    both = discovery()
    record.units[1].pairs = ["foo:dhcp-a:dhcp-b"]
    assert records.differences(record, {"dhcp-a"}, both, False) == ["dhcp-b would be left out now"]
    # What is pending becomes less by the run itself.
    assert records.differences(record, {"dhcp-a"}, both, True) == []
