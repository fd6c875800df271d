"""
How long reading a lease file takes, and how much memory, against two peers.

Run it with ``python -m bench.leases`` (and ``_utils`` in ``PYTHONPATH``); it writes
``build/bench/leases.json``. For each size, in alternating runs, each a process of its own:

* ``count_s``: :func:`iscdhcp.leases.count.count`, the states of every address of a pool;
* ``check_s``: :func:`iscdhcp.leases.check.check`, every entry held against the grammar;
* ``tail_s``: :func:`iscdhcp.leases.end.check_end`, the last entry alone (the call, not the
  process);
* ``dhcpd_pools_s``: ``dhcpd-pools``, in C, of the Debian package;
* ``isc_dhcp_leases_s``: ``IscDhcpLeases(file).get()`` of PyPI's ``isc-dhcp-leases``, from a virtual
  environment that is made for it.

The times are medians (``runs`` has least and greatest too) of the whole process, Python's start
included; ``count_call_s`` and ``check_call_s`` are those of the call alone, as in a minion that
runs already. The counts are compared with those of dhcpd-pools. A peer that can't be had is null,
and ``missing`` says why.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from bench import figures
from lab.isolation import CHECKOUT

SIZES = (10_000, 284_000, 1_000_000)
PR_SET_CHILD_SUBREAPER = 36
#: Entries for each address: a file that dhcpd wrote again and then appended to.
REPEATED = 1.25
NOW = 1795418734

HEADER = """# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

# authoring-byte-order entry is generated, DO NOT DELETE
authoring-byte-order little-endian;


failover peer "foo" state {
  my state normal at 1 2026/11/23 07:22:56;
  partner state normal at 1 2026/11/23 07:22:54;
}
server-duid "\\000\\001\\000\\001\\0326\\\\abc";

"""
CONFIGURATION = "subnet 10.0.0.0 netmask 255.0.0.0 {{ range {} {}; }}\n"

OURS = """
import json
import sys
import time
from collections import namedtuple

from iscdhcp.leases import check
from iscdhcp.leases import count
from iscdhcp.leases import end

what, file, first, last, now = sys.argv[1:]
pool = namedtuple("Pool", "network ranges")("10.0.0.0/8", ((first, last),))
begun = time.perf_counter()
if what == "count":
    found = count.count(file, [pool], float(now))["pools"][0]
elif what == "check":
    found = check.check(file)["whole"]
elif what == "tail":
    found = end.check_end(file).whole
else:
    found = None
print(json.dumps([time.perf_counter() - begun, found]))
"""
THEIRS = """
import sys
from isc_dhcp_leases import IscDhcpLeases
print(len(IscDhcpLeases(sys.argv[1]).get()))
"""


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", "7")))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    options = parser.parse_args()
    figures.FOLDER.mkdir(parents=True, exist_ok=True)
    missing: dict[str, str] = {}
    pools = shutil.which("dhcpd-pools")
    if pools is None:
        missing["dhcpd_pools"] = "not installed (apt-get install dhcpd-pools)"
    peer = peer_python(missing)
    sizes = []
    with tempfile.TemporaryDirectory(prefix="leases-", dir=figures.FOLDER) as folder:
        for entries in options.sizes:
            sizes.append(measure(Path(folder), entries, options.runs, pools, peer))
            print(json.dumps(sizes[-1]), flush=True)
    result = {"sizes": sizes, "missing": missing, "conditions": conditions(options.runs, pools)}
    figures.write("leases", result)
    table(sizes)
    return 0 if all(one["whole"] and one["agrees"] is not False for one in sizes) else 1


def peer_python(missing: dict[str, str]) -> Path | None:
    """Return a Python that has isc-dhcp-leases, in a virtual environment of its own."""
    folder = figures.FOLDER / "isc-dhcp-leases"
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            venv.create(folder, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "isc-dhcp-leases"],
            check=True,
            capture_output=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError) as err:
        said = str(getattr(err, "stderr", None) or err).strip()
        missing["isc_dhcp_leases"] = said.splitlines()[-1]
        return None
    return python


def measure(
    folder: Path, entries: int, runs: int, pools: str | None, peer: Path | None
) -> dict[str, Any]:
    """Generate one file and run everything on it, in turns."""
    file = folder / "dhcpd.leases"
    addresses = generate(file, entries)
    first, last = "10.0.0.0", dotted(addresses - 1)
    configuration = folder / "dhcpd.conf"
    configuration.write_text(CONFIGURATION.format(first, last), encoding="ascii")
    ours = [sys.executable, "-I", "-S", "-c"]
    ours += [f"import sys; sys.path.insert(0, {str(CHECKOUT / '_utils')!r})\n{OURS}"]
    commands: dict[str, tuple[int, list[str]]] = {
        what: (runs, [*ours, what, str(file), first, last, str(NOW)])
        for what in ("nothing", "tail", "count", "check")
    }
    if pools:
        commands["dhcpd_pools"] = (
            runs,
            [pools, "-f", "j", "-c", str(configuration), "-l", str(file)],
        )
    if peer:
        # It takes long: fewer runs with each size.
        few = max(1, min(3, runs, 600_000 // entries))
        commands["isc_dhcp_leases"] = (few, [str(peer), "-I", "-c", THEIRS, str(file)])
    seconds: dict[str, list[float]] = {what: [] for what in commands}
    calls: dict[str, list[float]] = {}
    peak: dict[str, float] = {}
    said: dict[str, Any] = {}
    for turn in range(runs):
        for what, (most, command) in commands.items():
            if turn >= most:
                continue
            took, out = run(command)
            seconds[what].append(took)
            said[what] = json.loads(out)
            if command[0] == sys.executable:
                calls.setdefault(what, []).append(said[what][0])
    for what, (_, command) in commands.items():
        peak[what] = peak_megabytes(command)
    mine = said["count"][1]
    agrees = None
    if pools:
        (theirs,) = said["dhcpd_pools"]["subnets"]
        # It does not look at the ends of active leases, and has one figure for most others.
        agrees = theirs["defined"] == mine["addresses"] and theirs["used"] == (
            mine["active"] + mine["lapsed"]
        )
    result: dict[str, Any] = {
        "entries": entries,
        "bytes": file.stat().st_size,
        "addresses": addresses,
        "whole": said["check"][1],
        "agrees": agrees,
    }
    times = {f"{what}_s": figures.spread(seconds[what]) for what in ("check", "count")}
    times |= {f"{what}_call_s": figures.spread(calls[what]) for what in ("check", "count")}
    times["tail_s"] = figures.spread(calls["tail"])
    times["python_start_s"] = figures.spread(seconds["nothing"])
    for what in ("dhcpd_pools", "isc_dhcp_leases"):
        if what in seconds:
            times[f"{what}_s"] = figures.spread(seconds[what])
        else:
            result[f"{what}_s"] = None
    result |= {name: figures["median"] for name, figures in times.items()}
    result["runs"] = times
    result["peak_mb"] = {
        what: peak.get(what)
        for what in ("check", "count", "tail", "dhcpd_pools", "isc_dhcp_leases", "nothing")
    }
    if pools:
        base = statistics.median(seconds["dhcpd_pools"])
        result["ratio_to_dhcpd_pools"] = {
            what: round(statistics.median(seconds[what]) / base, 2) for what in ("check", "count")
        }
        least = min(seconds["dhcpd_pools"])
        result["ratio_of_the_fastest_runs"] = {
            what: round(min(seconds[what]) / least, 2) for what in ("check", "count")
        }
    file.unlink()
    return result


def run(command: list[str]) -> tuple[float, str]:
    """Return seconds and standard output of a process."""
    begun = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    took = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}\n{done.stdout}")
    return took, done.stdout


def peak_megabytes(command: list[str]) -> float:
    """
    Return the peak resident megabytes of a process.

    A child's figure begins with what its parent had, so a shell starts it and leaves it to us.
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    subprocess.run(["sh", "-c", '"$@" >/dev/null &', "sh", *command], check=True)
    _, _, usage = os.wait4(-1, 0)
    return round(usage.ru_maxrss / 1024, 1)


def generate(file: Path, entries: int) -> int:
    """Write a lease file as dhcpd does; return how many addresses it has."""
    chance = random.Random(entries)
    addresses = int(entries / REPEATED)
    dates: dict[int, str] = {}

    def date(seconds: int) -> str:
        if seconds not in dates:
            dates[seconds] = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(seconds))
        return dates[seconds]

    with open(file, "w", encoding="ascii") as out:
        out.write(HEADER)
        for number in range(entries):
            which = number if number < addresses else chance.randrange(addresses)
            out.write(lease(which, chance, date))
    return addresses


def lease(number: int, chance: random.Random, date: Any) -> str:
    """Return one lease: 70 % in use, or once so, 15 % backup, the others free."""
    begun = NOW - chance.randrange(7200)
    low = chance.getrandbits(24).to_bytes(3, "big")
    mac = "02:00:00:" + low.hex(":")
    kind = chance.random()
    lines = [f"lease {dotted(number)} {{", f"  starts {date(begun)};"]
    if kind < 0.7:
        ends = begun + 3600
        lines += [
            f"  {name} {date(when)};"
            for name, when in (
                ("ends", ends),
                ("tstp", ends + 1800),
                ("tsfp", ends + 1800),
                ("atsfp", ends + 1800),
                ("cltt", begun),
            )
        ]
        state = "active" if kind < 0.55 else "expired"
        lines += [
            f"  binding state {state};",
            f"  next binding state {'expired' if kind < 0.55 else 'free'};",
        ]
    elif kind < 0.85:
        lines += [f"  tsfp {date(begun)};", f"  atsfp {date(begun)};", "  binding state backup;"]
    else:
        lines += [f"  ends {date(begun)};", f"  tstp {date(begun)};", "  binding state free;"]
    lines += [f"  hardware ethernet {mac};", f'  uid "{quoted(bytes((1, 2, 0, 0)) + low)}";']
    if kind < 0.7:
        lines.append('  set vendor-class-identifier = "MSFT 5.0";')
        lines.append(f'  client-hostname "workstation-{number}";')
    return "\n".join(lines) + "\n}\n"


def quoted(octets: bytes) -> str:
    """As dhcpd's quotify_buf writes them."""
    return "".join(
        f"\\{chr(octet)}"
        if octet in b'"\\'
        else chr(octet)
        if 32 <= octet < 127
        else f"\\{octet:03o}"
        for octet in octets
    )


def dotted(number: int) -> str:
    """Return an address of 10.0.0.0/8."""
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def conditions(runs: int, pools: str | None) -> dict[str, Any]:
    """Return what the figures depend on."""
    version = ""
    if pools:
        done = subprocess.run([pools, "--version"], capture_output=True, text=True, check=False)
        version = done.stdout.split("\n")[0]
    return {
        "runs": runs,
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "dhcpd_pools": version,
        "files": "generated in dhcpd's form, 1.25 entries for each address, in the page cache",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def table(sizes: list[dict[str, Any]]) -> None:
    """Print the medians."""
    for one in sizes:
        print(f"{one['entries']} leases, {one['bytes'] / 1e6:.0f} MB:")
        for what in ("tail", "count", "check", "dhcpd_pools", "isc_dhcp_leases"):
            if one[f"{what}_s"] is not None:
                took, peak = one[f"{what}_s"], one["peak_mb"][what]
                print(f"  {what:16} {took:9.4f} s {peak:8.1f} MB")


if __name__ == "__main__":
    sys.exit(main())
