"""Programs of the host: whatever becomes of them is a sentence."""

from __future__ import annotations

import sys

import pytest
from iscdhcp.errors import ProcessError
from iscdhcp.host import command
from iscdhcp.host.local import LOCAL


def test_what_it_prints_is_text_whatever_it_is():
    code = "import sys; sys.stdout.buffer.write(b'\\xff1'); sys.stderr.write('2\\n'); sys.exit(3)"
    done = command.run([sys.executable, "-c", code], 20.0)
    assert (done.code, done.out, done.complaint) == (3, "\ufffd1", "2")


def test_one_that_says_nothing_has_its_exit_code_for_a_complaint():
    assert command.run(["false"], 20.0).complaint == "exit code 1"


@pytest.mark.parametrize(
    "argv, said",
    [
        (["no-such-program"], "no-such-program is not installed or not in the PATH"),
        (["/etc"], "/etc can't be run: Permission denied"),
        (["sleep", "60"], "sleep 60 did not end within 0 s"),
    ],
)
def test_one_that_can_not_be_run_to_its_end_is_a_sentence(argv, said):
    with pytest.raises(ProcessError, match=said):
        command.run(argv, 0.2)


def test_a_service_manager_that_hangs_is_no_exception_of_pythons(tmp_path, monkeypatch):
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    run = command.run
    monkeypatch.setattr(command, "run", lambda argv, seconds: run(argv, 0.2))
    with pytest.raises(ProcessError, match="systemctl restart did not end"):
        LOCAL.systemctl("restart", "dhcpd")
