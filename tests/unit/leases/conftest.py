"""Lease files of a test, read in blocks that are small."""

import pytest
from iscdhcp.leases import read


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """So that small files have many blocks too."""
    monkeypatch.setattr(read, "BLOCK", 512)


@pytest.fixture
def write(tmp_path):
    """Write the lease file, and return its path."""

    def write_it(text, name="dhcpd.leases"):
        path = tmp_path / name
        path.write_bytes(text)
        return str(path)

    return write_it
