"""
A command as a person gives it at the master, to be given again: for "go on with".

It is kept in the record of a run, so nothing of a configuration is in it, and no password of an
address.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from .vocabulary import ORCHESTRATIONS


def orchestration(
    sls: str | None, task: str, given: Iterable[Any] | None, said: Mapping[str, Any]
) -> str:
    """
    Return the command of an orchestration.

    sls
        Its SLS.
    task
        A key of :data:`iscdhcp.vocabulary.ORCHESTRATIONS`.
    given
        The words in the pillar of its call; ``None``: an SLS of the site's own, which takes what it
        takes.
    said
        The values of our words.
    """
    name = sls or f"orch.dhcp_failover_{task}"
    if given is None:
        return f"salt-run state.orch {name} (called as before)"
    pillar = {
        word: without_password(said[word])
        for word in given
        if word in ORCHESTRATIONS[task] and word != "fresh" and said.get(word) is not None
    }
    command = f"salt-run state.orch {name}"
    return f"{command} pillar={shlex.quote(json.dumps(pillar))}" if pillar else command


def runner(function: str, *first: Any, **named: Any) -> str:
    """
    Return the command of a runner's function.

    first, named
        Its arguments; those that are ``None`` are left out.
    """
    words = [shlex.quote(_plain(one)) for one in first if one is not None]
    words += [f"{key}={shlex.quote(_plain(one))}" for key, one in named.items() if one is not None]
    return " ".join([f"salt-run dhcp_failover.{function}", *words])


def _plain(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def without_password(value: Any) -> Any:
    """Return a value without the passwords of the addresses (``https://ann:...@host``) in it."""
    if isinstance(value, Mapping):
        return {key: without_password(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_password(one) for one in value]
    return re.sub(r"//[^/@\s]*@", "//***@", value) if isinstance(value, str) else value
