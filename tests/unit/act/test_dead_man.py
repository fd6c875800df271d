"""Who stands by for a call that stops and starts dhcpd, and what it does when the call dies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
from iscdhcp.act import claims
from iscdhcp.act import dead_man
from iscdhcp.act import restarting
from iscdhcp.act import silenced
from iscdhcp.act.drain import PAUSED
from iscdhcp.act.drain import Note
from iscdhcp.act.service import Service
from iscdhcp.clock import SYSTEM
from iscdhcp.errors import ActError
from iscdhcp.host.process import Process
from modelled_server import ModelledClock


@pytest.fixture
def systemd(host, monkeypatch):
    """The modelled host has systemd; what is ordered of it, in its order."""
    ordered = []
    monkeypatch.setattr(host, "is_systemd", lambda: True)
    monkeypatch.setattr(host, "stand_by", lambda unit, argv: ordered.append((unit, argv)))
    return ordered


def service(host):
    return Service({"service.available": lambda name: True}, {}, "dhcpd", (), None, host)


def test_somebody_stands_by_until_it_is_disarmed(here, host, systemd):
    man = dead_man.arm(here, service(host))
    ((unit, argv),) = systemd
    assert unit.startswith(f"dhcpd-stands-by-{os.getpid()}-") and man.armed
    assert argv[3:5] == ["sh", str(os.getpid())]
    (file,) = here.notes.folder.glob("stands-by-*.json")
    assert json.loads(file.read_text())["service"] == "dhcpd"
    man.disarm()
    assert not file.exists()


def test_a_restart_without_anybody_who_can_stand_by_is_made_all_the_same(here, host, systemd):
    def refuses(unit, argv):
        raise ActError("systemd-run: Failed to connect to bus")

    host.stand_by = refuses
    assert not dead_man.arm(here, service(host)).armed
    assert not list(here.notes.folder.glob("stands-by-*"))


def test_a_file_that_can_not_be_removed_is_no_failure_of_an_act(here, host, systemd, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    man = dead_man.arm(here, service(host))
    monkeypatch.setattr(dead_man.Path, "unlink", read_only)
    monkeypatch.setattr(dead_man, "boot_id", lambda: "another")
    assert dead_man.arm(here, service(host)).armed
    man.disarm()
    assert not man.armed


def test_two_that_stand_by_for_one_call_have_units_of_their_own(here, host, systemd):
    dead_man.arm(here, service(host))
    dead_man.arm(here, service(host))
    assert len({unit for unit, _ in systemd}) == 2


def test_nobody_stands_by_where_there_is_no_systemd(here, host):
    assert not dead_man.arm(here, service(host)).armed


def test_whatever_raises_between_stop_and_start_leaves_somebody_to_start_it(
    here, host, monkeypatch
):
    def killed(*_, **__):
        raise SystemExit(143)

    monkeypatch.setattr(restarting, "start_as_it_ran", killed)
    armed_first = dead_man.DeadMan(here.notes.folder / "there")
    monkeypatch.setattr(dead_man, "arm", lambda *_: armed_first)
    with pytest.raises(SystemExit):
        restarting.restart(here, (), None, None, "signal", None, None, None)
    assert host.running is None and armed_first.armed


def waits(tmp_path, pid, command):
    """Run the waiting shell for a process with that pid; a command in the place of our Python."""
    file = tmp_path / "armed"
    file.write_text("{}")
    argv = ["/bin/sh", "-c", dead_man.WAITS, "sh", str(pid), str(file), *command]
    return file, subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def test_it_waits_for_the_end_of_the_call_and_then_acts(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as call:
        code = "import sys; print('acts for', sys.argv[2])"
        file, shell = waits(tmp_path, call.pid, [sys.executable, code, "x"])
        assert shell.poll() is None
        call.kill()
        call.wait()
        assert shell.communicate(timeout=20)[0] == f"acts for {file}\n"


def test_it_ends_without_a_word_once_it_is_disarmed(tmp_path):
    file, shell = waits(tmp_path, os.getpid(), [sys.executable, "print('acts')", "x"])
    file.unlink()
    assert shell.communicate(timeout=20)[0] == "" and shell.returncode == 0


OLD = Process(100, "boot-100", 1.0, ("dhcpd", "-q"), "S", False)
NEW = Process(101, "boot-101", 2.0, ("dhcpd", "-q"), "S", False)


class Systemd:
    """A host whose ``systemctl restart`` brings dhcpd up."""

    clock = SYSTEM

    def __init__(self, running):
        self.running, self.done = running, []

    def find(self, names):
        return [OLD] if self.running else []

    def systemctl(self, *words, check=True):
        self.done.append(words)
        self.running = True
        return ""


@pytest.fixture
def armed(tmp_path):
    leases = tmp_path / "dhcpd.leases"
    leases.write_text("# whole\n")
    file = tmp_path / "armed"
    wanted = {
        "service": "isc-dhcp-server",
        "settings": {},
        "identity": OLD.identity,
        "lease_file": str(leases),
    }
    wanted["since"] = 1_800_000_000.0
    file.write_text(json.dumps(wanted))
    return file


def test_dhcpd_is_started_for_a_call_that_has_died(armed, capsys):
    host = Systemd(running=False)
    assert dead_man.come_back(str(armed), host) == 0
    assert ("restart", "--no-block", "isc-dhcp-server") in host.done
    assert "dhcpd runs again." in capsys.readouterr().out
    assert not armed.exists()


def test_one_that_has_its_sigterm_and_is_on_its_way_out_is_started_when_it_is_gone(armed):
    host = Systemd(running=True)
    host.clock = ModelledClock()
    gone = host.clock.now + 19.0  # a slow disk
    host.find = lambda names: [OLD] if host.done or host.clock.now < gone else []
    assert dead_man.come_back(str(armed), host) == 0
    assert ("restart", "--no-block", "isc-dhcp-server") in host.done


def test_what_another_call_has_stopped_since_stays_down(armed, tmp_path):
    (tmp_path / "ended.json").write_text(json.dumps({"time": 1_800_000_001.0}))
    host = Systemd(running=False)
    assert dead_man.come_back(str(armed), host) == 0
    assert host.done == [] and not armed.exists()


def test_another_act_is_waited_for_and_not_disturbed(armed, tmp_path):
    host = Systemd(running=False)
    with claims.acting(tmp_path, "dhcp-b"):
        other = threading.Thread(target=dead_man.come_back, args=(str(armed), host))
        other.start()
        # Long enough for whoever does not wait for it.
        other.join(0.5)
        assert other.is_alive() and host.done == []
        host.running = True  # the other act has started it
    other.join(20.0)
    assert not other.is_alive() and host.done == []


def test_one_that_runs_is_left_alone(armed):
    host = Systemd(running=True)
    host.clock = ModelledClock()
    assert dead_man.come_back(str(armed), host) == 0
    assert host.done == []


def test_others_may_act_while_one_is_on_its_way_out(armed, tmp_path):
    host = Systemd(running=True)
    host.clock = ModelledClock()
    tried = []

    def sleep(seconds):
        with claims.acting(tmp_path, "dhcp-b"):
            tried.append(host.clock.now)
        host.clock.now += seconds

    host.clock.sleep = sleep
    dead_man.come_back(str(armed), host)
    assert len(tried) > 10


def test_what_stood_by_before_a_power_cut_stands_by_no_more(here, host, systemd, monkeypatch):
    monkeypatch.setattr(dead_man, "boot_id", lambda: "before")
    dead_man.arm(here, service(host))
    monkeypatch.setattr(dead_man, "boot_id", lambda: "now")
    assert dead_man.standing_by(here.notes.folder) == []
    man = dead_man.arm(here, service(host))
    (file,) = here.notes.folder.glob("stands-by-*.json")
    assert dead_man.standing_by(here.notes.folder) == [file]
    man.disarm()


def test_another_process_is_not_taken_for_one_that_is_on_its_way_out(armed):
    host = Systemd(running=True)
    host.clock = ModelledClock()
    host.find, begun = lambda names: [NEW], host.clock.now
    assert dead_man.come_back(str(armed), host) == 0
    assert host.done == [] and host.clock.now == begun


@pytest.mark.parametrize("heals", [True, False])
def test_what_the_dead_call_had_silenced_speaks_again(armed, tmp_path, monkeypatch, capsys, heals):
    Note(tmp_path / PAUSED).write(["foo"])
    host = Systemd(running=False)
    host.clock = ModelledClock()
    tries = iter(range(5))

    def speaks(server, note):
        if not heals or next(tries) < 3:
            raise ActError("nobody listens")
        note.clear()
        return ["foo"]

    monkeypatch.setattr(silenced, "speak_again", speaks)
    monkeypatch.setattr(dead_man, "read_server", lambda settings, host: None)
    assert dead_man.come_back(str(armed), host) == (0 if heals else 1)
    said = capsys.readouterr().out
    assert ("Resumed: foo." in said) == heals and ("dhcpd.resume brings it back" in said) != heals


def test_an_entry_that_dhcpd_died_over_is_cut_off_before_it_starts_it(armed, tmp_path, capsys):
    whole = "lease 10.0.0.10 {\n  binding state active;\n}\n"
    (tmp_path / "dhcpd.leases").write_text(whole + "lease 10.0.0.10 {\n  bind")
    assert dead_man.come_back(str(armed), Systemd(running=False)) == 0
    assert (tmp_path / "dhcpd.leases").read_text() == whole
    assert "lease 10.0.0.10), of which nobody has heard" in capsys.readouterr().out


def test_it_does_not_start_on_a_lease_file_that_would_be_forgotten(armed, tmp_path, capsys):
    (tmp_path / "dhcpd.leases").unlink()
    host = Systemd(running=False)
    assert dead_man.come_back(str(armed), host) == 1
    assert host.done == []
    assert "isc-dhcp-server is down: not started: the lease file" in capsys.readouterr().out
