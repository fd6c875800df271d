"""
How much memory Salt's daemons and the commands have, and whether that is flat.

A daemon's figure is the anonymous part of its proportional share (``Pss_Anon``), summed over its
processes: what it has allocated itself. Its code is shared with whatever else runs on the machine.
A command's is its peak (``VmHWM``).

**Flat** means two things. Of all samples of a run, one after each round, the median of the last
third is at most ``GROWTH`` per cent above the median of the second third; the first third is for
warming up. And within the lives of a daemon, which faults and reboots cut short, it grows by
``CREEP`` per cent a round at most: the sum of the differences between neighbouring samples of the
same process, without the first ``WARM`` rounds of each life, by their number, of the median.
"""

from __future__ import annotations

import re
import statistics
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import processes
from lab.lab import Lab
from lab.salt import MINION_UNIT
from lab.salt import Salt
from lab.waiting import wait_until

GROWTH = 10.0
CREEP = 1.0
WARM = 2
#: Fewer samples than this say nothing.
FEWEST = 9
#: Fewer neighbouring samples of the same process than this say nothing of its creep.
FEWEST_PAIRS = 5

#: The daemon and the process that it keeps alive; what a job runs is a child of that.
_MINION = f"""
main=$(systemctl show -P MainPID {MINION_UNIT}); daemon=$(pgrep -P $main)
echo "born $(cut -d ' ' -f 22 /proc/${{daemon%% *}}/stat) jobs $(pgrep -c -P $daemon)"
cat /proc/$main/smaps_rollup /proc/$daemon/smaps_rollup
"""


@dataclass(frozen=True)
class Sample:
    """What a daemon has at a moment.

    :ivar born: tells its process from another.
    :ivar kb: kilobytes.
    """

    born: str
    kb: int


def of_minion(lab: Lab, host: str, timeout: float = 30.0) -> Sample:
    """Return the memory of a host's minion, once no job runs on it.

    :raises LabError: when one still runs after ``timeout`` seconds.
    """

    def idle() -> Sample | None:
        said = lab[host].run(["sh", "-c", _MINION], check=False).stdout
        found = re.match(r"born (\d+) jobs 0\n", said)
        return Sample(found[1], _anonymous(said)) if found and _anonymous(said) else None

    return wait_until(idle, f"no job runs on {host}", timeout, every=0.5)  # type: ignore[return-value]


def of_master(salt: Salt) -> Sample:
    """Return the memory of the master and its workers."""
    total = 0
    for pid in [salt.master_pid, *processes.descendants(salt.master_pid)]:
        with suppress(OSError):  # it has ended meanwhile
            total += _anonymous(Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8"))
    return Sample(str(salt.master_pid), total)


def _anonymous(text: str) -> int:
    return sum(int(one) for one in re.findall(r"^Pss_Anon:\s+(\d+) kB", text, re.M))


class Peak:
    """Watches a process until it ends, for the most memory that it had.

    :ivar kb: kilobytes so far; 0 where it was never seen.
    """

    def __init__(self, pid: int) -> None:
        self.kb = 0
        self._status = Path(f"/proc/{pid}/status")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End the watch; return the peak."""
        self._stopped.set()
        self._thread.join()
        return self.kb

    def _watch(self) -> None:
        while not self._stopped.wait(0.1):
            try:
                found = re.search(r"^VmHWM:\s+(\d+) kB", self._status.read_text("utf-8"), re.M)
            except OSError:
                return
            if found:
                self.kb = max(self.kb, int(found[1]))


# -- the judgement ---------------------------------------------------------------------------------


def judge(samples: list[Sample]) -> dict[str, Any]:
    """Return how a series went, in the words of the module's docstring.

    :return: ``flat`` is ``None`` where there are too few samples to tell.
    """
    values = [float(one.kb) for one in samples]
    found = thirds(values)
    creep = creeps(samples)
    if found["flat"] is not None and creep is not None:
        found["flat"] = found["flat"] and creep <= CREEP
    middle = statistics.median(values) if values else 0.0
    return {
        **found,
        "creep_percent_a_round": None if creep is None else round(creep, 2),
        "median_mb": round(middle / 1024, 1),
        "longest_life": max((len(one) for one in lives(samples)), default=0),
    }


def thirds(values: list[float]) -> dict[str, Any]:
    """Return by how much the last third's median is above the second's, and if that is flat."""
    if len(values) < FEWEST:
        return {"growth_percent": None, "flat": None}
    third = len(values) // 3
    second = statistics.median(values[third : 2 * third])
    growth = 100 * (statistics.median(values[2 * third :]) / second - 1)
    return {"growth_percent": round(growth, 1), "flat": growth <= GROWTH}


def creeps(samples: list[Sample]) -> float | None:
    """Return by how many per cent a process grows a round; ``None``: too few lived long enough."""
    steps = [
        after.kb - before.kb
        for life in lives(samples)
        for before, after in zip(life[WARM:], life[WARM + 1 :], strict=False)
    ]
    if len(steps) < FEWEST_PAIRS:
        return None
    middle = statistics.median(one.kb for one in samples)
    return 100 * statistics.fmean(steps) / middle


def lives(samples: list[Sample]) -> list[list[Sample]]:
    """Return the samples of each process, in their order."""
    found: dict[str, list[Sample]] = {}
    for one in samples:
        found.setdefault(one.born, []).append(one)
    return list(found.values())


def by_kind(peaks: list[tuple[str, int]]) -> list[float]:
    """Return commands' peaks, each as part of the median of its kind: kinds differ."""
    kinds: dict[str, list[int]] = {}
    for kind, kb in peaks:
        kinds.setdefault(kind, []).append(kb)
    middles = {kind: statistics.median(each) for kind, each in kinds.items()}
    return [kb / middles[kind] for kind, kb in peaks]
