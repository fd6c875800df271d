"""ISC dhcpd in plain Python: its files, its protocol, every decision. Nothing here imports Salt."""
