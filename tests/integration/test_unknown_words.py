"""A word that nobody reads is refused in one sentence, with an exit code, before any act."""

from __future__ import annotations

import json
from pathlib import Path

from stage import ORCHESTRATION


def begin(stage, task, pillar, *arguments):
    return stage.begin(
        "state.orch", f"orch.dhcp_failover_{task}", f"pillar={json.dumps(pillar)}", *arguments
    )


def test_a_dry_run_that_is_asked_for_in_the_pillar_restarts_nothing(pair):
    run = pair.orchestrate(pair="foo", test=True)
    assert pair.touched == [], str(run)
    assert run.returncode == 1, str(run)
    assert "test=True" in run.step("The pair is locked")["comment"], str(run)


def test_an_orchestration_refuses_what_it_does_not_know(pair):
    asked = (
        ("restart", {"pairs": "foo"}, ("test=True",), ("pairs", "did you mean pair?")),
        ("restart", {"pair": "foo", "fresh": "no"}, (), ("fresh", "True or False")),
        ("rollout", {"sls": "x", "methd": "drain"}, (), ("methd", "did you mean method?")),
        ("reboot", {"pair": "foo", "test": True}, (), ("test in the pillar", "test=True")),
        ("reboot", {"comand": "true"}, (), ("comand", "did you mean command?")),
    )
    begun = [begin(pair, task, pillar, *more) for task, pillar, more, _ in asked]
    for run, (*_, words) in zip(begun, asked, strict=True):
        assert run.wait().returncode == 1, str(run)
        first = run.step("The pair is locked")
        assert first["result"] is False
        assert all(word in first["comment"] for word in words), first["comment"]
        assert [one["result"] for one in run.steps] == [False] * len(run.steps), str(run)
    assert pair.touched == []


def test_a_runner_refuses_what_it_does_not_know(pair):
    asked = (
        (("restart", "foo", "methd=drain"), "methd (did you mean method?)"),
        (("restart", "foo", "test=True"), "test"),
        (("restart", "foo", "fresh=maybe"), "fresh: give True or False"),
        (("status", "foo", "colour=red"), "colour"),
        (("pairs", "True", "bar"), "too many positional arguments"),
    )
    begun = [pair.begin(f"dhcp_failover.{words[0]}", *words[1:]) for words, _ in asked]
    for run, (_, told) in zip(begun, asked, strict=True):
        assert run.wait().returncode != 0, str(run)
        assert told in run.answer["comment"], str(run)
        assert "\n" not in run.answer["comment"]
    shown = pair.salt_run("--doc", "dhcp_failover.restart")
    assert "salt-run dhcp_failover.restart" in shown.told, str(shown)
    assert pair.touched == []


def test_a_step_in_a_sites_own_orchestration_refuses_what_it_does_not_know(pair, file_root):
    sls = file_root / "site.sls"
    sls.write_text("Begin:\n  dhcp_failover.locked:\n    - pair: foo\n    - methd: drain\n")
    try:
        run = pair.salt_run("state.orch", "site")
    finally:
        sls.unlink()
    assert run.returncode == 1, str(run)
    assert "methd (did you mean method?)" in run.step("Begin")["comment"], str(run)
    assert pair.locked == {}
    assert pair.touched == []


def test_the_masters_own_pillar_is_none_of_a_calls_words(pair):
    own = {"pair": "shoes", "order": 7, "test": True, "only": "dhcp-c", "colour": "red"}
    tree = pair.master.pillar_tree.base
    with (
        tree.temp_file("top.sls", "base:\n  '*':\n    - own\n"),
        tree.temp_file("own.sls", json.dumps(own)),
    ):
        plain = pair.orchestrate("test=True")
        assert plain.returncode == 0, str(plain)
        named = pair.orchestrate("test=True", pair="foo")
        assert named.returncode == 0, str(named)
        # What the call says counts, also where the master's own pillar says the same.
        wrong = pair.orchestrate("test=True", pair="shoes")
        assert wrong.returncode == 1 and "shoes" in wrong.steps[0]["comment"], str(wrong)
    assert pair.touched == []


def test_settings_of_the_master_and_of_a_minion_are_read_word_by_word(pair):
    extra = Path(pair.master.config_dir) / "master.d" / "words.conf"
    extra.parent.mkdir(exist_ok=True)
    extra.write_text("dhcp_failover:\n  ordr: primary-first\n")
    try:
        for command in (("dhcp_failover.restart", "foo"), ORCHESTRATION):
            run = pair.salt_run(*command)
            assert run.returncode != 0, str(run)
            assert "ordr (did you mean order?)" in run.told, str(run)
    finally:
        extra.unlink()
    tree = pair.master.pillar_tree.base
    try:
        with (
            tree.temp_file("top.sls", "base:\n  dhcp-a:\n    - formula\n  dhcp-b:\n    - slip\n"),
            tree.temp_file("formula.sls", json.dumps({"dhcpd": {"subnets": {}, "omapi_port": 7}})),
            tree.temp_file("slip.sls", json.dumps({"dhcpd": {"leases_file": "/x", "hosts": {}}})),
        ):
            for server in ("dhcp-a", "dhcp-b"):
                assert pair.ask(server, "saltutil.refresh_pillar", wait=True) is True
            assert "process" in pair.ask("dhcp-a", "dhcpd.status", brief=True)
            refused = pair.ask("dhcp-b", "dhcpd.restart")
            assert "leases_file" in refused and "did you mean lease_file?" in refused, refused
    finally:
        for server in ("dhcp-a", "dhcp-b"):
            assert pair.ask(server, "saltutil.refresh_pillar", wait=True) is True
    assert pair.touched == []
