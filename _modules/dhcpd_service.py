"""
Start, stop and restart ISC dhcpd, guarded: the call that acts looks once more.

More functions of the execution module ``dhcpd``. Each refuses unless every failover relationship
of this server is normal at both ends, and does one thing at a time on a host. Without a run's
evidence of the partners (a person, ``salt '*'``) only a server that is secondary in all its
relationships is stopped: ``salt-run dhcp_failover.restart``, ``.stop``, ``.shutdown`` stop any.
"""

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING

from iscdhcp import errors
from iscdhcp import files as dhcp_files
from iscdhcp.act import control
from iscdhcp.act import drain
from iscdhcp.act import handover
from iscdhcp.act import stop_start
from iscdhcp.errors import IscDhcpError
from iscdhcp.facts import gather
from iscdhcp.facts import server as facts_server
from iscdhcp.leases import before_rollout
from iscdhcp.rules import may_roll_back
from iscdhcp.rules.verdict import Reason
from iscdhcp_salt.minion import Minion
from iscdhcp_salt.minion import decoded as _decoded
from iscdhcp_salt.minion import force_codes as _force_codes
from salt.exceptions import SaltInvocationError

if TYPE_CHECKING:
    from iscdhcp_salt.dunders import __context__
    from iscdhcp_salt.dunders import __grains__
    from iscdhcp_salt.dunders import __opts__
    from iscdhcp_salt.dunders import __salt__

log = logging.getLogger(__name__)

__virtualname__ = "dhcpd"

#: Methods of stopping for a restart, and for good: a drain needs the start in the same call.
METHODS = ("signal", "drain", "handover", "control")
FINAL_METHODS = ("signal", "handover", "control")


def __virtual__():
    return __virtualname__


def _here():
    return Minion(__salt__, __opts__, __grains__, __context__)


def start(timeout=None, force=None, run=None):
    """
    Start dhcpd and return once it serves; nothing happens where it runs already.

    It comes back as it ran last: by the unit it was in, else by its own command line. Refused where
    none is seen and something speaks for one all the same: its unit has a living main process, or
    somebody holds the ports that dhcpd would bind.

    timeout
        Seconds in which it has to serve. Default: computed from the lease file.
    force
        ``lease-file`` starts it although the lease file is missing, empty or torn, ``start``
        although its unit names another configuration than the one that it ran with, ``claim``
        although another run has claimed this server.
    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``, ``new`` (``pid``, ``identity``, ``started``, ``seconds``),
    ``warnings`` where it did not come up quite as it ran.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.start
    """
    here = _here()
    codes = _force_codes(force)
    here.await_release(run)
    with here.acting():
        server = here.server()
        if server.process is not None:
            running = gather.process_facts(server)
            return {
                "result": True,
                "comment": f"dhcpd on {here.id} runs already (pid {running['pid']}).",
                "new": running,
            }
        refused = here.claimed_by_another(run, codes)
        if refused:
            return refused
        last = here.ran_last()
        another = last and here.another_than(last)
        if another and "start" not in codes:
            return here.failed(f"dhcpd on {here.id} was not started: {another}.", refused=True)
        return _start(here, codes, timeout, here.service(), last=last)


def _start(here, codes, timeout, service, old=None, ended=None, last=None):
    """
    Start dhcpd; ``ended`` is the process that the same call has ended, ``last`` what ran last.

    What comes up is compared with ``last``: with other files its leases may be others.
    """
    settings = here.settings()
    patience = float(timeout or 60.0)
    begun, begun_epoch = time.monotonic(), time.time()
    _heal_hand_over(here, settings)
    try:
        new = stop_start.start(
            settings, service, patience, ignore_leases="lease-file" in codes, ended=ended
        )
    except Exception as err:  # pylint: disable=broad-except
        # Whatever it is: the server may be down now, and the caller has to hear of it.
        log.debug("starting dhcpd failed", exc_info=True)
        return here.failed(f"{err}. {here.down_or_runs(settings)}.", old=old, new=None)
    _note_start(here, round(time.monotonic() - begun, 2))
    if here.paused_note().read():
        try:
            new["resumed"] = _speak_again(here, facts_server.read_server(settings))
            new["serves_since"] = time.time()
        except IscDhcpError as err:
            _keep_parsed(here, new, begun_epoch)
            return here.failed(
                f"dhcpd on {here.id} started (pid {new['pid']}) and is still paused: {err}. "
                "Its partner serves; dhcpd.resume brings it back.",
                old=old,
                new=new,
            )
    _keep_parsed(here, new, begun_epoch)
    files, rest = here.compared(last, service) if last else ([], [])
    if files and "start" not in codes:
        return here.failed(
            f"dhcpd on {here.id} runs (pid {new['pid']}), but not as before: {'; '.join(files)}. "
            "Clients may get addresses that others have: compare the lease files before anything "
            "else is done.",
            old=old,
            new=new,
        )
    comment = f"dhcpd on {here.id} started (pid {new['pid']}, {new['seconds']:.1f} s)."
    answer = {"result": True, "comment": comment, "old": old, "new": new}
    if files or rest:
        told = f"dhcpd on {here.id} did not come up as it ran: "
        answer["warnings"] = [told + one for one in (*files, *rest)]
    return answer


def _note_start(here, seconds):
    """Note how long a start took; it serves, so a full disk does not make it a failure."""
    try:
        note = {"seconds": seconds, "time": time.time()}
        dhcp_files.write_json(here.state_dir() / "last_start.json", note)
        here.clear_pending()
    except OSError:
        log.warning("the start of dhcpd could not be noted", exc_info=True)


def _heal_hand_over(here, settings):
    """Finish what a hand-over could not write, so that this start needs not wait for MCLT."""
    note = here.paused_note()
    if not note.settled:
        return
    try:
        handover.recover_on_disk(facts_server.read_server(settings))
        note.clear()
    except IscDhcpError as err:
        log.warning("dhcpd will wait for MCLT: %s", err)


def _keep_parsed(here, new, begun):
    """Keep what dhcpd has parsed, to tell later whether a restart is pending; never in its way."""
    try:
        here.keep_parsed(here.server(), new["identity"], begun)
    except (OSError, IscDhcpError):
        log.warning("no copy of dhcpd's configuration could be kept", exc_info=True)


def stop(force=None, evidence=None, run=None, method="signal", identity=None):
    """
    Stop dhcpd, guarded: refused unless every relationship is normal at both ends.

    A person stops only a server that is secondary in all its relationships; on the master
    ``salt-run dhcp_failover.stop server=ID`` stops any, because it asks the partner too.

    force
        Codes of the reasons to override, comma-separated (``salt-call dhcpd.ok_to_stop`` shows
        them).
    evidence, run
        Of the master's run; a person leaves them out.
    method
        ``signal``: SIGTERM at a moment when the lease file's end is complete; the partner serves
        from its own half of the free addresses. ``handover``: see :py:func:`shutdown`.
        ``control``: dhcpd's documented shutdown over OMAPI, which costs MCLT without service of
        this server after its next start; it wants ``force=mclt``.
    identity
        The process that is meant (``dhcpd.status`` has it): any other one is left alone, so that
        an order that comes late, or twice, stops nothing twice.

    Returns ``result``, ``comment``, ``old`` (``pid``, ``seconds``).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.stop
    """
    here = _here()
    codes = _force_codes(force)
    _check_method(method, FINAL_METHODS)
    with here.acting():
        other = _other_process(here, identity)
        if other:
            return other
        act = "shutdown" if method == "handover" else "stop"
        server, refused = _guard(here, evidence, codes, run, act, method)
        if refused:
            return refused
        try:
            old = _stop_by(here, method, server, codes)
        except IscDhcpError as err:
            return here.failed(f"dhcpd on {here.id} was not stopped: {err}")
        here.service().stop()
    comment = f"dhcpd on {here.id} stopped (pid {old['pid']}); it stays down until dhcpd.start."
    if old.get("warning"):
        comment += f" Mind: {old['warning']}."
    return {"result": True, "comment": comment, "old": old}


def shutdown(force=None, evidence=None, run=None, identity=None):
    """
    Stop dhcpd for long, gracefully over OMAPI: its partner takes everything over.

    The partner is in partner-down before this server ends, so it may use the whole pool (after
    MCLT). The next start heals by itself, without waiting for MCLT; the partner may then need
    :py:func:`release_window`, which the orchestrations do.

    force, evidence, run, identity
        As in :py:func:`stop`.

    Returns as :py:func:`stop` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.shutdown
    """
    return stop(force=force, evidence=evidence, run=run, method="handover", identity=identity)


def restart(
    method="signal",
    force=None,
    evidence=None,
    run=None,
    timeout=None,
    identity=None,
    staged=None,
):
    """
    Stop and start dhcpd in one call, guarded in the same call.

    It refuses, and touches nothing, unless the configuration is accepted, the lease file is whole
    and every relationship is normal at both ends. It returns once the new process serves, or
    says why it does not. That the pair is whole again is for the caller to wait for
    (``dhcp_failover.wait_normal``).

    method
        How to stop: ``signal`` (SIGTERM at a moment when the lease file's end is complete), or
        ``drain`` (over OMAPI: muted first, the partner has taken over and all updates are
        acknowledged before the SIGTERM; back without full update and MCLT), or ``handover`` (as
        :py:func:`shutdown`, then a start, with a full update), or ``control`` (dhcpd's documented
        shutdown: 18 s half of the clients unanswered, then MCLT; it wants ``force=mclt``).
    force
        Codes of the reasons to override, comma-separated (``dhcpd.ok_to_stop`` shows them).
    evidence
        What the master saw of the other ends, at most 10 s ago. Without it (a person at the
        console) only a server that is secondary in all its relationships is restarted; on the
        master ``salt-run dhcp_failover.restart server=ID`` restarts any.
    run
        The run whose claim on this server may stand.
    timeout
        Seconds in which the new process has to serve. Default: 60.
    identity
        The process that is meant (``dhcpd.status`` has it): any other one is left alone, so that
        an order that comes late, or twice, restarts nothing twice.
    staged
        The run whose staged files (:py:func:`stage`) are put in place between stop and start. Where
        dhcpd does not start with them, the old ones are put back and started.

    Returns ``result``, ``comment``, ``old`` and ``new`` (``pid``, ``identity``, ``started``), and
    ``warnings``; with ``staged`` also ``files`` (replaced) or ``rolled_back``.

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.restart
        salt-call dhcpd.restart force=partner,relationship
    """
    here = _here()
    codes = _force_codes(force)
    _check_method(method)
    with here.acting():
        other = _other_process(here, identity)
        if other:
            return other
        server, refused = _guard(here, evidence, codes, run, "restart", method)
        if refused:
            return refused
        running = server.process
        old = _identified(running)
        try:
            last = here.note_what_runs(server)
            service = here.service(last)
            service.prepare()
            old.update(_stop_by(here, method, server, codes))
        except (IscDhcpError, OSError) as err:
            return here.failed(f"dhcpd on {here.id} was not restarted: {err}", old=old)
        start_again = partial(_start, here, codes, timeout, service, old, ended=running, last=last)
        if staged is None:
            answer = start_again()
        else:
            answer = _start_with_staged(here, str(staged), service, old, start_again)
        if answer["result"]:
            answer["comment"] = (
                f"dhcpd on {here.id} restarted (pid {old['pid']} -> "
                f"{answer['new']['pid']}, down {_down(old, answer['new']):.2f} s)."
            )
        if old.get("warning"):
            answer.setdefault("warnings", []).append(old["warning"])
    return answer


def _identified(process):
    return {"pid": process.pid, "identity": process.identity, "started": process.started}


def _other_process(here, identity):
    """Return the refusal where dhcpd is not the process that is meant; before the guard's look."""
    running = here.server().process if identity is not None else None
    if running is None or running.identity == identity:
        return None
    text = f"dhcpd on {here.id} has been restarted meanwhile (pid {running.pid})"
    reason = Reason("other-process", text)
    return here.failed(f"Nothing done: {text}.", refused=True, reasons=[reason.as_dict()])


def _stop_by(here, method, server, codes):
    """End dhcpd by a method, after the guard's last looks."""
    by_omapi, by_kernel = _last_looks(server, codes)
    if method == "signal":
        return stop_start.stop(server, by_omapi, by_kernel)
    by_omapi()
    if method == "control":
        return control.end(server, by_kernel)
    note = here.paused_note()
    if method == "handover":
        handed = handover.hand_over(server, note, by_kernel)
        return {**handover.end(server, note), "handover": handed["seconds"]}
    paused = drain.pause(server, note, by_kernel)
    try:
        return {**stop_start.stop(server, lambda: None, by_kernel), "drain": paused["seconds"]}
    except IscDhcpError as err:
        raise errors.ActError(f"{err}; {drain.undo(server, note)}") from err


def resume(run=None):
    """
    Let dhcpd speak again where an interrupted drain or hand-over has left it mute.

    run
        The run whose claim on this server may stand.

    Returns ``result``, ``comment``, ``resumed`` (relationships).

    CLI Example:

    .. code-block:: bash

        salt dhcp-a dhcpd.resume
    """
    here = _here()
    here.await_release(run)
    with here.acting():
        refused = here.claimed_by_another(run)
        if refused:
            return refused
        try:
            resumed = _speak_again(here, here.server())
        except IscDhcpError as err:
            return here.failed(f"dhcpd on {here.id} was not resumed: {err}")
    comment = f"Resumed: {', '.join(resumed) or 'nothing was paused'}."
    return {"result": True, "comment": comment, "resumed": resumed}


def _speak_again(here, server):
    """Clear the sticky states that a drain or a hand-over has left; return the relationships."""
    note = here.paused_note()
    return handover.take_back(server) + drain.resume(server, note)["resumed"]


def _down(old, new):
    return max(0.0, float(new["serves_since"]) - float(old["ended"]))


def _check_method(method, known=METHODS):
    if method not in known:
        raise SaltInvocationError(f"method: {method} is not one of {', '.join(known)}")


#: What was not done where the guard refuses, and what a person's act is called on the event bus.
_DONE = {
    "restart": "restarted",
    "stop": "stopped",
    "shutdown": "stopped",
    "roll_back": "rolled back",
}


def _guard(here, evidence, codes, run, act, method):
    """Return this server's readings, and the refusal if the guard has one."""
    evidence = _decoded(evidence)
    me, done = here.id, _DONE[act]
    if evidence is None:
        # Told before the look: nothing should come between it and the act.
        __salt__["event.send"](
            "dhcp_failover/server/acting", {"server": me, "what": done, "pid": os.getpid()}
        )
    verdict = here.verdict(evidence, codes, run, method, act)
    server = here.server()
    if not verdict.ok or server.process is None:
        sentence = verdict.sentence or "dhcpd is not running"
        refusal = here.failed(
            f"dhcpd on {me} was not {done}: {sentence}",
            refused=True,
            reasons=[reason.as_dict() for reason in verdict.reasons],
        )
        return server, refusal
    return server, None


def _last_looks(server, codes):
    """Return the guard's last looks before the signal, by OMAPI and by the kernel's tables."""
    relationships = server.configuration.relationships if server.configuration else ()

    def by_omapi():
        _, states = gather.omapi_facts(server)
        for name, state in states.items():
            if (state["state"], state["partner_state"]) != ("normal", "normal"):
                raise errors.ActError(
                    f"{name} is not normal any more: {state['state']} here, "
                    f"{state['partner_state']} at the partner"
                )

    def by_kernel():
        for one in relationships:
            if gather.connected(one) is False:
                raise errors.ActError(f"the failover connection of {one.name} has just gone")

    def nothing():
        pass

    return (
        nothing if "relationship" in codes else by_omapi,
        nothing if {"relationship", "connection"} & set(codes) else by_kernel,
    )


def _start_with_staged(here, run, service, old, start_again):
    """Put the staged files in place and start; where that fails, the old ones are back and run."""
    try:
        before_rollout.keep(here.server().lease_file)
        files = here.stage().apply(run)
    except (IscDhcpError, OSError) as err:
        answer = here.failed(f"{here.id}: {err}", old=old, new=None)
    else:
        answer = start_again()
        if answer["result"]:
            return {**answer, "files": files}
    why = str(answer["comment"]).removesuffix(f" dhcpd is down on {here.id}.")
    back = _start_with_old(here, run, service, old, start_again)
    return here.failed(
        f"{why} {back['comment']}",
        old=old,
        new=back.get("new"),
        rolled_back=bool(back["result"]),
    )


def _start_with_old(here, run, service, old, start_again):
    """
    Bring the old files back, with dhcpd down at the start and running at the end.

    Files that can't be brought back are no reason to leave it down: it is started with what there
    is, and the answer says what is left to do.
    """
    me = here.id
    server = here.server()
    try:
        if server.process is not None:
            stop_start.stop(server, lambda: None, lambda: None)
            service.stop()
    except IscDhcpError as err:
        return here.failed(f"dhcpd on {me} could not be stopped for its old files: {err}", old=old)
    trouble = None
    try:
        here.stage().roll_back(run)
        before_rollout.bring_back(here.server().lease_file)
    except (IscDhcpError, OSError) as err:
        log.debug("rolling back failed", exc_info=True)
        trouble = err
    try:
        service.prepare()
    except IscDhcpError as err:
        # The start may do without; it says so if not.
        log.warning("preparing the start of dhcpd: %s", err)
    answer = start_again()
    if trouble is not None:
        return here.failed(
            f"The old configuration of {me} could not be brought back: {trouble}. "
            f"{answer['comment']} Mend that, then dhcpd.roll_back on {me} (dhcpd.staged names the "
            "backups).",
            old=old,
            new=answer.get("new"),
        )
    if answer["result"]:
        answer["comment"] = (
            f"{me} has its old configuration back and runs with it (pid {answer['new']['pid']})."
        )
    return answer


def roll_back(run=None, evidence=None, method="signal", force=None, timeout=None, identity=None):
    """
    Put the files from before the last rollout back and restart dhcpd with them.

    With the master's evidence it is done although this server is not normal, as long as its
    partners serve. Without it (a person at the console) it is guarded as :py:func:`restart`: only a
    server that is secondary in all its relationships is stopped for it.

    run
        The run whose files are taken back; without it, the last one's.
    evidence
        What the master saw of the partners, by relationship.
    method, force, timeout, identity
        As in :py:func:`restart`.

    Returns as :py:func:`restart` does.

    CLI Example:

    .. code-block:: bash

        salt dhcp-b dhcpd.roll_back
    """
    here = _here()
    codes = _force_codes(force)
    _check_method(method)
    record = here.stage().record
    if record is None or record["state"] == "staged":
        return here.failed(f"Nothing was rolled out on {here.id}: nothing can be taken back.")
    if run not in (None, record["run"]):
        return here.failed(f"The last rollout on {here.id} was another run's: {record['run']}.")
    evidence = _decoded(evidence)
    run = str(record["run"])
    # A person is not the run, whose claim holds back everybody else.
    claimant = None if evidence is None else run
    with here.acting():
        refused = _other_process(here, identity)
        server = here.server()
        running = server.process
        if not refused and running is not None and evidence is None:
            server, refused = _guard(here, None, codes, claimant, "roll_back", method)
        elif not refused:
            refused = here.claimed_by_another(claimant, codes)
            if not refused and running is not None:
                refused = _not_taken_back(here, evidence, codes)
        if refused:
            return refused
        old = running and _identified(running)
        try:
            last = here.note_what_runs(server) or here.ran_last()
            service = here.service(last)
            service.prepare()
            if running is not None:
                # With the master's evidence this server need not be normal, nor connected.
                codes_of_looks = codes if evidence is None else ("relationship", "connection")
                stop_start.stop(server, *_last_looks(server, codes_of_looks))
        except (IscDhcpError, OSError) as err:
            return here.failed(f"dhcpd on {here.id} was not rolled back: {err}", old=old)
        start_again = partial(_start, here, codes, timeout, service, old, ended=running, last=last)
        return _start_with_old(here, run, service, old, start_again)


def _not_taken_back(here, evidence, codes):
    verdict = may_roll_back.ok_to_take_back(here.facts(brief=True), evidence, codes)
    if verdict.ok:
        return None
    return here.failed(
        f"{here.id} was not rolled back: {verdict.sentence}",
        refused=True,
        reasons=[reason.as_dict() for reason in verdict.reasons],
    )
