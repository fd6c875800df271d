"""What a person is told of a pair's configurations: drift, pending restarts, what is wrong."""

from __future__ import annotations

from secrets_search import Search
from test_secret import found_on_disk

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import UNIT
from lab.dhcp import Omapi
from lab.waiting import wait_until


def edit(stage, server, path, old, new):
    """Change a file of a server; return its text from before."""
    host = stage.lab[server]
    text = host.read(path)
    assert old in text
    host.write(path, text.replace(old, new), mode=0o640)
    return text


def test_drift_shows_what_differs_and_no_secret_leaves_its_server(pair):
    run = pair.salt_run("dhcp_failover.drift")
    assert run.returncode == 0, str(run)
    shown = run.answer["foo:dhcp-a:dhcp-b"]
    assert (shown["equal"], shown["diff"], shown["problems"]) == (True, [], []), shown

    omapi, other = pair.dhcp.omapi["dhcp-b"], Omapi()
    good = edit(pair, "dhcp-b", COMMON, omapi.secret, other.secret)
    edit(pair, "dhcp-b", COMMON, "subnet ", "# moved\nmax-lease-time 77;\nsubnet ")
    main = edit(pair, "dhcp-b", CONFIGURATION, "peer port 647", "peer port 648")
    run = pair.salt_run("dhcp_failover.drift", "foo")
    for path, text in ((COMMON, good), (CONFIGURATION, main)):
        pair.lab["dhcp-b"].write(path, text, mode=0o640)
    assert run.returncode == 1, str(run)
    shown = run.answer["foo:dhcp-a:dhcp-b"]
    assert shown["equal"] is False
    assert any(f"dhcp-b:{COMMON}:" in line and "77" in line for line in shown["diff"]), shown
    assert any("the secret of a key" in line for line in shown["diff"]), shown
    assert any("dhcp-b calls its partner at port 648" in line for line in shown["problems"]), shown
    search = Search([omapi.secret, omapi.key_name, other.secret])
    assert search.in_text(good)
    assert not search.in_text(run.told)
    assert found_on_disk(pair, search) == set()
    assert pair.touched == []


def test_a_changed_file_makes_a_restart_pending_and_a_touched_one_does_not(pair):
    def pending():
        return pair.ask("dhcp-b", "dhcpd.status", brief=True)["pending_restart"]

    host = pair.lab["dhcp-b"]
    host.run(["systemctl", "restart", UNIT])
    wait_until(pair.dhcp.is_normal, "the pair is normal again", timeout=30.0)
    assert pending() is None, "its files are older than its process"
    host.run(["touch", COMMON])
    found = pending()
    assert found["pending"] == "unknown" and "dhcpd.common.conf" in found["reason"]

    run = pair.salt_run("dhcp_failover.restart", "server=dhcp-b")
    assert run.returncode == 0, str(run)
    assert pending() is None
    host.run(["touch", COMMON])
    assert pending() is None
    good = edit(pair, "dhcp-b", COMMON, "subnet ", "# a comment\nsubnet ")
    assert pending() is None
    edit(pair, "dhcp-b", COMMON, "subnet ", "max-lease-time 77;\nsubnet ")
    found = pending()
    shown = pair.salt_run("dhcp_failover.status").answer["foo:dhcp-a:dhcp-b"]
    secret = edit(pair, "dhcp-b", COMMON, pair.dhcp.omapi["dhcp-b"].secret, Omapi().secret)
    changed = pending()
    assert secret != good
    host.write(COMMON, good, mode=0o640)
    assert found["pending"] is True and "max-lease-time 77" in found["reason"], found
    assert any("max-lease-time 77" in line for line in found["changes"])
    assert "max-lease-time 77" in shown["dhcp-b"]["pending_restart"]
    assert any("the secret of a key" in line for line in changed["changes"]), changed
    assert pending() is None, "it is as it was when dhcpd read it"
    omapi = pair.dhcp.omapi["dhcp-b"]
    assert found_on_disk(pair, Search([omapi.secret, omapi.key_name])) == set()
    assert pair.restarts == ["dhcp-b", "dhcp-b"], "by hand, and by the run"


def test_check_config_finds_what_dhcpd_lets_pass_and_calls_no_crash_good(pair):
    checked = pair.ask("dhcp-a", "dhcpd.check_config")
    assert checked["result"] is True, checked
    assert checked["dhcpd"]["verdict"] == "accepted"
    host = pair.lab["dhcp-a"]
    main = host.read(CONFIGURATION)
    candidate = f"{CONFIGURATION}.new"
    host.write(candidate, main.replace("peer port", "port"), mode=0o640)
    twice = pair.ask("dhcp-a", "dhcpd.check_config", candidate)
    host.write(candidate, main + 'key "hidden-1" { };\n', mode=0o640)
    crash = pair.ask("dhcp-a", "dhcpd.check_config", file=candidate)
    host.run(["rm", candidate])
    assert (twice["result"], twice["dhcpd"]["verdict"]) == (False, "accepted"), twice
    assert twice["findings"][0]["code"] == "port-twice"
    assert f"{candidate}:" in twice["comment"]
    assert (crash["result"], crash["dhcpd"]["verdict"]) == (False, "crashed"), crash
    assert "hidden-1" not in repr(crash)
    assert pair.touched == []
