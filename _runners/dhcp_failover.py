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

Every function returns with a non-zero exit code and one sentence when it did not do what it says.
"""

import logging
import time

import dhcp_failover_master as master
import dhcp_failover_requests as requests
from iscdhcp import decisions
from iscdhcp import engine
from iscdhcp import pairs as pair_rules
from iscdhcp import store
from iscdhcp.errors import IscDhcpError

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
    Show the state of a pair, or of all pairs, at both ends.

    pair
        A relationship's name, a pair's id or a server's minion id.

    Returns, by pair id, for each server: ``role``, ``state``, ``partner_state``, ``since`` (UTC),
    ``serves``, ``pid``, ``source`` of the state; who holds or locks it; ``restart complete`` as a
    sentence. Exit code 1 if a pair is not normal.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.status
        salt-run dhcp_failover.status foo
    """
    fleet = master.SaltFleet(__opts__)
    try:
        found = master.discover(__opts__, fleet, wanted=pair, everybody=not pair)
        chosen = [pair_rules.select(found, pair)] if pair else found.pairs
        if not chosen:
            return _refused(_no_pairs(found))
        servers = sorted({server for one in chosen for server in one.servers})
        answers = fleet.status(servers)
    except IscDhcpError as err:
        return _refused(err)
    finally:
        fleet.close()
    shown, good = {}, True
    for one in chosen:
        row, normal = _status_row(one, answers)
        shown[one.id] = row
        good = good and normal
    return _answer(shown, good)


def _no_pairs(found):
    text = "No failover pair is known."
    if found.problems:
        text += " Not a pair: " + "; ".join(found.problems) + "."
    if found.silent:
        text += " No answer from " + ", ".join(found.silent) + "."
    return text


def _status_row(pair, answers):
    directory = master.directory(__opts__)
    locks, holds = store.ServerLocks(directory / "locks"), store.Holds(directory / "holds")
    row, normal = {}, True
    for server in (pair.primary, pair.secondary):
        answer = answers.get(server, {})
        facts = answer.get("facts")
        end = ((facts or {}).get("relationships") or {}).get(pair.name) or {}
        since = end.get("since")
        row[server] = {
            "role": "primary" if server == pair.primary else "secondary",
            "state": end.get("state") or "unknown",
            "partner_state": end.get("partner_state") or "unknown",
            "since": since and time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(since)),
            "serves": end.get("serves"),
            "source": end.get("source"),
            "pid": ((facts or {}).get("process") or {}).get("pid"),
        }
        until = decisions.recover_wait_until(end)
        if until:
            row[server]["recover_wait_until"] = f"{decisions.clock(until)} UTC"
        why = answer.get("error") or end.get("why_unknown")
        if why:
            row[server]["why"] = why
        if end.get("stuck"):
            row[server]["stuck"] = end["stuck"]
        hint = ((facts or {}).get("omapi") or {}).get("hint")
        if hint:
            row[server]["better"] = hint
        pending = (facts or {}).get("pending_restart")
        if pending:
            row[server]["pending_restart"] = pending.get("reason")
        for name, what in (("lock", locks.owner(server)), ("hold", holds.get(server))):
            if what:
                row[server][name] = what
        normal = normal and (end.get("state"), end.get("partner_state")) == ("normal", "normal")
    return row, normal


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
        asked = _request(
            order=order, method=method, force=force, fresh=fresh, server=server, timeout=timeout
        )
    except IscDhcpError as err:
        return _refused(err)
    return _restart(pair or server, asked, _user())


def _restart(wanted, asked, user):
    try:
        run = master.new_run(__opts__, wanted, asked, user=user)
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
