"""
The clock that runs and acts go by: handed in, so that the real code can live through modelled time.

Pure decisions get the time as an argument; what waits or dates something asks its clock.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def time(self) -> float:
        """Return the time of day, epoch seconds."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from a beginning of no meaning."""

    def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""


class SystemClock:
    """The clock of this machine."""

    def time(self) -> float:
        """As :meth:`Clock.time`."""
        return time.time()

    def monotonic(self) -> float:
        """As :meth:`Clock.monotonic`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """As :meth:`Clock.sleep`."""
        time.sleep(seconds)


#: The clock of this machine, for everybody who is handed no other.
SYSTEM: Clock = SystemClock()
