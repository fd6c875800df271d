"""Which servers a command about many pairs means, and in which order: asked of Salt, and chosen."""

from dataclasses import dataclass
from dataclasses import field
from typing import Any

import salt.utils.minions
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import pace
from iscdhcp.fleet import plan as plans
from iscdhcp.fleet import select as selecting
from iscdhcp.pair import locks

from . import discovery


@dataclass
class Chosen:
    """Which servers of which pairs, where they are, and in which order they go."""

    found: Any
    selection: Any
    plan: Any
    sites: dict[str, str] = field(default_factory=dict)
    #: What was seen of the servers: their pending restarts, how long their starts take.
    looks: dict[str, Any] = field(default_factory=dict)


def choose(opts, minions, pairs=None, tgt=None, tgt_type="glob", exclude=None, pending=False,
           at_once=1, per=None, order=None, canary=None, whole=False):  # fmt: skip
    """
    Return what a person has chosen, as :class:`Chosen`.

    pairs, tgt, tgt_type, exclude, pending, at_once, per, order, canary
        As for the runner's ``fleet_restart``.
    whole
        Whether only pairs of which both servers are chosen count (a rollout).

    Raises :class:`iscdhcp.errors.IscDhcpError` for what can't be meant.
    """
    wanted, excluded = vocabulary.listed("pairs", pairs), vocabulary.listed("exclude", exclude)
    only_pending = vocabulary.truth("pending", pending)
    pace.whole_number("at_once", at_once)
    first = canary if isinstance(canary, int) else vocabulary.listed("canary", canary)
    ranks = selecting.words_of(vocabulary.listed("order", order))
    key = vocabulary.text("per", per)
    if ranks and not key:
        raise IscDhcpError("order: it is an order of sites, so say per=KEY (of grains or pillar)")
    found = discovery.discover(opts, minions, everybody=True)
    held = _held(opts, found)
    among = _targeted(opts, tgt, tgt_type)
    selection = selecting.select(found, wanted, excluded, held, among=among)
    looks = {}
    if selection.servers:
        looks = minions.status(sorted(selection.servers), brief=True)
    if only_pending:
        known = {
            server: look["facts"]["pending_restart"] is not None if "facts" in look else None
            for server, look in looks.items()
        }
        selection = selecting.select(found, wanted, excluded, held, known, among)
    if whole:
        selection.keep_whole()
    sites = _sites(minions, selection.servers, key)
    units = plans.plan_units(found.pairs, selection.servers)
    if ranks:
        units = plans.by_site(units, sites, ranks)
    return Chosen(found, selection, plans.plan(units, at_once, sites, first), sites, looks)


def _held(opts, found):
    """Return why servers are held, by minion id."""
    holds = locks.Holds(discovery.directory(opts) / "holds")
    servers = {server for pair in found.pairs for server in pair.servers}
    known = {server: holds.get(server) for server in sorted(servers)}
    return {server: f"{hold['who']}: {hold['why']}" for server, hold in known.items() if hold}


def _targeted(opts, tgt, tgt_type):
    """Return the minions of a target, or ``None`` where none was given."""
    target = vocabulary.listed("tgt", tgt)
    if target is None:
        return None
    found = salt.utils.minions.CkMinions(opts).check_minions(target, str(tgt_type)).get("minions")
    if not found:
        raise IscDhcpError(f"tgt: no minion fits {target!r} ({tgt_type}). Nothing was touched.")
    return set(found)


def _sites(minions, servers, key):
    """Return by minion id what ``key`` is there, for those that have it and have answered."""
    if not key or not servers:
        return {}
    said = minions.ask(sorted(servers), "config.get", args=[key])
    values = {server: answer.get("ret") for server, answer in said.items()}
    return {
        server: str(value) for server, value in values.items() if value not in (None, "", {}, [])
    }
