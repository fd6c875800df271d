"""
Troubles that are really provoked: preflight names each as a blocker, doctor names its cause.

Not part of ``make test``: ``make doctor-test``. The quickest are in test_doctor_on_a_pair.py.
"""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from iscdhcp.facts.state_block import SETTLED_SECONDS
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.states import FailoverState
from stage import FAILOVER_PORT

from lab import faketime
from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.dhcp import DEFAULTS
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Relationship
from lab.dhcp import pair as foo
from lab.load import Load
from lab.waiting import wait_until

pytestmark = pytest.mark.slow

FOO = "foo:dhcp-a:dhcp-b"
TORN = "lease 10.100.1.77 {\n  starts 1 2026/11/23 07:22:56;\n  binding sta"
SLEEP_FOLDER = "/run/sleep-of-the-lab"
CLOCK = {"PYTHONPATH": SLEEP_FOLDER, **faketime.VARIABLES}


# -- what is asked -------------------------------------------------------------------------------


def doctor(stage, code=1):
    """What doctor says: the whole answer and the codes of the pair's findings, in order."""
    run = stage.salt_run("dhcp_failover.doctor")
    assert code is None or run.returncode == code, str(run)
    assert "Traceback" not in run.told, str(run)
    answer = run.answer
    return answer, [one["code"] for one in answer["findings"].get(FOO, ())]


def is_named(stage, code, server=None, run_code=1):
    """Doctor's first finding is the cause; its sentence is the answer."""
    answer, codes = doctor(stage, run_code)
    assert codes and codes[0] == code, answer
    first = answer["findings"][FOO][0]
    assert server is None or first["server"] == server, first
    assert answer["comment"].startswith(first["text"]), answer
    assert answer["next"] == first["next"] and first["next"], answer
    print(f"{code}: {answer['comment']} Next: {answer['next']}")
    return answer


def blocked(stage, code, words, verdict="block"):
    """Preflight names the blocker, and what to do."""
    run = stage.salt_run("dhcp_failover.preflight", "foo")
    found = [one for one in run.answer["checks"] if one["code"] == code]
    fitting = [one for one in found if one["verdict"] == verdict and words in one["text"]]
    assert fitting, str(run)
    assert fitting[0]["fix"], fitting
    gravest = any(one["verdict"] == "block" for one in run.answer["checks"])
    assert run.returncode == (1 if gravest else 0), str(run)
    print(f"{code}: {verdict}: {fitting[0]['text']} ({fitting[0]['fix']})")
    return run


def passes(stage, code):
    run = stage.salt_run("dhcp_failover.preflight", "foo")
    assert [one["verdict"] for one in run.answer["checks"] if one["code"] == code] == ["pass"], run


def discovered(stage):
    """The master has seen the pair before, as it has at every user's after the first command."""
    assert FOO in stage.salt_run("dhcp_failover.pairs").answer["pairs"]


# -- what is done --------------------------------------------------------------------------------


def cut(stage, server):
    """Drop every packet of the failover protocol at a server, both ways."""
    rule = f"tcp dport {FAILOVER_PORT} drop; tcp sport {FAILOVER_PORT} drop"
    rules = "".join(
        f" chain {hook} {{ type filter hook {hook} priority 0; {rule}; }}\n"
        for hook in ("input", "output")
    )
    stage.lab[server].run(["nft", "-f", "-"], stdin=f"table ip cut {{\n{rules}}}\n")


def set_state(stage, server, state):
    """What a person does with omshell."""
    omapi = stage.dhcp.omapi[server]
    with OmapiClient(stage.lab[server].address, omapi.port, omapi.key()) as client:
        client.set_local_state("foo", state)


def until_state(stage, server, *states, timeout=40.0):
    wait_until(
        lambda: stage.dhcp.failover_states(server).get("foo", ("", ""))[0] in states,
        lambda: f"{server} in {states}: {stage.dhcp.failover_states(server)}",
        timeout,
    )


def edit(stage, server, path, old, new):
    host = stage.lab[server]
    text = host.read(path)
    assert old in text, text
    host.write(path, text.replace(old, new), mode=0o640 if path == COMMON else 0o644)


@pytest.fixture
def faked_clock(lab, master, minions):
    """dhcpd and minion of a host under a clock that can be set, as a function."""
    faked = []

    def put(server, seconds):
        lab[server].write(faketime.OFFSET, f"+{seconds}s\n")
        if server in faked:
            return
        faked.append(server)
        lab[server].write(f"{SLEEP_FOLDER}/sitecustomize.py", faketime.SLEEP)
        place = f"/etc/systemd/system/{UNIT}.d/clock.conf"
        lab[server].write(place, faketime.drop_in(CLOCK))
        lab[server].run(["systemctl", "daemon-reload"])
        with restarted(minions[server]):
            minions[server].preload = CLOCK

    yield put
    for server in faked:
        lab[server].run(["rm", "-rf", f"/etc/systemd/system/{UNIT}.d", faketime.OFFSET])
        lab[server].run(["systemctl", "daemon-reload"])
        # One that is not of this test's installation makes the next test install again.
        lab[server].run(["systemctl", "stop", UNIT])
        with restarted(minions[server]):
            minions[server].preload = {}


@pytest.fixture
def site_policy(master):
    """The site's verdicts in the master's configuration, as a function; each command reads them."""
    file = Path(master.config_dir) / "master.d" / "policy.conf"

    def put(**verdicts):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"dhcp_failover": {"policy": verdicts}}), encoding="utf-8")

    yield put
    file.unlink(missing_ok=True)


@contextmanager
def restarted(minion):
    minion.terminate()
    yield
    minion.start()


# -- doctor --------------------------------------------------------------------------------------


def test_a_healthy_pair_has_no_cause(pair):
    answer, codes = doctor(pair, code=0)
    assert answer["result"] is True
    assert not [one for one in answer["findings"][FOO] if one["kind"] in ("cause", "wait", "risk")]
    run = pair.salt_run("dhcp_failover.preflight")
    assert run.returncode == 0, str(run)
    seen = {one["code"]: one["verdict"] for one in run.answer["checks"]}
    assert {code for code, verdict in seen.items() if verdict != "pass"} <= {"firewall"}, seen


def test_a_process_that_is_gone_while_the_unit_is_active(pair):
    pair.dhcp.kill("dhcp-b")
    answer = is_named(pair, "gone-while-active", "dhcp-b")
    assert "dhcp-a serves" in answer["comment"]
    blocked(pair, "process", "dhcpd is not running on dhcp-b")
    blocked(pair, "states", "communications-interrupted")
    # The next step that it names is the cure.
    assert pair.ask("dhcp-b", "dhcpd.start")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", 30.0)
    passes(pair, "process")


def test_a_server_that_was_stopped_on_purpose(pair):
    pair.dhcp.stop("dhcp-a")
    is_named(pair, "down", "dhcp-a")


def test_a_halted_process(pair):
    for process in pair.dhcp.processes("dhcp-b"):
        os.kill(process.pid, signal.SIGSTOP)
    until_state(pair, "dhcp-a", "communications-interrupted")
    is_named(pair, "halted", "dhcp-b")
    blocked(pair, "process", "halted by a signal")


def test_a_torn_lease_file(pair):
    pair.dhcp.stop("dhcp-b")
    pair.lab["dhcp-b"].run(["tee", "-a", LEASES], stdin=TORN)
    is_named(pair, "lease-file-torn", "dhcp-b")
    blocked(pair, "lease-file", "torn")


def test_a_lease_file_that_is_gone(pair):
    pair.dhcp.stop("dhcp-b")
    pair.lab["dhcp-b"].run(["rm", LEASES])
    is_named(pair, "lease-file-missing", "dhcp-b")


def test_a_configuration_that_does_not_start(pair):
    pair.dhcp.stop("dhcp-b")
    edit(pair, "dhcp-b", CONFIGURATION, "max-unacked-updates", "max-unaccked-updates")
    answer = is_named(pair, "configuration", "dhcp-b")
    assert CONFIGURATION in answer["comment"]
    blocked(pair, "configuration", CONFIGURATION)


# -- starts that fail ----------------------------------------------------------------------------


@contextmanager
def unstartable(stage, server, *files, holding=None):
    """
    The service of a server with other files, tried once; all is as before afterwards.

    files
        Path and text of each; ``holding``: a port (``udp:67``) that another program has meanwhile.
    """
    host = stage.lab[server]
    stage.dhcp.stop(server)
    host.run(["systemctl", "reset-failed", UNIT], check=False)
    kept = {path: host.read(path) if _is_there(host, path) else None for path, _ in files}
    try:
        for path, text in files:
            host.run(["mkdir", "-p", os.path.dirname(path)])
            host.write(path, text)
        if holding:
            kind, port = holding.split(":")
            listens = "s.listen()" if kind == "tcp" else "0"
            code = (
                f"import socket,time;s=socket.socket(2,{1 if kind == 'tcp' else 2});"
                f"s.setsockopt(1,2,1) if {kind == 'tcp'} else 0;s.bind(('',{port}));{listens};"
                "time.sleep(900)"
            )
            host.run(["systemd-run", "--unit=holder", "python3", "-c", code])
            table = "-lutn"
            wait_until(
                lambda: f":{port} " in host.run(["ss", table]).stdout, "the port is held", 20.0
            )
        host.run(["systemctl", "daemon-reload"])
        host.run(["systemctl", "start", UNIT], check=False)
        yield host
    finally:
        host.run(["systemctl", "stop", "holder"], check=False)
        for path, text in kept.items():
            if text is None:
                host.run(["rm", "-f", path])
            else:
                host.write(path, text)
        host.run(["systemctl", "daemon-reload"])
        host.run(["systemctl", "reset-failed", UNIT], check=False)


def _is_there(host, path):
    return host.run(["test", "-e", path], check=False).returncode == 0


def defaults(stage, server, **values):
    """Debian's settings of the service with some of them changed, as path and text."""
    kept = [
        line
        for line in stage.lab[server].read(DEFAULTS).splitlines()
        if line.partition("=")[0] not in values
    ]
    return DEFAULTS, "\n".join([*kept, *(f'{key}="{text}"' for key, text in values.items()), ""])


DROP_IN = f"/etc/systemd/system/{UNIT}.d/lab.conf"


def is_the_cause(stage, code, words):
    answer = is_named(stage, code, "dhcp-b")
    assert words in answer["comment"], answer
    # It was dhcpd's own line or systemd's word; advice and banner are no reason.
    assert "JetAdmin" not in str(answer) and "Internet Systems" not in str(answer), answer


def test_a_start_that_finds_port_67_taken(pair):
    with unstartable(pair, "dhcp-b", holding="udp:67"):
        is_the_cause(pair, "start-port", "Can't bind to dhcp address: Address already in use")


def test_a_start_on_an_interface_that_is_not_there(pair):
    with unstartable(pair, "dhcp-b", defaults(pair, "dhcp-b", INTERFACESv4="nope0")):
        is_the_cause(pair, "start-interface", "nope0")


def test_a_start_that_may_not_write_its_lease_file(pair):
    drop_in = "[Service]\nReadOnlyPaths=/var/lib/dhcp\n"
    with unstartable(pair, "dhcp-b", (DROP_IN, drop_in)):
        is_the_cause(pair, "start-lease-file", "for append")


def test_a_start_as_a_user_that_is_not_there(pair):
    # As Fedora's unit does it; Debian's script takes no options.
    command = "/usr/sbin/dhcpd -4 -q -user dhcpdx -cf /etc/dhcp/dhcpd.conf"
    drop_in = f"[Service]\nExecStart=\nExecStart={command}\n"
    with unstartable(pair, "dhcp-b", (DROP_IN, drop_in)):
        is_the_cause(pair, "start-user", "no such user: dhcpdx")


def test_a_start_whose_half_for_ipv6_fails(pair):
    broken = ("/etc/dhcp/dhcpd6.conf", "subnet6 nonsense;\n")
    settings = defaults(pair, "dhcp-b", INTERFACESv6="eth0")
    with unstartable(pair, "dhcp-b", broken, settings):
        # dhcpd for DHCPv4 was started before; systemd calls the whole failed and leaves it running.
        wait_until(pair.dhcp.is_normal, "the pair is normal", 60.0)
        answer, codes = doctor(pair, code=0)
        assert "service-half" in codes and "service" not in codes, answer
        told = next(one for one in answer["findings"][FOO] if one["code"] == "service-half")
        assert "dhcpd6.conf line 1" in told["text"] and "INTERFACESv6" in told["next"], told
        restarted = pair.ask("dhcp-b", "dhcpd.restart")
        assert restarted["result"] is True, restarted
        wait_until(pair.dhcp.is_normal, "the pair is normal again", 60.0)
    # Nothing of DHCPv4 in that unit: its start fails, and dhcpd is down.
    settings = defaults(pair, "dhcp-b", INTERFACESv4="", INTERFACESv6="eth0")
    with unstartable(pair, "dhcp-b", broken, settings):
        is_the_cause(pair, "start-ipv6", "dhcpd6.conf line 1")


def test_a_unit_that_is_masked(pair):
    host = pair.lab["dhcp-b"]
    pair.dhcp.stop("dhcp-b")
    host.run(["systemctl", "mask", UNIT])
    try:
        is_the_cause(pair, "unit-masked", "masked")
    finally:
        host.run(["systemctl", "unmask", UNIT])
        host.run(["systemctl", "daemon-reload"])


def test_a_unit_whose_command_before_dhcpd_fails(pair):
    drop_in = "[Service]\nExecStartPre=/bin/false\n"
    with unstartable(pair, "dhcp-b", (DROP_IN, drop_in)):
        is_the_cause(pair, "unit-before-start", "ExecStartPre=/bin/false exited, status=1")
        # The start that is asked for says the same, not that the log says nothing.
        start = pair.ask("dhcp-b", "dhcpd.start")
        assert start["result"] is False and "ExecStartPre=/bin/false" in start["comment"], start


def test_a_unit_whose_user_does_not_exist(pair):
    drop_in = "[Service]\nUser=nobody-has-this\n"
    with unstartable(pair, "dhcp-b", (DROP_IN, drop_in)):
        is_the_cause(pair, "unit-refused", "could not take its user (status=217)")


def test_a_unit_that_was_started_too_often(pair):
    drop_in = "[Unit]\nStartLimitIntervalSec=600\nStartLimitBurst=2\n"
    settings = defaults(pair, "dhcp-b", INTERFACESv4="nope0")
    with unstartable(pair, "dhcp-b", (DROP_IN, drop_in), settings) as host:
        for _ in range(3):
            host.run(["systemctl", "start", UNIT], check=False)
        answer = is_named(pair, "start-interface", "dhcp-b")
        codes = [one["code"] for one in answer["findings"][FOO]]
        assert "unit-start-limit" in codes, answer


def test_another_program_on_the_port_of_omapi(pair):
    port = pair.dhcp.omapi["dhcp-b"].port
    with unstartable(pair, "dhcp-b", holding=f"tcp:{port}"):
        wait_until(lambda: pair.dhcp.processes("dhcp-b"), "dhcpd runs on dhcp-b", 30.0)
        _, codes = doctor(pair, code=None)
        assert "omapi-port" in codes, codes
        facts = pair.ask("dhcp-b", "dhcpd.status")
        assert facts["omapi"]["error"] == f"another program has port {port}", facts["omapi"]


def test_a_firewall_between_them(pair):
    cut(pair, "dhcp-a")
    for server in pair.dhcp.hosts:
        until_state(pair, server, "communications-interrupted")
    answer = is_named(pair, "link-blocked")
    assert "tcp port 647" in answer["comment"]
    blocked(pair, "connection", "no failover connection")


def test_ports_that_do_not_match(pair):
    edit(pair, "dhcp-b", CONFIGURATION, "port 647;", "port 648;")
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    until_state(pair, "dhcp-b", "communications-interrupted")
    answer = is_named(pair, "port-mismatch")
    assert "648" in answer["comment"] and "647" in answer["comment"]


def test_a_server_that_was_paused_by_hand(pair):
    set_state(pair, "dhcp-b", FailoverState.PAUSED)
    until_state(pair, "dhcp-b", "paused")
    is_named(pair, "paused", "dhcp-b")
    run = pair.salt_run("dhcp_failover.status")
    assert "dhcpd.resume" in run.answer[FOO]["dhcp-b"]["stuck"]
    assert pair.ask("dhcp-b", "dhcpd.resume")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", 30.0)


def test_a_server_that_was_shut_down_and_runs_on(pair):
    set_state(pair, "dhcp-a", FailoverState.SHUTDOWN)
    until_state(pair, "dhcp-b", "partner-down")
    is_named(pair, "shutdown", "dhcp-a")
    assert pair.ask("dhcp-a", "dhcpd.resume")["result"] is True
    wait_until(pair.dhcp.is_normal, "the pair is normal again", 40.0)


def test_a_lost_lease_file_costs_mclt_and_it_is_told_until_when(install):
    pair = install([Relationship("foo", "dhcp-a", "dhcp-b", mclt=90)])
    pair.dhcp.stop("dhcp-b")
    pair.lab["dhcp-b"].run(["sh", "-c", f"rm -f {LEASES}*; : >{LEASES}"])
    pair.dhcp.start("dhcp-b")
    until_state(pair, "dhcp-b", "recover-wait")
    answer = is_named(pair, "recover-wait", "dhcp-b")
    assert "UTC" in answer["comment"] and "dhcp-a serves" in answer["comment"]
    status = pair.salt_run("dhcp_failover.status").answer[FOO]["dhcp-b"]
    assert status["recover_wait_until"] in answer["comment"]


def test_partner_down_by_hand(pair):
    pair.dhcp.stop("dhcp-b")
    set_state(pair, "dhcp-a", FailoverState.PARTNER_DOWN)
    until_state(pair, "dhcp-a", "partner-down")
    _, codes = doctor(pair)
    assert codes[:2] == ["down", "partner-down"]


def test_partner_down_while_the_partner_serves(pair):
    cut(pair, "dhcp-a")
    for server in pair.dhcp.hosts:
        until_state(pair, server, "communications-interrupted")
    set_state(pair, "dhcp-a", FailoverState.PARTNER_DOWN)
    until_state(pair, "dhcp-a", "partner-down")
    answer = is_named(pair, "split", "dhcp-a")
    assert "set by hand" in answer["comment"]


def test_a_name_that_only_one_of_them_has(pair):
    for path in (CONFIGURATION, COMMON):
        edit(pair, "dhcp-b", path, 'peer "foo"', 'peer "fooo"')
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    answer, _ = doctor(pair)
    told = [one["text"] for one in answer["findings"]["not a pair"]]
    assert any("fooo on dhcp-b" in text for text in told), answer
    assert any("foo on dhcp-a" in text for text in told), answer
    assert "Not a pair" in answer["comment"]


def test_a_half_that_is_used_up(install):
    pair = install([Relationship("foo", "dhcp-a", "dhcp-b", addresses=20)])
    pair.dhcp.stop("dhcp-b")
    load = Load(pair.dhcp)
    load.start(20, seconds=3)
    load.result()
    answer, codes = doctor(pair)
    assert codes[:2] == ["down", "peer-holds-all"], answer
    start = pair.ask("dhcp-b", "dhcpd.start")
    assert start["result"] is True, start


def test_a_key_that_the_running_dhcpd_does_not_know(pair):
    omapi = pair.dhcp.omapi["dhcp-b"]
    edit(pair, "dhcp-b", COMMON, omapi.secret, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    answer, codes = doctor(pair, code=0)
    assert "omapi" in codes, answer
    told = [one for one in answer["findings"][FOO] if one["code"] == "omapi"][0]
    assert "still has the old key" in told["text"]
    assert omapi.key_name not in str(answer) and "AAAAAA" not in str(answer)
    blocked(pair, "omapi", "OMAPI", verdict="warn")


def test_a_host_whose_network_is_gone(pair):
    discovered(pair)
    host = pair.lab["dhcp-b"]
    link = ["ip", "link", "set", "eth0"]
    host.run([*link, "down"])
    try:
        until_state(pair, "dhcp-a", "communications-interrupted")
        is_named(pair, "host-down", "dhcp-b")
    finally:
        host.run([*link, "up"])
    wait_until(pair.dhcp.is_normal, "the pair is normal again", 60.0)
    wait_until(lambda: pair.answers("dhcp-b"), "its minion is back", 60.0)


def test_a_silent_minion_whose_dhcpd_lives(pair):
    discovered(pair)
    pair.silence("dhcp-b")
    answer, codes = doctor(pair, code=1)
    assert codes[0] == "minion-silent", answer
    assert "established failover connection" in answer["findings"][FOO][0]["text"]
    pair.wake("dhcp-b")


def test_ranges_that_differ(install):
    pair = install([Relationship("foo", "dhcp-a", "dhcp-b", addresses=400)])
    first = "10.100.1.0 10.100.2.143"
    edit(pair, "dhcp-b", COMMON, f"range {first}", "range 10.100.1.0 10.100.1.9")
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    wait_until(pair.dhcp.is_normal, "they are normal all the same", 30.0)
    load = Load(pair.dhcp)
    load.start(50, seconds=3)
    load.result()
    answer, codes = doctor(pair, code=0)
    assert "ranges-differ" in codes, answer


def test_a_full_disk(pair):
    host = pair.lab["dhcp-b"]
    pair.dhcp.stop("dhcp-b")
    small = "mount -t tmpfs -o size=1536k none /var/lib/dhcp"
    host.run(["sh", "-c", f"cp -a {LEASES} /run/kept && {small} && cp -a /run/kept {LEASES}"])
    try:
        pair.dhcp.start("dhcp-b")
        wait_until(pair.dhcp.is_normal, "the pair is normal", 30.0)
        passes(pair, "space")
        host.run(["sh", "-c", "cat /dev/zero >/var/lib/dhcp/full"], check=False)
        blocked(pair, "space", "/var/lib/dhcp")
        _, codes = doctor(pair, code=0)
        assert codes[0] == "disk-full"
        load = Load(pair.dhcp)
        load.start(50, seconds=2)
        load.result()
        answer, codes = doctor(pair, code=None)
        assert codes[0] == "disk-full", answer
    finally:
        pair.dhcp.kill("dhcp-b", signal.SIGKILL)
        host.run(["umount", "-l", "/var/lib/dhcp"])
        pair.dhcp.start("dhcp-b")


def test_clocks_that_drift_apart(pair, faked_clock):
    faked_clock("dhcp-b", 50)
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    wait_until(pair.dhcp.is_normal, "50 s are taken", 30.0)
    blocked(pair, "clock", "50 s apart", verdict="warn")
    faked_clock("dhcp-b", 130)
    # Such a jump may cut the connection by itself, as dhcpd counts its partner's silence by that
    # clock; a restart is sure to.
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")
    for server in pair.dhcp.hosts:
        until_state(pair, server, "communications-interrupted")
    blocked(pair, "clock", "time offset too large")
    answer = is_named(pair, "clock-skew")
    assert "130 s apart" in answer["comment"]


def test_clocks_that_are_apart_while_the_pair_is_connected(pair, faked_clock):
    """The next connect would fail: nothing shows it but the clocks."""
    faked_clock("dhcp-b", 90)
    wait_until(pair.dhcp.is_normal, "the pair is normal", 30.0)
    blocked(pair, "clock", "90 s apart")
    answer, codes = doctor(pair, code=0)
    assert codes[0] == "clock-skew", answer
    assert "the next restart" in answer["comment"]


# -- preflight -----------------------------------------------------------------------------------


def test_a_pool_that_real_clients_will_use_up_while_one_server_is_alone(install):
    # A client's first lease lasts for MCLT.
    pair = install([Relationship("foo", "dhcp-a", "dhcp-b", addresses=200, mclt=120)])
    load = Load(pair.dhcp)
    load.start(20, seconds=6)
    load.result()
    blocked(pair, "pools", "new clients are expected")
    run = pair.salt_run("dhcp_failover.restart")
    assert run.returncode == 1 and pair.touched == [], str(run)


def test_a_hold_and_a_claim(pair):
    assert pair.salt_run("dhcp_failover.hold", "foo", "why=power works").returncode == 0
    blocked(pair, "holder", "power works")
    assert pair.salt_run("dhcp_failover.release", "foo").returncode == 0
    assert pair.ask("dhcp-a", "dhcpd.claim", "r1", "ann")["result"] is True
    blocked(pair, "holder", "ann")


def test_a_dhcpd_that_the_service_manager_does_not_know(pair):
    host = pair.lab["dhcp-b"]
    pair.dhcp.stop("dhcp-b")
    host.run(["dhcpd", "-4", "-q", "-cf", CONFIGURATION, "eth0"])
    wait_until(pair.dhcp.is_normal, "the pair is normal", 30.0)
    blocked(pair, "service", "started by hand", verdict="warn")
    pair.dhcp.stop("dhcp-b")
    pair.dhcp.start("dhcp-b")


def test_a_firewall_before_omapi_is_seen_and_policy_raises_the_check(install, site_policy):
    # The lab's own watch asks over OMAPI from outside, which the firewall is there to forbid.
    pair = install(foo(), by_journal=True)
    blocked(pair, "firewall", "open to every address", verdict="warn")
    site_policy(firewall="block")
    blocked(pair, "firewall", "open to every address")
    refused = pair.salt_run("dhcp_failover.restart")
    assert refused.returncode == 1 and pair.touched == [], str(refused)
    assert "open to every address" in refused.answer["comment"], str(refused)
    rule = f'iifname != "lo" tcp dport {pair.dhcp.omapi["dhcp-a"].port} drop'
    chain = f"chain in {{\n type filter hook input priority 0;\n {rule}\n }}\n"
    for server in pair.dhcp.hosts:
        pair.lab[server].run(["nft", "-f", "-"], stdin=f"table inet omapi {{\n {chain}}}\n")
    passes(pair, "firewall")
    run = pair.salt_run("dhcp_failover.preflight")
    assert run.returncode == 0, str(run)
    for server in pair.dhcp.hosts:
        pair.unblock(server)


def test_a_change_that_waits_for_the_restart(pair):
    assert pair.ask("dhcp-b", "dhcpd.mark_pending", "new lease times")
    blocked(pair, "pending", "new lease times", verdict="warn")
    edit(pair, "dhcp-a", COMMON, "default-lease-time 120", "default-lease-time 121")
    changed = "dhcp-a: a restart is pending: dhcpd.common.conf was changed or touched"
    blocked(pair, "pending", changed, verdict="warn")


def test_a_minion_that_is_silent(pair):
    discovered(pair)
    pair.silence("dhcp-a")
    blocked(pair, "answers", "dhcp-a: no answer")
    pair.wake("dhcp-a")


def test_a_log_that_no_longer_reaches_back_is_not_the_end_where_omapi_is_off(install):
    stage = install(foo(), omapi=None)
    begun = time.monotonic()
    # Of a process that has just started nobody can tell what it has not saved yet.
    wait_until(lambda: time.monotonic() > begun + SETTLED_SECONDS, "dhcpd is settled", 60.0)
    for host in stage.lab.hosts.values():
        host.run(["journalctl", "--rotate"])
        host.run(["journalctl", "--vacuum-time=1s"])
    for server in stage.dhcp.hosts:
        end = stage.ask(server, "dhcpd.status")["relationships"]["foo"]
        assert (end["source"], end["state"], end["connected"]) == ("lease-file", "normal", True)
    run = stage.orchestrate(pair="foo")
    assert run.returncode == 0, str(run)
    assert stage.restarts == ["dhcp-b", "dhcp-a"]
