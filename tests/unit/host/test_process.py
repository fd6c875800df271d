"""dhcpd's process: found, watched and ended with care."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from iscdhcp.host import process

from lab.waiting import wait_until

# A stand-in that only has the name: what is tested here is signals and /proc, not dhcpd.
NAME = f"dhcpd-of-test-{os.getpid()}"
SLEEPER = "import sys, time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def sleeper():
    with subprocess.Popen(
        [NAME, "-c", SLEEPER],
        executable=sys.executable,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout.readline()
        yield child
        child.kill()


def find():
    return process.find((NAME,))


def test_a_process_is_found_with_its_start_and_identity(sleeper):
    (found,) = find()
    assert found.pid == sleeper.pid
    assert abs(found.started - time.time()) < 10
    assert process.is_alive(found) and not found.stopped and not found.gentle_shutdown


def test_a_one_shot_check_is_no_server():
    with subprocess.Popen([NAME, "-c", SLEEPER, "-t"], executable=sys.executable) as child:
        try:
            assert find() == []
        finally:
            child.kill()


def test_a_dhcpd_that_has_ended_and_was_not_waited_for_is_not_alive(sleeper):
    """Its parent has not asked for its exit code yet: it is in the process table all the same."""
    (found,) = find()
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    assert not process.is_alive(found)
    assert find() == []
    assert process.wait_exit(found, 5)


def test_an_established_failover_connection_is_read_from_the_kernel(tmp_path, monkeypatch):
    table = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:0287 0200007F:D431 {state} 00000000:00000000 00:00000000 00000000     0
"""
    monkeypatch.setattr(process, "PROC", tmp_path)
    (tmp_path / "net").mkdir()
    for state, expected in (("01", True), ("06", False)):
        (tmp_path / "net/tcp").write_text(table.format(state=state))
        assert process.failover_connected("127.0.0.1", "127.0.0.2", (647, 647)) is expected
    (tmp_path / "net/tcp").write_text(table.format(state="01"))
    assert process.failover_connected("127.0.0.1", "127.0.0.3", (647, 647)) is False
    assert process.failover_connected("127.0.0.1", "127.0.0.2", (519, 520)) is False


def test_the_wait_for_an_exit_ends_at_its_time(sleeper):
    (found,) = find()
    begun = time.monotonic()
    assert not process.wait_exit(found, 0.2)
    assert 0.15 < time.monotonic() - begun < 2


# -- what the command line says ------------------------------------------------------------------


def known(*argv, **more):
    return process.Process(1, "b-1-1", 0.0, ("/usr/sbin/dhcpd", *argv), "S", False, **more)


def test_files_port_and_interfaces_are_read_from_the_command_line():
    one = known(*"-4 -q -cf /a -cf /c -lf /l -pf /p -p 1067 -user eth9 eth0 eth1".split())
    assert (one.config_file, one.explicit_lease_file, one.pid_file) == ("/c", "/l", "/p")
    assert (one.port, one.interfaces, one.foreground) == (1067, ("eth0", "eth1"), False)


def test_what_the_command_line_leaves_out_is_not_invented():
    one = known("-f", "--no-pid", "-pf", "/p")
    assert (one.config_file, one.explicit_lease_file, one.pid_file) == (None, None, None)
    assert (one.port, one.interfaces, one.foreground) == (67, (), True)


def test_the_environment_names_files_where_the_command_line_does_not():
    environment = (("-cf", "/env.conf"), ("-lf", "/env.leases"))
    assert known(environment=environment).config_file == "/env.conf"
    assert known("-cf", "/c", environment=environment).config_file == "/c"


def test_environment_and_lease_file_are_read_from_the_process(tmp_path):
    leases = tmp_path / "dhcpd.leases"
    code = (
        f"import os, time; f = os.open('{leases}.1795430377', os.O_WRONLY | os.O_CREAT); "
        "print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [NAME, "-c", code],
        executable=sys.executable,
        stdout=subprocess.PIPE,
        env={"PATH_DHCPD_CONF": "/env.conf"},
    ) as child:
        try:
            assert child.stdout.readline()
            (found,) = find()
            assert found.config_file == "/env.conf"
            assert found.open_lease_file == str(leases)
            os.rename(f"{leases}.1795430377", leases)
            assert find()[0].open_lease_file == str(leases)
            (tmp_path / "backup").write_text("")
            for act in (lambda: os.rename(tmp_path / "backup", leases), leases.unlink):
                act()
                (found,) = find()
                assert (found.open_lease_file, found.lost_lease_file) == (None, str(leases))
        finally:
            child.kill()


def test_the_lease_file_of_a_chroot_is_the_hosts(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root may chroot")
    # SUSE's service: dhcpd -chroot /var/lib/dhcp -lf /db/dhcpd.leases
    leases = tmp_path / "db/dhcpd.leases"
    leases.parent.mkdir()
    code = (
        f"import os, time; os.chroot('{tmp_path}'); f = os.open('/db/dhcpd.leases', "
        "os.O_WRONLY | os.O_CREAT); print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [NAME, "-c", code], executable=sys.executable, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout.readline()
            (found,) = find()
            assert found.open_lease_file == str(leases)
            assert found.where.located("/etc/dhcpd.conf") == "/etc/dhcpd.conf"
            assert found.own_root and not found.where.apart
        finally:
            child.kill()


FORKING = """
import os, time
if {serves}: f = os.open({file!r}, os.O_WRONLY | os.O_CREAT)
child = os.fork()
if child: print(os.getpid(), child, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("serves", [False, True])
def test_of_a_parent_and_its_child_the_one_that_serves_is_found(tmp_path, serves):
    # Not serving: it waits for the daemon to be ready. Serving: an execute statement forks.
    code = FORKING.format(serves=serves, file=str(tmp_path / "leases"))
    with subprocess.Popen(
        [NAME, "-c", code],
        executable=sys.executable,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        try:
            pids = [int(word) for word in parent.stdout.readline().split()]
            # What a test before this one has killed may take a moment to go.
            served = [pids[0] if serves else pids[1]]
            wait_until(lambda: [one.pid for one in find()] == served, "it is found", 20.0)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)


def test_a_server_of_another_network_is_left_out(sleeper):
    code = f"from iscdhcp.host import process; print(len(process.find(({NAME!r},))))"
    inside = ["unshare", "--net", sys.executable, "-c", code]
    done = subprocess.run(inside, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(f"no network namespace can be made here: {done.stderr.strip()}")
    assert done.stdout.strip() == "0"


def test_a_dhcpd_of_ipv6_is_found_as_such_and_is_no_server_of_ours():
    for more, count in ((["-6"], 1), (["-6", "-t"], 0), (["-4"], 0)):
        with subprocess.Popen(
            [NAME, "-c", SLEEPER, *more], executable=sys.executable, stdout=subprocess.PIPE
        ) as child:
            try:
                assert child.stdout.readline()
                assert len(process.find_v6((NAME,))) == count, more
                assert len(find()) == (more == ["-4"]), more
            finally:
                child.kill()


def test_a_program_that_was_replaced_on_disk_is_seen(tmp_path):
    program = tmp_path / NAME
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"], stdout=subprocess.PIPE) as child:
        try:
            wait = time.monotonic() + 10
            while not (found := find()) and time.monotonic() < wait:
                time.sleep(0.01)
            assert [one.replaced for one in found] == [False]
            shutil.copy("/bin/sleep", tmp_path / "new")
            os.replace(tmp_path / "new", program)
            (one,) = find()
            assert one.replaced and one.executable == str(program)
        finally:
            child.kill()
