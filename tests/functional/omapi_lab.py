"""Real dhcpd processes in namespaces of their own, for as long as a ``with`` block lasts.

Nothing of it touches the machine's network, its /etc/dhcp, its leases or its log. Everything dies
with the shell that is the first process in there, and the shell ends when this process does,
however it ends, because then its standard input does.
"""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.alone import DHCPD
from lab.alone import ISOLATED
from lab.alone import SET_UP

CLONE_NEWNET = 0x40000000

COMMON = """
ddns-update-style none;
omapi-port {omapi_port};
{omapi}
subnet 192.0.2.0 netmask 255.255.255.0 {{ {pool} }}
"""

PEER = """
failover peer "{relationship}" {{
  {role}; address {address}; port 647; peer address {peer_address}; peer port 647;
  max-response-delay 10; max-unacked-updates 7; {primary_only}
}}
"""


class Lab:
    """Private namespaces, and a shell in them that obeys line by line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("etc", "lib"):
            (folder / name).mkdir(exist_ok=True)
        self._shell = subprocess.Popen(
            [*ISOLATED, "sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process = self._shell.pid

    def __enter__(self) -> Lab:
        try:
            self.run(SET_UP.format(folder=self.folder))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.stdin.close()  # the shell ends, and with it its pid namespace
        try:
            self._shell.wait(5)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()
        self._shell.stdout.close()

    def run(self, script: str) -> str:
        """Run shell commands in there and return what they print."""
        self._shell.stdin.write(f"{script}\necho; echo END\n")
        self._shell.stdin.flush()
        lines = []
        for line in self._shell.stdout:
            if line == "END\n":
                return "".join(lines).strip()
            lines.append(line)
        raise RuntimeError(f"the lab's shell has ended: {''.join(lines)}")

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets that this thread makes here are in the lab's network."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net") as home, self._network() as lab:
            if libc.setns(lab.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), CLONE_NEWNET)

    def _network(self):
        # unshare itself is in the new network; only its child is in the new pid namespace.
        return open(f"/proc/{self.process}/ns/net")

    def start(
        self,
        name: str,
        omapi_port: int,
        omapi: str = "",
        relationship: str | None = "foo",
        role: str = "primary",
    ) -> Server:
        """Start one dhcpd and wait until it serves.

        :param omapi: the ``key`` declarations and ``omapi-key`` of its configuration.
        :param role: a ``primary`` has failover address 127.0.0.1, a ``secondary`` 127.0.0.2.
        """
        addresses = ["127.0.0.1", "127.0.0.2"]
        if role == "secondary":
            addresses.reverse()
        peer, pool = "", ""
        if relationship:
            peer = PEER.format(
                relationship=relationship,
                role=role,
                address=addresses[0],
                peer_address=addresses[1],
                primary_only="mclt 20; split 128;" if role == "primary" else "",
            )
            pool = f'pool {{ failover peer "{relationship}"; range 192.0.2.10 192.0.2.99; }}'
        text = peer + COMMON.format(omapi_port=omapi_port, omapi=omapi, pool=pool)
        (self.folder / "etc" / f"{name}.conf").write_text(text)
        (self.folder / "lib" / f"dhcpd.leases.{name}").write_text("")
        return Server(self, name, omapi_port)


class Server:
    """One dhcpd in the lab."""

    def __init__(self, lab: Lab, name: str, port: int) -> None:
        self.lab = lab
        self.port = port
        self._log = lab.folder / f"{name}.log"
        self._log.write_text("")
        files = f"-cf /etc/dhcp/{name}.conf -lf /var/lib/dhcp/dhcpd.leases.{name}"
        self.pid = lab.run(
            f"{DHCPD} -4 -f -d --no-pid {files} dhcp0 >>{self._log} 2>&1 </dev/null &\necho $!"
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def signal(self, name: str) -> None:
        """Send a signal to the process."""
        self.lab.run(f"kill -{name} {self.pid}")

    def stop(self) -> None:
        """End the process and wait for that."""
        self.lab.run(f"{{ kill -KILL {self.pid}; wait {self.pid}; }} 2>/dev/null")

    @property
    def alive(self) -> bool:
        return self.lab.run(f"kill -0 {self.pid} 2>/dev/null && echo yes") == "yes"

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _wait(self) -> None:
        limit = time.monotonic() + 10
        while "Server starting service." not in self.log:  # OMAPI listens before that
            if time.monotonic() > limit or not self.alive:
                raise RuntimeError(f"dhcpd did not start:\n{self.log}")
            time.sleep(0.01)
