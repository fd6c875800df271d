"""
Many failover pairs at once: how they hang together, in which order they go, and all of them done.

A part of the runner ``dhcp_failover``; its settings are described in ``dhcp_failover.py``.
"""

import functools
import logging
import sys
import time
from typing import TYPE_CHECKING

from iscdhcp import openmetrics
from iscdhcp import vocabulary
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import plan as plans
from iscdhcp.fleet import topology as graphs
from iscdhcp.pair import asking
from iscdhcp.run.orders import Interrupted
from iscdhcp.show import progress
from iscdhcp_salt import answers
from iscdhcp_salt import discovery
from iscdhcp_salt import fleet_choice
from iscdhcp_salt import fleet_requests
from iscdhcp_salt import fleets
from iscdhcp_salt import interrupts
from iscdhcp_salt.minions import SaltMinions

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__


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

    .. versionadded:: 0.1.0

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
def fleet_plan(
    pairs=None,
    exclude=None,
    pending=False,
    at_once=1,
    per=None,
    canary=None,
    tgt=None,
    tgt_type="glob",
    order=None,
):
    """
    Show in which order the servers of many pairs would be restarted; nothing is touched.

    .. versionadded:: 0.1.0

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
    tgt, tgt_type, order
        As for :py:func:`fleet_restart`.

    Returns ``comment``; ``units``, each with ``name``, ``pairs``, ``rounds`` (servers; those of one
    round have no relationship with each other, secondaries go first), ``least`` (the number of
    rounds that no order goes below), ``against`` (pairs whose primary goes first, as roles form a
    circle) and ``sites``; ``waves`` (names of units that run at the same time), ``canary`` (how
    many of the waves are the canary's), ``left_out`` (``name``, ``code``: excluded, held,
    not_pending, unknown or no_pair, ``text``), ``without_site`` (servers without ``per``),
    ``problems`` and ``silent`` as of :py:func:`pairs`. Exit code 1 where most minions are silent.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_plan
        salt-run dhcp_failover.fleet_plan 'berlin-*' at_once=4 per=site canary=1
        salt-run dhcp_failover.fleet_plan pending=True exclude=foo
    """
    minions = SaltMinions(__opts__)
    try:
        chosen = fleet_choice.choose(
            __opts__,
            minions,
            pairs=pairs,
            tgt=tgt,
            tgt_type=tgt_type,
            exclude=exclude,
            pending=pending,
            at_once=at_once,
            per=per,
            order=order,
            canary=canary,
        )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    found = chosen.found
    data = {
        **plans.told(chosen.plan, chosen.sites),
        "at_once": at_once,
        "per": per,
        "left_out": chosen.selection.left_out,
        "without_site": sorted(chosen.selection.servers - set(chosen.sites)) if per else [],
        "problems": found.problems,
        "silent": found.silent,
    }
    if found.mostly_silent:
        silent = len(found.silent) + len(found.cached)
        data["comment"] += " " + asking.most_are_silent(silent, found.candidates)
    return answers.answer(__context__, data, not found.mostly_silent)


@_takes_its_words
def fleet_restart(
    pairs=None,
    tgt=None,
    tgt_type="glob",
    exclude=None,
    pending=False,
    at_once=1,
    per=None,
    order=None,
    canary=None,
    probation=None,
    go="auto",
    max_failures=1,
    until=None,
    window=None,
    at=None,
    method="signal",
    force=None,
    timeout=None,
    heal=False,
    fresh=False,
    yes=False,
    test=False,
):
    """
    Restart the servers of many pairs in one command; in each pair one after the other.

    .. versionadded:: 0.1.0

    What hangs together by relationships is a unit: there one server goes after the other, each
    awaited as :py:func:`restart` does, the secondary first. Units are independent.

    pairs, exclude, pending, at_once, per, canary
        As for :py:func:`fleet_plan`.
    tgt, tgt_type
        Only servers in this target of Salt.
    order
        Sites (values of ``per``) in the order in which their units are begun; others come last.
    probation
        Seconds for which the canary's servers have to stay good before the rest is begun: the same
        process, normal, and an answer to a client's question. Default: 60; 0: none.
    go
        ``ask``: after the canary the run is paused until somebody says :py:func:`resume`.
    max_failures
        After so many failed units nothing new is begun; what is under way is finished.
    until
        No unit is begun that would not be through by then: ``05:00``, or with its date, in the
        master's local time.
    window
        Units are begun in this time of day only, ``22:00-05:00``; before it they wait for it.
    at
        Keep the command for this moment, for :py:func:`fleet_due`; :py:func:`flush` drops it.
    method, force, timeout, heal
        As for :py:func:`restart`.
    fresh
        Make a new plan: do not go on with an unfinished fleet run of this command.
    yes
        Do not ask. A person at a terminal is asked before more than one pair is touched.
    test
        Show what would be done.

    Returns ``outcome`` (done, failed, aborted, interrupted, window: no time is left), ``comment``,
    ``fleet`` (the run's id), ``units`` (``unit``, ``state``, ``servers``, ``seconds``, ``runs``,
    ``comment``) and ``left_out``. Exit code 0: done, or nothing to do; 1: something failed, was
    refused, or a server that is meant is in no pair; 2: stopped, or out of time. The plan is kept
    before the first unit: the same command goes on with it, and restarts nothing twice.
    :py:func:`pause`, :py:func:`resume` and :py:func:`abort` act on the whole, :py:func:`fleet`
    shows it.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_restart test=True
        salt-run dhcp_failover.fleet_restart at_once=4 per=site canary=1
        salt-run dhcp_failover.fleet_restart pending=True window=22:00-05:00 at_once=8
        salt-run dhcp_failover.fleet_restart 'berlin-*' exclude=berlin-lab at=2026-12-01T22:00
    """
    return _fleet("restart", locals())


@_takes_its_words
def fleet_rollout(
    pairs=None,
    tgt=None,
    tgt_type="glob",
    exclude=None,
    at_once=1,
    per=None,
    order=None,
    canary=None,
    probation=None,
    go="auto",
    max_failures=1,
    until=None,
    window=None,
    at=None,
    source=None,
    contents_pillar=None,
    sls=None,
    file=None,
    template=None,
    saltenv=None,
    previous=False,
    method="signal",
    force=None,
    timeout=None,
    heal=False,
    fresh=False,
    yes=False,
    test=False,
):
    """
    Give many pairs their new configuration; each pair as ``orch.dhcp_failover_rollout`` does it.

    .. versionadded:: 0.1.0

    pairs, tgt, tgt_type, exclude, at_once, per, order, go, max_failures, until, window, at, method
        As for :py:func:`fleet_restart`.
    canary
        As for :py:func:`fleet_plan`; default: one unit goes first.
    probation
        Seconds for which the first server of each pair has to stay good before its partner is
        touched, and the canary before the rest is begun. Default: 60; 0: none.
    source, contents_pillar, sls, file, template, saltenv, previous
        Where the files come from, as for the orchestration: ``salt://dhcp/{{ minion }}/dhcpd.conf``
        has the server's minion id in it.
    force, timeout, heal, fresh, yes, test
        As for :py:func:`fleet_restart`.

    Returns as :py:func:`fleet_restart` does. A pair of which one server is left out is left out. A
    pair whose first server does not stay good has its old files back, and counts as failed.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_rollout sls=dhcp.config at_once=4
        salt-run dhcp_failover.fleet_rollout source='salt://dhcp/{{ minion }}.conf' go=ask
        salt-run dhcp_failover.fleet_rollout previous=True
    """
    return _fleet("rollout", locals())


@_takes_its_words
def fleet_reboot(
    pairs=None,
    tgt=None,
    tgt_type="glob",
    exclude=None,
    at_once=1,
    per=None,
    order=None,
    canary=None,
    probation=None,
    go="auto",
    max_failures=1,
    until=None,
    window=None,
    at=None,
    command=None,
    sls=None,
    reboot=None,
    host_timeout=None,
    method="handover",
    force=None,
    timeout=None,
    heal=False,
    fresh=False,
    yes=False,
    test=False,
):
    """
    Reboot the hosts of many pairs, or do what is named; each as ``orch.dhcp_failover_reboot`` does.

    .. versionadded:: 0.1.0

    pairs, tgt, tgt_type, exclude, at_once, per, order, canary, probation, go, max_failures
        As for :py:func:`fleet_restart`.
    until, window, at, force, timeout, heal, fresh, yes, test
        The same.
    command, sls
        A command line to run on each host, or an SLS to apply, instead of a reboot.
    reboot
        ``True``: reboot the host after the command or SLS.
    host_timeout
        Seconds that the command or SLS may take, and that the host has to come back; default 900.
    method
        ``handover``, or ``signal`` where there is no OMAPI.

    Returns as :py:func:`fleet_restart` does.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_reboot at_once=4 per=site window=22:00-05:00
        salt-run dhcp_failover.fleet_reboot command='apt-get -y upgrade' reboot=True canary=1
    """
    return _fleet("reboot", locals())


def _fleet(kind, words):
    try:
        data, code = fleets.begin(__opts__, kind, words, answers.user(__salt__))
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    except Interrupted as err:
        return answers.refused(__context__, err, interrupted=True)
    return _shown(f"fleet_{kind}", data, code)


def _shown(function, data, code):
    """Return ``data`` with its exit code; as a table where a person has called ``function``."""
    if code:
        __context__["retcode"] = code
        data = {**data, "retcode": code}
    if _is_called(function):
        return {"data": data, "outputter": "dhcp_failover"}
    return data


@_takes_its_words
def fleet_metrics(path=None):
    """
    Return the metrics of the last fleet run as OpenMetrics text, or write them to a file.

    .. versionadded:: 0.1.0

    path
        For node_exporter's textfile collector on the master, such as
        ``/var/lib/prometheus/node-exporter/dhcp_failover.prom``: replaced whole, readable by
        everybody. In a schedule of the master it keeps them fresh.

    Returns the text (``docs/events.md`` names the metrics); with ``path`` ``result``, ``comment``
    and ``file``. Exit code 1 where it can't be written.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_metrics
        salt-run dhcp_failover.fleet_metrics path=/srv/metrics/dhcp_failover.prom
    """
    text = fleets.metrics_of(__opts__)
    if path is None:
        return {"data": text, "outputter": "txt"} if _is_called("fleet_metrics") else text
    if not str(path).endswith(".prom"):
        why = f"{path}: node_exporter reads files that end in .prom only"
        return answers.refused(__context__, why)
    try:
        openmetrics.write(path, text)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return {"result": True, "comment": f"{path} was written.", "file": str(path)}


def _is_called(function):
    """Whether a person has called this very function: what others call returns data alone."""
    return __opts__.get("fun") == f"dhcp_failover.{function}"


@_takes_its_words
def fleet(watch=False, interval=2):
    """
    Show the last fleet run, or the one under way: each unit, failures first.

    .. versionadded:: 0.1.0

    watch
        Look again and again, until it has ended or Ctrl-C.
    interval
        Seconds between two looks of ``watch``.

    Returns as :py:func:`fleet_restart` does, and ``requests``: what is kept for later. ``outcome``
    is ``running`` while it is under way, ``killed`` where its process is gone without an end. Exit
    codes as of the command itself; 0 while it is under way.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet
        salt-run dhcp_failover.fleet watch=True
    """
    try:
        pause = vocabulary.seconds("interval", interval) or 2.0
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    data = fleets.last(__opts__)
    if watch and data is not None:
        data = _watched(data, pause)
    if data is None:
        kept = fleet_requests.kept(discovery.directory(__opts__))
        later = [fleet_requests.told(one) for one in kept]
        text = " ".join(["No fleet run is known on this master.", *later])
        return answers.refused(__context__, text)
    code = {"done": 0, "running": 0, "failed": 1, "killed": 1}.get(data["outcome"], 2)
    return _shown("fleet", data, code)


def _watched(data, pause):
    """Show what becomes of a fleet run until it has ended or somebody presses Ctrl-C."""
    board = progress.Board(sys.stderr)
    try:
        with interrupts.INTERRUPTS.deferred():
            while data["outcome"] == "running":
                board.show(data)
                begun = time.monotonic()
                while time.monotonic() - begun < pause:
                    interrupts.INTERRUPTS.check()
                    time.sleep(0.2)
                data = fleets.last(__opts__)
    except Interrupted:
        pass
    board.close()
    return data


@_takes_its_words
def fleet_due():
    """
    Do what was kept for later with ``at=``, once its time has come: for the master's schedule.

    .. versionadded:: 0.1.0

    What is more than an hour too late is dropped, with a line in the log.

    Returns ``result`` and, by id, what became of each. Exit code 1 if one failed.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.fleet_due
    """
    done, good = {}, True
    for request, in_time in fleet_requests.due(__opts__, time.time()):
        if not in_time:
            done[request["id"]] = f"{fleet_requests.told(request)} It is too late: dropped."
            log.error(done[request["id"]])
            good = False
            continue
        words = {**request["words"], "yes": True}
        try:
            data, code = fleets.begin(__opts__, request["kind"], words, request["who"])
            done[request["id"]] = data["comment"]
        except (IscDhcpError, Interrupted) as err:
            done[request["id"]], code = str(err), 1
        if code:
            log.error("%s %s", fleet_requests.told(request), done[request["id"]])
        good = good and not code
    return answers.answer(__context__, {"result": good, **done}, good)


@_takes_its_words
def flush(request=None):
    """
    Drop what is kept for later (``at=``).

    .. versionadded:: 0.1.0

    request
        Its id or the beginning of it; default: all.

    Returns ``result`` and ``comment``; exit code 1 where nothing was kept.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.flush
        salt-run dhcp_failover.flush 3f2a
    """
    dropped = fleet_requests.flush(__opts__, vocabulary.text("request", request))
    if not dropped:
        return answers.refused(__context__, "Nothing of this is kept for later.")
    told = " ".join(fleet_requests.told(one) for one in dropped)
    return {"result": True, "comment": f"Dropped: {told}"}
