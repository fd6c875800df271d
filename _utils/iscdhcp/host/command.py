"""A program of the host, run to its end in a limit of time: no exception of Python's own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ProcessError


@dataclass(frozen=True)
class Done:
    """What a program has left: its exit code (negative: the signal), output and complaints."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What it has against it, or its exit code."""
        return self.err.strip() or f"exit code {self.code}"


def run(argv: Sequence[str], seconds: float) -> Done:
    """
    Run a program without input; whatever it prints is text.

    seconds
        That it may take.

    Raises :class:`~iscdhcp.errors.ProcessError` where it can't be run or takes longer.
    """
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as err:
        raise ProcessError(f"{argv[0]} is not installed or not in the PATH") from err
    except OSError as err:
        raise ProcessError(f"{argv[0]} can't be run: {err.strerror}") from err
    except subprocess.TimeoutExpired as err:
        name = " ".join(argv[:2])
        raise ProcessError(f"{name} did not end within {seconds:.0f} s") from err
    return Done(done.returncode, done.stdout, done.stderr)
