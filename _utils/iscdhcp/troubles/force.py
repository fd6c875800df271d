"""
The words of ``force``, and what each of them overrides.

A word overrides what is bad or what can't be proved, never both: who says that the partner could
not be seen has not said that it may be down. Where there is a word for each, the one for what can't
be proved ends in :data:`UNSEEN`.
"""

from __future__ import annotations

#: How the word ends for what can't be proved, where another word is for what is bad.
UNSEEN = "-unseen"
FORCEABLE = {
    "relationship": "a relationship that is not normal at this end",
    "relationship-unseen": "a relationship whose state at this end can't be proved",
    "partner": "a partner that is not normal, does not serve, or is being stopped or started",
    "partner-unseen": "a partner of which nothing is known, or only what is too old",
    "probe": "a partner that does not answer a client's question, and has answered it before",
    "probe-unseen": "a partner that has never answered a client's question, or can't be asked",
    "connection": "no failover connection to the partner",
    "connection-unseen": "a failover connection that can't be read from the kernel's table",
    "configuration": "a configuration that dhcpd does not accept",
    "lease-file": "a lease file that is missing, empty or torn",
    "leases": "leases of clients that no range of a new configuration holds: dhcpd forgets them",
    "leases-unseen": "leases of clients that could not be compared with a new configuration",
    "lease-age": "a lease file that is older than what the partner knows of it",
    "lease-folder": "a folder in which dhcpd can't write its lease file again at its start",
    "start": "a dhcpd that may not come back as it ran: unit, command line or files",
    "address": "a host that has none of the addresses of its relationships",
    "claim": "another run's claim on this server",
    "clock": "clocks that are too far apart for dhcpd to connect again",
    "gentle": "a dhcpd whose SIGTERM costs MCLT (built with gentle shutdown)",
    "busy": "another state run on this minion",
    "free-leases": "a partner whose free leases may not last while it serves alone",
    "free-leases-unseen": "free leases that could not be counted",
    "auto-partner-down": "a partner that would go to partner-down by itself meanwhile",
    "mclt": "MCLT without service of this server, which method control costs",
    "drift": "configurations that still differ when both are rolled out",
    "mismatch": "new configurations with which the servers would not find each other",
    "no-relationship": "a server that has no failover relationship, so no partner",
    "primary": "a person's stop of a server that is not secondary in all its relationships",
}
