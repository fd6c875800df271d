"""Two servers' configurations compared: equal means equal, and what differs is shown."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp.conf import compare
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.errors import ConfError

PRIMARY = """
failover peer "foo" {
  primary; address 192.0.2.1; port 647; peer address 192.0.2.2; peer port 847;
  max-response-delay 30; mclt 1800; split 128;
}
"""
SECONDARY = """
failover peer foo {
  secondary; address 192.0.2.2; port 847; peer address 192.0.2.1; peer port 647;
  max-response-delay 30;
}
"""
KEY = 'key "omapi-7f3c" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0"; };\n'
REST = """
option domain-name "example.org"; default-lease-time 600; max-lease-time 7200;
subnet 192.0.2.0 netmask 255.255.255.0 {
  option routers 192.0.2.254;
  pool { failover peer "foo"; deny dynamic bootp clients; range 192.0.2.50 192.0.2.99; }
  pool { failover peer "foo"; allow unknown-clients; range 192.0.2.100 192.0.2.199; }
}
host a { hardware ethernet 0:0:c0:5D:bd:95; fixed-address 192.0.2.9; }
"""


def form(text: str, relationship: str | None = "foo", nonce: str = "n", whole: bool = False):
    return normal.normal_form(syntax.parse_text(text), nonce, relationship, whole)


def drift(one: str, other: str, **more) -> list[str]:
    """The difference that is shown; that it is empty exactly for equal digests is checked."""
    forms = form(one, **more), form(other, **more)
    # Through JSON, as from a minion.
    forms = json.loads(json.dumps(forms))
    found = compare.compare(*forms)
    assert bool(found) == (forms[0]["digest"] != forms[1]["digest"])
    backwards = compare.compare(*reversed(forms))
    assert bool(found) == bool(backwards)
    return compare.lines(found, "dhcp-a", "dhcp-b")


EQUAL = [
    ("roles, addresses, ports, mclt and split", PRIMARY + REST, SECONDARY + REST),
    ("comments and white space", "#x\noption a 1.2.3.4 ,\n5.6.7.8;", "option a 1.2.3.4,5.6.7.8;"),
    ("upper case", "OPTION Domain-Name-Servers NS;", "option domain-name-servers ns;"),
    ("names with and without quotes", 'host "a" { }', "host a { }"),
    ("order of settings", "option a 1; max-lease-time 5;", "max-lease-time 5; option a 1;"),
    ("order of declarations", "host a { } host b { }", "host b { } host a { }"),
    ("a setting that a later one replaces", "option a 1; option a 2;", "option a 2;"),
    ("settings after what they hold for", "host a { } option x 1;", "option x 1; host a { }"),
    ("leading zeros", "host a { hardware ethernet 0:1:2:3:4:A; }",
     "host a { hardware ethernet 00:01:02:03:04:0a; }"),
    ("semicolons too many", KEY, KEY.replace(";\n", "")),
    ("the server's own", 'server-identifier 1.2.3.4; pid-file-name "/x";', ""),
    ("a value that is the default", PRIMARY,
     SECONDARY.replace("max-response-delay 30;", "max-response-delay 30; max-balance 3600;")),
    ("a setting that no condition names", "option a 1; if known { option b 2; }",
     "if known { option b 2; } option a 1;"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in EQUAL], ids=[r[0] for r in EQUAL])
def test_what_means_the_same_is_equal(one: str, other: str) -> None:
    assert drift(one, other) == []


POOLS = PRIMARY + "subnet 10.0.0.0 netmask 255.0.0.0 { %s }"
DIFFERENT = [
    ("a range", PRIMARY + REST, SECONDARY + REST.replace("192.0.2.199", "192.0.2.198")),
    ("permits of two pools swapped",
     POOLS % "pool { range 10.0.0.1; allow known-clients; } pool { range 10.0.0.2; }",
     POOLS % "pool { range 10.0.0.1; } pool { range 10.0.0.2; allow known-clients; }"),
    ("a pool that is not shared", REST + PRIMARY,
     REST.replace('failover peer "foo"; deny', "deny") + PRIMARY),
    ("order of classes", 'class "a" { } class "b" { }', 'class "b" { } class "a" { }'),
    ("order of conditions", "if known { option a 1; } if static { option a 2; }",
     "if static { option a 2; } if known { option a 1; }"),
    ("a setting before or after a condition that sets it too",
     "option a 1; if known { option a 2; }", "if known { option a 2; } option a 1;"),
    ("authoritative only for what follows", "authoritative; group { }", "group { } authoritative;"),
    ("which of two settings is last", "option a 1; option a 2;", "option a 2; option a 1;"),
    ("a string and a name", 'option a "b";', "option a b;"),
    ("case in a string", 'option a "B";', 'option a "b";'),
    ("case in a host's name", "host A { }", "host a { }"),
    ("white space in a string", 'option a "b , c";', 'option a "b,c";'),
    ("a secret", KEY, KEY.replace("c2Vj", "c2Vk")),
    ("an algorithm", KEY, KEY.replace("sha256", "md5")),
    ("a key's name", KEY, KEY.replace("7f3c", "7f3d")),
    ("which key", KEY + KEY.replace("7f", "8f") + "omapi-key omapi-7f3c;",
     KEY + KEY.replace("7f", "8f") + "omapi-key omapi-8f3c;"),
    ("relationship's name", PRIMARY, SECONDARY.replace("foo", "bar")),
    ("relationship's settings", PRIMARY, SECONDARY.replace("delay 30", "delay 60")),
    ("relationship inherited or not",
     PRIMARY + 'shared-network x { failover peer "foo"; '
     "subnet 10.0.0.0 netmask 255.0.0.0 { pool { range 10.0.0.1; } } }",
     PRIMARY + 'shared-network x { subnet 10.0.0.0 netmask 255.0.0.0 { pool { range 10.0.0.1; } } '
     'failover peer "foo"; }'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"), [row[1:] for row in DIFFERENT], ids=[r[0] for r in DIFFERENT]
)
def test_what_means_something_else_differs(one: str, other: str) -> None:
    shown = drift(one, other)
    assert shown
    assert not any(word in "\n".join(shown) for word in ("7f3c", "8f3c", "c2Vj", "c2Vk"))


def test_ranges_that_touch_are_one_and_a_gap_is_a_difference() -> None:
    one = POOLS % "pool { range 10.0.0.1 10.0.0.20; }"
    assert drift(one, POOLS % "pool { range 10.0.0.11 10.0.0.20; range 10.0.0.1 10.0.0.10; }") == []
    assert drift(one, POOLS % "pool { range 10.0.0.12 10.0.0.20; range 10.0.0.1 10.0.0.10; }")


def test_a_relationship_may_be_inherited_or_written_in_each_pool() -> None:
    pool = "subnet 10.0.0.0 netmask 255.0.0.0 { pool { %s range 10.0.0.1; } }"
    inherited = f'shared-network x {{ failover peer "foo"; {pool % ""} }}'
    written = f"shared-network x {{ {pool % 'failover peer foo;'} }}"
    assert drift(PRIMARY + inherited, PRIMARY + written) == []


def test_the_difference_is_shown_with_its_place_on_both_sides() -> None:
    shown = drift(
        PRIMARY + REST, SECONDARY + REST.replace("2.199", "2.198") + 'host b { filename "x"; }'
    )
    assert shown == [
        "  subnet 192.0.2.0/24",
        "    pool",
        "-     range 192.0.2.100 192.0.2.199    [dhcp-a:dhcpd.conf:11]",
        "+     range 192.0.2.100 192.0.2.198    [dhcp-b:dhcpd.conf:11]",
        '+ host "b"    [dhcp-b:dhcpd.conf:14]',
        '+   filename "x"',
    ]


def test_a_changed_secret_is_told_without_name_and_value() -> None:
    rest = "omapi-port 7911; omapi-key omapi-7f3c;"
    (line,) = drift(KEY + rest, KEY.replace("c2Vj", "c2Vk") + rest)
    assert "secret of a key" in line and "dhcp-a:dhcpd.conf:1" in line
    data = json.dumps(form(KEY + rest))
    assert "7f3c" not in data and "c2Vj" not in data
    other = json.dumps(form(KEY + rest, nonce="another"))
    assert data != other, "tokens of two calls can't be compared"


def test_a_secret_that_is_written_another_way_is_the_same() -> None:
    assert drift(KEY, "key OMAPI-7F3C { secret c2VjcmV0c2VjcmV0; algorithm HMAC-SHA256; }") == []


def test_what_a_hub_shares_only_with_another_partner_is_left_out() -> None:
    bar = PRIMARY.replace("foo", "bar") + REST.replace("foo", "bar").replace("192.0", "198.1")
    hub = PRIMARY + REST + bar.replace("host a", "host b").replace("subnet", "subnet", 1)
    shown = drift(hub, SECONDARY + REST)
    assert not any("198.1.2.0/24" in line for line in shown)
    assert [line for line in shown if line[0] != " "][0].startswith('- host "b"')
    assert any("198.1.2.0/24" in line for line in drift(hub, SECONDARY + REST, relationship=None))


def test_the_whole_form_keeps_roles_and_addresses() -> None:
    shown = drift(PRIMARY, PRIMARY.replace("peer port 847", "port 847"), whole=True)
    assert any("peer port 847" in line for line in shown)
    assert drift('pid-file-name "/a";', 'pid-file-name "/b";', whole=True)


def test_blocks_that_no_one_nests_so_deep_are_refused() -> None:
    with pytest.raises(ConfError) as caught:
        form("group {\n" * 5000 + "}" * 5000)
    assert caught.value.line == 101


def relationship(text: str) -> views.Relationship:
    return views.views(syntax.parse_text(text)).relationships[0]


def test_ends_that_do_not_find_each_other_are_named() -> None:
    def crossed(one: views.Relationship, other: views.Relationship, *servers: str) -> list[str]:
        ends = (compare.relationship_facts(end) for end in (one, other))
        return compare.crossed_facts(*ends, *servers)

    good = relationship(PRIMARY), relationship(SECONDARY)
    assert crossed(*good, "dhcp-a", "dhcp-b") == []
    (both,) = crossed(
        good[0], relationship(SECONDARY.replace("secondary", "primary")), "dhcp-a", "dhcp-b"
    )
    assert "both servers are primary" in both and "dhcp-b:dhcpd.conf:2" in both
    (port,) = crossed(
        relationship(PRIMARY.replace("peer port 847", "port 647")), good[1], "dhcp-a", "dhcp-b"
    )
    assert "dhcp-a calls its partner at port 647" in port and "listens at port 847" in port
    (address,) = crossed(
        good[0], relationship(SECONDARY.replace("r address 192.0.2.1", "r address 192.0.2.7")),
        "dhcp-a", "dhcp-b",
    )  # fmt: skip
    assert "192.0.2.7" in address


def test_fifty_thousand_hosts_are_compared_in_seconds() -> None:
    host = "host h%d {\n  hardware ethernet 02:00:00:00:00:01;\n  fixed-address 10.0.0.1;\n}\n"
    text = PRIMARY + REST + "".join(host % number for number in range(50_000))
    begun = time.process_time()
    shown = drift(text, text.replace("host h40000 ", "host x "))
    assert time.process_time() - begun < 20  # measured: 4, with JSON and back and both ways
    assert len(shown) == 6


STATEMENTS = st.lists(
    st.sampled_from(
        [
            "option a 1;", "option a 2;", "append a 3;", "max-lease-time 5;", "authoritative;",
            "not authoritative;", "allow booting;", "deny booting;", "group { option a 1; }",
            "if known { option a 1; }", "host h { }", "host h { filename \"x\"; }", KEY,
            'class "c" { match if known; }', "set x = 1;", "option x.y code 1 = text;",
        ]
    ),
    max_size=7,
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(STATEMENTS, STATEMENTS)
def test_a_difference_is_shown_if_and_only_if_there_is_one(one: list, other: list) -> None:
    drift(" ".join(one), " ".join(other))
    assert drift(" ".join(one), "\n# x\n".join(one)) == []


@pytest.mark.parametrize(
    "one, other",
    [
        ("ddns-updates on;", "ddns-updates true;"),
        ("ddns-updates off;", "ddns-updates FALSE;"),
        ("option ip-forwarding on;", "option ip-forwarding true;"),
        ('class "a" { match hardware; } subclass "a" 1:0:0:5e:0:53:1;',
         'class "a" { match hardware; } subclass "a" 01:00:00:5E:00:53:01;'),
        ("option vendor-encapsulated-options 1:2:f;",
         "option vendor-encapsulated-options 01:02:0F;"),
        ('option dhcp-client-identifier 1:0:5e;', 'option dhcp-client-identifier 01:00:5e;'),
        ("subnet 10.0.0.0 netmask 255.0.0.0 { pool { allow known clients; range 10.0.0.9; } }",
         "subnet 10.0.0.0 netmask 255.0.0.0 { pool { allow known-clients; range 10.0.0.9; } }"),
        ("subnet 10.0.0.0 netmask 255.0.0.0 { pool { deny unknown clients; range 10.0.0.9; } }",
         "subnet 10.0.0.0 netmask 255.0.0.0 { pool { deny unknown-clients; range 10.0.0.9; } }"),
        ("if known { min-secs 1; } else if static { min-secs 2; } else { min-secs 3; }",
         "if known { min-secs 1; } elsif static { min-secs 2; } else { min-secs 3; }"),
        ("zone example.org. { primary 192.0.2.5; }", "zone example.org { primary 192.0.2.5; }"),
        ("not authoritative;", ""),
        ("allow booting; allow unknown-clients; allow bootp;", ""),
        ("abandon-lease-time 0x15180; ping-check on; ping-timeout 01;", ""),
        ("deny booting; allow booting;", ""),
        ('option dhcp-client-identifier "ab";', "option dhcp-client-identifier 61:62;"),
        ('option dhcp.host-name "a";', 'option host-name "a";'),
        ("default-lease-time 600;", "default-lease-time 0x258;"),
        ("option netbios-node-type 8;", "option netbios-node-type 010;"),
        ('class "a" { match hardware; } subclass "a" "x";',
         'class "a" { match hardware; } subclass "a" 78;'),
        ('class "a" { match if (known); }', 'class "a" { match if known; }'),
        ("if known { min-secs 1; } else { }", "if known { min-secs 1; }"),
        ('if option host-name = "x" { }', 'if (option host-name = "x") { }'),
        ("if ((not known)) { min-secs 1; }", "if not (known) { min-secs 1; }"),
    ],
)  # fmt: skip
def test_what_means_the_same_to_dhcpd_is_no_drift(one: str, other: str) -> None:
    assert drift(PRIMARY + REST + one, SECONDARY + REST + other) == []


@pytest.mark.parametrize(
    "one, other",
    [
        ("ddns-updates on;", "ddns-updates off;"),
        ('option dhcp-client-identifier "ab";', "option dhcp-client-identifier 61:63;"),
        ('option host-name "a";', 'option server.host-name "a";'),
        ("default-lease-time 600;", "default-lease-time 0600;"),
        (
            "if (known and static) or known { min-secs 1; }",
            "if known and (static or known) { min-secs 1; }",
        ),
        ("if not (known and static) { min-secs 1; }", "if not known and static { min-secs 1; }"),
        ("if known { min-secs 1; } else { min-secs 2; }", "if known { min-secs 1; }"),
        ("authoritative;", ""),
        ("allow booting; deny booting;", ""),
        ("group { default-lease-time 43200; }", "group { }"),
        ("allow bootp; if known { deny bootp; }", "if known { deny bootp; }"),
        ("default-lease-time 43201;", ""),
        ("authoritative;", "not authoritative;"),
        ("group { authoritative; }", "group { not authoritative; }"),
        ('option domain-name "1:2";', 'option domain-name "01:02";'),
        ("option vendor-encapsulated-options 1:2;", "option vendor-encapsulated-options 1:20;"),
        ('option domain-name "on";', 'option domain-name "true";'),
        ("if known { } else if static { }", "if known { } else { if static { } }"),
    ],
)
def test_what_only_looks_alike_is_drift(one: str, other: str) -> None:
    assert drift(PRIMARY + REST + one, SECONDARY + REST + other) != []
