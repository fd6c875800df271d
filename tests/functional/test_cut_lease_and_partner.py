"""A lease was cut out of a server's file: whether and when its partner gives it back.

Two real dhcpd, a pair, in namespaces of their own.
"""

from __future__ import annotations

import os
import time

import pytest
from iscdhcp.leases import from_partner
from iscdhcp.leases import repair
from omapi_lab import DHCPD
from omapi_lab import Lab
from omapi_lab import Server

pytestmark = [
    pytest.mark.skipif(DHCPD is None, reason="no dhcpd is installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can make namespaces"),
]

ADDRESS = "192.0.2.20"
#: Seconds in which an update between the two would be there many times over.
LONG = 4.0


def when(seconds):
    return time.strftime("%w %Y/%m/%d %H:%M:%S", time.gmtime(time.time() + seconds))


def state(mine, theirs, secondary):
    mclt = "  mclt 20;\n" if secondary else ""
    return (
        f'failover peer "foo" state {{\n  my state {mine} at {when(-3600)};\n'
        f"  partner state {theirs} at {when(-3600)};\n{mclt}}}\n"
    )


def lease(address=ADDRESS, acknowledged=True):
    """An active lease at the partner; acknowledged: it has told the other of it, and was heard."""
    told = f"  tstp {when(5000)};\n  tsfp {when(5000)};\n  atsfp {when(5000)};\n"
    return (
        f"lease {address} {{\n  starts {when(-60)};\n  ends {when(3600)};\n"
        f"{told if acknowledged else ''}  cltt {when(-60)};\n"
        "  binding state active;\n  next binding state expired;\n"
        "  hardware ethernet 02:00:00:00:00:14;\n"
        '  uid "\\001\\002\\000\\000\\000\\000\\024";\n  client-hostname "host";\n}\n'
    )


class Pair:
    def __init__(self, lab):
        self.lab = lab
        self.servers = []
        for name, port, role in (("a", 7911, "primary"), ("b", 7912, "secondary")):
            lab.start(name, port, role=role).stop()

    def path(self, name):
        return str(self.lab.folder / "lib" / f"dhcpd.leases.{name}")

    def start(self, a, b):
        """Start both on these files: b first, as the partner that has served meanwhile."""
        for name, text in (("a", a), ("b", b)):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write("authoring-byte-order little-endian;\n" + text)
        self.servers = [Server(self.lab, "b", 7912), Server(self.lab, "a", 7911)]
        self.wait(lambda: "Both servers normal" in self.servers[1].log, 25.0)

    def wait(self, condition, seconds):
        limit = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < limit, self.servers[1].log
            time.sleep(0.02)

    def known(self, name="a"):
        found = repair.last_entries(self.path(name), [ADDRESS]).get(ADDRESS)
        return found and found.fields["state"]

    def stop(self):
        for server in self.servers:
            server.stop()


@pytest.fixture
def pair(tmp_path):
    with Lab(tmp_path) as lab:
        both = Pair(lab)
        yield both
        both.stop()


def balanced():
    """The other addresses of the pool, shared: nothing is to be balanced."""
    states = {number: "backup" if number % 2 else "free" for number in range(10, 100)}
    return "".join(
        f"lease 192.0.2.{number} {{\n  starts {when(-900)};\n  tsfp {when(-900)};\n"
        f"  atsfp {when(-900)};\n  binding state {of};\n}}\n"
        for number, of in states.items()
        if number != 20
    )


def test_the_partner_does_not_give_back_what_it_believes_to_be_known(pair):
    """A server that was normal asks for nothing: to it the address is free, for another client."""
    normal = state("communications-interrupted", "normal", True)
    pair.start(state("normal", "normal", False) + balanced(), normal + balanced() + lease())
    limit = time.monotonic() + LONG
    while time.monotonic() < limit:
        assert pair.known() in (None, "free")
        assert pair.known("b") == "active"
        time.sleep(0.1)


def test_the_partner_gives_back_what_it_has_not_yet_been_heard_on(pair):
    """A client renewed while the server was down: the partner's update brings the lease back."""
    partner = state("communications-interrupted", "normal", True) + balanced()
    pair.start(state("normal", "normal", False) + balanced(), partner + lease(acknowledged=False))
    pair.wait(lambda: pair.known() == "active", 10.0)


def test_a_cut_lease_that_is_balanced_away_is_lost_at_the_partner_too(pair):
    """The reason to salvage before the start: the partner believes the one that forgot."""
    pair.start(
        state("normal", "normal", False),
        state("communications-interrupted", "normal", True) + lease(),
    )
    pair.wait(lambda: pair.known("b") == "backup", 10.0)


def test_a_server_that_recovers_gets_everything_back(pair):
    """The full update: before it serves again."""
    pair.start(
        state("recover", "partner-down", False), state("partner-down", "recover", True) + lease()
    )
    assert pair.known() == "active"


def test_what_the_partner_knows_is_written_so_that_dhcpd_takes_it(pair):
    """Facts of the partner's file, as they travel, made an entry of ours again."""
    partner = state("communications-interrupted", "normal", True) + balanced() + lease()
    pair.start(state("normal", "normal", False) + balanced(), partner)
    facts = from_partner.entry_facts(pair.path("b"), [ADDRESS])
    pair.stop()
    (one,) = from_partner.from_partner([ADDRESS], facts)
    assert one["outcome"] == "known"
    pair.start(state("normal", "normal", False) + balanced() + one["entry"], partner)
    pair.wait(lambda: pair.known() == "active", 5.0)
    mine, theirs = (
        repair.last_entries(pair.path(name), [ADDRESS])[ADDRESS].fields for name in ("a", "b")
    )
    for name in ("ends", "hardware", "uid", "client_hostname"):
        assert mine[name] == theirs[name], name
