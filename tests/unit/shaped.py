"""Dicts of the shapes that cross Salt's wire, from the few keys that a test is about."""

from __future__ import annotations

import types
from typing import Any
from typing import get_args
from typing import get_origin
from typing import get_type_hints
from typing import is_typeddict


def shaped(shape: Any, **known: Any) -> Any:
    """
    Return a dict of a TypedDict with every key; what is not ``known`` is absent or empty.

    What is known of a part that has a shape itself is completed too.
    """
    found = {}
    for name, kind in get_type_hints(shape).items():
        found[name] = _completed(kind, known[name]) if name in known else _nothing(kind)
    unknown = set(known) - set(found)
    assert not unknown, f"{shape.__name__} has no {', '.join(sorted(unknown))}"
    return found


def _completed(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) is types.UnionType or "Union" in str(get_origin(kind)):
        kind = next((one for one in get_args(kind) if one is not type(None)), kind)
    if is_typeddict(kind) and isinstance(value, dict):
        return shaped(kind, **value)
    if get_origin(kind) is dict and isinstance(value, dict):
        return {name: _completed(get_args(kind)[1], one) for name, one in value.items()}
    if get_origin(kind) is list and isinstance(value, list):
        return [_completed(get_args(kind)[0], one) for one in value]
    return value


def _nothing(kind: Any) -> Any:
    if type(None) in get_args(kind):
        return None
    if is_typeddict(kind):
        return shaped(kind)
    kind = get_origin(kind) or kind
    if kind in (bool, int, float, str, list, dict):
        return kind()
    return []
