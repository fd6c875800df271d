"""New configuration for a real pair: the secondary first, proved, then the primary."""

from __future__ import annotations

from rollout_stage import FAR
from rollout_stage import STEPS
from rollout_stage import backups
from rollout_stage import left_over
from rollout_stage import new_files
from rollout_stage import port_taken
from rollout_stage import roll_out
from rollout_stage import texts

from lab.dhcp import COMMON


def longer(text):
    return text.replace("max-lease-time 120;", "max-lease-time 240;")


def test_both_servers_get_their_configuration_secondary_first_and_once(pair, file_root):
    sls = {
        "rollout_dhcp.sls": f"{COMMON}:\n  dhcpd.config:\n    - source: salt://rollout/"
        "{{ grains['id'] }}.dhcpd.common.conf\n\n/run/lab-acted:\n  file.managed: []\n"
    }
    with new_files(pair, file_root, longer, sls=sls):
        dry = roll_out(pair, "test=True", sls="rollout_dhcp")
        assert dry.returncode == 0, str(dry)
        assert [step["id"] for step in dry.steps] == STEPS
        assert all(step["result"] is None for step in dry.steps), str(dry)
        shown = dry.step("The new configuration is checked on both servers")
        for server in ("dhcp-a", "dhcp-b"):
            assert "+max-lease-time 240;" in shown["changes"][server][COMMON], str(dry)
        assert pair.touched == []

        run = roll_out(pair, sls="rollout_dhcp")
        assert run.returncode == 0, str(run)
        assert [step["id"] for step in run.steps] == STEPS
        assert all(step["result"] is True for step in run.steps), str(run)
        assert "max-lease-time 240;" in pair.lab["dhcp-a"].read(COMMON)
        assert pair.lab["dhcp-b"].run(["stat", "-c", "%a", COMMON]).stdout.strip() == "640"
        for host in pair.lab.hosts.values():
            acted = host.run(["test", "-e", "/run/lab-acted"], check=False)
            assert acted.returncode, "nothing else in the state file acts"
        done = pair.processes()

        again = roll_out(pair, sls="rollout_dhcp")
        assert again.returncode == 0, str(again)
        assert not any(step["changes"] for step in again.steps[1:-1]), str(again)
        assert "has this configuration already" in again.told
    assert pair.processes() == done
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]

    # What that has left is listed, kept as long as it is of use, and taken away on demand.
    listed = pair.ask("dhcp-b", "dhcpd.cleanup")
    ways_back = sorted(one["path"] for one in listed["files"] if one["kind"] == "way-back")
    way_back, leases = ways_back
    assert way_back.startswith(f"{COMMON}.backup-"), listed
    assert leases.endswith("/dhcpd.leases.before-rollout"), listed
    kept = pair.ask("dhcp-b", "dhcpd.cleanup", remove=True)
    assert kept["result"] is True and way_back in {one["path"] for one in kept["files"]}, kept
    gone = pair.ask("dhcp-b", "dhcpd.cleanup", remove=True, everything=True)
    assert gone["result"] is True and gone["files"] == [], gone
    assert pair.lab["dhcp-b"].run(["test", "-e", way_back], check=False).returncode
    assert pair.processes() == done


def test_a_new_file_with_an_error_stops_before_anything_changes(pair, file_root):
    before = texts(pair)
    with new_files(pair, file_root, longer) as source:
        (file_root / "rollout" / "dhcp-a.dhcpd.common.conf").write_text("default-lease-time 5\n}\n")
        run = roll_out(pair, source=source)
        dry = roll_out(pair, "test=True", source=source)
    for one in (run, dry):
        assert one.returncode != 0
        failed = one.step("The new configuration is checked on both servers")
        assert failed["result"] is False, str(one)
        assert f"{COMMON}:1: expected" in failed["comment"], str(one)
        assert "Nothing was touched" in failed["comment"]
    assert texts(pair) == before
    assert left_over(pair) == []
    assert pair.touched == []
    assert pair.locked == {}


def test_contents_in_the_orchestrations_own_pillar_are_refused(pair):
    for given in ({"contents": "default-lease-time 5;"}, {"source": 'key "abc" { }'}):
        run = roll_out(pair, **given)
        assert run.returncode != 0
        assert "job cache" in run.step("The pair is locked")["comment"], str(run)
        assert "abc" not in run.told
    assert pair.touched == []


def test_a_server_that_does_not_start_with_it_gets_its_old_configuration_back(pair, file_root):
    before = texts(pair)
    # -t opens no socket: only the start fails.
    with new_files(pair, file_root, lambda text: f"local-port {FAR};\n" + text) as source:
        with port_taken(pair.lab["dhcp-b"]):
            run = roll_out(pair, source=source)
    assert run.returncode != 0
    failed = run.step("The first server has its new configuration")
    for words in ("dhcp-b has its old configuration back", "normal", "dhcp-a was not touched"):
        assert words in failed["comment"], str(run)
    assert texts(pair) == before
    assert left_over(pair) == []
    assert pair.touched == ["dhcp-b"]
    assert pair.dhcp.is_normal()
    assert pair.locked == {}


def test_what_would_never_be_normal_is_refused_before_anything_changes(pair, file_root):
    def wrong(text):
        return text.replace("peer port 647", "peer port 648")

    with new_files(pair, file_root, wrong, only="dhcp-b") as source:
        run = roll_out(pair, source=source)
    assert run.returncode != 0
    failed = run.step("The new configuration is checked on both servers")
    assert "dhcp-b looks for foo at port 648" in failed["comment"], str(run)
    assert pair.touched == []


def test_the_state_alone_replaces_and_never_restarts(pair):
    host = pair.lab["dhcp-a"]
    old = host.read(COMMON)
    wanted = longer(old)
    try:
        host.write("/run/bad.conf", old + "no-such-statement 5;\n")
        bad = pair.state("dhcp-a", "dhcpd.config", COMMON, source="/run/bad.conf")
        assert bad["result"] is False
        assert f"{COMMON}:{len(old.splitlines()) + 1}: " in bad["comment"], bad
        assert host.read(COMMON) == old

        host.write("/run/new.conf", wanted)
        dry = pair.state("dhcp-a", "dhcpd.config", COMMON, source="/run/new.conf", test=True)
        assert dry["result"] is None, dry
        assert host.read(COMMON) == old
        done = pair.state("dhcp-a", "dhcpd.config", COMMON, source="/run/new.conf")
        assert done["result"] is True, done
        assert done["changes"]["diff"] == dry["changes"]["diff"]
        assert "+max-lease-time 240;" in done["changes"]["diff"]
        assert host.read(COMMON) == wanted
        assert host.run(["stat", "-c", "%a", COMMON]).stdout.strip() == "640"
        assert backups(pair, "dhcp-a")
        assert pair.ask("dhcp-a", "dhcpd.status")["pending_restart"]
        again = pair.state("dhcp-a", "dhcpd.config", COMMON, source="/run/new.conf")
        assert (again["result"], again["changes"]) == (True, {}), again

        running = pair.state("dhcp-a", "dhcpd.running", "dhcpd")
        assert (running["result"], running["changes"]) == (True, {}), running
    finally:
        host.write(COMMON, old, mode=0o640)
    assert left_over(pair) == []
    assert pair.touched == []
