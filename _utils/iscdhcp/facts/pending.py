"""
Whether dhcpd runs with what is on disk, or a restart is pending, and why.

dhcpd reads its configuration only when it starts. So each start of ours keeps a copy of the files
as they were parsed; later the files on disk are held against it, by meaning: a touched file or
another comment is no reason to restart. The copy has neither comments nor keys: names and secrets
of keys are replaced by tokens that only the copy's own nonce makes again.

The copy is two files in a private folder, mode 0600: ``parsed.json`` (the texts) and
``parsed-files.json`` (which files, with their time stamps, and which process), so that nothing
large is read as long as no file was touched. ``compared.json`` keeps the last comparison.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

from ..conf import compare
from ..conf import normal
from ..conf.syntax import FileRead
from ..conf.syntax import Tree
from ..conf.syntax import parse_file
from ..conf.syntax import parse_texts
from ..conf.syntax import read_text
from ..conf.syntax import walk
from ..conf.write import quoted
from ..errors import ConfError
from ..files import read_json
from ..files import write_json
from ..patterns import lazy_pattern
from ..shapes import Mark
from ..shapes import Pending

TEXTS = "parsed.json"
FILES = "parsed-files.json"
COMPARED = "compared.json"
#: What somebody has marked.
MARK = "pending.json"
#: Lines of a difference that a status carries.
MAX_LINES = 60

_COMMENT = lazy_pattern(r'"[^"\\]*(?:\\.[^"\\]*)*"|#[^\n]*', re.DOTALL)


# -- the copy ------------------------------------------------------------------------------------


def keep(folder: Path, config_file: str, identity: str, begun: float, directory: str = "/") -> bool:
    """
    Keep a copy of the configuration that a process was started with.

    :param folder: private folder of this minion.
    :param config_file: the main file.
    :param identity: of the process that parsed it.
    :param begun: when its start began, epoch seconds.
    :param directory: where dhcpd looks for relative includes.

    Returns whether a copy was kept; a file that was changed since ``begun`` may not be what dhcpd
    has parsed, so then there is none, and no older one either.
    """
    forget(folder)
    try:
        tree = parse_file(config_file, directory)
        nonce = secrets.token_hex(16)
        texts = masked_texts(tree, nonce)
    except ConfError:
        return False
    if any(max(one.mtime_ns, one.ctime_ns) > begun * 1e9 for one in tree.files):
        return False
    write_json(
        folder / TEXTS,
        {"main": config_file, "directory": directory, "nonce": nonce, "texts": texts},
    )
    write_json(
        folder / FILES,
        {"identity": identity, "files": [list(astuple(one)) for one in tree.files]},
    )
    return True


def forget(folder: Path) -> None:
    """Remove the copy: dhcpd runs with something else, or not at all."""
    for name in (FILES, TEXTS, COMPARED):
        (folder / name).unlink(missing_ok=True)


def masked_texts(tree: Tree, nonce: str) -> dict[str, str]:
    """
    Return the text of each file of a configuration, by path, fit to be kept.

    Comments are gone, lines stay where they were; the name of a key and its secret are tokens made
    with ``nonce``. The texts parse as the files do.

    :raises ConfError: when a file can't be read any more, or has been changed meanwhile.
    """
    texts: dict[str, str] = {}
    for file in tree.files:
        if file.path not in texts:
            text, now, _ = read_text(file.path)
            if now != file:
                raise ConfError(f"{file.path} was changed while it was read")
            texts[file.path] = text
    for path, places in _secrets(tree, nonce).items():
        text = texts[path]
        for start, end in sorted(places, reverse=True):
            text = text[:start] + places[start, end] + text[end:]
        texts[path] = text
    return {path: _COMMENT.sub(_no_comment, text) for path, text in texts.items()}


def _no_comment(match: re.Match[str]) -> str:
    return "" if match[0].startswith("#") else match[0]


def _secrets(tree: Tree, nonce: str) -> dict[str, dict[tuple[int, int], str]]:
    """What is to be replaced: by file, the offsets of each name and secret, with its token."""
    found: dict[str, dict[tuple[int, int], str]] = {}
    for statement in walk(tree.statements):
        if statement.keyword in ("key", "omapi-key"):
            value = statement.text().lower()
            token = "key-" + _token(nonce, "name", value)
        elif statement.keyword in ("secret", "ldap-password"):
            token = quoted(_token(nonce, statement.keyword, statement.text()))
        else:
            continue
        words = statement.words[1:]
        if words:
            place = (words[0].offset, statement.source.end_of(words[-1]))
            found.setdefault(statement.file, {})[place] = token
    return found


def _token(nonce: str, kind: str, value: str) -> str:
    message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.new(nonce.encode(), message, hashlib.sha256).hexdigest()[:32]


# -- the comparison ------------------------------------------------------------------------------


def pending(
    folder: Path,
    config_file: str,
    files: Sequence[FileRead] | None,
    identity: str | None,
    started: float | None,
    directory: str = "/",
) -> Pending | None:
    """
    Return why the running dhcpd has to be restarted, or ``None`` where it does not.

    :param folder: where :func:`keep` keeps the copy.
    :param config_file: the main file on disk.
    :param files: what was read of it just now, or ``None`` where it can't be read.
    :param identity: of the running process; ``None`` where none runs, and nothing is pending.
    :param started: when it started, epoch seconds.
    :param directory: where dhcpd looks for relative includes.

    The dict has ``pending`` (True, or ``"unknown"`` where there is no copy to tell it), ``reason``
    (a sentence), ``since`` (epoch seconds: when the newest file was changed) and ``changes``
    (lines of a diff, ``-`` running, ``+`` on disk). Nothing large is read as long as no time stamp
    has changed.
    """
    if identity is None or started is None:
        return None
    kept = read_json(folder / FILES)
    ours = isinstance(kept, dict) and kept.get("identity") == identity
    if not ours:
        return by_time_stamps(files, started)
    if files is None:
        return verdict(None, None)
    now = [list(astuple(one)) for one in files]
    if now == kept.get("files"):
        return None
    compared = read_json(folder / COMPARED)
    if isinstance(compared, dict) and compared.get("of") == [identity, now]:
        before: Pending | None = compared.get("found")
        # What an earlier version has compared may lack a key: it is compared again.
        if before is None or Pending.__required_keys__ <= set(before):
            return before
    found = _compare(folder, config_file, directory, files)
    if found is None or found["pending"] is True:
        write_json(folder / COMPARED, {"of": [identity, now], "found": found})
    return found


def mark_in(folder: Path) -> Mark | None:
    """Return the mark of a restart that is to come, or ``None``."""
    found = read_json(folder / MARK)
    if not isinstance(found, dict):
        return None
    return {"reason": str(found.get("reason")), "since": float(found.get("since") or 0.0)}


def joined(mark: Mark | None, found: Pending | None) -> Pending | None:
    """
    Return a mark that somebody has set together with what is on disk; the mark's reason leads.

    What nobody marked may be a change half made.

    :param mark: ``reason`` and ``since``, or None.
    :param found: of :func:`pending`.
    """
    if not mark:
        return found
    return {
        "pending": True,
        "marked": True,
        "reason": mark["reason"],
        "since": mark["since"],
        "changes": found["changes"] if found else [],
        "configuration": found["reason"] if found else None,
    }


def _compare(
    folder: Path, config_file: str, directory: str, files: Sequence[FileRead]
) -> Pending | None:
    kept = read_json(folder / TEXTS)
    try:
        tree = parse_file(config_file, directory)
        texts = masked_texts(tree, kept["nonce"])
        if (config_file, texts) == (kept["main"], kept["texts"]):
            return None  # only touched
        old = parse_texts(kept["main"], kept["texts"], kept["directory"])
        changes = difference(old, parse_texts(config_file, texts, directory))
    except (ConfError, KeyError, TypeError):
        return verdict(None, None)
    return verdict(changes, max(_changed(one) for one in files))


def difference(old: Tree, new: Tree) -> list[str]:
    """
    Return what a restart would change, as lines of a diff; an empty list for nothing.

    :param old, new: the configurations, both from :func:`masked_texts` with one nonce.
    :raises ConfError: where one of them has no meaning.
    """
    forms = [normal.normal_form(tree, "", whole=True) for tree in (old, new)]
    found = compare.lines(compare.compare(*forms), "running", "on disk")
    if len(found) > MAX_LINES:
        found[MAX_LINES:] = [f"... and {len(found) - MAX_LINES} more lines"]
    return found


def verdict(changes: list[str] | None, since: float | None) -> Pending | None:
    """
    Return what a comparison means for a restart, as :func:`pending` returns it.

    :param changes: lines of :func:`difference`, or None where the files can't be compared.
    :param since: when the newest file was changed, epoch seconds.
    """
    if changes is None:
        return _found(
            "unknown",
            "the configuration on disk can't be compared with the running one: it can't be read "
            "(dhcpd.check_config says why)",
            since,
        )
    if not changes:
        return None
    marked = [line for line in changes if line[0] in "-+~"]
    first, *rest = (re.sub(r"\s+", " ", line[1:]).strip() for line in marked)
    if marked[0][0] == "-" and len(marked) > 1 and marked[1][0] == "+" and not _inside(marked):
        what = f"{first} is {rest.pop(0)} now"
    else:
        what = {"-": "gone", "+": "new", "~": "changed"}[marked[0][0]] + f": {first}"
    more = f", and {len(rest)} more lines of difference" if rest else ""
    return _found(
        True, f"the configuration has changed since dhcpd started: {what}{more}", since, changes
    )


def _found(
    pending: bool | str, reason: str, since: float | None, changes: Sequence[str] = ()
) -> Pending:
    return {
        "pending": pending,
        "marked": False,
        "reason": reason,
        "since": since,
        "changes": list(changes),
        "configuration": None,
    }


def other_program(path: str | None) -> Pending:
    """Return that a restart is pending because dhcpd's own program was replaced on disk."""
    what = path or "its program"
    return _found(True, f"{what} was replaced by a package upgrade since dhcpd started", None)


def _inside(marked: Sequence[str]) -> bool:
    """Whether the second line is no counterpart of the first: it is indented otherwise."""
    depths = [len(line) - len(line[1:].lstrip()) for line in marked[:2]]
    return depths[0] != depths[1]


def by_time_stamps(files: Sequence[FileRead] | None, started: float) -> Pending | None:
    """
    Return what the time stamps alone tell: nothing pending, or unknown, never more.

    :param files: the files on disk, or None where they can't be read.
    :param started: when the process started, epoch seconds.
    """
    if files is None:
        return verdict(None, None)
    newer = [one for one in files if _changed(one) > started]
    if not newer:
        return None
    names = ", ".join(dict.fromkeys(os.path.basename(one.path) for one in newer))
    return _found(
        "unknown",
        f"{names} was changed or touched after dhcpd started, and dhcpd was not started by "
        "dhcpd.start or dhcpd.restart, so what it runs with is not known",
        max(map(_changed, newer)),
    )


def _changed(file: FileRead) -> float:
    """When a file last changed: a file moved here keeps its mtime, but not its ctime."""
    return max(file.mtime_ns, file.ctime_ns) / 1e9
