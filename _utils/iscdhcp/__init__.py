"""What ISC dhcpd's files, protocols and states mean: plain Python, without Salt."""
