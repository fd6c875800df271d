"""What a person is shown of configurations: no key's name, no secret."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from collections.abc import Mapping
from pathlib import Path

from ..patterns import lazy_pattern
from . import views


def text_of(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def without_keys(keys: Iterable[views.Key], text: str) -> str:
    for key in keys:
        for word in filter(None, (key.secret, key.name)):
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "(a key)", text)
    return text


_SECRETS = lazy_pattern(
    r"""(?P<what>\b(?:secret|omapi-key|key)\s+)(?P<value>"[^"\n]*"|[^\s;{"]+)""", re.IGNORECASE
)


def difference(old: str, new: str, name: str) -> str:
    """
    Return the unified diff of two texts, without any key's name or secret.

    Each of them is shown by a number of its own, so that a changed secret is seen as changed.
    """
    numbers: dict[str, int] = {}

    def masked(text: str) -> list[str]:
        def number(found: re.Match[str]) -> str:
            value = found["value"].strip('"')
            what = "secret" if found["what"].lower().startswith("secret") else "key"
            return f"{found['what']}({what} {numbers.setdefault(value, len(numbers) + 1)}, masked)"

        return _SECRETS.sub(number, text).splitlines(keepends=True)

    lines = difflib.unified_diff(masked(old), masked(new), name, f"{name} (new)", n=2)
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def differences(candidates: Mapping[str, str]) -> dict[str, str]:
    """Return the masked diff of every target whose candidate differs from it."""
    found = {}
    for target, candidate in sorted(candidates.items()):
        old, new = text_of(target), text_of(candidate)
        if old != new or not os.path.exists(target):
            found[target] = difference(old, new, target)
    return found
