"""Runs that are under way, and their journal, for tests that act at a certain moment of them."""

from __future__ import annotations

import json

from iscdhcp.run import journal

from lab.waiting import wait_until

REBOOT = ("state.orch", "orch.dhcp_failover_reboot")
#: A command on the host that ends once it is told to (:func:`end_maintenance`).
LONG = "until [ -e /run/go-on ]; do sleep 0.2; done"


def begin_maintenance(stage, **pillar):
    """Begin the maintenance of dhcp-b, whose command goes on until it is told to end."""
    stage.lab["dhcp-b"].run(["rm", "-f", "/run/go-on"])
    wanted = {"only": "dhcp-b", "command": LONG, **pillar}
    return stage.begin(*REBOOT, f"pillar={json.dumps(wanted)}")


def end_maintenance(stage):
    """Have the command of the maintenance end."""
    stage.lab["dhcp-b"].run(["touch", "/run/go-on"])


def entries_of(stage):
    """The entries of the newest journal."""
    paths = journal.paths(stage.folder / "journal")
    return journal.read(paths[0]) if paths else []


def alive(stage):
    """The journals that are being written."""
    return journal.alive(stage.folder / "journal")


def until_it_writes(stage, command, what, after=0, timeout=40.0, **fields):
    """
    Wait until a run has written such an entry, and return how many entries there are.

    after
        Only entries after so many.
    """

    def written():
        entries = entries_of(stage)
        for number, entry in enumerate(entries[after:], after + 1):
            if entry["what"] == what and all(entry.get(k) == v for k, v in fields.items()):
                return number
        assert command.returncode is None, f"it ended before it wrote {what} {fields}\n{command}"
        return None

    return wait_until(written, lambda: f"it writes {what} {fields}\n{command}", timeout, 0.005)
