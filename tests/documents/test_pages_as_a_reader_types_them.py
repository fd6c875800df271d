"""
Every ``console`` block of the documents, typed as a reader would, on hosts as a reader has.

``make docs-test``; ``PAGE=rollout`` for one page.
"""

from __future__ import annotations

import pytest

from docs.blocks import fits
from lab import documents
from lab.isolation import CHECKOUT
from lab.own_hosts import OwnHosts

pytestmark = pytest.mark.slow

PAGES = [str(page.relative_to(CHECKOUT)) for page in documents.runnable()]


@pytest.fixture(scope="module")
def hosts():
    with OwnHosts() as up:
        yield up


@pytest.mark.parametrize("page", PAGES)
def test_what_the_page_shows_is_what_its_commands_print(hosts, page):
    if page != documents.FROM_NOTHING:
        hosts.bring_tree()
    hosts.as_new()
    wrong = []
    for block, command, printed in documents.run(CHECKOUT / page, hosts):
        why = fits(command.output, printed)
        if why:
            told = "\n".join(printed)
            wrong.append(f"{page}:{block.line}: {command.text}\n  the page: {why}\n{told}\n")
    assert not wrong, "\n".join(wrong)
