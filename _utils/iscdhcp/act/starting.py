"""dhcpd started here, as it ran last, and brought to speak again where it was left silent."""

from __future__ import annotations

import logging
from collections.abc import Collection

from ..answers import Answer
from ..answers import PeersReport
from ..answers import ProcessMark
from ..errors import IscDhcpError
from ..errors import LeasesAtRisk
from ..facts import gather
from ..facts import lease_counts
from ..facts import peers
from ..facts import ran
from ..facts.ran import Ran
from ..facts.server import Server
from ..facts.server import Settings
from ..facts.server import read_server
from ..host.process import Process
from ..rules import has_address
from ..words import full_stop
from . import beside
from . import dead_man
from . import guard
from . import lease_file
from . import silenced
from . import stop_start
from .claims import acting
from .here import Here
from .here import failed
from .here import refused
from .service import Service

log = logging.getLogger(__name__)


def start(here: Here, codes: Collection[str], timeout: float | None, run: str | None) -> Answer:
    """Start dhcpd where none runs; see ``dhcpd.start``."""
    guard.await_release(here, run)
    with acting(here.notes.folder, here.id, here.host.clock):
        server = here.server()
        if server.process is not None:
            running = stop_start.mark_of(server.process)
            return {
                "result": True,
                "comment": f"dhcpd on {here.id} runs already (pid {running['pid']}).",
                "new": running,
            }
        claimed = guard.claimed_by_another(here, run, codes)
        if claimed:
            claimed["comment"] = (
                f"dhcpd on {here.id} was not started: {claimed['comment']}. "
                "A person who knows better says force=claim."
            )
            return claimed
        elsewhere = has_address.is_its_host(here.id, _report(here, server))
        if not elsewhere.ok and "address" not in codes:
            todo = elsewhere.blockers[0].do
            return refused(
                here,
                f"dhcpd on {here.id} was not started: {elsewhere.sentence} Then {todo}.",
                elsewhere.reasons,
            )
        last = here.notes.ran_last()
        another = last and _another_than(here, last)
        if another and "start" not in codes:
            return refused(here, f"dhcpd on {here.id} was not started: {another}.")
        service = here.service()
        stands_by = dead_man.arm(here, service)
        answer = start_as_it_ran(here, codes, timeout, service, last=last)
        stands_by.disarm()
        if elsewhere.reasons:
            answer.setdefault("warnings", []).extend(one.text for one in elsewhere.reasons)
        return answer


def _report(here: Here, server: Server) -> PeersReport:
    """Return this server's relationships, and every address of its host."""
    report = peers.reported(server.configuration, server.configuration_error)
    return {**report, "addresses": here.addresses()}


def _another_than(here: Here, last: Ran) -> str | None:
    """Return why a start by its unit would bring up another dhcpd, or ``None``."""
    service = here.service(last)
    if service.by_command or not service.named:
        return None
    return ran.why_another(last, service.unit())


def start_as_it_ran(
    here: Here,
    codes: Collection[str],
    timeout: float | None,
    service: Service,
    old: ProcessMark | None = None,
    ended: Process | None = None,
    last: Ran | None = None,
) -> Answer:
    """As :func:`_start_as_it_ran`; what runs in the same service beside it is there again."""
    mine = beside.running(here, service)
    answer = _start_as_it_ran(here, codes, timeout, service, old, ended, last)
    told = beside.bring_back(here, service, mine)
    if told:
        answer.setdefault("warnings", []).extend(told)
    return answer


def _start_as_it_ran(
    here: Here,
    codes: Collection[str],
    timeout: float | None,
    service: Service,
    old: ProcessMark | None = None,
    ended: Process | None = None,
    last: Ran | None = None,
) -> Answer:
    """
    Start dhcpd; ``ended`` is the process that the same call has ended, ``last`` what ran last.

    What comes up is compared with ``last``: with other files its leases may be others.
    """
    settings, clock = here.settings(), here.host.clock
    patience = float(timeout or 60.0)
    begun, begun_epoch = clock.monotonic(), clock.time()
    mended = _mended(here.server())
    silenced.heal_on_disk(settings, here.host, here.notes.paused)
    try:
        new = stop_start.start(
            settings,
            service,
            patience,
            ignore_leases="lease-file" in codes,
            ended=ended,
            host=here.host,
        )
    except Exception as err:  # pylint: disable=broad-except
        # Whatever it is: the server may be down now, and the caller has to hear of it.
        log.debug("starting dhcpd failed", exc_info=True)
        why = full_stop(str(err))
        unstarted = failed(here, f"{why} {_down_or_runs(here, settings)}.", old)
        unstarted["why"] = here.masked(why)
        if isinstance(err, LeasesAtRisk):
            unstarted["code"] = err.code
        return unstarted
    # dhcpd writes its lease file again when it starts, without what it can't read.
    lease_counts.forget(here.notes.folder)
    note_start(here, round(clock.monotonic() - begun, 2))
    if here.notes.paused.read():
        try:
            server = read_server(settings, here.host)
            new["resumed"] = silenced.speak_again(server, here.notes.paused)
            new["serves_since"] = clock.time()
        except IscDhcpError as err:
            _keep_parsed(here, new, begun_epoch)
            return failed(
                here,
                f"dhcpd on {here.id} started (pid {new['pid']}) and is still paused: {err}. "
                "Its partner serves; dhcpd.resume brings it back.",
                old=old,
                new=new,
            )
    _keep_parsed(here, new, begun_epoch)
    files, rest = _compared(here, last, service) if last else ([], [])
    if files and "start" not in codes:
        return failed(
            here,
            f"dhcpd on {here.id} runs (pid {new['pid']}), but not as before: {'; '.join(files)}. "
            "Clients may get addresses that others have: compare the lease files before anything "
            "else is done.",
            old=old,
            new=new,
        )
    comment = f"dhcpd on {here.id} started (pid {new['pid']}, {new['seconds']:.1f} s).{noted(new)}"
    answer: Answer = {"result": True, "comment": comment, "old": old, "new": new}
    if files or rest:
        told = f"dhcpd on {here.id} did not come up as it ran: "
        answer["warnings"] = [told + one for one in (*files, *rest)]
    if mended:
        answer["comment"] += f" {mended}."
    return answer


def _mended(server: Server) -> str | None:
    """Have an entry that dhcpd died over cut off where surely none runs; return what to tell."""
    if server.process is not None or any(sign.blocks for sign in gather.signs(server)):
        return None
    return lease_file.mend(server.lease_file)


def noted(new: ProcessMark) -> str:
    """Return what has to be told of a start, after its sentence."""
    return f" Note: {new['warning']}." if new.get("warning") else ""


def note_start(here: Here, seconds: float) -> None:
    """Note how long a start took; it serves, so a full disk does not make it a failure."""
    try:
        here.notes.started(seconds)
    except OSError:
        log.warning("the start of dhcpd could not be noted", exc_info=True)


def _keep_parsed(here: Here, new: ProcessMark, begun: float) -> None:
    """Keep what dhcpd has parsed, to tell later whether a restart is pending; never in its way."""
    try:
        here.notes.keep_parsed(here.server(), str(new["identity"]), begun)
    except (OSError, IscDhcpError):
        log.warning("no copy of dhcpd's configuration could be kept", exc_info=True)


def _compared(here: Here, last: Ran, service: Service) -> tuple[list[str], list[str]]:
    """Note what runs now and compare it with ``last``; see :func:`ran.differences`."""
    server = here.server()
    try:
        now = here.notes.what_runs(server)
    except OSError:
        # It serves: a full disk does not make that a failure.
        log.warning("what runs could not be noted", exc_info=True)
        now = ran.of(server, last)
    if now is None:
        return [], []
    return ran.differences(last, now, service.by_command)


def _down_or_runs(here: Here, settings: Settings) -> str:
    """Say whether dhcpd is down here, as far as that is proved."""
    server = read_server(settings, here.host)
    if server.process is not None:
        return f"dhcpd runs on {here.id}"
    seen = [sign.text for sign in gather.signs(server) if sign.blocks]
    return f"No dhcpd is seen on {here.id}" if seen else f"dhcpd is not running on {here.id}"


def resume(here: Here, run: str | None) -> Answer:
    """Let dhcpd speak again where it was left silent; see ``dhcpd.resume``."""
    guard.await_release(here, run)
    with acting(here.notes.folder, here.id, here.host.clock):
        refusal = guard.claimed_by_another(here, run)
        if refusal:
            return refusal
        try:
            resumed = silenced.speak_again(here.server(), here.notes.paused)
        except IscDhcpError as err:
            return failed(here, f"dhcpd on {here.id} was not resumed: {err}")
    comment = f"Resumed: {', '.join(resumed) or 'nothing was paused'}."
    return {"result": True, "comment": comment, "resumed": resumed}
