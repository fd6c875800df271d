"""On a minion, doing: stop and start, drain, hand over, new configuration, claims."""
