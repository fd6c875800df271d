"""
Roots of other systems: hosts are booted from them instead of from this machine (``make roots``).

    python -m lab.roots [ubuntu-24.04 debian-13 ...]

Each is made by debootstrap in ``build/roots``, with its own package of dhcpd as it is installed and
Salt in a virtual environment of its own Python. It is made once; a change of what is to be in it
makes it anew. Where a root's packages are not served, that is an error which says so.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.isolation import CHECKOUT

FOLDER = CHECKOUT / "build" / "roots"
PINS = CHECKOUT / "lab" / "pins"
SCRIPTS = Path("/usr/share/debootstrap/scripts")

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "isc-dhcp-server", "iproute2", "nftables", "procps"),
    *("python3", "python3-venv"),
)
#: An optional one of Salt's that has no wheel: it would take a compiler into each root.
_NO_WHEEL = "timelib"
#: What says where packages come from.
_SETTINGS = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/resolv.conf", "/etc/hosts")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_VARIABLES = re.compile(r"PIP_|SSL_CERT_FILE$|\w+_(proxy|PROXY)$")
_UBUNTU = "http://archive.ubuntu.com/ubuntu"
_UBUNTU_KEYRING = "usr/share/keyrings/ubuntu-archive-keyring.gpg"
_DEBIAN = "http://deb.debian.org/debian"
_MIRROR = re.compile(r"https?://\S+/debian/?(?=\s|$)")

_INSIDE = """\
mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" &&
mount -t tmpfs tmpfs "$0/run" && mount -t tmpfs tmpfs "$0/tmp" && exec chroot "$0" "$@"
"""
_INSTALL = """\
set -e
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
apt-get -qq -o Acquire::Retries=3 update
apt-get -qq -o Acquire::Retries=3 install --no-install-recommends "$@"
apt-get clean
rm /usr/sbin/policy-rc.d
"""
_SALT = """\
set -e
python3 -m venv /opt/salt
/opt/salt/bin/pip install --quiet --disable-pip-version-check --no-input --no-deps -r /opt/salt/pins
"""


@dataclass(frozen=True)
class Root:
    """The root of another system.

    :ivar name: as on the command line.
    :ivar title: as people call it.
    :ivar suite: as its archive calls it.
    :ivar salt: which of ``lab/pins`` its minion is.
    """

    name: str
    title: str
    suite: str
    salt: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return FOLDER / self.name

    @property
    def bin(self) -> Path:
        """Where its hosts have Salt's commands."""
        return Path("/opt/salt/bin")

    @property
    def is_ubuntu(self) -> bool:
        """Whether it is of Ubuntu's archive, else of Debian's."""
        return self.name.startswith("ubuntu-")

    @property
    def _stamp(self) -> Path:
        return FOLDER / f"{self.name}.made"

    @property
    def _reason(self) -> Path:
        """Why it could not be made."""
        return FOLDER / f"{self.name}.failed"

    @property
    def is_made(self) -> bool:
        """Whether it is there, with what is to be in it."""
        return self._stamp.exists() and self._stamp.read_text("utf-8") == self._wanted()

    def require(self) -> None:
        """Do nothing where it is there.

        :raises LabError: where it is not, with the reason why it could not be made.
        """
        if not self.is_made:
            reason = self._reason.read_text("utf-8") if self._reason.exists() else "not made yet"
            raise LabError(f"{self.title}: no root (python -m lab.roots {self.name}): {reason}")

    def make(self) -> None:
        """Make it, unless it is there.

        :raises LabError: where that is not possible here, with the reason.
        """
        FOLDER.mkdir(parents=True, exist_ok=True)
        with open(FOLDER / f"{self.name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_made:
                return
            for one in (self._stamp, self._reason):
                one.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            begun = time.monotonic()
            print(f"{self.title}: making its root", flush=True)
            try:
                self._bootstrap()
                self.run(["sh", "-c", _INSTALL, "install", *PACKAGES])
                self._install_salt()
            except LabError as err:
                self._reason.write_text(str(err), "utf-8")
                raise
            print(f"{self.title}: made in {time.monotonic() - begun:.0f} s", flush=True)
            self._stamp.write_text(self._wanted(), "utf-8")

    def _wanted(self) -> str:
        return f"{self} {PACKAGES} {self._pins()}"

    def run(self, argv: Sequence[str]) -> str:
        """Run a command in it, with mounts and processes of its own.

        :return: what it printed.
        :raises LabError: when it failed.
        """
        # Each time: a package may have made its own of them.
        self._copy_settings()
        inside = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _INSIDE]
        passed = {name: value for name, value in os.environ.items() if _VARIABLES.match(name)}
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
        }
        return self._do([*inside, str(self.folder), *argv], environment | passed)

    def _bootstrap(self) -> None:
        if shutil.which("debootstrap") is None:
            raise LabError(f"{self.title}: there is no debootstrap: apt-get install debootstrap")
        argv = ["unshare", "--mount", "debootstrap", "--variant=minbase"]
        argv += ["--include=ca-certificates", "--components=main,universe"]
        if self.is_ubuntu:
            argv += [f"--keyring={ubuntu_keyring()}", self.suite, str(self.folder), _UBUNTU]
        else:
            argv[-1] = "--components=main"
            argv += [self.suite, str(self.folder), _debian_mirror()]
        if not (SCRIPTS / self.suite).exists():
            # One that is younger than this debootstrap: all of Ubuntu's are the same one.
            argv.append(str(SCRIPTS / ("gutsy" if self.is_ubuntu else "sid")))
        self._do(argv, dict(os.environ))
        if self.is_ubuntu:
            # As every machine has them; dhcpd of 22.04 has mended faults there.
            updates = self.folder / "etc/apt/sources.list.d/updates.list"
            updates.write_text(f"deb {_UBUNTU} {self.suite}-updates main universe\n", "utf-8")

    def _copy_settings(self) -> None:
        for one in (*_SETTINGS, _CERTIFICATES):
            source, target = Path(one), self.folder / one.lstrip("/")
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            elif source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                # It may be a link that leads out of the root.
                target.unlink(missing_ok=True)
                shutil.copyfile(source, target)

    def _pins(self) -> str:
        lines = (PINS / f"{self.salt}.txt").read_text("utf-8").splitlines()
        return "\n".join(one for one in lines if not one.startswith(_NO_WHEEL)) + "\n"

    def _install_salt(self) -> None:
        (self.folder / "opt/salt").mkdir(parents=True)
        (self.folder / "opt/salt/pins").write_text(self._pins(), "utf-8")
        self.run(["sh", "-c", _SALT])

    def _do(self, argv: list[str], environment: dict[str, str]) -> str:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            check=False,
        )
        if done.returncode:
            raise LabError(f"{self.title}: its root can't be made here\n{done.stdout[-2000:]}")
        return done.stdout


SYSTEMS = {
    one.name: one
    for one in (
        Root("debian-13", "Debian 13", "trixie", "3008"),
        Root("ubuntu-22.04", "Ubuntu 22.04", "jammy", "3007"),
        Root("ubuntu-24.04", "Ubuntu 24.04", "noble", "3008"),
    )
}


def ubuntu_keyring() -> Path:
    """Ubuntu's keys: this machine's, else those of Debian 13's package of them.

    :raises LabError: where there are none.
    """
    here = Path("/", _UBUNTU_KEYRING)
    if here.exists():
        return here
    debian = SYSTEMS["debian-13"]
    debian.make()
    found = debian.folder / "srv/keyring" / _UBUNTU_KEYRING
    if not found.exists():
        script = (
            "mkdir -p /srv/keyring && cd /srv/keyring && apt-get -qq download ubuntu-keyring"
            " && dpkg-deb -x ubuntu-keyring_*.deb ."
        )
        debian.run(["sh", "-c", script])
    return found


def _debian_mirror() -> str:
    """Where this machine has its own packages from."""
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt/sources.list.d").glob("*")]
    for one in lists:
        found = _MIRROR.search(one.read_text("utf-8")) if one.exists() else None
        if found:
            return found[0]
    return _DEBIAN


def main(names: Sequence[str]) -> int:
    """Make roots, all by default.

    :return: exit code: 1 where one could not be made.
    """
    code = 0
    for name in names or SYSTEMS:
        try:
            SYSTEMS[name].make()
        except LabError as err:
            print(err, file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
