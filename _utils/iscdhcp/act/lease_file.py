"""The lease file changed while dhcpd is down: repaired, or completed by its partner's entries."""

from __future__ import annotations

from collections.abc import Mapping

from ..answers import Answer
from ..answers import RepairAnswer
from ..errors import IscDhcpError
from ..facts import lease_counts
from ..facts.server import Server
from ..leases import from_partner
from ..leases import repair as leases_repair
from ..leases.end import append
from .claims import acting
from .here import Here
from .here import failed


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
