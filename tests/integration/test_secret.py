"""The OMAPI key's secret and its name stay where they are: in the servers' own files."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from secrets_search import Repeated
from secrets_search import Search
from secrets_search import bus_messages

from lab.dhcp import COMMON
from lab.dhcp import Dhcp
from lab.dhcp import Omapi
from lab.dhcp import pair as foo
from lab.isolation import RUN_DIR
from lab.waiting import wait_until


@pytest.fixture
def search(pair):
    """A search for the pair's own key, which finds it where it is."""
    omapi = pair.dhcp.omapi["dhcp-a"]
    search = Search([omapi.secret, omapi.key_name])
    assert search.in_text(pair.lab["dhcp-a"].read(COMMON))
    return search


def everything_on_disk(stage):
    """Logs, caches and outputs: of the master, of all minions, of the commands."""
    folders = [RUN_DIR, Path(stage.master.config["cachedir"])]
    folders += [Path(minion.config["cachedir"]) for minion in stage.minions.values()]
    logs = [stage.master.config["log_file"]]
    logs += [minion.config["log_file"] for minion in stage.minions.values()]
    for log in map(Path, logs):
        assert log.stat().st_size > 0
        folders.append(log.parent)
    return folders


def found_on_disk(stage, search):
    return {file for folder in everything_on_disk(stage) for file in search.in_files(folder)}


def test_no_run_shows_it_anywhere(pair, search):
    with pair.event_bus() as bus:
        with Repeated(search.in_arguments) as arguments, Repeated(bus_messages(bus)) as events:
            run = pair.orchestrate()
            shown = pair.salt_run("dhcp_failover.status")
            for function in (
                "status",
                "failover_state",
                "peers",
                "ok_to_stop",
                "lease_counts",
                "metrics",
                "check_config",
            ):
                assert pair.ask("dhcp-a", f"dhcpd.{function}")
            pair.ask("dhcp-a", "dhcpd.news")  # there may be none
            wait_until(lambda: any("dhcpd.check_config" in e for e in events.found), "its event", 5)
    assert run.returncode == 0, str(run)
    assert arguments.times > 50
    assert arguments.found == set()
    assert any("dhcpd.restart" in event for event in events.found)
    assert not any(search.in_text(event) for event in events.found)
    assert not search.in_text(run.told + shown.told)
    assert found_on_disk(pair, search) == set()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_the_search_finds_a_word_wherever_it_is_planted(pair):
    word = f"planted-{secrets.token_hex(8)}"
    search = Search([word])
    process = subprocess.Popen([word, "60"], executable="/bin/sleep")
    try:
        with Repeated(search.in_arguments) as arguments:
            wait_until(lambda: arguments.found, "it is found among the arguments", 10.0)
    finally:
        process.kill()
        process.wait()
    assert found_on_disk(pair, search) == set()
    with pair.event_bus() as bus, Repeated(bus_messages(bus)) as events:
        pair.ask("dhcp-a", "test.echo", word)
        wait_until(lambda: any(map(search.in_text, events.found)), "it is on the bus", 10.0)
    job_cache = Path(pair.master.config["cachedir"]) / "jobs"
    assert any(job_cache in file.parents for file in found_on_disk(pair, search))
    planted = {Path(minion.config["cachedir"]) / "planted" for minion in pair.minions.values()}
    for file in planted:
        file.write_text(f"x{word}x")
    assert planted <= found_on_disk(pair, search)


@pytest.mark.parametrize(
    "old, new",
    [
        pytest.param('secret "{secret}";', 'secret "{secret}"', id="no-semicolon"),
        pytest.param('secret "{secret}"', 'secret "!{secret}"', id="no-base64"),
        pytest.param('key "{key_name}" {{', 'key "{key_name}" ', id="no-brace"),
        pytest.param("omapi-key {key_name};", "omapi-key x{key_name};", id="no-such-key"),
    ],
)
def test_a_broken_key_is_refused_without_being_shown(pair, search, old, new):
    host = pair.lab["dhcp-b"]
    good = host.read(COMMON)
    key = vars(pair.dhcp.omapi["dhcp-b"])
    assert old.format(**key) in good
    host.write(COMMON, good.replace(old.format(**key), new.format(**key)), mode=0o640)
    answers = {
        function: pair.ask("dhcp-b", f"dhcpd.{function}")
        for function in ("check_config", "ok_to_stop", "status", "restart")
    }
    host.write(COMMON, good, mode=0o640)
    assert not search.in_text(repr(answers)), answers
    assert found_on_disk(pair, search) == set()
    for function in ("check_config", "ok_to_stop", "restart"):
        assert answers[function]["result"] is False
        assert "dhcpd.common.conf" in answers[function]["comment"], answers
    assert pair.touched == []


def test_a_key_that_the_running_dhcpd_does_not_know_yet_is_told_and_the_log_proves_it(install):
    # By the journal: the watcher would lose the server with its key.
    old = Omapi()
    stage = install(foo(), by_journal=True, omapi=old)
    new = replace(old, secret=Omapi().secret)
    changed = Dhcp(stage.lab.hosts, foo(), omapi={"dhcp-a": old, "dhcp-b": new})
    changed.write_configuration()
    status = stage.ask("dhcp-b", "dhcpd.status")
    assert status["omapi"]["answers"] is False
    assert "another secret" in status["omapi"]["error"]
    assert status["relationships"]["foo"]["source"] == "log"
    run = stage.orchestrate()
    assert run.returncode == 0, str(run)
    assert changed.is_normal(), "dhcp-b knows its new key now"
    search = Search([old.secret, new.secret, old.key_name])
    assert not search.in_text(run.told + repr(status))
    assert found_on_disk(stage, search) == set()
    assert stage.restarts == ["dhcp-b", "dhcp-a"]
