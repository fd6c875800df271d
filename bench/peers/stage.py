"""The pair that all peers work on, their way to it (ssh, Salt), the new files, the faults."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from iscdhcp.errors import IscDhcpError

from lab.dhcp import CONFIGURATION
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.errors import LabError
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

FIRST, SECOND = "dhcp-b", "dhcp-a"
PEERS = CHECKOUT / "bench" / "peers"
#: Seconds in which a peer's command has to end by itself.
PATIENCE = 300.0
MCLT = 60
LEASE_TIME = 600
ADDRESSES = 30000
#: Where nobody is, on the servers' network.
NOBODY = 99

_FOLDER = RUN_DIR / "peers"
_MINION_CACHE = "/var/lib/salt-of-the-lab/cache/dhcpd"
_PROGRAM = "/usr/sbin/dhcpd"
_REAL = "/usr/local/lib/bench-peers/dhcpd"
_REFUSES = "/run/dhcpd-refuses"
_NFT = "bench_peers"
#: ``dhcpd -t`` is content, and where the file is there the program ends when it is to serve.
_REFUSING = f"""#!/bin/sh
for word; do
    case "$word" in -t | -T | --version) exec {_REAL} "$@" ;; esac
done
if [ -e {_REFUSES} ]; then
    echo "dhcpd: a library of this version can not be loaded" >&2
    exit 127
fi
exec {_REAL} "$@"
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    :ivar code: its exit code; None: it did not end in time and was killed.
    """

    code: int | None
    output: str


class Stage:
    """A pair with Salt and ssh.

    :ivar new: the folder with each server's new ``dhcpd.conf``.
    """

    def __init__(self, lab: Lab, salt: Salt) -> None:
        self.lab, self.salt = lab, salt
        relationship = Relationship("foo", SECOND, FIRST, mclt=MCLT, addresses=ADDRESSES)
        self.dhcp = Dhcp(lab.hosts, [relationship], lease_time=LEASE_TIME)
        self.new = _FOLDER / "new"
        self._ssh_config = _FOLDER / "ssh_config"
        self._offers = 0

    # -- set-up ------------------------------------------------------------------------------------

    def set_up(self) -> None:
        """Bring up ssh on the servers, and what Salt serves for the peers."""
        self.new.mkdir(parents=True)
        self._make_ssh()
        (self.salt.file_root / "new").symlink_to(self.new)
        (self.salt.file_root / "dhcp_server").symlink_to(PEERS / "salt")
        (self.salt.file_root / "top.sls").symlink_to(PEERS / "salt" / "top.sls")
        self.dhcp.install(60.0)
        self.offer("comment")
        self.salt.sync_all()
        for host in self.lab.hosts.values():
            host.write(_REAL, "")
            host.run(["cp", _PROGRAM, _REAL])
            host.run(["chmod", "755", _REAL])
            host.write(f"{_REAL}-refusing", _REFUSING, mode=0o755)

    def _make_ssh(self) -> None:
        key = _FOLDER / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        known, config = "", f"IdentityFile {key}\nUserKnownHostsFile {_FOLDER / 'known_hosts'}\n"
        config += "User root\nBatchMode yes\nStrictHostKeyChecking yes\n"
        for name, host in self.lab.hosts.items():
            host.write("/root/.ssh/authorized_keys", key.with_suffix(".pub").read_text(), 0o600)
            host.run(["systemctl", "start", "ssh.service"])
            public = host.read("/etc/ssh/ssh_host_ed25519_key.pub").split()
            known += f"{name},{host.address} {public[0]} {public[1]}\n"
            config += f"Host {name}\n  HostName {host.address}\n"
        (_FOLDER / "known_hosts").write_text(known)
        self._ssh_config.write_text(config)
        # ssh asks the password file for its user's home, not the environment.
        for program in ("ssh", "scp"):
            script = _FOLDER / "bin" / program
            script.parent.mkdir(exist_ok=True)
            script.write_text(f'#!/bin/sh\nexec /usr/bin/{program} -F {self._ssh_config} "$@"\n')
            script.chmod(0o755)
        for name in self.lab.hosts:
            done = self.run(["ssh", name, "true"])
            if done.code:
                raise LabError(f"no ssh to {name}\n{done.output}")

    # -- between the cases -------------------------------------------------------------------------

    def make_whole(self) -> None:
        """Undo every fault: an empty, normal pair that nothing is remembered of."""
        subprocess.run(["rm", "-rf", self.salt.config_dir / "cache" / "dhcp_failover"], check=True)
        for host in self.lab.hosts.values():
            host.run(["nft", "delete", "table", "inet", _NFT], check=False)
            host.run(["umount", _PROGRAM], check=False)
            host.run(["rm", "-rf", _REFUSES, _MINION_CACHE])
            host.run(["systemctl", "reset-failed", UNIT], check=False)
        self.dhcp.install(60.0)
        done = self.salt.salt_run("dhcp_failover.pairs", "refresh=True")
        if done.returncode:
            raise LabError(f"the pair is not found\n{done.stdout}{done.stderr}")

    # -- new files ---------------------------------------------------------------------------------

    def offer(self, kind: str) -> None:
        """Lay new files ready.

        :param kind: ``comment``: they mean the same; ``refused``: ``dhcpd -t`` does not take them;
            ``wrong partner``: it takes them, and each server's partner has an address of nobody's.
        """
        self._offers += 1
        for name, host in self.lab.hosts.items():
            text = self.dhcp.configuration(name)[CONFIGURATION]
            text = changed(text, kind, str(host.network.servers[NOBODY]), self._offers)
            (self.new / f"{name}.dhcpd.conf").write_text(text)

    def has_new_file(self, name: str) -> bool:
        """Whether a server has the file that was laid ready."""
        return self.lab[name].read(CONFIGURATION) == (self.new / f"{name}.dhcpd.conf").read_text()

    # -- faults ------------------------------------------------------------------------------------

    def cut_link(self) -> None:
        """Cut the failover connection, and wait until both servers have noticed."""
        rules = "".join(
            f"chain {hook} {{\ntype filter hook {hook} priority 0;\n"
            "tcp dport 647 drop\ntcp sport 647 drop\n}\n"
            for hook in ("input", "output")
        )
        self.lab[FIRST].run(["nft", "-f", "-"], stdin=f"table inet {_NFT} {{\n{rules}}}\n")

        def interrupted() -> bool:
            return all(
                self.state(name)[0] == "communications-interrupted" for name in self.lab.hosts
            )

        wait_until(interrupted, "both are in communications-interrupted", 60.0, every=0.2)

    def refuse_to_start(self) -> None:
        """Have ``dhcpd`` of both servers end at its next start."""
        for host in self.lab.hosts.values():
            host.run(["mount", "--bind", f"{_REAL}-refusing", _PROGRAM])
            host.write(_REFUSES, "")

    def let_start(self, name: str) -> None:
        """Take that back at once."""
        Path(f"/proc/{self.lab[name].leader}/root{_REFUSES}").unlink(missing_ok=True)

    # -- what is seen ------------------------------------------------------------------------------

    def state(self, name: str) -> tuple[str, str]:
        """A server's state and its partner's as it knows it; ``down`` where it does not run."""
        if not self.dhcp.processes(name):
            return "down", "unknown"
        try:
            return self.dhcp.failover_states(name).get("foo", ("silent", "unknown"))
        except IscDhcpError:
            return "silent", "unknown"

    def pids(self) -> dict[str, list[int]]:
        """The dhcpd of each server."""
        return {name: [one.pid for one in self.dhcp.processes(name)] for name in self.lab.hosts}

    # -- the peers' commands -----------------------------------------------------------------------

    def salt_command(self, program: str, *arguments: str) -> list[str]:
        """A command of Salt's on the master."""
        return [str(BIN / program), "-c", str(self.salt.config_dir), *arguments]

    def inventory(self) -> Path:
        """Ansible's inventory: the secondary first, as ISC says."""
        omapi = self.dhcp.omapi[FIRST]
        assert omapi is not None
        variables = {
            "relationship": "foo",
            "new_files": str(self.new),
            "omapi_port": str(omapi.port),
            "omapi_algorithm": omapi.algorithm,
            "omapi_key_name": omapi.key_name,
            "omapi_secret": omapi.secret,
        }
        lines = ["[dhcp_pair]", FIRST, SECOND, "", "[dhcp_pair:vars]"]
        lines += [f"{name}={value}" for name, value in variables.items()]
        path = _FOLDER / "inventory.ini"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(self, argv: list[str], seconds: float = PATIENCE) -> Done:
        """Run a peer's command, as a person types it."""
        environment = {
            "PATH": f"{_FOLDER / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "HOME": str(_FOLDER),
            "LANG": "C.UTF-8",
            "ANSIBLE_CONFIG": str(PEERS / "ansible" / "ansible.cfg"),
        }
        # A file: what stays behind (ssh's shared connection) would keep a pipe open.
        said = _FOLDER / "said"
        with open(said, "w", encoding="utf-8") as out:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
            try:
                code: int | None = process.wait(seconds)
            except subprocess.TimeoutExpired:
                code = None
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return Done(code, said.read_text("utf-8", "replace"))


def changed(text: str, kind: str, nobody: str, number: int) -> str:
    """A server's ``dhcpd.conf`` as it is rolled out.

    :param kind: as for :meth:`Stage.offer`.
    :param nobody: an address that no server has.
    :param number: no two files are the same.
    """
    head = f"# rollout {number}\n"
    if kind == "refused":
        return head + text.replace("max-response-delay 10;", "max-response-delay ten;")
    if kind == "wrong partner":
        lines = text.splitlines(keepends=True)
        return head + "".join(
            f"  peer address {nobody};\n" if "peer address" in line else line for line in lines
        )
    return head + text
