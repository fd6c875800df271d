"""On the master: a pair, seen at both ends."""
