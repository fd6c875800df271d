"""What we say of a configuration is what dhcpd itself does with it (``dhcpd -t``)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import configurations
import judged_configurations as judged
import pytest
from iscdhcp.conf import syntax
from iscdhcp.conf import write


def verdict(folder: Path, text: str) -> int:
    """The exit code of dhcpd's own check; negative where it crashed."""
    path = folder / "dhcpd.conf"
    path.write_text(text)
    done = subprocess.run(
        ["dhcpd", "-t", "-cf", path], capture_output=True, stdin=subprocess.DEVNULL, timeout=20
    )
    return done.returncode


def test_dhcpd_refuses_what_we_call_refused_and_takes_what_we_call_valid(tmp_path: Path) -> None:
    assert verdict(tmp_path, configurations.GOOD) == 0
    assert verdict(tmp_path, configurations.VALID) == 0
    for code, _, text in configurations.REFUSED:
        assert verdict(tmp_path, text) != 0, code


def test_dhcpd_says_the_same_of_every_mistake_and_of_its_right_form(tmp_path: Path) -> None:
    for text in judged.TAKEN:
        assert verdict(tmp_path, judged.whole(text)) == 0, text
    for text in judged.REFUSED:
        assert verdict(tmp_path, judged.whole(text)) != 0, text


def test_dhcpd_takes_what_only_we_find(tmp_path: Path) -> None:
    for code, _, _, text in configurations.LETS_PASS:
        # The only pool of the only relationship is another rule, which dhcpd has.
        assert verdict(tmp_path, text) == 0 or code == "pool-without-peer", code


@pytest.mark.parametrize("text", [configurations.GOOD, configurations.VALID], ids=["pair", "all"])
def test_what_we_write_dhcpd_takes(tmp_path: Path, text: str) -> None:
    assert verdict(tmp_path, write.write(syntax.parse_text(text))) == 0
