"""
The ``console`` blocks of the documents, run as a reader would: ``python -m lab.documents [PAGE]``.

It writes what each command prints now into a page in which something does not fit any more;
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
from docs.run_by import CAPTURED
from lab import situations
from lab.dhcp import pairs
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.own_hosts import MASTER
from lab.own_hosts import OwnHosts

#: The one that begins with nothing there.
FROM_NOTHING = "docs/tutorial.md"
#: Pages that need other hosts than one pair.
OTHER_HOSTS = {
    "docs/how-to/fleet.md": lambda: OwnHosts(pairs(("dhcp-a", "dhcp-b"), ("dhcp-c", "dhcp-d"))),
    "docs/how-to/omapi.md": lambda: OwnHosts(omapi=False),
    "docs/how-to/replaced-server.md": lambda: OwnHosts(spare=("dhcp-n",)),
}
#: What Salt 3008 says itself at the end of every ``salt-run``, whatever it ran.
_NOISE = re.compile(r"unclosed \w+ .*<.+>; call ``\w+\(\)``|^\[WARNING ?\] unclosed")
#: When a state began and how long it took, at the end of its line.
_WHEN = re.compile(r"- Started: .*$")


def runnable() -> list[Path]:
    """Return the pages with a ``console`` block, the tutorial first: it brings the tree."""
    found = [
        page
        for page in pages()
        if any(block.language == "console" for block in blocks(page)) and _name(page) != CAPTURED
    ]
    return sorted(found, key=lambda page: _name(page) != FROM_NOTHING)


def run(page: Path, hosts: OwnHosts) -> Iterator[tuple[Block, Command, list[str]]]:
    """Run the commands of a page, one after the other, and write the files that it shows.

    :return: the block, the command, and the lines that it printed.
    """
    code = 0
    for block in blocks(page):
        for script in block.before:
            _prepare(block, script, hosts)
        if block.file:
            hosts.lab[MASTER].write(block.file, "\n".join(block.lines) + "\n")
        if block.language != "console":
            continue
        for command in commands(block):
            text = command.text.replace("REPOSITORY", f"file://{CHECKOUT}")
            code, output = hosts.run(command.host or MASTER, f"(exit {code})\n{text}")
            lines = [line.rstrip() for line in output.splitlines() if not _NOISE.search(line)]
            while lines and not lines[-1]:
                lines.pop()
            yield block, command, lines


def _prepare(block: Block, script: str, hosts: OwnHosts) -> None:
    if situations.make(script, hosts):
        return
    host, _, rest = script.partition(" ")
    ended, output = hosts.run(host, rest)
    if ended:
        raise LabError(f"{block.page}:{block.line}: {script}: {ended}\n{output}")


def main(names: list[str]) -> int:
    """Run pages and write what is new into them; return the exit code."""
    wanted = [_name(page) for page in runnable() if not names or page.stem in names]
    of_one_pair = [page for page in wanted if page not in OTHER_HOSTS]
    try:
        if of_one_pair:
            with OwnHosts() as hosts:
                _run_and_write(of_one_pair, hosts)
        for page in OTHER_HOSTS:
            if page in wanted:
                with OTHER_HOSTS[page]() as hosts:
                    _run_and_write([page], hosts)
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    return 0


def _run_and_write(wanted: list[str], hosts: OwnHosts) -> None:
    served = False
    for page in wanted:
        if page != FROM_NOTHING and not served:
            hosts.bring_tree()
            served = True
        hosts.as_new(known=page != FROM_NOTHING)
        _write(CHECKOUT / page, list(run(CHECKOUT / page, hosts)))


def _name(page: Path) -> str:
    return str(page.relative_to(CHECKOUT))


def _write(page: Path, done: list[tuple[Block, Command, list[str]]]) -> None:
    if all(fits(command.output, printed) is None for _, command, printed in done):
        print(f"as it was: {_name(page)}", flush=True)
        return
    lines = page.read_text("utf-8").splitlines()
    for block in reversed(list(dict.fromkeys(block for block, _, _ in done))):
        text: list[str] = []
        for of, command, printed in done:
            if of is block or of == block:
                # The times of a page agree; what a person has shortened stays while it fits.
                shortened = any(line.strip() == "..." for line in command.output)
                new = not shortened or fits(command.output, printed) is not None
                shown = [_WHEN.sub("...", line) for line in printed]
                text += [*command.typed, *(shown if new else command.output)]
        lines[block.line - 1 : block.line - 1 + len(block.lines)] = text
    page.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"written: {page.relative_to(CHECKOUT)}", flush=True)


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if name]))
