"""
What a look at a server costs, with 284,000 leases on it, against omshell.

Run it with ``make bench-status``; it writes ``build/bench/status.json``. On a host of the lab, one
of a pair that is normal, each in turns, medians (with least and greatest):

* ``omapi_query_s``: connection, key, one failover-state object, by :mod:`iscdhcp.omapi`, in a
  Python that runs already, as the minion does;
* ``omapi_process_s``: the same with a Python of its own started for it;
* ``omshell_s``: the same by ISC's ``omshell``, which is a process of its own by nature;
* ``status_s``, ``status_brief_s``: the execution module's ``dhcpd.status``, and that of a wait;
* ``beacon_s``: one round of the beacon by Salt's own beacon loop;
* ``beacon_by_log_s``: the same where OMAPI is switched off and the journal has to tell;
* ``beacon_hung_s``: the same while dhcpd answers nothing (its OMAPI port is cut off);
* ``salt_status_s``: ``salt dhcp-a dhcpd.status brief=True`` as a person types it.

``times_faster_than_omshell`` is the quotient of the medians.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import leases as generator
from lab.dhcp import LEASES
from lab.dhcp import UNIT
from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

LEASES_IN_FILE = 284_000
PYTHON = str(CHECKOUT / ".venv" / "bin" / "python")
#: The generated addresses, in a subnet that no network of the lab is in.
POOL = """
subnet 10.0.0.0 netmask 255.248.0.0 {{
  pool {{ failover peer "foo"; deny dynamic bootp clients; range 10.0.0.1 {last}; }}
}}
"""

#: Runs on the host. The key comes by standard input: it is in no argument.
WORKER = """
import json, subprocess, sys, time
job = json.load(sys.stdin)
sys.path.insert(0, job["utils"])
from iscdhcp.omapi import OmapiClient, OmapiKey

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
from iscdhcp.omapi import OmapiClient, OmapiKey
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
    found = {"omapi_query_s": [], "omapi_process_s": [], "omshell_s": []}
    query()
    for _ in range(job["rounds"]):
        found["omapi_query_s"].append(timed(query))
        found["omshell_s"].append(timed(omshell))
        found["omapi_process_s"].append(timed(own_process))
else:
    import salt.beacons, salt.client, salt.config, salt.loader
    opts = salt.config.minion_config(job["config"])
    opts["file_client"] = "local"
    opts.update(job.get("opts") or {})
    opts["grains"] = salt.loader.grains(opts)
    modules = salt.loader.minion_mods(opts)
    beacons = salt.beacons.Beacon(opts, modules)

    def round():
        beacons.process({"dhcp_failover": [{}]}, opts["grains"])

    acts = {
        "status_s": lambda: modules["dhcpd.status"](),
        "status_brief_s": lambda: modules["dhcpd.status"](brief=True),
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
    with tempfile.TemporaryDirectory(dir=RUN_DIR) as folder, Lab(["dhcp-a", "dhcp-b"]) as lab:
        file = Path(folder) / "dhcpd.leases"
        generate(file)
        statements = POOL.format(last=generator.dotted(LEASES_IN_FILE))
        small = Dhcp(lab.hosts, pair())
        small.install()
        # With the states that the file has, nobody has to fetch every lease from the other.
        dhcp = Dhcp(lab.hosts, pair(), omapi=small.omapi, statements=statements)
        for name in lab.hosts:
            dhcp.stop(name)
        dhcp.write_configuration()
        for host in lab.hosts.values():
            host.run(["sh", "-c", f"cat {file} >{LEASES}"])
        for host in lab.hosts.values():
            host.run(["systemctl", "restart", "--no-block", UNIT])
        dhcp.wait_normal(300.0)
        wait_idle(dhcp)
        found, size = measure(lab, dhcp, rounds)
    result: dict[str, Any] = {
        name: {
            "min": round(min(values), 5),
            "median": round(statistics.median(values), 5),
            "max": round(max(values), 5),
        }
        for name, values in found.items()
    }
    quotient = result["omshell_s"]["median"] / result["omapi_query_s"]["median"]
    result["times_faster_than_omshell"] = round(quotient, 1)
    result["conditions"] = conditions(rounds, size)
    folder_out = CHECKOUT / "build" / "bench"
    folder_out.mkdir(parents=True, exist_ok=True)
    (folder_out / "status.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    return 0


def generate(file: Path) -> None:
    """
    Write a lease for each address, half of them in use, the times in order.

    dhcpd sorts the leases of a pool into a list by their ends: with times at random it took more
    than a minute to read as many (server/mdb.c, lease_enqueue).
    """
    now = int(time.time())

    def date(moment: int) -> str:
        return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(moment))

    with open(file, "w", encoding="ascii") as out:
        out.write(generator.HEADER)
        for number in range(1, LEASES_IN_FILE + 1):
            used = number % 2
            ends = date(now + 86400 + number // 100) if used else date(now - 86400)
            state = "active" if used else ("free", "backup")[number // 2 % 2]
            mac = (number).to_bytes(3, "big").hex(":")
            out.write(
                f"lease {generator.dotted(number)} {{\n  starts {date(now - 90000)};\n"
                f"  ends {ends};\n  cltt {date(now - 90000)};\n  binding state {state};\n"
                f"  hardware ethernet 02:00:00:{mac};\n}}\n"
            )


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
    }

    def work(**job: Any) -> dict[str, list[float]]:
        done = host.run([PYTHON, "-c", WORKER], stdin=json.dumps({**base, **job}), timeout=600.0)
        found: dict[str, list[float]] = json.loads(done.stdout.split("RESULT")[1])
        return found

    found = work(what="omapi")
    with Salt(lab) as salt:
        salt.sync_all()
        config = str(salt.config_dir.parent / "dhcp-a" / "minion")
        looks = [["status_s", "status_s"], ["status_brief_s", "status_brief_s"]]
        looks.append(["beacon_s", "beacon"])
        found.update(work(what="salt", config=config, acts=looks))
        by_log = {"dhcpd": {"omapi": False}}
        acts = [["beacon_by_log_s", "beacon"]]
        found.update(work(what="salt", config=config, acts=acts, opts=by_log))
        host.run(
            ["nft", "-f", "-"],
            stdin="table ip cut { chain in { type filter hook input priority 0; "
            f"tcp dport {omapi.port} drop; }} }}\n",
        )
        found.update(work(what="salt", config=config, acts=[["beacon_hung_s", "beacon"]]))
        host.run(["nft", "delete", "table", "ip", "cut"])
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
