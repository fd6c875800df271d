"""The end of a lease file, seen while dhcpd writes it."""

from __future__ import annotations

import os
import time

import pytest
from iscdhcp.facts import gather

WHOLE = "lease 10.0.0.10 {\n  binding state active;\n}\n"
HALF = "lease 10.0.0.11 {\n  binding sta"


class Writer:
    """A clock in whose sleeps dhcpd goes on writing: the rest comes after some seconds."""

    def __init__(self, path, after):
        self.path, self.left, self.now = path, after, time.time()

    def time(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        self.left -= seconds
        if self.left <= 0 and not self.path.read_text().endswith("}\n"):
            with self.path.open("a") as file:
                file.write("te active;\n}\n")


@pytest.mark.parametrize("seconds", [0.01, 0.25])
def test_an_entry_that_is_being_written_is_no_torn_end(tmp_path, seconds):
    path = tmp_path / "dhcpd.leases"
    path.write_text(WHOLE + HALF)
    found = gather.lease_file_facts(str(path), Writer(path, seconds))
    assert found["whole"] is True and found["problem"] is None


def test_an_end_that_stays_torn_is_torn_and_an_old_one_is_not_waited_for(tmp_path):
    path = tmp_path / "dhcpd.leases"
    path.write_text(WHOLE + HALF)
    clock = Writer(path, 60.0)
    begun = clock.now
    assert "torn" in gather.lease_file_facts(str(path), clock)["problem"]
    assert clock.now - begun < 1.0
    os.utime(path, (begun - 100, begun - 100))
    clock = Writer(path, 60.0)
    begun = clock.now
    assert "torn" in gather.lease_file_facts(str(path), clock)["problem"]
    assert clock.now - begun < 0.1
