"""What the pair looks like when a peer's command is given, and what is wrong with it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bench.peers.stage import Stage
from lab.errors import LabError
from lab.waiting import wait_until


def _nothing(stage: Stage) -> None:
    """Nothing is wrong."""


def _first_does_not_come_back(stage: Stage) -> None:
    """Whichever server ends first does not start again; the other one does."""
    pids = {name: one[0] for name, one in stage.pids().items()}
    stage.refuse_to_start()

    def watch() -> None:
        def one_has_ended() -> list[str]:
            return [name for name, pid in pids.items() if not os.path.exists(f"/proc/{pid}/exe")]

        with contextlib.suppress(LabError):  # nobody was stopped
            ended = wait_until(one_has_ended, "a server ends", 400.0, every=0.002)
            for name in pids.keys() - ended:
                stage.let_start(name)

    threading.Thread(target=watch, daemon=True).start()


@dataclass(frozen=True)
class Scenario:
    """
    One scenario.

    title, short
        As the page and the README's table name it.
    begin
        Makes it so, on a pair that is normal.
    offer
        The new files that are rolled out (see :meth:`Stage.offer`), empty: a mere restart.
    """

    title: str
    short: str
    begin: Callable[[Stage], None] = _nothing
    offer: str = ""


#: By name, in the order of the tables.
SCENARIOS = {
    "healthy": Scenario("Nothing is wrong", "nobody serves: healthy"),
    "no-return": Scenario(
        "The first server does not come back",
        "the first does not come back",
        _first_does_not_come_back,
    ),
    "interrupted": Scenario(
        "The partners do not reach each other", "partners cut off from each other", Stage.cut_link
    ),
    "refused-file": Scenario(
        "A new file that `dhcpd -t` refuses", "file that `dhcpd -t` refuses", offer="refused"
    ),
    "wrong-partner": Scenario(
        "A new file with a wrong `peer address`, which `dhcpd -t` accepts",
        "wrong `peer address`",
        offer="wrong partner",
    ),
}
