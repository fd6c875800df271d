"""
Hosts as a reader of the documents has them: Salt from ``/etc/salt``, as units, a host each.

Nothing of the lab's own Salt is used: a master's host ``salt``, two servers with dhcpd and a
minion, keys accepted. The tree is not there before somebody brings it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.dhcp import Dhcp
from lab.dhcp import Omapi
from lab.dhcp import Relationship
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.waiting import wait_until

MASTER = "salt"
TREE = "/srv/dhcp-failover"
#: What Salt serves of it.
SERVED = ("_beacons", "_modules", "_output", "_runners", "_states", "_utils", "orch", "reactor")

_UNIT = """\
[Unit]
Description=Salt {what}
[Service]
ExecStart={bin}/salt-{what}
KillMode={kill}
LimitNOFILE=8192
[Install]
WantedBy=basic.target
"""
_MASTER = """\
interface: 0.0.0.0
auto_accept: True
keysize: 2048
enable_gpu_grains: False
enable_fqdns_grains: False
timeout: 10
worker_threads: 4
user: root
"""
_MINION = """\
id: {name}
master: {master}
keysize: 2048
enable_gpu_grains: False
enable_fqdns_grains: False
acceptance_wait_time: 1
recon_default: 100
recon_max: 500
auth_timeout: 5
random_reauth_delay: 1
log_level_logfile: info
"""
_READY = "Minion is ready to receive requests"
#: What pages write on the master.
_OF_PAGES = ("/srv/salt", "/srv/pillar")


class OwnHosts:
    """A master and servers, up for as long as a ``with`` block lasts.

    :param relationships: by default the pair ``foo`` of ``dhcp-a`` and ``dhcp-b``.
    :param spare: hosts with a minion and nothing else.
    :param omapi: whether the servers have it.
    """

    def __init__(
        self,
        relationships: Sequence[Relationship] | None = None,
        spare: Sequence[str] = (),
        omapi: bool = True,
    ) -> None:
        self._omapi = Omapi() if omapi else None
        self.relationships = list(relationships or pair())
        servers = dict.fromkeys(name for one in self.relationships for name in one.servers)
        self.minions = (*servers, *spare)
        self.lab = Lab([MASTER, *self.minions])

    def __enter__(self) -> OwnHosts:
        self.lab.__enter__()
        try:
            self.dhcp = Dhcp(self.lab.hosts, self.relationships, self._omapi)
            self.dhcp.install()
            self._set_up(MASTER, "master", _MASTER)
            for name in self.minions:
                text = _MINION.format(name=name, master=self.lab[MASTER].address)
                self._set_up(name, "minion", text)
            for name in self.minions:
                wait_until(
                    lambda name=name: _READY in self.run(name, "cat /var/log/salt/minion")[1],
                    f"the minion on {name} is ready",
                    90.0,
                    0.5,
                )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.lab.__exit__(None, None, None)

    def _set_up(self, name: str, what: str, settings: str) -> None:
        host = self.lab[name]
        host.run(["rm", "-rf", "/etc/salt", "/var/cache/salt", "/var/log/salt", "/srv/salt"])
        host.run(
            ["mkdir", "-p", f"/etc/salt/{what}.d", "/srv/salt", "/srv/pillar", "/var/log/salt"]
        )
        host.write(f"/etc/salt/{what}", settings)
        kill = "process" if what == "minion" else "control-group"
        unit = _UNIT.format(what=what, bin=BIN, kill=kill)
        host.write(f"/etc/systemd/system/salt-{what}.service", unit)
        host.run(["systemctl", "daemon-reload"])
        host.run(["systemctl", "enable", "--now", f"salt-{what}"])

    def run(self, host: str, script: str, timeout: float = 300.0) -> tuple[int, str]:
        """Run a script in bash on a host.

        :param timeout: seconds.
        :return: exit code, and what a terminal would show: both outputs as they came.
        """
        path = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        variables = {"PATH": path, "COLUMNS": "100", "LANG": "C.UTF-8", "HOME": "/root"}
        words = ["env", *(f"{k}={v}" for k, v in variables.items())]
        script = f"exec 2>&1\ncd /root\n{script}"
        done = self.lab[host].run([*words, "bash", "-c", script], check=False, timeout=timeout)
        return done.returncode, done.stdout + done.stderr

    def bring_tree(self) -> None:
        """The checkout as it is now, served by the master; all synced."""
        links = "; ".join(f"ln -sfn {CHECKOUT / one} {TREE}/{one}" for one in SERVED)
        settings = f"file_roots:\\n  base: [/srv/salt, {TREE}]\\n"
        code, output = self.run(
            MASTER,
            f"rm -rf {TREE}; mkdir -p {TREE}; {links}"
            f"; printf '{settings}' >/etc/salt/master.d/dhcp_failover.conf"
            "; systemctl restart salt-master; salt-run saltutil.sync_all",
        )
        if code:
            raise LabError(f"the master has not synced\n{output}")

        self.wait_for_minions("saltutil.sync_all")

    def wait_for_minions(self, function: str = "test.ping", minion: str = "*") -> None:
        """Wait until minions answer; who has not found the master yet is asked once more.

        :param function: what they are asked to do.
        :param minion: one of them, or a glob.
        """

        def done() -> bool:
            return self.run(MASTER, f"salt --timeout=20 '{minion}' {function}")[0] == 0

        wait_until(done, f"{function} on {minion}", 120.0)

    def as_new(self, known: bool = True) -> None:
        """No lease, no run, no mark, no setting that a page has left; both servers normal.

        :param known: whether the master has seen the pairs, as one that has worked for a while.
        """
        folders = " ".join(f"{one}/*" for one in _OF_PAGES)
        self.run(MASTER, f"rm -rf /var/cache/salt/master/dhcp_failover {folders}")
        for name in self.minions:
            self.lab[name].start()
            left = "/var/cache/salt/minion/dhcpd /etc/dhcp/*.backup-*"
            self.run(name, f"nft flush ruleset; rm -rf {left}")
        self._forget_settings()
        self.dhcp.write_configuration()
        self.dhcp.reset()
        if known:
            self.wait_for_minions()
            code, output = self.run(MASTER, "salt-run dhcp_failover.pairs")
            if code:
                raise LabError(f"the master finds no pair\n{output}")

    def _forget_settings(self) -> None:
        others = "find /etc/salt/master.d -type f ! -name dhcp_failover.conf"
        found = self.run(MASTER, others)[1].split()
        if found:
            self.run(MASTER, f"rm {' '.join(found)}; systemctl restart salt-master")
            self.wait_for_minions()
