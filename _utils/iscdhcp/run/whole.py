"""A run from its lock to its unlock, for whoever begins it and wants to know what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field

from .orders import Interrupted
from .restart import PairRun


@dataclass
class Done:
    """What came of a run."""

    result: bool
    comment: str
    #: What each step said, by its name, in order.
    steps: dict[str, str] = field(default_factory=dict)
    #: A person has ended it (Ctrl-C, an order to abort).
    interrupted: bool = False


def perform(run: PairRun) -> Done:
    """
    Take all steps of a run, up to the first that fails, and unlock.

    Raises what a step raises, once everything is given back.
    """
    steps: dict[str, str] = {}
    good, interrupted = True, False
    try:
        for planned in run.steps():
            step = planned.act()
            steps[planned.name] = step.comment
            if not step.result:
                good = False
                break
    except Interrupted as err:
        good, interrupted = False, True
        steps["interrupted"] = str(err)
    finally:
        run.unlock()
    last = list(steps.values())[-1]
    comment = f"{run.pair}: {', '.join(run.servers)} {run.over}." if good else last
    return Done(good, comment, steps, interrupted)
