"""
The kinds of runs, from the words that people give: for the orchestrations' states and the fleet's.

Each function returns a :class:`Wanted`, and raises :class:`iscdhcp.errors.IscDhcpError` for what
can't be meant.
"""

from dataclasses import dataclass
from typing import Any

from iscdhcp import vocabulary
from iscdhcp.rules.methods import check_method
from iscdhcp.run import reboot as reboots
from iscdhcp.run import restart as restarts
from iscdhcp.run import rollout as rollouts
from iscdhcp.run.base import Request

from . import master


@dataclass
class Wanted:
    """What is wanted of a run: its kind, its request's kind and words, where files come from."""

    task: str
    run_kind: Any
    request_kind: Any
    words: dict[str, Any]
    origins: dict[str, Any] | None = None

    def request(self, opts, **more):
        """Return the request of one run; ``more`` are words for this run alone."""
        return master.new_request(opts, self.request_kind, **{**self.words, **more})

    def run(self, opts, pair, request, **named):
        """Return the run over a pair; ``named`` as for :func:`iscdhcp_salt.master.new_run`."""
        made = master.new_run(opts, pair, request, kind=self.run_kind, **named)
        if self.origins is not None:
            made.origins = dict(self.origins)
        return made


def restart(opts, **words):
    """Return a restart; ``words`` as for the runner's ``restart``."""
    check_method(words["method"])
    return Wanted("restart", restarts.PairRun, Request, words)


def reboot(opts, only=None, command=None, sls=None, reboot=None, host_timeout=None, **words):
    """Return the maintenance of hosts; arguments as for the state ``reboot_locked``."""
    check_method(words["method"])
    patience = host_timeout or master.settings(opts).get("host_timeout")
    words.update(
        command=vocabulary.text("command", command),
        sls=vocabulary.text("sls", sls),
        reboot=None if reboot is None else vocabulary.truth("reboot", reboot),
        host_timeout=vocabulary.seconds("host_timeout", patience or reboots.HOST_SECONDS),
        only=vocabulary.text("only", only),
    )
    return Wanted("reboot", reboots.PairReboot, reboots.RebootRequest, words)


def rollout(opts, previous=False, probation=None, origins=None, **words):
    """
    Return a rollout; arguments as for the state ``rollout_locked``.

    origins
        ``source``, ``contents_pillar``, ``sls``, ``file``, ``template``, ``saltenv``.
    """
    check_method(words["method"])
    words["probation"] = probation_of(opts, probation)
    where = {**(origins or {}), "previous": vocabulary.truth("previous", previous)}
    kept = {key: value for key, value in where.items() if value}
    return Wanted("rollout", rollouts.Rollout, rollouts.RolloutRequest, words, kept)


def probation_of(opts, probation):
    """Return for how many seconds what is new is watched: as said, as set, or the default."""
    chosen = master.settings(opts).get("probation")
    seconds = vocabulary.seconds("probation", chosen if probation is None else probation)
    return rollouts.PROBATION_SECONDS if seconds is None else seconds
