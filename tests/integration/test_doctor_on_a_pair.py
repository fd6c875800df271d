"""What an operator sees before and after a trouble: status, preflight, plan, doctor."""

from __future__ import annotations

import json

from stage import Command
from test_troubles import FOO
from test_troubles import blocked
from test_troubles import is_named

from lab.isolation import BIN
from lab.waiting import wait_until


def at_the_terminal(stage, *arguments):
    """``salt-run ARGUMENTS`` as a person types it, on a terminal of some width."""
    salt_run = BIN / "salt-run"
    # Readline in pytest's own process gives its children 80.
    return Command(
        ["env", "COLUMNS=120", salt_run, "-c", stage.master.config_dir, *arguments]
    ).wait()


def test_status_and_plan_are_tables_for_people_and_data_for_programs(pair):
    run = at_the_terminal(pair, "--force-color", "dhcp_failover.status")
    assert run.returncode == 0, str(run)
    head, *rows = run.stdout.splitlines()
    assert "PAIR" in head and "SERVER" in head and "BACKUP" in head, run.stdout
    assert ["dhcp-a" in rows[0], "dhcp-b" in rows[1]] == [True, True], run.stdout
    shown = json.loads(pair.salt_run("dhcp_failover.status").stdout)
    assert list(shown) == [FOO]
    free = shown[FOO]["dhcp-a"]["pools"][0]["free"]
    # The two share the pool of 4,096 and move leases when they differ by more than
    # "max lease misbalance", 15 % of it by default.
    assert abs(free - 2048) <= 0.15 * 4096, "half of the pool, as near as dhcpd keeps it"
    assert rows[0].count("normal") == 2 and str(free) in rows[0] and "15 s" in rows[0], run.stdout
    assert "\x1b[0;32m" in rows[0]
    assert abs(shown[FOO]["dhcp-a"]["clock"]) < 1.0

    run = at_the_terminal(pair, "dhcp_failover.plan", "method=drain")
    assert run.returncode == 0, str(run)
    assert "by drain: dhcp-b, then dhcp-a;" in run.stdout, run.stdout
    assert "METHOD" in run.stdout and "* drain" in run.stdout and "\x1b" not in run.stdout
    assert pair.touched == []


def test_a_server_that_is_down_is_named_and_the_step_that_is_named_cures_it(pair):
    pair.dhcp.kill("dhcp-b")
    answer = is_named(pair, "gone-while-active", "dhcp-b")
    assert answer["next"].startswith("salt dhcp-b dhcpd.start")
    blocked(pair, "process", "dhcpd is not running on dhcp-b")
    run = at_the_terminal(pair, "dhcp_failover.doctor", "foo")
    assert run.returncode == 1, str(run)
    assert run.stdout.startswith("dhcpd is not running on dhcp-b"), run.stdout
    assert "Next: salt dhcp-b dhcpd.start" in run.stdout
    assert pair.ask("dhcp-b", "dhcpd.start")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", 30.0)
