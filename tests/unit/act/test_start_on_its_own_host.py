"""A host that was replaced, and still has its dhcpd.conf, starts no dhcpd."""

from __future__ import annotations

from iscdhcp.act import starting


def down(here, addresses):
    here.host.running = None
    here.addresses = lambda loopback=True: addresses
    # A lease file that says something, as after a year of service.
    here.folder.joinpath("dhcpd.leases").write_text("authoring-byte-order little-endian;\n")


def test_a_host_without_its_address_starts_nothing(here, host):
    down(here, ["127.0.0.1", "192.0.2.77"])
    answer = starting.start(here, (), 10.0, None)
    assert answer["result"] is False and answer["refused"] is True
    assert answer["reasons"][0]["code"] == "no-address"
    for words in ("dhcp-b does not have 192.0.2.2, its address in foo", "if dhcp-b was replaced"):
        assert words in answer["comment"]
    assert host.done == []


def test_one_that_has_it_starts(here, host):
    down(here, ["127.0.0.1", "192.0.2.2"])
    assert starting.start(here, (), 10.0, None)["result"] is True
    assert host.done == ["start"]


def test_a_person_who_says_so_starts_it_all_the_same(here, host):
    down(here, ["192.0.2.77"])
    answer = starting.start(here, ("address",), 10.0, None)
    assert answer["result"] is True
    assert any("192.0.2.2" in one for one in answer["warnings"])


def test_what_runs_already_is_left_alone(here, host):
    here.addresses = lambda loopback=True: []
    answer = starting.start(here, (), 10.0, None)
    assert answer["result"] is True and "runs already" in answer["comment"]
