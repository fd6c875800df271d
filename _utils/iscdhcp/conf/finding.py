"""
One thing that a configuration should not have: a statement's problem, and lint's finding about it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from . import views
from .syntax import Statement

ERROR = "error"
WARNING = "warning"
NOTE = "note"


@dataclass(frozen=True)
class Problem:
    """
    A statement that dhcpd refuses (or dies of), and what was expected in its place.

    ``severity`` is :data:`WARNING` where dhcpd takes it, and does not do what was meant.
    """

    code: str
    statement: Statement
    what: str
    fix: str
    severity: str = ERROR


@dataclass(frozen=True)
class Finding:
    """
    One thing that a configuration should not have.

    ``severity`` is ``error`` (dhcpd does not start with it, or clients or leases suffer),
    ``warning`` or ``note``. ``what`` says what it means for clients, ``fix`` what to do. ``line``
    is counted from 1; file and line are None where it is about no place.
    """

    severity: str
    code: str
    file: str | None
    line: int | None
    what: str
    fix: str

    def as_dict(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        return f"{self.severity}: {place}{self.what}; {self.fix}"


def of_problem(one: Problem) -> Finding:
    at = one.statement
    return Finding(one.severity, one.code, at.file, at.line, one.what, one.fix)


def at(statement: Statement, severity: str, code: str, what: str, fix: str) -> Finding:
    return Finding(severity, code, statement.file, statement.line, what, fix)


def value(statements: Sequence[Statement] | None) -> int | None:
    """The number at the end of the last of some statements."""
    if not statements or not statements[-1].words:
        return None
    text = statements[-1].words[-1].text
    return int(text) if re.fullmatch(r"[0-9]{1,11}", text) else None


def duration(seconds: int) -> str:
    if seconds >= 7200:
        return f"{seconds / 3600:.0f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds} s"


def is_address(text: str) -> bool:
    try:
        views.number(text)
    except ValueError:
        return False
    return True
