"""What is wrong with a statement."""

from __future__ import annotations

from dataclasses import dataclass

from .syntax import Statement

ERROR = "error"
WARNING = "warning"


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
