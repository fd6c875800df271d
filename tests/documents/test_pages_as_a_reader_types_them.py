"""
Every ``console`` block of the documents, typed as a reader would, on hosts as a reader has.

``make docs-test``; ``PAGE=rollout`` for one page.
"""

from __future__ import annotations

import pytest

from docs.blocks import blocks
from docs.blocks import fits
from docs.run_by import CAPTURED
from lab import captures
from lab import documents
from lab.isolation import CHECKOUT
from lab.own_hosts import OwnHosts

pytestmark = pytest.mark.slow

PAGES = [str(page.relative_to(CHECKOUT)) for page in documents.runnable()]


@pytest.fixture(scope="module")
def hosts():
    with OwnHosts() as up:
        yield up


@pytest.mark.parametrize("page", [one for one in PAGES if one not in documents.OTHER_HOSTS])
def test_what_the_page_shows_is_what_its_commands_print(hosts, page):
    if page != documents.FROM_NOTHING:
        hosts.bring_tree()
    hosts.as_new(known=page != documents.FROM_NOTHING)
    compare(page, hosts)


@pytest.mark.parametrize("page", documents.OTHER_HOSTS)
def test_a_page_about_other_hosts_shows_what_its_commands_print(page):
    with documents.OTHER_HOSTS[page]() as hosts:
        hosts.bring_tree()
        hosts.as_new()
        compare(page, hosts)


def compare(page, hosts):
    wrong = []
    for block, command, printed in documents.run(CHECKOUT / page, hosts):
        why = fits(command.output, printed)
        if why:
            told = "\n".join(printed)
            wrong.append(f"{page}:{block.line}: {command.text}\n  the page: {why}\n{told}\n")
    assert not wrong, "\n".join(wrong)


def test_what_the_terminal_page_shows_is_what_a_terminal_shows_now():
    page = CHECKOUT / CAPTURED
    shown = [block.lines for block in blocks(page)]
    found = [(heading, screen.splitlines()) for heading, screen in captures.captured()]
    assert len(shown) == len(found)
    wrong = []
    for was, (heading, now) in zip(shown, found, strict=True):
        why = fits(was, now)
        if why:
            told = "\n".join(now)
            wrong.append(f"{CAPTURED}: {heading}\n  the page: {why}\n{told}\n")
    assert not wrong, "\n".join(wrong)
