"""
The files from before a finished rollout, as candidates of another one.

A rollout keeps what it replaces. To go back to that is a rollout of its own, through the same
gates: checked at both servers first, one after the other, on probation, taken back if it fails.
"""

from __future__ import annotations

import os

from ..conf import candidates as conf_candidates
from ..errors import IscDhcpError
from ..errors import StagingError
from ..files import copy
from ..files import digest
from . import stage
from .here import Here


def candidates(here: Here, main: str, run: str) -> tuple[dict[str, str], list[str]]:
    """
    Return candidates for the files from before a rollout, by target, and what to know of them.

    run
        The rollout that is taken back; a server on which another one, or none, was the last has
        nothing to take back.

    Raises :class:`StagingError` where a backup is gone. Files that the rollout has added stay where
    they are, unread.
    """
    record = stage.last_applied(here.notes.stage.record)
    found: dict[str, str] = {}
    told: list[str] = []
    if record is None or record["run"] != run:
        return found, told
    try:
        for target, one in record["files"].items():
            if not one["existed"]:
                continue
            backup = str(one["backup"])
            if not os.path.exists(backup):
                raise StagingError(f"the backup {backup} of {target} is gone")
            if digest(target) != one["digest"]:
                told.append(f"{target} was changed after that rollout: this change is lost too")
            found[target] = stage.candidate_beside(target)
            copy(backup, found[target])
        return _read_by(main, found), told
    except BaseException:
        _remove(found)
        raise


def _read_by(main: str, found: dict[str, str]) -> dict[str, str]:
    """Leave out what the old main file did not include: nobody would read it."""
    try:
        read = conf_candidates.files_of(main, found)
    except IscDhcpError:
        return found  # the check of all candidates says what is wrong
    real = {os.path.realpath(one) for one in read}
    unread = {
        target: path for target, path in found.items() if os.path.realpath(target) not in real
    }
    _remove(unread)
    return {target: path for target, path in found.items() if target not in unread}


def _remove(found: dict[str, str]) -> None:
    for path in found.values():
        if os.path.exists(path):
            os.unlink(path)
