"""What an earlier version of the modules has kept is not mistaken for today's."""

from __future__ import annotations

import time

import pytest
from iscdhcp.act.here import Notes
from iscdhcp.facts import lease_counts
from iscdhcp.facts import pending
from iscdhcp.facts.server import Settings
from iscdhcp.facts.server import read_server
from iscdhcp.files import read_json
from iscdhcp.files import write_json
from iscdhcp.shapes import LeaseFacts
from modelled_server import CONFIGURATION
from modelled_server import ModelledHost


@pytest.fixture
def server(tmp_path):
    (tmp_path / "dhcpd.conf").write_text(CONFIGURATION)
    (tmp_path / "dhcpd.leases").touch()
    files = {"config_file": "dhcpd.conf", "lease_file": "dhcpd.leases"}
    settings = Settings(**{key: str(tmp_path / name) for key, name in files.items()})
    return read_server(settings, ModelledHost())


def test_counts_that_lack_a_key_are_made_again(server, tmp_path):
    counted = lease_counts.kept_or_counted(server, tmp_path, recount=True)
    assert set(counted) == LeaseFacts.__required_keys__
    kept = lease_counts.kept_or_counted(server, tmp_path, recount=False)
    assert kept["counted"] == counted["counted"]
    old = {key: value for key, value in counted.items() if key != "error"}
    write_json(tmp_path / lease_counts.KEPT, old)
    assert lease_counts.kept_or_counted(server, tmp_path, recount=False) is None
    assert lease_counts.kept_or_counted(server, tmp_path, recount=True)["error"] is None


def test_counts_that_can_not_be_kept_are_told_all_the_same(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lease_counts, "keep", full)
    assert lease_counts.kept_or_counted(server, tmp_path, recount=True)["error"] is None


def test_a_comparison_that_lacks_a_key_is_made_again(server, tmp_path):
    folder, conf = tmp_path / "notes", server.config_file
    folder.mkdir()
    assert pending.keep(folder, conf, "boot-1", time.time() + 5)
    (tmp_path / "dhcpd.conf").write_text(CONFIGURATION.replace("10.0.0.20", "10.0.0.30"))
    files = read_server(server.settings, ModelledHost()).configuration.files
    found = pending.pending(folder, conf, files, "boot-1", time.time())
    assert found["pending"] is True and found["marked"] is False
    kept = read_json(folder / pending.COMPARED)
    kept["found"] = {"pending": True, "reason": "old", "since": 1.0, "changes": []}
    write_json(folder / pending.COMPARED, kept)
    assert pending.pending(folder, conf, files, "boot-1", time.time()) == found


@pytest.mark.parametrize("kept", ["{}", "torn {", "[]", '{"seconds": "x", "time": 1}'])
def test_a_note_of_the_last_start_that_says_nothing_is_none(tmp_path, kept):
    (tmp_path / "last_start.json").write_text(kept)
    assert Notes(tmp_path, "dhcp-a").last_start is None
