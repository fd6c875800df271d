"""This host: dhcpd's process, OMAPI, the firewall, dhcpd -t."""
