"""dhcpd is ended at a moment of our choice, and never left halted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from iscdhcp.errors import ProcessError
from iscdhcp.host import ending
from iscdhcp.host import process

# A stand-in that only has the name: what is tested here is signals and /proc, not dhcpd.
NAME = f"dhcpd-to-be-ended-{os.getpid()}"
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


@pytest.fixture(params=["ptrace", "SIGSTOP"])
def how(request, monkeypatch):
    """Both ways of halting it; a container may allow the second one only."""
    if request.param == "SIGSTOP":
        monkeypatch.setattr(ending, "_traced", lambda one: None)
    return request.param


def find():
    return process.find((NAME,))


def runs_on():
    deadline = time.monotonic() + 10
    while find()[0].stopped and time.monotonic() < deadline:
        time.sleep(0.005)
    return not find()[0].stopped


def test_it_is_ended_only_at_a_moment_that_is_approved(sleeper, how):
    (found,) = find()
    looks = []

    def look():
        assert find()[0].stopped, "it must be halted while it is looked at"
        looks.append(1)
        return len(looks) == 3

    done = ending.signal_terminate(found, look, deadline=10)
    assert (done["tries"], done["how"]) == (3, how)
    sleeper.wait(5)
    assert sleeper.returncode == -15
    assert process.wait_exit(found, 5) and not process.is_alive(found)


def test_it_runs_on_when_no_moment_is_good(sleeper, how):
    (found,) = find()
    with pytest.raises(ProcessError, match="runs on"):
        ending.signal_terminate(found, lambda: False, deadline=0.05)
    assert process.is_alive(found) and not find()[0].stopped


def test_it_runs_on_when_the_act_is_called_off(sleeper, how):
    (found,) = find()

    def look():
        raise RuntimeError("the partner has just gone")

    with pytest.raises(RuntimeError):
        ending.signal_terminate(found, look, deadline=10)
    assert process.is_alive(found) and not find()[0].stopped


def test_a_process_that_has_ended_is_not_signalled(sleeper, how):
    (found,) = find()
    sleeper.kill()
    sleeper.wait()
    with pytest.raises(ProcessError, match="ended already"):
        ending.signal_terminate(found, lambda: True, deadline=1)


def test_a_reused_pid_is_another_process(sleeper, how):
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
        ending.signal_terminate(other, lambda: True, deadline=1)
    os.kill(sleeper.pid, 0)


@pytest.mark.parametrize("without", ["pidfd_open", "pidfd_send_signal"])
def test_it_is_ended_where_python_or_the_kernel_knows_no_pidfd(sleeper, how, monkeypatch, without):
    monkeypatch.delattr(os if without == "pidfd_open" else signal, without)
    (found,) = find()
    ending.signal_terminate(found, lambda: True, deadline=10)
    sleeper.wait(5)
    assert process.wait_exit(found, 5)


def test_it_runs_on_when_the_one_who_halted_it_is_killed(sleeper, how):
    code = (
        "import os, signal, sys; from iscdhcp.host import ending, process; "
        "(found,) = process.find((sys.argv[1],)); "
        "ending.signal_terminate(found, lambda: os.kill(os.getpid(), signal.SIGKILL), 10)"
    )
    done = subprocess.run([sys.executable, "-c", code, NAME], check=False)
    assert done.returncode == -signal.SIGKILL
    assert runs_on()


def test_it_runs_on_when_all_that_halted_it_is_killed_at_once(sleeper, how):
    """A service manager kills the whole group of a minion."""
    code = (
        "import os, signal, sys; from iscdhcp.host import ending, process; "
        "(found,) = process.find((sys.argv[1],)); "
        "ending.signal_terminate(found, lambda: os.killpg(0, signal.SIGKILL), 10)"
    )
    done = subprocess.run([sys.executable, "-c", code, NAME], check=False, start_new_session=True)
    assert done.returncode == -signal.SIGKILL
    assert runs_on()


def test_a_process_that_cannot_be_halted_is_not_looked_at(sleeper, monkeypatch):
    (found,) = find()
    monkeypatch.setattr(ending, "_traced", lambda one: None)
    monkeypatch.setattr(ending, "HALT_SECONDS", 0.02)
    monkeypatch.setattr(
        process, "state_of", lambda pid: ("D", 1, int(found.identity.split("-")[2]))
    )
    with pytest.raises(ProcessError, match="runs on"):
        ending.signal_terminate(found, lambda: pytest.fail("looked"), deadline=0.05)


def test_it_runs_on_when_every_process_of_the_minion_is_killed_at_once(sleeper):
    """A control group that is killed takes along whoever would wake it: ptrace needs nobody."""
    code = (
        "import os, signal, sys; from iscdhcp.host import ending, process\n"
        "(found,) = process.find((sys.argv[1],))\n"
        "def all_at_once():\n"
        "    mine = open(f'/proc/self/task/{os.getpid()}/children').read().split()\n"
        "    for one in [*map(int, mine), os.getpid()]: os.kill(one, signal.SIGKILL)\n"
        "ending.signal_terminate(found, all_at_once, 10)"
    )
    done = subprocess.run([sys.executable, "-c", code, NAME], check=False)
    assert done.returncode == -signal.SIGKILL
    assert runs_on()


def test_a_signal_that_comes_while_it_is_halted_is_not_lost(sleeper):
    (found,) = find()

    def look():
        os.kill(found.pid, signal.SIGUSR1)
        return False

    with pytest.raises(ProcessError, match="runs on|ended already"):
        ending.signal_terminate(found, look, deadline=0.0)
    assert sleeper.wait(5) != 0


def test_one_that_is_killed_while_it_is_halted_is_not_kept_as_a_zombie(sleeper):
    (found,) = find()

    def look():
        os.kill(found.pid, signal.SIGKILL)
        time.sleep(0.05)
        return False

    with pytest.raises(ProcessError, match="ended already|runs on"):
        ending.signal_terminate(found, look, deadline=0.0)
    assert process.wait_exit(found, 5)


def test_all_threads_are_halted(tmp_path):
    counter = tmp_path / "count"
    code = (
        "import sys, threading, time\n"
        "def count():\n"
        "    n = 0\n"
        "    while True:\n"
        "        n += 1; open(sys.argv[1], 'w').write(str(n))\n"
        "        if n == 1: print('up', flush=True)\n"
        "threading.Thread(target=count, daemon=True).start()\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [NAME, "-c", code, str(counter)], executable=sys.executable, stdout=subprocess.PIPE
    ) as child:
        try:
            assert child.stdout.readline()
            (found,) = find()
            seen = []

            def look():
                before = counter.read_text()
                time.sleep(0.1)
                seen.append(before == counter.read_text())
                return True

            done = ending.signal_terminate(found, look, 5)
            assert (seen, done["how"]) == ([True], "SIGSTOP")
            assert child.wait(5) == -15
        finally:
            child.kill()
