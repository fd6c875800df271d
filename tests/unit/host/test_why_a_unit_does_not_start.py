"""What systemd says of a unit that it does not start, from ``systemctl show`` (systemd 252)."""

from __future__ import annotations

import pytest
from iscdhcp.host import units

PRE = (
    "ExecStartPre={{ path=/usr/local/bin/check ; argv[]=/usr/local/bin/check -4 ; ignore_errors={} "
    "; start_time=[Thu 2026-11-26 23:00:00 UTC] ; stop_time=[Thu 2026-11-26 23:00:00 UTC] ; "
    "pid=77 ; code={} ; status={} }}"
)
FAILED = "LoadState=loaded\nActiveState=failed\nResult=exit-code\n"


@pytest.mark.parametrize(
    "shown, code, words",
    [
        ("LoadState=masked\nActiveState=inactive\nResult=success", "unit-masked", "masked"),
        (
            'LoadState=error\nActiveState=inactive\nLoadError=org.freedesktop.DBus.Error.X "Bad '
            'message"',
            "unit-refused",
            "Bad message",
        ),
        (
            FAILED + PRE.format("no", "exited", "3"),
            "unit-before-start",
            "ExecStartPre=/usr/local/bin/check -4 exited, status=3",
        ),
        (
            FAILED + PRE.format("no", "killed", "9/KILL"),
            "unit-before-start",
            "ExecStartPre=/usr/local/bin/check -4 killed, signal=KILL",
        ),
        (
            "LoadState=loaded\nActiveState=failed\nResult=start-limit-hit",
            "unit-start-limit",
            "start-limit-hit",
        ),
        ("LoadState=loaded\nActiveState=failed\nResult=oom-kill", "unit-refused", "memory"),
        ("LoadState=loaded\nActiveState=failed\nResult=timeout", "unit-refused", "timeout"),
        (
            "LoadState=loaded\nActiveState=inactive\nResult=success\nConditionResult=no\n"
            "ConditionTimestamp=Thu 2026-11-26 23:00:00 UTC",
            "unit-refused",
            "ConditionResult=no",
        ),
    ],
)
def test_its_reason_is_told_in_its_words(shown, code, words):
    found = units.parse("dhcpd.service", shown).refusal
    assert found[0] == code and words in found[1]


@pytest.mark.parametrize(
    "shown",
    [
        # dhcpd itself has ended: it has said why.
        FAILED,
        FAILED + PRE.format("no", "exited", "0"),
        FAILED + PRE.format("yes", "exited", "1"),
        # never tried
        "LoadState=loaded\nActiveState=inactive\nResult=success\nConditionResult=no\n",
        "LoadState=loaded\nActiveState=active\nResult=success\n" + PRE.format("no", "exited", "1"),
        "",
    ],
)
def test_it_has_none_where_dhcpd_is_what_failed_or_nothing_was_tried(shown):
    assert units.parse("dhcpd.service", shown).refusal is None


@pytest.mark.parametrize(
    "journal, code",
    [
        (
            "dhcpd.service: Start request repeated too quickly.\n"
            "dhcpd.service: Failed with result 'exit-code'.\nFailed to start dhcpd.service.\n",
            "unit-start-limit",
        ),
        ("dhcpd.service: Failed with result 'exit-code'.\nFailed to start dhcpd.service.\n", None),
    ],
)
def test_a_start_limit_after_failures_stands_in_the_journal_alone(
    monkeypatch, tmp_path, journal, code
):
    # Real programs in the path that say what systemd 252 says: no systemd runs here.
    for name, text in (("systemctl", f"Id=dhcpd.service\n{FAILED}"), ("journalctl", journal)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ncat <<'end'\n{text}end\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(units, "SYSTEMD", tmp_path)
    refusal = units.read("dhcpd").refusal
    assert (refusal and refusal[0]) == code
