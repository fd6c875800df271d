"""
OpenMetrics text: families of gauges, and the file that node_exporter's textfile collector reads.

All families are gauges: that way the text is good for OpenMetrics and for Prometheus's older format
alike. What is unknown has no sample.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .errors import IscDhcpError
from .files import replaced

Labels = Mapping[str, str | None]


class OpenMetrics:
    """
    Families in their order, each with its samples.

    helps
        What each family is, by its name.
    """

    def __init__(self, helps: Mapping[str, str]) -> None:
        self._helps = helps
        self._samples: dict[str, list[str]] = {name: [] for name in helps}

    def add(self, name: str, value: float | None, labels: Labels | None = None) -> None:
        """Add a sample; ``None`` is unknown and adds nothing."""
        if value is None:
            return
        shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in (labels or {}).items())
        number = repr(float(value)) if isinstance(value, float) else str(int(value))
        self._samples[name].append(f"{name}{{{shown}}} {number}" if shown else f"{name} {number}")

    def __str__(self) -> str:
        lines = []
        for name, samples in self._samples.items():
            if samples:
                lines += [f"# HELP {name} {_escaped(self._helps[name])}", f"# TYPE {name} gauge"]
                lines += samples
        return "\n".join([*lines, "# EOF", ""])


def _escaped(text: str | None) -> str:
    # dhcpd.conf's strings are bytes, read with surrogateescape: the text has to be UTF-8.
    clean = str(text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def write(path: str | Path, text: str) -> bool:
    """
    Replace a file by ``text``, whole or not at all, readable by everybody.

    path
        For node_exporter it has to end in ``.prom``; its folder must be there.

    Returns whether the file is new. Raises :class:`IscDhcpError` where it can't be written.
    """
    path = Path(path)
    new = not path.exists()
    try:
        # The collector reads *.prom only: not this one while it is being written.
        with replaced(path) as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(text)
    except OSError as err:
        raise IscDhcpError(
            f"{path} can't be written: {err.strerror}; its folder is the one that node_exporter "
            "was given as --collector.textfile.directory"
        ) from None
    return new
