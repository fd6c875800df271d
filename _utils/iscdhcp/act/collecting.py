"""
Candidates that a state file makes, collected and not put in place: what a rollout would bring.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..files import read_json
from ..files import write_json

#: The folder that candidates are collected in, while a state file is only asked for them.
_collecting: list[Path] = []


# -- candidates from a state file ----------------------------------------------------------------


@contextmanager
def collecting(folder: Path) -> Iterator[dict[str, str]]:
    """
    Have every candidate that a state makes in the block kept in ``folder``, and nothing replaced.

    Yields a dict that has target and candidate of each after the block. States that Salt runs in
    parallel are forked, so they leave files, not values.
    """
    found: dict[str, str] = {}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _collecting.append(folder)
    try:
        yield found
    finally:
        _collecting.remove(folder)
        for note in sorted(folder.glob("*.json")):
            one = read_json(note)
            if one:
                found[one["target"]] = one["candidate"]
        shutil.rmtree(folder, ignore_errors=True)


def is_collecting() -> bool:
    """Whether candidates are only collected now (:func:`collecting`)."""
    return bool(_collecting)


def collect(target: str, candidate: str) -> None:
    """Hand over a candidate to :func:`collecting`."""
    number = hashlib.sha256(target.encode()).hexdigest()[:16]
    write_json(_collecting[-1] / f"{number}.json", {"target": target, "candidate": candidate})
