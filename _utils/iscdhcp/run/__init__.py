"""On the master, doing: a run on a pair, its steps, orders, journal and events."""
