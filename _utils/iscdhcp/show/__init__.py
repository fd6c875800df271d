"""On the master, for eyes: tables, status, progress, reports."""
