"""What one lease file knows of clients and another, written at the same time, does not."""

from __future__ import annotations

from .read import entries_of
from .repair import last_entries


def newer(of: str, than: str, since: float) -> bytes:
    """
    Return the entries of leases in one file that clients have got, or renewed, since a moment.

    of, than
        Paths: only what is newer in the first than in the second.
    since
        Epoch seconds.

    Raises :class:`~iscdhcp.errors.LeaseFileError` where one of them can't be read.
    """
    given = {entry.name: entry for entry in entries_of(of, b"lease")}
    given = {
        name: entry
        for name, entry in given.items()
        if entry.fields.get("state") == "active" and (entry.fields.get("cltt") or 0) >= since
    }
    there = last_entries(than, given)
    return b"".join(
        entry.text.rstrip() + b"\n"
        for name, entry in given.items()
        if name not in there or (there[name].fields.get("cltt") or 0) < entry.fields["cltt"]
    )
