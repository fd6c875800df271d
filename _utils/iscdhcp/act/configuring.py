"""
Configuration files of this server: checked, compared, staged, put in place; dhcpd runs on.

Where new files come from is the caller's to know: it hands over candidates, by target.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from collections.abc import Mapping
from contextlib import suppress

from ..answers import Answer
from ..answers import CheckAnswer
from ..answers import OwnVerdict
from ..answers import PeersReport
from ..answers import PutAnswer
from ..answers import StageAnswer
from ..conf import candidates as conf_candidates
from ..conf import lint
from ..conf import masking
from ..conf import syntax
from ..conf import views
from ..conf.finding import ERROR
from ..errors import IscDhcpError
from ..errors import StagingError
from ..facts import gather
from ..facts import peers
from ..facts.server import Server
from ..files import copy
from ..host import dhcpd_t
from ..host import names
from ..leases.forgotten import forgotten
from . import guard
from . import stage
from .claims import Refused
from .claims import acting
from .claims import by_another
from .here import Here
from .here import failed

Candidates = Mapping[str, str]


def _verdict(here: Here, path: str) -> OwnVerdict:
    return here.host.dhcpd_verdict(path, here.settings().binaries[0])


def check(here: Here, file: str | None) -> CheckAnswer:
    """Check a configuration, the running one or another file: ``dhcpd.check_config``."""
    server = here.server()
    path = str(file or server.config_file)
    keys: list[views.Key] = []
    try:
        tree = syntax.parse_file(path, locate=server.where.located)
        keys = list(views.keys(tree.statements))
        findings = lint.lint(tree, here.addresses(), names.resolved)
    except IscDhcpError as err:
        findings = [lint.broken(err)]
    verdict = _verdict(here, path)
    if verdict["said"]:
        verdict["said"] = here.masked(verdict["said"], keys)
    errors = [one for one in findings if one.severity == ERROR]
    accepted = verdict["verdict"] == "accepted"
    if errors:
        comment = here.masked(str(errors[0]), keys) + "."
    elif not accepted:
        comment = str(verdict["said"])
    else:
        comment = f"{path} is accepted by dhcpd."
        if findings:
            minor = "finding" if len(findings) == 1 else "findings"
            comment += f" {len(findings)} minor {minor}."
    return {
        "result": accepted and not errors,
        "comment": comment,
        "file": path,
        "dhcpd": verdict,
        "findings": [one.as_dict() for one in findings],
    }


def _checked(
    here: Here, main: str, candidates: Candidates
) -> tuple[views.Configuration, list[str]]:
    """
    Return the configuration that candidates would make, and what is new of what lint finds.

    Raises a sentence where dhcpd refuses it, or where it has an error that the old one has not.
    """
    return conf_candidates.check(
        main,
        candidates,
        lambda path: dhcpd_t.complaint(_verdict(here, path)),
        here.addresses(),
        names.resolved,
    )


def _is_read(main: str, candidates: Candidates, target: str) -> bool:
    """Whether dhcpd would read ``target``: it is the main file or one that this includes."""
    try:
        files = conf_candidates.files_of(main, candidates)
    except IscDhcpError:
        return True
    return os.path.realpath(target) in {os.path.realpath(one) for one in files}


def _why_restart(here: Here, server: Server, candidates: Candidates) -> str | None:
    """Return why dhcpd has to be restarted for these files, or ``None`` where nothing matters."""
    main = server.config_file
    try:
        if conf_candidates.meaning(main, candidates) != conf_candidates.meaning(main):
            return "the configuration says something else than the one before"
    except IscDhcpError:
        return "the configuration before can't be read"
    found = here.notes.pending_restart(server)
    return str(found["reason"]) if found else None


def _still_the_same(here: Here, server: Server) -> None:
    """Note that the running dhcpd means what is on disk, after a change that means nothing."""
    running = server.process
    if running is not None:
        with suppress(OSError, IscDhcpError):
            here.notes.keep_parsed(server, running.identity, here.host.clock.time())


def discard(candidates: Iterable[str]) -> None:
    """Remove candidates that were not put on the stage."""
    for candidate in candidates:
        with suppress(OSError):
            os.unlink(candidate)


# -- one file, at once ---------------------------------------------------------------------------


def put(here: Here, candidate: str, config_file: str | None, test: bool) -> PutAnswer:
    """Replace a configuration file by a candidate, once it is checked: ``dhcpd.put_config``."""
    server = here.server()
    target = str(config_file or server.config_file)
    beside = None
    try:
        beside = stage.candidate_beside(target)
        copy(candidate, beside)
        return _put(here, server, target, beside, test)
    except Refused:
        raise
    except (IscDhcpError, OSError) as err:
        return _not_put(here, f"{target} was not changed: {err}")
    finally:
        if beside:
            discard([beside])


def _not_put(here: Here, comment: str, diff: str = "") -> PutAnswer:
    return {
        "result": False,
        "comment": here.masked(comment),
        "diff": diff,
        "backup": None,
        "why": None,
        "findings": [],
    }


def _put(here: Here, server: Server, target: str, candidate: str, test: bool) -> PutAnswer:
    main = server.config_file
    candidates = {target: candidate}
    text = masking.differences(candidates).get(target)
    if text is None:
        return {
            "result": True,
            "comment": f"{target} is in the correct state.",
            "diff": "",
            "backup": None,
            "why": None,
            "findings": [],
        }
    refused = None if test else _claimed(here, target, text)
    if refused:
        return refused
    note = ""
    findings: list[str] = []
    if _is_read(main, candidates, target):
        _, findings = _checked(here, main, candidates)
        why = _why_restart(here, server, candidates)
    else:
        # A fragment alone is nothing that dhcpd could check.
        syntax.parse_file(candidate)
        why = None
        note = f" {main} does not include it (yet): only its syntax was checked."
    answer: PutAnswer = {
        "result": True,
        "comment": f"{target} would be replaced.{note}",
        "diff": text,
        "backup": None,
        "why": why,
        "findings": findings,
    }
    if test:
        return answer
    with acting(here.notes.folder, here.id, here.host.clock):
        refused = _claimed(here, target, text)
        if refused:
            return refused
        answer["backup"] = stage.back_up(target, here.host.clock)
        copy(candidate, target, like=target)
    if why and server.process is not None:
        here.notes.mark_pending(f"{target} was changed")
    elif not note:
        _still_the_same(here, server)
    kept = f"; the old file is {answer['backup']}" if answer["backup"] else ""
    answer["comment"] = f"{target} was replaced{kept}.{note}"
    return answer


def _claimed(here: Here, target: str, text: str) -> PutAnswer | None:
    """Return the refusal where a run has claimed this server: it goes by what it has seen."""
    claim = here.notes.claims.current
    if not claim:
        return None
    why = f"{by_another(here.id, claim)}. Try again after that."
    return _not_put(here, f"{target} was not changed: {why}", text)


# -- several, on the stage -----------------------------------------------------------------------


def put_on_stage(
    here: Here,
    server: Server,
    run: str,
    candidates: Candidates,
    test: bool,
    probation: float = 0.0,
    takes_back: str | None = None,
) -> StageAnswer:
    """
    Check candidates, and keep them beside the old files unless ``test``; see ``dhcpd.stage``.

    probation, takes_back
        As for :meth:`iscdhcp.act.stage.Stage.keep`.

    Raises :class:`StagingError` for files that dhcpd does not read.
    """
    main = server.config_file
    differing = masking.differences(candidates)
    candidates = {target: candidates[target] for target in differing}
    configuration, findings = _checked(here, main, candidates)
    unread = [one for one in differing if not _is_read(main, candidates, one)]
    if unread:
        raise StagingError(f"{', '.join(unread)} is not read by dhcpd: {main} does not include it")
    what = ", ".join(differing) or "no file"
    why = _why_restart(here, server, candidates)
    now = here.host.clock.time()
    answer: StageAnswer = {
        "result": True,
        "comment": f"{here.id}: {what} would change.",
        "files": differing,
        "why": why,
        "findings": findings,
        "forgotten": forgotten(server.lease_file, configuration.ranges, now) if why else None,
        "peers": peers_of(here, server.configuration, server.configuration_error),
        "new_peers": peers_of(here, configuration, None),
    }
    if test:
        return answer
    was_proved = proved(here, server)
    if differing:
        here.notes.stage.keep(
            run, main, candidates, was_proved, answer["peers"], probation, takes_back
        )
    else:
        here.notes.stage.clear()
    answer["comment"] = f"{here.id}: {what} will change."
    return answer


def peers_of(
    here: Here, configuration: views.Configuration | None, error: str | None
) -> PeersReport:
    """Return a configuration's relationships as ``dhcpd.peers`` does."""
    report = peers.reported(configuration, error)
    if report["relationships"]:
        report["addresses"] = here.addresses(loopback=False)
    return report


def known_peers(here: Here) -> PeersReport:
    """Return this server's relationships; see ``dhcpd.peers``."""
    server = here.server()
    if server.process is None and not os.path.exists(server.config_file):
        return {"relationships": {}, "addresses": [], "error": None}
    record = here.notes.stage.record
    if record and record["state"] == "applied" and record["peers"] and not proved(here, server):
        # A new configuration that may be taken back does not make another pair of this one.
        return record["peers"]
    return peers_of(here, server.configuration, server.configuration_error)


def proved(here: Here, server: Server) -> bool:
    """Whether what was applied last works: restarted since, on probation no more, and normal."""
    record = here.notes.stage.record
    if not record or record["state"] != "applied" or server.process is None:
        return False
    if record["applied_at"] is None:
        # A call has died while it brought files in place, or back: they are not all the new ones.
        return False
    if record["proved"]:
        return True
    relationships = gather.gather(here.settings(), server)["relationships"]
    ends = relationships.values()
    before = record["peers"]["relationships"] if record["peers"] else ()
    works = (
        server.process.started > record["applied_at"]
        and here.host.clock.time() >= server.process.started + record["probation"]
        and bool(ends)
        and set(before) <= set(relationships)
        and all((end["state"], end["partner_state"]) == ("normal", "normal") for end in ends)
    )
    if works:
        here.notes.stage.prove()
    return works


def apply(here: Here, run: str | None) -> Answer:
    """Put the staged files in place, backups first; see ``dhcpd.apply_staged``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        refused = guard.claimed_by_another(here, run)
        if refused:
            return refused
        server = here.server()
        try:
            before = (
                None
                if here.notes.pending_restart(server)
                else conf_candidates.meaning(server.config_file)
            )
            changed = here.notes.stage.apply(None if run is None else str(run))
            same = before is not None and conf_candidates.meaning(server.config_file) == before
        except (IscDhcpError, OSError) as err:
            return {**failed(here, f"{here.id}: {err}"), "files": []}
    if same:
        _still_the_same(here, server)
    elif changed:
        here.notes.mark_pending(f"{', '.join(changed)} was changed")
    comment = f"{', '.join(changed) or 'Nothing'} was replaced on {here.id}."
    return {"result": True, "comment": comment, "files": changed}
