"""Each fault at each step of a run, judged from outside: ``make faults``."""
