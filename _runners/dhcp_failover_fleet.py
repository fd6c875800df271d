"""
Many failover pairs at once: how they hang together, and in which order they would be restarted.

A part of the runner ``dhcp_failover``; its settings are described in ``dhcp_failover.py``.
"""

import functools
import logging
from typing import TYPE_CHECKING

from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import plan as plans
from iscdhcp.fleet import select as selecting
from iscdhcp.fleet import topology as graphs
from iscdhcp.pair import asking
from iscdhcp.pair import locks
from iscdhcp_salt import answers
from iscdhcp_salt import discovery
from iscdhcp_salt.minions import SaltMinions

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __opts__


log = logging.getLogger(__name__)
__virtualname__ = "dhcp_failover"
#: The outputters of Salt for the forms of a topology, where a person has asked for it.
_FORMS = {"text": "txt", "dot": "txt", "json": "json"}


def __virtual__():
    return __virtualname__


def _takes_its_words(function):
    """Have a function refuse what does not fit it: Salt prints its usage then, with exit code 0."""

    @functools.wraps(function)
    def fitted(*args, **kwargs):
        ours = vocabulary.ours(kwargs)
        why = vocabulary.misfit("dhcp_failover", function, args, ours)
        return answers.refused(__context__, why) if why else function(*args, **ours)

    return vocabulary.takes_unknown(fitted)


@_takes_its_words
def topology(form="text", refresh=False):
    """
    Show servers and relationships as a graph, from the servers' own configurations.

    form
        ``text``, ``json``, or ``dot`` for Graphviz (arrows from primary to secondary).
    refresh
        Forget what minions said earlier and ask all of them.

    Returns text; as ``json``: ``servers`` (by minion id: ``group``, ``answered``),
    ``relationships`` (``id``, ``name``, ``primary``, ``secondary``, ``mclt`` in seconds),
    ``groups`` (the servers that hang together, the largest first), ``half_defined`` (``server``,
    ``name``, ``text``: no partner is known), ``doubtful`` (``rivals`` too: several may be the
    partner, or both have one role) and ``silent`` (minions that never answered). Exit code 1 where
    most minions are silent.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.topology
        salt-run dhcp_failover.topology form=json
        salt-run dhcp_failover.topology form=dot | dot -Tsvg > pairs.svg
    """
    if form not in _FORMS:
        return answers.refused(__context__, f"form: say text, json or dot, not {form!r}")
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, refresh=refresh, everybody=True)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    graph = graphs.topology(found)
    if found.mostly_silent:
        __context__["retcode"] = 1
        silent = len(found.silent) + len(found.cached)
        log.error(asking.most_are_silent(silent, found.candidates))
    texts = {"text": graphs.as_text, "dot": graphs.as_dot}
    made = texts[form](graph) if form in texts else graph
    if __opts__.get("fun") == "dhcp_failover.topology":
        return {"data": made, "outputter": _FORMS[form]}
    return made


@_takes_its_words
def fleet_plan(pairs=None, exclude=None, pending=False, at_once=1, per=None, canary=None):
    """
    Show in which order the servers of many pairs would be restarted; nothing is touched.

    pairs
        Pairs' names or ids, servers' minion ids, or globs of them, as a list or with commas;
        default: all.
    exclude
        The same; the servers of these pairs are restarted in no pair. A server's minion id leaves
        out that server alone.
    pending
        Only servers on which a restart is pending.
    at_once
        How many units are under way at the same time. A unit is what hangs together by
        relationships; inside it one server goes after the other.
    per
        A key of grains or pillar (``site``): of each of its values one unit is under way at a time.
    canary
        The units that go first, each alone: how many, or pairs as above.

    Returns ``comment``; ``units``, each with ``name``, ``pairs``, ``rounds`` (servers; those of one
    round have no relationship with each other, secondaries go first), ``least`` (the number of
    rounds that no order goes below), ``against`` (pairs whose primary goes first, as roles form a
    circle) and ``sites``; ``waves`` (names of units that run at the same time), ``canary`` (how
    many of the waves are the canary's), ``left_out`` (``name``, ``code``: excluded, held,
    not_pending or unknown, ``text``), ``without_site`` (servers without ``per``), ``problems`` and
    ``silent`` as of :py:func:`pairs`. Exit code 1 where most minions are silent.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_plan
        salt-run dhcp_failover.fleet_plan 'berlin-*' at_once=4 per=site canary=1
        salt-run dhcp_failover.fleet_plan pending=True exclude=foo
    """
    minions = SaltMinions(__opts__)
    try:
        wanted, excluded = vocabulary.listed("pairs", pairs), vocabulary.listed("exclude", exclude)
        only_pending = vocabulary.truth("pending", pending)
        if not isinstance(at_once, int) or isinstance(at_once, bool):
            raise IscDhcpError(f"at_once: give a whole number above 0, not {at_once!r}")
        first = canary if isinstance(canary, int) else vocabulary.listed("canary", canary)
        found = discovery.discover(__opts__, minions, everybody=True)
        held = _held(found)
        chosen = selecting.select(found, wanted, excluded, held)
        if only_pending:
            known = _pending(minions, chosen.servers)
            chosen = selecting.select(found, wanted, excluded, held, known)
        sites = _sites(minions, chosen.servers, vocabulary.text("per", per))
        units = plans.plan_units(found.pairs, chosen.servers)
        made = plans.plan(units, at_once, sites, first)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    data = {
        **plans.told(made, sites),
        "at_once": at_once,
        "per": per,
        "left_out": chosen.left_out,
        "without_site": sorted(chosen.servers - set(sites)) if per else [],
        "problems": found.problems,
        "silent": found.silent,
    }
    if found.mostly_silent:
        silent = len(found.silent) + len(found.cached)
        data["comment"] += " " + asking.most_are_silent(silent, found.candidates)
    return answers.answer(__context__, data, not found.mostly_silent)


def _held(found):
    """Return why servers are held, by minion id."""
    holds = locks.Holds(discovery.directory(__opts__) / "holds")
    servers = {server for pair in found.pairs for server in pair.servers}
    known = {server: holds.get(server) for server in sorted(servers)}
    return {server: f"{hold['who']}: {hold['why']}" for server, hold in known.items() if hold}


def _pending(minions, servers):
    """Return by minion id whether a restart is pending; ``None`` where that is not known."""
    if not servers:
        return {}
    looks = minions.status(sorted(servers), brief=True)
    return {
        server: look["facts"]["pending_restart"] is not None if "facts" in look else None
        for server, look in looks.items()
    }


def _sites(minions, servers, key):
    """Return by minion id what ``key`` is there, for those that have it and have answered."""
    if not key or not servers:
        return {}
    said = minions.ask(sorted(servers), "config.get", args=[key])
    values = {server: answer.get("ret") for server, answer in said.items()}
    return {
        server: str(value) for server, value in values.items() if value not in (None, "", {}, [])
    }
