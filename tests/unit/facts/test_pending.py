"""Whether a restart is pending, and the reason that is given for it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from iscdhcp import errors
from iscdhcp import files as dhcp_files
from iscdhcp.conf import syntax
from iscdhcp.facts import pending
from iscdhcp.pair import locks

KEY = 'key "omapi-7f3c" {  # not "c2VjcmV0"\n  algorithm hmac-sha256; secret "c2VjcmV0";\n}\n'
MAIN = """
omapi-port 7911; omapi-key omapi-7f3c;
# a comment, 7f3c in it
include "%s/keys.conf";
subnet 192.0.2.0 netmask 255.255.255.0 { pool { range 192.0.2.50 192.0.2.99; } }
"""


class Server:
    """A configuration on disk and a process that was started with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "private"
        self.main = folder / "dhcpd.conf"
        self.keys = folder / "keys.conf"
        self.keys.write_text(KEY)
        self.main.write_text(MAIN % folder)
        self.started = time.time() + 1  # later than the files, as for a start that is over
        self.identity = "1:2"

    def keep(self) -> bool:
        return pending.keep(self.folder, str(self.main), self.identity, self.started)

    def edit(self, old: str, new: str, path: Path | None = None) -> None:
        path = path or self.main
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        later = time.time() + 5
        os.utime(path, (later, later))

    def ask(self, identity: str | None = "1:2"):
        try:
            files = syntax.parse_file(str(self.main)).files
        except errors.ConfError:
            files = None
        return pending.pending(self.folder, str(self.main), files, identity, self.started)


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_nothing_is_pending_right_after_a_start(server: Server) -> None:
    assert server.keep() is True
    assert server.ask() is None


def test_a_change_is_pending_with_its_reason(server: Server) -> None:
    server.keep()
    server.edit("192.0.2.99", "192.0.2.98")
    found = server.ask()
    assert found["pending"] is True
    assert "range 192.0.2.50 192.0.2.99" in found["reason"]
    assert "192.0.2.98" in found["reason"] and "is" in found["reason"]
    assert [line[0] for line in found["changes"]] == [" ", " ", "-", "+"]
    assert abs(found["since"] - server.main.stat().st_mtime) < 0.01
    assert server.ask() == found, "from what was kept of the comparison"
    server.edit("192.0.2.98", "192.0.2.99")
    assert server.ask() is None, "changed back"


def test_a_change_of_an_included_file_counts_and_a_new_file_too(server: Server) -> None:
    server.keep()
    server.edit("hmac-sha256", "hmac-md5", server.keys)
    assert server.ask()["pending"] is True
    server.edit("hmac-md5", "hmac-sha256", server.keys)
    assert server.ask() is None
    extra = server.main.with_name("extra.conf")
    extra.write_text("authoritative;")
    server.edit("omapi-port", f'include "{extra}"; omapi-port')
    assert "new: authoritative" in server.ask()["reason"]


def test_a_touched_file_or_another_comment_is_no_reason(server: Server) -> None:
    server.keep()
    os.utime(server.main, (time.time() + 9, time.time() + 9))
    assert server.ask() is None
    server.edit("# a comment", "# another comment {")
    assert server.ask() is None
    server.edit("; omapi-key", ";\n\n  omapi-key")
    assert server.ask() is None
    server.main.rename(server.main.with_name("old"))
    server.main.write_text(server.main.with_name("old").read_text())
    assert server.ask() is None, "the same in a new file"


def test_roles_and_addresses_count_here(server: Server) -> None:
    server.main.write_text("failover peer x { primary; address 1.2.3.4; peer address 1.2.3.5; }")
    server.keep()
    server.edit("primary", "secondary")
    assert "primary" in server.ask()["reason"]


def test_the_secret_of_a_key_is_said_to_have_changed_and_neither_it_nor_the_name_is_kept(
    server: Server,
) -> None:
    server.keep()
    server.edit('"c2VjcmV0";', '"bmV3bmV3";', server.keys)
    found = server.ask()
    assert found["pending"] is True and "secret of a key" in found["reason"]
    assert len(found["changes"]) == 1
    kept = {path.name: path.read_text() for path in server.folder.iterdir()}
    assert set(kept) == {pending.TEXTS, pending.FILES, pending.COMPARED}
    for text in (repr(found), *kept.values()):
        assert not any(word in text for word in ("7f3c", "c2VjcmV0", "bmV3bmV3"))


def test_the_copy_is_private_and_parses_as_the_files_do(server: Server) -> None:
    server.keep()
    for path in server.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tree = syntax.parse_file(str(server.main))
    texts = pending.masked_texts(tree, "n")
    copy = syntax.parse_texts(str(server.main), texts)
    places = [
        [(one.keyword, one.file, one.line) for one in syntax.walk(each.statements)]
        for each in (tree, copy)
    ]
    assert places[0] == places[1]
    assert "comment" not in "".join(texts.values())


def test_a_process_that_we_did_not_start_is_judged_by_time_stamps(server: Server) -> None:
    assert server.ask() is None, "its files are older than it"
    server.edit("# a comment", "# none")
    found = server.ask()
    assert found["pending"] == "unknown" and "dhcpd.conf was changed or touched" in found["reason"]
    server.started = time.time() + 20
    server.keep()
    server.edit("192.0.2.99", "192.0.2.97")
    server.started = time.time() - 3600
    assert server.ask("7:8")["pending"] == "unknown", "the copy is of another process"
    assert server.ask()["pending"] is True


def test_files_that_changed_while_dhcpd_started_are_not_kept(server: Server) -> None:
    assert server.keep() is True
    server.started = time.time() - 60
    assert server.keep() is False
    assert list(server.folder.iterdir()) == []
    assert server.ask()["pending"] == "unknown"


def test_a_broken_file_is_unknown_and_without_a_process_nothing_is_pending(server: Server) -> None:
    server.keep()
    server.edit("pool {", "pool ")
    found = server.ask()
    assert found["pending"] == "unknown" and "check_config" in found["reason"]
    assert server.ask(None) is None
    server.edit("pool ", "pool {")
    server.edit("192.0.2.99;", "192.0.2.999;")
    assert server.ask()["pending"] == "unknown", "it parses and means nothing"


def test_nothing_large_is_read_as_long_as_nothing_was_touched(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.keep()
    read: list[str] = []
    original = dhcp_files.read_json

    def noting(path: Path) -> object:
        read.append(path.name)
        return original(path)

    monkeypatch.setattr(dhcp_files, "read_json", noting)
    monkeypatch.setattr(pending, "read_json", noting)
    monkeypatch.setattr(locks, "read_json", noting)
    assert server.ask() is None
    assert read == [pending.FILES]
    server.edit("192.0.2.99", "192.0.2.98")
    server.ask()
    read.clear()
    assert server.ask()["pending"] is True
    assert pending.TEXTS not in read, "the same files are compared once"


def test_a_program_that_an_upgrade_has_replaced_is_a_restart_to_come():
    found = pending.other_program("/usr/sbin/dhcpd")
    assert found["pending"] is True and "/usr/sbin/dhcpd was replaced" in found["reason"]
