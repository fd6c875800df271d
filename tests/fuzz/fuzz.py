"""
Damaged inputs for each reader, an hour by default: ``make fuzz``, ``make fuzz SECONDS=60``.

A finding is an input that makes a reader fail, hang, take more than a second of CPU for a megabyte
(and a quarter of one for less), or more memory than is bounded here. It is written to
``build/fuzz/READER-SEED`` at once, and again when it is shortened; a file of that kind in
``tests/fuzz/cases`` is replayed by ``make test``.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections.abc import Callable
from collections.abc import Iterator
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
#: Seconds after which an input hangs, times the slowness.
HANGS = 20.0
#: What reading may hold at its peak: so many bytes, and so many for each of the input.
MEMORY, MEMORY_PER_BYTE = 16_000_000, 200
#: Of so many inputs one is read a second time, for its memory (which costs several times the CPU).
MEASURED = 8
#: Seconds that shortening a finding may take.
SHORTEN = 60.0


class Hangs(BaseException):
    """An input took too long: no ``except Exception`` of a reader may swallow that."""


@dataclass
class Finding:
    """An input that was not read as it should be."""

    reader: str
    seed: int
    text: bytes
    #: ``cpu``, ``memory``, ``hangs`` or an exception: what is kept of a shorter input.
    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.reader} {self.seed} ({len(self.text)} bytes): {self.why}"


def slowness() -> float:
    """How many times slower than a quick machine this one is now, at least 1."""
    begun = time.process_time()
    sum(n * n for n in range(1_000_000))
    return max(1.0, (time.process_time() - begun) / 0.05)


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`Hangs` when what is done within takes longer (main thread only)."""

    def over(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, over)
    # Again each second: one that is raised within a destructor is lost.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judge(
    read: Callable[[Path, bytes], None], text: bytes, folder: Path, slow: float, memory: bool
) -> tuple[str, str] | None:
    """Read one input, a second time for its memory; return kind and words of what is wrong."""
    begun = time.process_time()
    try:
        with limited(slow * HANGS):
            read(folder, text)
        spent = time.process_time() - begun
        if spent > slow * max(AT_LEAST, PER_MEGABYTE * len(text) / 1e6):
            return "cpu", f"{spent:.2f} s of CPU"
        if memory:
            peak = _peak(lambda: read(folder, text), slow)
            if peak > MEMORY + MEMORY_PER_BYTE * len(text):
                return "memory", f"{peak / 1e6:.0f} MB of memory"
    except Hangs:
        return "hangs", f"not done after {slow * HANGS:.0f} s:\n" + traceback.format_exc(limit=-3)
    except Exception as err:  # pylint: disable=broad-except
        return type(err).__name__, traceback.format_exc(limit=-3)
    return None


def _peak(call: Callable[[], None], slow: float) -> int:
    """Return how many bytes of memory a call holds at its peak, by Python's own count."""
    tracemalloc.start()
    try:
        with limited(slow * HANGS * 5):
            call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def once(reader: str, seed: int, folder: Path, slow: float) -> Finding | None:
    """Read one damaged input; return what is wrong."""
    luck = random.Random(f"{reader} {seed}")
    text = SOURCES[reader](luck)
    if seed % 7:
        text = inputs.damaged(text, luck)
    wrong = judge(READERS[reader], text, folder, slow, memory=seed % MEASURED == 0)
    return Finding(reader, seed, text, *wrong) if wrong else None


def shortened(text: bytes, still: Callable[[bytes], bool], seconds: float = SHORTEN) -> bytes:
    """Leave out what can be left out while the rest is ``still`` wrong, until time is over."""
    ends, step = time.monotonic() + seconds, len(text) // 2
    while step:
        at = 0
        while at < len(text):
            if time.monotonic() > ends:
                return text
            shorter = text[:at] + text[at + step :]
            if still(shorter):
                text = shorter
            else:
                at += step
        step //= 2
    return text


def keep(one: Finding, folder: Path, slow: float, into: Path) -> Path:
    """Write a finding at once, and again when it is shortened; return its file."""
    into.mkdir(parents=True, exist_ok=True)
    path = into / f"{one.reader}-{one.seed}"
    path.write_bytes(one.text)

    def still(text: bytes) -> bool:
        wrong = judge(READERS[one.reader], text, folder, slow, memory=one.kind == "memory")
        return wrong is not None and wrong[0] == one.kind

    path.write_bytes(shortened(one.text, still))
    return path


def run(
    readers: list[str], first: int, most: int, seconds: float, into: Path = BUILD
) -> tuple[int, list[Finding]]:
    """
    Read inputs until there were ``most`` of each, or the time is over.

    Return how many there were and what was found; each finding is in a file of ``into`` by then.
    """
    found: list[Finding] = []
    slow, done, ends = slowness(), 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name:
        for seed in range(first, first + most):
            if time.monotonic() > ends:
                break
            for reader in readers:
                one = once(reader, seed, Path(name), slow)
                done += 1
                if one is not None:
                    found.append(one)
                    print(f"{one}\n{keep(one, Path(name), slow, into)}", flush=True)
    return done, found


def main() -> int:
    """The command line."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    first = random.SystemRandom().randrange(1 << 40)
    done, found = run(list(READERS), first, 1 << 40, seconds)
    print(f"{done} inputs from seed {first}: {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
