"""On the master: why a pair is not normal, and the next safe step."""
