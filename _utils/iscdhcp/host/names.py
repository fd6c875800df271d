"""What a host's name is to dhcpd: looked up as it looks it up."""

from __future__ import annotations

import socket


def resolved(name: str) -> list[str]:
    """
    Return a name's IPv4 addresses, in the order in which dhcpd is told them.

    name
        As it stands in dhcpd.conf.

    Empty where nobody knows it. dhcpd asks with gethostbyname, and so does this: where
    /etc/hosts and a name server differ, both get the same.
    """
    try:
        found = socket.gethostbyname_ex(name)[2]
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(found))
