"""A server whose files can't be put in place, or back, is started; the full disk is a fake."""

from __future__ import annotations

from types import SimpleNamespace

from iscdhcp.act import here as act_here
from iscdhcp.act import restarting
from iscdhcp.act import starting
from modelled_server import ModelledHost
from modelled_server import ModelledServer


def full(*_):
    raise OSError(28, "No space left on device")


def here(tmp_path, **stage):
    return SimpleNamespace(
        id="dhcp-a",
        server=lambda: SimpleNamespace(process=None, lease_file=str(tmp_path / "dhcpd.leases")),
        notes=SimpleNamespace(stage=SimpleNamespace(record=None, **stage)),
        masked=str,
    )


def begin(minion):
    """Return the answer, and how often dhcpd was started."""
    manager = SimpleNamespace(prepare=lambda: None, stop=lambda: None)
    starts = []

    def start_again():
        starts.append(1)
        return {"result": True, "comment": "dhcpd on dhcp-a started.", "new": {"pid": 7}}

    answer = restarting.start_with_staged(minion, "run-1", manager, {"pid": 6}, start_again)
    return answer, len(starts)


def test_it_starts_with_its_old_files_where_the_lease_file_can_not_be_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(restarting.before_rollout, "keep", full)
    answer, starts = begin(here(tmp_path, apply=full, roll_back=lambda run: []))
    assert starts == 1
    assert answer["result"] is False and answer["rolled_back"] is True
    assert "No space left on device. dhcp-a has its old configuration back" in answer["comment"]


def test_it_starts_with_what_there_is_where_the_old_files_can_not_be_brought_back(
    tmp_path,
):
    answer, starts = begin(here(tmp_path, apply=full, roll_back=full))
    assert starts == 1
    assert answer["result"] is False and answer["rolled_back"] is False
    assert answer["new"] == {"pid": 7}
    assert "dhcpd.roll_back on dhcp-a" in answer["comment"]


def test_what_stops_both_starts_is_told_once(tmp_path):
    manager = SimpleNamespace(prepare=lambda: None, stop=lambda: None)
    why = "dhcpd ended right after its start: Can't open dhcpd.leases for append."

    def start_again():
        comment = f"{why} dhcpd is not running on dhcp-a."
        return {"result": False, "comment": comment, "why": why}

    minion = here(tmp_path, apply=lambda run: [], roll_back=lambda run: [])
    answer = restarting.start_with_staged(minion, "run-1", manager, {"pid": 6}, start_again)
    assert answer["comment"] == f"{why} dhcpd is not running on dhcp-a."
    assert answer["rolled_back"] is False


def test_a_restart_on_a_disk_that_gets_full_meanwhile_is_a_restart(tmp_path, monkeypatch):
    host = ModelledHost()
    minion = ModelledServer(tmp_path, host)
    real = act_here.write_json

    def write(path, data):
        if host.running is None or host.running.pid != 100:
            full()
        real(path, data)

    monkeypatch.setattr(act_here, "write_json", write)
    answer = restarting.restart(minion, (), None, None, "signal", None, None, None)
    assert answer["result"], answer["comment"]
    assert host.running.pid != 100


def test_a_start_that_can_not_be_noted_is_a_start(monkeypatch, tmp_path):
    told = []
    monkeypatch.setattr(act_here, "write_json", full)
    monkeypatch.setattr(starting.log, "warning", lambda text, **_: told.append(text))
    minion = SimpleNamespace(notes=act_here.Notes(tmp_path, "dhcp-a"))
    starting.note_start(minion, 0.1)
    assert told == ["the start of dhcpd could not be noted"]
