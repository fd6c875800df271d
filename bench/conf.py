"""
How long a large configuration takes to be parsed, linted and compared, beside ``dhcpd -t``.

Run it with ``python -m bench.conf`` (and ``_utils`` in ``PYTHONPATH``); it writes
``build/bench/conf.json``. The file has 50,000 hosts, as sites generate them. In alternating runs,
each a process of its own (its start left out of our figures, and part of dhcpd's):

* ``parse_s``: :func:`iscdhcp.conf.syntax.parse_file`, and the views on it;
* ``lint_s``: :func:`iscdhcp.conf.lint.lint` on the tree;
* ``compare_s``: both servers' trees brought into normal form, and compared; one host differs;
* ``pending_s``: what ``dhcpd.status`` does once after a file was touched;
* ``dhcpd_t_s``: ``dhcpd -t`` on the same file, the whole process.

``..._cpu_s`` are the same in seconds of the processor, which a busy machine changes less.
The times are medians; ``runs`` has least and greatest too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import figures
from lab.isolation import CHECKOUT
from lab.waiting import wait_until

SUFFIX = {"seconds": "s", "cpu": "cpu_s"}

PEER = """failover peer "foo" {{
  {role}; address 10.0.0.{own}; port 647; peer address 10.0.0.{partner}; peer port 647;
  max-response-delay 30; load balance max seconds 3;{primary}
}}
"""
NETWORK = """subnet 10.0.0.0 netmask 255.0.0.0 {
  option routers 10.0.0.254;
  pool { failover peer "foo"; deny dynamic bootp clients; range 10.250.0.0 10.250.127.255; }
}
"""
HOST = """host client-{number} {{  # port {number}
  hardware ethernet 02:00:{octets};
  fixed-address 10.{high}.{middle}.{low};
  option host-name "client-{number}";
}}
"""

OURS = """
import json
import os
import sys
import time
from pathlib import Path

from iscdhcp.conf import compare
from iscdhcp.conf import lint
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views as conf_views
from iscdhcp.facts import pending

main, partner, folder = sys.argv[1:]
seconds, cpu = {}, {}
def now():
    return time.perf_counter(), time.process_time()
def took(what, begun):
    seconds[what], cpu[what] = (end - start for end, start in zip(now(), begun))
begun = now()
tree = syntax.parse_file(main)
views = conf_views.views(tree)
took("parse", begun)
begun = now()
findings = lint.lint(tree, ["10.0.0.1"])
took("lint", begun)
other = syntax.parse_file(partner)
begun = now()
forms = [normal.normal_form(one, "nonce", "foo") for one in (tree, other)]
shown = compare.lines(compare.compare(*forms), "a", "b")
took("compare", begun)
start = time.time()
assert pending.keep(Path(folder), main, "1", start)
os.utime(main)
files = syntax.parse_file(main).files
begun = now()
assert pending.pending(Path(folder), main, files, "1", start) is None
took("pending", begun)
errors = [str(one) for one in findings if one.severity == "error"]
print(json.dumps({"seconds": seconds, "cpu": cpu, "errors": errors, "diff": shown}))
"""


def main() -> int:
    """Measure; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS", "7")))
    parser.add_argument("--hosts", type=int, default=50_000)
    options = parser.parse_args()
    figures.FOLDER.mkdir(parents=True, exist_ok=True)
    dhcpd = shutil.which("dhcpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="conf-", dir=figures.FOLDER) as name:
        folder = Path(name)
        main_file, partner = folder / "dhcpd.conf", folder / "partner.conf"
        main_file.write_text(generate("primary", options.hosts), encoding="ascii")
        text = generate("secondary", options.hosts)
        number = options.hosts // 2
        changed = text.replace(f'host-name "client-{number}"', 'host-name "another"')
        partner.write_text(changed, encoding="ascii")
        size = main_file.stat().st_size
        # The copy for a pending restart wants files that are older than the start.
        wait_until(lambda: time.time_ns() > main_file.stat().st_ctime_ns, "time passes", 1.0)
        said: dict[str, Any] = {}
        accepted = None
        for _ in range(options.runs):
            said = ours(main_file, partner, folder / "private")
            for kind in ("seconds", "cpu"):
                for what, took in said[kind].items():
                    seconds.setdefault(f"{what}_{SUFFIX[kind]}", []).append(took)
            if dhcpd:
                took, busy, accepted = theirs(dhcpd, main_file)
                seconds.setdefault("dhcpd_t_s", []).append(took)
                seconds.setdefault("dhcpd_t_cpu_s", []).append(busy)
    good = not said["errors"] and len(said["diff"]) == 3 and accepted is not False
    runs = {what: figures.spread(values) for what, values in seconds.items()}
    result: dict[str, Any] = {
        "hosts": options.hosts,
        "bytes": size,
        "good": good,
        "errors": said["errors"],
        "diff": said["diff"],
        **{what: figures["median"] for what, figures in runs.items()},
        "dhcpd_accepts": accepted,
        "runs": runs,
        "conditions": conditions(options.runs),
    }
    for kind in SUFFIX.values():
        total = sum(result[f"{what}_{kind}"] for what in ("parse", "lint", "compare"))
        result[f"parse_lint_compare_{kind}"] = round(total, 3)
        if dhcpd:
            result[f"ratio_to_dhcpd_t_{kind}"] = round(total / result[f"dhcpd_t_{kind}"], 2)
    figures.write("conf", result)
    print(f"{options.hosts} hosts, {size / 1e6:.1f} MB:")
    for what, one in runs.items():
        print(f"  {what:14} {one['median']:7.3f} s ({one['min']:.3f}-{one['max']:.3f})")
    if not good:
        print(json.dumps([said["errors"], said["diff"], accepted]))
    return 0 if good else 1


def generate(role: str, hosts: int) -> str:
    """Return the configuration of one of the two servers."""
    primary = role == "primary"
    parts = [
        PEER.format(
            role=role,
            own=1 if primary else 2,
            partner=2 if primary else 1,
            primary=" mclt 1800; split 128;" if primary else "",
        ),
        NETWORK,
    ]
    for number in range(hosts):
        parts.append(
            HOST.format(
                number=number,
                octets=number.to_bytes(4, "big").hex(":"),
                high=1 + (number >> 16),
                middle=number >> 8 & 255,
                low=number & 255,
            )
        )
    return "".join(parts)


def ours(main_file: Path, partner: Path, private: Path) -> dict[str, Any]:
    """Return what our process measured of itself."""
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT / '_utils')!r})\n{OURS}"
    command = [sys.executable, "-I", "-c", code, main_file, partner, private]
    done = subprocess.run(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def theirs(dhcpd: str, main_file: Path) -> tuple[float, float, bool]:
    """Return the seconds of ``dhcpd -t``, those of the processor, and whether it accepts it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(
        [dhcpd, "-t", "-cf", main_file], capture_output=True, stdin=subprocess.DEVNULL, check=False
    )
    took = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took, busy, done.returncode == 0


def conditions(runs: int) -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "runs": runs,
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
        "machine": platform.machine(),
        "python": platform.python_version(),
        "files": "generated, one file, in the page cache; dhcpd's figure has its process's start",
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


if __name__ == "__main__":
    sys.exit(main())
