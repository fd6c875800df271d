"""
Our reading of public configurations beside dhcpd's own: writes ``docs/conf-corpus.md``.

    python docs/conf_corpus.py FOLDER [--out docs/conf-corpus.md]

FOLDER has configurations, one a file. Each is parsed, written and parsed again, linted, and given
to ``dhcpd -t`` (started in that folder, as relative includes are found there). Where the verdicts
differ the table says who is right.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "_utils"))

from iscdhcp.conf import lint  # noqa: E402
from iscdhcp.conf import syntax
from iscdhcp.conf import write
from iscdhcp.conf.finding import ERROR  # noqa: E402
from iscdhcp.errors import ConfError  # noqa: E402

#: Why we let pass what dhcpd refuses, by what it says.
LET_PASS = (
    (
        "start address is outside the subnet",
        "dhcpd: we read IPv4 only, as failover does",
    ),
    (
        "expecting IP address or hostname",
        "dhcpd: we do not read the types of defined options",
    ),
    ("Expecting string or hex list", "dhcpd: we do not read the values of subclasses"),
    ("identifier expected", "dhcpd: we do not read server-duid (DHCPv6)"),
    ("hardware type expected", "dhcpd: we do not read server-duid (DHCPv6)"),
    ("expecting hexadecimal number", "dhcpd: we do not read server-duid (DHCPv6)"),
    ("only uniform array", "dhcpd: we do not read types of option definitions"),
    ("class acct: not found", "dhcpd: we do not read the words of actions"),
)


def main() -> int:
    """Write the table; return the exit code: 1 where a verdict differs and nobody knows why."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("conf-corpus.md"))
    options = parser.parse_args()
    files = sorted(path for path in options.folder.iterdir() if path.is_file())
    if not files:
        raise SystemExit(f"{options.folder} has no files")
    rows = [row(path) for path in files]
    options.out.write_text(document(rows), encoding="utf-8")
    unexplained = [each["file"] for each in rows if each["right"] == "?"]
    print(f"{len(rows)} files, {sum(each['differs'] for each in rows)} differences")
    for name in unexplained:
        print(f"not explained: {name}")
    return 1 if unexplained else 0


def row(path: Path) -> dict[str, str | bool]:
    """Return what both say of one file."""
    exit_code, said = dhcpd(path)
    parsed, found = "yes", ""
    try:
        tree = syntax.parse_file(str(path), str(path.parent))
    except ConfError as err:
        message = err.message.replace(f"{path.parent}/", "")
        parsed = f"line {err.line}, column {err.column}: {message}"
        if err.line is None or err.column is None:
            raise SystemExit(f"{path}: an error without a place: {err}") from err
    else:
        if syntax.parse_text(write.write(tree)) != tree:
            raise SystemExit(f"{path}: another tree when it is written and read")
        errors = [one for one in lint.lint(tree) if one.severity == ERROR]
        if errors:
            found = f"line {errors[0].line}: {errors[0].code}"
    ours = parsed == "yes" and not found
    differs = ours != (exit_code == 0)
    return {
        "file": path.name,
        "dhcpd": {0: "accepts"}.get(exit_code, "refuses" if exit_code > 0 else "**crashes**"),
        "said": said,
        "parsed": parsed,
        "found": found,
        "differs": differs or exit_code < 0,
        "right": right(exit_code, said, parsed, found) if differs or exit_code < 0 else "",
    }


def dhcpd(path: Path) -> tuple[int, str]:
    """Return the exit code of ``dhcpd -t`` (negative: a signal) and its first error."""
    six = "subnet6" in path.read_text(encoding="latin-1")
    command = ["dhcpd", *(["-6"] if six else []), "-t", "-cf", path.name]
    done = subprocess.run(
        command,
        cwd=path.parent,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    errors = [line for line in lines if f"{path.name} line " in line or "ERROR" in line]
    errors += [line for line in lines if line.startswith("Can't open ")]
    said = errors[0].replace(f"{path.name} ", "") if errors and done.returncode else ""
    return done.returncode, said


def right(exit_code: int, said: str, parsed: str, found: str) -> str:
    """Return who is right, and why."""
    if exit_code < 0:
        return "we are: a check must not crash" + ("" if found else "; we do not see what is wrong")
    if exit_code == 0:
        return "?"
    for part, why in LET_PASS:
        if part in said:
            return why
    return "?"


def document(rows: list[dict[str, str | bool]]) -> str:
    """Return the whole page."""
    version = subprocess.run(["dhcpd", "--version"], capture_output=True, text=True, check=False)
    words = (version.stderr or version.stdout).split()
    differ = [each for each in rows if each["differs"]]
    accepted = sum(each["dhcpd"] == "accepts" for each in rows)
    parsed = sum(each["parsed"] == "yes" for each in rows)
    lines = [
        "# Public configurations, read by us and by dhcpd",
        "",
        "Made by `python docs/conf_corpus.py FOLDER`; dhcpd is "
        f"{words[-1] if words else 'unknown'}.",
        "",
        f"{len(rows)} files: dhcpd accepts {accepted}, we parse {parsed} (every one of them is the "
        "same tree when it is written and read again), the others are errors with line and "
        "column. *We* are parser and lint together, errors only: what `dhcpd.check_config` "
        "says without asking dhcpd, which it does as well.",
        "",
        f"## Where the verdicts differ ({len(differ)})",
        "",
        "| file | dhcpd | we | who is right |",
        "|---|---|---|---|",
    ]
    for each in differ:
        lines.append(f"| {each['file']} | {_said(each)} | {_ours(each)} | {_cell(each['right'])} |")
    lines += ["", "## Where they agree", "", "| file | dhcpd | we |", "|---|---|---|"]
    for each in rows:
        if not each["differs"]:
            lines.append(f"| {each['file']} | {_said(each)} | {_ours(each)} |")
    return "\n".join(lines) + "\n"


def _said(each: dict[str, str | bool]) -> str:
    said = _cell(each["said"])
    return f"{each['dhcpd']}: {said}" if said else str(each["dhcpd"])


def _ours(each: dict[str, str | bool]) -> str:
    if each["parsed"] != "yes":
        return f"error: {_cell(each['parsed'])}"
    return f"error: {_cell(each['found'])}" if each["found"] else "accept"


def _cell(text: str | bool) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


if __name__ == "__main__":
    sys.exit(main())
