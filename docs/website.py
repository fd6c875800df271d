"""
The documents as a site: ``.venv-docs/bin/python docs/website.py``, or ``make docs``.

The pages of this folder are written for the forge. Here they are copied to ``build/docs/source``,
with what only a site has: its table of contents (made from the lists in ``index.md``), the root's
documents, the reference. A warning is an error; the site is in ``build/docs/html``.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
BUILD = ROOT / "build" / "docs"
SOURCE = BUILD / "source"

#: Documents of the root that the site has too.
OF_THE_ROOT = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")

REFERENCE = {
    "modules.dhcpd": ("Execution module dhcpd", "`salt MINION dhcpd.status`"),
    "states.dhcpd": ("States dhcpd", "on a server"),
    "runners.dhcp_failover": ("Runner dhcp_failover", "`salt-run dhcp_failover.status`"),
    "states.dhcp_failover": ("States dhcp_failover", "the steps of the orchestrations"),
    "beacons.dhcp_failover": ("Beacon dhcp_failover", "each change of a state, as an event"),
}


def main() -> int:
    """Build the site; return Sphinx's exit code."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for page in DOCS.rglob("*.md"):
        # What lies beside this folder is in it on the site.
        up = "../" * len(page.relative_to(DOCS).parts)
        place = SOURCE / page.relative_to(DOCS)
        place.parent.mkdir(exist_ok=True)
        place.write_text(page.read_text("utf-8").replace(f"]({up}", f"]({up[3:]}"), "utf-8")
    for name in OF_THE_ROOT:
        text = (ROOT / name).read_text("utf-8").replace("](docs/", "](")
        (SOURCE / name).write_text(text, "utf-8")
    shutil.copytree(DOCS / "pictures", SOURCE / "pictures")
    _write_reference()
    index = SOURCE / "index.md"
    index.write_text(with_contents(index.read_text("utf-8")), "utf-8")
    words = ["-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-c", DOCS, SOURCE]
    words += ["-d", BUILD / "doctrees", BUILD / "html"]
    code = subprocess.run([sys.executable, *map(str, words)], check=False).returncode
    if not code:
        print(f"written: {(BUILD / 'html/index.html').relative_to(ROOT)}")
    return code


def with_contents(index: str) -> str:
    """Return the index with a hidden table of contents for each of its headed lists.

    :param index: Markdown; the pages are the links of its list items.
    """
    parts = re.split(r"^## (.*)$", index, flags=re.MULTILINE)
    trees = []
    for heading, text in zip(parts[1::2], parts[2::2], strict=True):
        pages = re.findall(r"^- \[[^]]*\]\((?:\.\./)?([\w./-]+)\.md\)", text, re.MULTILINE)
        if heading == "Reference":
            pages += [f"reference/{name}" for name in REFERENCE]
            shown = [f"- [{a}](reference/{name}.rst): {b}" for name, (a, b) in REFERENCE.items()]
            index = index.replace(f"## {heading}\n", f"## {heading}\n\n" + "\n".join(shown))
        tree = "\n".join(pages)
        trees.append(f"```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{tree}\n```\n")
    return index + "\n" + "\n".join(trees)


def _write_reference() -> None:
    folder = SOURCE / "reference"
    folder.mkdir()
    for name, (title, _) in REFERENCE.items():
        page = f"{title}\n{'=' * len(title)}\n\n.. automodule:: {name}\n   :members:\n"
        (folder / f"{name}.rst").write_text(page, "utf-8")


if __name__ == "__main__":
    sys.exit(main())
