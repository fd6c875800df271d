"""
Failover pairs, acted on from the master: restarts, a partner that is lost or back, requests, holds.

A part of the runner ``dhcp_failover``; its settings are described in ``dhcp_failover.py``.
"""

import functools
import logging
import time
from typing import TYPE_CHECKING

from iscdhcp import commands
from iscdhcp import vocabulary
from iscdhcp import words as dhcp_words
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import discovery as pair_discovery
from iscdhcp.pair import locks
from iscdhcp.rules import verdict as rules_verdict
from iscdhcp.run import one_server
from iscdhcp.run import partner
from iscdhcp.run.orders import Interrupted
from iscdhcp_salt import answers
from iscdhcp_salt import discovery
from iscdhcp_salt import interrupts
from iscdhcp_salt import master
from iscdhcp_salt import requests
from iscdhcp_salt import runs
from iscdhcp_salt.minions import SaltMinions

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__


log = logging.getLogger(__name__)
__virtualname__ = "dhcp_failover"


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
def wait_normal(pair=None, timeout=None):
    """
    Wait until a pair is normal at both ends, its pools balanced, nothing unacknowledged.

    .. versionadded:: 0.1.0

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
        with interrupts.INTERRUPTS.deferred():
            run = master.new_run(
                __opts__,
                pair,
                answers.request(__opts__, timeout=timeout),
                user=answers.user(__salt__),
            )
            step = run.wait_normal()
    except (IscDhcpError, Interrupted) as err:
        return answers.refused(__context__, err)
    return answers.answer(
        __context__,
        {"result": step.result, "comment": step.comment, "warnings": step.warnings},
        step.result,
    )


@_takes_its_words
def restart(
    pair=None,
    server=None,
    order=None,
    method="signal",
    force=None,
    fresh=False,
    timeout=None,
    heal=False,
):
    """
    Restart a pair, one server after the other, each awaited; or one server of it.

    .. versionadded:: 0.1.0

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
    heal
        Begin by starting the one server that is down, if its partners serve, and wait until the
        pair is normal. Without it a person at a terminal is asked.

    Returns ``result``, ``comment`` and ``steps`` (what each said). Progress goes to stderr.
    Whatever fails leaves the rest untouched; the same command goes on where it was.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.restart
        salt-run dhcp_failover.restart foo order=primary-first
        salt-run dhcp_failover.restart server=dhcp-a
    """
    said = {"order": order, "force": force, "timeout": timeout, "heal": heal or None}
    again = commands.runner(
        "restart", pair, server=server, method=None if method == "signal" else method, **said
    )
    try:
        vocabulary.text("pair", pair)
        asked = answers.request(
            __opts__, method=method, fresh=fresh, server=server, again=again, **said
        )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return _restart(pair or server, asked, answers.user(__salt__))


def _restart(wanted, asked, user):
    asked.again = asked.again or commands.runner("restart", wanted)
    try:
        done = runs.restart(__opts__, wanted, asked, user)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return answers.shown(__opts__, __context__, "restart", done, done["result"])


@_takes_its_words
def stop(server=None, method="signal", force=None, test=False):
    """
    Stop dhcpd on one server and leave it down, the primary too, while its partners serve.

    .. versionadded:: 0.1.0

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

    .. versionadded:: 0.1.0

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

    .. versionadded:: 0.1.0

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
        done = runs.one_server(__opts__, request, answers.user(__salt__), bool(test))
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    except Interrupted as err:
        return answers.refused(__context__, err, interrupted=True)
    return answers.answer(__context__, done, done["result"] is not False)


@_takes_its_words
def partner_down(pair=None, dead=None, confirm=None, test=False, survivor=None):
    """
    Take a server for dead, so that its partner may use the whole pool: by hand, and only if it is.

    .. versionadded:: 0.1.0

    Refused while it shows any sign of life: its minion says that dhcpd runs; its partner serves
    with it, or is still connected to it; its address answers a ping or at the OMAPI port. A minion
    that answers and has no dhcpd running proves it; a minion that is silent proves nothing, and a
    person has to. A partner in communications-interrupted is told over OMAPI; one that answers
    nobody (``resolution-interrupted``, ``recover``, ``recover-wait``, ``recover-done``) has its
    dhcpd started again in partner-down, and serves some 15 s later.

    pair
        A relationship's name or a pair's id; default: every pair of the dead server, one by one.
    dead
        Minion id of the dead server.
    confirm
        The same minion id once more: "I have made sure at its console, hypervisor or power switch
        that it is off, and it will not come back by itself". It overrides silence and nothing else.
    test
        Only say what would happen.
    survivor
        Instead of ``dead``: the minion id of the server that lives, or its relationship's name.
        For a master that has never heard of the dead one (it is new, or its cache is lost):
        ``dead`` is then the partner's address in the survivor's dhcpd.conf, ``confirm`` names that,
        and the silent minions that may be it are locked too.

    Returns ``result`` and ``comment``: what stands against it, how many addresses are at stake, and
    from when the survivor may use them (STOS + MCLT); of several pairs each by its id in ``pairs``.
    Without OMAPI on the survivor it is refused.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.partner_down dead=dhcp-a
        salt-run dhcp_failover.partner_down dead=dhcp-a confirm=dhcp-a
        salt-run dhcp_failover.partner_down survivor=dhcp-b confirm=192.0.2.10
    """
    try:
        chosen, called, found = runs.pairs_of_dead(
            __opts__,
            vocabulary.text("pair", pair),
            vocabulary.text("dead", dead),
            vocabulary.text("survivor", survivor),
        )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    replies = {}
    for one in chosen:
        replies[one.id] = _about_partner(
            one,
            partner.PartnerRequest(dead=called),
            lambda run: run.take_for_dead(confirm and str(confirm), test=bool(test)),
            test,
            found,
        )
        if "interrupted" in replies[one.id]:
            break
    if len(replies) == 1:
        return replies[chosen[0].id]
    results = {answer["result"] for answer in replies.values()}
    result = False if False in results else (None if None in results else True)
    told = {one: answer["comment"] for one, answer in replies.items()}
    comment = " ".join(f"{one}: {text}" for one, text in told.items())
    return answers.answer(
        __context__, {"result": result, "comment": comment, "pairs": told}, result is not False
    )


@_takes_its_words
def bring_back(
    pair=None, server=None, force=None, wait=True, timeout=None, test=False, fetch=False
):
    """
    Bring a server back whose partner took it for dead or serves alone, and follow it to normal.

    .. versionadded:: 0.1.0

    dhcpd is started there unless it runs, through ``dhcpd.start``. It then fetches every lease from
    its partner (recover) and is held until MCLT has passed (recover-wait): until when is said as
    soon as dhcpd tells. The partner must stay up until then. A full window of the survivor that
    would keep it in recover forever is released.

    A lease file that is older than what the partner knows (a backup, a snapshot, ``dhcpd.leases~``)
    would make it give leased addresses away: it is seen by what both ends know, and then everything
    is fetched from the partner first (``dhcpd.recover_leases``).

    pair
        A relationship's name or a pair's id; not needed: the server comes back with all of its own.
    server
        Minion id of the server that has returned.
    force
        For ``dhcpd.start``: ``lease-file`` where its lease file is lost for good (it then takes
        all leases from its partner, and a whole MCLT). ``lease-age`` leaves an old file as it is.
    wait
        ``False`` returns once it is known until when MCLT holds it.
    timeout
        Seconds that the wait may take; default: computed, MCLT included.
    test
        Only say what would happen.
    fetch
        Fetch everything from the partner, however new the lease file looks; for a server that is
        down and was started on an old file before.

    Returns ``result`` and ``comment``.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.bring_back server=dhcp-a
        salt-run dhcp_failover.bring_back server=dhcp-a wait=False
    """
    if not server:
        return answers.refused(__context__, "Say which server has returned: server=MINION_ID.")
    try:
        request = partner.PartnerRequest(
            only=str(server), timeout=vocabulary.seconds("timeout", timeout)
        )
        codes = rules_verdict.parse_force(force)
        chosen, found = runs.pairs_of(__opts__, pair, str(server))
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return _about_partner(
        chosen[0],
        request,
        lambda run: run.bring_back(codes, wait=bool(wait), test=bool(test), fetch=bool(fetch)),
        test,
        found,
    )


def _about_partner(wanted, request, act, test, found):
    try:
        done = runs.about_partner(
            __opts__, wanted, request, answers.user(__salt__), act, bool(test), found
        )
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    except Interrupted as err:
        return answers.refused(__context__, err, interrupted=True)
    return answers.answer(__context__, done, done["result"] is not False)


@_takes_its_words
def request(pair=None, why=None, event=None, pending=False):
    """
    Have a pair restarted in the background, unless it is being restarted or was a moment ago.

    .. versionadded:: 0.1.0

    For the reactor (``reactor/``), and for schedules and people who do not want to wait. It returns
    at once; progress and end are on the event bus (``docs/events.md``) and in the job cache.
    Requests come together: one run for each pair in ``dhcp_failover:requests:interval`` seconds
    (default 900), no matter who asks, and one answer.

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
        answer = requests.by_person(__opts__, pair, why, answers.user(__salt__) or "the master")
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    return answers.answer(__context__, answer, answer["result"])


@_takes_its_words
def requested(record):
    """
    Do the restart that :py:func:`request` has started in the background; not for people.

    .. versionadded:: 0.1.0

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
        asked = answers.request(__opts__)
    except IscDhcpError as err:
        log.error("Request for a restart: %s", err)
        return answers.refused(__context__, err)
    if why:
        log.warning("Request for a restart of %s: not done: %s", pair, why)
        return answers.refused(__context__, f"Not restarted: {why}.")
    answer = _restart(pair, asked, who)
    if "retcode" in answer:
        log.error("Restart of %s by %s failed: %s", pair, who, answer.get("comment"))
    return answer


@_takes_its_words
def restart_pending(pair=None):
    """
    Restart the pairs of which both servers have a restart marked as pending, one after the other.

    .. versionadded:: 0.1.0

    For a schedule (``reactor/dhcp_failover.conf``): what events have missed is done by night.

    pair
        Only this one: a relationship's name, a pair's id or a server's minion id.

    Returns ``result`` and, by pair id, what became of it. Exit code 1 if a restart failed.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.restart_pending
    """
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, wanted=pair, everybody=not pair)
        chosen = [pair_discovery.select(found, pair)] if pair else found.pairs
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    done, good = {}, True
    for one in chosen:
        try:
            why = requests.not_pending(__opts__, one.id)
        except IscDhcpError as err:
            why = str(err)
        if why:
            done[one.id] = f"not restarted: {why}"
            continue
        answer = _restart(one.id, answers.request(__opts__), answers.user(__salt__))
        done[one.id] = answer["comment"]
        good = good and "retcode" not in answer
    return answers.answer(__context__, {"result": good, **done}, good)


@_takes_its_words
def repair_leases(server=None, addresses=None, test=False):
    """
    Repair a torn lease file, and bring back from the partner what it alone still knows.

    .. versionadded:: 0.1.0

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
    code 1 if the file was not repaired, or the partner could not be asked.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.repair_leases server=dhcp-a test=True
        salt-run dhcp_failover.repair_leases server=dhcp-a
    """
    if not server:
        return answers.refused(
            __context__, "Say which server's lease file is torn: server=MINION_ID."
        )
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, wanted=server)
        pair_discovery.select(found, server)
        partners = [one for one in found.partners([server]) if one != server]
        words = str(addresses).split(",") if isinstance(addresses, str) else addresses or ()
        wanted = [str(word).strip() for word in words]
        done = runs.repair_leases(minions, str(server), partners, wanted, bool(test))
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    finally:
        minions.close()
    return answers.shown(__opts__, __context__, "restart", done, done["result"])


@_takes_its_words
def hold(pair=None, server=None, why="", until=None):
    """
    Hold a pair or a server: no run restarts it until it is released.

    .. versionadded:: 0.1.0

    pair, server
        What is held: all servers of the pair, or this minion.
    why
        Shown to anyone who is refused; wanted.
    until
        Seconds from now after which the hold ends by itself; default: never.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.hold foo why="power works in rack 4" until=7200
    """
    try:
        seconds = vocabulary.seconds("until", until)
        if not why:
            return answers.refused(
                __context__, "Say why: why='...' is what the person who is refused will read."
            )
        ends = time.time() + seconds if seconds else None
        servers = _servers(pair, server)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    holds = locks.Holds(discovery.directory(__opts__) / "holds")
    who = master.who(__opts__, answers.user(__salt__))
    for one in servers:
        holds.put(one, who, str(why), ends)
    return {"result": True, "comment": f"{', '.join(servers)} held{dhcp_words.until_text(ends)}."}


@_takes_its_words
def release(pair=None, server=None):
    """
    Release what :py:func:`hold` holds.

    .. versionadded:: 0.1.0

    pair, server
        As they were held.

    CLI Example:

    .. code-block:: bash

        salt-run dhcp_failover.release foo
    """
    try:
        servers = _servers(pair, server)
    except IscDhcpError as err:
        return answers.refused(__context__, err)
    holds = locks.Holds(discovery.directory(__opts__) / "holds")
    freed = [one for one in servers if holds.release(one)]
    comment = f"{', '.join(freed)} released." if freed else "Nothing was held."
    return {"result": True, "comment": comment}


def _servers(pair, server):
    if server:
        return [str(server)]
    minions = SaltMinions(__opts__)
    try:
        found = discovery.discover(__opts__, minions, wanted=pair)
        return list(pair_discovery.select(found, pair).servers)
    finally:
        minions.close()
