"""
dhcpd's documented shutdown over OMAPI (``control`` object, state 2), for those who ask for it.

In 4.4 it is the worst way for clients: dhcpd answers nothing from the order on and ends 12-18 s
later, its partner is not told and leaves half of the clients to it meanwhile, and after its start
it answers nobody for MCLT (dhcpd.c:1628-1796; measured). Prefer :mod:`iscdhcp.act.drain` or
:mod:`iscdhcp.act.handover`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..answers import ProcessMark
from ..errors import ActError
from ..errors import StillEnding
from ..facts import server as facts_server
from ..facts.server import Server

#: Seconds in which dhcpd ends itself; measured 17-18 s, dhcpd(8) says up to 25.
END_SECONDS = 40.0


def end(server: Server, last_look: Callable[[], None] = lambda: None) -> ProcessMark:
    """
    Order dhcpd to shut itself down; return once its process is gone.

    last_look
        The guard's last look, directly before the order; raises to call it off.

    Returns ``pid``, ``ended`` (epoch seconds) and ``seconds``. Raises
    :class:`~iscdhcp.errors.IscDhcpError` if the order did not reach it or it did not end.
    """
    clock = server.host.clock
    begun = clock.monotonic()
    if server.process is None:
        raise ActError("dhcpd is not running")
    with facts_server.omapi(server) as client:
        last_look()
        client.order_shutdown()
    if not server.host.wait_exit(server.process, END_SECONDS):
        raise StillEnding(
            f"dhcpd (pid {server.process.pid}) was told to shut down and has not ended after "
            f"{END_SECONDS:.0f} s; it answers nobody: end it by hand"
        )
    return {
        "pid": server.process.pid,
        "ended": clock.time(),
        "seconds": round(clock.monotonic() - begun, 3),
    }
