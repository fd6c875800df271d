"""The forms in which hosts write dhcpd's lines, and those that are not known."""

from __future__ import annotations

import calendar
import time

import pytest
from iscdhcp.errors import LogError
from iscdhcp.log import evidence
from iscdhcp.log import forms
from iscdhcp.log.sources import syslog_lines

SAID = "failover peer foo: I move from normal to communications-interrupted"
UTC = calendar.timegm((2026, 11, 25, 9, 0, 3))
LOCAL = time.mktime((2026, 11, 25, 10, 0, 3, 0, 0, -1))
NOW = LOCAL + 1000
FORMS = {
    "rsyslog, traditional": (f"Nov 25 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "a day of one digit": (
        f"Nov  5 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL - 20 * 86400, 99,
    ),
    "without a host (pfSense)": (f"Nov 25 10:00:03 dhcpd: {SAID}", LOCAL, None),
    "without a host, with a pid": (f"Nov 25 10:00:03 dhcpd[99]: {SAID}", LOCAL, 99),
    "with a path": (f"Nov 25 10:00:03 host1 /usr/sbin/dhcpd[99]: {SAID}", LOCAL, 99),
    "with its priority": (f"<190>Nov 25 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "with milliseconds": (f"Nov 25 10:00:03.250 host1 dhcpd[99]: {SAID}", LOCAL + 0.25, 99),
    "with a year": (f"Nov 25 2026 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "with a day of the week": (f"Wed Nov 25 10:00:03 2026 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "OpenWrt's logd": (f"Wed Nov 25 10:00:03 2026 daemon.info dhcpd[99]: {SAID}", LOCAL, 99),
    "OpenWrt's logd, remote": (
        f"Wed Nov 25 10:00:03 2026 host1 daemon.info dhcpd[99]: {SAID}", LOCAL, 99,
    ),
    "busybox syslogd": (f"Nov 25 10:00:03 host1 daemon.info dhcpd[99]: {SAID}", LOCAL, 99),
    "busybox syslogd, small": (f"Nov 25 10:00:03 daemon.info dhcpd: {SAID}", LOCAL, None),
    "a severity": (f"Nov 25 10:00:03 host1 info dhcpd[99]: {SAID}", LOCAL, 99),
    "a severity in brackets": (f"Nov 25 10:00:03 host1 [info] dhcpd[99]: {SAID}", LOCAL, 99),
    "RFC 3339": (f"2026-11-25T10:00:03.5+01:00 host1 dhcpd[99]: {SAID}", UTC + 0.5, 99),
    "RFC 3339, UTC": (f"2026-11-25T09:00:03Z host1 dhcpd[99]: {SAID}", UTC, 99),
    "a zone without a colon": (f"2026-11-25T10:00:03+0100 host1 dhcpd[99]: {SAID}", UTC, 99),
    "a blank between date and time": (f"2026-11-25 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "a blank before the zone": (f"2026-11-25 10:00:03 +0100 host1 dhcpd[99]: {SAID}", UTC, 99),
    "slashes": (f"2026/11/25 10:00:03 host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "a comma before milliseconds": (
        f"2026-11-25 10:00:03,125 host1 dhcpd[99]: {SAID}", LOCAL + 0.125, 99,
    ),
    "in brackets": (f"[2026-11-25 10:00:03] host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "journalctl -o short-full": (f"Wed 2026-11-25 10:00:03 CET host1 dhcpd[99]: {SAID}", LOCAL, 99),
    "journalctl -o short-unix": (f"{UTC}.250000 host1 dhcpd[99]: {SAID}", UTC + 0.25, 99),
    "RFC 5424 (OPNsense)": (
        '<190>1 2026-11-25T10:00:03+01:00 fw1.example dhcpd 99 - [meta sequenceId="1"] ' + SAID,
        UTC, 99,
    ),
    "RFC 5424 (rsyslog)": (
        f"<30>1 2026-11-25T09:00:03.5Z host1 dhcpd 99 - - {SAID}", UTC + 0.5, 99,
    ),
    "RFC 5424 without a priority": (f"2026-11-25T09:00:03Z host1 dhcpd 99 - - {SAID}", UTC, 99),
    "RFC 5424 without a pid": (f"<30>1 2026-11-25T09:00:03Z host1 dhcpd - - - {SAID}", UTC, None),
    "RFC 5424, more data": (
        f'<30>1 2026-11-25T09:00:03Z host1 dhcpd 99 ID7 [a b="c\\]d"][e f="g"] \ufeff{SAID}',
        UTC, 99,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_line_is_read_in_the_forms_that_hosts_write(name):
    text, moment, pid = FORMS[name]
    assert forms.header(text, "dhcpd", NOW) == (moment, pid, SAID)


@pytest.mark.parametrize(
    "text",
    [
        f"Nov 25 10:00:03 host1 systemd[1]: dhcpd: {SAID}",
        f"Nov 25 10:00:03 host1 dhcpd6[9]: {SAID}",
        f"Nov 25 10:00:03 host1 mydhcpd[9]: {SAID}",
        f"Nov 25 10:00:03 host1 sshd[9]: user dhcpd: {SAID}",
        f"host1 dhcpd[9]: {SAID}",
        f"Nov 31 25:61:03 host1 dhcpd[9]: {SAID}",
        "",
    ],
)
def test_what_others_have_written_is_not_taken_for_dhcpds(text):
    assert forms.header(text, "dhcpd", NOW) is None


def test_lines_in_another_form_are_counted_and_the_first_is_told(tmp_path):
    path = tmp_path / "log"
    path.write_text(f"at noon dhcpd says {SAID}\n" * 2 + f"later dhcpd says {SAID}\n")
    with pytest.raises(LogError, match=r"3 lines of dhcpd in .* does not read, the first: at noon"):
        list(syslog_lines(str(path), None, 0.0, "dhcpd", None, 10.0))
    with pytest.raises(LogError, match="3 lines of dhcpd"):
        evidence.read([str(path)])


def test_one_odd_line_among_others_is_no_trouble(tmp_path):
    path = tmp_path / "log"
    path.write_text(f"at noon dhcpd says {SAID}\n{FORMS['RFC 3339'][0]}\n")
    (line,) = syslog_lines(str(path), None, 0.0, "dhcpd", None, 10.0)
    assert line.text == SAID


def test_other_programs_lines_about_dhcpd_are_none_of_its_own(tmp_path):
    path = tmp_path / "log"
    path.write_text("at noon systemd says Started dhcpd.\n")
    assert list(syslog_lines(str(path), None, 0.0, "dhcpd", None, 10.0)) == []


def test_a_file_is_left_where_it_gets_too_old_in_any_form(tmp_path):
    for text, moment, _ in FORMS.values():
        path = tmp_path / "log"
        path.write_text(f"{text}\n")
        assert len(list(syslog_lines(str(path), None, moment, "dhcpd", None, 10.0))) == 1
        assert list(syslog_lines(str(path), None, moment + 60, "dhcpd", None, 10.0)) == []
