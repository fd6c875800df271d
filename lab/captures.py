"""
What a person's terminal shows, captured from real commands on a real pair: docs/terminal.md.

Run it with ``make docs-terminal``. What is on the screen is written down as it is, but for what
Salt itself says at the end of each ``salt-run`` about objects that it did not close.
"""

from __future__ import annotations

import sys

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.lab import Lab
from lab.salt import Salt
from lab.terminal import Terminal

_HEAD = """\
# What the terminal shows

Captured from real commands on a real pair by `make docs-terminal`; on a terminal the tables are
coloured ([pictures](steering.md)). What Salt itself says at the end of each `salt-run` about
objects that it did not close is left out.
"""


def captures(dhcp: Dhcp, terminal: Terminal) -> list[tuple[str, str]]:
    """Return headings and screens."""

    def screen_of(function: str) -> str:
        terminal.begin(f"salt-run dhcp_failover.{function}")
        terminal.until_it_ends()
        return terminal.text()

    found = [
        ("A healthy pair", screen_of("status")),
        ("Before a restart", screen_of("preflight")),
        ("What a restart would do", screen_of("plan")),
    ]
    # A connection that does not come back at once: there is something to wait for.
    block = f"tcp flags & (syn | ack) == syn tcp dport {dhcp.relationship().port} drop"
    chains = "".join(
        f" chain {hook} {{ type filter hook {hook} priority 0; {block}; }}\n"
        for hook in ("input", "output")
    )
    dhcp.hosts["dhcp-a"].run(["nft", "-f", "-"], stdin=f"table ip block {{\n{chains}}}\n")
    terminal.begin("salt-run dhcp_failover.restart")
    # Some seconds in, the states have changed and the countdown is under way.
    terminal.until_it_shows(r"waiting for dhcp-b 0:(0[6-9]|[1-5])")
    found.append(("A run in progress, its connection held up for some seconds", terminal.text()))
    dhcp.hosts["dhcp-a"].run(["nft", "flush", "ruleset"])
    terminal.until_it_ends()
    found.append(("The same run at its end", terminal.text()))
    dhcp.kill("dhcp-b")
    found += [
        ("A server is down", screen_of("status")),
        ("Why, and what to do", screen_of("doctor")),
    ]
    return found


def captured() -> list[tuple[str, str]]:
    """Bring the lab up; return headings and screens, as the program shows them now."""
    with Lab(["dhcp-a", "dhcp-b"]) as lab:
        dhcp = Dhcp(lab.hosts, pair())
        dhcp.install()
        with Salt(lab) as salt:
            salt.sync_all()
            terminal = Terminal("captures", salt.environment)
            try:
                return captures(dhcp, terminal)
            finally:
                terminal.close()


def main() -> int:
    """Write the page; return the exit code."""
    try:
        found = captured()
    except LabError as err:
        print(f"lab: {err}", file=sys.stderr)
        return 1
    parts = [_HEAD, *(f"\n## {head}\n\n```console\n{text}\n```\n" for head, text in found)]
    path = CHECKOUT / "docs" / "terminal.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(parts), encoding="utf-8")
    print(f"written: {path.relative_to(CHECKOUT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
