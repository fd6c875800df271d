"""Which units are begun when: at once, of a site, after the canary, in time, after failures."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from dataclasses import field
from zoneinfo import ZoneInfo

import pytest
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import times
from iscdhcp.fleet.pace import Pace
from iscdhcp.fleet.pace import decide

NOW = 1_700_000_000.0


@dataclass
class Unit:
    state: str = "waiting"
    sites: list = field(default_factory=list)
    seconds: float = 10.0


def units(*states):
    return [Unit(state) for state in states]


def test_as_many_are_begun_as_may_be_under_way():
    assert decide(units("running", "waiting", "waiting"), Pace(at_once=2), NOW).begin == [1]
    assert decide(units(*["waiting"] * 5), Pace(at_once=3), NOW).begin == [0, 1, 2]


def test_of_a_site_one_unit_is_under_way_and_another_site_goes_on():
    there = [Unit("running", ["north"]), Unit("waiting", ["north"]), Unit("waiting", ["south"])]
    assert decide(there, Pace(at_once=5), NOW).begin == [2]


def test_the_canary_goes_alone_and_the_rest_waits_for_its_probation():
    pace = Pace(at_once=5, canary=2)
    assert decide(units(*["waiting"] * 4), pace, NOW).begin == [0]
    assert decide(units("running", "waiting", "waiting"), pace, NOW).begin == []
    assert decide(units("done", "waiting", "waiting"), pace, NOW).begin == [1]
    after = units("done", "done", "waiting", "waiting")
    assert decide(after, pace, NOW).waits == "probation" and not decide(after, pace, NOW).begin
    assert decide(after, pace, NOW, trusted=True).begin == [2, 3]


def test_a_fleet_that_is_all_canary_is_done_after_the_probation_only():
    assert decide(units("done"), Pace(canary=1), NOW).waits == "probation"
    assert decide(units("done"), Pace(canary=1), NOW, trusted=True).outcome == "done"


def test_after_the_canary_a_person_may_want_to_be_asked():
    pace, there = Pace(canary=1, ask=True), units("done", "waiting")
    assert decide(there, pace, NOW, trusted=True).waits == "ask"
    assert decide(there, pace, NOW, trusted=True, gone_on=True).begin == [1]


def test_a_canary_that_failed_ends_it_whatever_may_fail():
    pace = Pace(canary=1, max_failures=9)
    assert decide(units("failed", "waiting"), pace, NOW).outcome == "failed"


@pytest.mark.parametrize("most, begun", [(1, []), (2, [2])])
def test_after_so_many_failures_nothing_new_is_begun(most, begun):
    decision = decide(units("failed", "running", "waiting"), Pace(2, max_failures=most), NOW)
    assert decision.begin == begun
    assert decision.outcome == (None if begun else "failed")


def test_a_failure_below_the_limit_is_told_at_the_end():
    assert decide(units("failed", "done"), Pace(max_failures=5), NOW).outcome == "failed"


def test_a_unit_that_does_not_fit_is_not_begun_and_a_shorter_one_is():
    there = [Unit(seconds=100), Unit(seconds=10)]
    assert decide(there, Pace(until=NOW + 50), NOW).begin == [1]
    assert decide(there, Pace(until=NOW + 5), NOW).outcome == "window"
    there[1].state = "running"
    assert decide(there, Pace(at_once=2, until=NOW + 50), NOW).outcome == "window"


def test_before_the_window_it_waits_and_in_it_units_are_begun():
    window = times.window("window", "22:00-05:00")
    opens, closes = window.around(NOW)
    pace = Pace(window=window)
    assert decide(units("waiting"), pace, opens - 60).opens == opens
    assert decide(units("waiting"), pace, opens + 60).begin == [0]
    assert decide(units("waiting"), pace, closes - 5).outcome == "window"


# -- what people say -------------------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")


def at(*wall):
    return datetime.datetime(*wall, tzinfo=BERLIN).timestamp()


def test_a_time_of_day_is_the_next_one():
    now = at(2026, 11, 27, 23, 0)
    assert times.moment("until", "05:00", now, BERLIN) == at(2026, 11, 28, 5, 0)
    assert times.moment("until", "23:30", now, BERLIN) == at(2026, 11, 27, 23, 30)
    # What the shell's 22:30 is once Salt has read it as YAML.
    assert times.moment("until", 1350, now, BERLIN) == at(2026, 11, 28, 22, 30)
    assert times.moment("at", "2026-12-01T22:00", now, BERLIN) == at(2026, 12, 1, 22, 0)


@pytest.mark.parametrize("value", ["25:00", "soon", 99999, True, "2026-11-01 10:00", ["22:00"]])
def test_a_time_that_cannot_be_meant_is_refused_with_its_word(value):
    with pytest.raises(IscDhcpError, match="until"):
        times.moment("until", value, at(2026, 11, 27, 23, 0), BERLIN)


@pytest.mark.parametrize("value", ["22:00", "22-05", "05:00-05:00", 1350, "a-b"])
def test_a_window_that_cannot_be_meant_is_refused(value):
    with pytest.raises(IscDhcpError, match="window"):
        times.window("window", value)


def test_a_window_over_midnight_is_open_on_both_sides_of_it():
    window = times.window("window", "22:00-05:00")
    for now in (at(2026, 11, 27, 23, 0), at(2026, 11, 28, 4, 59)):
        assert window.around(now, BERLIN) == (at(2026, 11, 27, 22, 0), at(2026, 11, 28, 5, 0))
    assert window.around(at(2026, 11, 28, 5, 1), BERLIN)[0] == at(2026, 11, 28, 22, 0)


def test_a_window_in_the_night_in_which_clocks_change_keeps_its_times():
    # 2026-10-25: at 03:00 summer time it is 02:00 again.
    window = times.window("window", "01:00-04:00")
    opens, closes = window.around(at(2026, 10, 25, 1, 30), BERLIN)
    assert closes - opens == 4 * 3600


def test_a_moment_is_told_with_its_zone_and_in_utc():
    assert times.told(at(2026, 11, 28, 0, 30), BERLIN) == (
        "2026-11-28 00:30 CET (2026-11-27 23:30 UTC)"
    )
