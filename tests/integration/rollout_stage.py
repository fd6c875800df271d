"""What the tests of rollouts share: new files for both servers, the command, what is left."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

from lab.dhcp import COMMON
from lab.dhcp import CONFIGURATION
from lab.waiting import wait_until

ORCHESTRATION = ("state.orch", "orch.dhcp_failover_rollout")
STEPS = [
    "The pair is locked",
    "Both servers are fit for it",
    "The new configuration is checked on both servers",
    "The first server has its new configuration",
    "The pair is normal with the first server's configuration",
    "The second server has its new configuration",
    "The pair is normal with the second server's configuration",
    "Both servers have the same configuration",
    "The pair is unlocked",
]
COMMENT = "# rolled out by a test\n"
SOURCE = {
    path: f"salt://rollout/{{{{ minion }}}}.{path.rpartition('/')[2]}"
    for path in (CONFIGURATION, COMMON)
}
#: A UDP port that something else of the host has.
FAR = 10067


#: Holds that port until it is ended.
HOLD = (
    "import signal, socket; s = socket.socket(type=socket.SOCK_DGRAM); "
    f"s.bind(('', {FAR})); signal.pause()"
)


def roll_out(stage, *arguments, begin=False, **pillar):
    """Roll out; ended, unless it is only to ``begin``."""
    given = [f"pillar={json.dumps(pillar)}"] if pillar else []
    run = stage.begin(*ORCHESTRATION, *given, *arguments)
    return run if begin else run.wait(150.0)


@contextmanager
def port_taken(host):
    """Have something else of the host hold a port; ``dhcpd -t`` opens none, so it does not see."""
    unit = "lab-holder"
    host.run(["systemd-run", f"--unit={unit}", sys.executable, "-c", HOLD])
    try:
        wait_until(
            lambda: f":{FAR} " in host.run(["ss", "-Huln"]).stdout, "the port is taken", 10.0
        )
        yield
    finally:
        host.run(["systemctl", "stop", unit])


@contextmanager
def new_files(stage, file_root, change=lambda text: text, new=None, only=None, sls=None):
    """
    Offer both files of both servers, changed, in the master's file tree.

    new
        Whose configuration is changed; default: as it is.
    only
        The server whose files are changed.
    sls
        State files that are there too, by name.

    Yields the source for the pillar.
    """
    folder = file_root / "rollout"
    folder.mkdir()
    added = {name: file_root / name for name in sls or {}}
    try:
        for name in stage.dhcp.hosts:
            for path, text in (new or stage.dhcp).configuration(name).items():
                changed = change(text) if only in (None, name) and path in SOURCE else text
                (folder / f"{name}.{path.rpartition('/')[2]}").write_text(changed)
        for name, path in added.items():
            path.write_text(sls[name])
        yield SOURCE
    finally:
        shutil.rmtree(folder)
        for minion in stage.minions.values():
            # What Salt itself keeps of every file that it fetches, key and all.
            cached = Path(minion.config["cachedir"]) / "files" / "base" / folder.name
            shutil.rmtree(cached, ignore_errors=True)
        for path in added.values():
            path.unlink(missing_ok=True)


def texts(stage):
    """Every server's files."""
    return {
        (name, path): stage.lab[name].read(path)
        for name in stage.dhcp.hosts
        for path in (CONFIGURATION, COMMON)
    }


def left_over(stage):
    """Files beside the configuration that are neither it nor a backup of it."""
    found = []
    for name in stage.dhcp.hosts:
        names = stage.lab[name].run(["ls", "-A", "/etc/dhcp"]).stdout.split()
        found += [f"{name}:{one}" for one in names if one.startswith(".") or "staged" in one]
    return found


def backups(stage, server):
    """The backups of a server's configuration."""
    names = stage.lab[server].run(["ls", "-A", "/etc/dhcp"]).stdout.split()
    return [name for name in names if ".backup-" in name]
