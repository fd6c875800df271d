"""What a round of a soak does: an act on the pair and, maybe, a fault at a random moment of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from lab.dhcp import Dhcp
from lab.errors import LabError
from lab.faults import strikes
from lab.faults.scene import PAIRS
from lab.faults.scene import SOURCE
from lab.faults.scene import Scene
from lab.lab import Lab
from lab.salt import Salt
from lab.soak.memory import Peak
from lab.waiting import wait_until

#: The pair, and its servers in the order in which a run takes them.
PAIR = PAIRS[0]
FIRST, SECOND = PAIR.servers
#: By name, the command, and the seconds in which a fault may strike: about as long as it takes.
LASTS = {
    "restart by the runner": 6.0,
    "restart by the orchestration": 7.0,
    "rollout": 8.0,
    "reboot of one host": 16.0,
    "reboot of both hosts": 40.0,
}
#: How likely a fault is.
FAULTY = 0.6
#: Faults that a round does not undo, or that have to be prepared: they have cases of their own.
LASTING = {
    "the worker's lease file is removed",
    "the worker's lease file is torn",
    "the OMAPI key is rotated in both files",
    *(name for name, one in strikes.FAULTS.items() if one.is_prepared),
}
#: Seconds in which a host has to be back from its reboot.
HOST_SECONDS = 90


@dataclass(frozen=True)
class Round:
    """
    What a round is to do; a seed and a number make it, so that each one can be made again.

    act
        One of ``LASTS``.
    fault
        One of ``lab.faults.strikes.FAULTS``, or none.
    after
        Seconds from the beginning of the command to the fault.
    worker
        The server that the fault has for the one at work; it need not be.
    only
        The host that is rebooted, where it is one.
    """

    act: str
    fault: str | None
    after: float
    worker: str
    only: str

    @classmethod
    def drawn(cls, seed: int, number: int) -> Round:
        """Return a seed's round of a number."""
        dice = random.Random(f"{seed}/{number}")
        act = dice.choice(sorted(LASTS))
        fault = dice.choice(sorted(set(strikes.FAULTS) - LASTING))
        struck = dice.random() < FAULTY
        after = round(dice.uniform(0.0, LASTS[act]), 2)
        worker, only = dice.choice([FIRST, SECOND]), dice.choice([FIRST, SECOND])
        return cls(act, fault if struck else None, after, worker, only)

    @property
    def hosts(self) -> list[str]:
        """The hosts that the act is about."""
        return [self.only] if self.act == "reboot of one host" else [FIRST, SECOND]

    def __str__(self) -> str:
        act = self.act.replace("one host", self.only)
        if self.fault is None:
            return act
        return f"{act}; after {self.after} s, {self.worker} as worker: {self.fault}"


class Act(Scene):
    """A healthy pair, and the command of a round that works on it."""

    def __init__(self, lab: Lab, salt: Salt, dhcp: Dhcp, wanted: Round) -> None:
        super().__init__(lab, salt, dhcp, PAIR, wanted.act)
        self.wanted = wanted

    def arguments(self, again: bool = False) -> list[str]:
        """Return the command; ``again``: it may begin by starting what is down."""
        kind = self.wanted.act
        if kind == "restart by the runner":
            words = ["dhcp_failover.restart", "foo", *(["heal=True"] if again else [])]
            return ["--out=json", *words]
        pillar: dict[str, object] = {"pair": "foo", "heal": again}
        if kind == "rollout":
            pillar |= {"source": SOURCE, "probation": 2}
        if kind.startswith("reboot"):
            pillar |= {"host_timeout": HOST_SECONDS}
        if kind == "reboot of one host":
            pillar |= {"only": self.wanted.only}
        name = f"orch.dhcp_failover_{kind.split()[0]}"
        return ["--out=json", "state.orch", name, f"pillar={json.dumps(pillar)}"]

    def begin(self) -> None:
        """Give the command, and watch its memory (``peak``)."""
        super().begin()
        assert self.command is not None
        self.peak = Peak(self.command.pid)

    def strike(self) -> bool:
        """Have the fault strike; ``False`` where it can't: the command is over, a host is down."""
        if self.wanted.fault is None or self.over:
            return False
        worker = self.wanted.worker
        try:
            strikes.FAULTS[self.wanted.fault].strike(self, worker, PAIR.other_than(worker))
        except (LabError, OSError):  # of a host that is down its files are gone, too
            return False
        return True

    def cure(self) -> None:
        """Undo the faults, the newest first, each once the host that it is about is there."""
        while self.cures:
            wait_until(lambda: _did(self.cures[-1]), "a fault is undone", 120.0, every=0.5)
            self.cures.pop()

    def settle(self, seconds: float = 120.0) -> None:
        """Wait until both hosts are up, and their minions and the master answer."""
        hosts = self.lab.hosts.values()
        wait_until(lambda: all(one.running for one in hosts), "the hosts are up", seconds)
        super().settle(seconds)


def _did(undo: Callable[[], None]) -> bool:
    try:
        undo()
    except LabError:
        return False
    return True
