"""Configurations: good ones, those that dhcpd refuses, those that it should."""

from __future__ import annotations

PRIMARY = """failover peer "foo" {
  primary; address 192.0.2.1; port 647; peer address 192.0.2.2; peer port 847;
  max-response-delay 30; load balance max seconds 3; mclt 1800; split 128;
}
"""
SECONDARY = """failover peer "foo" {
  secondary; address 192.0.2.2; port 847; peer address 192.0.2.1; peer port 647;
  max-response-delay 30; load balance max seconds 3;
}
"""
KEY = 'key "omapi-7f3c" { algorithm hmac-sha256; secret "c2VjcmV0"; }\n'
OMAPI = KEY + "omapi-port 7911; omapi-key omapi-7f3c;\n"
POOL = """subnet 192.0.2.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; deny dynamic bootp clients; range 192.0.2.50 192.0.2.199; }
}
"""
GOOD = PRIMARY + OMAPI + POOL
LETS_PASS = [
    ("port-twice", "error", 2, PRIMARY.replace("peer port", "port") + OMAPI + POOL),
    ("no-peer-port", "note", 2, GOOD.replace("peer port 847;", "")),
    (
        "no-peer-port",
        "warning",
        2,
        GOOD.replace("peer port 847;", "").replace("port 647", "port 9"),
    ),
    (
        "mclt-on-secondary",
        "warning",
        4,
        SECONDARY.replace("3;\n}", "3;\n mclt 60; }") + OMAPI + POOL.replace("1", "1"),
    ),
    ("no-role", "warning", 1, GOOD.replace("primary;", "")),
    ("two-roles", "error", 1, GOOD.replace("primary;", "secondary; primary;")),
    ("max-response-delay-long", "warning", 3, GOOD.replace("delay 30", "delay 300")),
    ("max-response-delay-short", "warning", 3, GOOD.replace("delay 30", "delay 2")),
    (
        "auto-partner-down",
        "warning",
        3,
        GOOD.replace("delay 30;", "delay 30; auto-partner-down 9;"),
    ),
    ("no-load-balance-max-seconds", "note", 1, GOOD.replace("load balance max seconds 3;", "")),
    (
        "split-and-hba",
        "warning",
        3,
        GOOD.replace("split 128", "split 128; hba " + ":".join(["ff"] * 32)),
    ),
    ("mclt-long", "warning", 3, GOOD.replace("mclt 1800", "mclt 86400")),
    ("mclt-longer-than-leases", "warning", 1, GOOD + "max-lease-time 600;"),
    ("omapi-without-key", "warning", 6, GOOD.replace("omapi-key omapi-7f3c;", "")),
    ("omapi-key-name", "note", 5, GOOD.replace("omapi-7f3c", "omapi_key")),
    ("unknown-algorithm", "error", 5, GOOD.replace("hmac-sha256", "hmac-sha3")),
    ("no-omapi", "note", 1, PRIMARY + POOL),
    ("pool-without-peer", "warning", 8, GOOD.replace('failover peer "foo"; deny', "deny")),
    ("bootp-not-denied", "note", 8, GOOD.replace("deny dynamic bootp clients;", "")),
    (
        "addresses-equal",
        "error",
        1,
        GOOD.replace(
            "peer address 192.0.2.2; peer port 847", "peer address 192.0.2.1; peer port 647"
        ),
    ),
    (
        "same-partner-twice",
        "error",
        10,
        GOOD
        + PRIMARY.replace("foo", "bar")
        + POOL.replace("foo", "bar").replace("192.0.2", "10.0.0"),
    ),
    ("no-fsync", "warning", 10, GOOD + "dont-use-fsync true;"),
]
REFUSED = [
    ("peer-without-pool", 1, PRIMARY + OMAPI),
    ("split-on-secondary", 3, SECONDARY.replace("delay 30;", "delay 30; split 1;")),
    ("no-mclt", 1, GOOD.replace("mclt 1800;", "")),
    ("no-split", 1, GOOD.replace("split 128;", "")),
    ("dynamic-bootp", 8, GOOD.replace("range 192", "range dynamic-bootp 192")),
    ("range-outside-subnet", 8, GOOD.replace("2.199", "3.199")),
    ("range-twice", 8, GOOD.replace("range", "range 192.0.2.60; range")),
    ("pool-without-range", 8, GOOD.replace("range 192.0.2.50 192.0.2.199;", "")),
    ("peer-not-quoted", 8, GOOD.replace('peer "foo"; deny', "peer foo; deny")),
    ("configuration", 8, GOOD.replace('peer "foo"; deny', 'peer "bar"; deny')),
    ("configuration", 6, GOOD.replace("omapi-key omapi-7f3c", "omapi-key omapi-7f3cc")),
    ("incomplete-key", 10, GOOD + "key x { algorithm hmac-md5; }"),
    ("bad-secret", 5, GOOD.replace("c2VjcmV0", "c2VjcmV")),
    ("unknown-key", 10, GOOD + "zone x. { primary 127.0.0.1; key y; }"),
    ("misplaced", 10, GOOD + "fixed-address 10.0.0.1;"),
    ("misplaced", 10, GOOD + "group { pool { range 10.0.0.1; } }"),
    ("misplaced", 10, GOOD + "host x { subnet 10.0.0.0 netmask 255.0.0.0 { } }"),
    ("unknown-statement", 10, GOOD + "max-leese-time 5;"),
    ("unknown-option", 10, GOOD + 'option domain-nam "x";'),
    ("unknown-option", 10, GOOD + "option foo.bar 1;"),
    ("unknown-class", 10, GOOD + 'subclass "x" 1:2:3;'),
    ("class-matches-twice", 10, GOOD + 'class "x" { match if known; match if static; }'),
    ("bad-value", 10, GOOD + "filename x.0;"),
    ("bad-value", 10, GOOD + "max-lease-time one;"),
    ("bad-value", 10, GOOD + "option routers 10.0.0.256;"),
    ("bad-value", 10, GOOD + "ping-check maybe;"),
]
VALID = (
    KEY
    + r"""
    option space PXE; option PXE.mtftp-ip code 1 = ip-address; option local-x code 200 = text;
    option local-x "y"; option PXE.mtftp-ip 1.2.3.4; option unknown-130 1:2;
    vendor-option-space PXE;
    option domain-search "a.example", "b.example"; option host-name = concat("a", "b");
    class "a" { match if known; spawn with option agent.circuit-id; lease limit 4; }
    subclass "a" 1:2:3 { option routers 10.0.0.1, gw.example.org; }
    if option local-x = "1" { max-lease-time 5; } elsif known { deny booting; }
    else { set a = "b"; }
    switch (option host-name) { case "a": break; default: log(info, "x"); }
    on commit { execute("/bin/true"); unset a; }
    shared-network x { interface "eth0"; not authoritative;
      subnet 10.0.0.0 netmask 255.0.0.0 { range dynamic-bootp 10.0.0.1; authoritative;
        pool { allow members of "a"; deny unknown-clients; range 10.0.1.1 10.0.1.9; } } }
    group g { } group { use-host-decl-names on; host h { hardware ethernet 1:2:3:4:5:6; dynamic;
      fixed-address h.example.org; ddns-hostname "h"; group g; } }
    ignore client-updates; ddns-update-style interim; default-lease-time infinite;
    % option local-x unknown unknown; log-facility local7; server-identifier 10.0.0.2;
    zone example.org. { primary 127.0.0.1; key "omapi-7f3c"; } db-time-format local;
    """
)
