"""
What a look at a server costs, with 284,000 leases on it, against omshell.

Run it with ``make bench-status``; it writes ``build/bench/status.json``. On a host of the lab, one
of a pair that is normal, each in turns, medians (with least and greatest):

* ``omapi_query_s``: connection, key, one failover-state object, by :mod:`iscdhcp.host.omapi`, in a
  Python that runs already, as the minion does;
* ``omapi_first_query_s``: the same right after another program has had the processor;
* ``omapi_process_s``: the same with a Python of its own started for it;
* ``omshell_s``: the same by ISC's ``omshell``, which is a process of its own by nature;
* ``status_s``, ``status_brief_s``: the execution module's ``dhcpd.status``, and that of a wait;
* ``metrics_s``: ``dhcpd.metrics``, which a schedule runs and which counts all leases again;
* ``beacon_s``: one round of the beacon by Salt's own beacon loop, with those counts;
* ``beacon_by_log_s``: the same where OMAPI is switched off and the journal has to tell;
* ``beacon_hung_s``: the same while nothing answers (packets to the OMAPI port are dropped);
* ``beacon_stopped_s``: the same while dhcpd is stopped by a signal;
* ``salt_status_s``: ``salt dhcp-a dhcpd.status brief=True`` as a person types it.

``times_faster_than_omshell`` is the quotient of the medians of ``omshell_s`` and ``omapi_query_s``,
``first_query_times_faster_than_omshell`` that of ``omshell_s`` and ``omapi_first_query_s``,
``process_times_faster_than_omshell`` that of ``omshell_s`` and ``omapi_process_s``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import re
import signal
import sys
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bench import figures
from lab.dhcp import LEASES
from lab.dhcp import Dhcp
from lab.dhcp import Relationship
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

#: Large subnets, as an access network has them. What reading costs dhcpd goes by the pool, see
#: :func:`generate`.
POOLS = 71
ADDRESSES = 4_000
LEASES_IN_FILE = POOLS * ADDRESSES
PYTHON = str(CHECKOUT / ".venv" / "bin" / "python")
#: 10.0.0.0 to 10.4.111.255: no network of the lab is in there.
SUBNETS = list(ip_network("10.0.0.0/8").subnets(new_prefix=20))[:POOLS]
SUBNET = """
subnet {subnet.network_address} netmask {subnet.netmask} {{
  pool {{
    failover peer "foo";
    deny dynamic bootp clients;
    range {first} {last};
  }}
}}
"""
HEADER = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

authoring-byte-order little-endian;

failover peer "foo" state {{
  my state normal at {since};
  partner state normal at {since};
  mclt 15;
}}
"""
#: Acknowledged by the partner up to ``ends``: nothing is left to be sent (tstp > atsfp would be).
LEASE = """\
lease {address} {{
  starts {starts};
  ends {ends};
  tstp {ends};
  tsfp {ends};
  atsfp {ends};
  cltt {starts};
  binding state {state};{after}
  hardware ethernet 02:00:00:{mac};
  uid "\\001\\002\\000\\000{uid}";
}}
"""

#: Runs on the host. The key comes by standard input: it is in no argument.
WORKER = """
import json
import subprocess
import sys
import time

job = json.load(sys.stdin)
sys.path.insert(0, job["utils"])
from iscdhcp.host.omapi import OmapiClient
from iscdhcp.host.omapi import OmapiKey

ROW = 10

def timed(act):
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun

key = OmapiKey(*job["key"])

def query():
    with OmapiClient("127.0.0.1", job["port"], key) as client:
        assert client.failover_state("foo")["state"] == "normal"

ONE = '''
import json, sys
job = json.load(sys.stdin)
sys.path.insert(0, job["utils"])
from iscdhcp.host.omapi import OmapiClient, OmapiKey
with OmapiClient("127.0.0.1", job["port"], OmapiKey(*job["key"])) as client:
    assert client.failover_state("foo")["state"] == "normal"
'''

def own_process():
    subprocess.run([sys.executable, "-I", "-c", ONE], input=json.dumps(job).encode(), check=True)

name, algorithm, secret = job["key"]
SHELL = f'''server 127.0.0.1
port {job["port"]}
key-algorithm {algorithm}
key {name} {secret}
connect
new failover-state
set name = "foo"
open
'''

def omshell():
    done = subprocess.run(
        ["omshell"], input=SHELL, text=True, capture_output=True, check=True
    )
    assert "local-state = 00:00:00:02" in done.stdout, "omshell did not find the state"

if job["what"] == "omapi":
    names = ("omapi_query_s", "omapi_first_query_s", "omapi_process_s", "omshell_s")
    found = {name: [] for name in names}
    for _ in range(job["rounds"]):
        # Rows of the same length. The first of each follows another program, whose memory is in
        # the processor's caches.
        found["omapi_first_query_s"].append(timed(query))
        found["omapi_query_s"] += [timed(query) for _ in range(ROW)]
        omshell()
        found["omshell_s"] += [timed(omshell) for _ in range(ROW)]
        found["omapi_process_s"].append(timed(own_process))
else:
    import salt.beacons
    import salt.client
    import salt.config
    import salt.loader
    opts = salt.config.minion_config(job["config"])
    opts["file_client"] = "local"
    opts.update(job.get("opts") or {})
    opts["grains"] = salt.loader.grains(opts)
    modules = salt.loader.minion_mods(opts)
    beacons = salt.beacons.Beacon(opts, modules)

    def round():
        beacons.process({"dhcp_failover": [{}]}, opts["grains"])

    def metrics():
        text = modules["dhcpd.metrics"]()
        counted = [line.split() for line in text.splitlines() if line.startswith("dhcpd_leases{")]
        active = sum(float(line[-1]) for line in counted if 'state="active"' in line[0])
        assert active == job["active"], f"{active} active leases were counted"

    acts = {
        "status_s": lambda: modules["dhcpd.status"](),
        "status_brief_s": lambda: modules["dhcpd.status"](brief=True),
        "metrics_s": metrics,
        "beacon": round,
    }
    wanted = job["acts"]
    for _, act in wanted:
        acts[act]()
    found = {name: [] for name, _ in wanted}
    for _ in range(job["rounds"]):
        for name, act in wanted:
            found[name].append(timed(acts[act]))
print("RESULT" + json.dumps(found))
"""


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with Lab(["dhcp-a", "dhcp-b"]) as lab:
        statements = "".join(
            SUBNET.format(subnet=subnet, first=subnet[1], last=subnet[ADDRESSES])
            for subnet in SUBNETS
        )
        # Next to no addresses besides the generated ones: there would be leases to share out.
        relationship = Relationship("foo", "dhcp-a", "dhcp-b", addresses=2)
        dhcp = Dhcp(lab.hosts, [relationship], statements=statements)
        dhcp.write_configuration()
        text = "".join(generate(time.time()))
        for name, host in lab.hosts.items():
            dhcp.stop(name)
            host.write(LEASES, text)
        started = time.perf_counter()
        for name in lab.hosts:
            dhcp.start(name)
        dhcp.wait_normal(60.0)
        wait_idle(dhcp)
        moved = re.findall(rf"balancing pool .* total {ADDRESSES} .* lts -?[1-9].*", journal(dhcp))
        assert not moved, f"the generated leases are not shared evenly: {moved[:3]}"
        print(f"both normal and idle after {time.perf_counter() - started:.0f} s", flush=True)
        found, size = measure(lab, dhcp, rounds)
    result: dict[str, Any] = {
        name: figures.spread(values, digits=6) for name, values in found.items()
    }
    for name, ours in (
        ("times_faster_than_omshell", "omapi_query_s"),
        ("first_query_times_faster_than_omshell", "omapi_first_query_s"),
        ("process_times_faster_than_omshell", "omapi_process_s"),
    ):
        quotient = result["omshell_s"]["median"] / result[ours]["median"]
        result[name] = round(quotient, 1)
    result["conditions"] = conditions(rounds, size)
    figures.write("status", result)
    print(json.dumps(result, indent=1))
    return 0


def generate(now: float) -> Iterator[str]:
    """
    Yield a lease file with an entry for each address of each pool, as both partners have it.

    Half of each pool is in use, its ends spread over a day at random; the rest is shared evenly,
    so no pool has to be balanced. dhcpd sorts the leases of a pool and state into one list by
    their ends, each from the list's head (server/mdb.c, lease_insert): 284,000 leases take it
    seconds in 71 pools and many minutes in a single one.
    """
    chance = random.Random(1)

    def date(moment: float) -> str:
        return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(moment))

    yield HEADER.format(since=date(now - 604800))
    for subnet in SUBNETS:
        for number in range(1, ADDRESSES + 1):
            used = number % 2
            # Far enough away that none ends while the benchmark runs.
            ends = now + chance.randrange(3600, 90000) * (1 if used else -1)
            mac = int(subnet[number]).to_bytes(4, "big")[1:]
            yield LEASE.format(
                address=subnet[number],
                starts=date(ends - 86400 - 3600),
                ends=date(ends),
                state="active" if used else ("free", "backup")[number // 2 % 2],
                after="\n  next binding state expired;" if used else "",
                mac=mac.hex(":"),
                uid="".join(f"\\{byte:03o}" for byte in mac),
            )


def journal(dhcp: Dhcp) -> str:
    """Return what both dhcpd have logged."""
    said = [host.run(["journalctl", "-o", "cat", "-t", "dhcpd"]) for host in dhcp.hosts.values()]
    return "".join(one.stdout for one in said)


def wait_idle(dhcp: Dhcp) -> None:
    """Wait until dhcpd has read, written and exchanged all leases: its processor time stands."""

    def used() -> list[int]:
        found = []
        for name in dhcp.hosts:
            for process in dhcp.processes(name):
                fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
                found.append(int(fields[11]) + int(fields[12]))
        return found

    before: list[list[int]] = [used()]

    def stands() -> bool:
        before.append(used())
        return len(before) > 10 and before[-1] == before[-10]

    wait_until(stands, "dhcpd is through with its leases", 300.0, every=0.3)


def measure(lab: Lab, dhcp: Dhcp, rounds: int) -> tuple[dict[str, list[float]], int]:
    """Return the times of each round, and the lease file's size."""
    host = dhcp.hosts["dhcp-a"]
    omapi = dhcp.omapi["dhcp-a"]
    assert omapi is not None
    base = {
        "utils": str(CHECKOUT / "_utils"),
        "key": [omapi.key_name, omapi.algorithm, omapi.secret],
        "port": omapi.port,
        "rounds": rounds,
        "active": LEASES_IN_FILE // 2,
    }

    def work(**job: Any) -> dict[str, list[float]]:
        done = host.run([PYTHON, "-c", WORKER], stdin=json.dumps({**base, **job}), timeout=120.0)
        found: dict[str, list[float]] = json.loads(done.stdout.split("RESULT")[1])
        return found

    found = work(what="omapi")
    with Salt(lab) as salt:
        salt.sync_all()
        config = str(salt.config_dir.parent / "dhcp-a" / "minion")
        # First of all: the beacon goes by the counts of leases that this leaves.
        counting = [["metrics_s", "metrics_s"]]
        found.update(work(what="salt", config=config, acts=counting, rounds=max(3, rounds // 4)))
        looks = [["status_s", "status_s"], ["status_brief_s", "status_brief_s"]]
        looks.append(["beacon_s", "beacon"])
        found.update(work(what="salt", config=config, acts=looks))
        by_log = {"dhcpd": {"omapi": False}}
        acts = [["beacon_by_log_s", "beacon"]]
        found.update(work(what="salt", config=config, acts=acts, opts=by_log))
        host.run(
            ["nft", "-f", "-"],
            stdin="table ip cut {\n chain in {\n  type filter hook input priority 0\n"
            f"  tcp dport {omapi.port} drop\n }}\n}}\n",
        )
        found.update(work(what="salt", config=config, acts=[["beacon_hung_s", "beacon"]]))
        host.run(["nft", "delete", "table", "ip", "cut"])
        (process,) = dhcp.processes("dhcp-a")
        os.kill(process.pid, signal.SIGSTOP)
        found.update(work(what="salt", config=config, acts=[["beacon_stopped_s", "beacon"]]))
        os.kill(process.pid, signal.SIGCONT)
        dhcp.wait_normal()
        times = []
        for _ in range(max(3, rounds // 3)):
            begun = time.perf_counter()
            done = salt.salt("dhcp-a", "dhcpd.status", "brief=True")
            times.append(time.perf_counter() - begun)
            assert done.returncode == 0, done.stdout
        found["salt_status_s"] = times
    size = int(host.run(["stat", "-c", "%s", LEASES]).stdout)
    return found, size


def conditions(rounds: int, size: int) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "rounds": rounds,
        "leases_in_file": LEASES_IN_FILE,
        "pools": POOLS,
        "compared": "a query in a Python that runs already, as the minion does, with an omshell "
        "process, in turns rows of ten each, each with a connection of its own; "
        "omapi_process_s is a Python process started for one query",
        "lease_file_bytes": size,
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "pair": "two systemd-nspawn hosts on this machine, no DHCP load",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
