"""Where a lab may work: namespaces of its own, made by ``lab/isolated``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab.errors import LabError

CHECKOUT = Path(__file__).resolve().parent.parent

# Salt's commands: those beside the Python that runs the lab (.venv, or one of .salts).
BIN = Path(sys.executable).parent

# A tmpfs of this lab alone, at the same path in each of its hosts. Short, for unix sockets.
RUN_DIR = Path("/run/dhcp-failover-lab")

# Beside it, so that a host does not see the others' disks.
DISKS = Path("/run/dhcp-failover-lab-disks")

_VARIABLE = "DHCP_FAILOVER_LAB"
_CGROUP_MOUNTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")


def is_isolated() -> bool:
    """Whether this process may make bridges, mounts and hosts without touching the machine."""
    return _VARIABLE in os.environ


def require_isolation() -> None:
    """Do nothing where a lab may work.

    :raises LabError: anywhere else, with what to run instead.
    """
    if not is_isolated():
        raise LabError(
            "a lab works in namespaces of its own only: run `lab/isolated COMMAND`, as root"
        )


def control_groups(name: str) -> list[Path]:
    """The control groups that a host's systemd needs for itself, one for each mounted hierarchy.

    They are the one thing outside the namespaces; ``lab/isolated`` knows them by their names.

    :param name: the host's name.
    """
    lab = os.environ[_VARIABLE]
    mounts = [Path(mount) for mount in _CGROUP_MOUNTS]
    return [mount / lab / name for mount in mounts if (mount / "cgroup.procs").exists()]
