"""A lease file that was removed or replaced while dhcpd writes it."""

import os
import subprocess
import sys

import pytest
from iscdhcp.host import nameless
from iscdhcp.host import process

NAME = "dhcpd-that-writes"
WRITES = """
import os, sys
file = open(sys.argv[1], "w")
os.fchmod(file.fileno(), 0o640)
for text in sys.stdin:
    file.write(text)
    file.flush()
    print("written", flush=True)
"""


@pytest.fixture
def dhcpd(tmp_path):
    """A process that writes a lease file; ``say`` has it write a line."""
    path = tmp_path / "dhcpd.leases"
    argv = [NAME, "-c", WRITES, str(path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        argv, executable=sys.executable, stdin=pipe, stdout=pipe, text=True
    ) as one:

        def say(text):
            one.stdin.write(f"{text}\n")
            one.stdin.flush()
            assert one.stdout.readline()

        say("first")
        one.say, one.path = say, path
        yield one
        one.kill()


def running():
    (found,) = process.find([NAME])
    return found


def test_a_file_in_its_place_is_nothing_to_hold(dhcpd):
    with nameless.held(running(), str(dhcpd.path)) as held:
        assert held is None


@pytest.mark.parametrize("replaced", [True, False])
def test_what_was_written_since_is_put_back_once_it_has_ended(dhcpd, tmp_path, replaced):
    (tmp_path / "backup").write_text("an old one")
    if replaced:
        os.rename(tmp_path / "backup", dhcpd.path)
    else:
        dhcpd.path.unlink()
    dhcpd.say("second")
    with nameless.held(running(), str(dhcpd.path)) as held:
        with open(held.path) as file:
            assert file.read() == "first\nsecond\n"
        dhcpd.kill()
        dhcpd.wait()
        told = held.put_back()
    assert dhcpd.path.read_text() == "first\nsecond\n"
    assert dhcpd.path.stat().st_mode & 0o777 == 0o640
    aside = list(tmp_path.glob(f"dhcpd.leases{nameless.ASIDE}*"))
    assert [one.read_text() for one in aside] == (["an old one"] if replaced else [])
    assert all(str(one) in told for one in aside)
