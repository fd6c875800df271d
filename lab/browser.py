"""A real browser, for pages and for pictures of them: Chromium without a window."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.isolation import RUN_DIR

_PROGRAM = "chromium"

# The page in a frame as wide as a screen; what is measured is written where the caller finds it.
_MEASURE = """<!doctype html><meta charset="utf-8"><body style="margin:0">
<iframe id="frame" width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe>
<pre id="found"></pre><script>
document.getElementById("frame").onload = function () {{
  const page = this.contentDocument, root = page.documentElement;
  const boxes = [...page.querySelectorAll("svg rect")].map(one => one.getBoundingClientRect());
  // A drawing's inner svg cuts its label off; the box of a group around it does not know that.
  const right = [...page.querySelectorAll("body *:not(g)")]
    .filter(one => !one.closest(".scroll") && !one.closest("svg svg"))
    .map(one => [one.getBoundingClientRect().right, one.outerHTML.slice(0, 200)])
    .reduce((most, one) => one[0] > most[0] ? one : most);
  document.getElementById("found").textContent = btoa(JSON.stringify({{
    scroll_width: root.scrollWidth, height: root.scrollHeight,
    rightmost: right[0], widest: right[1], boxes: boxes.map(one => [one.x, one.width, one.height]),
    background: getComputedStyle(page.body).backgroundColor,
    text: page.body.innerText,
  }}));
}};
</script>"""


def measure(page: str, width: int, dark: bool = False) -> dict[str, Any]:
    """Lay a page out and measure it.

    :param page: its HTML.
    :param width: of the screen, pixels.
    :param dark: whether the reader prefers dark colours.
    :return: ``scroll_width``, ``height``, ``rightmost`` (where the last element ends) and
        ``widest`` (its HTML), ``boxes`` (x, width and height of each rectangle of a drawing),
        ``background``, ``text``.
    :raises LabError: when the browser fails.
    """
    quoted = page.replace("&", "&amp;").replace('"', "&quot;")
    file = RUN_DIR / "measured.html"
    file.write_text(_MEASURE.format(width=width, page=quoted), encoding="utf-8")
    size = f"--window-size={max(width, 600)},1000"
    dumped = _chromium("--dump-dom", "--virtual-time-budget=3000", size, file, dark=dark)
    found = re.search(r'<pre id="found">([A-Za-z0-9+/=]+)</pre>', dumped)
    if found is None:
        raise LabError(f"the page was not laid out\n{dumped[-2000:]}")
    measured: dict[str, Any] = json.loads(base64.b64decode(found[1]).decode("latin-1"))
    return measured


def photograph(page: str, picture: Path, width: int, height: int, dark: bool = False) -> None:
    """Take a picture of a page.

    :param page: its HTML.
    :param picture: the PNG file to write.
    :param width: of the screen, pixels.
    :param height: likewise.
    :param dark: whether the reader prefers dark colours.
    :raises LabError: when the browser fails.
    """
    file = RUN_DIR / "photographed.html"
    file.write_text(page, encoding="utf-8")
    picture.parent.mkdir(parents=True, exist_ok=True)
    taken = RUN_DIR / "picture.png"
    taken.unlink(missing_ok=True)
    size = f"--window-size={width},{height}"
    _chromium(f"--screenshot={taken}", "--hide-scrollbars", size, file, dark=dark)
    if not taken.exists():
        raise LabError("the browser took no picture")
    picture.write_bytes(taken.read_bytes())


def _chromium(*arguments: object, dark: bool) -> str:
    argv = [_PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"]
    argv += ["--disable-dev-shm-usage", f"--user-data-dir={RUN_DIR / 'chromium'}"]
    argv += [f"--blink-settings=preferredColorScheme={0 if dark else 1}"]
    argv += [*map(str, arguments[:-1]), f"file://{arguments[-1]}"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise LabError(f"{_PROGRAM} is not installed: run lab/setup --pictures") from None
    except subprocess.TimeoutExpired:
        raise LabError("the browser did not end") from None
    if done.returncode:
        raise LabError(f"the browser failed\n{done.stderr[-2000:]}")
    return done.stdout
