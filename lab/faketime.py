"""
Clocks of single programs, by libfaketime: the kernel's clock is the machine's, and left alone.

It reads the time's offset from a file, a second later at most; the monotonic clock stays, as on a
real machine.
"""

from __future__ import annotations

#: The file with the offset, such as ``+90s``.
OFFSET = "/run/clock-of-the-lab"
# libfaketime 0.9.10 lets Python's time.sleep fail (clock_nanosleep until a time of the monotonic
# clock, which is not faked), and its waits hang where that clock is faked too: only the sleep is
# replaced, what the clock says is libfaketime's.
#: Text of a ``sitecustomize.py`` for a Python under such a clock.
SLEEP = """\
import select, time
def sleep(seconds):
    select.select([], [], [], seconds)
time.sleep = sleep
"""
#: What a program needs in its environment; a Python also the folder of :data:`SLEEP` on its path.
VARIABLES = {
    "LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "FAKETIME_TIMESTAMP_FILE": OFFSET,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
}


def drop_in(variables: dict[str, str]) -> str:
    """Return a drop-in of a systemd unit that sets variables."""
    lines = (f'Environment="{key}={value}"\n' for key, value in variables.items())
    return f"[Service]\n{''.join(lines)}"
