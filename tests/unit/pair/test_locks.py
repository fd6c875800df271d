"""What the master keeps on disk."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from iscdhcp import files
from iscdhcp.pair import locks

OWNER = {"who": "ann on master", "pair": "foo", "pid": 7, "since": 0}


def test_two_runs_that_share_a_server_do_not_run_together(tmp_path):
    first, second = locks.ServerLocks(tmp_path), locks.ServerLocks(tmp_path)
    first.acquire(["a", "hub"], OWNER)
    with pytest.raises(locks.Held, match="hub is locked by the run of foo .ann on master, pid 7"):
        second.acquire(["c", "hub"], {**OWNER, "pair": "bar"})
    assert second.servers == []
    assert first.owner("hub") and first.owner("c") is None
    first.release()
    second.acquire(["c", "hub"], OWNER)
    second.release()


def test_a_killed_run_leaves_no_lock(tmp_path):
    code = (
        "import sys, time; from iscdhcp.pair import locks;"
        f"locks = locks.ServerLocks({str(tmp_path)!r}); locks.acquire(['a'], {OWNER!r});"
        "print('locked', flush=True); time.sleep(60)"
    )
    environ = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environ
    ) as other:
        assert other.stdout.readline()
        mine = locks.ServerLocks(tmp_path)
        with pytest.raises(locks.Held):
            mine.acquire(["a"], OWNER)
        other.kill()
        other.wait()
    mine.acquire(["a"], OWNER)
    mine.release()


def test_a_hold_refuses_with_who_and_why_until_it_is_released(tmp_path):
    holds = locks.Holds(tmp_path)
    holds.put("a", "ann", "power works", None)
    with pytest.raises(locks.Held, match="a is held by ann: power works"):
        holds.check(["b", "a"])
    assert holds.release("a")
    assert not holds.release("a")
    holds.check(["a"])


def test_a_hold_ends_by_itself_and_an_unreadable_one_does_not(tmp_path):
    holds = locks.Holds(tmp_path)
    holds.put("a", "ann", "x", time.time() - 1)
    holds.check(["a"])
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(locks.Held, match="unreadable"):
        holds.check(["a"])


def test_files_are_replaced_whole_and_private(tmp_path):
    path = tmp_path / "x" / "run.json"
    files.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert files.read_json(path) == {"a": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == ["run.json"]


def test_names_from_configurations_stay_inside_their_folder():
    assert "/" not in files.file_name("../../etc/passwd")
    assert files.file_name("foo:a.b") != files.file_name("foo:a:b")
