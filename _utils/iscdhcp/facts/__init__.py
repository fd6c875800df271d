"""On a minion, reading: what is known of dhcpd on this server."""
