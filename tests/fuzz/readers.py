"""What reads the files, logs and answers of dhcpd: it raises declared errors only, and in time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iscdhcp.conf import compare
from iscdhcp.conf import lint
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.conf import write
from iscdhcp.errors import IscDhcpError
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.leases import check
from iscdhcp.leases import count
from iscdhcp.leases import read
from iscdhcp.leases import repair
from iscdhcp.leases.syntax import Entry
from iscdhcp.log import evidence


def configuration(folder: Path, text: bytes) -> None:
    """Everything that is made of a configuration."""
    path = folder / "dhcpd.conf"
    path.write_bytes(text)
    try:
        tree = syntax.parse_file(str(path), str(folder))
    except IscDhcpError as err:
        lint.broken(err)
        return
    lint.lint(tree, ["192.0.2.1"])
    with contextlib.suppress(IscDhcpError):
        views.views(tree)
    with contextlib.suppress(IscDhcpError):
        form = normal.normal_form(tree, "nonce")
        assert compare.compare(form, form) == []
    assert syntax.parse_text(write.write(tree)) == tree, "it is written as another one"


def leases(folder: Path, text: bytes) -> None:
    """Everything that is made of a lease file; a repair leaves it whole and loses nothing."""
    path = folder / "dhcpd.leases"
    path.write_bytes(text)
    found = check.check(str(path))
    count.count(str(path), [])
    whole = _whole(path)
    try:
        repair.repair(str(path))
    except IscDhcpError:
        assert path.read_bytes() == text, "a refusal has changed the file"
    else:
        assert check.check(str(path))["whole"]
        assert _whole(path)[: len(whole)] == whole
    assert found["entries"] == len(whole)
    for one in folder.glob("dhcpd.leases?*"):
        one.unlink()


def _whole(path: Path) -> list[bytes]:
    return [one.text for one in read.entries(str(path)) if isinstance(one, Entry)]


def log(folder: Path, text: bytes) -> None:
    """Everything that is made of a log."""
    path = folder / "log"
    path.write_bytes(text)
    with contextlib.suppress(IscDhcpError):
        _, events = evidence.read([str(path)])
        evidence.view(events, "foo")


def omapi(folder: Path, text: bytes) -> None:
    """An answer of something that is, or is not, OMAPI; ``text`` is all that it says."""
    mine, theirs = socket.socketpair()
    with mine, theirs:

        def say() -> None:
            with contextlib.suppress(OSError):
                theirs.sendall(text)
                theirs.shutdown(socket.SHUT_WR)

        speaker = threading.Thread(target=say)
        speaker.start()
        try:
            with _over(mine), OmapiClient("127.0.0.1", 1, None, timeout=2.0) as client:
                client.failover_state("foo")
        except IscDhcpError:
            pass
        finally:
            mine.close()
            speaker.join()


@contextlib.contextmanager
def _over(connection: socket.socket) -> Any:
    """Have the client talk over this connection instead of one that it makes."""
    real = socket.create_connection
    socket.create_connection = lambda *_, **__: connection.dup()  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.create_connection = real


#: By name.
READERS: dict[str, Callable[[Path, bytes], None]] = {
    "configuration": configuration,
    "leases": leases,
    "log": log,
    "omapi": omapi,
}
