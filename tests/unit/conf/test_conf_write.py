"""A configuration that was read and written again is the same configuration."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from iscdhcp.conf import syntax
from iscdhcp.conf import write
from iscdhcp.conf.write import quoted
from iscdhcp.errors import ConfError

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "configs"

WHOLE = r"""
authoritative;  # a comment { with "marks" ;
option space FOO; option FOO.bar code 1 = { array of { integer 8 }, text };
option domain-name "a\"b\\c\001\n"; option routers 10.0.0.1, 10.0.0.2;
key "k" { algorithm hmac-md5; secret ab+/cd==; }
zone 1.168.192.in-addr.arpa. { primary 127.0.0.1; key k; }
class "c" { match if substring(option vendor-class-identifier, 0, 3) = "PXE"; }
subclass "c" 1:02:0a:ff; subclass "c" "x" { option host-name = "y"; }
if exists agent.circuit-id and not known { log(info, concat("a", "b")); }
elsif option user-class ~= "^x" { deny unknown-clients; } else { set v = "1"; }
switch (option x) { case 1: break; default: break; }
on commit or expiry { execute("/bin/x", "y"); }
subnet 10.0.0.0 netmask 255.0.0.0 { pool { range 10.0.0.10 10.0.0.20; } }
host h { hardware ethernet 02:00:00:00:00:01; fixed-address a.example.org, 10.0.0.3; }
"""


def rewritten(text: str) -> str:
    """``text`` read and written, if it is read again as the same."""
    tree = syntax.parse_text(text)
    written = write.write(tree)
    assert syntax.parse_text(written) == tree, written
    return written


def test_the_whole_language_is_written_as_it_was_read() -> None:
    written = rewritten(WHOLE)
    assert "comment" not in written
    assert "secret ab+/cd==;" in written
    assert r'option domain-name "a\"b\\c\001\n";' in written
    assert "  pool {\n    range 10.0.0.10 10.0.0.20;\n  }\n" in written
    assert rewritten(written) == written


def test_another_word_quote_or_block_is_another_tree() -> None:
    tree = syntax.parse_text("group { option x a; }")
    for other in (
        "group { option x b; }",
        'group { option x "a"; }',
        "group { option x a; } group { }",
        "group { option x a; option x a; }",
        "option x a;",
    ):
        assert syntax.parse_text(other) != tree
    assert syntax.parse_text("\n\ngroup\n{ option x a ; ; } # same") == tree


def test_included_files_are_written_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("authoritative;")
    main = tmp_path / "dhcpd.conf"
    main.write_text(f'group {{ include "{tmp_path}/a"; }}')
    assert write.write(syntax.parse_file(str(main))) == "group {\n  authoritative;\n}\n"


# -- generated configurations --------------------------------------------------------------------

NAME = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
STRING = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12).map(quoted)
ADDRESS = st.tuples(*[st.integers(0, 255)] * 4).map(lambda parts: ".".join(map(str, parts)))
HEX = st.lists(st.integers(0, 255), min_size=2, max_size=8).map(bytes).map(lambda b: b.hex(":"))
VALUE = st.one_of(NAME, STRING, ADDRESS, HEX, st.integers(0, 99999).map(str))
EXPRESSION = st.recursive(
    st.one_of(
        st.tuples(st.just("option"), NAME).map(" ".join),
        STRING,
        HEX,
        st.just("known"),
        st.just("hardware"),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["=", "!=", "~=", "and", "or"]), inner).map(" ".join),
        inner.map(lambda one: f"not ({one})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda them: f"concat({', '.join(them)})"),
        inner.map(lambda one: f"substring({one},0,3)"),
    ),
    max_leaves=6,
)
SIMPLE = st.one_of(
    st.tuples(NAME, st.lists(VALUE, max_size=3)).map(
        # Not a word that the language gives a block.
        lambda pair: f"x-{pair[0]} {', '.join(pair[1])};"
    ),
    st.tuples(NAME, EXPRESSION).map(lambda pair: f"option {pair[0]} = {pair[1]};"),
    st.tuples(NAME, NAME).map(lambda pair: f"option {pair[0]}.{pair[1]} code 1 = {{ text, ip }};"),
    st.tuples(ADDRESS, ADDRESS).map(lambda pair: f"range {pair[0]} {pair[1]};"),
    NAME.map(lambda name: f"# {name} {{\n"),
    st.just(";"),
)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=4).map("\n".join)
    heads = st.one_of(
        st.tuples(ADDRESS, ADDRESS).map(lambda pair: f"subnet {pair[0]} netmask {pair[1]}"),
        STRING.map(lambda name: f"shared-network {name}"),
        st.sampled_from(["group", "pool", "on commit", "on release or expiry"]),
        NAME.map(lambda name: f"host {name}"),
        STRING.map(lambda name: f"class {name}"),
        STRING.map(lambda name: f"failover peer {name}"),
        STRING.map(lambda name: f"key {name}"),
        NAME.map(lambda name: f"zone {name}."),
        EXPRESSION.map(lambda one: f"if {one}"),
        EXPRESSION.map(lambda one: f"if known {{ }} elsif {one} {{ }} else"),
    )
    return st.tuples(heads, body).map(lambda pair: f"{pair[0]} {{ {pair[1]} }}")


CONFIGURATION = st.lists(st.recursive(SIMPLE, _blocks, max_leaves=8), max_size=6).map("\n".join)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(CONFIGURATION)
def test_every_configuration_of_the_grammar_survives_reading_and_writing(text: str) -> None:
    assert rewritten(rewritten(text)) is not None


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(st.text(), CONFIGURATION.flatmap(lambda text: st.sampled_from([text[1:], text]))))
def test_whatever_is_read_at_all_can_be_written(text: str) -> None:
    try:
        syntax.parse_text(text)
    except ConfError as error:
        assert error.line is not None and error.column is not None
        return
    rewritten(text)


def test_deep_nesting_is_written_in_linear_time() -> None:
    text = "group{" * 100_000 + "}" * 100_000
    begun = time.process_time()
    tree = syntax.parse_text(text)
    written = write.write(tree)
    assert syntax.parse_text(written) == tree
    assert time.process_time() - begun < 10
    assert len(written) < 100 * len(text)


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the sample files are not here: {CORPUS}")
def test_samples_of_real_origin_are_written_as_they_were_read() -> None:
    written = 0
    for path in sorted(CORPUS.iterdir()):
        try:
            tree = syntax.parse_file(str(path), directory=str(CORPUS))
        except ConfError as error:
            assert error.line is not None
            continue
        assert syntax.parse_text(write.write(tree)) == tree
        written += 1
    assert written > 50
