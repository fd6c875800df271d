"""
Figures that were measured of dhcpd 4.4.3-P1, each with how it was, for whoever computes with them.

A machine may be several times slower: who waits multiplies, who forecasts takes this server's own
last start where it knows one.
"""

from __future__ import annotations

#: Bytes of a lease in dhcpd's file: 270 MB for a million, written by dhcpd itself with host names.
LEASE_BYTES = 270.0
