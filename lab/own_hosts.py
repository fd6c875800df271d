"""
Hosts as a reader of the documents has them: Salt from ``/etc/salt``, as units, a host each.

Nothing of the lab's own Salt is used: a master's host ``salt``, two servers with dhcpd and a
minion, keys accepted. The tree is not there before somebody brings it.
"""

from __future__ import annotations

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import BIN
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.waiting import wait_until

MASTER = "salt"
SERVERS = ("dhcp-a", "dhcp-b")
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


class OwnHosts:
    """A master and a pair, up for as long as a ``with`` block lasts."""

    def __init__(self) -> None:
        self.lab = Lab([MASTER, *SERVERS])

    def __enter__(self) -> OwnHosts:
        self.lab.__enter__()
        try:
            self.dhcp = Dhcp(self.lab.hosts, pair())
            self.dhcp.install()
            self._set_up(MASTER, "master", _MASTER)
            for name in SERVERS:
                text = _MINION.format(name=name, master=self.lab[MASTER].address)
                self._set_up(name, "minion", text)
            for name in SERVERS:
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
        host.run(["systemctl", "start", f"salt-{what}"])

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

        # A minion that has not found the restarted master again is asked once more.
        def synced() -> bool:
            return self.run(MASTER, "salt --timeout=20 '*' saltutil.sync_all")[0] == 0

        wait_until(synced, "the minions have synced", 120.0)

    def as_new(self) -> None:
        """No lease, no run, no mark, no setting that a page has left; both servers normal."""
        self.run(MASTER, "rm -rf /var/cache/salt/master/dhcp_failover")
        for name in SERVERS:
            self.run(name, "nft flush ruleset; rm -rf /var/cache/salt/minion/dhcpd")
        self.dhcp.write_configuration()
        self.dhcp.reset()
