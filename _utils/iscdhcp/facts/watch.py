"""
A quick look at dhcpd's failover states, for a watch that may never hold its caller up.

The look takes what is cheap: the process table, the configuration (parsed again only when a file
of it changed), one OMAPI exchange with one short deadline for all relationships. Where there is no
OMAPI only the log's lines since the last look are read. The lease file is not touched: counts come
from :func:`keep`, which a scheduled call fills.

What the looks mean is for :mod:`iscdhcp.facts.news` to say; :func:`tell` remembers what it said.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import files
from ..conf import views
from ..errors import IscDhcpError
from ..errors import OmapiError
from ..errors import OmapiLibraryMissing
from ..errors import OmapiNotFound
from ..host import process
from ..host.omapi import OmapiClient
from ..log import evidence
from . import news
from . import server as facts_server

#: Seconds for all OMAPI of one look, and for its reading of the log.
PATIENCE = 0.25
#: What :func:`keep` leaves in the minion's folder for the looks that follow.
KEPT = "counts.json"
#: What the watch has told, for the next life of the minion.
TOLD = "told.json"

_configurations: dict[str, tuple[Any, views.Configuration]] = {}
_told: dict[str, tuple[news.Memory, dict[str, Any]]] = {}


def tell(
    folder: Path,
    settings: facts_server.Settings,
    acting: bool = False,
    remember: bool = False,
) -> list[dict[str, Any]]:
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
    before, trail = _told.get(str(folder), (None, {}))
    if before is None:
        old = files.read_json(path)
        before = old if isinstance(old, dict) else None
    counts = kept(folder)
    if not trail:
        trail = counts.get("trail") or {}
    seen = look(settings, trail)
    pending = files.read_json(folder / "pending.json")
    pending = pending if isinstance(pending, dict) else None
    events, told = news.news(before, seen, counts, pending, acting)
    if remember:
        _told[str(folder)] = told, dict(seen["trail"] or {})
        if told != before or not path.exists():
            try:
                files.write_json(path, told)
            except OSError:
                # Memory alone has to do: a full disk must not repeat events at each look.
                pass
    return events


def read_server(settings: facts_server.Settings) -> facts_server.Server:
    """
    Return :func:`iscdhcp.facts.server.read_server`, with a configuration that is parsed only once.
    """
    processes = sorted(process.find(settings.binaries), key=lambda one: one.started)
    running = processes[0] if processes else None
    path = facts_server.config_file_of(settings, running)
    known = _configurations.get(path)
    configuration, error = None, None
    if known is not None and known[0] == _stamps(known[1]):
        configuration = known[1]
    else:
        try:
            where = running.where if running else None
            configuration = views.read(path, locate=where.located if where else None)
            _configurations[path] = _stamps(configuration), configuration
        except IscDhcpError as err:
            error = str(err)
    return facts_server.Server(settings, processes, configuration, error, path, "")


def _stamps(configuration: views.Configuration) -> Any:
    """What changes when one of its files does."""
    try:
        found = [os.stat(one.path) for one in configuration.files]
    except OSError:
        return None
    return [(one.st_mtime_ns, one.st_size, one.st_ino) for one in found]


def look(
    settings: facts_server.Settings,
    trail: Mapping[str, Any] | None = None,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """
    Look at this server's dhcpd once.

    settings
        Overrides of what files and process say.
    trail
        What the last look left as ``trail``: where to read on in the log.
    patience
        Seconds for OMAPI, and as many for the log where it is needed.

    Returns ``time`` (epoch seconds), ``process`` (``running``, ``pid``, ``identity``, ``started``,
    ``stopped``), ``relationships`` (by name: ``role``, ``state``, ``partner_state``, ``since``,
    ``mclt``, ``source``, ``why_unknown``), ``newer`` (files changed since dhcpd's start), ``error``
    and ``trail``. Nothing is raised for what can't be read; it is unknown.
    """
    seen: dict[str, Any] = {"time": time.time(), "relationships": {}, "newer": [], "error": None}
    try:
        server = read_server(settings)
    except (IscDhcpError, OSError) as err:
        return {**seen, "process": {"running": None}, "error": str(err), "trail": trail}
    running = server.process
    seen["process"] = {"running": running is not None}
    if running is not None:
        seen["process"].update(
            pid=running.pid,
            identity=running.identity,
            started=running.started,
            stopped=running.stopped,
        )
    seen["error"] = server.configuration_error
    seen["trail"] = dict(trail or {})
    configuration = server.configuration
    if configuration is None:
        return seen
    if running is not None:
        seen["newer"] = [
            str(one.path) for one in configuration.files if one.mtime_ns / 1e9 > running.started
        ]
    states, why = _states_by_omapi(server, patience)
    missing = [one.name for one in configuration.relationships if one.name not in states]
    if missing and running is not None and not running.stopped and _omapi_is_off(server, why):
        found, why, seen["trail"] = _states_by_log(server, missing, seen["trail"], patience)
        states.update(found)
    for one in configuration.relationships:
        state = states.get(one.name)
        end = {"role": one.role, "mclt": one.mclt, "state": None, "partner_state": None}
        end.update(state or {"why_unknown": why})
        seen["relationships"][one.name] = end
    return seen


def _omapi_is_off(server: facts_server.Server, why: str) -> bool:
    """Whether OMAPI can't tell here at all, now or later, so that the log has to."""
    return why.startswith("no OMAPI")


def _states_by_omapi(
    server: facts_server.Server, patience: float
) -> tuple[dict[str, dict[str, Any]], str]:
    """Ask for each relationship, all within one deadline; what is unknown says why."""
    assert server.configuration is not None
    omapi, running = server.configuration.omapi, server.process
    if running is None:
        return {}, "dhcpd is not running"
    if running.stopped:
        return {}, f"dhcpd (pid {running.pid}) is stopped by a signal"
    if not server.settings.omapi or omapi is None:
        return {}, f"no OMAPI here: {facts_server.OMAPI_HINT}"
    states: dict[str, dict[str, Any]] = {}
    why = "dhcpd does not know the relationship"
    deadline = time.monotonic() + patience
    try:
        key = facts_server.omapi_key(server)
        with OmapiClient(server.settings.omapi_host, omapi.port, key, timeout=patience) as client:
            for one in server.configuration.relationships:
                client.timeout = max(0.01, deadline - time.monotonic())
                try:
                    told = client.failover_state(one.name)
                except OmapiNotFound:
                    continue
                states[one.name] = {
                    "state": told["state"],
                    "partner_state": told["partner_state"],
                    "since": told["since"],
                    "mclt": told["mclt"] or one.mclt,
                    "source": "omapi",
                }
    except OmapiError as err:
        why = str(err)
        if isinstance(err, OmapiLibraryMissing):
            why = f"no OMAPI here: {err}"
    return states, why


def _states_by_log(
    server: facts_server.Server, names: list[str], trail: dict[str, Any], patience: float
) -> tuple[dict[str, dict[str, Any]], str, dict[str, Any]]:
    """Read on in the log from where the last look was; its states hold until it says otherwise."""
    assert server.process is not None and server.configuration is not None
    identity = server.process.identity
    known: dict[str, Any] = {}
    since = server.process.started - 2
    if trail.get("identity") == identity:
        known, since = dict(trail.get("states") or {}), float(trail["until"]) - 1
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
        before = known.get(name) or {}
        state = fresh.state or before.get("state")
        partner = fresh.partner_state or before.get("partner_state")
        if state and partner:
            known[name] = {
                "state": state,
                "partner_state": partner,
                "since": fresh.since or before.get("since"),
                "source": "log",
            }
    left = {"identity": identity, "until": now, "states": known}
    return {name: known[name] for name in names if name in known}, why, left


def keep(
    folder: Path, counts: Mapping[str, Any], gathered: Mapping[str, Any] | None = None
) -> None:
    """
    Leave what is too slow for a look in a small file of the minion's folder.

    folder
        The minion's folder of this project.
    counts
        :func:`iscdhcp.leases.count.count`'s, each pool with its ``relationship``.
    gathered
        :func:`iscdhcp.facts.gather.gather`'s: the states that the log proved are where a look
        begins.
    """
    pools = [
        {key: value for key, value in pool.items() if key != "ranges"}
        | {"first": pool["ranges"][0][0] if pool["ranges"] else ""}
        for pool in counts["pools"]
    ]
    kept: dict[str, Any] = {"time": time.time(), "pools": pools}
    identity = ((gathered or {}).get("process") or {}).get("identity")
    if gathered and identity:
        keys = ("state", "partner_state", "since", "source")
        kept["trail"] = {
            "identity": identity,
            "until": gathered["time"],
            "states": {
                name: {key: end.get(key) for key in keys}
                for name, end in (gathered.get("relationships") or {}).items()
                if end.get("source") == "log"
            },
        }
    files.write_json(Path(folder) / KEPT, kept)


def kept(folder: Path) -> dict[str, Any]:
    """Return what :func:`keep` left: ``time`` (epoch seconds), ``pools``, ``trail``; or nothing."""
    found = files.read_json(Path(folder) / KEPT)
    return found if isinstance(found, dict) and isinstance(found.get("pools"), list) else {}
