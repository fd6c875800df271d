"""The examples of docs/access.md on a real master: what they expose works, the rest is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import salt.client
import salt.config
import salt.exceptions
import salt.loader
import salt.runner
from examples import example

from lab.isolation import CHECKOUT

pytestmark = pytest.mark.slow


def as_runner(world, user, function, **kwarg):
    """Call a runner as a user of external_auth, through the master; its answer."""
    low = {"fun": function, "username": user, "password": "x", "eauth": "auto", "kwarg": kwarg}
    # As salt-run -a does it: not in this process, but by the master.
    opts = salt.config.client_config(str(world.salt.config_dir / "master"))
    with salt.runner.RunnerClient(opts) as client:
        return client.cmd_sync(low, timeout=60)


def test_an_operator_may_restart_and_may_not_orchestrate(world):
    before = world.processes()
    assert "foo:dhcp-a:dhcp-b" in str(as_runner(world, "operator", "dhcp_failover.status"))
    answer = as_runner(world, "operator", "dhcp_failover.restart", pair="foo")
    assert "restarted" in str(answer), answer
    after = world.processes()
    assert all(after[name] != before[name] for name in before)
    for function, kwarg in (
        ("state.orchestrate", {"mods": "orch.dhcp_failover_restart"}),
        ("state.orch", {"mods": "orch.dhcp_failover_restart"}),
        ("salt.cmd", {"fun": "cmd.run", "cmd": "id"}),
        ("salt.execute", {"tgt": "*", "fun": "test.ping"}),
        ("dhcp_failover.partner_down", {"pair": "foo", "dead": "dhcp-b"}),
        ("dhcp_failover.repair_leases", {"server": "dhcp-b"}),
        ("dhcp_failover.report", {"file": "/run/report.html"}),
    ):
        with pytest.raises(salt.exceptions.SaltException) as refused:
            as_runner(world, "operator", function, **kwarg)
        assert "uth" in str(refused.value), refused.value
    assert world.processes() == after


def test_a_watcher_may_look_and_not_restart(world):
    before = world.processes()
    assert "foo:dhcp-a:dhcp-b" in str(as_runner(world, "watcher", "dhcp_failover.pairs"))
    for function in ("preflight", "plan", "doctor", "drift"):
        answer = as_runner(world, "watcher", f"dhcp_failover.{function}", pair="foo")
        assert "dhcp-b" in str(answer), answer
    assert "foo" in str(as_runner(world, "watcher", "dhcp_failover.history"))
    for function in ("restart", "hold", "release", "request", "pause", "abort", "partner_down"):
        with pytest.raises(salt.exceptions.SaltException):
            as_runner(world, "watcher", f"dhcp_failover.{function}", pair="foo")
    with pytest.raises(salt.exceptions.SaltException):
        as_runner(world, "nobody-known", "dhcp_failover.pairs")
    assert world.processes() == before


def test_a_user_of_publisher_acl_may_ask_and_not_act(world):
    with salt.client.get_local_client(mopts=dict(world.opts)) as client:
        client.salt_user = "nobody"
        # What salt itself reads when that user runs it.
        client.key = Path(world.opts["cachedir"], ".nobody_key").read_text()
        answer = client.cmd("dhcp-a", "dhcpd.failover_state", timeout=20)
        assert answer["dhcp-a"]["foo"]["state"] == "normal", answer
        for function, arguments in (
            ("dhcpd.restart", []),
            ("dhcpd.stop", []),
            ("cmd.run", ["id"]),
            ("state.apply", []),
            ("test.ping", []),
        ):
            with pytest.raises(salt.exceptions.SaltException):
                client.cmd("dhcp-a", function, arguments, timeout=5)
        with pytest.raises(salt.exceptions.SaltException):
            client.cmd("ctl", "dhcpd.failover_state", timeout=5)


def test_every_function_of_the_project_is_listed_or_left_out_on_purpose(world):
    functions = set(salt.loader.runner(world.opts))
    ours = {name for name in functions if name.startswith("dhcp_failover.")}
    acl = example("external_auth")["pam"]
    operators = set(acl["operators%"][0]["@runner"])
    watchers = set(acl["watchers%"][0]["@runner"])
    assert watchers < operators <= ours
    text = (CHECKOUT / "docs/access.md").read_text()
    (left_out,) = re.findall(r"Left out on purpose: (.*?)\. Who may", text, re.DOTALL)
    named = {f"dhcp_failover.{name}" for name in re.findall(r"`(\w+)`", left_out)}
    # It only looks on in a terminal, which external_auth has none of.
    assert ours - operators == (named & ours) | {"dhcp_failover.watch"}
