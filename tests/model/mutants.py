"""The real code with one of its cures taken out: the search has to notice each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any
from unittest import mock

from iscdhcp.act import claims
from iscdhcp.act import dead_man
from iscdhcp.act import guard
from iscdhcp.act import proving
from iscdhcp.act import restarting
from iscdhcp.act import stage
from iscdhcp.act import starting
from iscdhcp.pair import locks
from iscdhcp.rules import is_complete
from iscdhcp.rules import may_stop
from iscdhcp.rules import proof
from iscdhcp.rules.verdict import Verdict
from iscdhcp.run import base
from iscdhcp.run import restart
from iscdhcp.run import rollout
from iscdhcp.run.alone import Alone
from iscdhcp.run.base import Step

Mutant = Callable[[], contextlib.AbstractContextManager[Any]]


@contextlib.contextmanager
def _not_acting(*_: Any) -> Iterator[None]:
    yield


@contextlib.contextmanager
def _no_order_between_acts() -> Iterator[None]:
    """Two acts on one server at once, and a claim beside an act."""
    with (
        mock.patch.object(restarting, "acting", _not_acting),
        mock.patch.object(starting, "acting", _not_acting),
        mock.patch.object(
            claims.Claims,
            "_write_while_nobody_acts",
            lambda self, claim: claims.write_json(self._file, claim),
        ),
        mock.patch.object(claims, "is_acting", lambda folder: False),
    ):
        yield


@contextlib.contextmanager
def _evidence_of_any_age() -> Iterator[None]:
    """Neither the verdict nor the last look minds."""
    with mock.patch.object(may_stop, "too_old", lambda *_: []):
        yield


@contextlib.contextmanager
def _no_last_look() -> Iterator[None]:
    """Neither OMAPI, nor the kernel, nor the partner is asked directly before the act."""
    with (
        mock.patch.object(guard, "last_looks", lambda server, codes: (_nothing, _nothing)),
        _no_question(),
    ):
        yield


@contextlib.contextmanager
def _no_question() -> Iterator[None]:
    with (
        mock.patch.object(proving.Proof, "look", lambda self: None),
        mock.patch.object(proving.Proof, "look_again", lambda self: None),
    ):
        yield


@contextlib.contextmanager
def _no_way_back_before_the_files() -> Iterator[None]:
    """The record says that something was put in place only once all of it is."""
    write = stage.write_json

    def only_at_the_end(path: Any, record: Any) -> None:
        if record["state"] != "applied" or record["applied_at"]:
            write(path, record)

    with mock.patch.object(stage, "write_json", only_at_the_end):
        yield


@contextlib.contextmanager
def _takes_back_what_is_last() -> Iterator[None]:
    """A way back that is gone on with does not know what it was to take back."""
    real = rollout.Rollout.stage

    def stages(self: Any, test: bool = False) -> Step:
        self.record.pop("takes_back", None)
        return real(self, test)

    with mock.patch.object(rollout.Rollout, "stage", stages):
        yield


def _stays_down(here: Any, *_: Any) -> dict[str, Any]:
    return {"result": False, "comment": f"dhcpd on {here.id} did not start."}


def _claims_of_nobody() -> contextlib.AbstractContextManager[Any]:
    return mock.patch.object(claims.Claims, "current", None)


def _nothing() -> None:
    pass


def _only_what_is_applied(record: Any) -> Any:
    return record if record and record["state"] == "applied" else None


#: Scenarios with files that fail, and with their way back.
_UNFIT = "a rollout with which nobody starts, given again"
_UNFIT_ON_PRIMARY = "a rollout with which the primary does not start, given again"
_TAKEN_BACK = "a rollout taken back"

#: By name: the mutant, and the scenarios in which it shows.
MUTANTS: dict[str, tuple[Mutant, list[str]]] = {
    "anybody may stop a primary": (
        lambda: mock.patch.object(may_stop, "_not_secondary", lambda facts, act: []),
        ["salt '*' dhcpd.stop"],
    ),
    "nobody stands by": (
        lambda: mock.patch.object(dead_man, "arm", lambda here, service: dead_man.DeadMan(None)),
        ["one restart", "salt '*' dhcpd.restart and a run"],
    ),
    "who stands by takes a dhcpd that is ending for one that runs": (
        lambda: mock.patch.object(dead_man, "ENDS_SECONDS", -1.0),
        ["one restart", "a server that is down"],
    ),
    "a late end disarms who stands by": (
        lambda: mock.patch.object(
            dead_man.DeadMan, "after_a_failed_stop", lambda self, host, running, err: self.disarm()
        ),
        ["a slow end"],
    ),
    "nobody is on probation": (
        lambda: mock.patch.object(rollout.Rollout, "_has_probation", lambda self, position: False),
        ["a bad rollout"],
    ),
    "nothing is taken back": (
        lambda: mock.patch.object(rollout.Rollout, "_take_back", lambda self, server, step: step),
        ["a bad rollout"],
    ),
    "old files are not put back where new ones do not start": (
        lambda: mock.patch.object(restarting, "_start_with_old", _stays_down),
        [_UNFIT],
    ),
    "a run does not ask what became of its files": (
        lambda: mock.patch.object(rollout.Rollout, "_stage_record", lambda self, server: {}),
        [_UNFIT],
    ),
    "new files before the way back is noted": (
        _no_way_back_before_the_files,
        [_UNFIT],
    ),
    "a lost answer proves new files": (
        lambda: mock.patch.object(rollout.Rollout, "_not_in_place", lambda self, server: None),
        [_UNFIT],
    ),
    "the primary does not wait for the secondary": (
        lambda: mock.patch.object(
            rollout.Rollout, "prove", lambda self, position, test=False: Step(True, "surely")
        ),
        ["a rollout"],
    ),
    "nobody says who keeps the new files": (
        lambda: mock.patch.object(rollout.Rollout, "_untouched", lambda self, server: ""),
        [_UNFIT_ON_PRIMARY],
    ),
    "what is staged replaces the way back of before": (
        lambda: mock.patch.object(stage, "last_applied", _only_what_is_applied),
        [_TAKEN_BACK],
    ),
    "a way back that is gone on with begins anew": (
        _takes_back_what_is_last,
        [_TAKEN_BACK],
    ),
    "nobody watches who serves alone": (
        lambda: mock.patch.object(Alone, "look", lambda self, answers: None),
        ["a maintenance whose partner dies"],
    ),
    "nobody asks for a sign of life": (
        lambda: mock.patch.object(Alone, "_mute", lambda self, answers: None),
        ["a maintenance whose partner loses its power"],
    ),
    "a claim holds nobody off": (
        _claims_of_nobody,
        ["two masters", "two stops from two masters", "a run and a forced stop"],
    ),
    "a claim is taken from a living run": (
        lambda: mock.patch.object(claims, "_left_behind", lambda claim, master, over: True),
        ["two masters", "two stops from two masters"],
    ),
    "no last look": (
        _no_last_look,
        ["a partner that dies"],
    ),
    "no question to the partner": (
        _no_question,
        ["a halted partner", "a halted partner and a person"],
    ),
    "an answer holds forever": (
        lambda: mock.patch.object(proving, "STILL_PROVED", 1e9),
        ["a partner that is halted in a drain"],
    ),
    "silence is no answer": (
        lambda: mock.patch.object(proof, "is_silent", lambda asked: False),
        ["a halted partner"],
    ),
    "evidence of any age": (
        _evidence_of_any_age,
        ["a partner without power, and no way to ask it"],
    ),
    "no order between two acts": (
        _no_order_between_acts,
        ["two masters"],
    ),
    "an order counts for any process": (
        lambda: mock.patch.object(guard, "other_process", lambda here, identity: None),
        ["one restart", "a command given again"],
    ),
    "no lock on the master": (
        lambda: mock.patch.object(locks.ServerLocks, "acquire", lambda self, servers, owner: None),
        ["two runs of one master"],
    ),
    "a record before the refusal": (
        lambda: mock.patch.object(base.Run, "_not_ordered", lambda self, server: None),
        ["one restart", "a run and stops at both consoles"],
    ),
    "complete as soon as it runs": (
        lambda: mock.patch.object(is_complete, "restart_complete", lambda *_: Verdict("yes")),
        ["one restart", "one restart by hand-over"],
    ),
    "a lost answer counts as done": (
        lambda: mock.patch.object(
            restart.PairRun,
            "_settle",
            lambda self, server, before, lost, patience: {
                "result": True,
                "comment": "surely",
                "new": {"identity": "?"},
            },  # fmt: skip
        ),
        ["one restart"],
    ),
}
