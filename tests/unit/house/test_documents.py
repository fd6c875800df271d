"""The code blocks of the documents: which are run by a test, and which are only to be read."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from docs import blocks
from docs import run_by
from lab import documents

ROOT = Path(__file__).resolve().parents[3]
ALL = [block for page in blocks.pages() for block in blocks.blocks(page)]


def test_every_block_is_run_by_a_test_or_listed_with_the_reason():
    """A new one that is neither is named here, by page and line."""
    assert [f"{one.page}:{one.line}" for one in ALL if run_by.of(one) is None] == []


def test_every_block_of_the_lists_is_on_its_page():
    there = {run_by.key_of(one) for one in ALL}
    assert {*run_by.ELSEWHERE, *run_by.NOT_RUN} - there == set()


def test_the_pages_whose_blocks_are_typed_are_those_of_docs_test():
    typed = {one.page for one in ALL if one.language == "console" or one.file}
    runnable = {str(page.relative_to(ROOT)) for page in documents.runnable()}
    assert typed == runnable | {run_by.CAPTURED}


def test_the_blocks_that_nothing_runs_are_counted():
    assert Counter(one.page for one in ALL if not run_by.is_run(one)) == {
        "CONTRIBUTING.md": 2,
        "README.md": 8,
        "docs/access.md": 1,
        "docs/architecture.md": 4,
        "docs/events.md": 5,
        "docs/how-to/notify.md": 1,
        "docs/how-to/omapi.md": 1,
        "docs/safety.md": 2,
    }


def test_the_readme_brings_the_tree_as_the_tutorial_does():
    """The tutorial's lines are typed by a test: the clone, the folders, the settings."""

    def lines(page, begin):
        (block,) = [b for b in ALL if b.page == page and b.lines[0].strip().startswith(begin)]
        plain = (line.strip().removeprefix("$ ").replace(" -q ", " ") for line in block.lines)
        return [line.partition("  #")[0].rstrip() for line in plain][:4]

    assert lines("README.md", "git clone") == lines("docs/tutorial.md", "$ git clone")


def test_a_console_block_begins_with_a_prompt():
    for block in ALL:
        if block.language == "console":
            assert blocks.commands(block), block


def test_output_is_compared_without_what_differs_each_time():
    shown = ["03:27:08 UTC pid 5 -> 6, down 0.14 s", "...", "2048 of 4096 left ..."]
    real = ["11:00:59 UTC pid 70 -> 81, down 2 s", "anything", "2049 of 4096 left, or so"]
    assert blocks.fits(shown, real) is None


def test_what_a_run_sees_while_it_waits_is_not_compared():
    run = ["03:27:08 UTC Stopping dhcpd on a.", "03:27:09 UTC a and b normal at both ends."]
    seen = [
        run[0],
        "03:27:08 UTC   a: dhcpd is down",
        "03:27:09 UTC Waiting: foo is not normal: a is in startup, its partner",
        "             in normal.",
        run[1],
    ]
    assert blocks.fits(run, seen) is None and blocks.fits(seen, run) is None
    assert blocks.fits(run, seen[:-1]) is not None


@pytest.mark.parametrize(
    "real",
    [[], ["normal"], ["normal", "normal", "more"], ["normal", "paused"]],
    ids=["nothing", "less", "more", "another"],
)
def test_output_that_says_something_else_does_not_fit(real):
    assert blocks.fits(["normal", "normal"], real) is not None


def test_every_link_of_the_pages_leads_to_a_file():
    dead = []
    for page in blocks.pages():
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8")):
            if "://" not in link and not (page.parent / link).exists():
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert not dead
