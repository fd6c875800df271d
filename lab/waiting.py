"""Waits for conditions, never for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from lab.errors import LabError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], what: str | Callable[[], str], timeout: float, every: float = 0.05
) -> T:
    """Ask until the answer is true.

    :param condition: called again and again; its first true value is returned.
    :param what: what is waited for, for the error's text, or a function that tells.
    :param timeout: seconds; the condition is asked at least once.
    :param every: seconds between two questions.
    :raises LabError: when the time has passed.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what if isinstance(what, str) else what()
            raise LabError(f"not within {timeout:g} s: {text}")
        time.sleep(every)
