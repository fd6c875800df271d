"""Many pairs: how they hang together, which are meant, in which order they go."""
