"""
Which active leases a server may have given without its partner's knowledge, by its lease file.

An update of a lease that was sent carries ``tstp``; its acknowledgement sets ``atsfp`` to the same.
dhcpd itself takes a lease with ``tstp`` after ``atsfp`` for one whose update has to be sent again
(server/failover.c:5724, dhcp_failover_generate_update_queue).
"""

from __future__ import annotations

import re

from ..patterns import lazy_pattern
from .read import Reader
from .syntax import Entry
from .syntax import parse

_LEASE = lazy_pattern(rb"^lease (\S+) \{\n(?:  [^\n]*\n)*?\}", re.MULTILINE)
_SENT = lazy_pattern(rb"^  tstp ([^;]*);", re.MULTILINE)
_KNOWN = lazy_pattern(rb"^  atsfp ([^;]*);", re.MULTILINE)


def unacknowledged(path: str) -> dict[str, float]:
    """
    Return the active leases of which the partner may not know, with their ends.

    path
        The lease file of a server that does not run.

    Returns the end of each (UTC epoch seconds) by address; ``inf`` for one that never ends. Raises
    :class:`~iscdhcp.errors.LeaseFileError` if the file can't be read.
    """
    doubtful: dict[bytes, bytes] = {}
    with Reader(path) as reader:
        while reader.fill():
            for found in _LEASE.finditer(reader.text):
                text = found.group()
                if b"\n  binding state active;" in text and _differ(text):
                    doubtful[found[1]] = text
                else:
                    doubtful.pop(found[1], None)
            reader.drop(len(reader.text))
    ends = {}
    for text in doubtful.values():
        entry = next(iter(parse(text + b"\n", 0, more=False)), None)
        if not isinstance(entry, Entry):
            continue
        fields = entry.fields
        if (fields.get("tstp") or 0) > (fields.get("atsfp") or 0):
            ends[entry.name] = float(fields.get("ends") or 0)
    return ends


def _differ(text: bytes) -> bool:
    """Whether what was sent is not what was acknowledged, as text."""
    sent, known = _SENT.search(text), _KNOWN.search(text)
    return sent is not None and (known is None or sent[1] != known[1])
