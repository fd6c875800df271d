"""Not seen is not down: what speaks for a dhcpd that the process table does not show."""

from __future__ import annotations

import os
import socket

import pytest
from iscdhcp.conf import syntax
from iscdhcp.conf import views as conf_views
from iscdhcp.facts import lease_folder
from iscdhcp.facts import presence
from iscdhcp.facts.server import Server
from iscdhcp.facts.server import Settings
from iscdhcp.host import process
from iscdhcp.host import units

PEER = """failover peer "foo" {{ secondary; address 127.0.0.1; port {port};
peer address 127.0.0.2; peer port 647; }}
"""


@pytest.fixture
def udp():
    """A UDP port that this process holds alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield one


def test_a_port_that_somebody_holds_alone_stands_in_the_way(udp):
    (sign,) = presence.signs(None, port=udp.getsockname()[1])
    assert sign.blocks and sign.pid == os.getpid() and f"pid {os.getpid()}" in sign.text


def test_a_port_that_is_shared_is_only_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(("127.0.0.1", 0))
        (sign,) = presence.signs(None, port=one.getsockname()[1])
    assert not sign.blocks


def test_a_failover_port_on_which_somebody_listens_speaks_for_a_dhcpd():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
        views = conf_views.views(syntax.parse_text(PEER.format(port=port)))
        assert presence.signs(views, port=1) == []
        one.listen()
        (sign,) = presence.signs(views, port=1)
    assert sign.blocks and sign.pid == os.getpid() and "failover port of foo" in sign.text


def test_a_living_main_process_of_the_unit_speaks_for_a_dhcpd(monkeypatch):
    unit = units.Unit("dhcpd.service", "loaded", "active", os.getppid())
    monkeypatch.setattr(units, "read", lambda name: unit)
    (sign,) = presence.signs(None, ["dhcpd"], port=1)
    assert sign.blocks and sign.pid == os.getppid() and "dhcpd.service" in sign.text
    ended = units.Unit("dhcpd.service", "loaded", "active", 0)
    monkeypatch.setattr(units, "read", lambda name: ended)
    assert presence.signs(None, ["dhcpd"], port=1) == []


def server(tmp_path, **of_process):
    (tmp_path / "dhcpd.leases").write_text("lease", encoding="utf-8")
    running = process.Process(
        pid=os.getpid(),
        identity="x",
        started=1.0,
        argv=("dhcpd",),
        state="S",
        gentle_shutdown=False,
        **of_process,
    )
    path = str(tmp_path / "dhcpd.leases")
    return Server(Settings(), [running], None, None, "/etc/dhcp/dhcpd.conf", path)


def test_a_lease_folder_with_room_is_fine(tmp_path):
    assert lease_folder.problem(server(tmp_path)) is None


def test_a_full_lease_folder_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(lease_folder, "needed", lambda size: 1 << 60)
    assert "make room" in lease_folder.problem(server(tmp_path))


def test_another_users_lease_folder_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(process, "PROC", tmp_path)
    folder = tmp_path / str(os.getpid())
    folder.mkdir()
    status = "Uid:\t5\t5\t5\t5\nGid:\t6\t6\t6\t6\nGroups:\t7 8\nCapEff:\t{caps}\n"
    (folder / "status").write_text(status.format(caps="0000000000000000"), encoding="utf-8")
    tmp_path.chmod(0o755)
    assert "may not write" in lease_folder.problem(server(tmp_path))
    os.chown(tmp_path, -1, 7)
    tmp_path.chmod(0o775)
    assert lease_folder.problem(server(tmp_path)) is None
    tmp_path.chmod(0o755)
    (folder / "status").write_text(status.format(caps="000001ffffffffff"), encoding="utf-8")
    assert lease_folder.problem(server(tmp_path)) is None
