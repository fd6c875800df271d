"""
A server that a drain or a hand-over has silenced, and that speaks again.

The silence is a state on disk: dhcpd keeps it over a start. So whoever starts it ends the silence
too, be it the call that began it, a later one, or who stands by for a call that has died.
"""

from __future__ import annotations

import logging

from ..errors import IscDhcpError
from ..facts.server import Server
from ..facts.server import Settings
from ..facts.server import read_server
from ..host.local import Host
from . import drain
from . import handover

log = logging.getLogger(__name__)


def heal_on_disk(settings: Settings, host: Host, note: drain.Note) -> None:
    """Finish what a hand-over could not write, so that a start needs not wait for MCLT."""
    if not note.settled:
        return
    try:
        handover.recover_on_disk(read_server(settings, host))
        note.clear()
    except (IscDhcpError, OSError) as err:
        log.warning("dhcpd will wait for MCLT: %s", err)


def speak_again(server: Server, note: drain.Note) -> list[str]:
    """Clear the sticky states that a drain or a hand-over has left; return the relationships."""
    resumed = drain.resume(server, note)
    return handover.take_back(server) + resumed
