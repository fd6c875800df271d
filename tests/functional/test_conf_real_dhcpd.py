"""What we say of a configuration is what dhcpd itself does with it (``dhcpd -t``)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import test_lint
from iscdhcp import conf


def verdict(folder: Path, text: str) -> int:
    """The exit code of dhcpd's own check; negative where it crashed."""
    path = folder / "dhcpd.conf"
    path.write_text(text)
    done = subprocess.run(
        ["dhcpd", "-t", "-cf", path], capture_output=True, stdin=subprocess.DEVNULL, timeout=20
    )
    return done.returncode


def test_dhcpd_refuses_what_we_call_refused_and_takes_what_we_call_valid(tmp_path: Path) -> None:
    assert verdict(tmp_path, test_lint.GOOD) == 0
    assert verdict(tmp_path, test_lint.VALID) == 0
    for code, _, text in test_lint.REFUSED:
        assert verdict(tmp_path, text) != 0, code


def test_dhcpd_takes_what_only_we_find(tmp_path: Path) -> None:
    for code, _, _, text in test_lint.LETS_PASS:
        # The only pool of the only relationship is another rule, which dhcpd has.
        assert verdict(tmp_path, text) == 0 or code == "pool-without-peer", code


@pytest.mark.parametrize("text", [test_lint.GOOD, test_lint.VALID], ids=["pair", "all"])
def test_what_we_write_dhcpd_takes(tmp_path: Path, text: str) -> None:
    assert verdict(tmp_path, conf.write(conf.parse_text(text))) == 0
