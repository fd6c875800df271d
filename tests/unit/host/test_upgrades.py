"""What package upgrades would do to dhcpd, by a host's files; and what keeps them from it."""

from __future__ import annotations

import subprocess

import pytest
from iscdhcp.act import keeping
from iscdhcp.errors import ActError
from iscdhcp.host import upgrades
from iscdhcp.rules.upgrades import by_themselves

STATUS = "Package: x\nStatus: install ok installed\n\nPackage: isc-dhcp-server\nStatus: {}\n"


@pytest.fixture
def root(tmp_path):
    """A Debian with dhcpd's package."""
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    dpkg(tmp_path, "install ok installed")
    return tmp_path


def dpkg(root, status):
    (root / "var/lib/dpkg/status").write_text(STATUS.format(status))


def needrestart(root, *texts):
    (root / "usr/sbin/needrestart").touch()
    folder = root / "etc/needrestart/conf.d"
    folder.mkdir(parents=True)
    (folder.parent / "needrestart.conf").write_text(texts[0] if texts else "")
    for number, text in enumerate(texts[1:]):
        (folder / f"{number}.conf").write_text(text)


def policy(root, code):
    path = root / "usr/sbin/policy-rc.d"
    path.write_text(f"#!/bin/sh\nexit {code}\n")
    path.chmod(0o755)


def look(root, *units):
    return upgrades.look(units or ("isc-dhcp-server.service",), root)


def test_a_new_package_restarts_its_service(root):
    assert look(root) == {"package": True, "needrestart": None}
    assert look(root, "dhcpd-guests.service")["package"] is None


@pytest.mark.parametrize(
    "status, found",
    [
        ("hold ok installed", False),
        ("deinstall ok config-files", None),
        ("install ok half-configured", True),
    ],
)
def test_a_package_that_is_held_or_not_there_restarts_nothing(root, status, found):
    dpkg(root, status)
    assert look(root)["package"] is found


@pytest.mark.parametrize("code, found", [(101, False), (0, True), (104, True), (1, True)])
def test_the_policy_of_the_host_is_asked(root, code, found):
    policy(root, code)
    assert look(root)["package"] is found


@pytest.mark.parametrize(
    "texts, found",
    [
        ((), True),
        (("$nrconf{restart} = 'a';\n",), True),
        (("$nrconf{restart} = 'l';\n",), False),
        (("#$nrconf{restart} = 'l';\n",), True),
        (("$nrconf{override_rc} = {\n  qr(^dbus) => 0,\n  qr(^isc-dhcp) => 0,\n};\n",), False),
        (("$nrconf{override_rc} = {\n  qr(^dbus) => 0,\n  # qr(^isc-dhcp) => 0,\n};\n",), True),
        (("", "$nrconf{override_rc}{qr(^isc-dhcp-server)} = 0;\n"), False),
        (
            ("", "$nrconf{override_rc}{qr(^isc-dhcp)} = 0;", "$nrconf{override_rc}{qr(^isc)} = 1;"),
            True,
        ),
    ],
)
def test_what_needrestart_is_told(root, texts, found):
    needrestart(root, *texts)
    assert look(root)["needrestart"] is found


def test_a_host_of_another_family_has_none_of_it(tmp_path):
    assert look(tmp_path) == {"package": None, "needrestart": None}
    assert by_themselves("a", look(tmp_path)) == []


def test_it_is_told_by_what_dhcpd_would_be_restarted(root):
    needrestart(root)
    (reason,) = by_themselves("a", look(root))
    assert "its postinst" in reason.text and "needrestart" in reason.text
    assert "dhcpd.kept_from_upgrades" in reason.do and not reason.blocks
    assert by_themselves("a", None) == []


# -- kept from it --------------------------------------------------------------------------------


def test_what_is_written_keeps_them_from_it_and_is_written_once(root):
    needrestart(root)
    files = keeping.wanted(["isc-dhcp-server"], root)
    assert len(files) == 2
    keeping.write(files)
    assert look(root) == {"package": False, "needrestart": False}
    assert keeping.wanted(["isc-dhcp-server"], root) == {}


@pytest.mark.parametrize(
    "words, code",
    [
        (["isc-dhcp-server", "restart"], 101),
        (["isc-dhcp-server", "(restart)", "5"], 101),
        (["--quiet", "isc-dhcp-server", "restart"], 101),
        (["isc-dhcp-server.service", "try-restart"], 101),
        (["isc-dhcp-server", "force-reload"], 101),
        (["isc-dhcp-server", "start"], 0),
        (["isc-dhcp-server", "stop"], 0),
        (["isc-dhcp-server-ldap", "restart"], 0),
        (["ssh", "restart"], 0),
    ],
)
def test_the_policy_denies_the_restart_of_dhcpd_and_nothing_else(root, words, code):
    keeping.write(keeping.wanted(["isc-dhcp-server", "guests.service"], root))
    path = str(root / "usr/sbin/policy-rc.d")
    assert subprocess.run([path, *words], check=False).returncode == code
    assert subprocess.run([path, "guests", "restart"], check=False).returncode == 101


def test_somebody_else_s_policy_is_left_alone(root):
    policy(root, 101)
    assert list(keeping.wanted(["isc-dhcp-server"], root)) == [str(root / upgrades.KEPT)]
    policy(root, 0)
    with pytest.raises(ActError, match=r"somebody else's.*exit with 101"):
        keeping.wanted(["isc-dhcp-server"], root)


def test_a_host_of_another_family_is_told_its_own_means(tmp_path):
    with pytest.raises(ActError, match="dnf"):
        keeping.wanted(["dhcpd"], tmp_path)
