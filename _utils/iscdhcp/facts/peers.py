"""What this server says of its relationships, for the master to match into pairs."""

from __future__ import annotations

import socket

from ..answers import PeerFacts
from ..answers import PeersReport
from ..conf.views import Configuration


def reported(configuration: Configuration | None, error: str | None) -> PeersReport:
    """
    Return a server's relationships as :func:`iscdhcp.pair.discovery.match` wants them;
    ``addresses`` are the caller's.

    configuration, error
        What dhcpd.conf says, or why it can't be read.
    """
    relationships: dict[str, PeerFacts] = {
        one.name: {
            "role": one.role,
            "address": one.address,
            "port": one.port,
            "peer_address": one.peer_address,
            "peer_port": one.peer_port,
            "mclt": one.mclt,
            "own_addresses": _resolved(one.address),
            "peer_addresses": _resolved(one.peer_address),
        }
        for one in (configuration.relationships if configuration else ())
    }
    return {"relationships": relationships, "addresses": [], "error": error}


def _resolved(address: str | None) -> list[str]:
    """Return the IPv4 addresses of what dhcpd.conf names; a name may have several."""
    if not address:
        return []
    if address.replace(".", "").isdigit():
        return [address]
    try:
        found = socket.getaddrinfo(address, None, socket.AF_INET)
    except OSError:
        return []
    return sorted({str(info[4][0]) for info in found})
