"""What lint says of OMAPI: its port and its key."""

from __future__ import annotations

from collections.abc import Iterator

from . import views
from .finding import ERROR
from .finding import NOTE
from .finding import WARNING
from .finding import Finding
from .syntax import Tree

#: isclib.c: what dhcpd can sign with.
ALGORITHMS = frozenset(
    {"hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"}
)


def omapi(tree: Tree, configuration: views.Configuration) -> Iterator[Finding]:
    omapi = configuration.omapi
    if omapi is None:
        if configuration.relationships:
            first = configuration.relationships[0]
            yield Finding(
                NOTE,
                "no-omapi",
                first.file,
                first.line,
                "without OMAPI the state of the pair is proved by the log alone, and the graceful "
                "ways to restart are not there",
                "add omapi-port, omapi-key and a key, and a firewall rule for the port",
            )
        return
    if omapi.key is None:
        yield Finding(
            WARNING,
            "omapi-without-key",
            omapi.file,
            omapi.line,
            "OMAPI takes orders from anyone who reaches its port, on every address of this host: "
            "anyone can stop this server or take leases away",
            "add a key and omapi-key, and let only the hosts that need it reach the port",
        )
        return
    algorithm = omapi.key.algorithm.lower().rstrip(".").removesuffix(".sig-alg.reg.int")
    if algorithm not in ALGORITHMS:
        yield Finding(
            ERROR,
            "unknown-algorithm",
            omapi.key.file,
            omapi.key.line,
            "dhcpd does not know this key's algorithm: dhcpd -t lets it pass, and OMAPI does not "
            "work",
            "write hmac-sha256 (or hmac-md5 where an old client needs it)",
        )
    if omapi.key.name.lower() in _GUESSED:
        yield Finding(
            NOTE,
            "omapi-key-name",
            omapi.key.file,
            omapi.key.line,
            "this key's name is the first that anyone would try, and dhcpd takes orders from "
            "anyone who knows the name, without the secret (measured)",
            "give the key a name like a password, and let only the hosts that need it reach the "
            "port",
        )


_GUESSED = frozenset(
    {"omapi_key", "omapi-key", "omapi", "omapikey", "defomapi", "dhcp", "dhcpd", "key", "dhcp-key"}
    | {"dhcp_key", "failover", "rndc-key", "rndc.key", "dhcp_updater", "dhcpupdate"}
)
