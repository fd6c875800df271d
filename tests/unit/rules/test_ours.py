"""Which of several dhcpd on a host is ours: the one that the settings name, or all."""

from __future__ import annotations

import pytest
from iscdhcp.rules import ours

OURS = ("/etc/dhcp/dhcpd.conf", "isc-dhcp-server.service")
OTHER = ("/etc/dhcp/guests.conf", "dhcpd-guests.service")
BY_HAND = ("/etc/dhcp/dhcpd.conf", None)


def chosen(found, config_file=None, service=None):
    mine, others = ours.chosen(found, config_file, service, lambda one: one[0], lambda one: one[1])
    assert sorted([*mine, *others], key=str) == sorted(found, key=str)
    return mine


@pytest.mark.parametrize(
    "settings, mine",
    [
        ({}, [OURS, OTHER]),
        ({"config_file": "/etc/dhcp/dhcpd.conf"}, [OURS]),
        ({"config_file": "/etc/dhcp/../dhcp/guests.conf"}, [OTHER]),
        ({"service": "isc-dhcp-server"}, [OURS]),
        ({"service": "dhcpd-guests.service"}, [OTHER]),
        ({"service": "third"}, []),
        ({"config_file": "/etc/dhcp/third.conf"}, []),
    ],
)
def test_the_settings_choose(settings, mine):
    assert chosen([OURS, OTHER], **settings) == mine


def test_one_that_was_started_by_hand_may_be_the_service_s():
    assert chosen([BY_HAND, OTHER], service="isc-dhcp-server") == [BY_HAND]


def test_a_link_is_the_same_file(tmp_path):
    real, link = tmp_path / "real.conf", tmp_path / "link.conf"
    real.write_text("")
    link.symlink_to(real)
    one = (str(real), None)
    assert chosen([one], config_file=str(link)) == [one]
