"""Every decision, as pure functions from facts. Nothing here reads or acts."""
