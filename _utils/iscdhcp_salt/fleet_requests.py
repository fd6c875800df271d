"""Commands about many pairs that are kept for later (``at=``), until their time has come."""

from iscdhcp import commands
from iscdhcp import files
from iscdhcp.errors import IscDhcpError
from iscdhcp.fleet import times
from iscdhcp.show import fleet as shows

from . import discovery

#: A request that is due is dropped where nobody has worked it off for so many seconds.
TOO_LATE = 3600.0


def _folder(directory):
    return directory / "fleet-requests"


def keep(fleet, record, due):
    """Keep a command for later; return what to tell."""
    known = {key: value for key, value in fleet.words.items() if key not in ("at", "yes", "test")}
    if commands.without_password(known) != known:
        raise IscDhcpError(
            "at: an address with a password in it is not kept. Give the files another way (sls, "
            "contents_pillar), or the command at its time. Nothing was kept."
        )
    request = {
        "id": record.id,
        "kind": fleet.kind,
        "words": known,
        "at": due,
        "who": fleet.who,
        "again": record.again,
    }
    files.write_json(_folder(fleet.directory) / f"{record.id}.json", request)
    return {
        "outcome": "requested",
        "comment": f"{told(request)} The master's schedule does it (reactor/"
        "dhcp_failover.conf: dhcp_failover.fleet_due). To drop it: salt-run dhcp_failover.flush "
        f"{record.id}",
        "fleet": record.id,
        "units": shows.rows(record, fleet.now),
        "left_out": record.left_out,
    }


def kept(directory):
    """Return the commands that are kept for later, the next one first."""
    found = [files.read_json(path) for path in _folder(directory).glob("*.json")]
    return sorted((one for one in found if isinstance(one, dict)), key=lambda one: one["at"])


def told(request):
    """Return a command that is kept for later as a sentence."""
    return (
        f"{request['id']}: a fleet {request['kind']} for {times.told(request['at'])} by "
        f"{request['who']}."
    )


def flush(opts, wanted=None):
    """Drop one command that is kept for later, or all; return them."""
    folder = _folder(discovery.directory(opts))
    dropped = []
    for request in kept(discovery.directory(opts)):
        if wanted is None or request["id"].startswith(str(wanted)):
            (folder / f"{request['id']}.json").unlink(missing_ok=True)
            dropped.append(request)
    return dropped


def due(opts, now):
    """
    Take the commands whose time has come, one by one, each at most once.

    Yields each with whether it is not too late for it.
    """
    for request in kept(discovery.directory(opts)):
        if request["at"] > now:
            continue
        path = _folder(discovery.directory(opts)) / f"{request['id']}.json"
        try:
            path.unlink()
        except FileNotFoundError:
            continue  # somebody else has taken it, or dropped it
        yield request, now - request["at"] <= TOO_LATE
