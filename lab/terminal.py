"""A terminal that is photographed: commands run in tmux, its screen as a page with its colours."""

from __future__ import annotations

import html
import os
import re
import shlex
import subprocess
from collections.abc import Mapping

from lab.errors import LabError
from lab.isolation import RUN_DIR
from lab.waiting import wait_until

#: What Salt 3008 says itself at the end of every ``salt-run``, whatever it ran.
_NOISE = re.compile(r"unclosed \w+ .*<.+>; call ``\w+\(\)``")
_SEQUENCE = re.compile(r"\x1b\[([\d;]*)m|\x1b\[[\d;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x0e\x0f]")
_COLOURS = ("#74818c", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#c9d1d9")

_SCREEN = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0d1117; }}
pre {{ font: 14px/1.45 "DejaVu Sans Mono", monospace; color: #d5dbe1;
  margin: 0; padding: 18px 20px; width: {width}ch; white-space: pre-wrap;
  overflow-wrap: anywhere; }}
h1 {{ font: 13px system-ui, "DejaVu Sans", sans-serif; color: #9aa7b1; background: #1b222a;
  margin: 0; padding: 8px 20px; }}
</style>{body}"""


class Terminal:
    """One terminal.

    :param name: of its tmux server.
    :param environment: variables in addition.
    :param width: characters.
    :param height: lines.
    """

    def __init__(
        self, name: str, environment: Mapping[str, str], width: int = 110, height: int = 46
    ) -> None:
        self._env = {**os.environ, **environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        # Salt finds the project's modules by syncing them, as it does at a user's.
        self._env.pop("PYTHONPATH", None)
        self._socket = str(RUN_DIR / f"tmux-{name}")
        self._width = width
        self._size = ["-x", str(width), "-y", str(height)]

    def begin(self, command: str, shown: str | None = None) -> None:
        """Start a command on an empty screen.

        :param command: for a shell.
        :param shown: what the person is seen to have typed; the command by default.
        """
        self.close()
        script = f"printf '%s\\n' {shlex.quote('$ ' + (shown or command))}; {command}"
        # The pane has to outlive its command, so that its screen can be read.
        self._tmux("new-session", "-d", *self._size, "sleep 1000")
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        # What tmux says about the end would scroll the first line away.
        self._tmux("set-option", "-g", "remain-on-exit-format", "")
        self._tmux("respawn-pane", "-k", script)

    def until_it_ends(self, timeout: float = 120.0) -> None:
        """Wait for the command's end."""

        def ended() -> bool:
            return self._tmux("display-message", "-p", "#{pane_dead}").strip() == "1"

        wait_until(ended, lambda: f"the command ends\n{self.text()}", timeout)

    def until_it_shows(self, pattern: str, timeout: float = 60.0) -> None:
        """Wait until a regular expression matches on the screen."""
        wait_until(
            lambda: re.search(pattern, self.text()), lambda: f"{pattern}\n{self.text()}", timeout
        )

    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._lines())

    @property
    def lines(self) -> int:
        """How many lines of the screen are in use."""
        return sum(max(1, -(-len(line) // self._width)) for line in self._lines())

    def page(self, title: str) -> str:
        """The screen as HTML, with its colours.

        :param title: above it.
        """
        screen = coloured("\n".join(self._lines("-e")))
        body = f"<h1>{html.escape(title)}</h1><pre>{screen}</pre>"
        return _SCREEN.format(width=self._width, body=body)

    def close(self) -> None:
        """End it, with whatever runs in it."""
        self._tmux("kill-server", check=False)

    def _lines(self, *options: str) -> list[str]:
        # A line that the terminal has broken is one line here.
        lines = self._tmux("capture-pane", "-p", "-J", *options).splitlines()
        kept = [one.rstrip() for one in lines if not _NOISE.search(_SEQUENCE.sub("", one))]
        while kept and not _SEQUENCE.sub("", kept[-1]).strip():
            kept.pop()
        return kept

    def _tmux(self, *words: str, check: bool = True) -> str:
        argv = ["tmux", "-S", self._socket, "-f", "/dev/null", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=self._env)
        if check and done.returncode:
            raise LabError(f"{shlex.join(argv)}: {done.stderr.strip()}")
        return done.stdout


def coloured(screen: str) -> str:
    """A screen with the terminal's sequences as HTML; a style may go on over several lines."""
    parts, style, last = [], "", 0
    for found in _SEQUENCE.finditer(screen):
        parts.append(_span(screen[last : found.start()], style))
        last = found.end()
        if found[1] is not None:
            style = _style(style, [int(code or 0) for code in found[1].split(";")])
    parts.append(_span(screen[last:], style))
    return "".join(parts)


def _span(text: str, style: str) -> str:
    text = html.escape(text)
    return f'<span style="{style}">{text}</span>' if style and text else text


def _style(style: str, codes: list[int]) -> str:
    for code in codes:
        if code == 0:
            style = ""
        elif code == 1:
            style += "font-weight:bold;"
        elif code == 39:
            style = re.sub(r"color:[^;]*;", "", style)
        elif 30 <= code <= 37 or 90 <= code <= 97:
            style = re.sub(r"color:[^;]*;", "", style) + f"color:{_COLOURS[code % 10]};"
    return style
