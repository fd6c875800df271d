"""An upgrade as a user does it: the old tree synced, then the new one over it."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from iscdhcp import wire

from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.waiting import wait_until

#: A commit whose library lay in one flat folder.
OLD = "e696520935e75eb2c08fb6951fd598cf69f2f007"
SERVED = ("_beacons", "_modules", "_output", "_runners", "_states", "_utils", "orch", "reactor")

pytestmark = pytest.mark.slow


@pytest.fixture
def old_tree():
    """The served folders as they were before the rooms."""
    there = subprocess.run(["git", "-C", CHECKOUT, "cat-file", "-e", OLD], check=False)
    if there.returncode:
        pytest.fail(f"this clone has no history: git fetch --unshallow (commit {OLD[:7]})")
    path = RUN_DIR / "old-tree"
    path.mkdir()
    archive = subprocess.run(
        ["git", "-C", CHECKOUT, "archive", OLD, *SERVED], check=True, stdout=subprocess.PIPE
    )
    subprocess.run(["tar", "-x", "-C", path], input=archive.stdout, check=True)
    return path


def serve(master, file_root, tree):
    """Let the master serve another tree, as after a git pull."""
    for name in SERVED:
        (file_root / name).unlink()
        (file_root / name).symlink_to(tree / name)
    # A sync within some 20 s of a change reads the old list (docs and CHANGELOG say so).
    cleared = master.salt_run_cli().run("fileserver.clear_file_list_cache")
    assert cleared.returncode == 0, cleared


def sync_master(pair, master):
    assert master.salt_run_cli(timeout=120).run("saltutil.sync_all").returncode == 0
    master.terminate()
    master.start()
    wait_until(lambda: all(pair.answers(name) for name in pair.minions), "they answer", 60.0)


def sync_minions(pair, master):
    synced = master.salt_cli(timeout=120).run("saltutil.sync_all", minion_tgt="*")
    assert synced.returncode == 0, synced
    for minion in pair.minions.values():
        minion.terminate()
        minion.start()
    wait_until(lambda: all(pair.answers(name) for name in pair.minions), "they answer", 60.0)


def test_the_new_tree_is_synced_over_the_old_one(pair, master, file_root, old_tree, monkeypatch):
    # Daemons and commands import what was synced, and nothing of the checkout.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for daemon in (master, *pair.minions.values()):
        daemon.environ.pop("PYTHONPATH", None)
        # A machine that has never seen the new one.
        shutil.rmtree(daemon.config["extension_modules"])
    try:
        serve(master, file_root, old_tree)
        sync_master(pair, master)
        sync_minions(pair, master)
        facts = pair.ask("dhcp-a", "dhcpd.status", brief=True)
        assert isinstance(facts, dict), facts
        assert facts["process"]["running"] and "wire" not in facts, facts
        old = pair.orchestrate()
        assert old.returncode == 0, str(old)
        assert pair.touched == ["dhcp-a", "dhcp-b"]
        pair.before = pair.processes()
    finally:
        serve(master, file_root, CHECKOUT)
        sync_master(pair, master)
    # The master is new and the minions are old: one sentence says what to do.
    mixed = pair.orchestrate()
    assert mixed.returncode == 1, str(mixed)
    refusal = mixed.step("Both servers are fit for it")["comment"]
    assert f"of another version than the master's (facts 1, not {wire.VERSION})" in refusal, refusal
    assert "salt dhcp-a saltutil.sync_all" in refusal, refusal
    assert pair.salt_run("dhcp_failover.status").returncode == 1
    assert pair.touched == []

    sync_minions(pair, master)
    for name, minion in pair.minions.items():
        extmods = f"{minion.config['extension_modules']}/utils"
        shown = pair.lab[name].run(["ls", f"{extmods}/iscdhcp"]).stdout.split()
        assert "rules" in shown and "process.py" not in shown, (name, shown)
    assert pair.ask("dhcp-a", "dhcpd.status", brief=True)["wire"] == wire.VERSION
    new = pair.orchestrate()
    assert new.returncode == 0, str(new)
    assert pair.touched == ["dhcp-a", "dhcp-b"]
