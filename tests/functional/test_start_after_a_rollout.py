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


def started(service, monkeypatch):
    starts = []
    answer = {"result": True, "comment": "dhcpd on dhcp-a started.", "new": {"pid": 7}}
    monkeypatch.setattr(service, "_start", lambda *a: starts.append(a) or dict(answer))
    return starts


def begin(service, minion):
    manager = SimpleNamespace(prepare=lambda: None, stop=lambda: None)
    return service._start_with_staged(minion, "run-1", frozenset(), None, manager, {"pid": 6})


def test_it_starts_with_its_old_files_where_the_lease_file_can_not_be_kept(
    service, monkeypatch, tmp_path
):
    starts = started(service, monkeypatch)
    monkeypatch.setattr(service.leases_return, "keep", full)
    answer = begin(service, here(tmp_path, apply=full, roll_back=lambda run: []))
    assert len(starts) == 1
    assert answer["result"] is False and answer["rolled_back"] is True
    assert "No space left" in answer["comment"] and "old configuration back" in answer["comment"]


def test_it_starts_with_what_there_is_where_the_old_files_can_not_be_brought_back(
    service, monkeypatch, tmp_path
):
    starts = started(service, monkeypatch)
    answer = begin(service, here(tmp_path, apply=full, roll_back=full))
    assert len(starts) == 1
    assert answer["result"] is False and answer["rolled_back"] is False
    assert answer["new"] == {"pid": 7}
    assert "dhcpd.roll_back on dhcp-a" in answer["comment"]


def test_a_start_that_can_not_be_noted_is_a_start(service, monkeypatch, tmp_path):
    monkeypatch.setattr(service.store, "write_json", full)
    service._note_start(here(tmp_path), 0.1)
