"""dhcpd.conf: syntax, what it says, normal form, comparing, lint, candidates."""
