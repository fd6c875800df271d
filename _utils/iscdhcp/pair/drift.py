"""Whether the configurations of a pair's two servers mean the same, asked of both."""

from __future__ import annotations

import secrets
from typing import Any

from ..conf import compare
from .discovery import Pair
from .minions import Minions

#: Seconds for a server to read and normalise its configuration, however large.
DRIFT_SECONDS = 60.0


def drift(minions: Minions, pair: Pair) -> dict[str, Any]:
    """
    Compare the two servers of a pair.

    Returns ``equal``, ``comment``, ``problems`` (sentences) and ``diff`` (lines).
    """
    servers = [pair.primary, pair.secondary]
    question = {"nonce": secrets.token_hex(16), "relationship": pair.name}
    forms: dict[str, Any] = {}
    # The forms are as long as the files: they are asked for only where they differ.
    for digest_only in (True, False):
        answers = minions.ask(
            servers, "dhcpd.normal_form", {**question, "digest_only": digest_only}, DRIFT_SECONDS
        )
        for server in servers:
            ret = answers[server].get("ret")
            if not isinstance(ret, dict) or "digest" not in ret:
                why = answers[server].get("error") or ret
                return {"equal": False, "comment": f"{server} can't be compared: {why}"}
            forms[server] = ret
        first, second = (forms[server] for server in servers)
        if first["digest"] == second["digest"]:
            break
    ends = [form["relationships"].get(pair.name) for form in (first, second)]
    problems = compare.crossed_facts(*ends, *servers) if all(ends) else []
    diff: list[str] = []
    if first["digest"] != second["digest"]:
        diff = compare.lines(compare.compare(first, second), *servers)
    equal = not diff and not problems
    comment = "The configurations mean the same."
    if not equal:
        comment = f"{' and '.join(servers)} differ; fix one of them, then restart it."
    return {"equal": equal, "comment": comment, "problems": problems, "diff": diff}
