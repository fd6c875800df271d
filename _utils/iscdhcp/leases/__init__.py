"""dhcpd.leases: syntax, its end, reading, counting, checking, repairing."""
