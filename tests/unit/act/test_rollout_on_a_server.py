"""
A rollout as one server lives it: what it would forget, when it is proved, how it is taken back.

dhcpd is a model; configuration, lease file and notes are real files.
"""

from __future__ import annotations

import os
import time

import pytest
from iscdhcp.act import configuring
from iscdhcp.act import previous
from iscdhcp.act import restarting
from iscdhcp.act import stage as act_stage
from iscdhcp.errors import StagingError
from iscdhcp.facts import survey

LEASE = """lease {address} {{
  starts 5 {starts};
  ends 5 {ends};
  cltt 5 {starts};
  binding state {state};
  hardware ethernet 02:00:00:00:00:01;
}}
"""


def dated(epoch):
    return time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(epoch))


def lease(here, address, state="active", left=600.0):
    now = here.host.clock.time()
    return LEASE.format(
        address=address, state=state, starts=dated(now - 60), ends=dated(now + left)
    )


def write_leases(here, *leases):
    here.folder.joinpath("dhcpd.leases").write_text("".join(leases))


@pytest.fixture
def main(here):
    return here.folder / "dhcpd.conf"


def put_on_stage(here, main, old, new, run="r1", test=False, probation=0.0):
    text = main.read_text()
    assert old in text
    found = act_stage.candidate_beside(str(main))
    with open(found, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    candidates = {str(main): found}
    return configuring.put_on_stage(here, here.server(), run, candidates, test, probation)


def take_back(here, main, run="r2", of="r1"):
    candidates, told = previous.candidates(here, str(main), of)
    answer = configuring.put_on_stage(here, here.server(), run, candidates, False, 0.0, of)
    return answer, told


# -- leases that no new range holds --------------------------------------------------------------


@pytest.mark.parametrize(
    "state, left, counted",
    [("active", 600, 1), ("active", -5, 0), ("free", 600, 0), ("abandoned", 600, 0)],
)
def test_leases_that_clients_have_and_no_new_range_holds_are_counted(
    here, main, state, left, counted
):
    write_leases(
        here, lease(here, "10.0.0.12", state, left), lease(here, "10.0.0.18"), "# and a comment\n"
    )
    answer = put_on_stage(here, main, "range 10.0.0.10 ", "range 10.0.0.15 ", test=True)
    assert answer["forgotten"]["leases"] == counted
    assert answer["forgotten"]["named"] == ["10.0.0.12"] * counted


@pytest.mark.parametrize(
    "pool",
    [
        "range 10.0.0.10 10.0.0.14; pool {",
        "pool { range dynamic-bootp 10.0.0.14 10.0.0.10; } pool {",
    ],
)
def test_a_range_that_no_relationship_shares_holds_its_leases_too(here, main, pool):
    write_leases(here, lease(here, "10.0.0.12"))
    main.write_text(main.read_text().replace("range 10.0.0.10 ", "range 10.0.0.15 "))
    answer = put_on_stage(here, main, "pool {", pool, test=True)
    assert answer["why"]
    assert answer["forgotten"] == {"leases": 0, "named": [], "unknown": None}


def test_a_subnet_that_goes_takes_its_leases_along(here, main):
    write_leases(here, lease(here, "10.0.0.12"), lease(here, "10.0.0.18"))
    answer = put_on_stage(here, main, "10.0.0.", "10.0.1.", test=True)
    assert answer["forgotten"]["named"] == ["10.0.0.12", "10.0.0.18"]


def test_a_change_that_restarts_nothing_forgets_nothing(here, main):
    write_leases(here, lease(here, "10.9.9.9"))
    here.notes.keep_parsed(here.server(), here.host.running.identity, 0.0)
    answer = put_on_stage(here, main, "secondary;", "secondary; # b\n", test=True)
    assert answer["why"] is None and answer["forgotten"] is None


def test_a_lease_file_that_can_not_be_read_is_not_one_without_leases(here, main):
    here.folder.joinpath("dhcpd.leases").unlink()
    answer = put_on_stage(here, main, "range 10.0.0.10 ", "range 10.0.0.15 ", test=True)
    assert "can't be read" in answer["forgotten"]["unknown"]


def test_ranges_that_were_changed_on_disk_without_a_rollout_are_looked_at_too(here, main):
    write_leases(here, lease(here, "10.0.0.12"))
    assert survey.to_be_forgotten(here.server()) is None, "it runs with what is on disk"
    main.write_text(main.read_text().replace("range 10.0.0.10 ", "range 10.0.0.15 "))
    later = here.host.clock.time() + 10
    os.utime(main, (later, later))
    assert survey.to_be_forgotten(here.server())["named"] == ["10.0.0.12"]


# -- proved --------------------------------------------------------------------------------------


def prepared(here, main, probation):
    put_on_stage(here, main, "omapi-port", "max-lease-time 900;\nomapi-port", probation=probation)
    here.notes.stage.apply("r1")
    here.host.clock.sleep(1)
    here.host.running = here.host._born(101, here.host.clock.time())


def test_new_files_are_proved_once_their_probation_is_over(here, main):
    prepared(here, main, 60.0)
    here.host.clock.sleep(59)
    assert not configuring.proved(here, here.server())
    here.host.clock.sleep(2)
    assert configuring.proved(here, here.server())
    assert here.notes.stage.record["proved"]


def test_what_is_staged_during_a_probation_does_not_move_the_way_back(here, main):
    old = main.read_text()
    prepared(here, main, 60.0)
    put_on_stage(here, main, "900", "901", run="r2")
    here.notes.stage.apply("r2")
    here.notes.stage.roll_back("r2")
    assert main.read_text() == old


def test_without_a_probation_normal_is_enough(here, main):
    prepared(here, main, 0.0)
    assert configuring.proved(here, here.server())


@pytest.mark.parametrize("before", ["unproved", "proved"])
@pytest.mark.parametrize("dies_in", ["apply", "roll_back"])
def test_files_of_a_call_that_died_among_them_are_not_proved(
    here, main, monkeypatch, dies_in, before
):
    prepared(here, main, 0.0)
    if before == "proved":
        here.notes.stage.prove()
    if dies_in == "apply":
        put_on_stage(here, main, "900", "901", run="r2")

    def dies(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(act_stage, "copy", dies)
    with pytest.raises(KeyboardInterrupt):
        getattr(here.notes.stage, dies_in)("r2" if dies_in == "apply" else "r1")
    assert not configuring.proved(here, here.server())


# -- taken back ----------------------------------------------------------------------------------


def finished(here, main, old="range 10.0.0.10 ", new="range 10.0.0.15 "):
    put_on_stage(here, main, old, new)
    here.notes.stage.apply("r1")
    here.notes.stage.prove()


def test_the_files_from_before_a_rollout_come_back_and_forth(here, main):
    first = main.read_text()
    finished(here, main)
    second = main.read_text()
    answer, told = take_back(here, main)
    assert (
        '+  pool { failover peer "foo"; range 10.0.0.10 10.0.0.20; }'
        in (answer["files"][str(main)])
    )
    assert told == []
    here.notes.stage.apply("r2")
    assert main.read_text() == first
    here.notes.stage.prove()
    take_back(here, main, "r3", "r2")
    here.notes.stage.apply("r3")
    assert main.read_text() == second


def test_another_runs_files_are_not_taken_back(here, main):
    finished(here, main)
    assert previous.candidates(here, str(main), "r0") == ({}, [])
    here.notes.stage.roll_back("r1")
    assert previous.candidates(here, str(main), "r1") == ({}, [])


def test_a_way_back_that_was_begun_and_died_goes_on(here, main):
    """Its run was killed when its partner was through, and this server had them on its stage."""
    first = main.read_text()
    finished(here, main)
    take_back(here, main)
    take_back(here, main)
    here.notes.stage.apply("r2")
    assert main.read_text() == first


@pytest.mark.parametrize("gives_up", ["clear", "roll_back"])
def test_what_is_not_gone_through_with_leaves_the_way_back_of_before(here, main, gives_up):
    first = main.read_text()
    finished(here, main)
    put_on_stage(here, main, "range 10.0.0.15 ", "range 10.0.0.16 ", run="r2")
    if gives_up == "clear":
        here.notes.stage.clear()
    else:
        here.notes.stage.apply("r2")
        here.notes.stage.roll_back("r2")
    take_back(here, main, "r3")
    here.notes.stage.apply("r3")
    assert main.read_text() == first


def test_a_change_that_somebody_has_made_since_is_named(here, main):
    finished(here, main)
    main.write_text(main.read_text() + "max-lease-time 77;\n")
    answer, told = take_back(here, main)
    assert "this change is lost too" in told[0]
    assert "-max-lease-time 77;" in answer["files"][str(main)]


def test_a_backup_that_is_gone_is_named_and_nothing_is_left(here, main):
    finished(here, main)
    for one in here.folder.glob("dhcpd.conf.backup-*"):
        one.unlink()
    before = sorted(here.folder.iterdir())
    with pytest.raises(StagingError, match=r"the backup .* is gone"):
        previous.candidates(here, str(main), "r1")
    assert sorted(here.folder.iterdir()) == before


def test_a_file_that_the_rollout_added_is_left_unread(here, main):
    old = main.read_text()
    more = here.folder / "more.conf"
    found = {}
    for target, text in ((main, f'include "{more}";\n{old}'), (more, "max-lease-time 900;\n")):
        found[str(target)] = act_stage.candidate_beside(str(target))
        with open(found[str(target)], "w", encoding="utf-8") as file:
            file.write(text)
    configuring.put_on_stage(here, here.server(), "r1", found, False)
    here.notes.stage.apply("r1")
    here.notes.stage.prove()
    answer, _ = take_back(here, main)
    assert list(answer["files"]) == [str(main)]
    here.notes.stage.apply("r2")
    assert main.read_text() == old and more.exists()


def test_leases_of_a_range_that_comes_back_come_back_with_it(here, main):
    """The rollout was forced; the clients have their addresses still."""
    kept, lost = lease(here, "10.0.0.18"), lease(here, "10.0.0.12")
    write_leases(here, kept, lost)
    start = {"result": True, "comment": "started", "new": {"pid": 7}}
    service = here.service()
    put_on_stage(here, main, "range 10.0.0.10 ", "range 10.0.0.15 ")
    here.host.running = None
    assert restarting.start_with_staged(here, "r1", service, None, lambda: dict(start))["result"]
    write_again(here, kept)
    here.notes.stage.prove()
    take_back(here, main)
    assert restarting.start_with_staged(here, "r2", service, None, lambda: dict(start))["result"]
    text = here.folder.joinpath("dhcpd.leases").read_text()
    assert "lease 10.0.0.12 {" in text and text.count("lease 10.0.0.18 {") == 1


def write_again(here, text):
    """As dhcpd does at its start: a new file in the place of the old one."""
    new = here.folder / "dhcpd.leases.new"
    new.write_text(text)
    new.replace(here.folder / "dhcpd.leases")
