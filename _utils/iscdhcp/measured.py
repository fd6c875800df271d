"""
Figures that were measured of dhcpd 4.4.3-P1, each with how, for those who compute with them.

A machine may be several times slower: what waits multiplies them, what forecasts takes a server's
own last start where it knows one. What one place alone goes by stands there, with its source.
"""

from __future__ import annotations

#: Bytes of a lease in dhcpd's file: 270 MB for a million, with host names.
LEASE_BYTES = 270.0
#: Seconds that a start takes for each byte of the lease file, which dhcpd reads and writes again:
#: 5.5 s for 105 MB, on two slow cores.
START_SECONDS_PER_BYTE = 5.5 / 105e6
#: Seconds that a full update takes for each address (UPDREQALL sends the free ones too): 12 s for
#: the first one of 60,000 addresses with max-unacked-updates 10; 8.5 s for a later one.
UPDATE_SECONDS_PER_ADDRESS = 12.0 / 60_000


def update_seconds(addresses: float) -> float:
    """Return how long a full update of so many addresses takes."""
    return UPDATE_SECONDS_PER_ADDRESS * addresses


def addresses_in(lease_bytes: float) -> float:
    """Return how many addresses a lease file of this size has an entry of, about."""
    return lease_bytes / LEASE_BYTES
