"""
What a person's terminal shows, captured from real commands on a real pair: docs/terminal.md.

Run it with ``make docs-terminal``. Each command runs in a terminal of tmux; what is on its screen
is written down as it is, but for Salt's own complaints about its clean-up.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys

from lab.dhcp import Dhcp
from lab.dhcp import pair
from lab.errors import LabError
from lab.isolation import CHECKOUT
from lab.isolation import RUN_DIR
from lab.lab import Lab
from lab.salt import Salt
from lab.waiting import wait_until

#: Characters and lines of the terminal.
WIDTH, HEIGHT = 110, 45

_NOISE = re.compile(r"unclosed \w+ <salt|call ``destroy\(\)``|^Pane is dead")

_HEAD = """\
# What the terminal shows

Captured in the lab by `make docs-terminal`; on a terminal of its own the tables are coloured.
"""


class Terminal:
    """A terminal in which one command after the other runs.

    :param salt: whose ``salt-run`` it is.
    """

    def __init__(self, salt: Salt) -> None:
        self._env = {**os.environ, **salt.environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._socket = str(RUN_DIR / "tmux")

    def begin(self, command: str) -> None:
        """Clear the screen and start a command."""
        self._tmux("kill-server", check=False)
        # tmux scrolls by a line when the command ends.
        script = f"printf '\\n%s\\n' {shlex.quote('$ ' + command)}; {command}"
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        # The pane has to outlive its command, so that its screen can be read.
        self._tmux("new-session", "-d", *size, "sleep 1000")
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        self._tmux("respawn-pane", "-k", script)

    def show(self, command: str, timeout: float = 120.0) -> str:
        """Run a command to its end and return the screen."""
        self.begin(command)
        wait_until(
            lambda: self._tmux("display-message", "-p", "#{pane_dead}").strip() == "1",
            lambda: f"{command} ends\n{self.screen()}",
            timeout,
        )
        return self.screen()

    def until(self, text: str, timeout: float = 60.0) -> str:
        """Wait until a text is on the screen; return the screen."""
        wait_until(lambda: text in self.screen(), lambda: f"{text!r}\n{self.screen()}", timeout)
        return self.screen()

    def screen(self) -> str:
        """What is on the screen now."""
        lines = self._tmux("capture-pane", "-p", "-J").splitlines()
        return "\n".join(line.rstrip() for line in lines if not _NOISE.search(line)).strip()

    def close(self) -> None:
        """End it, with whatever runs in it."""
        self._tmux("kill-server", check=False)

    def _tmux(self, *words: str, check: bool = True) -> str:
        argv = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=self._env)
        if check and done.returncode:
            raise LabError(f"{shlex.join(argv)}: {done.stderr.strip()}")
        return done.stdout


def captures(dhcp: Dhcp, terminal: Terminal) -> list[tuple[str, str]]:
    """Return headings and screens."""
    found = [
        ("A healthy pair", terminal.show("salt-run dhcp_failover.status")),
        ("Before a restart", terminal.show("salt-run dhcp_failover.preflight")),
        ("What a restart would do", terminal.show("salt-run dhcp_failover.plan")),
    ]
    terminal.begin("salt-run dhcp_failover.restart")
    found.append(("A run in progress", terminal.until("normal at both ends")))
    wait_until(dhcp.is_normal, "the pair is normal", 60.0)
    terminal.until("result:")
    dhcp.kill("dhcp-b")
    found += [
        ("A server is down", terminal.show("salt-run dhcp_failover.status")),
        ("Why, and what to do", terminal.show("salt-run dhcp_failover.doctor")),
    ]
    return found


def main() -> int:
    """Bring the lab up and write the page; return the exit code."""
    try:
        with Lab(["dhcp-a", "dhcp-b"]) as lab:
            dhcp = Dhcp(lab.hosts, pair())
            dhcp.install()
            with Salt(lab) as salt:
                salt.sync_all()
                terminal = Terminal(salt)
                try:
                    found = captures(dhcp, terminal)
                finally:
                    terminal.close()
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
