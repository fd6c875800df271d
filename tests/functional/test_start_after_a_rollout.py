"""A server whose files can't be put in place, or back, is started; the full disk is a fake."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def service():
    spec = importlib.util.spec_from_file_location("served", ROOT / "_modules" / "dhcpd_service.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def full(*_):
    raise OSError(28, "No space left on device")


def here(tmp_path, **stage):
    return SimpleNamespace(
        id="dhcp-a",
        server=lambda: SimpleNamespace(process=None, lease_file=str(tmp_path / "dhcpd.leases")),
        stage=lambda: SimpleNamespace(**stage),
        state_dir=lambda: tmp_path,
        clear_pending=lambda: None,
        failed=lambda comment, **more: {"result": False, "comment": comment, **more},
    )


def begin(service, minion):
    """Return the answer, and how often dhcpd was started."""
    manager = SimpleNamespace(prepare=lambda: None, stop=lambda: None)
    starts = []

    def start_again():
        starts.append(1)
        return {"result": True, "comment": "dhcpd on dhcp-a started.", "new": {"pid": 7}}

    answer = service._start_with_staged(minion, "run-1", manager, {"pid": 6}, start_again)
    return answer, len(starts)


def test_it_starts_with_its_old_files_where_the_lease_file_can_not_be_kept(
    service, monkeypatch, tmp_path
):
    monkeypatch.setattr(service.before_rollout, "keep", full)
    answer, starts = begin(service, here(tmp_path, apply=full, roll_back=lambda run: []))
    assert starts == 1
    assert answer["result"] is False and answer["rolled_back"] is True
    assert "No space left" in answer["comment"] and "old configuration back" in answer["comment"]


def test_it_starts_with_what_there_is_where_the_old_files_can_not_be_brought_back(
    service, tmp_path
):
    answer, starts = begin(service, here(tmp_path, apply=full, roll_back=full))
    assert starts == 1
    assert answer["result"] is False and answer["rolled_back"] is False
    assert answer["new"] == {"pid": 7}
    assert "dhcpd.roll_back on dhcp-a" in answer["comment"]


def test_a_start_that_can_not_be_noted_is_a_start(service, monkeypatch, tmp_path):
    monkeypatch.setattr(service.dhcp_files, "write_json", full)
    service._note_start(here(tmp_path), 0.1)
