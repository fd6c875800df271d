"""
The ``console`` blocks of the documents, run as a reader would: ``python -m lab.documents [PAGE]``.

It writes what each command prints now into the page, where what stands there does not fit any more;
``tests/documents`` compares only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from docs.blocks import Block
from docs.blocks import Command
from docs.blocks import blocks
from docs.blocks import commands
from docs.blocks import fits
from docs.blocks import pages
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.own_hosts import MASTER
from lab.own_hosts import OwnHosts

#: Captured from a terminal, by lab.captures; its own test compares it.
CAPTURED = "docs/terminal.md"
#: The one that begins with nothing there.
FROM_NOTHING = "docs/tutorial.md"
#: What Salt 3008 says itself at the end of every ``salt-run``, whatever it ran.
_NOISE = re.compile(r"unclosed \w+ .*<.+>; call ``\w+\(\)``|^\[WARNING ?\] unclosed")


def runnable() -> list[Path]:
    """Return the pages with a ``console`` block, the tutorial first: it brings the tree."""
    found = [
        page
        for page in pages()
        if any(block.language == "console" for block in blocks(page))
        and str(page.relative_to(CHECKOUT)) != CAPTURED
    ]
    return sorted(found, key=lambda page: str(page.relative_to(CHECKOUT)) != FROM_NOTHING)


def run(page: Path, hosts: OwnHosts) -> Iterator[tuple[Block, Command, list[str]]]:
    """Run the commands of a page, one after the other.

    :return: the block, the command, and the lines that it printed.
    """
    code = 0
    for block in blocks(page):
        if block.language != "console":
            continue
        for script in block.before:
            host, _, rest = script.partition(" ")
            ended, output = hosts.run(host, rest)
            if ended:
                raise LabError(f"{block.page}:{block.line}: {script}: {ended}\n{output}")
        for command in commands(block):
            text = command.text.replace("REPOSITORY", f"file://{CHECKOUT}")
            code, output = hosts.run(command.host or MASTER, f"(exit {code})\n{text}")
            lines = [line.rstrip() for line in output.splitlines() if not _NOISE.search(line)]
            while lines and not lines[-1]:
                lines.pop()
            yield block, command, lines


def main(names: list[str]) -> int:
    """Run pages and write what is new into them; return the exit code."""
    try:
        with OwnHosts() as hosts:
            served = False
            for page in runnable():
                if names and page.stem not in names:
                    continue
                if str(page.relative_to(CHECKOUT)) != FROM_NOTHING and not served:
                    hosts.bring_tree()
                    served = True
                hosts.as_new()
                _write(page, list(run(page, hosts)))
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    return 0


def _write(page: Path, done: list[tuple[Block, Command, list[str]]]) -> None:
    lines = page.read_text("utf-8").splitlines()
    for block in reversed(list(dict.fromkeys(block for block, _, _ in done))):
        text: list[str] = []
        for of, command, printed in done:
            if of is block or of == block:
                new = fits(command.output, printed) is not None
                text += [*command.typed, *(printed if new else command.output)]
        lines[block.line - 1 : block.line - 1 + len(block.lines)] = text
    page.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"written: {page.relative_to(CHECKOUT)}")


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name]))
