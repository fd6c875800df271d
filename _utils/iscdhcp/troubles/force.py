"""The words of ``force``, and what each of them overrides."""

from __future__ import annotations

FORCEABLE = {
    "relationship": "a relationship that is not normal at both ends, or can't be proved to be",
    "partner": "missing, old or bad evidence of the other end",
    "probe": "a partner that does not answer a client's question, or can't be asked",
    "connection": "no failover connection to the partner",
    "configuration": "a configuration that dhcpd does not accept",
    "lease-file": "a lease file that is missing, empty or torn",
    "leases": "leases of clients that no range of a new configuration holds: dhcpd forgets them",
    "lease-age": "a lease file that is older than what the partner knows of it",
    "lease-folder": "a folder in which dhcpd can't write its lease file again at its start",
    "start": "a dhcpd that may not come back as it ran: unit, command line or files",
    "address": "a host that has none of the addresses of its relationships",
    "claim": "another run's claim on this server",
    "clock": "clocks that are too far apart for dhcpd to connect again",
    "gentle": "a dhcpd whose SIGTERM costs MCLT (built with gentle shutdown)",
    "busy": "another state run on this minion",
    "free-leases": "a partner whose free leases may not last while it serves alone",
    "auto-partner-down": "a partner that would go to partner-down by itself meanwhile",
    "mclt": "MCLT without service of this server, which method control costs",
    "drift": "configurations that still differ when both are rolled out",
    "mismatch": "new configurations with which the servers would not find each other",
    "no-relationship": "a server that has no failover relationship, so no partner",
    "primary": "a person's stop of a server that is not secondary in all its relationships",
}
