"""
Configuration files put in place and taken back: candidates, backups, and the stage.

:class:`Stage` keeps what is to be put in place and what was there before, so that whatever is
interrupted goes on, and an old configuration can be brought back.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..answers import PeersReport
from ..answers import StagedFile
from ..answers import StageRecord
from ..clock import SYSTEM
from ..clock import Clock
from ..errors import StagingError
from ..files import copy
from ..files import digest
from ..files import read_json
from ..files import write_json

#: End of the name of a candidate that waits for its rollout.
STAGED = ".staged"
#: What stands in the name of a candidate between those of its file and of its call.
CANDIDATE = ".candidate-"
#: The same of a backup, before its time.
BACKUP = ".backup-"
#: Backups of a file that are kept.
BACKUPS_KEPT = 10


def candidate_beside(target: str) -> str:
    """Return an unused name for a candidate of ``target``, in the same folder."""
    folder, name = os.path.split(os.path.realpath(target))
    if not os.path.isdir(folder):
        raise StagingError(f"{target}: there is no folder {folder}")
    for number in range(1000):
        path = os.path.join(folder, f".{name}{CANDIDATE}{os.getpid()}-{number}")
        if not os.path.lexists(path):
            return path
    raise StagingError(f"{folder} is full of candidates of {name}: remove {folder}/.{name}.*")


def back_up(target: str, clock: Clock = SYSTEM) -> str | None:
    """
    Keep a copy of ``target`` beside it, owner and mode as they are; ``None`` where it is missing.

    The oldest of more than :data:`BACKUPS_KEPT` are removed.
    """
    real = os.path.realpath(target)
    if not os.path.exists(real):
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(clock.time()))
    for number in range(1000):
        path = f"{real}{BACKUP}{stamp}" + (f"-{number}" if number else "")
        if not os.path.lexists(path):
            break
    copy(real, path)
    folder, name = os.path.split(real)
    old = sorted(Path(folder).glob(f"{_glob(name)}{BACKUP}*"), key=lambda one: one.stat().st_mtime)
    for one in [one for one in old if str(one) != path][: -BACKUPS_KEPT + 1 or None]:
        one.unlink(missing_ok=True)
    return path


def _glob(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


class Stage:
    """
    What this server is to get, and how to take it back.

    folder
        The minion's own.

    The record is ``rollout.json``.
    """

    def __init__(self, folder: Path, clock: Clock = SYSTEM) -> None:
        self._path = folder / "rollout.json"
        self._clock = clock

    @property
    def record(self) -> StageRecord | None:
        """What is staged or was applied last, or ``None``."""
        return _record(read_json(self._path))

    def keep(
        self,
        run: str,
        main: str,
        candidates: Mapping[str, str],
        proved: bool,
        peers: PeersReport | None = None,
        probation: float = 0.0,
        takes_back: str | None = None,
    ) -> StageRecord:
        """
        Keep checked candidates for :meth:`apply`; they are moved to ``TARGET.staged``.

        proved
            Whether what was applied before has been seen to work; else the files from before it
            stay the ones that :meth:`roll_back` brings back.
        peers
            What this server says of its relationships now: that holds until the new files are
            proved, or an interrupted rollout could not find the pair again.
        probation
            Seconds that the new files have to run before they can be proved.
        takes_back
            The run whose files come back by this one (:mod:`iscdhcp.act.previous`).
        """
        old = self.record
        files: dict[str, StagedFile] = {}
        if old and old["state"] == "applied" and not proved:
            files = {
                target: {**one, "staged": None, "digest": digest(target)}
                for target, one in old["files"].items()
            }
            peers = old["peers"] or peers
        elif old:
            self._forget(old)
        for target, candidate in candidates.items():
            staged = os.path.realpath(target) + STAGED
            os.chmod(candidate, 0o600)
            os.replace(candidate, staged)
            known = files.get(target)
            files[target] = {
                "staged": staged,
                "digest": digest(staged),
                "existed": known["existed"] if known else None,
                "backup": known["backup"] if known else None,
            }
        applied = any(one["existed"] is not None for one in files.values())
        before = old["before"] if old and applied else last_applied(old)
        if before:
            # One way back is enough.
            before["before"] = None
        record: StageRecord = {
            "run": run,
            "main": main,
            "state": "applied" if applied else "staged",
            "staged_at": self._clock.time(),
            "applied_at": None,
            "proved": False,
            "probation": probation,
            "takes_back": takes_back,
            "peers": peers,
            "files": files,
            "before": before,
        }
        write_json(self._path, record)
        return record

    def prove(self) -> None:
        """Note that what was applied last has been seen to work."""
        record = self.record
        if record:
            record["proved"] = True
            write_json(self._path, record)

    def clear(self) -> None:
        """Remove what waits on the stage; what was applied can still be rolled back."""
        record = self.record
        if record:
            self._forget(record)
            if record["state"] == "staged" and record["before"]:
                write_json(self._path, record["before"])
            elif record["state"] == "staged":
                self._path.unlink(missing_ok=True)

    @staticmethod
    def _forget(record: StageRecord) -> None:
        for one in record["files"].values():
            if one["staged"]:
                Path(one["staged"]).unlink(missing_ok=True)

    def _record_of(self, run: str | None) -> StageRecord:
        record = self.record
        if record is None:
            raise StagingError("nothing is staged here: dhcpd.stage comes first")
        if run is not None and record["run"] != run:
            raise StagingError("what is staged here is another run's: stage it again")
        return record

    def apply(self, run: str | None) -> list[str]:
        """
        Put the staged files in place, backups first; return the targets that were replaced.

        Called again after an interruption, it goes on where it was.
        """
        record = self._record_of(run)
        changed = []
        for target, one in record["files"].items():
            if digest(target) == one["digest"]:
                continue
            if not one["staged"] or digest(one["staged"]) != one["digest"]:
                raise StagingError(f"the new {target} is not on the stage any more: stage it again")
            if one["existed"] is None:
                one["existed"] = os.path.exists(target)
                one["backup"] = back_up(target, self._clock)
                record["state"] = "applied"
                # The way back is on disk before the first file changes.
                write_json(self._path, record)
            copy(one["staged"], target, like=target)
            changed.append(target)
        self._forget(record)
        if record["state"] == "applied":
            record["applied_at"] = self._clock.time()
        write_json(self._path, record)
        return changed

    def roll_back(self, run: str | None) -> list[str]:
        """
        Bring the old files back; return the targets that were changed. Works twice.

        Nothing happens where ``run`` has put nothing in place.
        """
        record = self.record
        if record is None or record["state"] == "staged" or run not in (None, record["run"]):
            return []
        changed = []
        # From now on what is in place is neither the new nor the old.
        record["applied_at"] = None
        write_json(self._path, record)
        for target, one in record["files"].items():
            if one["existed"] is None:
                continue
            if not one["existed"]:
                if os.path.exists(target):
                    os.unlink(os.path.realpath(target))
                    changed.append(target)
                continue
            backup = str(one["backup"])
            if digest(target) == digest(backup):
                continue
            if not os.path.exists(backup):
                raise StagingError(f"the backup {backup} of {target} is gone")
            copy(backup, target)
            changed.append(target)
        self._forget(record)
        record["state"] = "rolled-back"
        write_json(self._path, record)
        return changed


def last_applied(record: StageRecord | None) -> StageRecord | None:
    """
    Return what was put in place last and still is, as far as a server's record tells.

    What is only staged, or was taken back, has left what was there before it as it was.
    """
    if record is None or record["state"] == "applied":
        return record
    return record["before"]


def _record(found: Any) -> StageRecord | None:
    """Return a record on disk; those of earlier versions have fewer keys."""
    if not isinstance(found, dict) or not found.get("files"):
        return None
    return {
        "run": str(found["run"]),
        "main": str(found["main"]),
        "state": str(found["state"]),
        "staged_at": float(found.get("staged_at") or 0.0),
        "applied_at": found.get("applied_at"),
        "proved": bool(found.get("proved")),
        "probation": float(found.get("probation") or 0.0),
        "takes_back": found.get("takes_back"),
        "peers": found.get("peers"),
        "files": {target: _file(one) for target, one in found["files"].items()},
        "before": _record(found.get("before")),
    }


def _file(found: Mapping[str, str | None]) -> StagedFile:
    """Return one file of a record on disk, which may lack keys."""
    existed = found.get("existed")
    return {
        "staged": found.get("staged"),
        "digest": found.get("digest"),
        "existed": None if existed is None else bool(existed),
        "backup": found.get("backup"),
    }
