"""Why a start failed, from what a real dhcpd 4.4.3-P1 logs when it is started that way."""

from __future__ import annotations

import pytest
from iscdhcp.log import attempts
from iscdhcp.log.sources import Line

BANNER = """Internet Systems Consortium DHCP Server 4.4.3-P1
Copyright 2004-2022 Internet Systems Consortium.
All rights reserved.
For info, please visit https://www.isc.org/software/dhcp/
Config file: {file}
Database file: /var/lib/dhcp/dhcpd.leases
PID file: /var/run/dhcpd.pid
"""
ADVICE = """
If you think you have received this message due to a bug rather
than a configuration issue please read the section on submitting
bugs on either our web page at www.isc.org or in the README file
before submitting a bug.  These pages explain the proper
process and the information we find helpful for debugging.

exiting.
"""
LISTENS = """Wrote 0 leases to leases file.
Listening on LPF/veth0/ee:12:11:f5:66:25/10.9.0.0/24
Sending on   LPF/veth0/ee:12:11:f5:66:25/10.9.0.0/24
"""
PORT = (
    LISTENS
    + """Can't bind to dhcp address: Address already in use
Please make sure there is no other dhcp server
running and that there's no entry for dhcp or
bootp in /etc/inetd.conf.   Also make sure you
are not running HP JetAdmin software, which
includes a bootp server.
"""
)
NO_SUBNET = """Wrote 0 leases to leases file.

No subnet declaration for {name} ({address}).
** Ignoring requests on {name}.  If this is not what
   you want, please write a subnet declaration
   in your dhcpd.conf file for the network segment
   to which interface {name} is attached. **


Not configured to listen on any interfaces!
"""
SIX = """Wrote 0 NA, 0 TA, 0 PD leases to lease file.

No subnet6 declaration for veth0 (fe80::ec12:11ff:fef5:6625).
** Ignoring requests on veth0.  If this is not what
   you want, please write a subnet6 declaration
   in your dhcpd.conf file for the network segment
   to which interface veth0 is attached. **


Not configured to listen on any interfaces!
"""
CONF = "/etc/dhcp/dhcpd.conf"
UNREADABLE = "Can't open /etc/dhcp/x.conf: Permission denied"
DENIED = (
    'audit: type=1400 audit(1795000000.1:22): apparmor="DENIED" operation="open" '
    'profile="/usr/sbin/dhcpd" name="/srv/dhcp/x.conf" pid=7 comm="dhcpd" requested_mask="r" '
    'denied_mask="r" fsuid=0 ouid=0'
)


def lines(*texts, pid=7, begin=100.0, file=CONF, banner=BANNER):
    text = banner.format(file=file) + "".join(texts)
    return [Line(begin + at, pid, line) for at, line in enumerate(text.splitlines())]


@pytest.mark.parametrize(
    "said, code, line, name",
    [
        (PORT, "start-port", "Can't bind to dhcp address: Address already in use", None),
        (
            NO_SUBNET.format(name="nope0", address="no IPv4 addresses"),
            "start-interface",
            "No subnet declaration for nope0 (no IPv4 addresses).",
            "nope0",
        ),
        (
            NO_SUBNET.format(name="ens18", address="10.1.0.1"),
            "start-subnet",
            "No subnet declaration for ens18 (10.1.0.1).",
            "ens18",
        ),
        (
            "failover peer foo: I move from recover to startup\n"
            "failover peer foo: no local address.\n",
            "start-name",
            "failover peer foo: no local address.",
            "foo",
        ),
        ("ens18: not found\n", "start-interface", "ens18: not found", "ens18"),
        ("no such user: dhcpdx\n", "start-user", "no such user: dhcpdx", "dhcpdx"),
        ("no such group: foo\n", "start-user", "no such group: foo", "foo"),
        (
            "unable to create icmp socket: Operation not permitted\n"
            "Can't open /var/lib/dhcp/dhcpd.leases for append.\n",
            "start-user",
            "unable to create icmp socket: Operation not permitted",
            None,
        ),
        (
            "Can't open /var/lib/dhcp/dhcpd.leases for append.\n",
            "start-lease-file",
            "Can't open /var/lib/dhcp/dhcpd.leases for append.",
            "/var/lib/dhcp/dhcpd.leases",
        ),
        (
            "Can't create new lease file: Permission denied\n",
            "start-lease-file",
            "Can't create new lease file: Permission denied",
            None,
        ),
        (
            "Failed to get realpath for nolf: No such file or directory\n",
            "start-lease-file",
            "Failed to get realpath for nolf: No such file or directory",
            "nolf",
        ),
        (f"{UNREADABLE}\n", "start-denied", UNREADABLE, "/etc/dhcp/x.conf"),
        (
            "Can't open nope.conf: No such file or directory\n",
            "start-file",
            "Can't open nope.conf: No such file or directory",
            "nope.conf",
        ),
        (
            "There's already a DHCP server running.\n",
            "start-twice",
            "There's already a DHCP server running.",
            None,
        ),
        (
            "bad range, address 10.8.0.10 not in subnet 10.9.0.0 netmask 255.255.255.0\n",
            "start-failed",
            "bad range, address 10.8.0.10 not in subnet 10.9.0.0 netmask 255.255.255.0",
            None,
        ),
        (
            f"{CONF} line 3: semicolon expected.\nsubnet \n ^\n{CONF} line 9: unknown x\n"
            "Configuration file errors encountered -- exiting\n",
            "start-failed",
            f"{CONF} line 3: semicolon expected.",
            None,
        ),
        (
            "/var/lib/dhcp/dhcpd.leases line 8: unknown failover peer: f\n"
            'failover peer "f" \n   ^\n'
            "Can't allocate lease/hw hash\n",
            "start-failed",
            "Can't allocate lease/hw hash",
            None,
        ),
    ],
)
@pytest.mark.parametrize("banner", [BANNER, ""], ids=["", "with -q"])
def test_the_line_with_the_reason_is_found(said, code, line, name, banner):
    # A secret may stand in the source line that follows an error, which is never the reason.
    found = attempts.why_failed(lines(said, ADVICE, banner=banner), CONF)
    assert (found["code"], found["text"], found["name"]) == (code, line, name)


def test_only_the_newest_attempt_counts():
    first = lines(PORT, ADVICE, begin=100.0)
    second = lines("no such user: dhcpdx\n", ADVICE, pid=8, begin=300.0)
    assert attempts.why_failed(first + second)["code"] == "start-user"
    assert attempts.why_failed(second + lines(PORT, ADVICE, pid=8, begin=500.0))["code"] == (
        "start-port"
    )


@pytest.mark.parametrize("pid", [7, None])
def test_a_newer_start_that_served_makes_older_reasons_stale(pid):
    served = lines(LISTENS, "Server starting service.\n", pid=pid, begin=300.0)
    assert attempts.why_failed(lines(PORT, ADVICE, pid=pid) + served) is None


def test_an_end_after_serving_has_its_own_reason_and_a_stop_has_none():
    began = LISTENS + "Server starting service.\n"
    died = lines(began, "Impossible condition at failover.c:1234.\n", ADVICE)
    assert attempts.why_failed(died)["text"] == "Impossible condition at failover.c:1234."
    assert attempts.why_failed(lines(began)) is None


def test_the_half_for_ipv6_is_named_where_ours_did_not_fail():
    ours = lines(LISTENS, pid=5, begin=50.0)
    six = lines(SIX, ADVICE, pid=6, file="/etc/dhcp/dhcpd6.conf")
    found = attempts.why_failed(ours + six, CONF)
    assert (found["code"], found["file"]) == ("start-ipv6", "/etc/dhcp/dhcpd6.conf")
    # A dhcpd for DHCPv6 that is started again and again does not hide what ours said.
    assert attempts.why_failed(lines(PORT, ADVICE, pid=5, begin=50.0) + six, CONF)["code"] == (
        "start-port"
    )


def test_a_dhcpd_with_another_configuration_is_not_taken_for_ours():
    other = lines("no such user: x\n", ADVICE, file="/srv/other.conf")
    assert attempts.why_failed(other, CONF)["code"] == "start-other"


@pytest.mark.parametrize("said", [UNREADABLE, "Can't open /srv/dhcp/x.leases for append."])
def test_apparmor_is_named_where_the_kernel_says_so(said):
    found = attempts.why_failed(lines(f"{said}\n", ADVICE), CONF, [DENIED])
    assert (found["code"], found["name"]) == ("start-apparmor", "/srv/dhcp/x.conf")
    assert found["profile"] == "/usr/sbin/dhcpd"
    # It denies much else that is not why a start fails.
    assert attempts.why_failed(lines(PORT, ADVICE), CONF, [DENIED])["code"] == "start-port"


def test_no_lines_no_reason():
    assert attempts.why_failed([]) is None and attempts.newest([]) == []
