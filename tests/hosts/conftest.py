"""A master, and a minion on each host of a module's lab."""

import pytest

from lab.salt import Salt


@pytest.fixture(scope="module")
def salt(lab):
    with Salt(lab) as running:
        running.sync_all()
        yield running
