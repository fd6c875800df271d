"""The examples of docs/access.md."""

from __future__ import annotations

import itertools

import yaml

from lab.isolation import CHECKOUT


def example(name):
    """The block of docs/access.md that begins with a setting's name."""
    lines = (CHECKOUT / "docs/access.md").read_text().splitlines()
    block = itertools.takewhile(str.strip, lines[lines.index(f"    {name}:") :])
    return yaml.safe_load("\n".join(line[4:] for line in block))[name]
