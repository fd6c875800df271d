"""What lint finds in a configuration: its codes, each with its meaning in general."""

from __future__ import annotations

from .trouble import BAD
from .trouble import NOTE
from .trouble import Trouble

#: Each with what it means and what to do.
_ERRORS = (
    ("syntax", "The file can't be read or parsed: dhcpd does not start.", "fix it there"),
    ("misplaced", "A statement stands where dhcpd takes none of its kind.", "move it"),
    ("incomplete", "A statement lacks its name, its value or its block.", "complete it"),
    ("unknown-statement", "A word is no statement of dhcpd.conf: dhcpd does not start.", "fix it"),
    ("unknown-option", "There is no such option or option space.", "define it first, or fix it"),
    ("unknown-class", "No class has that name: dhcpd does not start.", "declare it before"),
    ("unknown-key", "A zone names a key that is not declared before it.", "declare it before"),
    ("class-matches-twice", "A class has two conditions: dhcpd does not start.", "leave one"),
    ("incomplete-key", "A key lacks a part: dhcpd crashes on it.", "complete or remove it"),
    ("bad-value", "A statement's value is not of its kind.", "write one of that kind"),
    ("bad-secret", "A key's secret is not base64: dhcpd does not start.", "make it again"),
    ("peer-before-declaration", "A pool names a relationship that comes later.", "move it"),
    ("class-before-declaration", "A class is named before it is declared.", "move it"),
    ("host-twice", "Two hosts have the same name: no start.", "give each its own"),
    ("bad-subnet", "A subnet's number has bits of its hosts: no start.", "write the subnet's own"),
    ("bad-permit", "A pool, or the rest, can't allow or deny that: no start.", "write one it can"),
    ("bad-expression", "An expression is not written as dhcpd reads them.", "write it as shown"),
    ("bad-definition", "The definition of an option is not whole: no start.", "complete it"),
    ("stray-semicolon", "A semicolon with no statement before it: no start.", "remove it"),
    ("missing-semicolon", "A statement of a failover peer has no ; at its end.", "write it"),
    ("unknown-failover-word", "A word is no statement of a failover peer.", "fix or remove it"),
    ("not-ascii", "A character from a web page or word processor.", "write it in plain ASCII"),
    ("two-roles", "A relationship is primary and secondary; dhcpd takes the last.", "leave one"),
    ("split-on-secondary", "A secondary may not define split: no start.", "remove it there"),
    ("hba-on-secondary", "A secondary may not define hba: no start.", "remove it there"),
    ("no-mclt", "A primary has no mclt: dhcpd does not start.", 'add "mclt 3600;"'),
    ("no-split", "A primary has neither split nor hba: no start.", 'add "split 128;"'),
    (
        "port-twice",
        "A relationship has port twice; the second was meant to be peer port.",
        'write "peer port" for the partner\'s, or remove one',
    ),
    (
        "peer-not-quoted",
        "In a pool the name of the failover peer has to be in quotes.",
        'write failover peer "NAME";',
    ),
    ("pool-without-range", "A pool without a range: no start.", "add one, or remove the pool"),
    (
        "dynamic-bootp",
        "BOOTP clients keep an address forever, and failover can't share such addresses.",
        'write "deny dynamic bootp clients;", and a pool of its own for BOOTP',
    ),
    (
        "peer-without-pool",
        "No pool refers to a failover peer: dhcpd does not start.",
        'add failover peer "NAME"; to the pools that both servers share, or remove the block',
    ),
    (
        "addresses-equal",
        "A server has its own address as its partner's: the two never connect.",
        "fix address or peer address",
    ),
    (
        "same-partner-twice",
        "Two relationships are between the same two addresses: dhcpd tells partners by their "
        "address, so that one of them stays in recover.",
        "make one relationship of the two, or give each addresses of its own",
    ),
    (
        "addresses-swapped",
        "This host's address stands as peer address: it looks like the partner's file.",
        "swap address and peer address (and the roles), or take the right file",
    ),
    (
        "address-not-here",
        "No interface of this host has the address; dhcpd -t does not see it.",
        "write an address of this host",
    ),
    (
        "name-unresolved",
        "An address of a relationship is a name that the host can't resolve: dhcpd does not start "
        "(its own), or never finds its partner; dhcpd -t does not see it.",
        "write the address in numbers, or put the name into /etc/hosts",
    ),
    (
        "name-loopback",
        "An address of a relationship is of the loopback, often by a name that Debian writes "
        "beside 127.0.1.1: the pair never connects.",
        "write the address in numbers",
    ),
    ("peer-address-here", "The partner's address is this host's own.", "write the partner's"),
    (
        "unknown-algorithm",
        "dhcpd does not know the algorithm of OMAPI's key; dhcpd -t lets it pass.",
        "write hmac-sha256 (or hmac-md5 where an old client needs it)",
    ),
    ("range-outside-subnet", "A range is not in its subnet: no start.", "fix one of them"),
    ("range-twice", "An address is in two ranges: no start.", "let each be in one range only"),
)
_WARNINGS = (
    (
        "name-several",
        "A name in a relationship has several addresses: dhcpd takes the first that it is told.",
        "write the address in numbers",
    ),
    (
        "lone-word",
        "A word alone that is no statement: dhcpd passes over most of them, and what was meant "
        "does not happen.",
        "write the statement as it is, or remove it",
    ),
    (
        "assignment",
        "A parameter's name with an equals sign sets a variable of that name, not the parameter.",
        "leave the equals sign out",
    ),
    ("no-role", "A relationship has no role; dhcpd takes it for primary.", "write one"),
    ("mclt-on-secondary", "A secondary learns mclt from its primary.", "remove it there"),
    ("split-and-hba", "split and hba say the same; the last counts.", "leave one of the two"),
    (
        "max-response-delay-long",
        "A dead partner is noticed late; half of the clients get no address until then.",
        'write "max-response-delay 30;" on both servers',
    ),
    (
        "max-response-delay-short",
        "A partner that is busy for a moment counts as dead, and the pair often leaves normal.",
        'write "max-response-delay 30;" on both servers',
    ),
    (
        "mclt-long",
        "A server that lost its leases, or was shut down over OMAPI, answers nobody for MCLT.",
        'write "mclt 3600;" or less on the primary',
    ),
    (
        "pool-without-peer",
        "A pool is shared with no partner: if both servers have it, one address goes to two "
        "clients.",
        'put it into a pool with failover peer "NAME";, or leave it on one server only',
    ),
    ("no-fsync", "With dont-use-fsync a lease may be lost with the power.", "remove it"),
    (
        "mclt-longer-than-leases",
        "An MCLT longer than a lease gains nothing, and costs time after a loss.",
        "write a shorter mclt",
    ),
    (
        "omapi-without-key",
        "OMAPI takes orders from anyone who reaches its port.",
        "add a key and omapi-key, and let only the hosts that need it reach the port",
    ),
    (
        "no-subnet-of-this-host",
        "No subnet is declared for any address of this host: dhcpd does not start, and dhcpd -t "
        "does not see it.",
        "declare the subnet of the interface that clients or relays reach",
    ),
)
_NOTES = (
    (
        "no-load-balance-max-seconds",
        "Load balancing is off and both servers answer each client.",
        'add "load balance max seconds 3;" on both servers',
    ),
    ("no-peer-port", "The partner is called at dhcpd's default port.", 'add "peer port"'),
    (
        "bootp-not-denied",
        "Failover does not serve BOOTP clients, and the pool does not say so.",
        'add "deny dynamic bootp clients;"',
    ),
    (
        "no-omapi",
        "Without OMAPI states are proved by the log alone, and the graceful ways to restart are "
        "not there.",
        "add omapi-port, omapi-key and a key, and a firewall rule for the port",
    ),
    (
        "omapi-key-name",
        "The key's name is among the first that anyone would try, and the name is enough.",
        "give the key a name like a password",
    ),
)

LINT = (
    *(Trouble(code, means, do, None, BAD, True) for code, means, do in _ERRORS),
    *(Trouble(code, means, do, None, BAD) for code, means, do in _WARNINGS),
    *(Trouble(code, means, do, None, NOTE) for code, means, do in _NOTES),
)
