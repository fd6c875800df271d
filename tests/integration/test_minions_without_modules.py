"""Minions that do not have our modules: never synced, or no Linux."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.waiting import wait_until

MODULES = (
    *("dhcpd", "dhcpd_cleanup", "dhcpd_configuration", "dhcpd_leases", "dhcpd_partner"),
    "dhcpd_service",
)


@contextmanager
def without_modules(pair, server):
    """A minion as it is before its first sync."""
    folder = Path(pair.minions[server].config["extension_modules"]) / "modules"
    for name in MODULES:
        (folder / f"{name}.py").unlink()
    assert pair.ask(server, "saltutil.refresh_modules") is True
    try:
        yield
    finally:
        assert pair.salt(server, "saltutil.sync_modules").returncode == 0


@contextmanager
def no_linux(pair, server):
    """
    A minion of another system.

    A fake, as no other system can be had here: the synced files find what they find there.
    """
    folder = Path(pair.minions[server].config["extension_modules"]) / "modules"
    for name in MODULES:
        file = folder / f"{name}.py"
        text = file.read_text()
        file.write_text(text.replace("return _no_linux()", 'return (False, "no Linux")'))
        assert text != file.read_text()
    assert pair.ask(server, "saltutil.refresh_modules") is True
    try:
        yield
    finally:
        assert pair.salt(server, "saltutil.sync_modules").returncode == 0


@pytest.mark.parametrize("such", [without_modules, no_linux])
def test_a_minion_that_is_no_dhcpd_server_costs_nothing(pair, such):
    """The README's first command, in a fleet that has other minions too."""
    with such(pair, "dhcp-c"):
        assert pair.salt("dhcp-c", "dhcpd.peers").returncode == 1

        def nobody_is_silent():
            shown = pair.salt_run("dhcp_failover.pairs", "refresh=True")
            assert shown.returncode == 0, str(shown)
            assert list(shown.answer["pairs"]) == ["foo:dhcp-a:dhcp-b"], str(shown)
            return not shown.answer.get("silent")

        # On a busy machine an answer may take longer than the runner waits for one.
        wait_until(nobody_is_silent, "every minion has answered", timeout=90.0, every=1.0)
        run = pair.orchestrate("test=True")
        assert run.returncode == 0, str(run)
    assert pair.touched == []


def test_a_server_that_lost_its_modules_is_told_how_to_get_them(pair):
    assert pair.salt_run("dhcp_failover.pairs").returncode == 0
    with without_modules(pair, "dhcp-b"):
        run = pair.orchestrate()
        assert run.returncode != 0
        shown = pair.salt_run("dhcp_failover.doctor", "foo")
    assert shown.returncode == 1
    assert "dhcp-b does not have our modules" in shown.answer["comment"], str(shown)
    assert shown.answer["next"] == "salt dhcp-b saltutil.sync_all"
    assert pair.touched == []
