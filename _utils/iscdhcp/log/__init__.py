"""What dhcpd logs: messages, where they are, what they prove, which are harmless."""
