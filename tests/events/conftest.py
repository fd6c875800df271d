"""
Longer proofs about events, on a real pair with a real Salt: ``make events-test``.

They are no part of ``make test``, for their time alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import salt.config
import salt.utils.event
from examples import example

from lab.dhcp import Dhcp
from lab.dhcp import pair as foo
from lab.isolation import is_isolated
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

#: What the document shows, with an authentication that takes every password.
ACCESS = {
    "publisher_acl": {"nobody": example("publisher_acl")["ann"]},
    "external_auth": {
        "auto": {
            "operator": example("external_auth")["pam"]["operators%"],
            "watcher": example("external_auth")["pam"]["watchers%"],
        }
    },
}
#: Two servers and a minion that is none; the servers may ask for their own pair alone.
MASTER = {
    **ACCESS,
    "log_level_logfile": "debug",
    "reactor": [
        {"dhcp_failover/request": ["salt://reactor/dhcp_failover_request.sls"]},
        {
            "salt/beacon/*/dhcp_failover/pending_restart": [
                "salt://reactor/dhcp_failover_pending.sls"
            ]
        },
        {"dhcp_failover/*/ended": ["salt://reactor/dhcp_failover_notify.sls"]},
        {"salt/beacon/*/dhcp_failover/*/state": ["salt://reactor/dhcp_failover_notify.sls"]},
    ],
    "dhcp_failover": {
        "requests": {"allow": ["ctl", {"dhcp-a": ["foo"]}, {"dhcp-b": ["foo"]}]},
        "notify": {"url": "http://127.0.0.1:8099/hook", "slack": True},
    },
    # A whole address takes the place of Slack's own in salt/modules/slack_notify.py (urljoin).
    "slack": {"hook": "http://127.0.0.1:8099/slack"},
}
#: Sends events as the minion does, many in one process.
SENDER = """
import json, sys
import salt.client, salt.config
caller = salt.client.Caller(mopts=salt.config.minion_config(sys.argv[1]))
for tag, data in json.load(sys.stdin):
    if isinstance(data, str) and data.startswith("x*"):
        data = "x" * int(data[2:])
    if isinstance(data, dict):
        data = {k: "x" * int(v[2:]) if str(v).startswith("x*") else v for k, v in data.items()}
    caller.cmd("event.send", tag, data)
"""


def pytest_collection_modifyitems(config, items):
    here = [item for item in items if Path(item.path).is_relative_to(Path(__file__).parent)]
    if here and not is_isolated() and not config.option.collectonly:
        raise pytest.UsageError("these tests boot hosts: run `make events-test`")


class Bus:
    """The master's events since the test began."""

    def __init__(self, bus):
        self._bus = bus
        self.events = []

    def tagged(self, start, end=""):
        """The data of all events whose tags begin, and end, so."""
        while event := self._bus.get_event(wait=0.05, full=True):
            self.events.append(event)
        return [
            event["data"]
            for event in self.events
            if event["tag"].startswith(start) and event["tag"].endswith(end)
        ]

    def wait(self, start, count=1, timeout=60.0, end=""):
        """Wait for so many of them; the last one's data."""

        def so_far():
            return f"{count} events {start}: {len(self.tagged(start, end))}"

        wait_until(lambda: len(self.tagged(start, end)) >= count, so_far, timeout)
        return self.tagged(start, end)[-1]


class World:
    """The lab, its dhcpd and its Salt."""

    def __init__(self, lab, dhcp, salt):
        self.lab, self.dhcp, self.salt = lab, dhcp, salt
        self.opts = salt_opts(salt)

    def send(self, minion, *events):
        """Send events (tag, data) from a minion."""
        python = sys.executable
        config = str(self.salt.config_dir.parent / minion / "minion")
        self.lab[minion].run(
            [python, "-c", SENDER, config], stdin=json.dumps(events), timeout=180.0
        )

    def master_log(self):
        return (self.salt.config_dir / "log").read_text("utf-8", "replace")

    def processes(self):
        return {name: self.dhcp.processes(name) for name in self.dhcp.hosts}

    def call(self, minion, *arguments):
        """``salt MINION ...``, its answer."""
        done = self.salt.salt(minion, *arguments, "--out=json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)[minion]


def salt_opts(salt_of_lab):
    return salt.config.master_config(str(salt_of_lab.config_dir / "master"))


@pytest.fixture(scope="session")
def session():
    with Lab(["dhcp-a", "dhcp-b", "ctl"]) as lab:
        dhcp = Dhcp(lab.hosts, foo())
        dhcp.install()
        with Salt(lab, master=MASTER, minion={"log_level_logfile": "debug"}) as salt_of_lab:
            salt_of_lab.sync_all()
            # A master that has worked for a while knows its pairs.
            assert salt_of_lab.salt_run("dhcp_failover.pairs").returncode == 0
            yield World(lab, dhcp, salt_of_lab)


@pytest.fixture
def world(session):
    """Everything as at the beginning: no request is remembered, both are normal."""
    folder = session.salt.config_dir / "cache" / "dhcp_failover"
    for kind in ("requests", "runs"):
        for path in (folder / kind).glob("*"):
            path.unlink()
    session.dhcp.wait_normal()
    return session


@pytest.fixture
def bus(world):
    with salt.utils.event.get_master_event(
        world.opts, world.opts["sock_dir"], listen=True
    ) as listening:
        listening.connect_pub()
        yield Bus(listening)
