"""Where a rollout may take new configuration files from; contents are refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..errors import StagingError

#: What a rollout may name as the origin of the files.
ORIGINS = ("source", "contents_pillar", "sls", "file")


def check_origins(origins: Mapping[str, Any]) -> None:
    """
    Raise :class:`StagingError` unless exactly one origin is named, and named only.

    Contents would stay in the master's job cache, with the keys in them. They are not quoted.
    """
    if len(origins) != 1 or set(origins) - set(ORIGINS):
        said = ", ".join(sorted(origins)) or "nothing"
        raise StagingError(
            "say where the new configuration comes from, by one of sls (your state file with "
            "dhcpd.config states), source (salt://...), contents_pillar (a key of the minion's "
            f"pillar) and file (a path on the server), or set dhcpd:rollout in its pillar; not "
            f"{said}"
        )
    if looks_like_contents(origins):
        raise StagingError(
            f"{next(iter(origins))} holds contents: name where they are instead, for the job "
            "cache keeps whatever is given here. If there was a secret in it, change the secret"
        )


def looks_like_contents(value: Any) -> bool:
    """Whether a value holds the text of a configuration where a name was expected."""
    if isinstance(value, Mapping):
        return any(looks_like_contents(one) for one in [*value.keys(), *value.values()])
    if isinstance(value, (list, tuple)):
        return any(looks_like_contents(one) for one in value)
    text = re.sub(r"\{\{.*?\}\}", "", str(value))
    return any(mark in text for mark in "\n;{}")


def by_target(origin: Any, main: str) -> dict[str, Any]:
    """Return an origin by the file that it is for: a plain one is for the main file."""
    if isinstance(origin, Mapping):
        return {str(target): one for target, one in origin.items()}
    return {main: origin}
