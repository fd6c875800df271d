"""Disks that are full: of a server's leases, of a minion's cache, of the master's cache."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable

from lab.faults.scene import Scene
from lab.hosts import VOLUME
from lab.salt import Salt
from lab.waiting import wait_until

LEASES, CACHE = "/var/lib/dhcp", "/var/lib/salt-of-the-lab"
VOLUMES = (LEASES, CACHE)


def full(volume: str) -> Callable[[Scene, str, str], None]:
    """Return what fills a volume of the worker."""

    def strike(scene: Scene, worker: str, partner: str) -> None:
        host = scene.lab[worker]
        host.fill(volume)
        scene.cures.append(lambda: host.free(volume))

    return strike


def masters_full(scene: Scene, worker: str, partner: str) -> None:
    """Fill the file system that the master's cache is on, and with it what the runs write."""
    cache = scene.salt.config_dir / "cache"

    def resize(size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", cache], check=True)

    resize(str(shutil.disk_usage(cache).used))
    scene.cures.append(lambda: resize(VOLUME))


def own_disk_for_the_master(salt: Salt) -> None:
    """Put the master's cache on a file system of its own."""
    cache = salt.config_dir / "cache"
    salt.stop_master()
    aside = cache.with_name("cache.before")
    cache.rename(aside)
    cache.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={VOLUME}", "lab", cache], check=True)
    shutil.copytree(aside, cache, symlinks=True, dirs_exist_ok=True)
    salt.start_master()
    ping = ("*", "test.ping", "--timeout=5")
    wait_until(lambda: salt.salt(*ping).returncode == 0, "the minions answer", 60.0)
