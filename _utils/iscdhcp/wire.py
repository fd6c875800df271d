"""
The version of what crosses Salt's wire: whether master and minion mean the same by the facts.

Modules are synced to the master and to each minion by commands of their own, so for a while the
two may differ. Facts carry this number, and a master that meets another one says so instead of
guessing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Raised by one whenever a field changes its meaning, or one that decisions need is new.
VERSION = 8


def mismatch(facts: Mapping[str, Any], server: str) -> str | None:
    """
    Return what to do where a server's facts are of another version than this one, or ``None``.

    Facts from before there were versions are of version 1.
    """
    theirs = facts.get("wire", 1)
    if theirs == VERSION:
        return None
    older = f"salt {server} saltutil.sync_all, then restart its minion"
    newer = "salt-run saltutil.sync_all, then restart the master"
    what = newer if isinstance(theirs, int) and theirs > VERSION else older
    return (
        f"the modules on {server} are of another version than the master's (facts {theirs}, not "
        f"{VERSION}): {what}"
    )
