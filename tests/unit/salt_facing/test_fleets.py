"""A command about many pairs: planned, agreed to, kept for later, gone on with, its exit code."""

from __future__ import annotations

import time

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import pace
from iscdhcp.fleet import record as records
from iscdhcp.fleet import work
from iscdhcp.pair import locks
from iscdhcp.pair.discovery import Discovery
from iscdhcp.pair.discovery import Pair
from iscdhcp_salt import fleet_requests
from iscdhcp_salt import fleets


class Minions:
    """Nobody's facts are known; ``sites`` are what a grain says."""

    sites = {"a": "north", "b": "north", "c": "south", "d": "south"}

    def __init__(self, opts=None):
        pass

    def status(self, minions, brief=False):
        return {one: {"error": "no answer"} for one in minions}

    def ask(self, minions, function, args=()):
        return {one: {"ret": self.sites[one]} for one in minions}

    def close(self):
        pass


@pytest.fixture
def opts(monkeypatch, tmp_path):
    found = Discovery(pairs=[Pair("foo", "a", "b", 600), Pair("bar", "c", "d", 900)], candidates=4)
    monkeypatch.setattr(fleets, "SaltMinions", Minions)
    monkeypatch.setattr(fleets.discovery, "discover", lambda *args, **more: found)
    monkeypatch.setattr(fleets.terminal, "somebody_is_there", lambda: False)
    return {"cachedir": str(tmp_path), "id": "master", "found": found}


@pytest.fixture
def worked(monkeypatch):
    """Every run is done at once, or what ``outcome`` says; ``records`` are those that were run."""

    class Worked:
        outcome = "done"
        records: list

        def run(self, fleet, record, limits):
            self.records.append(record)
            for unit in record.units:
                unit.state = pace.DONE if self.outcome == "done" else pace.FAILED
            record.outcome, record.comment = self.outcome, "As the test wants it."
            record.ended = time.time()
            record.finished = record.ended if self.outcome == "done" else None
            records.save(fleet.directory, record)
            return record

    one = Worked()
    one.records = []
    monkeypatch.setattr(
        fleets.Fleet, "run", lambda self, record, limits: one.run(self, record, limits)
    )
    return one


def servers(record):
    return [unit.servers for unit in record.units]


def test_a_dry_run_touches_nothing_and_shows_the_plan(opts, worked):
    data, code = fleets.begin(opts, "restart", {"test": True, "at_once": 2})
    assert (code, data["outcome"], worked.records) == (0, "planned", [])
    assert "4 servers of 2 pairs in 2 units, 2 at once" in data["comment"]
    assert records.all_of(fleets.discovery.directory(opts)) == []


def test_all_pairs_are_done_and_sites_come_in_their_order(opts, worked):
    words = {"per": "site", "order": "north", "at_once": 2}
    data, code = fleets.begin(opts, "restart", words, "ann")
    assert (code, data["outcome"]) == (0, "done")
    assert servers(worked.records[0]) == [["b", "a"], ["d", "c"]]
    assert worked.records[0].again == (
        "salt-run dhcp_failover.fleet_restart per=site order=north at_once=2"
    )


@pytest.mark.parametrize(
    "outcome, code", [("failed", 1), ("aborted", 2), ("interrupted", 2), ("window", 2)]
)
def test_the_exit_code_tells_a_failure_from_a_stop(outcome, code):
    record = records.Record("x", "restart", None, "s", "again", "ann", 0.0, [], outcome=outcome)
    assert fleets.code_of(record) == code


def test_the_same_command_goes_on_and_a_new_pair_wants_a_new_plan(opts, worked):
    worked.outcome = "failed"
    fleets.begin(opts, "restart", {})
    worked.outcome = "done"
    opts["found"].pairs.append(Pair("new", "e", "f", 600))
    Minions.sites.update(e="east", f="east")
    with pytest.raises(IscDhcpError, match=r"e and f are not in it.*fresh=True"):
        fleets.begin(opts, "restart", {})
    # Another command is none of its business.
    fleets.begin(opts, "restart", {"method": "drain"})
    opts["found"].pairs.pop()
    # Another pace is the same command.
    fleets.begin(opts, "restart", {"at_once": 3})
    assert worked.records[-1].id == worked.records[0].id
    # What is finished is finished: a new one begins.
    fleets.begin(opts, "restart", {})
    assert worked.records[-1].id != worked.records[0].id


@pytest.mark.parametrize(
    "kind, said",
    [
        ("restart", {"heal": True}),
        ("restart", {"force": "probe", "timeout": 600}),
        ("reboot", {"heal": True, "host_timeout": 1200}),
        ("rollout", {"heal": True, "timeout": 600}),
    ],
)
def test_what_helps_it_through_does_not_make_it_begin_anew(opts, worked, kind, said):
    words = {"source": "salt://dhcp"} if kind == "rollout" else {}
    worked.outcome = "failed"
    fleets.begin(opts, kind, {"yes": True, **words})
    worked.outcome = "done"
    fleets.begin(opts, kind, {"yes": True, **words, **said})
    first, second = worked.records
    assert first.id == second.id
    assert all(f"{word}=" in second.again for word in said)


def test_a_fresh_plan_is_over_the_one_that_is_unfinished(opts, worked, monkeypatch):
    worked.outcome = "failed"
    fleets.begin(opts, "restart", {})
    worked.outcome = "done"
    fleets.begin(opts, "restart", {"fresh": True})
    assert worked.records[-1].fresh and worked.records[-1].id != worked.records[0].id


def test_who_is_refused_changes_nothing(opts, worked):
    """The real lock and begin: another process works on the same command."""
    worked.outcome = "failed"
    fleets.begin(opts, "restart", {})
    directory = fleets.discovery.directory(opts)
    (kept,) = records.all_of(directory)
    fleet = fleets.Fleet(opts, "restart", {"fresh": True})
    record = fleet.plan()
    lock = locks.ServerLocks(records.folder_of(directory) / "locks")
    lock.acquire([record.signature], {"who": "bob", "pair": "fleet", "pid": 1, "since": 0})
    with pytest.raises(locks.Held):
        work.FleetRun(record, directory, pace.Pace(), None, None, "ann").begin(
            False, fleet._still_as_planned
        )
    lock.release()
    assert records.all_of(directory) == [kept]


def test_a_plan_is_not_begun_where_another_process_has_gone_on_with_it(opts, worked):
    worked.outcome = "failed"
    fleets.begin(opts, "restart", {})
    fleet = fleets.Fleet(opts, "restart", {})
    fleet.plan()
    fleet._still_as_planned()
    fleets.begin(opts, "restart", {})
    with pytest.raises(IscDhcpError, match="since the plan was made"):
        fleet._still_as_planned()


def test_a_run_that_was_killed_at_its_very_end_gets_its_end_and_the_next_is_a_new_one(opts, worked):
    fleets.begin(opts, "restart", {})
    directory = fleets.discovery.directory(opts)
    (kept,) = records.all_of(directory)
    kept.finished, kept.outcome = None, "running"
    for unit in kept.units:
        for job in unit.jobs:
            job.state = pace.DONE
    records.save(directory, kept)
    fleets.begin(opts, "restart", {})
    assert worked.records[-1].id == kept.id and records.newest(directory, kept.signature).finished
    fleets.begin(opts, "restart", {})
    assert worked.records[-1].id != kept.id


def test_another_probation_counts_when_it_is_gone_on(opts, worked):
    worked.outcome = "failed"
    fleets.begin(opts, "restart", {"canary": 1})
    fleets.begin(opts, "restart", {"canary": 1, "probation": 5})
    first, again = worked.records
    assert again.id == first.id and again.probation == 5.0


def test_a_person_at_a_terminal_is_asked_and_no_is_no(opts, worked, monkeypatch):
    asked = []
    monkeypatch.setattr(fleets.terminal, "somebody_is_there", lambda: True)
    monkeypatch.setattr(fleets.terminal, "yes", lambda question, check: asked.append(question))
    with pytest.raises(IscDhcpError, match="nothing was touched"):
        fleets.begin(opts, "restart", {})
    assert "foo:a:b: b, then a" in asked[0] and asked[0].endswith("Go ahead?")
    assert len(asked[0].splitlines()) <= 12
    fleets.begin(opts, "restart", {"yes": True})
    fleets.begin(opts, "restart", {"pairs": "foo"})
    assert len(asked) == 1 and len(worked.records) == 2


def test_what_is_kept_for_later_is_done_once_its_time_has_come(opts, worked):
    data, code = fleets.begin(opts, "restart", {"at": "2099-01-01 03:00", "at_once": 2})
    assert (code, data["outcome"], worked.records) == (0, "requested", [])
    assert list(fleet_requests.due(opts, time.time())) == []
    ((request, in_time),) = fleet_requests.due(opts, 4_070_919_600.0 + 86400)
    assert not in_time and request["words"] == {"at_once": 2}
    assert fleet_requests.kept(fleets.discovery.directory(opts)) == []


def test_what_is_kept_for_later_can_be_dropped(opts, worked):
    fleets.begin(opts, "reboot", {"at": "2099-01-01 03:00"})
    (dropped,) = fleet_requests.flush(opts)
    assert dropped["kind"] == "reboot" and fleet_requests.flush(opts) == []


def test_a_rollout_begins_with_one_unit_and_takes_whole_pairs(opts, worked):
    fleets.begin(opts, "rollout", {"sls": "dhcp.config", "exclude": "a"})
    (record,) = worked.records
    assert record.canary == 1 and record.probation == 60.0
    assert [unit.pairs for unit in record.units] == [["bar:c:d"]]
    assert ("foo:a:b", "half") in {(one["name"], one["code"]) for one in record.left_out}


def test_a_password_in_an_address_is_kept_nowhere(opts, worked):
    fleets.begin(opts, "rollout", {"source": "https://ann:geheim@host/x.conf"})
    kept = (fleets.discovery.directory(opts) / "fleet").glob("*.json")
    assert all("geheim" not in path.read_text() for path in kept)
    with pytest.raises(IscDhcpError, match="password"):
        fleets.begin(
            opts, "rollout", {"source": "https://ann:geheim@host/x.conf", "at": "2099-01-01 03:00"}
        )


def test_where_everything_is_left_out_there_is_nothing_to_do(opts, worked):
    data, code = fleets.begin(opts, "restart", {"exclude": "foo,bar"})
    assert (code, data["outcome"]) == (0, "done")
    assert data["comment"].startswith("There is nothing to restart.") and worked.records == []


@pytest.mark.parametrize(
    "words, said",
    [
        ({"until": "soon"}, "until"),
        ({"at": "2020-01-01 00:00"}, "is over"),
        ({"max_failures": 0}, "max_failures"),
        ({"at_once": 0}, "at_once"),
        ({"method": "kill"}, "method"),
        ({"at": "2099-01-02 00:00", "until": "2099-01-01 00:00"}, "before at"),
    ],
)
def test_what_cannot_be_meant_is_refused(opts, worked, words, said):
    with pytest.raises(IscDhcpError, match=said):
        fleets.begin(opts, "restart", words)
    assert worked.records == []
