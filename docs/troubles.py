"""
The manual's page of troubles, made from the catalogue: ``python -m docs.troubles``.

It is written to ``docs/troubles.md``; a test keeps it up to date.
"""

from __future__ import annotations

import re
from pathlib import Path

from iscdhcp.log import harmless
from iscdhcp.pair.preflight import CODES
from iscdhcp.troubles.catalogue import SECTIONS
from iscdhcp.troubles.force import FORCEABLE
from iscdhcp.troubles.trouble import Trouble

PAGE = Path(__file__).parent / "troubles.md"
_HEAD = """\
# What it says, what to do

Made from the catalogue in `_utils/iscdhcp/troubles/` by `make docs-troubles`; do not edit it here.

Every trouble has one code and one wording, whoever tells it: the guard on a server, a run that
waits, `dhcp_failover.preflight`, `dhcp_failover.doctor` or `dhcpd.lint`. The code is in
`--out=json` (`code`, in preflight `trouble`).

- **bad**: it was seen, and it is bad. **can't be proved**: nothing shows that it is good, which
  counts as bad wherever something would be touched. **good to know**: it stands in nobody's way.
- **blocks**: no restart is begun while it is so. `force=WORD` is what a person overrides it by;
  where no word is given, nothing does.
- **check** is the check of preflight that it belongs to, for `dhcp_failover:policy`.
"""


def page() -> str:
    """Return the page as Markdown."""
    parts = [_HEAD]
    for title, troubles in SECTIONS.items():
        parts.append(f"## {title}\n")
        parts += [_entry(trouble) for trouble in troubles]
    parts.append("## Lines of the log that are harmless\n")
    parts.append("Doctor counts and explains them, and they want nothing done.\n")
    parts.append("".join(f"- `{code}`: {harmless.meaning(code)}\n" for code in harmless.codes()))
    parts.append("## The words of force\n")
    parts.append("What a person says they know, and take upon themselves:\n")
    parts.append("".join(f"- `force={word}`: {what}\n" for word, what in FORCEABLE.items()))
    parts.append("## The checks of preflight\n")
    parts.append("What each says where nothing is wrong:\n")
    parts.append("".join(f"- `{code}`: {fine}\n" for code, fine in CODES.items()))
    return "\n".join(parts)


def _entry(trouble: Trouble) -> str:
    facts = [trouble.proof]
    if trouble.blocks:
        facts.append("blocks, " + (f"`force={trouble.force}`" if trouble.force else "no `force`"))
    if trouble.check:
        facts.append(f"check `{trouble.check}`")
    lines = [f"### `{trouble.code}`\n", f"*{'; '.join(facts)}*\n", f"{trouble.means}\n"]
    if trouble.says and re.search(r"\w", re.sub(r"{\w+}", "", trouble.says)):
        lines.append(f"> {_filled(trouble.says)}.\n")
    if trouble.do != "{fix}":
        lines.append(f"What to do: {_filled(trouble.do)}.\n")
    return "\n".join(lines)


def _filled(text: str) -> str:
    """Return a sentence with its fields as words in capitals, as manuals have them."""
    return re.sub(r"{(\w+)[^}]*}", lambda found: found[1].upper(), text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name} written")
