"""
Each way to stop a run, at each of its steps, then the same command again: ``make steering-test``.

Both servers are restarted exactly once in all, and never are both down. A sample is in
``test_steering_a_run.py`` and ``test_interruptions.py``.
"""

from __future__ import annotations

import pytest
from iscdhcp.run.orders import Orders
from stage import ORCHESTRATION
from steered import alive
from steered import entries_of
from steered import until_it_writes

from lab.waiting import wait_until

pytestmark = pytest.mark.slow

STEPS = {
    "lock": {"name": "lock"},
    "preflight": {"name": "preflight"},
    "first-restart": {"name": "restart", "server": "dhcp-b"},
    "first-wait": {"name": "wait_normal", "server": "dhcp-b"},
    "second-restart": {"name": "restart", "server": "dhcp-a"},
    "second-wait": {"name": "wait_normal", "server": "dhcp-a"},
    "unlock": {"name": "unlock"},
}
COMMANDS = (ORCHESTRATION, ("dhcp_failover.restart",))


def order(pair, what):
    """What ``dhcp_failover.pause`` and its like do, at once."""
    for _, about in alive(pair):
        Orders(pair.folder / "orders").give(about["attempt"], what, "ann on master", "a test")


def until_it_stands(pair, run):
    """Wait until a run that was told to pause does so; false if it had ended before."""

    def paused():
        return any(entry["what"] == "paused" for entry in entries_of(pair))

    wait_until(lambda: paused() or run.returncode is not None, f"it pauses\n{run}", 40.0)
    return run.returncode is None


def pause_and_resume(pair, run):
    order(pair, "pause")
    if until_it_stands(pair, run):
        order(pair, "resume")
    assert run.wait().returncode == 0, str(run)


def pause_and_abort(pair, run):
    order(pair, "pause")
    if until_it_stands(pair, run):
        order(pair, "abort")
        assert run.wait().returncode == 1, str(run)
        assert "Aborted by ann on master: a test." in run.told
    run.wait()


def pause_and_kill(pair, run):
    order(pair, "pause")
    until_it_stands(pair, run)
    run.end()


def abort(pair, run):
    order(pair, "abort")
    run.wait()
    # It may have come too late, behind the last step.
    assert run.returncode == 0 or "Aborted by ann on master: a test." in run.told, str(run)


def press_ctrl_c(pair, run):
    run.press_ctrl_c()
    run.wait()
    assert "Traceback" not in run.told, str(run)


def kill_the_run(pair, run):
    run.end()


def kill_the_master(pair, run):
    pair.kill_master()
    pair.master.start()
    run.wait(240.0)


WAYS = (
    pause_and_resume,
    pause_and_abort,
    pause_and_kill,
    abort,
    press_ctrl_c,
    kill_the_run,
    kill_the_master,
)
CASES = [
    pytest.param(way, step, COMMANDS[(one + two) % 2], id=f"{way.__name__}-{step}")
    for one, way in enumerate(WAYS)
    for two, step in enumerate(STEPS)
]


@pytest.mark.parametrize("way, step, command", CASES)
def test_both_servers_are_restarted_once_in_all(pair, way, step, command):
    run = pair.begin(*command)
    until_it_writes(pair, run, "step", **STEPS[step])
    way(pair, run)
    if run.returncode != 0:
        again = pair.salt_run(*command, timeout=240.0)
        assert again.returncode == 0, f"{run}\nand then\n{again}"
    assert pair.dhcp.is_normal()
    assert pair.locked == {}
    assert not alive(pair)
    assert not list((pair.folder / "orders").glob("*"))
    assert pair.restarts == ["dhcp-b", "dhcp-a"]
