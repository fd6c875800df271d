"""What a page shows, compared with what its commands print now."""

from __future__ import annotations

from docs.blocks import fits
from lab import documents
from lab.isolation import CHECKOUT


def compare(page, hosts):
    """Type a page's commands; fails with all that does not fit."""
    wrong = []
    for block, command, printed in documents.run(CHECKOUT / page, hosts):
        why = fits(command.output, printed)
        if why:
            told = "\n".join(printed)
            wrong.append(f"{page}:{block.line}: {command.text}\n  the page: {why}\n{told}\n")
    assert not wrong, "\n".join(wrong)
