"""dhcpd's process: found, watched and ended with care."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from iscdhcp import process
from iscdhcp.errors import ProcessError

# A stand-in that only has the name: what is tested here is signals and /proc, not dhcpd.
SLEEPER = "import sys, time; print('up', flush=True); time.sleep(60)"


@pytest.fixture
def sleeper():
    with subprocess.Popen(
        ["dhcpd-of-this-test", "-c", SLEEPER],
        executable=sys.executable,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout.readline()
        yield child
        child.kill()


def find():
    return process.find(("dhcpd-of-this-test",))


def test_a_process_is_found_with_its_start_and_identity(sleeper):
    (found,) = find()
    assert found.pid == sleeper.pid
    assert abs(found.started - time.time()) < 10
    assert process.is_alive(found) and not found.stopped and not found.gentle_shutdown


def test_a_one_shot_check_is_no_server():
    with subprocess.Popen(
        ["dhcpd-of-this-test", "-c", SLEEPER, "-t"], executable=sys.executable
    ) as child:
        try:
            assert find() == []
        finally:
            child.kill()


def test_it_is_ended_only_at_a_moment_that_is_approved(sleeper):
    (found,) = find()
    looks = []

    def look():
        assert find()[0].stopped, "it must be halted while it is looked at"
        looks.append(1)
        return len(looks) == 3

    done = process.signal_terminate(found, look, deadline=10)
    assert done["tries"] == 3
    sleeper.wait(5)
    assert sleeper.returncode == -15
    assert process.wait_exit(found, 5) and not process.is_alive(found)


def test_it_runs_on_when_no_moment_is_good(sleeper):
    (found,) = find()
    with pytest.raises(ProcessError, match="runs on"):
        process.signal_terminate(found, lambda: False, deadline=0.05)
    assert process.is_alive(found) and not find()[0].stopped


def test_it_runs_on_when_the_act_is_called_off(sleeper):
    (found,) = find()

    def look():
        raise RuntimeError("the partner has just gone")

    with pytest.raises(RuntimeError):
        process.signal_terminate(found, look, deadline=10)
    assert process.is_alive(found) and not find()[0].stopped


def test_a_process_that_has_ended_is_not_signalled(sleeper):
    (found,) = find()
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(ProcessError, match="ended already"):
        process.signal_terminate(found, lambda: True, deadline=1)


def test_a_reused_pid_is_another_process(sleeper):
    (found,) = find()
    other = process.Process(
        pid=found.pid,
        identity=found.identity + "0",
        started=found.started,
        argv=found.argv,
        state="S",
        gentle_shutdown=False,
    )
    assert not process.is_alive(other)
    with pytest.raises(ProcessError):
        process.signal_terminate(other, lambda: True, deadline=1)
    os.kill(sleeper.pid, 0)


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
