"""The table of lease files of real origin in the documents is what we and dhcpd say today."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from omapi_lab import DHCPD

from bench import lease_corpus

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "leases"


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no sample files in {CORPUS}")
@pytest.mark.skipif(DHCPD is None, reason="no dhcpd is installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces")
def test_the_table_of_real_lease_files_is_up_to_date():
    text = lease_corpus.DOCUMENT.read_text(encoding="utf-8")
    table = text.partition(lease_corpus.BEGIN + "\n")[2].partition(lease_corpus.END)[0]
    assert table == lease_corpus.table(CORPUS)
    assert str(CORPUS.parent) not in text
