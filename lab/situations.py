"""
What happens to hosts before a block of a page is typed: ``<!-- lab: dhcp-a loses its power -->``.

Each situation returns once it is there: a page's commands find it as its text says.
"""

from __future__ import annotations

from collections.abc import Callable

from iscdhcp.host.omapi import OmapiClient
from iscdhcp.states import FailoverState

from lab.dhcp import COMMON
from lab.dhcp import LEASES
from lab.dhcp import Omapi
from lab.errors import LabError
from lab.own_hosts import MASTER
from lab.own_hosts import OwnHosts
from lab.waiting import wait_until

_INTERRUPTED = "communications-interrupted"
_WALL = """\
table inet wall {
  chain input { type filter hook input priority 0; tcp dport 647 drop; tcp sport 647 drop; }
  chain output { type filter hook output priority 0; tcp dport 647 drop; tcp sport 647 drop; }
}
"""
_TORN = "lease 10.0.1.1 {\n  starts 4 2026/11/26 10:00:00;\n  en"


def make(situation: str, hosts: OwnHosts) -> bool:
    """Make a situation; return whether there is one of this name."""
    known = SITUATIONS.get(situation)
    if known:
        known(hosts)
    return known is not None


def _in_state(hosts: OwnHosts, server: str, state: str) -> None:
    def is_so() -> bool:
        return hosts.dhcp.failover_states(server).get("foo", ("",))[0] == state

    wait_until(is_so, f"{server} is in {state}", 60.0)


def _loses_power(hosts: OwnHosts) -> None:
    hosts.lab["dhcp-a"].kill()
    _in_state(hosts, "dhcp-b", _INTERRUPTED)


def _has_power_again(hosts: OwnHosts) -> None:
    hosts.lab["dhcp-a"].start()
    hosts.wait_for_minions(minion="dhcp-a")


def _port_is_closed(hosts: OwnHosts) -> None:
    hosts.lab["dhcp-a"].run(["nft", "-f", "-"], stdin=_WALL)
    for server in ("dhcp-a", "dhcp-b"):
        _in_state(hosts, server, _INTERRUPTED)


def _port_is_open(hosts: OwnHosts) -> None:
    hosts.lab["dhcp-a"].run(["nft", "flush", "ruleset"])


def _is_paused(hosts: OwnHosts) -> None:
    omapi = hosts.dhcp.omapi["dhcp-b"]
    assert omapi
    with OmapiClient(hosts.lab["dhcp-b"].address, omapi.port, omapi.key()) as client:
        client.set_local_state("foo", FailoverState.PAUSED)
    _in_state(hosts, "dhcp-b", "paused")


def _have_a_key(hosts: OwnHosts) -> None:
    hosts.dhcp.omapi = dict.fromkeys(hosts.dhcp.hosts, Omapi())
    hosts.dhcp.write_configuration()


def _is_torn(hosts: OwnHosts) -> None:
    hosts.dhcp.stop("dhcp-b")
    hosts.lab["dhcp-b"].run(["sh", "-c", f"cat >> {LEASES}"], stdin=_TORN)


def _lease_times_doubled(hosts: OwnHosts) -> None:
    """Each server's common file in its own pillar, as configuration management has it there."""
    hosts.lab[MASTER].write("/srv/pillar/top.sls", 'base:\n  "dhcp-*": ["{{ grains.id }}"]\n')
    for name in hosts.dhcp.hosts:
        _common_in_pillar(hosts, name, "")
    _clear_file_list(hosts)


def _one_is_wrong(hosts: OwnHosts) -> None:
    _common_in_pillar(hosts, "dhcp-b", "max-lease-tme 240;\n")
    _clear_file_list(hosts)


def _common_in_pillar(hosts: OwnHosts, name: str, more: str) -> None:
    text = hosts.dhcp.configuration(name)[COMMON].replace("lease-time 120", "lease-time 240")
    lines = "".join(f"    {line}\n" for line in f"{text}{more}".splitlines())
    hosts.lab[MASTER].write(f"/srv/pillar/{name}.sls", f"dhcp:\n  common: |\n{lines}")


def _clear_file_list(hosts: OwnHosts) -> None:
    """The master's list of files is up to 20 s old: a reader is slower than that."""
    code, output = hosts.run(MASTER, "salt-run fileserver.clear_file_list_cache")
    if code:
        raise LabError(output)


def _run_has_ended(hosts: OwnHosts) -> None:
    def ended() -> bool:
        return " done " in hosts.run(MASTER, "salt-run dhcp_failover.history")[1]

    wait_until(ended, "the run is over", 90.0, 1.0)


def _webhook_was_called(hosts: OwnHosts, times: int) -> None:
    def called() -> bool:
        log = hosts.run(MASTER, "journalctl -o cat -t hook")[1]
        return log.count("restarted.") + log.count("Next:") >= times

    wait_until(called, f"the webhook was called {times} times", 30.0, 0.5)


def _is_replaced(hosts: OwnHosts) -> None:
    """``dhcp-b`` is gone; ``dhcp-n`` has its address and its dhcpd.conf, and no lease file."""
    old, new = hosts.lab["dhcp-b"], hosts.lab["dhcp-n"]
    old.kill()
    _in_state(hosts, "dhcp-a", _INTERRUPTED)
    for path, text in hosts.dhcp.configuration("dhcp-b").items():
        new.write(path, text)
    new.run(["sh", "-c", f"rm -f {LEASES}*; touch {LEASES}"])
    routes = new.run(["ip", "route", "show", "scope", "global"]).stdout.splitlines()
    new.run(["ip", "address", "del", f"{new.address}/24", "dev", "eth0"])
    new.run(["ip", "address", "add", f"{old.address}/24", "dev", "eth0"])
    for route in routes:
        new.run(["ip", "route", "replace", *route.split()])
    new.run(["systemctl", "restart", "salt-minion"])
    hosts.wait_for_minions("saltutil.sync_all", "dhcp-n")


SITUATIONS: dict[str, Callable[[OwnHosts], None]] = {
    "dhcp-a loses its power": _loses_power,
    "dhcp-a has its power again": _has_power_again,
    "the failover port is closed": _port_is_closed,
    "the failover port is open": _port_is_open,
    "dhcp-b was paused and left so": _is_paused,
    "both servers have a key in their files": _have_a_key,
    "the lease file of dhcp-b is torn": _is_torn,
    "the lease times in the pillar are doubled": _lease_times_doubled,
    "the file of dhcp-b in the pillar has a slip": _one_is_wrong,
    "the minions have found the master": OwnHosts.wait_for_minions,
    "the webhook was called": lambda hosts: _webhook_was_called(hosts, 1),
    "the webhook was called again": lambda hosts: _webhook_was_called(hosts, 2),
    "the run has ended": _run_has_ended,
    "dhcp-n takes the place of dhcp-b": _is_replaced,
}
