"""The unit of a dhcpd: by its control group, as systemd describes it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from iscdhcp.host import units

DEBIAN = """\
Type=forking
MainPID=0
ExecStart={ path=/etc/init.d/isc-dhcp-server ; argv[]=/etc/init.d/isc-dhcp-server start ; \
ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Id=isc-dhcp-server.service
LoadState=loaded
ActiveState=active
FragmentPath=/run/systemd/generator.late/isc-dhcp-server.service
SourcePath=/etc/init.d/isc-dhcp-server
DropInPaths=/etc/systemd/system/isc-dhcp-server.service.d/a.conf /run/x.conf
"""
FEDORA = """\
MainPID=812
ExecStart={ path=/usr/sbin/dhcpd ; argv[]=/usr/sbin/dhcpd -f -cf /etc/dhcp/dhcpd.conf -user dhcpd \
-group dhcpd --no-pid $DHCPDARGS ; ignore_errors=no ; start_time=[n/a] ; pid=812 }
EnvironmentFiles=/etc/sysconfig/dhcpd (ignore_errors=yes)
Id=dhcpd.service
LoadState=loaded
FragmentPath=/usr/lib/systemd/system/dhcpd.service
"""


def test_debians_generated_unit_starts_by_its_script_and_settings():
    unit = units.parse("isc-dhcp-server.service", DEBIAN)
    assert (unit.name, unit.load, unit.main_pid) == ("isc-dhcp-server.service", "loaded", 0)
    assert "/etc/init.d/isc-dhcp-server" in unit.files
    assert "/etc/default/isc-dhcp-server" in unit.files
    assert "/etc/systemd/system/isc-dhcp-server.service.d/a.conf" in unit.files
    assert not any(path.startswith("/run/systemd/generator") for path in unit.files)


def test_a_native_unit_names_its_configuration_and_environment_files():
    unit = units.parse("dhcpd.service", FEDORA)
    assert unit.config_file == "/etc/dhcp/dhcpd.conf"
    assert unit.main_pid == 812
    assert "/etc/sysconfig/dhcpd" in unit.files


def test_debians_settings_may_name_another_configuration(tmp_path, monkeypatch):
    settings = tmp_path / "isc-dhcp-server"
    settings.write_text('# DHCPDv4_CONF=/no\nDHCPDv4_CONF="/etc/dhcp/site.conf"  # ours\n', "utf-8")
    monkeypatch.setattr(units, "_SETTINGS_OF_SCRIPTS", (str(tmp_path),))
    assert units.parse("x", DEBIAN).config_file == "/etc/dhcp/site.conf"


def test_files_that_were_written_after_the_start_are_named(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for path, at in ((old, 1000.0), (new, 2000.0)):
        path.touch()
        os.utime(path, (at, at))
    unit = units.Unit("x.service", "loaded", "active", 0, (str(old), str(new), "/not/there"))
    assert unit.newer_files(1500.0) == [str(new)]


@pytest.mark.parametrize(
    ("groups", "unit"),
    [
        ("0::/system.slice/isc-dhcp-server.service\n", "isc-dhcp-server.service"),
        ("9:name=systemd:/system.slice/dhcpd.service\n0::/x.service\n", "dhcpd.service"),
        # A container whose systemd has the one hierarchy, on a machine that mounts both.
        ("9:name=systemd:/\n8:pids:/\n0::/system.slice/dhcpd.service\n", "dhcpd.service"),
        ("0::/system.slice/dhcp.service/libpod-payload-1f\n", "dhcp.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", None),
        ("0::/user.slice/user-1.slice/user@1.service/app.slice/dhcp.service\n", None),
        ("0::/machine.slice/libpod-12ab.scope\n", None),
        ("0::/../../..\n", None),
        ("", None),
    ],
)
def test_the_control_group_tells_the_service(tmp_path, monkeypatch, groups, unit):
    monkeypatch.setattr(units, "PROC", tmp_path)
    (tmp_path / "5").mkdir()
    (tmp_path / "5/cgroup").write_text(groups, encoding="utf-8")
    assert units.of_process(5) == unit


def test_a_dhcpd_in_somebody_elses_service_is_not_that_service():
    mine = units.Unit("cron.service", "loaded", "active", 1)
    assert not units.serves(mine, os.getpid())
    assert units.serves(units.Unit("x.service", "loaded", "active", 0), os.getpid())
    with subprocess.Popen(["sleep", "60"]) as child:
        named = units.Unit("x.service", "loaded", "active", child.pid)
        assert units.serves(named, child.pid)
        # A program that starts others, and does not name this one (supervisord).
        above = units.Unit("supervisor.service", "loaded", "active", os.getpid())
        assert not units.serves(above, child.pid)
        child.kill()


def test_a_shell_around_dhcpd_is_its_unit():
    script = "echo up; sleep 60; true"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as shell:
        assert shell.stdout.readline() == b"up\n"
        children = Path(f"/proc/{shell.pid}/task/{shell.pid}/children")
        deadline = time.monotonic() + 30
        while not children.read_text("ascii").split() and time.monotonic() < deadline:
            time.sleep(0.01)
        (inside,) = (int(word) for word in children.read_text("ascii").split())
        around = units.Unit("x.service", "loaded", "active", shell.pid)
        # Forked, it is the shell for a moment still.
        while units.parent_of(inside) and not units.serves(around, inside):
            assert time.monotonic() < deadline
        os.kill(inside, signal.SIGKILL)
        shell.kill()


@pytest.mark.parametrize(
    "start, main, words",
    [
        ("code=(null) ; status=0/0", "217", "could not take its user (status=217)"),
        # One that forks, as Debian's: what starts dhcpd is no main process.
        ("code=exited ; status=217", "0", "could not take its user (status=217)"),
        ("code=exited ; status=226", "0", "could not set up its mount namespace"),
        ("code=exited ; status=203", "0", "could not execute its program"),
    ],
)
def test_what_systemd_could_not_do_before_dhcpd_began_is_told(start, main, words):
    shown = (
        f"ExecStart={{ path=/x ; argv[]=/x ; ignore_errors=no ; pid=9 ; {start} }}\nId=d.service\n"
        f"LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainStatus={main}\n"
    )
    code, text = units.parse("d", shown).refusal
    assert code == "unit-refused" and words in text
    # Where dhcpd itself ended, its own words tell.
    ended = shown.replace(start, "code=exited ; status=1").replace("=217\n", "=1\n")
    assert units.parse("d", ended).refusal is None
