"""
A quick look at dhcpd's failover states, for a watch that may never hold its caller up.

The look takes what is cheap: the process table, the configuration (parsed again only when a file
of it changed), one OMAPI exchange with one short deadline for all relationships. Where there is no
OMAPI only the log's lines since the last look are read. The lease file is not touched: a scheduled
call counts it (:mod:`iscdhcp.facts.lease_counts`).

What the looks mean is for :mod:`iscdhcp.facts.news` to say; :func:`tell` remembers what it said.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from .. import files
from ..conf import views
from ..conf.syntax import Locate
from ..errors import IscDhcpError
from ..log import evidence
from ..shapes import ServerFacts
from . import gather
from . import lease_counts
from . import news
from . import pending
from . import server as facts_server
from .news import Memory
from .news import News
from .news import Seen
from .news import SeenEnd
from .news import Trail

#: Seconds for all OMAPI of one look, and for its reading of the log.
PATIENCE = 0.25
#: What :func:`keep_trail` leaves in the minion's folder for the looks that follow.
TRAIL = "trail.json"
#: What the watch has told, for the next life of the minion.
TOLD = "told.json"

_Stamps = list[tuple[int, int, int]]
_configurations: dict[str, tuple[_Stamps | None, views.Configuration]] = {}
_told: dict[str, tuple[Memory, Trail | None]] = {}


def tell(
    folder: Path,
    settings: facts_server.Settings,
    acting: bool = False,
    remember: bool = False,
) -> list[News]:
    """
    Look, and return the events since the last look that was remembered.

    folder
        The minion's folder of this project; what was told is kept there over its restarts.
    settings
        Overrides of what files and process say.
    acting
        Whether a call is stopping or starting dhcpd now.
    remember
        Whether what is returned counts as told.

    Returns :func:`iscdhcp.facts.news.news`'s events.
    """
    folder = Path(folder)
    path = folder / TOLD
    before, trail = _told.get(str(folder), (None, None))
    if before is None:
        before = _told_before(path)
    seen = look(settings, trail or _kept_trail(folder))
    counts = lease_counts.kept(folder)
    events, told = news.news(before, seen, counts, pending.mark_in(folder), acting)
    if remember:
        _told[str(folder)] = told, seen["trail"]
        if told != before or not path.exists():
            try:
                files.write_json(path, told)
            except OSError:
                # Memory alone has to do: a full disk must not repeat events at each look.
                pass
    return events


def _told_before(path: Path) -> Memory | None:
    """Return what an earlier life of the minion has told; a file of another form is forgotten."""
    found = files.read_json(path)
    try:
        return {
            "process": found["process"] or None,
            "states": {name: list(both) for name, both in found["states"].items()},
            "silent": dict(found["silent"]),
            "conditions": dict(found["conditions"]),
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def read_server(settings: facts_server.Settings) -> facts_server.Server:
    """
    Return :func:`iscdhcp.facts.server.read_server`, with a configuration that is parsed only once.
    """
    return facts_server.read_server(settings, parse=_parsed_once)


def _parsed_once(path: str, locate: Locate | None) -> views.Configuration:
    known = _configurations.get(path)
    if known is not None and known[0] == _stamps(known[1]):
        return known[1]
    configuration = views.read(path, locate=locate)
    _configurations[path] = _stamps(configuration), configuration
    return configuration


def _stamps(configuration: views.Configuration) -> _Stamps | None:
    """What changes when one of its files does."""
    try:
        found = [os.stat(one.path) for one in configuration.files]
    except OSError:
        return None
    return [(one.st_mtime_ns, one.st_size, one.st_ino) for one in found]


def look(
    settings: facts_server.Settings, trail: Trail | None = None, patience: float = PATIENCE
) -> Seen:
    """
    Look at this server's dhcpd once.

    settings
        Overrides of what files and process say.
    trail
        What the last look left as ``trail``: where to read on in the log.
    patience
        Seconds for OMAPI, and as many for the log where it is needed.

    Nothing is raised for what can't be read; it is unknown.
    """
    seen: Seen = {
        "time": time.time(),
        "process": {
            "running": None,
            "pid": None,
            "identity": None,
            "started": None,
            "stopped": False,
        },
        "relationships": {},
        "newer": [],
        "error": None,
        "trail": trail,
    }
    try:
        server = read_server(settings)
    except (IscDhcpError, OSError) as err:
        seen["error"] = str(err)
        return seen
    running = server.process
    seen["process"]["running"] = running is not None
    if running is not None:
        seen["process"] = {
            "running": True,
            "pid": running.pid,
            "identity": running.identity,
            "started": running.started,
            "stopped": running.stopped,
        }
    seen["error"] = server.configuration_error
    configuration = server.configuration
    if configuration is None:
        return seen
    if running is not None:
        seen["newer"] = [
            str(one.path) for one in configuration.files if one.mtime_ns / 1e9 > running.started
        ]
    states, why, by_log = _states_by_omapi(server, patience)
    missing = [one.name for one in configuration.relationships if one.name not in states]
    if missing and by_log:
        found, why, seen["trail"] = _states_by_log(server, missing, trail, patience)
        states.update(found)
    for one in configuration.relationships:
        state = states.get(one.name)
        seen["relationships"][one.name] = {
            "role": one.role,
            "mclt": (state and state["mclt"]) or one.mclt,
            "state": state and state["state"],
            "partner_state": state and state["partner_state"],
            "since": state and state["since"],
            "source": state and state["source"],
            "why_unknown": None if state else why,
        }
    return seen


def _states_by_omapi(
    server: facts_server.Server, patience: float
) -> tuple[dict[str, SeenEnd], str, bool]:
    """
    Ask for each relationship, all within one deadline; what is unknown says why.

    The third is whether OMAPI can't tell here at all, now or later, so that the log has to.
    """
    running = server.process
    if running is None:
        return {}, "dhcpd is not running", False
    if running.stopped:
        return {}, f"dhcpd (pid {running.pid}) is stopped by a signal", False
    facts, told = gather.omapi_facts(server, patience)
    states: dict[str, SeenEnd] = {
        name: {
            "role": one["role"],
            "mclt": one["mclt"],
            "state": one["state"],
            "partner_state": one["partner_state"],
            "since": one["since"],
            "source": "omapi",
            "why_unknown": None,
        }
        for name, one in told.items()
    }
    off = facts["hint"] is not None or not server.settings.omapi
    why = facts["hint"] or facts["error"] or "dhcpd does not know the relationship"
    return states, f"no OMAPI here: {why}" if off else why, off


def _states_by_log(
    server: facts_server.Server, names: list[str], trail: Trail | None, patience: float
) -> tuple[dict[str, SeenEnd], str, Trail | None]:
    """Read on in the log from where the last look was; its states hold until it says otherwise."""
    assert server.process is not None
    identity = server.process.identity
    known: dict[str, SeenEnd] = {}
    since = server.process.started - 2
    if trail and trail["identity"] == identity:
        known, since = dict(trail["states"]), trail["until"] - 1
    now = time.time()
    why = "the log does not say since dhcpd's start"
    try:
        _, events = evidence.read(
            files=server.settings.log_files,
            pid=server.process.pid,
            since=since,
            identifier=Path(server.process.argv[0]).name or "dhcpd",
            relationships=names,
            timeout=patience,
        )
    except IscDhcpError as err:
        # What was known before may have changed: unknown now, and the next look tries again.
        return {}, str(err), trail
    for name in names:
        fresh = evidence.view(events, name)
        if fresh.lost:
            known.pop(name, None)
        before = known.get(name)
        state = fresh.state or (before and before["state"])
        partner = fresh.partner_state or (before and before["partner_state"])
        if state and partner:
            since_then = fresh.since or (before and before["since"])
            known[name] = _proved(state, partner, since_then)
    left: Trail = {"identity": identity, "until": now, "states": known}
    return {name: known[name] for name in names if name in known}, why, left


def _proved(state: str | None, partner_state: str | None, since: float | None) -> SeenEnd:
    """Return what the log has proved."""
    return {
        "role": None,
        "mclt": None,
        "state": state,
        "partner_state": partner_state,
        "since": since,
        "source": "log",
        "why_unknown": None,
    }


def keep_trail(folder: Path, facts: ServerFacts) -> None:
    """
    Leave the states that the log has proved in the minion's folder: a look begins there.

    folder
        The minion's folder of this project.
    facts
        Of this server, now.
    """
    identity = facts["process"]["identity"]
    if identity is None:
        return
    proved = {
        name: _proved(end["state"], end["partner_state"], end["since"])
        for name, end in facts["relationships"].items()
        if end["source"] == "log"
    }
    trail: Trail = {"identity": identity, "until": facts["time"], "states": proved}
    if proved:
        files.write_json(Path(folder) / TRAIL, trail)


def _kept_trail(folder: Path) -> Trail | None:
    found = files.read_json(Path(folder) / TRAIL)
    try:
        return {
            "identity": str(found["identity"]),
            "until": float(found["until"]),
            "states": {
                name: _proved(one["state"], one["partner_state"], one["since"])
                for name, one in found["states"].items()
            },
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
