"""
The tree as a Salt extension: ``pip install`` puts all of it under this one name.

Salt's loader imports this (the entry point ``salt.loader``) and takes modules, states and runners
from the folders beside it. They import ``iscdhcp`` and ``iscdhcp_salt`` as they do where Salt has
synced them, so the folder ``utils`` is made a place to import from: the last one, since a synced
copy comes first.
"""

from __future__ import annotations

import sys
from pathlib import Path

_UTILS = str(Path(__file__).resolve().parent / "utils")
if _UTILS not in sys.path:
    sys.path.append(_UTILS)
