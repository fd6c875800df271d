"""What ``dhcpd.check_config`` finds wrong with a configuration, and how it says so."""

from __future__ import annotations

import re
import time
from pathlib import Path

import judged_configurations as judged
import pytest
from configurations import GOOD
from configurations import LETS_PASS
from configurations import OMAPI
from configurations import POOL
from configurations import PRIMARY
from configurations import REFUSED
from configurations import SECONDARY
from configurations import VALID
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp.conf import lint
from iscdhcp.conf import normal
from iscdhcp.conf import syntax
from iscdhcp.conf import views
from iscdhcp.conf import write
from iscdhcp.conf.finding import Finding
from iscdhcp.errors import ConfError

HERE = ["192.0.2.1", "127.0.0.1"]
P, S = judged.P, judged.S
#: What is wrong, in a few words of what is told.
FOUND = [
    ("write max-unacked-updates", P.replace("mclt", "max-unacked-update 10; mclt") + S),
    ('before "port"', P.replace("192.0.2.2;", "192.0.2.2\n port 647;") + S),
    ("(U+2010)", P.replace("mclt", "max\u2010response\u2010delay 60; mclt") + S),
    ("write a plain hyphen (-)", P.replace("mclt", "max\u2013response-delay 6; mclt") + S),
    ("remove it; only after the block of a key", P + S.replace("} }", "}; }")),
    ("write authoritative;", "authorative;\n<B>"),
    ("write default-lease-time 60;", "default-lease-time = 60;\n<B>"),
    ("write subnet 192.0.2.0 netmask", P + S.replace("subnet 192.0.2.0", "subnet 192.0.2.1")),
    ("ethernet 00:00:5e:00:53:01", "<B>host h { hardware ethernet 00005e005301; }"),
    ("ethernet 00:00:5e:00:53:01", "<B>host h { hardware ethernet 0000.5e00.5301; }"),
    ("write vendor-class-identifier", '<B>class "c" { match option vendor-class-identifer; }'),
    ("dhcpd.conf:3 already", "<B>host a { }\nhost a { }\n"),
    ("move it into the pool", "deny unknown clients;\n<B>"),
    ("before it", "<S><P>"),
]


def findings(text: str, addresses: list[str] | None = HERE) -> list[Finding]:
    found = lint.lint(syntax.parse_text(text), addresses)
    for one in found:
        assert one.severity in ("error", "warning", "note")
        assert one.what and one.fix and one.file and one.line
        assert "7f3c" not in str(one) and "c2Vj" not in str(one)
    return found


def the(code: str, text: str, addresses: list[str] | None = HERE) -> Finding:
    found = [one for one in findings(text, addresses) if one.code == code]
    assert len(found) == 1, findings(text, addresses)
    return found[0]


def test_a_good_pair_has_no_finding() -> None:
    assert findings(GOOD) == []
    assert findings(SECONDARY + OMAPI + POOL, ["192.0.2.2"]) == []


@pytest.mark.parametrize(
    ("code", "severity", "line", "text"), LETS_PASS, ids=[f"{r[0]}-{r[1]}" for r in LETS_PASS]
)
def test_what_dhcpd_lets_pass_is_found(code: str, severity: str, line: int, text: str) -> None:
    here = ["192.0.2.2"] if "secondary;" in text and "primary" not in text else HERE
    found = the(code, text, here)
    assert (found.severity, found.line) == (severity, line)


def errors(text: str) -> list[str]:
    """The errors that are found in a configuration, one that does not parse among them."""
    try:
        found = findings(text, None)
    except ConfError as err:
        found = [lint.broken(err)]
    return [str(one) for one in found if one.severity == "error"]


@pytest.mark.parametrize("text", judged.TAKEN)
def test_what_dhcpd_takes_is_never_said_to_keep_it_from_starting(text: str) -> None:
    assert errors(judged.whole(text)) == []
    tree = syntax.parse_text(judged.whole(text))
    normal.normal_form(tree, "nonce")
    views.views(tree)


@pytest.mark.parametrize("text", judged.REFUSED)
def test_what_dhcpd_refuses_is_explained_with_its_line(text: str) -> None:
    found = errors(judged.whole(text))
    assert found and all(one.startswith("error: ") for one in found)
    assert any(re.match(r"error: \S+:\d+: ", one) for one in found), found


@pytest.mark.parametrize("words, text", FOUND)
def test_the_cause_is_told_in_words(words: str, text: str) -> None:
    found = [str(one) for one in findings(judged.whole(text), None) if one.severity != "note"]
    assert any(words in one for one in found), found


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


@pytest.mark.parametrize(
    ("own", "peer", "code", "severity", "words"),
    [
        ("a.example", "192.0.2.2", None, None, ""),
        ("192.0.2.1", "b.example", None, None, ""),
        ("nobody.example", "192.0.2.2", "name-unresolved", "error", "dhcpd ends at its start"),
        ("192.0.2.1", "nobody.example", "name-unresolved", "error", "refuses its partner's calls"),
        ("debian.example", "192.0.2.2", "name-loopback", "error", "(that is 127.0.1.1)"),
        ("127.0.0.1", "192.0.2.2", "name-loopback", "error", "127.0.0.1 is of the loopback"),
        ("192.0.2.1", "debian.example", "name-loopback", "error", "calls this host itself"),
        ("127.0.0.1", "127.0.0.2", None, None, ""),
        ("two.example", "192.0.2.2", "name-several", "warning", "192.0.2.1, 192.0.2.77"),
        ("192.0.2.1", "far.example", "name-several", "warning", "the first that it is told"),
        ("moved.example", "192.0.2.2", "address-not-here", "error", "(it has 127.0.0.1, 192.0.2.1"),
        ("192.0.2.1", "a.example", "peer-address-here", "error", "this host itself"),
    ],
)
def test_an_address_by_name_is_looked_up_as_dhcpd_does(
    own: str, peer: str, code: str | None, severity: str | None, words: str
) -> None:
    known = {
        "a.example": ["192.0.2.1"],
        "b.example": ["192.0.2.2"],
        "debian.example": ["127.0.1.1"],
        "two.example": ["192.0.2.1", "192.0.2.77"],
        "far.example": ["192.0.2.2", "192.0.2.3"],
        "moved.example": ["192.0.2.9"],
    }
    text = GOOD.replace("peer address 192.0.2.2", f"PEER {peer}")
    text = text.replace("address 192.0.2.1", f"address {own}").replace("PEER", "peer address")
    found = lint.lint(syntax.parse_text(text), HERE, lambda name: known.get(name, []))
    assert [(one.code, one.severity) for one in found] == ([(code, severity)] if code else [])
    assert all(words in one.what and one.fix and one.line for one in found)
    assert not lint.lint(syntax.parse_text(text), None)


def test_a_shared_network_gives_its_relationship_to_its_pools() -> None:
    text = POOL.replace('failover peer "foo"; deny', "deny")
    inherited = f'shared-network x {{ failover peer "foo"; {text} }}'
    found = the("peer-without-pool", PRIMARY + OMAPI + inherited)
    assert "its shared-network's does not count" in found.what
    named = POOL.replace("192.0.2.", "10.0.0.")
    assert findings(PRIMARY + OMAPI + inherited + named) == []


def test_what_is_valid_has_no_error() -> None:
    assert [one for one in findings(VALID, None) if one.severity == "error"] == []


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


def test_words_that_are_no_failover_peer_are_not_taken_for_one() -> None:
    (found,) = findings('failover failover "c2VjcmV0";')
    assert "expected 'failover peer" in found.what


def test_a_broken_key_is_never_shown() -> None:
    for cut in range(len(OMAPI)):
        for text in (OMAPI[:cut], OMAPI[:cut] + OMAPI[cut + 1 :], OMAPI[:cut] + ";" + OMAPI[cut:]):
            try:
                findings(text, None)
            except ConfError as error:
                assert "7f3c" not in str(error) and "c2Vj" not in str(error)


CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configs"


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the sample files are not here: {CORPUS}")
def test_samples_of_real_origin_are_checked_without_a_crash() -> None:
    checked = 0
    for path in CORPUS.iterdir():
        try:
            tree = syntax.parse_file(str(path), str(CORPUS))
        except ConfError:
            continue
        checked += len(lint.lint(tree, HERE)) + 1
    assert checked > 60


@pytest.mark.parametrize(
    "text",
    [
        "group {" * 150_000 + "}" * 150_000,
        "subnet 10.0.0.0 netmask 255.0.0.0 {" * 30_000 + "}" * 30_000,
        "if known {" * 100_000 + "}" * 100_000,
        "option x " + "a " * 500_000 + ";",
        "host" + " " * 1_000_000 + '"a" { }',
        "pool { range 10.0.0.1; }" * 40_000,
        "range 10.0.0.1;" * 60_000,
    ],
    ids=range(7),
)
def test_hostile_text_is_checked_and_normalised_in_linear_time(text: str) -> None:
    tree = syntax.parse_text(text)
    begun = time.process_time()
    lint.lint(tree, HERE)
    try:
        normal.normal_form(tree, "n")
    except ConfError as error:
        assert error.line is not None
    assert time.process_time() - begun < 15


def test_what_has_a_stray_semicolon_is_written_with_it() -> None:
    for text in (";;\ngroup {\n}\n", "group {;\n  not authoritative;;\n}\n", "group {\n};\n"):
        assert write.write(syntax.parse_text(text)) == text


def test_both_ends_may_have_one_address_with_a_port_each() -> None:
    """Measured: the two connect and are normal."""
    ports = P.replace("192.0.2.2;", "192.0.2.1; port 647; peer port 847;")
    assert errors(ports + S) == []
    same = findings(P.replace("192.0.2.2;", "192.0.2.1;") + S, None)
    assert [one.code for one in same][:1] == ["addresses-equal"]
