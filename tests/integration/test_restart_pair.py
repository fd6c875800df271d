"""The main job: both servers of a real pair restarted, one after the other."""

from __future__ import annotations

from stage import STEPS

from lab.dhcp import pair as foo
from lab.waiting import wait_until


def check_good_run(stage, run):
    assert run.returncode == 0, str(run)
    assert [step["id"] for step in run.steps] == STEPS
    assert all(step["result"] is True for step in run.steps), str(run)
    assert stage.dhcp.is_normal()
    seen = stage.seen
    assert stage.restarts == ["dhcp-b", "dhcp-a"], str(seen)
    assert whole_between_the_restarts(seen), str(seen)


def whole_between_the_restarts(seen):
    """Whether both were normal at a moment when only the first one had been restarted."""
    first, second = seen.restarts
    now = {}
    for sighting in seen.sightings:
        now[sighting.host] = (sighting.pid, sighting.state, sighting.partner_state)
        if now == {
            first.host: (first.new_pid, "normal", "normal"),
            second.host: (second.old_pid, "normal", "normal"),
        }:
            return True
    return False


def test_both_servers_are_restarted_one_after_the_other_secondary_first(pair):
    check_good_run(pair, pair.orchestrate())


def test_the_log_alone_is_enough_where_omapi_is_off(install):
    stage = install(foo(), omapi=None)
    status = stage.ask("dhcp-a", "dhcpd.status", brief=True)
    assert status["relationships"]["foo"]["source"] == "log"
    check_good_run(stage, stage.orchestrate(pair="foo"))


def test_the_order_of_the_pillar_is_kept(pair):
    run = pair.orchestrate(pair="dhcp-a", order="primary-first")
    assert run.returncode == 0, str(run)
    assert pair.restarts == ["dhcp-a", "dhcp-b"]


def test_systemd_that_has_seen_too_many_starts_does_not_leave_a_server_down(pair):
    for _ in range(7):
        done = pair.ask("dhcp-b", "dhcpd.restart", force="partner")
        assert done["result"] is True, done
        wait_until(pair.dhcp.is_normal, "the pair is normal again", timeout=20.0)
