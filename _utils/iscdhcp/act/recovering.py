"""
A server that fetches every lease from its partner at its next start: ``recover`` in its lease file.

For a file that is older than what the partner knows. dhcpd itself would take it for the last word:
"normal", as it was then.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..answers import Answer
from ..errors import IscDhcpError
from ..facts import gather
from ..facts.server import Server
from ..host.process import boot_id
from ..leases import read
from ..leases import syntax
from ..leases.end import append
from ..leases.unacknowledged import unacknowledged
from ..patterns import lazy_pattern
from ..rules.lease_age import recover_since
from . import guard
from .claims import acting
from .here import Here
from .here import failed
from .here import refused

_MY_STATE = lazy_pattern(rb"my state [a-z-]+(?: at [^;]*)?;")
_PARTNER_STATE = lazy_pattern(rb"partner state [a-z-]+(?: at [^;]*)?;")


def note_end(here: Here, server: Server) -> None:
    """
    Note that this call has ended dhcpd, and how many leases its partner has not acknowledged.

    It is for the way back from a lease file that is lost later; a stop does not fail for it.

    server
        As it was read before.
    """
    ended, now = server.process, here.host.clock.time()
    if ended is None:
        return
    try:
        doubtful = unacknowledged(server.lease_file)
        count = sum(ends > now for ends in doubtful.values())
    except IscDhcpError:
        count = None
    here.notes.keep_end(
        {"identity": ended.identity, "time": now, "unacknowledged": count, "boot": boot_id()}
    )


def recover(here: Here, known: Mapping[str, float | None], run: str | None) -> Answer:
    """
    Have dhcpd fetch all leases of some relationships at its next start: ``dhcpd.recover_leases``.

    known
        By relationship: the last transaction with a client that its partner has, epoch seconds.
    """
    guard.await_release(here, run)
    with acting(here.notes.folder, here.id, here.host.clock):
        refusal = guard.claimed_by_another(here, run)
        if refusal:
            return refusal
        server = here.server()
        signs = [sign.text for sign in gather.signs(server) if sign.blocks]
        if server.process is not None or signs:
            why = "; ".join(signs) or "dhcpd runs and would overwrite it"
            return refused(here, f"The lease file of {here.id} was not touched: {why}.")
        try:
            since = _append(here, server, known)
        except IscDhcpError as err:
            return failed(here, f"The lease file of {here.id} was not touched: {err}.")
    if not since:
        return failed(here, f"{here.id} has no relationship {', '.join(sorted(known))}.")
    told = ", ".join(
        f"{name} (in recover since {time.strftime('%H:%M:%S', time.gmtime(one))} UTC)"
        for name, one in sorted(since.items())
    )
    return {
        "result": True,
        "comment": f"dhcpd on {here.id} will fetch all leases at its start: {told}.",
    }


def _append(here: Here, server: Server, known: Mapping[str, float | None]) -> dict[str, float]:
    """Append the entries; return since when each relationship is in recover."""
    configured = server.configuration.relationships if server.configuration else ()
    last = {entry.name: entry.text for entry in read.failover_entries(server.lease_file)}
    now = here.host.clock.time()
    ended = here.notes.ended
    if ended is not None and ended["boot"] != boot_id():
        ended = None  # its host has booted since, and may have started dhcpd by itself
    ran = here.notes.ran_last()
    blocks, found = [], {}
    for one in configured:
        if one.name not in known:
            continue
        text = last.get(one.name)
        mclt = (syntax.failover_fields(text)["mclt"] if text else None) or one.mclt
        since = recover_since(
            ended, ran.identity if ran else None, known[one.name], float(mclt or 0.0), now
        )
        blocks.append(_block(one.name, text, "recover", since))
        found[one.name] = since
    if blocks:
        append(server.lease_file, b"".join(blocks))
    return found


def append_state(lease_file: str, name: str, state: str, since: float, partner_state: str) -> None:
    """Have dhcpd be in a state from its next start on, and know its partner in another."""
    last = {entry.name: entry.text for entry in read.failover_entries(lease_file)}
    append(lease_file, _block(name, last.get(name), state, since, partner_state))


def _block(
    name: str, text: bytes | None, state: str, since: float, partner_state: str | None = None
) -> bytes:
    """
    Return a failover state; what the file says besides stays.

    partner_state
        Default: what the file says of the partner.
    """
    stamp = time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(since))
    mine = f"my state {state} at {stamp};".encode()
    theirs = f"partner state {partner_state or 'unknown-state'} at {stamp};".encode()
    found = _MY_STATE.search(text) if text else None
    if text is None or found is None:
        head = f'failover peer "{name}" state {{\n  '.encode()
        return head + mine + b"\n  " + theirs + b"\n}\n"
    block = text[: found.start()] + mine + text[found.end() :].rstrip() + b"\n"
    return _PARTNER_STATE.sub(lambda _: theirs, block) if partner_state else block
