"""
What runs in dhcpd's own service beside it: Debian's unit starts ``dhcpd -6`` too.

A stop and start of the service would take it along without a word. So it is looked for before an
act on dhcpd: it is left running where nothing is started, and where the service's start has ended
it, it is back at the end of the act, or is brought back.
"""

from __future__ import annotations

import logging
import os

from ..errors import IscDhcpError
from ..host.process import Process
from .here import Here
from .service import Service

log = logging.getLogger(__name__)

#: Seconds in which the service has to have started it again: Debian's script sleeps for 2 s before.
BACK_SECONDS = 12.0


def running(here: Here, service: Service) -> list[Process]:
    """Return the ``dhcpd -6`` of the service that starts our dhcpd."""
    if not service.managed:
        return []
    unit = f"{service.name.removesuffix('.service')}.service" if service.systemd else None
    try:
        found = here.host.find_v6(here.settings().binaries)
    except IscDhcpError:
        log.debug("dhcpd -6 could not be looked for", exc_info=True)
        return []
    return [one for one in found if one.unit == unit]


def stop(here: Here, service: Service) -> list[str]:
    """
    Tell the service manager that dhcpd is stopped, unless that would end what runs beside it.

    Returns what to tell.
    """
    mine = running(here, service)
    if not mine:
        service.stop()
        return []
    pids = ", ".join(str(one.pid) for one in mine)
    return [
        f"dhcpd -6 of {service.name} runs on (pid {pids}), so that the service counts as active"
    ]


def bring_back(here: Here, service: Service, before: list[Process]) -> list[str]:
    """
    Wait until what ran beside dhcpd is back, or start it as it ran; return what to tell.

    before
        What :func:`running` returned before the act.
    """
    if not before:
        return []
    clock = here.host.clock
    kept = {one.identity for one in before}
    deadline = clock.monotonic() + BACK_SECONDS
    while True:
        now = here.host.find_v6(here.settings().binaries)
        there = [one for one in now if one.unit == before[0].unit]
        if len(there) >= len(before):
            break
        if clock.monotonic() >= deadline:
            return _start(here, service, before, there)
        clock.sleep(0.1)
    new = [one for one in there if one.identity not in kept]
    if not new:
        return []
    pids = ", ".join(str(one.pid) for one in new)
    return [f"dhcpd -6 of {service.name} was restarted with it (pid {pids})"]


def _start(here: Here, service: Service, before: list[Process], there: list[Process]) -> list[str]:
    """Start by their own command lines those that the service has not brought back."""
    told = []
    lines = [one.argv for one in there]
    for one in before:
        if one.argv in lines:
            lines.remove(one.argv)
            continue
        program = one.argv[0]
        if not os.path.isabs(program) and one.executable:
            program = one.executable
        try:
            here.host.launch([program, *one.argv[1:]], dict(one.variables))
        except IscDhcpError as err:
            told.append(
                f"dhcpd -6 of {service.name} is not back and could not be started: {err}; start it "
                f"({' '.join(one.argv)})"
            )
        else:
            told.append(
                f"dhcpd -6 of {service.name} did not come back with it and was started by its own "
                "command line"
            )
    return told
