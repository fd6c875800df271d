"""What other tools are compared by: the same files for all, and tables that say what was seen."""

from __future__ import annotations

import pytest

from bench.peers import __main__ as bench
from bench.peers import table
from bench.peers.commands import PEERS_BY_NAME
from bench.peers.scenarios import SCENARIOS
from bench.peers.stage import changed
from lab.errors import LabError

CONFIGURATION = """\
failover peer "foo" {
  address 10.90.0.11;
  peer address 10.90.0.12;
  peer port 647;
  max-response-delay 10;
}
"""
NOBODY = "10.90.0.99"


def test_a_file_with_a_comment_means_the_same():
    text = changed(CONFIGURATION, "comment", NOBODY, 7)
    assert text == "# rollout 7\n" + CONFIGURATION


def test_a_refused_file_differs_in_one_word_from_a_good_one():
    good, bad = (changed(CONFIGURATION, kind, NOBODY, 7) for kind in ("comment", "refused"))
    assert set(good.split()) ^ set(bad.split()) == {"10;", "ten;"}


def test_a_wrong_partner_is_the_partners_address_and_not_the_servers_own():
    text = changed(CONFIGURATION, "wrong partner", NOBODY, 7)
    assert "  address 10.90.0.11;" in text and f"  peer address {NOBODY};" in text
    assert "10.90.0.12" not in text


def test_peers_take_turns_on_a_healthy_pair_and_only_there_the_floor_is_measured():
    made = bench.cases(["healthy", "interrupted"], ["floor", "ours", "script"], rounds=2)
    healthy = [("healthy", name) for name in ("floor", "ours", "script")]
    assert made == [*healthy, *healthy, ("interrupted", "ours"), ("interrupted", "script")]


def case(**given):
    normal = ["normal", "normal"]
    return {
        "wall_s": 5.0,
        "exit_code": 0,
        "restarted": ["dhcp-b", "dhcp-a"],
        "clients": 500,
        "lost": 1,
        "late": 0,
        "never": 0,
        "duplicates": 0,
        "longest_unserved_s": 0.04,
        "after": {"dhcp-a": normal, "dhcp-b": normal},
        "new_file_on": [],
        **given,
    }


BROKEN = {"dhcp-a": ["normal", "normal"], "dhcp-b": ["down", "unknown"]}


@pytest.mark.parametrize(
    "given, words",
    [
        ({"restarted": []}, "not begun"),
        ({}, "whole again"),
        ({"restarted": ["dhcp-b"], "after": BROKEN, "exit_code": 2}, "one restarted"),
        ({"after": BROKEN, "exit_code": 1}, "both restarted"),
        ({"after": BROKEN}, "both restarted, exit code 0"),
    ],
)
def test_a_cell_says_what_a_peer_has_left(given, words):
    assert table.outcome(case(**given)) == words


def test_the_short_table_has_medians_over_the_floor_and_the_waits_apart():
    walls = {name: [case(wall_s=wall) for wall in (6.0, 5.0, 90.0)] for name in table.NAMES}
    cases = {
        "healthy": {"floor": [case(wall_s=1.5)], **walls},
        "interrupted": {"ours": [case(restarted=[])]},
    }
    rows = {row.split(" | ")[0].strip("| "): row for row in table.readme_table(cases).splitlines()}
    assert "6.0 s | 4.5 s | 1, 0, 0 | 0.0 s |" in rows[PEERS_BY_NAME["ours"].title]
    assert "4.5 s (30 s chosen)" in rows[PEERS_BY_NAME["script"].title]
    assert "0.0 s, not begun" in rows[PEERS_BY_NAME["ours"].title]
    assert "not run" in rows[PEERS_BY_NAME["ansible"].title]


def test_the_page_has_every_case_of_every_scenario():
    cases = {"no-return": {"batch": [case(exit_code=None, after=BROKEN, new_file_on=["dhcp-b"])]}}
    page = table.page_tables(cases)
    assert page.count("\n## ") == len(SCENARIOS)
    assert "5.0 s | killed | dhcp-b, dhcp-a | 500 | 1 | 0 | 0 | 0 | 0.04 s |" in page
    assert "| down, new file | normal |" in page


def test_only_what_is_between_the_markers_is_replaced():
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.put(text, "new", "README.md") == (
        f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    )
    with pytest.raises(LabError, match="README.md"):
        table.put("nothing", "new", "README.md")
