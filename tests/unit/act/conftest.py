"""A server whose dhcpd, clock and service manager are a model; its files are real ones."""

from __future__ import annotations

import pytest
from modelled_server import ModelledHost
from modelled_server import ModelledServer


@pytest.fixture
def host():
    return ModelledHost()


@pytest.fixture
def here(tmp_path, host):
    return ModelledServer(tmp_path, host)
