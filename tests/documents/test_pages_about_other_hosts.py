"""Pages for which one pair is not enough, or too much; and what a terminal shows."""

from __future__ import annotations

import pytest
from comparing import compare

from docs.blocks import blocks
from docs.blocks import fits
from docs.run_by import CAPTURED
from lab import captures
from lab import documents
from lab.isolation import CHECKOUT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("page", documents.OTHER_HOSTS)
def test_what_the_page_shows_is_what_its_commands_print(page):
    with documents.OTHER_HOSTS[page]() as hosts:
        hosts.bring_tree()
        hosts.as_new()
        compare(page, hosts)


def test_what_the_terminal_page_shows_is_what_a_terminal_shows_now():
    shown = [block.lines for block in blocks(CHECKOUT / CAPTURED)]
    found = [(heading, screen.splitlines()) for heading, screen in captures.captured()]
    assert len(shown) == len(found)
    wrong = []
    for was, (heading, now) in zip(shown, found, strict=True):
        why = fits(was, now)
        if why:
            told = "\n".join(now)
            wrong.append(f"{CAPTURED}: {heading}\n  the page: {why}\n{told}\n")
    assert not wrong, "\n".join(wrong)
