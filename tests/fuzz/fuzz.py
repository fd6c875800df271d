"""
Damaged inputs for each reader, an hour by default: ``make fuzz``, ``make fuzz SECONDS=60``.

What is found is kept in ``build/fuzz/READER-SEED``: the input that made a reader fail, or take more
than a second of CPU for a megabyte (and a hundredth for less), or more than 64 MB of memory.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import inputs
from readers import READERS

BUILD = Path(__file__).resolve().parents[2] / "build" / "fuzz"
#: A hello of OMAPI and the beginning of a message, for what follows.
HELLO = b"\0\0\0\x64\0\0\0\x18"
SOURCES: dict[str, Callable[[random.Random], bytes]] = {
    "configuration": inputs.configurations,
    "leases": inputs.lease_files,
    "log": inputs.logs,
    "omapi": lambda luck: HELLO + luck.randbytes(24) + bytes(luck.randrange(64)),
}
#: Seconds of CPU for an input: so many for a megabyte, and at least so many; times the machine's
#: slowness, which is measured.
PER_MEGABYTE, AT_LEAST = 1.0, 0.25
#: Megabytes that reading may cost at most.
MEMORY = 64


@dataclass
class Finding:
    """An input that was not read as it should be."""

    reader: str
    seed: int
    text: bytes
    why: str

    def __str__(self) -> str:
        return f"{self.reader} {self.seed} ({len(self.text)} bytes): {self.why}"


def slowness() -> float:
    """How many times slower than a quick machine this one is now, at least 1."""
    begun = time.process_time()
    sum(n * n for n in range(1_000_000))
    return max(1.0, (time.process_time() - begun) / 0.05)


def once(reader: str, seed: int, folder: Path, slow: float) -> Finding | None:
    """Read one damaged input; return what is wrong."""
    luck = random.Random(f"{reader} {seed}")
    text = SOURCES[reader](luck)
    if seed % 7:
        text = inputs.damaged(text, luck)
    begun = time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        READERS[reader](folder, text)
    except Exception:  # pylint: disable=broad-except
        return Finding(reader, seed, text, traceback.format_exc(limit=-3))
    spent = time.process_time() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if spent > slow * max(AT_LEAST, PER_MEGABYTE * len(text) / 1e6):
        return Finding(reader, seed, text, f"{spent:.2f} s of CPU")
    if grown > MEMORY:
        return Finding(reader, seed, text, f"{grown:.0f} MB of memory")
    return None


def run(readers: list[str], first: int, most: int, seconds: float) -> tuple[int, list[Finding]]:
    """Read inputs until there were ``most`` of each, or the time is over; return what was found."""
    found: list[Finding] = []
    slow, done, ends = slowness(), 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + most):
            if time.monotonic() > ends:
                break
            for reader in readers:
                one = once(reader, seed, Path(folder), slow)
                done += 1
                if one is not None:
                    found.append(one)
    return done, found


def main() -> int:
    """The command line."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    first = random.SystemRandom().randrange(1 << 40)
    done, found = run(list(READERS), first, 1 << 40, seconds)
    BUILD.mkdir(parents=True, exist_ok=True)
    for one in found:
        (BUILD / f"{one.reader}-{one.seed}").write_bytes(one.text)
        print(one)
    print(f"{done} inputs from seed {first}: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
