"""dhcpd.conf as users have it: what is understood, and what an error says."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp.conf import views
from iscdhcp.conf.syntax import MAX_DEPTH_OF_INCLUDES
from iscdhcp.conf.syntax import parse_file
from iscdhcp.conf.syntax import parse_text
from iscdhcp.errors import ConfError

CORPUS = Path(__file__).parents[4] / "shared" / "corpus"

PEER = """
failover peer "foo" {
  primary; address 192.0.2.1; port 647; peer address 192.0.2.2; peer port 847;
  max-response-delay 30; max-unacked-updates 10; load balance max seconds 3;
  auto-partner-down 0; max-lease-misbalance 15; mclt 1800; split 128;
}
"""
POOL = """
subnet 192.0.2.0 netmask 255.255.255.0 {
  pool { failover peer "foo"; deny dynamic bootp clients; range 192.0.2.50 192.0.2.199; }
}
"""


def read_text(text: str) -> views.Configuration:
    return views.views(parse_text(text))


def error_of(text: str) -> ConfError:
    with pytest.raises(ConfError) as caught:
        read_text(text)
    return caught.value


# -- relationships -------------------------------------------------------------------------------


def test_a_relationship_is_read_with_its_pool(tmp_path: Path) -> None:
    path = tmp_path / "dhcpd.conf"
    path.write_text(PEER + POOL)
    configuration = views.read(str(path))
    (foo,) = configuration.relationships
    assert configuration.relationship("foo") is foo and configuration.relationship("x") is None
    assert (foo.name, foo.role, foo.address, foo.port) == ("foo", "primary", "192.0.2.1", 647)
    assert (foo.peer_address, foo.peer_port) == ("192.0.2.2", 847)
    assert (foo.mclt, foo.split, foo.max_response_delay, foo.max_unacked_updates) == (
        1800,
        128,
        30,
        10,
    )
    assert (foo.auto_partner_down, foo.load_balance_max_seconds) == (0, 3)
    assert (foo.file, foo.line) == (str(path), 2)
    (pool,) = foo.pools
    assert (pool.network, pool.ranges) == ("192.0.2.0/24", (("192.0.2.50", "192.0.2.199"),))
    assert (pool.line, foo.addresses) == (9, 150)
    assert [read.path for read in configuration.files] == [str(path)]
    assert configuration.files[0].mtime_ns == path.stat().st_mtime_ns
    assert configuration.files[0].size == path.stat().st_size


def test_what_a_secondary_leaves_out_has_dhcpds_defaults() -> None:
    (foo,) = read_text(
        "Failover Peer foo { SECONDARY; address a.example.org; peer address 192.0.2.2; }"
    ).relationships
    assert (foo.name, foo.role, foo.address) == ("foo", "secondary", "a.example.org")
    assert (foo.port, foo.peer_port, foo.mclt, foo.split) == (647, 647, None, None)
    assert (foo.max_response_delay, foo.max_unacked_updates) == (20, 100)
    assert (foo.auto_partner_down, foo.load_balance_max_seconds, foo.pools) == (0, 0, ())


def test_without_a_role_a_server_is_primary_as_dhcpd_takes_it() -> None:
    text = "failover peer foo { address 192.0.2.1; peer address 192.0.2.2; mclt 9; split 128; }"
    assert read_text(text).relationships[0].role == "primary"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("primary; peer address 192.0.2.2;", '"address ADDRESS;"'),
        ("primary; address 192.0.2.1;", '"peer address ADDRESS;"'),
    ],
)
def test_a_relationship_without_addresses_says_what_to_add(body: str, what: str) -> None:
    error = error_of(f'# one\nfailover peer "foo" {{ {body} }}')
    assert error.line == 2 and '"foo" lacks' in str(error) and what in str(error)


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        (PEER + PEER, 8, "declared already"),
        (POOL, 3, 'failover peer "foo" is not declared'),
        ('failover peer foo { address 1.2.3.4; peer address 1.2.3.5; mclt "9"; }', 1, '"mclt"'),
        ("failover peer foo { address 1.2.3.4; peer address 1.2.3.5; port x; }", 1, '"port"'),
        ("failover;", 1, "failover peer"),
        ("failover peer foo bar { }", 1, 'expected "{"'),
        (PEER + 'subnet x netmask 1.2.3.4 { pool { failover peer "foo"; } }', 7, "subnet ADDRESS"),
        (PEER + POOL.replace("192.0.2.199", "x"), 9, "IPv4"),
        (PEER + POOL.replace("192.0.2.199", "192.0.2.300"), 9, "IPv4"),
        (PEER + 'pool { failover peer "foo"; }', 7, "inside a subnet"),
    ],
)
def test_what_has_no_meaning_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    error = error_of(text)
    assert error.line == line and what in str(error)


def test_pools_inherit_the_relationship_of_the_network_around_them() -> None:
    configuration = read_text(
        PEER
        + PEER.replace("foo", "bar")
        + """
        shared-network "floor 1" {
          failover peer "foo";
          subnet 10.0.0.0 netmask 255.255.254.0 {
            range 10.0.1.250 10.0.1.251;
            pool { range 10.0.0.1 10.0.0.10; range 10.0.0.20; }
          }
          group { pool { failover peer "bar"; range 10.0.0.30; } }
          pool { no failover peer; range 10.0.0.40; }
          pool { range 10.0.0.60 10.0.0.51; }
        }
        group { subnet 10.1.0.0 netmask 255.255.0.0 { pool { range 10.1.0.1; } } }
        """
    )
    foo, bar = configuration.relationships
    assert [pool.network for pool in foo.pools] == ["floor 1", "floor 1"]
    assert foo.pools[0].ranges == (("10.0.0.1", "10.0.0.10"), ("10.0.0.20", "10.0.0.20"))
    assert foo.pools[1].ranges == (("10.0.0.51", "10.0.0.60"),)  # dhcpd swaps them
    assert foo.addresses == 21
    assert [pool.ranges for pool in bar.pools] == [(("10.0.0.30", "10.0.0.30"),)]


def test_a_relationship_declared_in_a_shared_network_serves_its_pools() -> None:
    text = (
        "shared-network x {"
        + PEER
        + "subnet 10.0.0.0 netmask 255.0.0.0 { pool { range 10.0.0.1; } } }"
    )
    assert read_text(text).relationships[0].addresses == 1


def test_addresses_may_hold_white_space_and_leading_zeros() -> None:
    text = PEER + POOL.replace("192.0.2.50", "192 . 0 .2.050").replace("199;", "0199 ;")
    (pool,) = read_text(text).relationships[0].pools
    assert pool.ranges == (("192.0.2.50", "192.0.2.199"),)


def test_networks_are_named_as_dhcpd_logs_them() -> None:
    def network(mask: str) -> str:
        text = f"subnet 10.0.0.0 netmask {mask} {{ pool {{ failover peer foo; }} }}"
        return read_text(PEER + text).relationships[0].pools[0].network

    assert network("255.255.255.224") == "10.0.0.0/27"
    assert network("0.0.0.0") == "10.0.0.0/0"
    assert network("255.0.255.0") == "10.0.0.0/255.0.255.0"


# -- OMAPI, keys and the rest --------------------------------------------------------------------

KEY = 'key "omapi-7f3c" { algorithm hmac-sha256; secret "c2VjcmV0"; };\n'


def test_omapi_comes_with_its_key_which_is_never_shown() -> None:
    configuration = read_text("omapi-port 7911; omapi-key OMAPI-7f3c;\n" + KEY)
    omapi = configuration.omapi
    assert omapi is not None and omapi.key is not None
    assert (omapi.port, omapi.line) == (7911, 1)
    key = omapi.key
    assert (key.name, key.algorithm, key.secret) == ("omapi-7f3c", "hmac-sha256", "c2VjcmV0")
    assert (key.line, configuration.keys) == (2, (key,))
    for shown in (repr(key), str(key), repr(omapi), repr(configuration)):
        assert "7f3c" not in shown and "c2Vj" not in shown


def test_no_word_of_a_statement_is_shown() -> None:
    statements = parse_text(KEY).statements
    assert "c2Vj" not in repr(statements) and "7f3c" not in repr(statements[0])


def test_a_secret_without_quotes_is_whole() -> None:
    text = "group { key foo.bar { algorithm HMAC-MD5.SIG-ALG.REG.INT; secret ab+/cd==; } }"
    (key,) = read_text(text).keys
    assert (key.name, key.algorithm) == ("foo.bar", "HMAC-MD5.SIG-ALG.REG.INT")
    assert key.secret == "ab+/cd=="


def test_the_last_of_two_keys_of_a_name_counts_as_with_dhcpd() -> None:
    keys = "key k { algorithm a; secret b; } key K { algorithm c; secret d; }"
    text = "omapi-port 1; omapi-key k; " + keys
    omapi = read_text(text).omapi
    assert omapi is not None and omapi.key is not None and omapi.key.secret == "d"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("omapi-port 7911;\nomapi-key k-secret;", 2),
        ("omapi-port 7911;\nomapi-key k-secret;\nkey k-secret { algorithm hmac-md5; }", 3),
        ("\nomapi-port x;", 2),
        ("\nomapi-port 70000;", 2),
    ],
)
def test_omapi_settings_that_cannot_work_are_refused_without_naming_the_key(
    text: str, line: int
) -> None:
    error = error_of(text)
    assert error.line == line and "k-secret" not in str(error)


def test_without_a_port_there_is_no_omapi() -> None:
    assert read_text(KEY + 'omapi-key "omapi-7f3c";').omapi is None
    assert read_text("").omapi is None


def test_files_log_facility_and_identifier_are_read() -> None:
    configuration = read_text(
        'lease-file-name "/var/l"; pid-file-name "/run/p"; log-facility local7; '
        "option dhcp-server-identifier 192.0.2.1;"
    )
    assert (configuration.lease_file, configuration.pid_file) == ("/var/l", "/run/p")
    assert (configuration.log_facility, configuration.server_identifier) == ("local7", "192.0.2.1")
    nothing = read_text("server-identifier 192.0.2.9; authoritative;")
    assert (nothing.lease_file, nothing.pid_file, nothing.log_facility) == (None, None, None)
    assert nothing.server_identifier == "192.0.2.9"


# -- syntax --------------------------------------------------------------------------------------


def test_words_know_their_place_and_strings_their_escapes() -> None:
    (statement,) = parse_text(
        '# comment; with { marks "\n  option x "a\\"\\x41\\102\\n;{" , 1.2.3.4 # more\n = on;'
    ).statements
    assert [word.text for word in statement.words] == [
        "option",
        "x",
        'a"AB\n;{',
        ",",
        "1.2.3.4",
        "=",
        "on",
    ]
    assert [word.quoted for word in statement.words][2:4] == [True, False]
    assert (statement.line, statement.column) == (2, 3)
    assert statement.source.place(statement.words[2].offset) == (2, 12)
    assert statement.source.place(statement.words[5].offset) == (3, 2)


def test_conditions_classes_and_record_types_are_statements_too() -> None:
    tree = parse_text(
        """
        option foo.bar code 1 = { array of { integer 8 }, text };
        if option user-class = "{" { } elsif known { authoritative; } else { }
        switch (option x) { case "a": break; default: break; case 1: if known { } }
        class "c" { match if substring(hardware, 1, 3) = 0:1:2; }
        subclass "c" 1:2:3; subclass "c" "x" { }
        on commit or expiry { log(info, "x"); }
        % option foo.bar unknown unknown;
        ;;
        """
    )
    assert [statement.keyword for statement in tree.statements] == [
        "option",
        "if",
        "elsif",
        "else",
        "switch",
        "class",
        "subclass",
        "subclass",
        "on",
        "",
    ]
    assert len(tree.statements[0].words) == 15


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("authoritative", (1, 1), '";" at the end'),
        ('option x "\n\n', (1, 10), "string does not end"),
        ('a "\\', (1, 3), "string does not end"),
        ("\nsubnet 1.0.0.0 netmask 2.0.0.0 {\n  pool {\n }\n", (2, 1), '"}" at its end'),
        (" }", (1, 2), "closes nothing"),
        ("group { authoritative }", (1, 9), '";" at the end'),
        ("{", (1, 1), "declaration was expected"),
        ("max-lease-time 5\nsubnet 1.0.0.0 netmask 2.0.0.0 { }", (1, 1), "takes no block"),
        ("option routers 1.2.3.4\nhost x { }", (1, 1), "takes no block"),
        ("option x code 1 = { text; }", (1, 25), "record type"),
        ("option x code 1 = { text }\n}", (1, 1), "at the end of this option"),
        ("option x code 1 = { text }", (1, 1), "at the end"),
        ("subnet 1.0.0.0 netmask 2.0.0.0;", (1, 1), "has a block"),
        ("authoritative;\n\0", (2, 1), "NUL byte"),
        ("include x;", (1, 1), "file name in quotes"),
    ],
)
def test_broken_structure_is_an_error_with_its_place(
    text: str, place: tuple[int, int], what: str
) -> None:
    error = error_of(text)
    assert (error.line, error.column) == place
    assert what in str(error)


def test_errors_hold_nothing_of_a_key() -> None:
    for cut in range(len(KEY)):
        for text in (KEY[:cut], KEY[:cut] + "}", KEY[:cut] + "{", KEY[:cut] + KEY[cut + 1 :]):
            try:
                read_text(text)
            except ConfError as error:
                assert "7f3c" not in str(error) and "c2Vj" not in str(error)


# -- includes ------------------------------------------------------------------------------------


def test_included_files_are_read_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "inner.conf").write_text("range 192.0.2.9;")
    (tmp_path / "pools.conf").write_text(
        f'subnet 192.0.2.0 netmask 255.255.255.0 {{\n pool {{ failover peer "foo";\n'
        f'  include "{tmp_path}/inner.conf"; }}\n}}'
    )
    main = tmp_path / "dhcpd.conf"
    main.write_text(f'{PEER}INCLUDE "pools.conf";\nomapi-port 7911;')
    configuration = views.read(str(main), directory=str(tmp_path))
    assert configuration.relationships[0].addresses == 1
    assert configuration.relationships[0].pools[0].file == str(tmp_path / "pools.conf")
    assert configuration.omapi is not None and configuration.omapi.line == 8
    assert [Path(read.path).name for read in configuration.files] == [
        "dhcpd.conf",
        "pools.conf",
        "inner.conf",
    ]


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text("\n\n}")
    (tmp_path / "a.conf").write_text(f'include "{tmp_path}/b.conf";')
    with pytest.raises(ConfError) as caught:
        parse_file(str(tmp_path / "a.conf"))
    assert (caught.value.file, caught.value.line) == (str(tmp_path / "b.conf"), 3)


@pytest.mark.parametrize("what", ["missing", "directory", "pipe", "itself", "nul"])
def test_an_include_that_cannot_be_read_is_an_error_at_its_line(tmp_path: Path, what: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "directory").mkdir()
    path = tmp_path / "itself"
    path.write_text(f'authoritative;\ninclude "{tmp_path}/{what}";'.replace("nul", "\\000"))
    with pytest.raises(ConfError) as caught:
        parse_file(str(path))
    assert (caught.value.file, caught.value.line) == (str(path), 2)
    expected = {
        "missing": "No such file",
        "directory": "irectory",
        "pipe": "not a regular file",
        "itself": "includes itself",
        "nul": "null",
    }
    assert expected[what] in str(caught.value)


def test_an_unreadable_main_file_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(ConfError) as caught:
        views.read(str(tmp_path / "none.conf"))
    assert f"{tmp_path}/none.conf can't be read: No such file" in str(caught.value)


def test_files_that_include_one_another_end(tmp_path: Path) -> None:
    for number in range(40):
        following = f'include "{tmp_path}/{number + 1}";' * 2
        (tmp_path / str(number)).write_text(following if number < 20 else "")
    with pytest.raises(ConfError, match="more than .* files"):
        parse_file(str(tmp_path / "0"))
    for number in range(40):
        (tmp_path / str(number)).write_text(f'include "{tmp_path}/{number + 1}";')
    with pytest.raises(ConfError, match=f"more than {MAX_DEPTH_OF_INCLUDES} deep"):
        parse_file(str(tmp_path / "0"))


def test_the_same_file_may_be_included_twice(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("authoritative;")
    (tmp_path / "a").write_text(f'include "{tmp_path}/b"; include "{tmp_path}/b";')
    assert len(parse_file(str(tmp_path / "a")).statements) == 2


def test_comments_in_another_encoding_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"# b\xfcro \xff\nomapi-port 7911;")
    omapi = views.read(str(tmp_path / "a")).omapi
    assert omapi is not None and omapi.line == 2


# -- size and hostility --------------------------------------------------------------------------


def test_fifty_thousand_hosts_are_read_in_seconds(tmp_path: Path) -> None:
    host = "host h%d {\n  hardware ethernet 02:00:00:00:00:01; # x\n  fixed-address 10.0.0.1;\n}\n"
    path = tmp_path / "dhcpd.conf"
    path.write_text(PEER + POOL + "".join(host % number for number in range(50_000)))
    begun = time.process_time()
    configuration = views.read(str(path))
    assert time.process_time() - begun < 5  # measured: under 1
    assert configuration.relationships[0].addresses == 150


@pytest.mark.parametrize(
    "text",
    [
        "{" * 1_000_000,
        "group{" * 200_000,
        "group{" * 200_000 + "}" * 200_000,
        PEER + "subnet 1.0.0.0 netmask 1.0.0.0 {group {" * 50_000 + "}}" * 50_000,
        " " * 1_000_000,
        "\xa0 " * 500_000,
        "#" * 1_000_000,
        "#\n" * 500_000,
        '"' * 999_999,
        '"\\' * 500_000,
        "a" * 1_000_000,
        "option x = {" * 80_000,
        ";" * 1_000_000,
        'a "#" #"\n' * 100_000,
    ],
    ids=range(14),
)
def test_hostile_text_takes_linear_time_and_no_stack(text: str) -> None:
    begun = time.process_time()
    try:
        read_text(text)
    except ConfError:
        pass
    assert time.process_time() - begun < 5


PIECES = st.sampled_from(
    (PEER + POOL + KEY).split(" ")
    + list('{};"\\#,=()\n')
    + ["include", "omapi-port", "omapi-key", "option", "code", "shared-network", "x", "-1", "0x"]
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.text(), st.lists(PIECES).map(" ".join), st.lists(PIECES).map("".join)))
def test_no_text_fails_with_anything_but_a_conf_error(text: str) -> None:
    try:
        configuration = read_text(text)
    except ConfError as error:
        assert str(error)
    else:
        assert all(one.addresses >= 0 for one in configuration.relationships)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_to_a_good_file_fails_with_anything_but_a_conf_error(data: st.DataObject) -> None:
    text = PEER + POOL + KEY + "omapi-port 7911; omapi-key omapi-7f3c;"
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    try:
        read_text(text[:start] + data.draw(st.text(max_size=3)) + text[end:])
    except ConfError as error:
        assert str(error)


# -- files of real origin ------------------------------------------------------------------------


def corpus() -> list[dict[str, str]]:
    index = CORPUS / "index.tsv"
    if not index.exists():
        return []
    with index.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [row for row in rows if row["kind"] == "configs"]


@pytest.mark.skipif(not corpus(), reason=f"the sample files are not here: {CORPUS}")
def test_samples_that_dhcpd_accepts_are_read_and_errors_have_a_line() -> None:
    samples = corpus()
    assert len(samples) > 50
    for sample in samples:
        path = CORPUS / "configs" / sample["file"]
        accepted = sample["dhcpd_4.4.3-P1"].startswith("dhcpd -t rc=0")
        try:
            views.read(str(path), directory=str(path.parent))
        except ConfError as error:
            assert not accepted, f"dhcpd accepts it: {error}"
            assert error.line is not None and error.file is not None


@pytest.mark.skipif(not corpus(), reason=f"the sample files are not here: {CORPUS}")
def test_a_sample_with_a_relationship_shows_it() -> None:
    path = CORPUS / "configs" / "hercules-team__augeas__lenses_tests_test_dhcpd.aug.05"
    (peer,) = views.read(str(path)).relationships
    assert (peer.name, peer.role, peer.mclt, peer.split) == ("redondance01", "primary", 3600, 128)
    assert (peer.pools, peer.line) == ((), 5)
