"""Hosts: this machine's system booted again, with its own init, journal, disk and address.

A host is a systemd-nspawn container over an overlay of ``/``, or of another system's root
(:mod:`lab.roots`). What it writes goes to memory, and the machine's own files stay as they are. It
starts nothing but what a Debian system starts until
``basic.target``: no network configuration, no timers, no services of the machine.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import processes
from lab.errors import LabError
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.isolation import DISKS
from lab.isolation import RUN_DIR
from lab.isolation import control_groups
from lab.network import Network
from lab.roots import Root
from lab.waiting import wait_until

_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
}

#: How systemd-nspawn ends when its host's init asked for a reboot (``--keep-unit``).
_REBOOTED = 133

# Some machines have some of these in file systems of their own.
_FILE_SYSTEMS = ("/", "/etc", "/home", "/opt", "/root", "/usr", "/var")

# What basic.target would start from the machine's own set-up and a host must not.
_MASKED = (
    "timers.target",
    "nftables.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-resolved.service",
    "NetworkManager.service",
)

#: How large a volume is.
VOLUME = "64M"

# dhcpd logs four lines for each client; journald would drop them, and the failover lines with them.
_JOURNALD = "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nRuntimeMaxUse=512M\n"


class Host:
    """One host. Its disk lives from the first :meth:`start` to :meth:`remove`, over any reboot.

    A reboot from inside (``systemctl reboot``) boots it again, as a machine would.

    :param name: its host name and the name of its network namespace; no two hosts in the same
        ``lab/isolated`` may share it.
    :param network: joined at once.
    :param volumes: folders that are file systems of their own, so that they can be full.
    :param system: the root that it is booted from; this machine's by default.
    :ivar address: its IPv4 address on ``eth0``.
    :ivar bin: where it has Salt's commands.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        volumes: Iterable[str] = (),
        system: Root | None = None,
    ) -> None:
        self.name = name
        self.network = network
        self._system = system
        self.bin = system.bin if system else BIN
        self._volumes = list(volumes)
        self.address = str(network.join(name))
        self._folder = DISKS / name
        self._root = self._folder / "root"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None
        self._on = False
        self._supervisor: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address}>"

    # Power

    def start(self, timeout: float = 30.0) -> None:
        """Boot, and return once systemd has reached ``basic.target``.

        :param timeout: seconds.
        :raises LabError: when it did not boot, with its console's last lines.
        """
        if self._on or self.running:
            return
        if not self._root.exists():
            self._make_disk()
        self._on = True
        try:
            self.network.plug(self.name, True)
            self._boot(timeout)
        except BaseException:
            self.kill()
            raise
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Shut down in order, as ``poweroff`` does.

        :param timeout: seconds; then the power is cut.
        """
        self._on = False
        if self.running:
            os.kill(self.leader, signal.SIGRTMIN + 4)
        self._await_end(timeout)
        self.network.plug(self.name, False)

    def kill(self) -> None:
        """Cut the power: every process ends at once, the disk stays as it is.

        Its address goes first, so that nobody hears of the end (the kernel would close its
        connections in order, and answer pings for the dead).
        """
        self._on = False
        self.network.plug(self.name, False)
        if self._leader is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)
        elif self._nspawn is not None:
            self._nspawn.kill()
        self._await_end(10.0)

    def remove(self) -> None:
        """Cut the power and throw the disk away."""
        self.kill()
        if self._root.exists():
            volumes = [self._volume(path) for path in self._volumes]
            for mount in (self._root, self._folder / "disk", *volumes):
                _run("umount", "--recursive", "--lazy", str(mount))
            shutil.rmtree(self._folder)

    @property
    def running(self) -> bool:
        """Whether its init is alive."""
        return self._leader is not None and processes.state(self._leader) is not None

    @property
    def leader(self) -> int:
        """The number of its init as the lab sees it.

        :raises LabError: when the host is down.
        """
        if self._leader is None:
            raise LabError(f"{self.name} is down")
        return self._leader

    # Volumes

    def fill(self, volume: str) -> None:
        """Have a volume no block left; what has one may still be written to its end."""
        tries = 20
        while True:
            used = shutil.disk_usage(self._volume(volume)).used
            try:
                return self._resize(volume, str(max(used, 4096)))
            except LabError:
                # Somebody has written in between: it would be smaller than what is there.
                tries -= 1
                if not tries:
                    raise

    def free(self, volume: str) -> None:
        """Undo :meth:`fill`."""
        self._resize(volume, VOLUME)

    def _resize(self, volume: str, size: str) -> None:
        _run("mount", "-o", f"remount,size={size}", str(self._volume(volume)))

    def _volume(self, path: str) -> Path:
        return self._folder / path.strip("/").replace("/", "-")

    # Work in it

    @property
    def enter(self) -> list[str]:
        """The words to put before a command so that it runs in this host."""
        return ["nsenter", "--target", str(self.leader), "--all", "--"]

    def run(
        self,
        argv: list[str],
        check: bool = True,
        timeout: float = 60.0,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in this host and wait for it.

        :param argv: the command and its arguments.
        :param check: whether an exit code other than 0 is an error.
        :param timeout: seconds; then the command is killed, with all that it started.
        :param stdin: what it reads.
        :param env: variables in addition to PATH, HOME and LANG; nothing else is passed on.
        :return: with ``returncode``, ``stdout`` and ``stderr``.
        :raises LabError: when it failed or took too long.
        """
        pipe = subprocess.PIPE
        process = self.popen(
            argv, env, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace"
        )
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            raise LabError(
                f"{self.name}: not done within {timeout:g} s: {shlex.join(argv)}"
            ) from None
        finally:
            if process.poll() is None:
                _kill_tree(process)
        done = subprocess.CompletedProcess(argv, process.returncode, out, err)
        if check and done.returncode:
            raise LabError(
                f"{self.name}: exit code {done.returncode}: {shlex.join(argv)}\n{out}{err}".rstrip()
            )
        return done

    def popen(
        self, argv: list[str], env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a command in this host.

        :param argv: the command and its arguments.
        :param env: variables in addition to PATH, HOME and LANG; nothing else is passed on.
        :param options: as for ``subprocess.Popen``.
        :return: the process of ``nsenter``; the command is its child, in the host.
        """
        return subprocess.Popen([*self.enter, *argv], env=_ENVIRONMENT | dict(env or {}), **options)

    def read(self, path: str) -> str:
        """A file's text.

        :raises LabError: when it cannot be read.
        """
        return self.run(["cat", "--", path]).stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Replace a file, or make it, with the folders that lead to it."""
        self.run(["install", "-D", "-m", f"{mode:o}", "/dev/stdin", path], stdin=text)

    def processes(self, name: str) -> list[processes.Process]:
        """Its living processes of a name, the oldest first; none when it is down."""
        return [] if self._leader is None else processes.find(self._leader, name)

    # How

    def _make_disk(self) -> None:
        disk = self._folder / "disk"
        for folder in (disk, self._root):
            folder.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "lab", str(disk))
        lower = {path: path for path in _FILE_SYSTEMS if os.path.ismount(path)}
        if self._system:
            lower = {"/": str(self._system.folder)}
        for number, (path, below) in enumerate(lower.items()):
            upper, work = disk / f"upper{number}", disk / f"work{number}"
            for folder in (upper, work):
                folder.mkdir(mode=0o755)
            if path == "/":
                # An opaque folder hides the machine's: systemd cleans /tmp, others write there.
                (upper / "tmp").mkdir()
                (upper / "tmp").chmod(0o1777)
                os.setxattr(upper / "tmp", "trusted.overlay.opaque", b"y")
            layers = f"lowerdir={below},upperdir={upper},workdir={work}"
            _run("mount", "-t", "overlay", "-o", layers, "lab", f"{self._root}{path}")

        for path in self._volumes:
            self._make_volume(path)
        etc = self._root / "etc"
        self._replace("etc/machine-id", "")  # systemd makes a new one
        self._replace("etc/hostname", f"{self.name}\n")
        self._replace("etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        self._replace("etc/resolv.conf", "")
        self._replace("etc/systemd/journald.conf.d/lab.conf", _JOURNALD)
        for unit in _MASKED:
            link = etc / "systemd/system" / unit
            link.unlink(missing_ok=True)
            link.symlink_to("/dev/null")

    def _make_volume(self, path: str) -> None:
        volume, folder = self._volume(path), Path(f"{self._root}{path}")
        for one in (volume, folder):
            one.mkdir(parents=True, exist_ok=True)
        about = folder.stat()
        _run("mount", "-t", "tmpfs", "-o", f"size={VOLUME}", "lab", str(volume))
        os.chown(volume, about.st_uid, about.st_gid)
        volume.chmod(about.st_mode & 0o7777)
        shutil.copytree(folder, volume, symlinks=True, dirs_exist_ok=True)

    def _replace(self, path: str, text: str) -> None:
        # Unlinked first: it may be a link, which would lead to the machine's own file.
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(text, encoding="utf-8")

    def _boot(self, timeout: float) -> None:
        with self._notifications() as notifications:
            self._spawn()
            self._await_boot(notifications, timeout)

    def _supervise(self) -> None:
        """Boot again after each reboot, until the power goes."""
        while self._nspawn is not None and self._nspawn.wait() == _REBOOTED and self._on:
            # A process of another host may have its number soon.
            self._leader = None
            leader_file(self.name).unlink(missing_ok=True)
            for group in control_groups(self.name):
                _remove_control_group(group)
            try:
                self._boot(timeout=60.0)
            except LabError as err:
                if self._on:
                    print(err, file=sys.stderr)
                _kill_tree(self._nspawn)
        self._on = False

    def _spawn(self) -> None:
        groups = control_groups(self.name)
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
        join = "".join(f"echo $$ >{shlex.quote(str(group))}/cgroup.procs; " for group in groups)
        nspawn = [
            "systemd-nspawn",
            "--quiet",
            f"--directory={self._root}",
            f"--machine={self.name}",
            f"--network-namespace-path=/run/netns/{self.name}",
            f"--bind-ro={CHECKOUT}",
            f"--bind={RUN_DIR}",
            *(f"--bind={self._volume(path)}:{path}" for path in self._volumes),
            "--register=no",
            # Of its own network: its root reads and sets the firewall, as on a machine.
            "--capability=CAP_NET_ADMIN",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--notify-ready=yes",
            "--kill-signal=SIGKILL",
            "--console=pipe",
            "--boot",
            "--",
            "--unit=basic.target",
        ]
        with open(self._console, "wb") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", f"{join}exec {shlex.join(nspawn)}"],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=_ENVIRONMENT | self._of_nspawn(),
                # A Ctrl-C is for the one who uses the lab, not for its hosts.
                start_new_session=True,
            )

    def _of_nspawn(self) -> dict[str, str]:
        """Variables that tell systemd-nspawn what its host is to be like."""
        variables = {"NOTIFY_SOCKET": str(self._notify_socket)}
        if self._system:
            # As these systems boot by themselves; newer ones know no other control groups.
            variables["UNIFIED_CGROUP_HIERARCHY"] = "1"
        return variables

    @property
    def _console(self) -> Path:
        return self._folder / "console"

    @property
    def _notify_socket(self) -> Path:
        return self._folder / "notify"

    @contextlib.contextmanager
    def _notifications(self) -> Any:
        """A socket for what systemd-nspawn tells about the boot (sd_notify)."""
        self._notify_socket.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.bind(str(self._notify_socket))
            yield notifications

    def _await_boot(self, notifications: socket.socket, timeout: float) -> None:
        """Take the leader's number and the word that it is ready from systemd-nspawn."""
        assert self._nspawn is not None
        deadline = time.monotonic() + timeout
        ready, leader = False, None
        notifications.settimeout(0.2)
        while not (ready and leader is not None):
            over = time.monotonic() > deadline or not self._on
            if over or self._nspawn.poll() is not None:
                console = self._console.read_text("utf-8", "replace")[-2000:]
                raise LabError(f"{self.name} did not boot within {timeout:g} s\n{console}")
            try:
                message = notifications.recv(4096).decode("utf-8", "replace")
            except TimeoutError:
                continue
            for line in message.splitlines():
                key, _, value = line.partition("=")
                if key == "X_NSPAWN_LEADER_PID":
                    leader = int(value)
                elif key == "READY":
                    ready = value == "1"
        self._leader = leader
        leader_file(self.name).write_text(f"{leader}\n", encoding="utf-8")

    def _await_end(self, timeout: float) -> None:
        leader_file(self.name).unlink(missing_ok=True)
        if self._nspawn is not None:
            try:
                self._nspawn.wait(timeout)
            except subprocess.TimeoutExpired:
                _kill_tree(self._nspawn)
        if self._supervisor is not None:
            # In the middle of a boot it notices that its host has ended.
            self._supervisor.join()
        self._nspawn = self._leader = self._supervisor = None
        for group in control_groups(self.name):
            _remove_control_group(group)


def leader_file(name: str) -> Path:
    """Where a running host's leader is written, for other processes of the lab."""
    return RUN_DIR / f"leader-of-{name}"


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{shlex.join(argv)}: {done.stderr.strip()}")


def _kill_tree(process: subprocess.Popen[Any]) -> None:
    """Kill a process and its descendants: the death of nsenter alone leaves its child alive."""
    for pid in [*processes.descendants(process.pid), process.pid]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def _remove_control_group(group: Path) -> None:
    if not group.exists():
        return

    def empty() -> bool:
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        return not group.exists()

    wait_until(empty, f"the control group {group} is empty", timeout=5.0)
