"""With every log at debug and everything in use, the OMAPI key and its name are nowhere."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from secrets_search import Repeated
from secrets_search import Search
from secrets_search import bus_messages

from lab.dhcp import COMMON
from lab.isolation import RUN_DIR

pytestmark = pytest.mark.slow

DISK = "var/lib/salt-of-the-lab"


def folders(world):
    """Logs, job cache and caches of the master, and each minion's own disk."""
    found = [RUN_DIR, Path(world.opts["cachedir"])]
    for host in world.lab.hosts.values():
        found.append(Path(f"/proc/{host.leader}/root/{DISK}"))
        found.append(Path(f"/proc/{host.leader}/root/run/salt-of-the-lab"))
    return found


def found_on_disk(world, search):
    return {file for folder in folders(world) for file in search.in_files(folder)}


def journals(world):
    """What everybody but dhcpd logged: it quotes a wrong line by itself, also for ``dhcpd -t``."""
    lines = []
    for host in world.lab.hosts.values():
        journal = host.run(["journalctl", "-o", "json", "-b"], timeout=120).stdout
        lines += [x for x in journal.splitlines() if '"SYSLOG_IDENTIFIER":"dhcpd"' not in x]
    return "\n".join(lines)


@pytest.fixture
def search(world):
    omapi = world.dhcp.omapi["dhcp-a"]
    search = Search([omapi.secret, omapi.key_name])
    assert search.in_text(world.lab["dhcp-a"].read(COMMON)), "it finds the key where it is"
    return search


def use_everything(world, bus):
    """Each way in which the key is used, also with one that is broken; all that was told."""
    told = []
    for server in ("dhcp-a", "dhcp-b"):
        world.call(server, "beacons.add", "dhcp_failover", '[{"interval": 1}]')
    for arguments in (
        ("state.orch", "orch.dhcp_failover_restart", 'pillar={"method": "drain"}'),
        ("dhcp_failover.status",),
    ):
        done = world.salt.salt_run(*arguments, "-l", "debug")
        assert done.returncode == 0, done.stdout
        told += [done.stdout, done.stderr]
    world.send("ctl", ("dhcp_failover/request", {"pair": "foo"}))
    bus.wait("dhcp_failover/foo/request")
    for function in ("metrics", "lease_counts", "news", "failover_state", "check_config"):
        told.append(str(world.call("dhcp-a", f"dhcpd.{function}")))
    host = world.lab["dhcp-a"]
    good = host.read(COMMON)
    key = world.dhcp.omapi["dhcp-a"]
    spoiled = (
        good.replace(f'secret "{key.secret}"', f'secret "{secrets.token_hex(8)}"'),
        good.replace(f'secret "{key.secret}"', f'secret "!{key.secret}"'),
        good.replace(f"omapi-key {key.key_name}", f"omapi-key x{key.key_name}"),
        good.replace(f'secret "{key.secret}";', f'secret "{key.secret}"'),
    )
    try:
        for text in spoiled:
            host.write(COMMON, text, mode=0o640)
            for function in ("metrics", "news", "status", "check_config", "ok_to_stop"):
                done = world.salt.salt_call("dhcp-a", f"dhcpd.{function}", "-l", "debug")
                told += [done.stdout, done.stderr]
    finally:
        host.write(COMMON, good, mode=0o640)
        for server in ("dhcp-a", "dhcp-b"):
            world.call(server, "beacons.delete", "dhcp_failover")
    return "".join(told)


def test_nothing_shows_the_key_or_its_name(world, bus, search):
    with Repeated(search.in_arguments) as arguments, Repeated(bus_messages(bus._bus)) as events:
        told = use_everything(world, Listened(events))
    assert arguments.times > 100
    assert arguments.found == set()
    assert any("dhcpd.restart" in event for event in events.found)
    assert not any(search.in_text(event) for event in events.found)
    assert not search.in_text(told)
    assert "[DEBUG   ]" in world.master_log()
    assert found_on_disk(world, search) == set()
    assert not search.in_text(journals(world))


class Listened:
    """Waits for an event among those that another listener keeps."""

    def __init__(self, events):
        self._events = events

    def wait(self, tag):
        from lab.waiting import wait_until

        wait_until(lambda: any(tag in one for one in set(self._events.found)), tag, 60.0)


def test_the_search_fails_when_a_word_is_planted(world):
    """In each place that is searched: what is not found there would not be found above."""
    word = f"planted-{secrets.token_hex(8)}"
    search = Search([word])
    assert found_on_disk(world, search) == set()
    world.call("dhcp-a", "log.debug", word)
    world.call("dhcp-a", "test.echo", word)
    found = {str(path) for path in found_on_disk(world, search)}
    assert any(path.endswith("/dhcp-a/log") for path in found), found
    assert any("/jobs/" in path for path in found), found
    assert any(path.endswith("/master/log") for path in found), found
    host = world.lab["dhcp-b"]
    host.write(f"/{DISK}/planted", word)
    assert any(path.endswith(f"{DISK}/planted") for path in map(str, found_on_disk(world, search)))
    host.run(["rm", f"/{DISK}/planted"])
    host.run(["systemd-cat", "echo", word])
    assert search.in_text(journals(world))
