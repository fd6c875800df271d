"""dhcpd stopped and started in one call, or stopped for good: guard, method, the way back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from functools import partial

from ..answers import Answer
from ..answers import ProcessMark
from ..errors import ActError
from ..errors import CalledOff
from ..errors import IscDhcpError
from ..errors import StillEnding
from ..facts.server import Server
from ..leases import before_rollout
from ..rules.verdict import Reason
from ..shapes import Evidence
from ..words import full_stop
from . import beside
from . import control
from . import dead_man
from . import drain
from . import guard
from . import handover
from . import proving
from . import recovering
from . import stop_start
from .claims import acting
from .here import Here
from .here import failed
from .here import refused
from .service import Service
from .starting import noted
from .starting import start_as_it_ran

log = logging.getLogger(__name__)


def stop(
    here: Here,
    codes: Collection[str],
    evidence: Mapping[str, Evidence] | None,
    run: str | None,
    method: str,
    identity: str | None,
) -> Answer:
    """Stop dhcpd, guarded; it stays down. See ``dhcpd.stop``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        other = guard.other_process(here, identity)
        if other:
            return other
        act = "shutdown" if method == "handover" else "stop"
        server, refusal = guard.guard(here, evidence, codes, run, act, method)
        if refusal:
            return refusal
        if evidence is not None:
            proving.learn_to_ask(here, server)
        try:
            old = _stop_by(here, method, server, codes, evidence)
        except CalledOff as err:
            return _called_off(here, f"dhcpd on {here.id} was not stopped: {err}", err)
        except IscDhcpError as err:
            return failed(here, f"dhcpd on {here.id} was not stopped: {err}")
        told = beside.stop(here, here.service())
        recovering.note_end(here, server)
    comment = f"dhcpd on {here.id} stopped (pid {old['pid']}); it stays down until dhcpd.start."
    if told:
        comment += f" {'; '.join(told)}."
    if old.get("warning"):
        comment += f" Note: {old['warning']}."
    return {"result": True, "comment": comment, "old": old}


def restart(
    here: Here,
    codes: Collection[str],
    evidence: Mapping[str, Evidence] | None,
    run: str | None,
    method: str,
    timeout: float | None,
    identity: str | None,
    staged: str | None,
) -> Answer:
    """Stop and start dhcpd, guarded, with new files in between if ``staged``: ``dhcpd.restart``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        other = guard.other_process(here, identity)
        if other:
            return other
        server, refusal = guard.guard(here, evidence, codes, run, "restart", method)
        if refusal:
            return refusal
        running = server.process
        assert running is not None
        old = stop_start.mark_of(running)
        try:
            last = here.notes.what_runs(server)
            service = here.service(last)
            service.prepare()
            stands_by = dead_man.arm(here, service)
        except (IscDhcpError, OSError) as err:
            return failed(here, f"dhcpd on {here.id} was not restarted: {err}", old=old)
        try:
            old.update(_stop_by(here, method, server, codes, evidence))
        except CalledOff as err:
            stands_by.disarm()
            return _called_off(here, f"dhcpd on {here.id} was not restarted: {err}", err)
        except (IscDhcpError, OSError) as err:
            told = stands_by.after_a_failed_stop(here.host, running, err)
            return failed(here, f"dhcpd on {here.id} was not restarted: {err}{told}", old=old)
        start_again = partial(
            start_as_it_ran, here, codes, timeout, service, old, ended=running, last=last
        )
        if staged is None:
            answer = start_again()
        else:
            answer = start_with_staged(here, staged, service, old, start_again)
        # Whatever raises, or kills this call, before here: it is started by who stands by.
        stands_by.disarm()
        new = answer.get("new")
        if answer["result"] and new:
            answer["comment"] = (
                f"dhcpd on {here.id} restarted (pid {old['pid']} -> {new['pid']}, "
                f"down {_down(old, new):.2f} s).{noted(new)}"
            )
        if old.get("warning"):
            answer.setdefault("warnings", []).append(old["warning"])
    return answer


def _called_off(here: Here, comment: str, err: CalledOff) -> Answer:
    """Return the answer of an act that a last look has called off."""
    return refused(here, comment, [Reason(err.code, str(err))] if err.code else ())


def _down(old: ProcessMark, new: ProcessMark) -> float:
    return max(0.0, new["serves_since"] - old["ended"])


def _stop_by(
    here: Here,
    method: str,
    server: Server,
    codes: Collection[str],
    evidence: Mapping[str, Evidence] | None,
) -> ProcessMark:
    """End dhcpd by a method, after the guard's last looks."""
    by_omapi, by_kernel = guard.last_looks(server, codes)
    proof = proving.Proof(here, server, codes, evidence)

    def while_it_answers() -> None:
        by_omapi()
        proof.look()

    def before_it_is_silent() -> None:
        by_kernel()
        proof.look_again()
        guard.check_still_fresh(here, evidence, codes)

    def while_it_drained() -> None:
        by_kernel()
        proof.look_again()

    old = _silenced(here, method, server, while_it_answers, before_it_is_silent, while_it_drained)
    if proof.warnings:
        old["warning"] = "; ".join([*filter(None, [old.get("warning")]), *proof.warnings])
    return old


def _silenced(
    here: Here,
    method: str,
    server: Server,
    while_it_answers: Callable[[], None],
    before_it_is_silent: Callable[[], None],
    while_it_drained: Callable[[], None],
) -> ProcessMark:
    if method == "signal":
        return stop_start.stop(server, while_it_answers, before_it_is_silent)
    while_it_answers()
    if method == "control":
        return control.end(server, before_it_is_silent)
    note = here.notes.paused
    if method == "handover":
        handed = handover.hand_over(server, note, before_it_is_silent)
        return {**handover.end(server, note), "handover": handed}
    paused = drain.pause(server, note, before_it_is_silent)
    try:
        return {**stop_start.stop(server, lambda: None, while_it_drained), "drain": paused}
    except StillEnding:
        raise
    except IscDhcpError as err:
        raise ActError(f"{err}; {drain.undo(server, note)}") from err


# -- with new files, and with the old ones again --------------------------------------------------


def start_with_staged(
    here: Here,
    run: str,
    service: Service,
    old: ProcessMark | None,
    start_again: Callable[[], Answer],
) -> Answer:
    """Put the staged files in place and start; where that fails, the old ones are back and run."""
    try:
        record = here.notes.stage.record
        if record and record["takes_back"] and record["run"] == run:
            # The ranges of before come back, and with them what clients have in them.
            before_rollout.bring_back(here.server().lease_file)
        before_rollout.keep(here.server().lease_file)
        files = here.notes.stage.apply(run)
    except (IscDhcpError, OSError) as err:
        answer = failed(here, full_stop(f"{here.id}: {err}"), old=old)
    else:
        answer = start_again()
        if answer["result"]:
            return {**answer, "files": files}
    why = answer["why"] if "why" in answer else answer["comment"]
    back = _start_with_old(here, run, service, old, start_again)
    # With the old files it may have failed for the same reason: that is said once.
    told = back["comment"] if back.get("why") == why else f"{why} {back['comment']}"
    answer = failed(here, told, old, back.get("new"))
    return {**answer, "rolled_back": back["result"]}


def _start_with_old(
    here: Here,
    run: str,
    service: Service,
    old: ProcessMark | None,
    start_again: Callable[[], Answer],
) -> Answer:
    """
    Bring the old files back, with dhcpd down at the start and running at the end.

    Files that can't be brought back are no reason to leave it down: it is started with what there
    is, and the answer says what is left to do.
    """
    me = here.id
    server = here.server()
    stands_by = dead_man.DeadMan(None)
    if server.process is not None:
        # It is another process than the one that the caller was to end.
        stands_by = dead_man.arm(here, service)
        try:
            stop_start.stop(server, lambda: None, lambda: None)
            beside.stop(here, service)
        except (IscDhcpError, OSError) as err:
            told = stands_by.after_a_failed_stop(here.host, server.process, err)
            comment = f"dhcpd on {me} could not be stopped for its old files: {err}{told}"
            return failed(here, comment, old=old)
    trouble = None
    try:
        here.notes.stage.roll_back(run)
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
    stands_by.disarm()
    if trouble is not None:
        return failed(
            here,
            f"The old configuration of {me} could not be brought back: {trouble}. "
            f"{answer['comment']} Fix that, then dhcpd.roll_back on {me} (dhcpd.staged names the "
            "backups).",
            old=old,
            new=answer.get("new"),
        )
    born = answer.get("new")
    if answer["result"] and born:
        answer["comment"] = (
            f"{me} has its old configuration back and runs with it (pid {born['pid']})."
        )
    return answer


def roll_back(
    here: Here,
    codes: Collection[str],
    evidence: Mapping[str, Evidence] | None,
    run: str | None,
    method: str,
    timeout: float | None,
    identity: str | None,
) -> Answer:
    """Restart dhcpd with the files from before the last rollout; see ``dhcpd.roll_back``."""
    record = here.notes.stage.record
    if record is None or record["state"] == "staged":
        return failed(here, f"Nothing was rolled out on {here.id}: nothing can be taken back.")
    if run not in (None, record["run"]):
        comment = f"The last rollout on {here.id} was another run's: {record['run']}."
        return failed(here, comment)
    run = str(record["run"])
    # A person is not the run, whose claim holds back everybody else.
    claimant = None if evidence is None else run
    with acting(here.notes.folder, here.id, here.host.clock):
        refusal = guard.other_process(here, identity)
        server = here.server()
        running = server.process
        if not refusal and running is not None and evidence is None:
            server, refusal = guard.guard(here, None, codes, claimant, "roll_back", method)
        elif not refusal:
            refusal = guard.claimed_by_another(here, claimant, codes)
            if not refusal and running is not None:
                refusal = guard.not_taken_back(here, evidence, codes)
        if refusal:
            return refusal
        old = stop_start.mark_of(running) if running is not None else None
        stands_by = dead_man.DeadMan(None)
        try:
            last = here.notes.what_runs(server) or here.notes.ran_last()
            service = here.service(last)
            service.prepare()
            stands_by = dead_man.arm(here, service)
            if running is not None:
                # With the master's evidence this server need not be normal, nor connected.
                forced = codes if evidence is None else ("relationship", "connection")
                by_omapi, by_kernel = guard.last_looks(server, forced)
                proof = proving.Proof(here, server, codes, evidence)
                if evidence is None:
                    proof.look()
                else:
                    proof.look_for_silence()
                stop_start.stop(server, by_omapi, by_kernel)
        except (IscDhcpError, OSError) as err:
            told = running and stands_by.after_a_failed_stop(here.host, running, err)
            comment = f"dhcpd on {here.id} was not rolled back: {err}{told or ''}"
            return failed(here, comment, old=old)
        start_again = partial(
            start_as_it_ran, here, codes, timeout, service, old, ended=running, last=last
        )
        answer = _start_with_old(here, run, service, old, start_again)
        stands_by.disarm()
        return answer
