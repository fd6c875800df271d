"""A run that is watched and steered from another terminal; its journal and its page."""

from __future__ import annotations

import stat

from steered import alive
from steered import entries_of
from steered import until_it_writes


def test_a_run_is_paused_watched_resumed_and_told_afterwards(pair):
    pair.block_new_failover_connections("dhcp-a")
    watcher = pair.begin("dhcp_failover.watch", "foo")
    watcher.until_it_says("waiting for one to begin")
    run = pair.begin_orchestration()
    run.until_it_says("Waiting: ")

    paused = pair.salt_run("dhcp_failover.pause", "foo", "why=power works")
    assert paused.returncode == 0, str(paused)
    assert paused.answer["comment"].startswith("Paused by root on "), str(paused)
    assert "power works" in paused.answer["comment"]
    assert "Restarted so far: dhcp-b. Left to do: dhcp-a." in paused.answer["comment"]
    pair.unblock("dhcp-a")
    other = pair.salt_run("dhcp_failover.restart", "foo")
    assert other.returncode == 1
    assert "paused by root on " in other.told, str(other)
    (now,) = pair.salt_run("dhcp_failover.history", "limit=1").answer
    assert (now["outcome"], now["restarted"]) == ("paused", ["dhcp-b"])
    assert run.returncode is None
    assert pair.touched == ["dhcp-b"]

    resumed = pair.salt_run("dhcp_failover.resume")
    assert resumed.returncode == 0, str(resumed)
    assert run.wait().returncode == 0, str(run)
    assert watcher.wait(20.0).returncode == 0, str(watcher)
    assert watcher.answer["outcome"] == "done"
    assert "Paused by root on " in watcher.stderr
    assert "dhcp-a: foo communications-interrupted" in watcher.stderr
    assert pair.dhcp.is_normal()

    late = pair.salt_run("dhcp_failover.abort")
    assert late.returncode == 1, str(late)
    assert "No run is under way" in late.answer["comment"], str(late)
    assert "done since" in late.answer["comment"]
    check_what_is_kept(pair)
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def check_what_is_kept(pair):
    """The journal tells it all, to its owner alone, and so does the page."""
    folder = pair.folder / "journal"
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with open(file, "a", encoding="utf-8") as torn:
        torn.write('{"at": 1, "what": "sa')
    whats = {entry["what"] for entry in entries_of(pair)}
    assert {"begun", "seen", "decision", "acted", "paused", "resumed", "log", "ended"} <= whats
    shown = pair.salt_run("dhcp_failover.show")
    assert shown.returncode == 0, str(shown)
    assert shown.answer["outcome"] == "done"
    assert any("dhcpd on dhcp-b restarted" in line for line in shown.answer["what happened"])
    page = pair.folder.parent / "page.html"
    written = pair.salt_run("dhcp_failover.report", f"file={page}")
    assert written.returncode == 0, str(written)
    text = page.read_text("utf-8")
    page.unlink()
    assert "<svg" in text and "communications-interrupted" in text and "power works" in text


def test_an_aborted_run_says_what_is_left_and_the_same_command_does_it(pair):
    pair.block_new_failover_connections("dhcp-a")
    run = pair.begin("dhcp_failover.restart", "foo")
    run.until_it_says("Waiting: ")
    order = pair.salt_run("dhcp_failover.abort", "dhcp-b", "why=wrong day")
    assert order.returncode == 0, str(order)
    assert run.wait(20.0).returncode == 1, str(run)
    comment = run.answer["comment"]
    assert comment.startswith("Aborted by root on ") and "wrong day" in comment
    assert "Left to do: dhcp-a." in comment and "\n" not in comment
    assert "leave both running" in comment
    assert "Traceback" not in run.told
    assert pair.locked == {}

    pair.unblock("dhcp-a")
    again = pair.salt_run("dhcp_failover.restart", "foo")
    assert again.returncode == 0, str(again)
    assert "already" in again.answer["steps"]["restart of dhcp-b"]
    (run,) = pair.salt_run("dhcp_failover.history").answer
    assert (run["outcome"], run["attempts"]) == ("done", 2)
    assert pair.restarts == ["dhcp-b", "dhcp-a"]


def test_an_order_to_restart_that_comes_late_restarts_nothing_twice(pair):
    """The run is killed with its order on the way; the next one gives the same order again."""
    killed = pair.begin("dhcp_failover.restart", "foo")
    until_it_writes(pair, killed, "step", name="restart")
    pair.silence("dhcp-b")
    killed.end()
    assert not alive(pair)
    assert entries_of(pair)[-1]["what"] != "ended"
    again = pair.begin("dhcp_failover.restart", "foo")
    again.until_it_says("locked for foo")
    pair.wake("dhcp-b")
    assert again.wait().returncode == 0, str(again)
    assert pair.dhcp.is_normal()
    assert pair.restarts == ["dhcp-b", "dhcp-a"]
