"""What ran comes back as it ran, or is not stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import sys

import pytest
from iscdhcp.facts import ran
from iscdhcp.host.units import Unit

DEBIAN = Unit("isc-dhcp-server.service", "loaded", "active", 0)


def what_ran(**changed):
    known = {
        "argv": (sys.executable, "-4", "-cf", "/etc/dhcp/site.conf", "eth0"),
        "identity": "boot-7-1",
        "started": 1000.0,
        "config_file": "/etc/dhcp/site.conf",
        "lease_file": "/var/lib/dhcp/site.leases",
        "pid_file": "/run/site.pid",
        "unit": "isc-dhcp-server.service",
    }
    return ran.Ran(**{**known, **changed})


def test_it_is_kept_on_disk_and_read_again():
    one = what_ran(variables=(("PATH_DHCPD_CONF", "/x"),), only_inside=("/a",))
    assert ran.Ran.from_dict(one.as_dict()) == one
    for broken in (None, "x", {}, {"argv": []}, {"argv": ["x"], "unknown": 1}):
        assert ran.Ran.from_dict(broken) is None


def test_a_dhcpd_in_its_unit_comes_back_by_it():
    assert ran.why_not_back(what_ran(), DEBIAN) is None
    assert ran.why_not_back(what_ran(), DEBIAN, "isc-dhcp-server") is None


@pytest.mark.parametrize(
    ("changed", "unit", "service", "words"),
    [
        ({}, dataclasses.replace(DEBIAN, load="masked"), None, "systemctl unmask"),
        ({}, dataclasses.replace(DEBIAN, load="not-found"), None, "unknown to systemd"),
        ({}, DEBIAN, "dhcpd", "the setting dhcpd:service names dhcpd"),
        ({"unit": None}, DEBIAN, "isc-dhcp-server", "runs outside of isc-dhcp-server.service"),
        ({"unit": None, "own_root": True}, None, None, "container or a chroot"),
        ({"unit": None, "foreground": True}, None, None, "in the foreground"),
        ({"unit": None, "uid": 101}, None, None, "user with the id 101"),
        ({"unit": None, "argv": (sys.executable, "-cf", "x.conf")}, None, None, "whole path"),
        ({"unit": None, "argv": ("/not/there/dhcpd",)}, None, None, "not there any more"),
        ({"only_inside": ("/proc/7/root/etc/dhcpd.conf",)}, DEBIAN, None, "lies in a container"),
    ],
)
def test_what_may_not_come_back_is_told_with_the_setting_that_helps(changed, unit, service, words):
    why = ran.why_not_back(what_ran(**changed), unit, service)
    assert why is not None and words in why
    if "only_inside" not in changed:
        assert ran.why_not_back(what_ran(**changed), unit, service, ["/usr/sbin/dhcpd"]) is None


def test_a_unit_that_was_changed_since_the_start_is_told(tmp_path):
    (tmp_path / "settings").touch()
    unit = dataclasses.replace(DEBIAN, files=(str(tmp_path / "settings"),))
    why = ran.why_not_back(what_ran(), unit)
    assert f"{tmp_path}/settings" in why and "force=start" in why


def test_a_service_of_another_manager_brings_back_what_runs_in_the_foreground():
    supervised = what_ran(unit=None, foreground=True)
    assert ran.why_not_back(supervised, None, managed=True) is None
    assert "foreground" in ran.why_not_back(supervised, None)


def test_a_file_that_is_only_touched_has_not_changed(tmp_path):
    path = tmp_path / "settings"
    path.write_text("x", encoding="utf-8")
    unit = dataclasses.replace(DEBIAN, files=(str(path),))
    known = what_ran(digests={str(path): hashlib.sha256(b"x").hexdigest()})
    assert ran.why_not_back(known, unit) is None
    path.write_text("y", encoding="utf-8")
    assert str(path) in ran.why_not_back(known, unit)


def test_a_start_by_a_unit_that_names_other_files_is_told():
    other = dataclasses.replace(DEBIAN, argv=("dhcpd", "-cf", "/etc/dhcp/dhcpd.conf"))
    assert "/etc/dhcp/site.conf" in ran.why_another(what_ran(), other)
    same = dataclasses.replace(DEBIAN, argv=("dhcpd", "-cf", "/etc/dhcp/site.conf"))
    assert ran.why_another(what_ran(), same) is None
    assert ran.why_another(what_ran(), DEBIAN) is None
    assert "masked" in ran.why_another(what_ran(), dataclasses.replace(DEBIAN, load="masked"))


def test_what_came_up_is_compared_with_what_ran():
    assert ran.differences(what_ran(), what_ran(identity="boot-8-2", started=2.0)) == ([], [])
    files, rest = ran.differences(what_ran(), what_ran(lease_file="/other", uid=5, unit=None))
    assert files == ["its lease file is /other, not /var/lib/dhcp/site.leases"]
    assert len(rest) == 2
    now = what_ran(argv=(sys.executable, "-4"), unit=None)
    assert len(ran.differences(what_ran(), now)[1]) == 2
    assert ran.differences(what_ran(), now, by_command=True) == ([], [])
