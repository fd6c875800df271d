"""
Whether package upgrades restart dhcpd by themselves: read from this host's files, nothing run.

A new package restarts its service (Debian's postinst by ``invoke-rc.d``), and needrestart restarts
what still uses old libraries. Both servers of a pair get the same upgrades in the same night.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import ProcessError
from ..patterns import lazy_pattern
from ..shapes import Upgrades
from . import command

#: The root of the file system, for tests.
ROOT = Path("/")
#: What Debian's package of dhcpd calls its service.
PACKAGE = "isc-dhcp-server"
POLICY = "usr/sbin/policy-rc.d"
NEEDRESTART = "etc/needrestart"
#: Ours, there.
KEPT = f"{NEEDRESTART}/conf.d/dhcpd-failover.conf"
#: What tells our policy from anybody else's.
MARK = "Salt's state dhcpd.kept_from_upgrades"

_OVERRIDE = lazy_pattern(
    r"^[^#\n]*?qr\s*[({/|]\s*(?P<pattern>[^)}/|\n]+?)\s*[)}/|]\s*\}?\s*=>?\s*(?P<value>\d+)",
    re.MULTILINE,
)
_MODE = lazy_pattern(r"""^[^#\n]*\$nrconf\{restart\}\s*=\s*['"](\w)['"]""", re.MULTILINE)


def look(units: Iterable[str], root: Path = ROOT) -> Upgrades:
    """
    Return by what an upgrade would restart dhcpd here.

    units
        The services that dhcpd is, or may be.
    """
    names = {one.removesuffix(".service") for one in units}
    return {
        "package": _package_restarts(root) if PACKAGE in names else None,
        "needrestart": _needrestart_restarts(names, root),
    }


def _package_restarts(root: Path) -> bool | None:
    """Whether a new package of dhcpd would restart it; ``None``: it is no package of Debian's."""
    status = root / "var/lib/dpkg/status"
    try:
        entry = re.search(
            rf"^Package: {PACKAGE}\nStatus: (\w+) ok ([\w-]+)$",
            status.read_text("utf-8", "replace"),
            re.MULTILINE,
        )
    except OSError:
        return None
    if entry is None or entry[2] not in ("installed", "unpacked", "half-configured"):
        return None
    return entry[1] != "hold" and not policy_denies(root)


def policy_denies(root: Path = ROOT) -> bool:
    """Whether this host's ``policy-rc.d`` keeps packages from restarting dhcpd."""
    path = root / POLICY
    if not path.exists():
        return False
    try:
        # 101: forbidden by policy (/usr/share/doc/init-system-helpers/README.policy-rc.d)
        return command.run([str(path), PACKAGE, "restart"], 10.0).code == 101
    except ProcessError:
        return False


def _needrestart_restarts(names: Iterable[str], root: Path) -> bool | None:
    """Whether needrestart may restart dhcpd; ``None`` where there is none."""
    if not (root / "usr/sbin/needrestart").exists():
        return None
    texts = []
    folder = root / NEEDRESTART
    for path in (folder / "needrestart.conf", *sorted((folder / "conf.d").glob("*.conf"))):
        try:
            texts.append(path.read_text("utf-8", "replace"))
        except OSError:
            continue
    modes = _MODE.findall("\n".join(texts))
    if modes and modes[-1] == "l":
        return False  # it lists, and restarts nothing
    overrides = [found for text in texts for found in _OVERRIDE.finditer(text)]
    return not all(_is_kept(name, overrides) for name in names)


def _is_kept(name: str, overrides: Iterable[re.Match[str]]) -> bool:
    """Whether the last override that fits a service says 0."""
    kept = False
    for found in overrides:
        try:
            fits = re.search(found["pattern"], f"{name}.service") is not None
        except re.error:
            continue  # Perl knows more than we do
        if fits:
            kept = found["value"] == "0"
    return kept


def policy(services: Iterable[str]) -> str:
    """Return a ``policy-rc.d`` that keeps packages from restarting some services."""
    names = "|".join(sorted(one.removesuffix(".service") for one in services))
    return f"""#!/bin/sh
# Written by {MARK}: a package upgrade must not restart dhcpd, or both
# servers of a failover pair are down in the same night. "dhcp_failover.restart" does it with care.
while [ "${{1#--}}" != "$1" ]; do shift; done
case "${{1%.service}}" in
  {names})
    case "$2" in
      *restart*|*reload*) exit 101 ;;
    esac ;;
esac
exit 0
"""


def override(services: Iterable[str]) -> str:
    """Return a file of needrestart's that leaves some services alone."""
    lines = "".join(
        f"$nrconf{{override_rc}}{{qr(^{re.escape(one.removesuffix('.service'))})}} = 0;\n"
        for one in sorted(services)
    )
    return f"# Written by {MARK}: dhcp_failover.restart restarts dhcpd.\n{lines}"
