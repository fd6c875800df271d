"""Salt in a lab: a master in the lab's own namespace, a minion in each host.

The daemons are those of the virtual environment that the lab runs in, in a host that is booted from
another root those of its own. The checkout is the file root: what is not committed is tried too.
Keys are accepted by themselves: nobody else is on this network.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.waiting import wait_until

MINION_UNIT = "salt-minion.service"
# On each host's own, and not where a minion of the machine itself has its keys.
_DISK = "/var/lib/salt-of-the-lab"
_READY = "Minion is ready to receive requests"

_ANY = {
    "enable_gpu_grains": False,
    "enable_fqdns_grains": False,
    "keysize": 2048,
    "log_level": "warning",
    "user": "root",
}

_UNIT = """\
[Unit]
Description=Salt minion of the lab
[Service]
ExecStart={bin}/salt-minion -c {config}
KillMode=process
LimitNOFILE=8192
"""


class Salt:
    """A master and a minion on each host of a lab, up for as long as a ``with`` block lasts.

    :param lab: with its hosts up.
    :param master: settings of the master's configuration file in addition.
    :param minion: settings of each minion's configuration file in addition.
    :ivar config_dir: the master's configuration folder (``salt-run -c``).
    """

    def __init__(
        self,
        lab: Lab,
        master: Mapping[str, Any] | None = None,
        minion: Mapping[str, Any] | None = None,
    ) -> None:
        self._lab = lab
        self._master_settings = dict(master or {})
        self._minion_settings = dict(minion or {})
        self._folder = RUN_DIR / "salt"
        self._tree = self._folder / "tree"
        self._master: subprocess.Popen[bytes] | None = None
        self.config_dir = self._folder / "master"

    def __enter__(self) -> Salt:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 60.0) -> None:
        """Start the master and all minions, and wait until each one takes jobs.

        :param timeout: seconds.
        :raises LabError: when one does not, with the end of its log.
        """
        # Keys of an earlier one would be refused on either side.
        shutil.rmtree(self._folder, ignore_errors=True)
        for host in self._lab.hosts.values():
            # Not the folder itself: it may be a volume.
            host.run(["find", _DISK, "-mindepth", "1", "-delete"], check=False)
        self._write_master_configuration()
        self.start_master()
        with ThreadPoolExecutor(len(self._lab.hosts)) as pool:
            list(pool.map(self._write_minion_configuration, self._lab.hosts))
            list(pool.map(lambda name: self.start_minion(name, timeout), self._lab.hosts))

    def stop(self) -> None:
        """End all of them."""
        for host in self._lab.hosts.values():
            if host.running:
                host.run(["systemctl", "kill", "--kill-whom=all", "-s", "KILL", MINION_UNIT], False)
        self.stop_master()

    def start_master(self) -> None:
        """Start the master; it takes about 2 s until it answers."""
        with open(self._folder / "master.out", "ab") as out:
            self._master = subprocess.Popen(
                [BIN / "salt-master", "-c", self.config_dir],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )

    def stop_master(self) -> None:
        """End the master and its workers."""
        if self._master is None:
            return
        master, self._master = self._master, None
        master.terminate()
        try:
            master.wait(10.0)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()

    def start_minion(self, name: str, timeout: float = 60.0) -> None:
        """Start a host's minion, as a unit of its systemd, and wait until it takes jobs.

        :param name: the host's, which is the minion's id too.
        :param timeout: seconds.
        :raises LabError: when it does not, with the end of its log.
        """
        log = self._log(name)
        log.unlink(missing_ok=True)
        self._lab.hosts[name].run(["systemctl", "restart", MINION_UNIT])

        def ready() -> bool:
            return log.exists() and _READY in log.read_text("utf-8", "replace")

        def so_far() -> str:
            text = log.read_text("utf-8", "replace") if log.exists() else "no log"
            return f"the minion on {name} is ready\n{text[-2000:]}"

        wait_until(ready, so_far, timeout)

    def stop_minion(self, name: str) -> None:
        """End a host's minion, but not its jobs."""
        self._lab.hosts[name].run(["systemctl", "stop", MINION_UNIT])

    # Commands

    def salt_run(self, *arguments: str, timeout: float = 600.0) -> subprocess.CompletedProcess[str]:
        """``salt-run ARGUMENTS`` on the master.

        :param timeout: seconds.
        :return: with ``returncode``, ``stdout`` and ``stderr``.
        """
        return self._cli("salt-run", *arguments, timeout=timeout)

    def salt(self, *arguments: str, timeout: float = 600.0) -> subprocess.CompletedProcess[str]:
        """``salt ARGUMENTS`` on the master; as for :meth:`salt_run`."""
        return self._cli("salt", *arguments, timeout=timeout)

    def salt_call(
        self, host: str, *arguments: str, timeout: float = 600.0
    ) -> subprocess.CompletedProcess[str]:
        """``salt-call ARGUMENTS`` on a host; as for :meth:`salt_run`."""
        where = self._lab.hosts[host]
        argv = [str(where.bin / "salt-call"), "-c", str(self._folder / host), *arguments]
        return where.run(argv, check=False, timeout=timeout)

    def sync_all(self) -> None:
        """Bring the checkout's modules to the master and to all minions.

        :raises LabError: when that failed somewhere.
        """
        for done in (self.salt_run("saltutil.sync_all"), self.salt("*", "saltutil.sync_all")):
            if done.returncode:
                raise LabError(f"saltutil.sync_all failed\n{done.stdout}{done.stderr}")

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a plain ``salt-run`` is this lab's."""
        return {
            "SALT_CONFIG_DIR": str(self.config_dir),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }

    @property
    def file_root(self) -> Path:
        """The folder that the master serves as ``salt://``."""
        return self._tree

    def begin(
        self, *arguments: str, config_dir: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """``salt-run ARGUMENTS`` on the master, begun; it leads a session of its own.

        :param config_dir: that of another master.
        :param env: variables in addition.
        """
        return subprocess.Popen(
            [BIN / "salt-run", "-c", config_dir or self.config_dir, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment() | dict(env or {}),
            start_new_session=True,
        )

    @property
    def address(self) -> str:
        """The master's address in the lab."""
        return str(self._lab.network.address)

    @property
    def accepted_keys(self) -> Path:
        """The folder of the master's accepted keys."""
        return self.config_dir / "pki" / "minions"

    @property
    def master_pid(self) -> int:
        """The master's process; its workers are its children."""
        if self._master is None:
            raise LabError("no master runs")
        return self._master.pid

    # How

    def _cli(self, name: str, *arguments: str, timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / name, "-c", self.config_dir, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        # Salt finds the project's modules by syncing them, as it does at a user's.
        return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def _log(self, name: str) -> Path:
        return self._folder / name / "log"

    def _write_master_configuration(self) -> None:
        settings = _ANY | {
            "interface": str(self._lab.network.address),
            "root_dir": str(self.config_dir),
            "pki_dir": str(self.config_dir / "pki"),
            "cachedir": str(self.config_dir / "cache"),
            "sock_dir": str(self.config_dir / "sock"),
            "pidfile": str(self.config_dir / "pid"),
            "log_file": str(self.config_dir / "log"),
            "auto_accept": True,
            "file_roots": {"base": [str(self._tree)]},
            "pillar_roots": {"base": [str(self.config_dir / "pillar")]},
            "worker_threads": 4,
            "timeout": 10,
        }
        (self.config_dir / "pillar").mkdir(parents=True, exist_ok=True)
        # The checkout without .venv and build: Salt would list all their files again and again, and
        # the bare root of make fresh has links that lead out of it and back (a sync never ends).
        self._tree.mkdir(parents=True)
        for path in CHECKOUT.iterdir():
            if not path.name.startswith(".") and path.name != "build":
                (self._tree / path.name).symlink_to(path)
        _write_settings(self.config_dir / "master", settings | self._master_settings)

    def _write_minion_configuration(self, name: str) -> None:
        folder = self._folder / name
        settings = _ANY | {
            "id": name,
            "master": str(self._lab.network.address),
            "log_file": str(folder / "log"),
            "log_level_logfile": "info",
            "mine_enabled": False,
            "acceptance_wait_time": 1,
            "random_reauth_delay": 1,
            "recon_default": 100,
            "recon_max": 500,
            "auth_timeout": 5,
            "pki_dir": f"{_DISK}/pki",
            "cachedir": f"{_DISK}/cache",
            "extension_modules": f"{_DISK}/cache/extmods",
            "sock_dir": "/run/salt-of-the-lab",
            "pidfile": "/run/salt-minion.pid",
        }
        folder.mkdir(parents=True, exist_ok=True)
        _write_settings(folder / "minion", settings | self._minion_settings)
        host = self._lab.hosts[name]
        unit = _UNIT.format(bin=host.bin, config=folder)
        host.write(f"/etc/systemd/system/{MINION_UNIT}", unit)
        # After a reboot of the host it starts by itself, as a user's does.
        host.run(["systemctl", "add-wants", "--quiet", "basic.target", MINION_UNIT])
        host.run(["systemctl", "daemon-reload"])


def _write_settings(path: Path, settings: Mapping[str, Any]) -> None:
    # JSON is YAML.
    path.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
