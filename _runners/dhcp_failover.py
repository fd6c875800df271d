"""
ISC DHCP failover pairs, seen from the master: discovered, watched, restarted one server at a time.

.. code-block:: bash

    salt-run dhcp_failover.pairs
    salt-run dhcp_failover.restart            # the only pair known; or its name
    salt-run state.orch orch.dhcp_failover_restart

No set-up is needed beyond syncing the modules. Settings in the master's configuration override:

.. code-block:: yaml

    dhcp_failover:
      order: secondary-first      # or primary-first, or both minion ids
      busy_timeout: 300           # seconds to wait for a minion's other state run
      host_timeout: 900           # seconds that a host may be away in a reboot
      probation: 60               # seconds that a rollout watches its first server; 0: none
      keep_journals: 200          # runs whose journals are kept
      policy:                     # preflight's verdicts: pass, warn or block
        firewall: block
      requests: {allow: []}       # who may ask for a restart by an event (docs/events.md)
      notify: {url: ...}          # for reactor/dhcp_failover_notify.sls; or slack: True
      servers: 'G@roles:dhcp'     # compound target: who may be a DHCP server
      discovery_seconds: 5        # a discovery ends when nobody has answered for so long
      ask_at_once: 200            # minions asked together in a discovery
      answer_seconds: 6           # for the answer of one minion
      answer_seconds_each: 0.02   # and for each that is asked with it

A word that is not known, there or in a call, is refused and named with the one that may be meant.
Every function returns with a non-zero exit code and one sentence when it did not do what it says.
"""

import functools
import logging
import sys
import time
from typing import TYPE_CHECKING

from iscdhcp import vocabulary
from iscdhcp import words
from iscdhcp.doctor import diagnose as diagnosis
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import asking
from iscdhcp.pair import discovery as pair_discovery
from iscdhcp.pair import drift as drifts
from iscdhcp.pair import half_known
from iscdhcp.pair import plan as plans
from iscdhcp.pair import preflight as pair_preflight
from iscdhcp.pair import view as pair_view
from iscdhcp.rules.methods import METHODS
from iscdhcp.run.orders import Interrupted
from iscdhcp.show import progress
from iscdhcp.show import status as show_status
from iscdhcp_salt import answers
from iscdhcp_salt import discovery
from iscdhcp_salt import interrupts
from iscdhcp_salt import master
from iscdhcp_salt.minions import SaltMinions

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__


log = logging.getLogger(__name__)
__virtualname__ = "dhcp_failover"
__func_alias__ = {"pairs_": "pairs"}


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
def pairs_(refresh=False):
    """
    List the failover pairs of the fleet, and what is no pair and why.

    .. versionadded:: 0.1.0

    refresh
        Forget what minions said earlier and ask all of them.

    Returns ``pairs`` (by id: ``name``, ``primary``, ``secondary``, ``mclt`` in seconds),
    ``problems`` (sentences about half-defined relationships), ``silent`` (minions that never
    answered), ``cached`` (silent ones whose earlier answer counts) and ``gone`` (those of both that
    were silent before and so were not waited for: minion id -> since when, UTC). Where there is no
    pair, or most minions are silent, ``comment`` says so and what to do; the exit code is 1 then.

    A minion that has no dhcpd is asked again after a day, or where a partner is missing.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.pairs
        salt-run dhcp_failover.pairs refresh=True
    """
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, refresh=refresh, everybody=True)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    shown = {
        "pairs": {
            pair.id: {
                "name": pair.name,
                "primary": pair.primary,
                "secondary": pair.secondary,
                "mclt": pair.mclt,
            }
            for pair in found.pairs
        },
        "problems": found.problems,
        "silent": found.silent,
        "cached": found.cached,
        "gone": {minion: words.date(at) for minion, at in found.gone.items()},
    }
    told = [] if found.pairs else [pair_discovery.no_pairs(found)]
    if found.mostly_silent:
        number = len(found.silent) + len(found.cached)
        told.append(asking.most_are_silent(number, found.candidates))
    if told:
        shown["comment"] = " ".join(told)
    return answers.answer(__context__, shown, not told)


@_takes_its_words
def status(pair=None, watch=False, interval=5):
    """
    Show the state of a pair, or of all pairs, at both ends: a table for people.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id.
    watch
        Look again and again, until Ctrl-C; each change is shown on stderr, on a terminal in place
        of what was there.
    interval
        Seconds between two looks of ``watch``.

    With ``--out=json`` (or called by a program) it is, by pair id and server: ``role``, ``state``,
    ``partner_state``, ``since`` (UTC), ``serves``, ``pid``, ``source`` of the state, ``mclt``
    (seconds), ``pools`` (``network``, ``addresses``, ``active``, ``free``, ``backup``), ``clock``
    (seconds before its partner's); and where it is so: ``recover_wait_until``, ``stuck``,
    ``pending_restart``, ``lock``, ``hold``, ``claim``, ``why`` nothing is known. Exit code 1 if a
    pair is not normal. Where no minion that has answered is a server's partner, that stands under
    its address, and ``why`` says which silent minions may be it and what to type.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.status
        salt-run dhcp_failover.status foo
        salt-run dhcp_failover.status foo watch=True
        salt-run --out=json dhcp_failover.status
    """
    try:
        pause = vocabulary.seconds("interval", interval) or 5.0
        views, found = _all_views(pair)
        if watch and views:
            views = _watched(pair, views, pause)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    if not views:
        return answers.refused(__context__, pair_discovery.no_pairs(found))
    shown = {view.pair.id: show_status.rows(view) for view in views}
    return answers.shown(__opts__, __context__, "status", shown, all(view.normal for view in views))


def _watched(pair, views, pause):
    """Show what the views become until somebody presses Ctrl-C; return the last ones."""
    # The answer is shown where this board was.
    board = progress.Board(sys.stderr)
    try:
        with interrupts.INTERRUPTS.deferred():
            while True:
                board.show({view.pair.id: show_status.rows(view) for view in views})
                begun = time.monotonic()
                while time.monotonic() - begun < pause:
                    interrupts.INTERRUPTS.check()
                    time.sleep(0.2)
                views, _ = _all_views(pair)
    except Interrupted:
        board.close()
        return views


def _views(pair, log_hours=0.0):
    """Look at a pair, or at all; return the views and the discovery."""
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, wanted=pair, everybody=not pair)
        chosen = [pair_discovery.select(found, pair)] if pair else found.pairs
        return pair_view.look(minions, discovery.directory(__opts__), chosen, log_hours), found
    finally:
        minions.close()


def _all_views(pair):
    """Look as :func:`_views` does, and at relationships of which only one end is known."""
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, wanted=pair, everybody=not pair)
        chosen, halves = half_known.chosen(found, pair)
        return half_known.look(minions, discovery.directory(__opts__), chosen, halves), found
    finally:
        minions.close()


@_takes_its_words
def preflight(pair=None, order=None, method="signal", force=None):
    """
    Check everything that can be known before a restart; touches and claims nothing.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only one.
    order, method, force
        As for :py:func:`restart`.

    Returns ``result``, ``comment`` and ``checks``, each with ``code``, ``verdict`` (pass, warn or
    block), ``text``, ``fix`` (what to do) and ``server``. Exit code 1 if something blocks.

    A site raises or lowers verdicts by ``dhcp_failover: policy: {code: pass|warn|block}`` in the
    master's configuration. What the guard on the servers refuses stays blocked; for one run
    ``force`` overrides it.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.preflight
        salt-run dhcp_failover.preflight foo method=drain
    """
    try:
        run, view, found, _ = _looked_at(pair, order=order, method=method, force=force)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    verdict = pair_preflight.outcome(found)
    counted = {one: sum(check.verdict == one for check in found) for one in ("block", "warn")}
    comment = {
        "pass": f"{run.pair} is fit for a restart.",
        "warn": f"{run.pair} is fit for a restart; {counted['warn']} of the checks warn.",
        "block": f"{run.pair} is not fit for a restart: {counted['block']} of the checks block it.",
    }[verdict]
    good = verdict != "block"
    data = {
        "result": good,
        "comment": comment,
        "pair": view.pair.id,
        "checks": [check.as_dict() for check in found],
    }
    return answers.shown(__opts__, __context__, "preflight", data, good)


def _looked_at(pair, **request):
    """Return the run that a restart would be, the view of its pair, its checks, who is down."""
    run = master.new_run(
        __opts__, pair, answers.request(__opts__, **request), user=answers.user(__salt__)
    )
    try:
        replies = run.minions.inspect(list(run.group), ask=True)
    finally:
        run.minions.close()
    view = pair_view.view_of(run.pair, replies, discovery.directory(__opts__))
    return run, view, run.checks(replies, view), run.healable(replies)


@_takes_its_words
def plan(pair=None, order=None, method="signal", force=None, heal=False):
    """
    Show what a restart would do: the order, how long each part takes, what clients will see.

    .. versionadded:: 0.1.0

    pair, order, method, force, heal
        As for :py:func:`restart`.

    Returns ``order``, ``phases`` (``server``, ``text``, ``seconds``), ``seconds`` in all,
    ``clients``, ``blockers``, ``healable`` (the server that ``heal=True`` would start first, or
    ``None``) and ``methods``: the same figures for each. Nothing is touched; exit code 1 if
    something blocks.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.plan
        salt-run dhcp_failover.plan foo method=handover
    """
    try:
        run, view, found, down = _looked_at(
            pair, order=order, method=method, force=force, heal=heal
        )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    blockers = [check.told for check in found if check.verdict == "block"]
    if down and heal:
        # What is not normal now is looked at again once it is.
        blockers = [reason.text for reason in down[1].blockers]
    healable = down[0] if down and down[1].ok else None
    data = plans.plan(view, run.servers, method, blockers, METHODS, healable, bool(heal))
    return answers.shown(
        __opts__, __context__, "plan", {"pair": view.pair.id, **data}, not blockers
    )


@_takes_its_words
def doctor(pair=None, log_hours=24):
    """
    Say why a pair is not normal: the cause in one sentence, and the next safe step.

    .. versionadded:: 0.1.0

    pair
        A relationship's name, a pair's id or a server's minion id; default: all pairs, and what is
        half-defined.
    log_hours
        How far back the servers read their logs.

    Returns ``result`` (whether all is normal), ``comment`` (the most likely cause), ``next``, and
    ``findings`` by pair, the most likely cause first, each with ``code``, ``kind`` (cause, wait:
    it heals by itself, risk, note, harmless), ``text``, ``next`` and ``server``. Nothing is
    touched; exit code 1 if a pair is not normal.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.doctor
        salt-run dhcp_failover.doctor foo
    """
    try:
        views, found = _views(pair, vocabulary.seconds("log_hours", log_hours) or 0.0)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    if not views and not found.problems:
        return answers.refused(__context__, pair_discovery.no_pairs(found))
    findings = {view.pair.id: diagnosis.diagnose(view) for view in views}
    worst = diagnosis.answer(views, findings, found.problems, found.silent)
    good = all(view.normal for view in views) and not found.problems
    data = {
        "result": good,
        **worst,
        "findings": {
            **{name: [one.as_dict() for one in each] for name, each in findings.items()},
            **diagnosis.half_defined(found.problems, found.silent),
        },
    }
    return answers.shown(__opts__, __context__, "doctor", data, good)


@_takes_its_words
def drift(pair=None):
    """
    Compare the configurations of a pair's two servers, or of all pairs, by what they mean.

    .. versionadded:: 0.1.0

    Order, comments, includes and the way things are written do not count; roles, addresses and
    ports of the relationship have to fit crosswise. Keys are compared and never leave their
    servers.

    pair
        A relationship's name, a pair's id or a server's minion id.

    A table for people; with ``--out=json`` it is, by pair id: ``equal``, ``comment``, ``problems``
    (what keeps the two from being partners) and ``diff`` (lines, ``-`` only on the first server,
    ``+`` only on the second, each with file and line). Exit code 1 where a pair differs or a server
    does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.drift
        salt-run dhcp_failover.drift foo
    """
    minions = SaltMinions(__opts__)
    shown = {}
    try:
        found = discovery.discover(__opts__, minions, wanted=pair, everybody=not pair)
        chosen = [pair_discovery.select(found, pair)] if pair else found.pairs
        if not chosen:
            return answers.refused(__context__, pair_discovery.no_pairs(found))
        for one in chosen:
            shown[one.id] = drifts.drift(minions, one)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    equal = all(row["equal"] for row in shown.values())
    return answers.shown(__opts__, __context__, "drift", shown, equal)
