"""What needs Salt: the minion, asking minions, discovery, runs, requests, answers."""
