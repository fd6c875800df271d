"""The steps that a kind of run lists are those of its orchestration, in the same order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_minions import FakeMinions
from fake_minions import new_run
from iscdhcp.run import reboot
from iscdhcp.run import restart
from iscdhcp.run import rollout
from iscdhcp.run.base import Request

ORCH = Path(__file__).resolve().parents[3] / "orch"
#: The state of a step, by its method.
STATES = {
    "preflight": "preflight",
    "restart": "server_restarted",
    "wait_normal": "pair_normal",
    "stop": "server_stopped",
    "maintain": "host_maintained",
    "serve": "server_serves",
    "stage": "configuration_checked",
    "configure": "server_configured",
    "prove": "server_proved",
    "agree": "configurations_agree",
}
KINDS = [
    ("restart", restart.PairRun, Request, "locked"),
    ("reboot", reboot.PairReboot, reboot.RebootRequest, "reboot_locked"),
    ("rollout", rollout.Rollout, rollout.RolloutRequest, "rollout_locked"),
]


@pytest.mark.parametrize("name, kind, request_of, lock", KINDS)
def test_an_orchestration_takes_the_steps_that_its_run_lists(
    name, kind, request_of, lock, tmp_path
):
    run = new_run(kind, FakeMinions(), tmp_path, request_of())
    methods = [getattr(one.act, "func", one.act).__name__ for one in run.steps()]
    listed = [lock if method == "lock" else STATES[method] for method in methods]
    text = (ORCH / f"dhcp_failover_{name}.sls").read_text(encoding="utf-8")
    states = re.findall(r"^ {2}dhcp_failover\.(\w+):", text, re.MULTILINE)
    before, loop, after = re.match(
        r"(.*?)(?:{%- for which.*?%}(.*?){%- endfor %}(.*))?$", text, re.DOTALL
    ).groups()
    if loop:
        states = [
            one
            for part in (before, loop, loop, after)
            for one in re.findall(r"^ {2}dhcp_failover\.(\w+):", part, re.MULTILINE)
        ]
    assert states == [*listed, "unlocked"]
