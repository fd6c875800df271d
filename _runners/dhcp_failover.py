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
      policy:                     # preflight's verdicts: pass, warn or block
        firewall: block

Every function returns with a non-zero exit code and one sentence when it did not do what it says.
"""

import logging
import secrets
import time

import dhcp_failover_master as master
from iscdhcp import checks
from iscdhcp import decisions
from iscdhcp import doctor as diagnosis
from iscdhcp import engine
from iscdhcp import inspection
from iscdhcp import pairs as pair_rules
from iscdhcp import parity
from iscdhcp import plan as plans
from iscdhcp import store
from iscdhcp.errors import IscDhcpError

log = logging.getLogger(__name__)

__virtualname__ = "dhcp_failover"
__func_alias__ = {"pairs_": "pairs"}

#: Seconds for a server to read and normalise its configuration, however large.
DRIFT_SECONDS = 60.0


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


def _seconds(value, name):
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise IscDhcpError(f"{name}: give seconds as a number, not {value!r}") from None


def _request(order=None, method="signal", force=None, fresh=False, **more):
    settings = __opts__.get("dhcp_failover") or {}
    engine.check_method(method)
    return engine.Request(
        order=order or settings.get("order"),
        method=method,
        force=decisions.parse_force(force),
        fresh=bool(fresh),
        only=more.get("server"),
        busy_timeout=float(settings.get("busy_timeout", 300)),
        timeout=_seconds(more.get("timeout"), "timeout"),
        policy=checks.parse_policy(settings.get("policy")),
    )


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
        "warn": f"{run.pair} is fit for a restart; {counted['warn']} warnings.",
        "block": f"{run.pair} is not fit for a restart: {counted['block']} checks block it.",
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
    data = plans.plan(view, run.servers, method, blockers, engine.METHODS)
    return _shown("plan", {"pair": view.pair.id, **data}, not blockers)


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
        views, found = _views(pair, _seconds(log_hours, "log_hours") or 0.0)
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
            shown[one.id] = _drift(fleet, one)
    except IscDhcpError as err:
        return _refused(err)
    finally:
        fleet.close()
    return _answer(shown, all(row["equal"] for row in shown.values()))


def _drift(fleet, pair):
    servers = [pair.primary, pair.secondary]
    question = {"nonce": secrets.token_hex(16), "relationship": pair.name}
    forms = {}
    # The forms are as long as the files: they are asked for only where they differ.
    for digest_only in (True, False):
        answers = fleet.ask(
            servers, "dhcpd.normal_form", {**question, "digest_only": digest_only}, DRIFT_SECONDS
        )
        for server in servers:
            ret = answers[server].get("ret")
            if not isinstance(ret, dict) or "digest" not in ret:
                why = answers[server].get("error") or ret
                return {"equal": False, "comment": f"{server} can't be compared: {why}"}
            forms[server] = ret
        first, second = (forms[server] for server in servers)
        if first["digest"] == second["digest"]:
            break
    ends = [form["relationships"].get(pair.name) for form in (first, second)]
    problems = parity.crossed_facts(*ends, *servers) if all(ends) else []
    diff = []
    if first["digest"] != second["digest"]:
        diff = parity.lines(parity.compare(first, second), *servers)
    equal = not diff and not problems
    comment = "The configurations mean the same."
    if not equal:
        comment = f"{' and '.join(servers)} differ; mend one of them, then restart it."
    return {"equal": equal, "comment": comment, "problems": problems, "diff": diff}


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
    except (IscDhcpError, engine.Interrupted) as err:
        return _refused(err)
    return _answer(
        {"result": step.result, "comment": step.comment, "warnings": step.warnings}, step.result
    )


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
    try:
        request = _request(
            order=order, method=method, force=force, fresh=fresh, server=server, timeout=timeout
        )
        run = master.new_run(__opts__, pair or server, request, user=_user())
    except IscDhcpError as err:
        return _refused(err)
    steps = {}
    try:
        with master.INTERRUPTS.deferred():
            good = _restart_steps(run, steps)
    except engine.Interrupted as err:
        good = False
        steps["interrupted"] = str(err)
    finally:
        run.unlock()
        run.fleet.close()
    last = list(steps.values())[-1]
    comment = f"{run.pair}: {', '.join(run.servers)} restarted." if good else last
    return _answer({"result": good, "comment": comment, "steps": steps}, good)


def _restart_steps(run, steps):
    for name, act in (("lock", run.lock), ("preflight", run.preflight)):
        step = act()
        steps[name] = step.comment
        if not step.result:
            return False
    for position, server in enumerate(run.servers):
        step = run.restart(position)
        steps[f"restart of {server}"] = step.comment
        if not step.result:
            return False
        step = run.wait_normal(server)
        steps[f"pair normal after {server}"] = step.comment
        if not step.result:
            return False
    return True


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
        seconds = _seconds(until, "until")
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
