"""The code blocks of the documents: which are run by a test, and which are only to be read."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from docs import blocks

ROOT = Path(__file__).resolve().parents[3]
ALL = [block for page in blocks.pages() for block in blocks.blocks(page)]

#: Typed by ``make docs-test``, as many as each page has.
TYPED = {
    "docs/how-to/omapi.md": 3,
    "docs/how-to/reboot.md": 3,
    "docs/how-to/restart.md": 6,
    "docs/how-to/torn-lease-file.md": 2,
    "docs/tutorial.md": 12,
}
#: Made by ``make docs-terminal`` from a terminal; no test compares it.
CAPTURED = {"docs/terminal.md": 7}
#: Everything else, by page and language (none: an indented block): nothing runs these.
ONLY_READ = {
    ("CONTRIBUTING.md", ""): 2,
    ("README.md", ""): 8,
    ("docs/access.md", ""): 3,
    ("docs/architecture.md", ""): 4,
    ("docs/events.md", ""): 5,
    ("docs/how-to/dead-partner.md", "sh"): 4,
    ("docs/how-to/fleet.md", "sh"): 1,
    ("docs/how-to/omapi.md", "text"): 1,
    ("docs/how-to/reactor.md", "sh"): 3,
    ("docs/how-to/reactor.md", "yaml"): 1,
    ("docs/how-to/rollout.md", "sh"): 3,
    ("docs/how-to/rollout.md", "yaml"): 1,
    ("docs/how-to/stuck-pair.md", "sh"): 3,
    ("docs/safety.md", ""): 2,
}


def test_every_console_block_is_one_that_a_test_types_or_that_was_captured():
    found = Counter(block.page for block in ALL if block.language == "console")
    assert dict(found) == TYPED | CAPTURED


def test_every_block_that_nothing_runs_is_counted_here():
    found = Counter((b.page, b.language) for b in ALL if b.language != "console")
    assert dict(found) == ONLY_READ


def test_a_console_block_begins_with_a_prompt():
    for block in ALL:
        if block.language == "console":
            assert blocks.commands(block), block


def test_output_is_compared_without_what_differs_each_time():
    shown = ["03:27:08 UTC pid 5 -> 6, down 0.14 s", "...", "2048 of 4096 left ..."]
    real = ["11:00:59 UTC pid 70 -> 81, down 2 s", "anything", "2049 of 4096 left, or so"]
    assert blocks.fits(shown, real) is None


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
