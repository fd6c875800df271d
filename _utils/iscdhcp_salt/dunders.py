"""What Salt's loader puts into a file before it is called, for mypy: no values are here."""

from __future__ import annotations

from typing import Any

__context__: Any
__grains__: Any
__jid__: Any
__jid_event__: Any
__opts__: Any
__pillar__: Any
__salt__: Any
__states__: Any
__user__: Any
__low__: Any
__env__: Any
__proxy__: Any
