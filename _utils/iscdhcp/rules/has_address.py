"""
Whether a host is the one that its dhcpd.conf is for, by the addresses of its relationships.

A server that was replaced keeps its dhcpd.conf and its lease file. Started again it serves the same
clients as its successor, from leases of then, and its partner knows nothing of it.
"""

from __future__ import annotations

from ..answers import PeersReport
from .verdict import Reason
from .verdict import Verdict


def is_its_host(server: str, report: PeersReport) -> Verdict:
    """
    Decide whether a host has the addresses of its own relationships.

    server
        Who it is, for sentences.
    report
        What the configuration says of its relationships (as ``dhcpd.peers``), and all addresses of
        the host.

    Returns ``no`` where it has none of them. An address whose name can't be resolved decides
    nothing: dhcpd itself would not start then.
    """
    mine = set(report["addresses"])
    missing, present = {}, False
    for name, end in sorted(report["relationships"].items()):
        own = end["own_addresses"]
        if mine & set(own):
            present = True
        elif own:
            missing[name] = end["address"]
        else:
            present = True
    reasons = tuple(
        Reason.of("no-address", name, not present, server=server, address=address)
        for name, address in missing.items()
    )
    return Verdict("no" if any(one.blocks for one in reasons) else "yes", reasons)
