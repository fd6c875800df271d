"""
Every ``console`` block of the documents, typed as a reader would, on hosts as a reader has.

``make docs-test``; ``PAGE=rollout`` for one page.
"""

from __future__ import annotations

import pytest
from comparing import compare

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
