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
      keep_journals: 200          # runs whose journals are kept
      policy:                     # preflight's verdicts: pass, warn or block
        firewall: block
      requests: {allow: []}       # who may ask for a restart by an event (docs/events.md)
      notify: {url: ...}          # for reactor/dhcp_failover_notify.sls

A word that is not known, there or in a call, is refused and named with the one that may be meant.
Every function returns with a non-zero exit code and one sentence when it did not do what it says.
"""

import functools
import logging
import sys
import time
from pathlib import Path

import dhcp_failover_master as master
import dhcp_failover_requests as requests
import dhcp_failover_runs as runs
from iscdhcp import checks
from iscdhcp import commands
from iscdhcp import decisions
from iscdhcp import doctor as diagnosis
from iscdhcp import drift as drifts
from iscdhcp import follow
from iscdhcp import inspection
from iscdhcp import journal
from iscdhcp import one_server
from iscdhcp import pairs as pair_rules
from iscdhcp import partner_run
from iscdhcp import plan as plans
from iscdhcp import progress
from iscdhcp import report as reports
from iscdhcp import store
from iscdhcp import words
from iscdhcp.errors import IscDhcpError
from iscdhcp.run import METHODS
from iscdhcp.run import check_method as _check_method
from iscdhcp.steering import Interrupted

log = logging.getLogger(__name__)

__virtualname__ = "dhcp_failover"
__func_alias__ = {"pairs_": "pairs"}


def __virtual__():
    return __virtualname__


def _answer(data, good):
    """Return ``data`` so that both salt-run's exit code and a salt.runner step tell the truth."""
    if good:
        return data
    __context__["retcode"] = 1
    return {**data, "retcode": 1}


def _refused(comment, **more):
    return _answer({"result": False, "comment": str(comment), **more}, False)


def _takes_its_words(function):
    """Have a function refuse what does not fit it: Salt prints its usage then, with exit code 0."""

    @functools.wraps(function)
    def fitted(*args, **kwargs):
        ours = words.ours(kwargs)
        why = words.misfit("dhcp_failover", function, args, ours)
        return _refused(why) if why else function(*args, **ours)

    return words.takes_unknown(fitted)


def _request(method="signal", fresh=False, server=None, **more):
    _check_method(method)
    return master.new_request(
        __opts__, method=method, fresh=fresh, only=words.text("server", server), **more
    )


@_takes_its_words
def pairs_(refresh=False):
    """
    List the failover pairs of the fleet, and what is no pair and why.

    refresh
        Forget what minions said earlier and ask all of them.

    Returns ``pairs`` (by id: ``name``, ``primary``, ``secondary``, ``mclt`` in seconds),
    ``problems`` (sentences about half-defined relationships), ``silent`` (minions that never
    answered) and ``cached`` (silent ones whose earlier answer counts).

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.pairs
        salt-run dhcp_failover.pairs refresh=True
    """
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, refresh=refresh, everybody=True)
    finally:
        fleet.close()
    return {
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
    }


@_takes_its_words
def status(pair=None):
    """
    Show the state of a pair, or of all pairs, at both ends: a table for people.

    pair
        A relationship's name, a pair's id or a server's minion id.

    With ``--out=json`` (or called by a program) it is, by pair id and server: ``role``, ``state``,
    ``partner_state``, ``since`` (UTC), ``serves``, ``pid``, ``source`` of the state, ``mclt``
    (seconds), ``pools`` (``network``, ``addresses``, ``active``, ``free``, ``backup``), ``clock``
    (seconds before its partner's); and where it is so: ``recover_wait_until``, ``stuck``,
    ``pending_restart``, ``lock``, ``hold``, ``claim``, ``why`` nothing is known. Exit code 1 if a
    pair is not normal.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.status
        salt-run dhcp_failover.status foo
        salt-run --out=json dhcp_failover.status
    """
    try:
        views, found = _views(pair)
    except IscDhcpError as err:
        return _refused(err)
    if not views:
        return _refused(_no_pairs(found))
    shown = {view.pair.id: inspection.rows(view) for view in views}
    return _shown("status", shown, all(view.normal for view in views))


def _views(pair, log_hours=0.0):
    """Look at a pair, or at all; return the views and the discovery."""
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, wanted=pair, everybody=not pair)
        chosen = [pair_rules.select(found, pair)] if pair else found.pairs
        return inspection.look(fleet, master.directory(__opts__), chosen, log_hours), found
    finally:
        fleet.close()


def _shown(function, data, good):
    """Return ``data``; as a table where a person at the terminal has called ``function``."""
    answer = _answer(data, good)
    if __opts__.get("fun") == f"dhcp_failover.{function}":
        return {"data": answer, "outputter": "dhcp_failover"}
    return answer


def _no_pairs(found):
    text = "No failover pair is known."
    if found.problems:
        text += " Not a pair: " + "; ".join(found.problems) + "."
    if found.silent:
        text += " No answer from " + ", ".join(found.silent) + "."
    return text


@_takes_its_words
def preflight(pair=None, order=None, method="signal", force=None):
    """
    Check everything that can be known before a restart; touches and claims nothing.

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
        run, view, found = _looked_at(pair, order=order, method=method, force=force)
    except IscDhcpError as err:
        return _refused(err)
    verdict = checks.outcome(found)
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
    return _shown("preflight", data, good)


def _looked_at(pair, **request):
    """Return the run that a restart would be, the view of its pair and its checks."""
    run = master.new_run(__opts__, pair, _request(**request), user=_user())
    try:
        answers = run.fleet.inspect(list(run.group))
    finally:
        run.fleet.close()
    view = inspection.view_of(run.pair, answers, master.directory(__opts__))
    return run, view, run.checks(answers, view)


@_takes_its_words
def plan(pair=None, order=None, method="signal", force=None):
    """
    Show what a restart would do: the order, how long each part takes, what clients will see.

    pair, order, method, force
        As for :py:func:`restart`.

    Returns ``order``, ``phases`` (``server``, ``text``, ``seconds``), ``seconds`` in all,
    ``clients``, ``blockers``, and ``methods``: the same figures for each. Nothing is touched; exit
    code 1 if something blocks.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.plan
        salt-run dhcp_failover.plan foo method=handover
    """
    try:
        run, view, found = _looked_at(pair, order=order, method=method, force=force)
    except IscDhcpError as err:
        return _refused(err)
    blockers = [check.told for check in found if check.verdict == "block"]
    data = plans.plan(view, run.servers, method, blockers, METHODS)
    return _shown("plan", {"pair": view.pair.id, **data}, not blockers)


@_takes_its_words
def doctor(pair=None, log_hours=24):
    """
    Say why a pair is not normal: the cause in one sentence, and the next safe step.

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
        views, found = _views(pair, words.seconds("log_hours", log_hours) or 0.0)
    except IscDhcpError as err:
        return _refused(err)
    if not views and not found.problems:
        return _refused(_no_pairs(found))
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
    return _shown("doctor", data, good)


@_takes_its_words
def drift(pair=None):
    """
    Compare the configurations of a pair's two servers, or of all pairs, by what they mean.

    Order, comments, includes and the way things are written do not count; roles, addresses and
    ports of the relationship have to fit crosswise. Keys are compared and never leave their
    servers.

    pair
        A relationship's name, a pair's id or a server's minion id.

    Returns, by pair id: ``equal``, ``comment``, ``problems`` (what keeps the two from being
    partners) and ``diff`` (lines, ``-`` only on the first server, ``+`` only on the second, each
    with file and line). Exit code 1 where a pair differs or a server does not answer.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.drift
        salt-run dhcp_failover.drift foo
    """
    fleet = master.SaltFleet(__opts__)
    shown = {}
    try:
        found = master.discover(__opts__, fleet, wanted=pair, everybody=not pair)
        chosen = [pair_rules.select(found, pair)] if pair else found.pairs
        if not chosen:
            return _refused(_no_pairs(found))
        for one in chosen:
            shown[one.id] = drifts.drift(fleet, one)
    except IscDhcpError as err:
        return _refused(err)
    finally:
        fleet.close()
    return _answer(shown, all(row["equal"] for row in shown.values()))


@_takes_its_words
def wait_normal(pair=None, timeout=None):
    """
    Wait until a pair is normal at both ends, its pools balanced, nothing unacknowledged.

    pair
        A relationship's name, a pair's id or a server's minion id.
    timeout
        Seconds; default: computed from what dhcpd has to wait for (MCLT, number of leases).

    Returns ``result`` and ``comment``; exit code 1 when it gave up, with the reason.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.wait_normal foo
        salt-run dhcp_failover.wait_normal foo timeout=600
    """
    try:
        with master.INTERRUPTS.deferred():
            run = master.new_run(__opts__, pair, _request(timeout=timeout), user=_user())
            step = run.wait_normal()
    except (IscDhcpError, Interrupted) as err:
        return _refused(err)
    return _answer(
        {"result": step.result, "comment": step.comment, "warnings": step.warnings}, step.result
    )


@_takes_its_words
def restart(
    pair=None, server=None, order=None, method="signal", force=None, fresh=False, timeout=None
):
    """
    Restart a pair, one server after the other, each awaited; or one server of it.

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only one.
    server
        Restart only this minion's dhcpd.
    order
        ``secondary-first`` (default), ``primary-first`` or both minion ids.
    method
        How dhcpd is stopped: ``signal``, ``drain``, ``handover`` or ``control`` (see
        ``dhcpd.restart``).
    force
        Codes of the guard's reasons to override, comma-separated (see ``dhcpd.ok_to_stop``).
    fresh
        Do not continue an unfinished run.
    timeout
        Seconds that each wait may take; default: computed.

    Returns ``result``, ``comment`` and ``steps`` (what each said). Progress goes to stderr.
    Whatever fails leaves the rest untouched; the same command goes on where it was.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.restart
        salt-run dhcp_failover.restart foo order=primary-first
        salt-run dhcp_failover.restart server=dhcp-a
    """
    said = {"order": order, "force": force, "timeout": timeout}
    again = commands.runner(
        "restart", pair, server=server, method=None if method == "signal" else method, **said
    )
    try:
        words.text("pair", pair)
        asked = _request(method=method, fresh=fresh, server=server, again=again, **said)
    except IscDhcpError as err:
        return _refused(err)
    return _restart(pair or server, asked, _user())


def _restart(wanted, asked, user):
    asked.again = asked.again or commands.runner("restart", wanted)
    try:
        done = runs.restart(__opts__, wanted, asked, user)
    except IscDhcpError as err:
        return _refused(err)
    return _shown("restart", done, done["result"])


@_takes_its_words
def stop(server=None, method="signal", force=None, test=False):
    """
    Stop dhcpd on one server and leave it down, the primary too, while its partners serve.

    Its partners are asked, locked and claimed meanwhile, so that no other run or person stops one
    of them at the same moment.

    server
        Minion id.
    method
        ``signal``; ``handover``, which is :py:func:`shutdown`; or ``control`` (see ``dhcpd.stop``).
    force
        Codes of the guard's reasons to override, comma-separated (see ``dhcpd.ok_to_stop``).
    test
        Only say what would happen.

    Returns ``result`` and ``comment``; an unfinished restart of the pair stays as it is. Exit code
    1 if it was not stopped. :py:func:`start` starts it again, :py:func:`bring_back` waits for it
    to be normal too.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.stop server=dhcp-a test=True
        salt-run dhcp_failover.stop server=dhcp-a
    """
    return _one_server("stop", server, method, force, test)


@_takes_its_words
def shutdown(server=None, force=None, test=False):
    """
    Stop dhcpd on one server for long, gracefully over OMAPI: its partner takes everything over.

    server, force, test
        As for :py:func:`stop`.

    Returns as :py:func:`stop` does.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.shutdown server=dhcp-a
    """
    return _one_server("stop", server, "handover", force, test)


@_takes_its_words
def start(server=None, force=None, test=False):
    """
    Start dhcpd on one server and return once it serves; :py:func:`bring_back` waits for normal.

    Refused while its pair is locked, held or claimed, or ``dhcpd.start`` refuses.

    server, test
        As for :py:func:`stop`.
    force
        As for ``dhcpd.start``: ``lease-file`` starts it although its lease file is missing, empty
        or torn.

    Returns as :py:func:`stop` does.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.start server=dhcp-a
    """
    return _one_server("start", server, "signal", force, test)


def _one_server(act, server, method, force, test):
    try:
        request = master.new_request(
            __opts__,
            kind=one_server.OneServerRequest,
            force=force,
            only=None if server is None else str(server),
            method=method,
            act=act,
        )
        done = runs.one_server(__opts__, request, _user(), bool(test))
    except IscDhcpError as err:
        return _refused(err)
    except Interrupted as err:
        return _refused(err, interrupted=True)
    return _answer(done, done["result"] is not False)


@_takes_its_words
def partner_down(pair=None, dead=None, confirm=None, test=False):
    """
    Take a server for dead, so that its partner may use the whole pool: by hand, and only if it is.

    Refused while it shows any sign of life: its minion says that dhcpd runs; its partner is not in
    communications-interrupted, or still connected to it; its address answers a ping or at the OMAPI
    port. A minion that answers and has no dhcpd running proves it; a minion that is silent
    proves nothing, and a person has to.

    pair
        A relationship's name or a pair's id; default: every pair of the dead server, one by one.
    dead
        Minion id of the dead server.
    confirm
        The same minion id once more: "I have made sure at its console, hypervisor or power switch
        that it is off, and it will not come back by itself". It overrides silence and nothing else.
    test
        Only say what would happen.

    Returns ``result`` and ``comment``: what stands against it, how many addresses are at stake, and
    from when the survivor may use them (STOS + MCLT); of several pairs each by its id in ``pairs``.
    Without OMAPI on the survivor it is refused.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.partner_down dead=dhcp-a
        salt-run dhcp_failover.partner_down dead=dhcp-a confirm=dhcp-a
    """
    if not dead:
        return _refused("Say which server is dead: dead=MINION_ID.")
    try:
        chosen, found = runs.pairs_of(__opts__, pair, str(dead))
    except IscDhcpError as err:
        return _refused(err)
    answers = {}
    for one in chosen:
        answers[one] = _about_partner(
            one,
            partner_run.PartnerRequest(dead=str(dead)),
            lambda run: run.take_for_dead(confirm and str(confirm), test=bool(test)),
            test,
            found,
        )
        if "interrupted" in answers[one]:
            break
    if len(answers) == 1:
        return answers[chosen[0]]
    results = {answer["result"] for answer in answers.values()}
    result = False if False in results else (None if None in results else True)
    told = {one: answer["comment"] for one, answer in answers.items()}
    comment = " ".join(f"{one}: {text}" for one, text in told.items())
    return _answer({"result": result, "comment": comment, "pairs": told}, result is not False)


@_takes_its_words
def bring_back(pair=None, server=None, force=None, wait=True, timeout=None, test=False):
    """
    Bring a server back whose partner took it for dead or serves alone, and follow it to normal.

    dhcpd is started there unless it runs, through ``dhcpd.start``. It then fetches every lease from
    its partner (recover) and is held until MCLT has passed (recover-wait): until when is said as
    soon as dhcpd tells. The partner must stay up until then. A full window of the survivor that
    would keep it in recover for ever is released.

    pair
        A relationship's name or a pair's id; not needed: the server comes back with all of its own.
    server
        Minion id of the server that has returned.
    force
        For ``dhcpd.start``: ``lease-file`` where its lease file is lost for good (it then takes
        all leases from its partner, and a whole MCLT).
    wait
        ``False`` returns once it is known until when MCLT holds it.
    timeout
        Seconds that the wait may take; default: computed, MCLT included.
    test
        Only say what would happen.

    Returns ``result`` and ``comment``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.bring_back server=dhcp-a
        salt-run dhcp_failover.bring_back server=dhcp-a wait=False
    """
    if not server:
        return _refused("Say which server has returned: server=MINION_ID.")
    try:
        request = partner_run.PartnerRequest(
            only=str(server), timeout=words.seconds("timeout", timeout)
        )
        codes = decisions.parse_force(force)
        chosen, found = runs.pairs_of(__opts__, pair, str(server))
    except IscDhcpError as err:
        return _refused(err)
    return _about_partner(
        chosen[0],
        request,
        lambda run: run.bring_back(codes, wait=bool(wait), test=bool(test)),
        test,
        found,
    )


def _about_partner(wanted, request, act, test, found):
    try:
        done = runs.about_partner(__opts__, wanted, request, _user(), act, bool(test), found)
    except IscDhcpError as err:
        return _refused(err)
    except Interrupted as err:
        return _refused(err, interrupted=True)
    return _answer(done, done["result"] is not False)


@_takes_its_words
def request(pair=None, why=None, event=None, pending=False):
    """
    Have a pair restarted in the background, unless it is being restarted or was a moment ago.

    For the reactor (``reactor/``), and for schedules and people who do not want to wait. It returns
    at once; progress and end are on the event bus (``docs/events.md``) and in the job cache.
    Requests come together: one run for each pair in ``dhcp_failover:requests:interval`` seconds
    (default 900), whoever asks, and one answer.

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only one.
    why
        Shown as the reason of the run.
    event
        The reactor's: an event of a minion, which is untrusted. Only those in
        ``dhcp_failover:requests:allow`` of the master's configuration may ask. ``pair`` and
        ``why`` are then the event's.
    pending
        The event is the beacon's ``pending_restart``: the pair is restarted once a restart is
        marked as pending on both servers.

    Returns ``result`` (whether a run was started) and ``comment``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.request foo why="new lease times"
    """
    if event is not None:
        # A refusal is logged; to the reactor it is no failure.
        return (requests.pending if pending else requests.request)(__opts__, event)
    try:
        answer = requests.by_person(__opts__, pair, why, _user() or "the master")
    except IscDhcpError as err:
        return _refused(err)
    return _answer(answer, answer["result"])


@_takes_its_words
def requested(record):
    """
    Do the restart that :py:func:`request` has started in the background; not for people.

    record
        The name of the request's record on the master.

    Returns as :py:func:`restart` does.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.requested foo%3Adhcp-a%3Adhcp-b
    """
    try:
        pair, who, only_pending = requests.recorded(__opts__, record)
        why = requests.not_pending(__opts__, pair) if only_pending else None
        asked = _request()
    except IscDhcpError as err:
        log.error("Request for a restart: %s", err)
        return _refused(err)
    if why:
        log.warning("Request for a restart of %s: not done: %s", pair, why)
        return _refused(f"Not restarted: {why}.")
    answer = _restart(pair, asked, who)
    if "retcode" in answer:
        log.error("Restart of %s by %s failed: %s", pair, who, answer.get("comment"))
    return answer


@_takes_its_words
def restart_pending(pair=None):
    """
    Restart the pairs of which both servers have a restart marked as pending, one after the other.

    For a schedule (``reactor/dhcp_failover.conf``): what events have missed is done by night.

    pair
        Only this one: a relationship's name, a pair's id or a server's minion id.

    Returns ``result`` and, by pair id, what became of it. Exit code 1 if a restart failed.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.restart_pending
    """
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, wanted=pair, everybody=not pair)
        chosen = [pair_rules.select(found, pair)] if pair else found.pairs
    except IscDhcpError as err:
        return _refused(err)
    finally:
        fleet.close()
    done, good = {}, True
    for one in chosen:
        try:
            why = requests.not_pending(__opts__, one.id)
        except IscDhcpError as err:
            why = str(err)
        if why:
            done[one.id] = f"not restarted: {why}"
            continue
        answer = _restart(one.id, _request(), _user())
        done[one.id] = answer["comment"]
        good = good and "retcode" not in answer
    return _answer({"result": good, **done}, good)


@_takes_its_words
def repair_leases(server=None, addresses=None, test=False):
    """
    Mend a torn lease file, and bring back from the partner what it alone still knows.

    dhcpd on the server has to be down, and stays down: what was cut is fetched from the partner
    before the start, because dhcpd does not ask for it and may lose it at both ends
    (``docs/lease-files.md``).

    server
        Minion id of the server whose file is torn.
    addresses
        Ask the partner for these too, as a list or with commas between them: what an earlier
        ``dhcpd.repair_leases`` has cut.
    test
        Change nothing; say what would be done.

    Returns ``result``, ``comment`` and ``leases``, a sentence for each lease that was cut. Exit
    code 1 if the file was not mended, or the partner could not be asked.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.repair_leases server=dhcp-a test=True
        salt-run dhcp_failover.repair_leases server=dhcp-a
    """
    if not server:
        return _refused("Say which server's lease file is torn: server=MINION_ID.")
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, wanted=server)
        pair_rules.select(found, server)
        partners = [one for one in found.partners([server]) if one != server]
        words = str(addresses).split(",") if isinstance(addresses, str) else addresses or ()
        wanted = [str(word).strip() for word in words]
        done = runs.repair_leases(fleet, str(server), partners, wanted, bool(test))
    except IscDhcpError as err:
        return _refused(err)
    finally:
        fleet.close()
    return _shown("restart", done, done["result"])


@_takes_its_words
def hold(pair=None, server=None, why="", until=None):
    """
    Hold a pair or a server: no run restarts it until it is released.

    pair, server
        What is held: all servers of the pair, or this minion.
    why
        Shown to whoever is refused; wanted.
    until
        Seconds from now after which the hold ends by itself; default: never.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.hold foo why="power works in rack 4" until=7200
    """
    try:
        seconds = words.seconds("until", until)
        if not why:
            return _refused("Say why: why='...' is what the person who is refused will read.")
        ends = time.time() + seconds if seconds else None
        servers = _servers(pair, server)
    except IscDhcpError as err:
        return _refused(err)
    holds = store.Holds(master.directory(__opts__) / "holds")
    who = master.who(__opts__, _user())
    for one in servers:
        holds.put(one, who, str(why), ends)
    return {"result": True, "comment": f"{', '.join(servers)} held{store.until_text(ends)}."}


@_takes_its_words
def release(pair=None, server=None):
    """
    Release what :py:func:`hold` holds.

    pair, server
        As they were held.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.release foo
    """
    try:
        servers = _servers(pair, server)
    except IscDhcpError as err:
        return _refused(err)
    holds = store.Holds(master.directory(__opts__) / "holds")
    freed = [one for one in servers if holds.release(one)]
    comment = f"{', '.join(freed)} released." if freed else "Nothing was held."
    return {"result": True, "comment": comment}


# -- steering a run --------------------------------------------------------------------------------


@_takes_its_words
def pause(pair=None, why=""):
    """
    Pause the run that is under way: it begins no further act until it is resumed.

    pair
        A relationship's name, a pair's id or a server's minion id; not needed for the only run.
    why
        What the run shows to others.

    A server that is being stopped and started is finished first. The run keeps its locks and goes
    on watching; its time limits stand still. Returns once it is paused, with what is left to do;
    exit code 1 if no run is under way.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.pause
        salt-run dhcp_failover.pause foo why="power works"
    """
    return _order("pause", pair, why)


@_takes_its_words
def resume(pair=None, why=""):
    """
    Let a paused run go on.

    pair, why
        As for :py:func:`pause`.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.resume
    """
    return _order("resume", pair, why)


@_takes_its_words
def abort(pair=None, why=""):
    """
    End the run that is under way, between two steps or inside a wait; nothing is undone.

    pair, why
        As for :py:func:`pause`.

    Returns once it has ended, with what was done and what is left: the command that began the run
    ends with exit code 1, and goes on from there when it is given again.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.abort foo why="wrong pair"
    """
    return _order("abort", pair, why)


def _order(order, pair, why):
    who = master.who(__opts__, _user())
    try:
        with master.INTERRUPTS.deferred():
            answer = follow.order_run(
                master.directory(__opts__),
                order,
                who,
                str(why),
                pair,
                check=master.INTERRUPTS.check,
            )
    except IscDhcpError as err:
        return _refused(err)
    except Interrupted:
        return _refused(f"The order to {order} was given; whether it was heeded was not awaited.")
    return _answer(answer, answer["result"])


@_takes_its_words
def watch(pair=None, timeout=None):
    """
    Follow a run from this terminal to its end, whoever began it, or the next one that begins.

    pair
        A relationship's name, a pair's id or a server's minion id; default: any.
    timeout
        Seconds to wait for a run to begin; default: for ever.

    What happens is shown on stderr. Returns ``result``, ``comment``, ``run`` and ``outcome``; exit
    code 1 unless the run went well.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.watch
        salt-run dhcp_failover.watch foo timeout=60
    """
    try:
        seconds = words.seconds("timeout", timeout)
        with master.INTERRUPTS.deferred():
            seen = follow.watch(
                master.directory(__opts__),
                progress.Display(sys.stderr),
                pair,
                seconds,
                master.INTERRUPTS.check,
            )
    except IscDhcpError as err:
        return _refused(err)
    except Interrupted:
        return _refused("Watched no longer; a run that is under way goes on.")
    return _answer(seen, seen["result"])


# -- what runs did ---------------------------------------------------------------------------------


@_takes_its_words
def history(pair=None, limit=20):
    """
    List the last runs, the newest first.

    pair
        Only runs of this pair (or server); default: all.
    limit
        At most so many.

    Returns for each: ``run`` (its id), ``pair``, ``begun`` (UTC), ``seconds``, ``who``, ``method``,
    ``outcome`` (``done``, ``failed``, ``aborted``, ``interrupted``, ``killed``, ``unfinished``,
    ``running``, ``paused``), ``restarted`` (servers), ``attempts``, ``comment``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.history
        salt-run dhcp_failover.history foo limit=5
    """
    try:
        most = int(limit)
    except (TypeError, ValueError):
        return _refused(f"limit: give a number, not {limit!r}")
    found = []
    for path in journal.paths(_journals()):
        if len(found) >= most:
            break
        entries = journal.read(path)
        about = next((e for e in entries if e["what"] == "begun"), None)
        if about is not None and journal.concerns(about, pair):
            found.append(journal.row(entries, journal.is_alive(path)))
    return found


@_takes_its_words
def show(run=None, raw=False):
    """
    Show what a run did and saw.

    run
        Its id or the beginning of it, or a pair or server (its last run); default: the last run.
    raw
        Return the journal's entries as they are, not as sentences.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.show
        salt-run dhcp_failover.show 3f2a raw=True --out=json
    """
    try:
        path = journal.find(_journals(), run)
    except IscDhcpError as err:
        return _refused(err)
    entries = journal.read(path)
    if raw:
        return entries
    lines = [(entry["at"], journal.line(entry)) for entry in entries]
    return {
        **journal.row(entries, journal.is_alive(path)),
        "what happened": [f"{journal.moment(at)} {line}" for at, line in lines if line],
    }


@_takes_its_words
def report(run=None, file=None):
    """
    Write what a run did as one HTML page that needs nothing else: to look at, keep or send.

    run
        As for :py:func:`show`.
    file
        Where to write it; default: ``reports/<run>.html`` in the master's cache directory. A file
        that is no such report is not replaced.

    Returns ``file``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.report
        salt-run dhcp_failover.report foo file=/tmp/foo.html
    """
    try:
        path = journal.find(_journals(), run)
        name = f"{journal.run_of(path)}.html"
        target = Path(file) if file else master.directory(__opts__) / "reports" / name
        if not file:
            target.parent.mkdir(mode=0o700, exist_ok=True)
        elif target.is_dir():
            target = target / f"dhcp-failover-{name}"
        reports.write(target, journal.read(path), journal.is_alive(path))
    except IscDhcpError as err:
        return _refused(err)
    return {"result": True, "comment": f"Written: {target}", "file": str(target)}


def _journals():
    return master.directory(__opts__) / "journal"


def _servers(pair, server):
    if server:
        return [str(server)]
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, wanted=pair)
        return list(pair_rules.select(found, pair).servers)
    finally:
        fleet.close()


def _user():
    try:
        return str(__user__)
    except NameError:
        return None
