"""Whole inputs of each reader, and how they are damaged."""

from __future__ import annotations

import random

import judged_configurations as judged
from failover_messages import MESSAGES

LEASE = (
    b"lease 10.0.0.%d {\n  starts 1 2026/11/23 07:22:56;\n  ends 1 2026/11/23 08:22:56;\n"
    b"  tstp 1 2026/11/23 08:22:56;\n  cltt 1 2026/11/23 07:22:56;\n  binding state active;\n"
    b"  next binding state expired;\n  hardware ethernet 02:00:00:00:00:01;\n"
    b'  uid "\\001\\002\\000{}\\";";\n  set x = "y";\n  client-hostname "host-%d";\n}\n'
)
STATE = (
    b'failover peer "foo" state {\n  my state normal at 1 2026/11/23 07:22:56;\n'
    b"  partner state normal at 1 2026/11/23 07:22:56;\n  mclt 3600;\n}\n"
)
#: Marks that readers stumble over.
SPICE = [
    *(b"{", b"}", b";", b'"', b"\\", b"\\0", b"\\x", b"#", b"\n", b"\0", b"\xff", b"(", b")", b","),
    *(b"\xe2\x80\x90", b"\xef\xbb\xbf", b"failover peer", b'include "/dev/null";', b"-", b"="),
    *(b"9" * 40, b"0x", b"lease ", b"group {", b"pool {", b"if ", b"else ", b"<190>1 ", b"[", b"]"),
    *(b"{" * 300, b"(" * 300, b'"' * 99, b"#" * 99, b" " * 5000, b"a" * 5000, b"1." * 200),
]


def configurations(luck: random.Random) -> bytes:
    """A configuration, of those that were judged by dhcpd."""
    some = luck.sample(judged.TAKEN + judged.REFUSED, 3)
    return "".join(map(judged.whole, some)).encode()


def lease_files(luck: random.Random) -> bytes:
    """A lease file."""
    entries = [STATE, *(LEASE % (n, n) for n in range(luck.randrange(1, 12)))]
    luck.shuffle(entries)
    return b"".join(entries)


def logs(luck: random.Random) -> bytes:
    """Some lines of a log."""
    stamps = ("Nov 25 10:00:03 host1", "2026-11-25T10:00:03+01:00 host1", "<190>Nov 25 10:00:03")
    return "".join(
        f"{luck.choice(stamps)} dhcpd[{luck.randrange(99)}]: {luck.choice(MESSAGES)[1]}\n"
        for _ in range(luck.randrange(1, 12))
    ).encode()


def damaged(text: bytes, luck: random.Random) -> bytes:
    """The same with some damage: cut, doubled, moved, changed, or with spice in it."""
    for _ in range(luck.choice((1, 1, 2, 3, 8))):
        at, end = sorted((luck.randrange(len(text) + 1), luck.randrange(len(text) + 1)))
        end = min(end, at + 400)
        kind = luck.randrange(6)
        if kind == 0:
            text = text[:at]
        elif kind == 1:
            text = text[:at] + text[end:]
        elif kind == 2:
            text = text[:end] + text[at:end] * luck.choice((1, 2, 40)) + text[end:]
        elif kind == 3:
            text = text[:at] + luck.choice(SPICE) + text[at:]
        elif kind == 4:
            text = text[:at] + luck.randbytes(luck.randrange(1, 9)) + text[at + 1 :]
        else:
            other = luck.randrange(len(text) + 1)
            text = text[:other] + text[at:end] + text[other:]
        text = text[:200_000]
    return text
