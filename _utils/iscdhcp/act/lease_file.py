"""The lease file changed while dhcpd is down: repaired, or completed by its partner's entries."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from ..answers import Answer
from ..answers import RepairAnswer
from ..errors import IscDhcpError
from ..facts import lease_counts
from ..facts.server import Server
from ..leases import from_partner
from ..leases import repair as leases_repair
from ..leases.end import append
from ..leases.end import check_end
from .claims import acting
from .here import Here
from .here import failed

log = logging.getLogger(__name__)


def repair(here: Here, lease_file: str | None, test: bool) -> Answer | RepairAnswer:
    """Cut torn and damaged entries out of the lease file; see ``dhcpd.repair_leases``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        server = here.server()
        refused = None if test else _runs(here, server)
        if refused:
            return refused
        path = lease_file or server.lease_file
        try:
            done = leases_repair.repair(path, dry_run=test)
        except IscDhcpError as err:
            return failed(here, str(err))
        if not test:
            lease_counts.forget(here.notes.folder)
    if not done["changed"] and not done["cut"]:
        return {**done, "result": True, "comment": f"{path} is whole."}
    would = "would be " if test else ""
    comment = f"{path}: {len(done['cut'])} damaged entries {would}cut"
    if done["backup"]:
        comment += f", the old file is {done['backup']}"
    if done["lost"]:
        lost = ", ".join(str(one["name"]) for one in done["lost"])
        comment += f"; lost here, ask the partner: {lost}"
    return {**done, "result": True, "comment": comment + "."}


def mend(path: str) -> str | None:
    """
    Cut off the entry that a dhcpd which is down was writing when it died; return what to tell.

    For a start: whatever else is wrong with the lease file, it refuses
    (:func:`iscdhcp.act.stop_start.check_leases`).
    """
    try:
        end = check_end(path)
        if end.whole or not end.exists:
            return None
        done = leases_repair.mend(path)
    except (IscDhcpError, OSError) as err:
        log.warning("the lease file was not mended: %s", err)
        return None
    if done is None:
        return None
    entry = f"lease {done['cut'][0]['name']}"
    return (
        f"It had died while it wrote an entry of its lease file ({entry}), of which nobody has "
        f"heard: that was cut off, the old file is {done['backup']}"
    )


def add(here: Here, entries: Mapping[str, str]) -> Answer:
    """Append entries of the partner's to the lease file; see ``dhcpd.add_lease_entries``."""
    with acting(here.notes.folder, here.id, here.host.clock):
        server = here.server()
        refused = _runs(here, server)
        if refused:
            return refused
        try:
            append(server.lease_file, from_partner.checked(entries))
            lease_counts.forget(here.notes.folder)
        except IscDhcpError as err:
            return failed(here, f"Nothing was added on {here.id}: {err}")
    return {"result": True, "comment": f"{len(entries)} entries added to {server.lease_file}."}


def _runs(here: Here, server: Server) -> Answer | None:
    if server.process is None:
        return None
    return failed(
        here,
        f"dhcpd runs on {here.id} (pid {server.process.pid}) and writes the file: stop it first.",
    )
