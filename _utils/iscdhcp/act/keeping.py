"""Package upgrades kept from restarting dhcpd: the files that say so, written or compared."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import ActError
from ..host import upgrades


def wanted(services: Iterable[str], root: Path = upgrades.ROOT) -> dict[str, str]:
    """
    Return the files that differ from what they should be, by path, with their contents.

    services
        That are dhcpd's.

    Raises :class:`ActError` where somebody else's ``policy-rc.d`` lets packages restart dhcpd.
    """
    services = list(services)
    if not (root / "var/lib/dpkg").is_dir():
        raise ActError(
            "this host has no packages of Debian's: keep the package of dhcpd out of automatic "
            "upgrades by the means of its own package manager (exclude=dhcp-server in "
            "/etc/dnf/automatic.conf, DISABLE_RESTART_ON_UPDATE=yes in /etc/sysconfig/services)"
        )
    files = {root / upgrades.KEPT: upgrades.override(services)}
    policy = root / upgrades.POLICY
    mine = not policy.exists() or upgrades.MARK in policy.read_text("utf-8", "replace")
    if mine:
        files[policy] = upgrades.policy({*services, upgrades.PACKAGE})
    elif not upgrades.policy_denies(root):
        raise ActError(
            f"{policy} is somebody else's and lets packages restart dhcpd: have it exit with 101 "
            f"for the restart of {upgrades.PACKAGE}"
        )
    return {str(path): text for path, text in files.items() if _text(path) != text}


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return None


def write(files: dict[str, str]) -> None:
    """Write what :func:`wanted` has returned; each file is there as a whole, or not at all."""
    for path, text in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        new = f"{path}.new"
        with open(new, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(new, 0o755 if path.endswith(upgrades.POLICY) else 0o644)
        os.replace(new, path)
