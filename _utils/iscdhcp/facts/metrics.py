"""
What monitoring wants to know of a server, as OpenMetrics text.

Plain functions from facts and counts to text.
"""

from __future__ import annotations

from ..errors import IscDhcpError
from ..openmetrics import Labels
from ..openmetrics import OpenMetrics
from ..rules import forecast
from ..shapes import CountedPool
from ..shapes import EndFacts
from ..shapes import LeaseFacts
from ..shapes import ServerFacts
from ..states import FailoverState
from . import lease_counts

_HELP = {
    "dhcpd_up": "Whether dhcpd runs.",
    "dhcpd_start_time_seconds": "When dhcpd was started, in seconds since 1970.",
    "dhcpd_configuration_valid": "Whether dhcpd.conf could be read and understood.",
    "dhcpd_omapi_up": "Whether dhcpd answers over OMAPI; no sample where it is not configured.",
    "dhcpd_restart_pending": "Whether a restart was marked, or the configuration has changed.",
    "dhcpd_lease_file_exists": "Whether the lease file is there.",
    "dhcpd_lease_file_bytes": "The lease file's size.",
    "dhcpd_lease_file_whole": "Whether the lease file's last entry is complete.",
    "dhcpd_failover_state": "This server's failover state by its number in OMAPI: "
    + ", ".join(f"{int(state)} {state.label}" for state in FailoverState)
    + ".",
    "dhcpd_failover_partner_state": "The partner's state as this server knows it, numbered alike.",
    "dhcpd_failover_state_known": "Whether OMAPI or the log proves the state.",
    "dhcpd_failover_seconds_in_state": "Seconds since this server's state began.",
    "dhcpd_failover_serving": "Whether clients with dynamic addresses are answered.",
    "dhcpd_failover_connected": "Whether the kernel has the failover connection.",
    "dhcpd_failover_mclt_seconds": "The maximum client lead time.",
    "dhcpd_failover_unacked_updates": "Updates sent to the partner and not yet acknowledged.",
    "dhcpd_pool_addresses": "How many addresses the pool's ranges hold.",
    "dhcpd_pool_own_free": "Free leases that this server may give out without its partner.",
    "dhcpd_leases": "Leases of the pool by binding state.",
    "dhcpd_lease_counts_time_seconds": "When the leases were counted, in seconds since 1970.",
    "dhcpd_metrics_time_seconds": "When all this was gathered, in seconds since 1970.",
}


def render(facts: ServerFacts, counts: LeaseFacts | None = None) -> str:
    """
    Return a server's metrics as OpenMetrics text.

    facts
        Of this server, with what is noted about it.
    counts
        Its leases; without them, or where they could not be counted, there is nothing about pools.
    """
    text = OpenMetrics(_HELP)
    process = facts["process"]
    text.add("dhcpd_up", process["running"])
    text.add("dhcpd_start_time_seconds", process["started"])
    text.add("dhcpd_configuration_valid", not facts["configuration"]["error"])
    if facts["omapi"]["configured"]:
        text.add("dhcpd_omapi_up", facts["omapi"]["answers"])
    pending = facts["pending_restart"]["pending"] if facts["pending_restart"] else False
    text.add("dhcpd_restart_pending", pending if isinstance(pending, bool) else None)
    leases = facts["lease_file"]
    text.add("dhcpd_lease_file_exists", leases["exists"])
    if leases["exists"]:
        text.add("dhcpd_lease_file_bytes", leases["bytes"])
        text.add("dhcpd_lease_file_whole", leases["whole"])
    ends = facts["relationships"]
    for name, end in sorted(ends.items()):
        _relationship(text, {"relationship": name, "role": end["role"]}, end, facts["time"])
    if counts and not counts["error"]:
        for name, pools in counts["relationships"].items():
            for pool in pools:
                _pool(text, name, pool, ends[name]["role"] if name in ends else None)
        text.add("dhcpd_lease_counts_time_seconds", float(counts["counted"]))
    text.add("dhcpd_metrics_time_seconds", float(facts["time"]))
    return str(text)


def _number(state: str | None) -> int | None:
    try:
        return int(FailoverState.parse(state)) if state else None
    except IscDhcpError:
        return None


def _relationship(text: OpenMetrics, labels: Labels, end: EndFacts, now: float) -> None:
    state, partner = _number(end["state"]), _number(end["partner_state"])
    text.add("dhcpd_failover_state", state, labels)
    text.add("dhcpd_failover_partner_state", partner, labels)
    text.add("dhcpd_failover_state_known", state is not None and partner is not None, labels)
    if state is not None and end["since"]:
        seconds = max(0.0, now - end["since"])
        text.add("dhcpd_failover_seconds_in_state", seconds, labels)
    text.add("dhcpd_failover_serving", end["serves"], labels)
    text.add("dhcpd_failover_connected", end["connected"], labels)
    text.add("dhcpd_failover_mclt_seconds", end["mclt"], labels)
    text.add("dhcpd_failover_unacked_updates", end["unacked"], labels)


def _pool(text: OpenMetrics, relationship: str, pool: CountedPool, role: str | None) -> None:
    labels = {
        "relationship": relationship,
        "network": pool["network"],
        # Two pools of a network differ in their first address.
        "pool": lease_counts.first_address(pool),
    }
    text.add("dhcpd_pool_addresses", pool["addresses"], labels)
    text.add("dhcpd_pool_own_free", forecast.own_free(role, pool), labels)
    for state, number in lease_counts.by_state(pool).items():
        text.add("dhcpd_leases", number, {**labels, "state": state})
