"""A dhcpd that does not come back: its partner goes on, and the run goes on once it is fixed."""

from __future__ import annotations

from lab.dhcp import DEFAULTS


def test_the_second_server_is_untouched_and_the_same_command_goes_on_when_mended(pair):
    host = pair.lab["dhcp-b"]
    good = host.read(DEFAULTS)
    # dhcpd -t does not look at the interfaces: only the start fails.
    host.write(DEFAULTS, good.replace("eth0", "lab99"))
    # Settings that are newer than the process would be refused before the stop.
    host.run(["touch", "-d", "2020-01-01", DEFAULTS])
    run = pair.orchestrate()
    assert run.returncode != 0, str(run)
    failed = run.step("The first server is restarted")
    assert failed["result"] is False
    for words in ("dhcpd is not running on dhcp-b", "lab99", "dhcp-a was not touched"):
        assert words in failed["comment"], str(run)
    assert pair.processes()["dhcp-b"] == ()
    assert pair.touched == ["dhcp-b"]
    assert pair.locked == {}

    again = pair.orchestrate()
    assert again.returncode != 0, str(again)
    assert "dhcpd is not running on dhcp-b" in again.step("Both servers are fit for it")["comment"]
    assert pair.touched == ["dhcp-b"]

    host.write(DEFAULTS, good)
    started = pair.ask("dhcp-b", "dhcpd.start")
    assert started["result"] is True, started
    fixed = pair.processes()["dhcp-b"]
    last = pair.orchestrate()
    assert last.returncode == 0, str(last)
    assert "continues the unfinished run" in last.step("The pair is locked")["comment"]
    assert "already" in last.step("The first server is restarted")["comment"]
    assert pair.processes()["dhcp-b"] == fixed
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]
