"""
What this project has left on a server: backups, stages, notes; listed first, then removed.

What is still of use stays until everything is to go: the way back from the last rollout, and the
notes by which dhcpd is started as it ran.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path

from ..answers import Answer
from ..answers import CleanupAnswer
from ..answers import Leftover
from ..errors import IscDhcpError
from ..facts.server import Server
from ..host import nameless
from ..leases import before_rollout
from ..leases import repair
from ..words import count
from ..words import size
from . import dead_man
from . import stage
from .claims import ACTING
from .claims import acting
from .here import Here
from .here import failed

#: Kinds of what is left, and as a sentence has them.
KINDS = {
    "backup": "backup of a file that a rollout or a state has replaced",
    "way-back": "what takes the last rollout back (previous=True)",
    "candidate": "candidate of a call that was cut short",
    "staged": "configuration that waited on the stage of a rollout",
    "damaged-leases": "lease file as it was before dhcpd.repair_leases",
    "leases-instead": "file that was in the place of the lease file that dhcpd wrote",
    "leases-before-rollout": "lease file as it was before a rollout",
    "half-written": "half-written file of a call that was cut short",
    "note": "note on dhcpd here, in the minion's cache",
}
#: What stays unless everything is to go.
OF_USE = ("way-back", "note")

_STAMP = r"\d{8}-\d{6}(?:-\d+)?"
#: By kind, what stands before the name of a file, and after it.
_BESIDE_CONFIGURATION = (
    ("backup", "", re.escape(stage.BACKUP) + _STAMP),
    ("candidate", r"\.", re.escape(stage.CANDIDATE) + r"(?P<pid>\d+)-\d+"),
    ("staged", "", re.escape(stage.STAGED)),
    ("half-written", r"\.", r"\.[a-z0-9_]{8}\.new"),
)
_BESIDE_LEASES = (
    ("damaged-leases", "", re.escape(repair.DAMAGED) + _STAMP),
    ("leases-instead", "", re.escape(nameless.ASIDE) + _STAMP),
    ("leases-before-rollout", "", re.escape(before_rollout.BEFORE)),
    ("half-written", "", r"\.whole"),
    ("half-written", r"\.", r"\.[a-z0-9_]{8}\.new"),
)


def cleanup(here: Here, remove: bool, everything: bool) -> CleanupAnswer | Answer:
    """List what is left here, and remove it if that is wanted; see ``dhcpd.cleanup``."""
    server = here.server()
    if not remove:
        return _answer(here, left(here, server), [], everything)
    try:
        with acting(here.notes.folder, here.id, here.host.clock):
            why = still_in_use(here, server)
            if why:
                return failed(here, f"Nothing was removed on {here.id}: {why}.")
            found = left(here, server)
            told = {
                one["path"]: _remove(Path(one["path"]))
                for one in found
                if everything or one["kind"] not in OF_USE
            }
    except IscDhcpError as err:
        return failed(here, str(err))
    removed = [one for one in found if told.get(one["path"], "stays") is None]
    there = [one for one in found if one not in removed]
    return _answer(here, there, removed, everything, [why for why in told.values() if why])


def still_in_use(here: Here, server: Server) -> str | None:
    """Return why nothing may be removed now, or ``None``."""
    notes = here.notes
    claim = notes.claims.current
    if claim is not None:
        return f"{claim['who'] or 'a run'} has claimed this server"
    record = notes.stage.record
    if record is not None and record["state"] == "staged":
        return "a configuration waits on the stage: roll it out, or dhcpd.unstage removes it"
    if record is not None and record["state"] == "applied" and not record["proved"]:
        return "the last rollout is not proved yet: let its run end, or dhcpd.roll_back"
    if notes.paused.read():
        return "a relationship is paused: dhcpd.resume ends that"
    if dead_man.standing_by(notes.folder):
        return "something stands by for the start of dhcpd"
    if server.process is None and os.path.exists(server.config_file):
        return (
            "dhcpd does not run, and the notes say how it is started: salt-call dhcpd.start first"
        )
    return None


def left(here: Here, server: Server) -> list[Leftover]:
    """Return what is left on this server, by path."""
    ways_back = _ways_back(here, server)
    found = {}
    for path, kind in _beside(here, server):
        found[path] = "way-back" if os.path.realpath(path) in ways_back else kind
    for note in here.notes.folder.iterdir():
        # The lock is what this very call holds.
        if note.name != ACTING:
            found[str(note)] = "note"
    listed = []
    for path, kind in sorted(found.items()):
        status = os.lstat(path)
        is_folder = stat.S_ISDIR(status.st_mode)
        listed.append(
            Leftover(
                path=path,
                kind=kind,
                what=KINDS[kind],
                bytes=0 if is_folder else status.st_size,
                modified=status.st_mtime,
            )
        )
    return listed


def _ways_back(here: Here, server: Server) -> set[str]:
    """Return the files by which the last rollout is taken back."""
    record = here.notes.stage.record
    if record is None:
        return set()
    found = {os.path.realpath(one["backup"]) for one in record["files"].values() if one["backup"]}
    if record["state"] == "applied":
        # Leases that its ranges no longer hold come back with it.
        found.add(os.path.realpath(server.lease_file) + before_rollout.BEFORE)
    return found


def _beside(here: Here, server: Server) -> Iterator[tuple[str, str]]:
    """What lies beside the files of dhcpd and those of the last rollout."""
    record = here.notes.stage.record
    names = {os.path.realpath(server.config_file)}
    if server.configuration is not None:
        names |= {os.path.realpath(one.path) for one in server.configuration.files}
    if record is not None:
        names |= {os.path.realpath(target) for target in record["files"]}
    for path in sorted(names):
        yield from _named(path, _BESIDE_CONFIGURATION)
    yield from _named(os.path.realpath(server.lease_file), _BESIDE_LEASES)


def _named(path: str, forms: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, str]]:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        return
    for entry in os.scandir(folder):
        if not entry.is_file(follow_symlinks=False):
            continue
        for kind, before, after in forms:
            match = re.fullmatch(before + re.escape(name) + after, entry.name)
            if match is None:
                continue
            pid = match.groupdict().get("pid")
            if pid is None or not os.path.exists(f"/proc/{pid}"):
                yield entry.path, kind


def _remove(path: Path) -> str | None:
    """Remove one; return why it could not be, or ``None``."""
    try:
        if path.is_dir() and not path.is_symlink():
            for inside in sorted(path.rglob("*"), reverse=True):
                inside.rmdir() if inside.is_dir() else inside.unlink()
            path.rmdir()
        else:
            path.unlink()
    except FileNotFoundError:
        return None
    except OSError as err:
        return f"{path}: {err.strerror}"
    return None


def _answer(
    here: Here,
    there: list[Leftover],
    removed: list[Leftover],
    everything: bool,
    errors: Sequence[str] = (),
) -> CleanupAnswer:
    goes = [one for one in there if everything or one["kind"] not in OF_USE]
    stays = [one for one in there if one not in goes]
    parts = []
    if removed:
        parts.append(
            f"{count(len(removed), 'file')} of ours removed on {here.id} ({_room(removed)})"
        )
    if errors:
        parts.append(f"{count(len(errors), 'file')} could not be removed ({'; '.join(errors)})")
    if not parts and goes:
        parts.append(
            f"{count(len(goes), 'file')} of ours on {here.id} ({_room(goes)}); "
            "remove=True removes them"
        )
    elif not parts:
        parts.append(
            f"nothing of ours is left on {here.id}" + (" but what is of use" * bool(stays))
        )
    if stays:
        parts.append(
            f"{count(len(stays), 'file')} of use stay: everything=True removes those too, "
            "before this project is removed"
        )
    comment = "; ".join(parts)
    return {
        "result": not errors,
        "comment": f"{comment[0].upper()}{comment[1:]}.",
        "files": there,
        "removed": removed,
    }


def _room(found: list[Leftover]) -> str:
    return size(sum(one["bytes"] for one in found))
