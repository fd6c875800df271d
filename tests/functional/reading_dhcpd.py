"""A real dhcpd that reads one lease file after the other, in namespaces of its own.

One shell stays in the namespaces; each reading is a process namespace more, in which dhcpd starts,
reads the file, writes it again, and ends. That takes some 30 ms.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

from omapi_lab import DHCPD
from omapi_lab import Lab

CONFIGURATION = """
ddns-update-style none;
failover peer "foo" {{
  secondary; address 192.0.2.1; port 647; peer address 192.0.2.2; peer port 647;
  max-response-delay 10; max-unacked-updates 7;
}}
subnet 192.0.2.0 netmask 255.255.255.0 {{ {small} }}
subnet 10.0.0.0 netmask 255.0.0.0 {{ {large} }}
"""
POOL = 'pool {{ failover peer "foo"; range {} {}; }}'


class ReadingDhcpd:
    """Lets dhcpd read lease files whose addresses are 192.0.2.10-250 and the large range.

    :param folder: for its files.
    :param large: the last address of a second pool, which begins at 10.0.0.0; none by default.
    """

    def __init__(self, folder: Path, large: str = "") -> None:
        self.path = folder / "lib" / "dhcpd.leases"
        self.old = folder / "lib" / "dhcpd.leases~"
        self._folder = folder
        self._large = POOL.format("10.0.0.0", large) if large else ""
        self._lab = Lab(folder)

    def __enter__(self) -> ReadingDhcpd:
        self._lab.__enter__()
        small = POOL.format("192.0.2.10", "192.0.2.250")
        (self._folder / "etc" / "dhcpd.conf").write_text(
            CONFIGURATION.format(small=small, large=self._large)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._lab.__exit__()

    def write(self, text: bytes, old: bytes | None = None) -> None:
        """Start over: this lease file, and ``dhcpd.leases~``, and nothing else."""
        shutil.rmtree(self.path.parent / "..data", ignore_errors=True)
        for one in self.path.parent.iterdir():
            one.unlink()
        self.path.write_bytes(text)
        if old is not None:
            self.old.write_bytes(old)

    def read(self) -> str:
        """Start dhcpd on the file as it is; return what it says. The file is its own afterwards.

        :raises RuntimeError: when it did not start, with what it said.
        """
        dhcpd = f"{DHCPD} -4 -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcp/dhcpd.leases"
        inner = f"{dhcpd} -pf /run/dhcpd.pid dhcp0; echo EXIT $?"
        said = self._lab.run(
            f"unshare --pid --fork --kill-child sh -c {shlex.quote(inner)} 2>&1 </dev/null"
        )
        text, _, code = said.rpartition("EXIT ")
        if code.strip() != "0":
            raise RuntimeError(f"dhcpd did not start ({code.strip()}):\n{text}")
        return text

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script where a file system may be mounted without anybody else seeing it."""
        return subprocess.run(
            ["unshare", "--mount", "sh", "-ec", script], capture_output=True, text=True, timeout=60
        )
