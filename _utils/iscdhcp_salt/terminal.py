"""A question to the person at the terminal of a command: yes, or no."""

import select
import sys
import time

#: Seconds after which nobody is there.
PATIENCE = 60.0
#: Seconds between two looks whether the command is to end.
LOOK_SECONDS = 0.2


def somebody_is_there():
    """Return whether a person can read a question, and answer it."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


def yes(question, check, patience=PATIENCE):
    """
    Ask a person; anything but a yes is a no, and so is silence.

    question
        A sentence that ends with its question mark.
    check
        Called again and again; raises where a signal has come.
    patience
        Seconds that are waited for the answer.
    """
    sys.stderr.write(f"\r\x1b[K{question} [y/N] ")
    sys.stderr.flush()
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        check()
        ready, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
        if ready:
            return sys.stdin.readline().strip().lower() in ("y", "yes")
    sys.stderr.write("\n")
    return False
