"""
What runs each code block of the documents, or why nothing does: ``python -m docs.run_by``.

``make docs-test`` types every ``console`` block and writes the files that a page shows. What else
there is stands here, by its page and its first line; ``tests/unit/house/test_documents.py`` wants
each new one to be here too.
"""

from __future__ import annotations

import sys
from collections import Counter

from docs.blocks import Block
from docs.blocks import blocks
from docs.blocks import pages

#: Captured from a terminal, and compared by a test of its own.
CAPTURED = "docs/terminal.md"

_TUTORIAL = "the tutorial types it"
_PICTURE = "a picture of the code, no command"
#: Blocks that tests read out of the page, and what they do with them.
ELSEWHERE = {
    ("docs/access.md", "publisher_acl:"): "make events-test gives it to a master",
    ("docs/access.md", "external_auth:"): "make events-test gives it to a master",
}
#: Blocks that nothing runs, and why.
NOT_RUN = {
    ("CONTRIBUTING.md", "make unit "): ".ci/run does it",
    ("CONTRIBUTING.md", "export PYTHONPATH"): "two examples of calls of pytest",
    ("README.md", "salt-run state.orch orch.dhcp_failover_restart"): _TUTORIAL,
    ("README.md", "make demo "): "it would take all tests",
    ("README.md", "--- Two hosts are up"): "what make demo prints: figures of one run",
    ("README.md", "git clone --sparse"): f"{_TUTORIAL}: a test compares the lines",
    ("README.md", "python3 -c"): "tests/unit/house/test_packaging.py installs the wheel",
    ("README.md", "salt-run dhcp_failover.pairs"): _TUTORIAL,
    (
        "README.md",
        'salt-run state.orch orch.dhcp_failover_rollout pillar=\'{"pair": "foo", "sls"',
    ): ("docs/how-to/rollout.md types it"),
    (
        "README.md",
        'salt-run state.orch orch.dhcp_failover_rollout pillar=\'{"pair": "foo", "prev',
    ): ("docs/how-to/rollout.md types it"),
    ("docs/access.md", "nft add table"): "docs/how-to/omapi.md types it",
    ("docs/architecture.md", "orch/  reactor/"): _PICTURE,
    ("docs/architecture.md", "conf, leases, log"): f"{_PICTURE}; test_rooms.py keeps the rule",
    ("docs/architecture.md", "salt-run state.orch"): _PICTURE,
    ("docs/architecture.md", "begin "): _PICTURE,
    ("docs/events.md", "salt 'dhcp-*' beacons.add"): "tests/integration/test_events.py does it",
    ("docs/events.md", "beacons:"): "the same in a file",
    ("docs/events.md", "salt-call event.send"): "docs/how-to/reactor.md types it",
    ("docs/events.md", "salt dhcp-a dhcpd.metrics"): "make metrics-test reads them",
    ("docs/events.md", "salt 'dhcp-*' schedule.add"): "Salt's own schedule",
    ("docs/how-to/notify.md", "slack:"): "a hook of Slack's; make events-test has one of its own",
    ("docs/how-to/omapi.md", 'key "dhcp-7f3a91"'): "the secret is left out",
    ("docs/safety.md", "one restart by drain"): "what make explore has found",
    (
        "docs/safety.md",
        "dhcpd is restarted by dhcp_failover only:",
    ): "a state for a site of one's own",
}


def of(block: Block) -> str | None:
    """Return what runs a block or why nothing does; ``None`` where that is not known."""
    if block.language == "console":
        return "make docs-terminal" if block.page == CAPTURED else "make docs-test types it"
    if block.file:
        return "make docs-test writes it"
    return _listed(block, ELSEWHERE) or _listed(block, NOT_RUN)


def is_run(block: Block) -> bool:
    """Whether a test runs a block."""
    return of(block) is not None and _listed(block, NOT_RUN) is None


def key_of(block: Block) -> tuple[str, str] | None:
    """Return where a block stands in the lists, ``None`` if in none."""
    first = block.lines[0].strip()
    for page, begin in (*ELSEWHERE, *NOT_RUN):
        if page == block.page and f"{first} ".startswith(begin):
            return page, begin
    return None


def _listed(block: Block, reasons: dict[tuple[str, str], str]) -> str | None:
    key = key_of(block)
    return reasons.get(key) if key else None


def main() -> int:
    """Print the list; return the exit code."""
    counted = Counter[bool]()
    for page in pages():
        for block in blocks(page):
            counted[is_run(block)] += 1
            sign = "run" if is_run(block) else "NOT"
            print(f"{sign}  {block.page}:{block.line}: {of(block) or 'not listed'}")
    print(f"{counted[True]} blocks are run by a test, {counted[False]} are not.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
