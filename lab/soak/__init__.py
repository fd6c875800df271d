"""Restarts, rollouts, reboots over and over under load, with random faults: ``make soak``."""
