"""
Regular expressions that are compiled when they are first used.

A minion imports all of us anew for each question, and most questions need few patterns of many:
compiling them took a third of the import (17 of 52 ms).
"""

from __future__ import annotations

import re
from typing import Any
from typing import AnyStr
from typing import cast


class _Pattern:
    """What :func:`re.compile` returns, compiled when one of its attributes is first asked for."""

    def __init__(self, text: Any, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        # Only what is not here yet comes by; :mod:`re` remembers the compiled pattern.
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found


def lazy_pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return a compiled pattern, as :func:`re.compile` does, that is compiled when it is used."""
    return cast("re.Pattern[AnyStr]", _Pattern(text, flags))
