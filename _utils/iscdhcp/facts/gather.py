"""
Everything that is known of dhcpd on this server, as one plain dict.

Reading only: configuration, process, OMAPI, log, the lease file's end, the failover connection.
What it means is for :mod:`iscdhcp.rules.may_stop` to say. The OMAPI key never enters the facts.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import unknown
from ..clock import SYSTEM
from ..clock import Clock
from ..conf import views
from ..errors import IscDhcpError
from ..errors import OmapiError
from ..errors import OmapiLibraryMissing
from ..host import process as host_process
from ..host.local import LOCAL
from ..host.local import Host
from ..host.process import Process
from ..leases.end import LeaseFileEnd
from ..leases.end import check_end
from ..leases.repair import can_be_mended
from ..log import evidence
from ..log import messages
from ..shapes import Balance
from ..shapes import ConfigurationFacts
from ..shapes import EndFacts
from ..shapes import LeaseFileFacts
from ..shapes import LogFacts
from ..shapes import OmapiFacts
from ..shapes import OmapiState
from ..shapes import ProcessFacts
from ..shapes import ServerFacts
from ..states import FailoverState
from ..states import serves
from ..words import joined
from . import presence
from . import state_block
from .server import OMAPI_HINT
from .server import Server
from .server import Settings
from .server import find_ours
from .server import omapi_key
from .server import read_server

#: TCP state of a listener in /proc/net/tcp (include/net/tcp_states.h).
_LISTEN = "0A"

#: Seconds for which an end that looks torn is looked at again, and where it was written just now.
UNSETTLED_SECONDS = 0.05
WRITING_SECONDS = 0.6


def gather(settings: Settings, server: Server | None = None) -> ServerFacts:
    """
    Return the facts of this server, as far as dhcpd and the kernel tell them.

    settings
        Overrides of what files and process say.

    What only the minion knows (its notes, Salt) is left ``None``. Nothing is raised for what can't
    be read: the part says ``error`` or ``why_unknown``.
    """
    server = server or read_server(settings)
    lease_file = lease_file_facts(server.lease_file, server.host.clock)
    if server.process is None and lease_file["exists"]:
        lease_file["mendable"] = lease_file["whole"] is False and can_be_mended(server.lease_file)
    lease_file["replaced"] = _is_replaced(server)
    if lease_file["replaced"]:
        lease_file["problem"] = (
            f"dhcpd writes a lease file that is not at {server.lease_file} any more (it was "
            "removed, or another one was put there while dhcpd runs): its next start would read "
            "what is there, and forget every lease since"
        )
    lease_file["problem"] = lease_file["problem"] or _other_lease_file(server)
    omapi, states = omapi_facts(server)
    log, relationships = relationship_facts(server, states)
    return {
        **unknown.server(),
        "time": server.host.clock.time(),
        "process": process_facts(server),
        "configuration": configuration_facts(server),
        "lease_file": lease_file,
        "omapi": omapi,
        "log": log,
        "relationships": relationships,
    }


def same_state(before: ServerFacts, after: ServerFacts) -> bool:
    """Whether two looks saw the same process in the same states."""

    def seen(facts: ServerFacts) -> object:
        return facts["process"]["identity"], {
            name: (end["state"], end["partner_state"])
            for name, end in facts["relationships"].items()
        }

    return seen(before) == seen(after)


def process_facts(server: Server) -> ProcessFacts:
    """
    Return what the process table says: ``running``, ``pid``, ``identity``, ``started`` ...

    Where none is seen, ``absent`` says whether nothing else speaks for one (``signs``).
    """
    running = server.process
    if running is None:
        told = [sign.text for sign in signs(server) if sign.blocks]
        found = unknown.server()["process"]
        return {**found, "absent": not told, "signs": told, "beside": beside(server)}
    return {
        "running": True,
        "absent": None,
        "signs": [],
        "others": [],
        "pid": running.pid,
        "identity": running.identity,
        "started": running.started,
        "stopped": running.stopped,
        "gentle_shutdown": running.gentle_shutdown,
        "argv": list(running.argv),
        "several": [one.pid for one in server.processes] if len(server.processes) > 1 else None,
        "beside": beside(server),
        "unit": running.unit,
        "sandboxed": running.where.apart,
    }


def beside(server: Server) -> list[str]:
    """Return the dhcpd of this host that are not ours by the settings, as sentences."""
    return [
        f"pid {one.pid} of {one.unit or 'no unit'}"
        + (f" with {one.config_file}" if one.config_file else "")
        for one in server.others
    ]


def signs(server: Server) -> list[presence.Sign]:
    """Return what speaks for a dhcpd here beside those that are seen, or stands in one's way."""
    port = server.process.port if server.process else presence.DHCP_PORT
    return presence.signs(
        server.configuration,
        server.settings.units,
        [*server.processes, *server.others],
        port,
        server.host,
    )


def configuration_facts(server: Server) -> ConfigurationFacts:
    """Return which files configure dhcpd, and the first error in them."""
    files = server.configuration.files if server.configuration else ()
    newest = max((read.mtime_ns for read in files), default=0) / 1e9
    return {
        "file": server.config_file,
        "error": server.configuration_error,
        "files": [str(read.path) for read in files],
        "touched_since_start": newest > server.process.started if server.process else None,
    }


def lease_file_facts(path: str, clock: Clock = SYSTEM) -> LeaseFileFacts:
    """
    Return the state of the lease file's end.

    dhcpd appends while we look: what looks torn is looked at again a few times before it counts,
    and for longer where it was written just now. With delayed-ack half an entry may lie there for
    a quarter of a second (stdio's buffer was full in its middle; max-ack-delay of dhcpd.conf(5)).
    """
    waited, attempt = 0.0, 0
    while True:
        try:
            end = check_end(path)
        except IscDhcpError as err:
            return {
                "file": path,
                "exists": None,
                "bytes": 0,
                "mtime": None,
                "whole": None,
                "problem": str(err),
                "mendable": None,
                "replaced": None,
                "folder_problem": None,
            }
        if end.whole or not end.exists:
            break
        written = abs(clock.time() - end.mtime) < 2.0
        if waited > (WRITING_SECONDS if written else UNSETTLED_SECONDS):
            break
        attempt += 1
        pause = min(0.1, 0.005 * attempt)
        clock.sleep(pause)
        waited += pause
    return {
        "file": path,
        "exists": end.exists,
        "bytes": end.bytes,
        "mtime": end.mtime,
        "whole": end.whole,
        "problem": None if end.exists and end.whole else _lease_problem(path, end),
        "mendable": None,
        "replaced": None,
        "folder_problem": None,
    }


def _is_replaced(server: Server) -> bool | None:
    """
    Return whether the file that dhcpd writes is gone from its place; ``None`` where none runs.

    It is for a moment whenever dhcpd writes its file anew: so it is looked at again.
    """
    running = server.process
    if running is None or not running.lost_lease_file:
        return None if running is None else False
    for _ in range(3):
        server.host.clock.sleep(0.1)
        found, _others = find_ours(server.settings, server.host)
        if not any(one.identity == running.identity and one.lost_lease_file for one in found):
            return False
    return True


def _other_lease_file(server: Server) -> str | None:
    """Return why the next start would read another lease file than the one that is written now."""
    running = server.process
    if running is None or running.open_lease_file is None or server.configuration is None:
        return None
    # What neither names is built in and stays.
    wanted = server.configuration.lease_file or running.explicit_lease_file
    if wanted is None or server.settings.lease_file:
        return None
    wanted = server.where.located(wanted)
    try:
        same = os.path.samefile(wanted, server.lease_file)
    except OSError:
        same = wanted == server.lease_file
    if same:
        return None
    return (
        f"dhcpd writes the lease file {server.lease_file}, and its next start would read {wanted} "
        "(lease-file-name in the configuration has changed): every lease would be forgotten; "
        "name the old file again, or move it while dhcpd is down"
    )


def _lease_problem(path: str, end: LeaseFileEnd) -> str:
    if not end.exists:
        return f"the lease file {path} is missing: dhcpd would not start, or forget every lease"
    return f"the lease file {path} is torn at its end: {end.problem}"


def _is_anothers(server: Server, port: int) -> bool:
    """Whether only another process listens on OMAPI's port; false where that can't be seen."""
    running = server.process
    if running is None or running.where.apart:
        return False
    listeners = {
        row[9]
        for row in server.host.sockets("tcp")
        if row[3] == _LISTEN and host_process.endpoint(row[1])[1] == port
    }
    mine = host_process.sockets_of(running.pid) if listeners else None
    return bool(listeners) and mine is not None and not listeners & mine


def omapi_facts(
    server: Server, within: float | None = None
) -> tuple[OmapiFacts, dict[str, OmapiState]]:
    """
    Ask OMAPI for each relationship; return what became of it, and the states by name.

    within
        Seconds for all of them; default: the time-out of the settings for each exchange.
    """
    configuration = server.configuration
    settings = configuration.omapi if configuration else None
    facts: OmapiFacts = {
        "configured": settings is not None,
        "answers": False,
        "error": None,
        "hint": None,
        "port": settings.port if settings else None,
        "authenticated": settings.key is not None if settings else None,
    }
    if not server.settings.omapi:
        facts["error"] = "switched off by the minion's settings (dhcpd:omapi)"
        return facts, {}
    if configuration is None or settings is None:
        facts["hint"] = OMAPI_HINT
        return facts, {}
    if server.process is None:
        facts["error"] = "dhcpd is not running"
        return facts, {}
    if server.process.stopped:
        # It would take the connection and never answer: the time-outs of some looks are the time
        # that a whole minion has to answer in.
        facts["error"] = f"dhcpd (pid {server.process.pid}) is halted by a signal"
        return facts, {}
    if _is_anothers(server, settings.port):
        facts["error"] = f"another program has port {settings.port}"
        return facts, {}
    states: dict[str, OmapiState] = {}
    clock = server.host.clock
    begun = clock.monotonic()
    try:
        with server.host.omapi(
            server.settings.omapi_host,
            settings.port,
            omapi_key(server),
            within or server.settings.omapi_timeout,
        ) as client:
            for relationship in configuration.relationships:
                if within is not None:
                    client.timeout = max(0.01, begun + within - clock.monotonic())
                try:
                    states[relationship.name] = client.failover_state(relationship.name)
                except OmapiError as err:
                    facts["error"] = str(err)
        facts["answers"] = bool(states) or not configuration.relationships
    except OmapiLibraryMissing as err:
        facts["error"] = facts["hint"] = str(err)
    except OmapiError as err:
        facts["error"] = str(err)
    return facts, states


def relationship_facts(
    server: Server, states: Mapping[str, OmapiState]
) -> tuple[LogFacts, dict[str, EndFacts]]:
    """Join configuration, OMAPI and log into one dict for each relationship."""
    log_facts: LogFacts = {"source": None, "error": None}
    if server.configuration is None:
        return log_facts, {}
    running = server.process
    events: list[messages.Event] = []
    if running is not None and server.configuration.relationships:
        # OMAPI proves the states: then only the balance since they last changed is looked for.
        proved = all(
            one.name in states and states[one.name]["state"] == "normal"
            for one in server.configuration.relationships
        )
        since = running.started - 2
        if proved:
            since = max(since, min(one["since"] for one in states.values()) - 2)
        try:
            names = [one.name for one in server.configuration.relationships]
            log_facts["source"], events = read_log(server, since, names)
            if not events:
                # Its move into the present state would be there.
                places = joined(evidence.places(server.settings.log_files))
                log_facts["error"] = (
                    f"no line of this process (pid {running.pid}) was found; read: {places}"
                )
        except IscDhcpError as err:
            log_facts["error"] = str(err)
    found = {}
    for relationship in server.configuration.relationships:
        networks = {pool.network for pool in relationship.pools}
        seen = evidence.view(events, relationship.name, networks)
        found[relationship.name] = _relationship(
            server, relationship, states.get(relationship.name), seen, log_facts
        )
    return log_facts, found


def read_log(
    server: Server, since: float, relationships: Collection[str] = ()
) -> tuple[str, list[messages.Event]]:
    """
    Return where dhcpd's log was read, and the failover events of the running process.

    relationships
        No more is read than proves their states.
    """
    assert server.process is not None
    return evidence.read(
        files=server.settings.log_files,
        pid=server.process.pid,
        since=since,
        identifier=Path(server.process.argv[0]).name or "dhcpd",
        relationships=relationships,
    )


def logged(settings: Settings, since: float, most: int = 500) -> dict[str, Any]:
    """
    Return what all dhcpd processes of this server logged since then (epoch seconds).

    most
        No more events than the last so many.

    See ``dhcpd.failover_log``.
    """
    found: dict[str, Any] = {"source": None, "events": [], "clients": None, "error": None}
    running = read_server(settings).process
    identifier = Path(running.argv[0]).name if running else "dhcpd"
    try:
        found["source"], events = evidence.read(settings.log_files, None, since, identifier)
        found["events"] = [
            {"time": e.time, "kind": e.kind, "relationship": e.relationship, "text": e.text}
            for e in events[-most:]
        ]
        found["clients"] = evidence.clients(found["source"], since, identifier)
    except IscDhcpError as err:
        found["error"] = str(err)
    return found


def _relationship(
    server: Server,
    relationship: views.Relationship,
    omapi: OmapiState | None,
    seen: evidence.RelationshipLog,
    log_facts: LogFacts,
) -> EndFacts:
    facts: EndFacts = {
        **unknown.end(),
        "role": relationship.role,
        "address": relationship.address,
        "port": relationship.port,
        "peer_address": relationship.peer_address,
        "peer_port": relationship.peer_port,
        "mclt": relationship.mclt,
        "max_response_delay": relationship.max_response_delay,
        "auto_partner_down": relationship.auto_partner_down,
        "refused": seen.refused,
        "balance": _balance(seen, log_facts),
    }
    running = server.process
    if omapi is not None:
        facts["source"] = "omapi"
        facts["running_role"] = omapi["role"]
        facts["state"], facts["partner_state"] = omapi["state"], omapi["partner_state"]
        facts["since"], facts["partner_since"] = omapi["since"], omapi["partner_since"]
        facts["mclt"] = omapi["mclt"] or relationship.mclt
        facts["unacked"] = omapi["unacked"]
        # A window that moves is no backlog; one that is full may be stuck.
        facts["unacked_bound"] = max(0, omapi["max_unacked"] - 1)
    elif running is not None:
        facts["source"] = "log" if seen.state and seen.partner_state else None
        facts["state"], facts["partner_state"] = seen.state, seen.partner_state
        facts["since"], facts["partner_since"] = seen.since, seen.partner_since
    if running is None:
        facts["why_unknown"] = "dhcpd is not running"
    else:
        facts["connected"] = connected(relationship, server.host)
        if facts["source"] is None:
            _by_lease_file(server, running, facts, relationship.name)
        if facts["source"] is None:
            why = log_facts["error"] or "the log does not say since dhcpd's start"
            if seen.lost:
                why = "lines of dhcpd are missing in the log (journald's rate limit)"
            facts["why_unknown"] = f"{why}; {OMAPI_HINT}"
    if facts["source"] and running is not None:
        facts["serves"] = not running.stopped and serves(
            FailoverState.parse(str(facts["state"])),
            FailoverState.parse(str(facts["partner_state"])),
        )
        if facts["state"] == "normal":
            # The state's own time is not renewed by a restart (server/failover.c:1825).
            facts["normal_since"] = max(facts["since"] or 0.0, running.started)
    return facts


def _by_lease_file(server: Server, running: Process, facts: EndFacts, name: str) -> None:
    """Fill in the state that dhcpd has saved, where that proves that it is normal."""
    if facts["connected"] is not True:
        return
    block = state_block.last_of(server.lease_file, name)
    age = server.host.clock.time() - running.started
    if block is not None and state_block.proves_normal(block, age, facts["connected"]):
        facts["source"] = "lease-file"
        facts["state"], facts["partner_state"] = block.state, block.partner_state
        facts["since"], facts["partner_since"] = block.since, block.partner_since


def connected(relationship: views.Relationship, host: Host = LOCAL) -> bool | None:
    """Whether the kernel has an established failover connection to the partner; asks nobody."""
    return host.failover_connected(
        relationship.address,
        relationship.peer_address,
        (relationship.port, relationship.peer_port),
    )


def _balance(seen: evidence.RelationshipLog, log_facts: LogFacts) -> Balance:
    if log_facts["error"]:
        unreadable = log_facts["error"]
        return {"balanced": None, "unreadable": unreadable, "imbalanced": [], "pools": {}}
    imbalanced = [network for network, pool in seen.pools.items() if not pool["balanced"]]
    return {
        "balanced": not imbalanced if seen.pools else None,
        "unreadable": None,
        "imbalanced": imbalanced,
        "pools": seen.pools,
    }
