"""
The records of runs on the master: what an unfinished run has done, and what goes on with it.

A pair has one for each kind of run. It is written right before a run's first act and tells which
processes are to be replaced; a run that is refused before that leaves every record as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import IscDhcpError
from ..files import file_name
from ..files import read_json
from ..words import clock

#: An unfinished run older than this (seconds) is not continued.
RECORD_LIFE = 12 * 3600.0
#: A record's file name, by the kind of run.
_FILES = {"restart": "{}.json", "rollout": "{}.rollout.json", "reboot": "reboot-{}.json"}
#: What an entry of a server has once this server was acted on.
_ACTED = ("ordered", "now", "phase")

Record = dict[str, Any]


class Unfinished(IscDhcpError):
    """Another command has begun with the pair and is not through."""


def path_of(folder: Path, pair: str, kind: str) -> Path:
    """Return where the record of a pair's (its id) runs of a kind is."""
    return Path(folder) / _FILES[kind].format(file_name(pair))


def unfinished(folder: Path, pair: str, now: float) -> list[Record]:
    """Return the records of a pair (its id) that are unfinished, young, and have acted."""
    found = []
    for kind in _FILES:
        record = read_json(path_of(folder, pair, kind))
        if isinstance(record, dict) and _is_unfinished(record, now):
            # Records of earlier versions do not say it.
            found.append({"kind": kind, **record})
    return found


def _is_unfinished(record: Record, now: float) -> bool:
    young = now - float(record.get("begun") or 0) < RECORD_LIFE
    return young and not record.get("finished") and has_acted(record)


def has_acted(record: Mapping[str, Any]) -> bool:
    """Whether anything was done to a server."""
    # An earlier version noted the processes, and then whether it had replaced them.
    signs = _ACTED if "kind" in record else (*_ACTED, "identity")
    entries = record.get("servers", {}).values()
    return any(entry.get(sign) for entry in entries for sign in signs)


def differences(record: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """
    Return in what a command differs from the one that has begun.

    wanted
        ``kind``, ``wanted`` (the servers in their order), ``method`` and ``task`` of the command.
    """
    if record["kind"] != wanted["kind"]:
        return [f"its task (a {wanted['kind']}, not a {record['kind']})"]
    found = []
    if record.get("wanted") != wanted["wanted"]:
        before, now = (list(map(str, one.get("wanted") or ())) for one in (record, wanted))
        what = "its order" if sorted(before) == sorted(now) else "its servers"
        found.append(f"{what} ({', '.join(now)}, not {', '.join(before)})")
    if record.get("method") != wanted["method"]:
        found.append(f"its method ({wanted['method']}, not {record.get('method')})")
    if "task" in record and record["task"] != wanted["task"]:
        what = "its task" if wanted["kind"] == "reboot" else "where the new configuration is from"
        found.append(f"{what} ({wanted['task'] or 'not said'}, not {record['task'] or 'not said'})")
    return found


def refusal(pair: Any, record: Mapping[str, Any], differing: list[str]) -> str:
    """Return what a command is told that differs from the unfinished run of a pair."""
    told = "; ".join(_done(record, str(server)) for server in record.get("wanted") or ())
    return (
        f"{pair}: the {record['kind']} that {record.get('who')} began at "
        f"{clock(record.get('begun'))} UTC is unfinished ({told}), and this command "
        f"differs in {' and '.join(differing)}. To go on with it: "
        f"{record.get('again') or 'give the command of then again'}. To start over all the same: "
        'fresh=True (in a pillar "fresh": true). Nothing was touched.'
    )


def _done(record: Mapping[str, Any], server: str) -> str:
    """Say what was done to a server."""
    entry = record.get("servers", {}).get(server, {})
    phase = entry.get("phase")
    if phase in (None, "up") and entry.get("now"):
        return f"{server} {'done' if record['kind'] == 'reboot' else 'restarted'}"
    if any(entry.get(sign) for sign in _ACTED):
        return f"{server} is in it ({phase})" if phase else f"{server} is in it"
    return f"{server} not yet"
