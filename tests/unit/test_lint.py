"""What ``dhcpd.check_config`` finds wrong with a configuration, and how it says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp import conf
from iscdhcp import lint
from iscdhcp.errors import ConfError

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
HERE = ["192.0.2.1", "127.0.0.1"]


def findings(text: str, addresses: list[str] | None = HERE) -> list[lint.Finding]:
    found = lint.lint(conf.parse_text(text), addresses)
    for one in found:
        assert one.severity in ("error", "warning", "note")
        assert one.what and one.fix and one.file and one.line
        assert "7f3c" not in str(one) and "c2Vj" not in str(one)
    return found


def the(code: str, text: str, addresses: list[str] | None = HERE) -> lint.Finding:
    found = [one for one in findings(text, addresses) if one.code == code]
    assert len(found) == 1, findings(text, addresses)
    return found[0]


def test_a_good_pair_has_no_finding() -> None:
    assert findings(GOOD) == []
    assert findings(SECONDARY + OMAPI + POOL, ["192.0.2.2"]) == []


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
        GOOD.replace("peer address 192.0.2.2", "peer address 192.0.2.1"),
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


@pytest.mark.parametrize(
    ("code", "severity", "line", "text"), LETS_PASS, ids=[f"{r[0]}-{r[1]}" for r in LETS_PASS]
)
def test_what_dhcpd_lets_pass_is_found(code: str, severity: str, line: int, text: str) -> None:
    here = ["192.0.2.2"] if "secondary;" in text and "primary" not in text else HERE
    found = the(code, text, here)
    assert (found.severity, found.line) == (severity, line)


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


@pytest.mark.parametrize(
    ("code", "line", "text"), REFUSED, ids=[f"{row[0]}-{i}" for i, row in enumerate(REFUSED)]
)
def test_what_dhcpd_refuses_is_said_with_its_meaning(code: str, line: int, text: str) -> None:
    found = the(code, text, None)
    assert (found.severity, found.line) == ("error", line)


def test_addresses_are_held_against_those_of_this_host() -> None:
    assert "192.0.2.1" in the("address-not-here", GOOD, ["192.0.2.77", "10.0.0.1"]).what
    assert "partner's file" in the("addresses-swapped", GOOD, ["192.0.2.2"]).what
    both = the("peer-address-here", GOOD, ["192.0.2.1", "192.0.2.2"])
    assert "192.0.2.2" in both.what
    assert the("no-subnet-of-this-host", GOOD.replace("192.0.2.0 ", "10.0.0.0 "), HERE)
    names = GOOD.replace("address 192.0.2.1", "address a.example.org", 1)
    assert not [one for one in findings(names) if one.code.startswith("address")]


def test_a_shared_network_gives_its_relationship_to_its_pools() -> None:
    text = POOL.replace('failover peer "foo"; deny', "deny")
    inherited = f'shared-network x {{ failover peer "foo"; {text} }}'
    assert findings(PRIMARY + OMAPI + inherited) == []


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


def test_what_is_valid_has_no_error() -> None:
    assert [one for one in findings(VALID, None) if one.severity == "error"] == []


def test_both_primary_and_ends_that_do_not_match_are_found_with_both_files() -> None:
    def views(text: str) -> conf.Configuration:
        return conf.views(conf.parse_text(text))

    good = views(GOOD)
    assert lint.lint_pair(good, views(SECONDARY + POOL), "a", "b") == []
    (both,) = lint.lint_pair(good, views(SECONDARY.replace("secondary", "primary")), "a", "b")
    assert (both.severity, both.code, both.line) == ("error", "both-primary", 1)
    (ports,) = lint.lint_pair(good, views(SECONDARY.replace("847", "848")), "a", "b")
    assert ports.code == "ends-do-not-match" and "848" in ports.what


def test_the_worst_comes_first() -> None:
    found = findings(GOOD.replace("delay 30", "delay 300").replace("mclt 1800;", ""))
    assert [one.severity for one in found] == ["error", "warning"]


def test_fifty_thousand_hosts_are_checked_in_seconds() -> None:
    host = "host h%d {\n  hardware ethernet 02:00:00:00:00:01;\n  fixed-address 10.0.0.1;\n}\n"
    text = GOOD + "".join(host % number for number in range(50_000))
    begun = time.process_time()
    assert findings(text) == []
    assert time.process_time() - begun < 10  # measured: 1


CUTS = GOOD.split(" ")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([*CUTS, "{", "}", ";", '"', "zone", "option", "class"])))
def test_no_configuration_fails_with_anything_but_a_conf_error(words: list[str]) -> None:
    try:
        findings(" ".join(words))
    except ConfError as error:
        assert error.line is not None


def test_a_broken_key_is_never_shown() -> None:
    for cut in range(len(OMAPI)):
        for text in (OMAPI[:cut], OMAPI[:cut] + OMAPI[cut + 1 :], OMAPI[:cut] + ";" + OMAPI[cut:]):
            try:
                findings(text, None)
            except ConfError as error:
                assert "7f3c" not in str(error) and "c2Vj" not in str(error)


CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "configs"


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the sample files are not here: {CORPUS}")
def test_samples_of_real_origin_are_checked_without_a_crash() -> None:
    checked = 0
    for path in CORPUS.iterdir():
        try:
            tree = conf.parse_file(str(path), str(CORPUS))
        except ConfError:
            continue
        checked += len(lint.lint(tree, HERE)) + 1
    assert checked > 60
