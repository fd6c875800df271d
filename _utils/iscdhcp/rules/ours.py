"""Which of several dhcpd on a host is the one that is meant: by the settings, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Iterable
from typing import TypeVar

One = TypeVar("One")


def chosen(
    found: Iterable[One],
    config_file: str | None,
    service: str | None,
    file_of: Callable[[One], str],
    unit_of: Callable[[One], str | None],
) -> tuple[list[One], list[One]]:
    """
    Return the processes that are ours, and the others, which are left alone.

    config_file
        The setting ``dhcpd:config_file``: one that reads another file is another one.
    service
        The setting ``dhcpd:service``: one of another unit is another one. One that is in no unit
        was started by hand, and may be ours.
    file_of, unit_of
        The configuration (this host's path) and the unit of a process.

    Without a setting all are ours, and several are a trouble.
    """
    ours: list[One] = []
    others: list[One] = []
    for one in found:
        unit = unit_of(one)
        other_unit = bool(service and unit) and _plain(str(unit)) != _plain(str(service))
        other_file = bool(config_file) and not _same(file_of(one), str(config_file))
        (others if other_unit or other_file else ours).append(one)
    return ours, others


def _plain(unit: str) -> str:
    return unit.removesuffix(".service")


def _same(first: str, second: str) -> bool:
    """Whether two paths are the same file; what can't be looked at is told by its name."""
    if os.path.normpath(first) == os.path.normpath(second):
        return True
    try:
        return os.path.samefile(first, second)
    except OSError:
        return False
