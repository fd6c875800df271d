"""
Lease files of real origin: what our check says of each, beside dhcpd's own reading.

Run it as root with ``python -m bench.lease_corpus FOLDER`` (``lab`` and ``_utils`` in
``PYTHONPATH``); it writes the table between the two marks in ``docs/lease-files.md``. FOLDER holds
lease files and, one folder above, ``index.tsv`` with where each is from. dhcpd starts on a copy of
each, in namespaces of its own, with a pool for every address of the file; what it then knows is in
the file that it writes again.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from iscdhcp.leases import check
from iscdhcp.leases import read
from iscdhcp.leases.syntax import Entry

from lab import alone

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "lease-files.md"
BEGIN, END = "<!-- table: bench/lease_corpus.py -->", "<!-- end of table -->"
HEAD = (
    "| file | whole entries | our check | dhcpd's own words at its start "
    "| addresses: in the file, after dhcpd's start |\n|---|---|---|---|---|\n"
)
_WORDS = re.compile(r"^\S+ (line \d+: .*)$|^(Corrupt lease file.*)$", re.MULTILINE)


def table(folder: Path) -> str:
    """Return the table of a folder's files."""
    rows = [row(path) for path in sorted(folder.iterdir()) if path.is_file()]
    return HEAD + "".join(rows)


def row(path: Path) -> str:
    """Return the line of one file."""
    found = check.check(str(path))
    said, left = by_dhcpd(path)
    ours = "whole" if found["whole"] else "; ".join(map(in_words, found["problems"]))
    words = [one or other for one, other in _WORDS.findall(said)]
    counts = f"{len(addresses(path))}, {len(left)}"
    cells = [path.name, str(found["entries"]), ours, "; ".join(words) or "nothing", counts]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def in_words(problem: dict) -> str:
    """Say a problem and what dhcpd would make of it."""
    text = f"line {problem['line']}: {problem['what']}"
    if problem["halves"]:
        text += f" (dhcpd takes half of {', '.join(problem['halves'])})"
    if problem["drops"]:
        text += f" (dhcpd would drop {', '.join(problem['drops'])} too)"
    return text


def by_dhcpd(path: Path) -> tuple[str, set[str]]:
    """Start dhcpd on a copy; return what it says and the addresses that it knows then."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("etc", "lib"):
            (folder / part).mkdir()
        copy = folder / "lib" / "dhcpd.leases"
        copy.write_bytes(path.read_bytes())
        six = b"\nia-" in copy.read_bytes()
        (folder / "etc" / "dhcpd.conf").write_text(configuration(addresses(path)))
        # A lease file of DHCPv6 is read by -T: there is no pool for it to serve.
        code, said = alone.start(folder, "-6 -T", device="") if six else alone.start(folder)
        if code:
            raise SystemExit(f"dhcpd did not start on {path.name}:\n{said}")
        return said, addresses(copy)


def addresses(path: Path) -> set[str]:
    """Return the addresses of a file's leases."""
    return {
        one.name
        for one in read.entries(str(path))
        if isinstance(one, Entry) and one.kind == "lease"
    }


def configuration(known: set[str]) -> str:
    """Return a configuration with a range for each address."""
    text = "ddns-update-style none;\nsubnet 192.0.2.0 netmask 255.255.255.0 { }\n"
    networks: dict[str, list[str]] = {}
    for address in sorted(known):
        networks.setdefault(address.rpartition(".")[0], []).append(address)
    for network, mine in networks.items():
        ranges = "".join(f"range {address}; " for address in mine)
        text += f"subnet {network}.0 netmask 255.255.255.0 {{ {ranges}}}\n"
    return text


def main() -> int:
    """Write the table into the document; return the exit code."""
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        print("usage: python -m bench.lease_corpus FOLDER", file=sys.stderr)
        return 2
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(
        f"{before}{BEGIN}\n{table(Path(sys.argv[1]))}{END}{after}", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
