"""
Whole runs on the master: a restart's steps in order, what is done about a lost partner, a repair.

The runner ``dhcp_failover`` calls them; the orchestrations have the same steps as states.
"""

import time

from iscdhcp.errors import IscDhcpError
from iscdhcp.leases import from_partner
from iscdhcp.pair import half_known
from iscdhcp.pair.discovery import PairError
from iscdhcp.pair.discovery import select
from iscdhcp.run import one_server as one_server_run
from iscdhcp.run import whole
from iscdhcp.run.base import Step
from iscdhcp.run.partner import PartnerRun

from . import interrupts
from . import master
from .discovery import discover
from .minions import SaltMinions

#: Seconds for an act on a lease file, however large.
LEASE_FILE_SECONDS = 120.0


def restart(opts, wanted, request, user):
    """
    Restart a pair, one server after the other.

    wanted, request, user
        As for :func:`iscdhcp_salt.master.new_run`.

    Returns ``result``, ``comment`` and ``steps`` (what each said, in order).

    Raises :class:`iscdhcp.errors.IscDhcpError` if no single pair is meant; nothing was touched.
    """
    run = master.new_run(opts, wanted, request, user=user)
    try:
        with interrupts.INTERRUPTS.deferred():
            done = whole.perform(run)
    finally:
        run.minions.close()
    return {"result": done.result, "comment": done.comment, "steps": done.steps}


def about_partner(opts, wanted, request, user, act, test, discovery, kind=PartnerRun):
    """
    Do one thing about a partner that is lost, or back, or on one server, under the pair's lock.

    request
        :class:`iscdhcp.run.partner.PartnerRequest`, or that of the ``kind``.
    discovery
        The one that found the pair.
    act
        What is done with the run; returns its step.
    kind
        Of run: :class:`iscdhcp.run.partner.PartnerRun` or
        :class:`iscdhcp.run.one_server.OneServer`.

    Returns ``result`` (``None`` in a test), ``comment``, ``changes``, ``warnings``.

    Raises as :func:`restart` does, and :class:`iscdhcp.run.orders.Interrupted`.
    """
    run = master.new_run(opts, wanted, request, user=user, kind=kind, discovery=discovery)
    try:
        with interrupts.INTERRUPTS.deferred():
            step = run.lock(test=test)
            if step.result is not False:
                step = act(run)
    except IscDhcpError as err:
        step = Step(False, str(err))
    finally:
        run.unlock()
        run.minions.close()
    return {
        "result": step.result,
        "comment": step.comment,
        "changes": step.changes,
        "warnings": step.warnings,
    }


def pairs_of(opts, pair, server):
    """
    Return the ids of the pairs that are meant, and the discovery: ``pair``, or all of ``server``.

    Raises :class:`iscdhcp.errors.IscDhcpError` where there is none.
    """
    minions = SaltMinions(opts)
    try:
        found = discover(opts, minions, wanted=pair or None, everybody=not pair)
    finally:
        minions.close()
    mine = [] if pair else found.of_server(server)
    return [one.id for one in mine] or [select(found, pair or server).id], found


def pairs_of_dead(opts, pair, dead=None, survivor=None):
    """
    Return the pairs of a dead server, what it is called in them, and the discovery.

    dead, survivor
        The minion id of one of them; of a dead server that never answered nobody knows it.

    Raises :class:`iscdhcp.errors.IscDhcpError` where there is none, with what to type.
    """
    if dead and survivor:
        raise IscDhcpError(
            "Say dead=MINION_ID, or survivor=MINION_ID where the dead one is not known here."
        )
    if survivor:
        minions = SaltMinions(opts)
        try:
            found = discover(opts, minions, everybody=True)
        finally:
            minions.close()
        one, called = half_known.of_survivor(found, survivor, pair)
        return [one], called, found
    if not dead:
        raise IscDhcpError("Say which server is dead: dead=MINION_ID.")
    minions = SaltMinions(opts)
    try:
        found = discover(opts, minions, wanted=pair or None, everybody=not pair)
    finally:
        minions.close()
    mine = [] if pair else found.of_server(dead)
    try:
        return mine or [select(found, pair or dead)], dead, found
    except PairError as err:
        raise PairError(f"{err}{half_known.hint(found, dead)}") from err


def one_server(opts, request, user, test):
    """
    Stop or start one server under the lock of its pair, with its partners claimed.

    request
        :class:`iscdhcp.run.one_server.OneServerRequest`.

    Returns and raises as :func:`about_partner` does.
    """
    minions = SaltMinions(opts)
    try:
        found = discover(opts, minions, wanted=request.only)
    finally:
        minions.close()
    # A hub has several pairs; the run is over all partners whichever it is named after.
    mine = found.of_server(request.only)
    pair = mine[0] if mine else select(found, request.only)
    return about_partner(
        opts,
        pair.id,
        request,
        user,
        lambda run: run.act(test=test),
        test,
        found,
        kind=one_server_run.OneServer,
    )


def repair_leases(minions, server, partners, addresses, test):
    """
    Cut what is torn out of a server's lease file and add what its partners know of it.

    partners
        Minion ids that share a relationship with ``server``.
    addresses
        To ask for besides those that are cut.

    Returns ``result``, ``comment``, ``leases`` (a sentence for each).

    Raises :class:`iscdhcp.errors.IscDhcpError` where a minion gives no answer.
    """

    def ask(minion, function, **arguments):
        answer = minions.ask([minion], function, arguments, patience=LEASE_FILE_SECONDS)[minion]
        if "ret" not in answer or isinstance(answer["ret"], str):
            raise IscDhcpError(f"{minion}: {answer.get('error') or answer['ret']}")
        return answer["ret"]

    repaired = ask(server, "dhcpd.repair_leases", test=test)
    if not repaired.get("result"):
        return {"result": False, "comment": str(repaired.get("comment"))}
    cut = sorted({*from_partner.addresses_cut(repaired), *addresses})
    if not cut:
        return {"result": True, "comment": repaired["comment"], "leases": []}
    theirs = {}
    for partner in partners:
        for address, entry in ask(partner, "dhcpd.lease_entries", addresses=cut).items():
            theirs[address] = entry or theirs.get(address)
    mine = ask(server, "dhcpd.lease_entries", addresses=cut)
    verdicts = from_partner.from_partner(
        cut, theirs, {name: entry for name, entry in mine.items() if entry}, time.time()
    )
    entries = {one["address"]: one["entry"] for one in verdicts if one["entry"]}
    good = True
    comment = (
        f"{repaired['comment']} {len(entries)} leases {'would be ' if test else ''}brought back"
    )
    comment += f" from {', '.join(partners)}."
    if entries and not test:
        added = ask(server, "dhcpd.add_lease_entries", entries=entries)
        good = bool(added.get("result"))
        comment += "" if good else f" {added.get('comment')}"
    told = [one["sentence"] for one in verdicts]
    return {"result": good, "comment": comment, "leases": told}
