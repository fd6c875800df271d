"""What other people do meanwhile: runs of their own, a restart by hand, a highstate, a new key."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from lab.dhcp import COMMON
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Omapi
from lab.faults.scene import Scene
from lab.lab import Lab
from lab.salt import Salt

#: What a site's highstate has for dhcpd, as many have it.
_SITE = f"""\
{UNIT.removesuffix(".service")}:
  service.running: []
/etc/motd:
  file.managed:
    - contents: managed
"""


def site_state(salt: Salt) -> None:
    """Give the site a highstate, which has dhcpd run."""
    (salt.file_root / "site_of_the_lab.sls").write_text(_SITE)
    (salt.file_root / "top.sls").write_text("base:\n  '*':\n    - site_of_the_lab\n")


def restart_as(user: str) -> Callable[[Scene, str, str], None]:
    """Return what begins a restart of the pair by somebody else."""
    env = {"SUDO_USER": user}

    def strike(scene: Scene, worker: str, partner: str) -> None:
        scene.beside("dhcp_failover.restart", scene.pair.name, "fresh=True", env=env)

    return strike


def on_both(*arguments: str) -> Callable[[Scene, str, str], None]:
    """Return what begins a call on both minions."""

    def strike(scene: Scene, worker: str, partner: str) -> None:
        both = f"{worker},{partner}"
        scene.beside("salt.execute", both, *arguments, "tgt_type=list")

    return strike


def at_a_console(who: str, *argv: str) -> Callable[[Scene, str, str], None]:
    """Return what begins a command on the worker's or the partner's host."""

    def strike(scene: Scene, worker: str, partner: str) -> None:
        scene.at_a_console(worker if who == "worker" else partner, *argv)

    return strike


def other_master(lab: Lab, salt: Salt, dhcp: Dhcp) -> None:
    """Make another master of the same minions: with locks, runs and an identity of its own."""
    mine, folder = salt.config_dir, _other(salt, dhcp)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # Its keys and modules are the same; a job that ends meanwhile is no matter.
    argv = ["cp", "-a", str(mine / "cache"), str(folder / "cache")]
    subprocess.run(argv, capture_output=True, check=False)
    shutil.rmtree(folder / "cache" / "dhcp_failover", ignore_errors=True)
    settings = json.loads((mine / "master").read_text())
    settings["cachedir"] = str(folder / "cache")
    (folder / "master").write_text(json.dumps(settings))


def from_another_master(scene: Scene, worker: str, partner: str) -> None:
    """Restart the pair from another master."""
    words = ("dhcp_failover.restart", scene.pair.name, "fresh=True")
    scene.beside(*words, config_dir=_other(scene.salt, scene.dhcp))


def _other(salt: Salt, dhcp: Dhcp) -> Path:
    return salt.config_dir.with_name(f"other-master-of-{dhcp.relationships[0].name}")


def key_rotated(scene: Scene, worker: str, partner: str) -> None:
    """Write a new OMAPI key into the common file of both servers; no dhcpd is restarted."""
    # A run that was given up may have left each of them with a key of its own.
    olds = {name: key for name, key in scene.dhcp.omapi.items() if key is not None}
    new = Omapi(key_name=olds[worker].key_name)
    scene.keys = [*olds.values(), new]
    for name, host in scene.dhcp.hosts.items():
        text, old = host.read(COMMON), olds[name]
        assert old.secret in text, f"{COMMON} of {name} has another key"
        host.write(COMMON, text.replace(old.secret, new.secret), mode=0o640)
